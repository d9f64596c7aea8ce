//! Okta's system log (`GET /api/v1/logs`): `user.session.start`, `user.authentication.*` and policy sign-ons.

use hopwatch_model::Outcome;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::{Place, SignInKind};
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, coordinates, some, user};

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    let kind = json.text("eventType")?;
    json.get("published")?;
    json.get("actor")?;
    if !(kind.starts_with("user.session.start")
        || kind.starts_with("user.authentication.")
        || kind == "user.account.lock")
    {
        return Some(Reading::Ignored("okta record that is no sign-in"));
    }
    let outcome = match json.text("outcome.result") {
        Some("SUCCESS" | "ALLOW") => Outcome::Success,
        Some("FAILURE" | "DENY") => Outcome::Failure(1),
        // A challenge or a rate limit decides nothing yet.
        _ => Outcome::Unseen,
    };
    let geo = "client.geographicalContext";
    let (latitude, longitude) =
        coordinates(json.float(&format!("{geo}.geolocation.lat")), json.float(&format!("{geo}.geolocation.lon")));
    let application = json.items("target").iter().find(|target| target.text("type") == Some("AppInstance"));
    let application = application.and_then(|target| target.text("displayName")).unwrap_or("Okta");
    Some(Reading::SignIn(Box::new(Draft {
        time: json.text("published").and_then(time::parse),
        user: user(json.text("actor.alternateId").or_else(|| json.text("actor.displayName"))),
        address: json.text("client.ipAddress").and_then(address),
        outcome,
        sign_in: SignIn {
            kind: SignInKind::Cloud,
            application: application.to_owned(),
            place: Place {
                country: some(json.text(&format!("{geo}.country"))),
                city: some(json.text(&format!("{geo}.city"))),
                latitude,
                longitude,
                accuracy_km: None,
            },
            asn: json.integer("securityContext.asNumber").and_then(|asn| u32::try_from(asn).ok()),
            device: some(json.text("device.id")).or_else(|| some(json.text("client.id"))),
            user_agent: some(json.text("client.userAgent.rawUserAgent")),
            multi_factor: (kind == "user.authentication.auth_via_mfa").then_some(outcome.succeeded()),
            session: some(json.text("authenticationContext.externalSessionId")),
            ..SignIn::default()
        },
    })))
}
