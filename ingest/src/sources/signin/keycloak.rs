//! Keycloak's event log: `LOGIN` and `LOGIN_ERROR`, as a JSON event or as the `type="LOGIN", …` line of its logger inside JSON.

use hopwatch_model::Outcome;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::SignInKind;
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, some, user};

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    if json.text("log.logger") == Some("org.keycloak.events") || json.text("loggerName") == Some("org.keycloak.events")
    {
        let message = json.text("message")?;
        let field = |name: &str| quoted(message, name);
        let stamp = json.text("@timestamp").or_else(|| json.text("timestamp"));
        return Some(reading(&field, stamp));
    }
    json.get("realmId")?;
    json.get("clientId")?;
    let field = |name: &str| {
        json.scalar(name).or_else(|| json.scalar(&format!("details.{name}"))).map(|text| text.into_owned())
    };
    let stamp = json.scalar("time").or_else(|| json.scalar("@timestamp"));
    Some(reading(&field, stamp.as_deref()))
}

fn reading(field: &dyn Fn(&str) -> Option<String>, stamp: Option<&str>) -> Reading {
    let outcome = match field("type").as_deref() {
        Some("LOGIN") => Outcome::Success,
        Some("LOGIN_ERROR") => Outcome::Failure(1),
        _ => return Reading::Ignored("keycloak record that is no sign-in"),
    };
    let name = field("username").or_else(|| field("userId"));
    Reading::SignIn(Box::new(Draft {
        time: stamp.and_then(time::parse),
        user: user(name.as_deref()),
        address: field("ipAddress").and_then(|text| address(&text)),
        outcome,
        sign_in: SignIn {
            kind: SignInKind::Cloud,
            application: field("clientId").unwrap_or_default(),
            session: some(field("sessionId").as_deref()),
            ..SignIn::default()
        },
    }))
}

/// The value of `name="value"` in a logger's line.
fn quoted(line: &str, name: &str) -> Option<String> {
    let start = line.match_indices(name).find_map(|(at, _)| {
        let before = line.get(..at)?.chars().next_back();
        let boundary = before.is_none_or(|c| matches!(c, ' ' | ','));
        let rest = line.get(at + name.len()..)?.strip_prefix('=')?;
        boundary.then_some(rest)
    })?;
    match start.strip_prefix('"') {
        Some(rest) => rest.split('"').next().map(str::to_owned),
        None => start.split([',', ' ']).next().map(str::to_owned),
    }
}
