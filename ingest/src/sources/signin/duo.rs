//! Duo's authentication log (Admin API `/admin/v2/logs/authentication`): the second factor of a VPN or application. Admin,
//! telephony and offline logs are no sign-ins.

use hopwatch_model::Outcome;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::{Place, SignInKind};
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, some, user};

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    if let Some(kind) = json.text("eventtype").filter(|_| json.get("isotimestamp").is_some())
        && !matches!(kind, "authentication" | "auth_log")
    {
        return Some(Reading::Ignored("duo record that is no sign-in"));
    }
    json.get("txid")?;
    json.get("access_device")?;
    let (outcome, multi_factor) = match json.text("result") {
        Some("success" | "SUCCESS") => (Outcome::Success, Some(true)),
        Some("denied" | "failure" | "fraud" | "FAILURE" | "FRAUD" | "error") => (Outcome::Failure(1), Some(false)),
        _ => (Outcome::Unseen, None),
    };
    let application = json.text("application.name").unwrap_or_default();
    let vpn = ["vpn", "radius", "anyconnect", "globalprotect", "fortigate"];
    let lower = application.to_lowercase();
    let stamp = json.text("isotimestamp").and_then(time::parse);
    Some(Reading::SignIn(Box::new(Draft {
        time: stamp.or_else(|| json.scalar("timestamp").and_then(|text| time::epoch(&text))),
        user: user(json.text("user.name").or_else(|| json.text("email"))),
        address: json.text("access_device.ip").and_then(address),
        outcome,
        sign_in: SignIn {
            kind: if vpn.iter().any(|word| lower.contains(word)) { SignInKind::Vpn } else { SignInKind::Cloud },
            application: application.to_owned(),
            place: Place {
                country: some(json.text("access_device.location.country")),
                city: some(json.text("access_device.location.city")),
                ..Place::default()
            },
            device: some(json.text("access_device.hostname")).or_else(|| some(json.text("access_device.epkey"))),
            user_agent: some(json.text("access_device.browser")),
            multi_factor,
            session: some(json.text("txid")),
            ..SignIn::default()
        },
    })))
}
