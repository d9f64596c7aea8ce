//! VPN servers and access control by syslog: Cisco ASA and FTD (AnyConnect), Cisco ISE, FortiGate, Pulse (Ivanti) Connect
//! Secure, SonicWall SMA, OpenVPN, FreeRADIUS. Each session's begin, end and refusal becomes a sign-in, as RADIUS accounting
//! gives it.
//!
//! Messages that name a user and no public address say nothing of where from, and are counted as ignored.

mod asa;
pub(super) mod fortinet;
mod ise;
mod openvpn;
mod pulse;
mod radiusd;

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::{Place, SignInKind};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Certainty, Event, Host, Outcome, Provenance, Record, Resolution, Timestamp};

use super::{Header, Reading};
use crate::secrets::content_digest;
use crate::sources::Context;

/// `Acct-Status-Type` (RFC 2866 §5.1).
const START: u32 = 1;
const STOP: u32 = 2;
const INTERIM: u32 = 3;

const READERS: &[fn(&Header<'_>, Record, &mut Context<'_>) -> Reading] =
    &[asa::read, ise::read, fortinet::read, pulse::read, openvpn::read, radiusd::read];

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    READERS
        .iter()
        .map(|read| read(header, place, context))
        .find(|reading| *reading == Reading::Read)
        .unwrap_or(Reading::Foreign)
}

/// What a message says of a session.
#[derive(Clone, Debug, Default, PartialEq)]
struct Session<'a> {
    /// The server's own time, where the message has one beside the header's.
    time: Option<Timestamp>,
    user: &'a str,
    /// The public address.
    client: Option<IpAddr>,
    /// The inside address.
    assigned: Option<IpAddr>,
    outcome: Outcome,
    status: Option<u32>,
    id: Option<&'a str>,
    device: Option<&'a str>,
    country: Option<&'a str>,
    /// The server, where the message names it; else the header's host.
    server: Option<&'a str>,
}

fn emit(session: &Session<'_>, header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let Some(time) = session.time.or(header.time) else {
        context.counters.drop("VPN message without time");
        return Reading::Read;
    };
    if matches!(session.user, "" | "N/A" | "unknown" | "System" | "*****") {
        context.counters.ignore("VPN message without user");
        return Reading::Read;
    }
    if session.client.is_none() && session.assigned.is_none() {
        context.counters.ignore("VPN message without address");
        return Reading::Read;
    }
    let server = session.server.or(header.host).filter(|name| !name.is_empty());
    let sign_in = SignIn {
        kind: SignInKind::Vpn,
        application: server.unwrap_or_default().to_owned(),
        place: Place { country: session.country.map(str::to_owned), ..Place::default() },
        device: session.device.map(str::to_owned),
        assigned: session.assigned,
        accounting_status: session.status,
        session: session.id.map(str::to_owned),
        ..SignIn::default()
    };
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::Radius,
            source: Arc::clone(&context.name),
            record: place,
            digest: content_digest(header.whole.as_bytes()),
            event_id: None,
            reporter: server.map(Arc::from),
        },
        actor: Some(Account::named(session.user)),
        source: session.client.map(Host::at),
        target: server.map(host),
        outcome: session.outcome,
        activity: Activity::SignIn(Box::new(sign_in)),
    };
    context.emit(event);
    Reading::Read
}

/// A server by its address or name.
fn host(text: &str) -> Host {
    match address(text) {
        Some(address) => Host::at(address),
        None => Host {
            name: Some(text.to_owned()),
            resolution: Resolution { certainty: Certainty::Medium, method: ResolutionMethod::Reported },
            ..Host::default()
        },
    }
}

/// An address; with a port or brackets too.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches(['<', '>', ',', '\'', '"']);
    let plain = text.trim_matches(['[', ']']);
    let parsed =
        plain.parse::<IpAddr>().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()));
    parsed.map(|address| address.to_canonical()).filter(|address| !address.is_unspecified())
}

/// What stands between two marks.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after).map_or(rest, |(value, _)| value).trim())
}
