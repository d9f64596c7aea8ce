//! Sign-ins from outside: cloud identity providers and tables of one's own. Each provider's record becomes one
//! `SignIn` event, the material of travel and novelty judgements. Directory audits, risk detections and the like of the
//! same providers are passed over.

pub mod csv;
mod duo;
mod entra;
mod keycloak;
mod m365;
mod okta;
mod own;

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::event::SignIn;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, Timestamp};

use super::Context;
use super::json::{Json, Origin};
use crate::secrets::content_digest;

/// What a provider's reader makes of a record.
enum Reading {
    /// A sign-in.
    SignIn(Box<Draft>),
    /// Another record of the provider.
    Ignored(&'static str),
    /// A sign-in that lacks what makes one.
    Dropped(&'static str),
}

/// A sign-in in the making.
#[derive(Default)]
struct Draft {
    time: Option<Timestamp>,
    user: Option<Account>,
    address: Option<IpAddr>,
    outcome: Outcome,
    sign_in: SignIn,
}

/// Asks each provider in turn; `None` where the record is not its own.
type Reader = fn(&Json<'_>) -> Option<Reading>;

const READERS: &[Reader] = &[entra::read, okta::read, m365::read, duo::read, keycloak::read, own::read];

/// Reads the record where it is a provider's; false where it is something else.
pub(super) fn json(json: &Json<'_>, origin: Origin<'_>, context: &mut Context<'_>) -> bool {
    let Some(reading) = READERS.iter().find_map(|read| read(json)) else { return false };
    take(reading, origin.place, origin.bytes, context);
    true
}

fn take(reading: Reading, place: Record, content: &[u8], context: &mut Context<'_>) {
    match reading {
        Reading::SignIn(draft) => emit(*draft, place, content, context),
        Reading::Ignored(reason) => context.counters.ignore(reason),
        Reading::Dropped(reason) => context.counters.drop(reason),
    }
}

fn emit(draft: Draft, place: Record, content: &[u8], context: &mut Context<'_>) {
    let Some(time) = draft.time else { return context.counters.drop("sign-in without time") };
    if draft.user.is_none() && draft.address.is_none() {
        return context.counters.drop("sign-in without user and address");
    }
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::SignIn,
            source: Arc::clone(&context.name),
            record: place,
            digest: content_digest(content),
            event_id: None,
            reporter: None,
        },
        actor: draft.user,
        source: draft.address.map(Host::at),
        target: None,
        outcome: draft.outcome,
        activity: Activity::SignIn(Box::new(draft.sign_in)),
    };
    context.emit(event);
}

/// An address, with or without port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// A user, where the text names one.
fn user(text: Option<&str>) -> Option<Account> {
    text.filter(|text| !matches!(*text, "" | "-" | "null" | "None" | "unknown")).map(Account::named)
}

/// A coordinate pair; providers write 0, 0 where they know none.
fn coordinates(latitude: Option<f64>, longitude: Option<f64>) -> (Option<f64>, Option<f64>) {
    match (latitude, longitude) {
        (Some(latitude), Some(longitude))
            if (latitude != 0.0 || longitude != 0.0) && latitude.abs() <= 90.0 && longitude.abs() <= 180.0 =>
        {
            (Some(latitude), Some(longitude))
        }
        _ => (None, None),
    }
}

/// A text that is no placeholder.
fn some(text: Option<&str>) -> Option<String> {
    text.filter(|text| !matches!(*text, "" | "-" | "null" | "None" | "unknown")).map(str::to_owned)
}
