//! Alerts of Microsoft Defender as Microsoft Graph gives them (`security/alerts_v2`): which product says what about whom. The
//! neighbour's judgement is kept as an anomaly beside our own, never as one of ours.

use std::sync::Arc;

use hopwatch_model::event::Anomaly;
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Certainty, Event, Host, Outcome, Provenance, Resolution};
use hopwatch_wire::event_xml::time;

use super::{Json, Origin};
use crate::secrets::content_digest;
use crate::sources::Context;

/// The longest text that is kept, in characters.
const MAX_TEXT: usize = 1024;

/// Reads the record where it is an alert; false where it is something else.
pub(super) fn read(json: &Json<'_>, origin: Origin<'_>, context: &mut Context<'_>) -> bool {
    let (Some(service), Some(title)) = (json.text("serviceSource"), json.text("title")) else { return false };
    if json.get("detectionSource").is_none() && json.get("providerAlertId").is_none() {
        return false;
    }
    let stamp =
        ["firstActivityDateTime", "createdDateTime", "lastUpdateDateTime"].iter().find_map(|key| json.text(key));
    let Some(time) = stamp.and_then(time::parse) else {
        context.counters.drop("alert without time");
        return true;
    };
    let evidence = json.items("evidence");
    let of =
        |kind: &str| evidence.iter().find(|item| item.text("@odata.type").is_some_and(|name| name.ends_with(kind)));
    let device = of("deviceEvidence").and_then(|item| item.text("deviceDnsName"));
    let description = json.text("description").unwrap_or_default();
    let reason: String = format!("{title}: {description}").chars().take(MAX_TEXT).collect();
    let id = json.text("id").or_else(|| json.text("providerAlertId")).unwrap_or_default();
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::SignIn,
            source: Arc::clone(&context.name),
            record: origin.place,
            // An alert is told anew with every change of its state.
            digest: content_digest(format!("defender {id} {title}").as_bytes()),
            event_id: None,
            reporter: None,
        },
        actor: of("userEvidence").and_then(account),
        source: of("ipEvidence").and_then(|item| item.text("ipAddress")?.parse().ok()).map(Host::at),
        target: device.map(|name| Host {
            name: Some(name.to_owned()),
            resolution: Resolution { certainty: Certainty::Medium, method: ResolutionMethod::Reported },
            ..Host::default()
        }),
        outcome: Outcome::Unseen,
        activity: Activity::Anomaly(Box::new(Anomaly { protocol: service.to_owned(), reason })),
    };
    context.emit(event);
    true
}

fn account(evidence: &Json<'_>) -> Option<Account> {
    let name = evidence.text("userAccount.accountName").or_else(|| evidence.text("userAccount.userPrincipalName"))?;
    let mut account = Account::named(name).in_domain(evidence.text("userAccount.domainName").unwrap_or_default());
    account.sid = evidence.text("userAccount.userSid").and_then(|sid| sid.parse().ok());
    Some(account)
}
