//! Microsoft 365's unified audit log: `UserLoggedIn` and `UserLoginFailed` of Azure Active Directory (`RecordType` 15) and
//! `MailboxLogin` of Exchange; from the management API, or as `AuditData` text of an export.

use hopwatch_model::Outcome;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::SignInKind;
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, some, user};

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    if let Some(text) = json.text("AuditData").or_else(|| json.text("auditData")) {
        let inner = Json::parse(text).ok()?;
        return read(&inner);
    }
    let operation = json.text("Operation")?;
    json.get("CreationTime")?;
    json.get("Workload").or_else(|| json.get("RecordType"))?;
    let kind = match operation {
        "UserLoggedIn" | "UserLoginFailed" => SignInKind::Cloud,
        "MailboxLogin" => SignInKind::Mail,
        _ => return Some(Reading::Ignored("microsoft 365 record that is no sign-in")),
    };
    let code = json.integer("ErrorNumber");
    let outcome = match (operation, code) {
        ("UserLoginFailed", code) => Outcome::Failure(code.and_then(|code| u32::try_from(code).ok()).unwrap_or(1)),
        (_, Some(0) | None) => Outcome::Success,
        (_, Some(code)) => Outcome::Failure(u32::try_from(code).unwrap_or(1)),
    };
    let named = |list: &str, name: &str| {
        json.items(list)
            .iter()
            .find(|item| item.text("Name") == Some(name))
            .and_then(|item| item.text("Value"))
            .map(str::to_owned)
    };
    let client = json.text("ActorIpAddress").or_else(|| json.text("ClientIP")).or_else(|| json.text("ClientIPAddress"));
    Some(Reading::SignIn(Box::new(Draft {
        time: json.text("CreationTime").and_then(time::parse),
        user: user(json.text("UserId").filter(|name| *name != "Not Available")),
        address: client.and_then(address),
        outcome,
        sign_in: SignIn {
            kind,
            application: json
                .text("ApplicationDisplayName")
                .or_else(|| json.text("Workload"))
                .unwrap_or_default()
                .to_owned(),
            device: named("DeviceProperties", "Id").or_else(|| named("DeviceProperties", "DisplayName")),
            user_agent: named("ExtendedProperties", "UserAgent").or_else(|| some(json.text("ClientInfoString"))),
            session: named("DeviceProperties", "SessionId"),
            ..SignIn::default()
        },
    })))
}
