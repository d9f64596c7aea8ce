//! Entra ID sign-in logs: Microsoft Graph (`auditLogs/signIns`, camelCase), Azure Monitor's diagnostic stream (`category`
//! `SignInLogs`, `properties`) and the Log Analytics table (`SigninLogs`, PascalCase, nested parts as JSON or Python text).

use hopwatch_model::Outcome;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::{Place, SignInKind};
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, coordinates, some, user};

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    if let Some(category) = json.text("category").filter(|_| json.get("operationName").is_some()) {
        let body = json.get("properties").unwrap_or(json);
        return match category {
            "SignInLogs" | "NonInteractiveUserSignInLogs" | "SignInLogsV2" => Some(camel(body, json)),
            "ServicePrincipalSignInLogs" | "ManagedIdentitySignInLogs" | "ADFSSignInLogs" => {
                Some(Reading::Ignored("sign-in of no user"))
            }
            "AuditLogs" | "UserRiskEvents" | "RiskyUsers" | "ProvisioningLogs" | "MicrosoftGraphActivityLogs" => {
                Some(Reading::Ignored("entra record that is no sign-in"))
            }
            _ => None,
        };
    }
    if json.get("userPrincipalName").is_some()
        && json.get("createdDateTime").is_some()
        && json.get("ipAddress").is_some()
    {
        return Some(camel(json, json));
    }
    if json.get("UserPrincipalName").is_some() && (json.get("IPAddress").is_some() || json.get("ResultType").is_some())
    {
        return Some(table(json));
    }
    if json.get("activityDateTime").is_some() && json.get("initiatedBy").is_some() {
        return Some(Reading::Ignored("entra record that is no sign-in"));
    }
    None
}

/// `properties` of the diagnostic stream, or a `signIn` resource itself.
fn camel(body: &Json<'_>, envelope: &Json<'_>) -> Reading {
    let code = body.integer("status.errorCode").or_else(|| envelope.integer("resultType"));
    let (latitude, longitude) =
        coordinates(body.float("location.geoCoordinates.latitude"), body.float("location.geoCoordinates.longitude"));
    let stamp = body.text("createdDateTime").or_else(|| envelope.text("time"));
    let name = body.text("userPrincipalName").or_else(|| body.text("userDisplayName")).or_else(|| body.text("userId"));
    let address_text = body.text("ipAddress").or_else(|| envelope.text("callerIpAddress"));
    Reading::SignIn(Box::new(Draft {
        time: stamp.and_then(time::parse),
        user: user(name),
        address: address_text.and_then(address),
        outcome: outcome(code),
        sign_in: SignIn {
            kind: kind(body.text("clientAppUsed")),
            application: body
                .text("appDisplayName")
                .or_else(|| body.text("resourceDisplayName"))
                .unwrap_or_default()
                .to_owned(),
            place: Place {
                country: some(body.text("location.countryOrRegion")),
                city: some(body.text("location.city")),
                latitude,
                longitude,
                accuracy_km: None,
            },
            asn: body.integer("autonomousSystemNumber").and_then(|asn| u32::try_from(asn).ok()).filter(|asn| *asn != 0),
            device: some(body.text("deviceDetail.deviceId")).or_else(|| some(body.text("deviceDetail.displayName"))),
            user_agent: some(body.text("userAgent")),
            multi_factor: multi_factor(body.text("authenticationRequirement"), code),
            session: some(body.text("sessionId")).or_else(|| some(body.text("correlationId"))),
            ..SignIn::default()
        },
    }))
}

/// A row of the `SigninLogs` table.
fn table(json: &Json<'_>) -> Reading {
    let code = json.integer("ResultType");
    let detail = |column: &str, key: &str| nested(json.get(column)?, key);
    let number = |column: &str, key: &str| detail(column, key).and_then(|text| text.parse().ok());
    let (latitude, longitude) = coordinates(
        number("LocationDetails", "latitude").or_else(|| json.float("Latitude")),
        number("LocationDetails", "longitude").or_else(|| json.float("Longitude")),
    );
    let stamp = json
        .text("CreatedDateTime")
        .or_else(|| json.text("TimeGenerated"))
        .or_else(|| json.text("TimeGenerated [UTC]"));
    Reading::SignIn(Box::new(Draft {
        time: stamp.and_then(time::parse),
        user: user(json.text("UserPrincipalName").or_else(|| json.text("Identity"))),
        address: json.text("IPAddress").and_then(address),
        outcome: outcome(code),
        sign_in: SignIn {
            kind: kind(json.text("ClientAppUsed")),
            application: json
                .text("AppDisplayName")
                .or_else(|| json.text("ResourceDisplayName"))
                .unwrap_or_default()
                .to_owned(),
            place: Place {
                country: detail("LocationDetails", "countryOrRegion").or_else(|| some(json.text("Location"))),
                city: detail("LocationDetails", "city"),
                latitude,
                longitude,
                accuracy_km: None,
            },
            asn: json.integer("AutonomousSystemNumber").and_then(|asn| u32::try_from(asn).ok()).filter(|asn| *asn != 0),
            device: detail("DeviceDetail", "deviceId").or_else(|| detail("DeviceDetail", "displayName")),
            user_agent: some(json.text("UserAgent")),
            multi_factor: multi_factor(json.text("AuthenticationRequirement"), code),
            session: some(json.text("CorrelationId")),
            ..SignIn::default()
        },
    }))
}

/// The value of a key somewhere in a part that is an object, JSON text, or Python's text of a dictionary.
fn nested(part: &Json<'_>, key: &str) -> Option<String> {
    match part {
        Json::Object(entries) => entries.iter().find_map(|(name, value)| {
            if name == key { value.as_scalar().map(|text| text.into_owned()) } else { nested(value, key) }
        }),
        Json::Text(text) => {
            // Both spellings quote the key alike but for the quote's kind.
            let text = text.replace('\'', "\"");
            let at = text.find(&format!("\"{key}\""))?;
            let value = text.get(at..)?.split_once(':')?.1.trim_start();
            match value.strip_prefix('"') {
                Some(quoted) => quoted.split('"').next().map(str::to_owned),
                None => value.split([',', '}']).next().map(|value| value.trim().to_owned()),
            }
        }
        _ => None,
    }
    .filter(|text| !text.is_empty() && text != "None" && text != "null")
}

fn kind(client: Option<&str>) -> SignInKind {
    match client {
        Some(client)
            if ["IMAP", "POP", "SMTP", "Exchange ActiveSync", "MAPI", "Outlook"].iter().any(|m| client.contains(m)) =>
        {
            SignInKind::Mail
        }
        _ => SignInKind::Cloud,
    }
}

fn outcome(code: Option<i64>) -> Outcome {
    match code {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Failure(u32::try_from(code).unwrap_or(1)),
        None => Outcome::Unseen,
    }
}

/// Whether a second factor was satisfied: it is known where the sign-in succeeded.
fn multi_factor(requirement: Option<&str>, code: Option<i64>) -> Option<bool> {
    (code == Some(0)).then_some(())?;
    Some(requirement? == "multiFactorAuthentication")
}
