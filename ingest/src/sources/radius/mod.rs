//! RADIUS in text: FreeRADIUS `detail` files, NPS (IAS) logs. Attribute names are those of RFC 2865, 2866 and 2868 without
//! case and punctuation; passwords are passed over before anything is made of them.

pub mod accounting;
pub mod detail;
pub mod nps;

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::SignInKind;
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Certainty, Event, Host, Outcome, Provenance, Record, Resolution, Timestamp};

use super::Context;
use crate::secrets::content_digest;

/// The most attributes that a packet may have in a log.
const MAX_ATTRIBUTES: usize = 256;

/// The attributes of one logged packet.
#[derive(Debug, Default)]
pub(crate) struct Packet {
    pub(crate) time: Option<Timestamp>,
    pub(super) attributes: Vec<(String, String)>,
}

/// What kind of packet was logged (RFC 2865 §3, RFC 2866 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Request,
    Accept,
    Reject,
    Accounting,
    Other,
}

impl Packet {
    /// Keeps an attribute; secrets never.
    pub(super) fn push(&mut self, name: &str, value: &str) {
        // A tunnel attribute bears its tag behind a colon (RFC 2868 §3.1).
        let key = key(name.split(':').next().unwrap_or(name));
        let secret = [
            "userpassword",
            "chappassword",
            "chapchallenge",
            "tunnelpassword",
            "mschapresponse",
            "mschap2response",
            "eapmessage",
            "cleartextpassword",
            "stripppassword",
        ]
        .contains(&key.as_str());
        if !secret && self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((key, value.trim().to_owned()));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let key = key(name);
        self.attributes
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn address(&self, name: &str) -> Option<IpAddr> {
        let text = self.get(name)?;
        // Tunnel endpoints bear a tag (`0:192.0.2.1`) in some dictionaries.
        let text = text
            .split_once(':')
            .filter(|(tag, rest)| tag.len() == 1 && rest.contains('.'))
            .map_or(text, |(_, rest)| rest);
        text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }

    /// `Acct-Status-Type` (RFC 2866 §5.1), by name or number.
    fn accounting_status(&self) -> Option<u32> {
        match self.get("Acct-Status-Type")? {
            "Start" => Some(1),
            "Stop" => Some(2),
            "Interim-Update" | "Alive" => Some(3),
            "Accounting-On" => Some(7),
            "Accounting-Off" => Some(8),
            number => number.parse().ok(),
        }
    }

    /// The user, by the name that was asked for.
    pub(crate) fn user(&self) -> Option<&str> {
        ["User-Name", "SAM-Account-Name", "Fully-Qualifed-User-Name", "Stripped-User-Name"]
            .iter()
            .find_map(|name| self.get(name))
    }

    /// Joins the answer to a request: its kind and its attributes win.
    pub(crate) fn answered(&mut self, mut answer: Self) {
        answer.attributes.append(&mut self.attributes);
        self.attributes = answer.attributes;
    }

    fn code(&self) -> Code {
        match self.get("Packet-Type") {
            Some("1" | "Access-Request") => Code::Request,
            Some("2" | "Access-Accept") => Code::Accept,
            Some("3" | "Access-Reject") => Code::Reject,
            Some("4" | "Accounting-Request") => Code::Accounting,
            Some(_) => Code::Other,
            None if self.get("Acct-Status-Type").is_some() => Code::Accounting,
            None => Code::Request,
        }
    }
}

/// A name without case and punctuation.
fn key(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a packet says, apart from where it was found.
pub(crate) struct Made {
    /// The user.
    pub(crate) actor: Account,
    /// The outside address.
    pub(crate) source: Option<Host>,
    /// The access server.
    pub(crate) target: Option<Host>,
    /// Whether the user was let in.
    pub(crate) outcome: Outcome,
    /// The sign-in.
    pub(crate) activity: Activity,
}

/// A packet that is about no user's session.
const NO_SESSION: &str = "RADIUS packet of no session";

/// Reads a packet.
///
/// # Errors
/// Why there is no event.
pub(crate) fn made(packet: &Packet) -> Result<Made, &'static str> {
    let code = packet.code();
    let status = packet.accounting_status().filter(|_| code == Code::Accounting);
    if code == Code::Other || matches!(status, Some(7 | 8)) {
        return Err(NO_SESSION);
    }
    let name = packet.user().ok_or("RADIUS packet without User-Name")?;
    let outcome = match code {
        Code::Accept | Code::Accounting => Outcome::Success,
        Code::Reject => Outcome::Failure(
            packet.get("Reason-Code").and_then(|code| code.parse().ok()).filter(|code| *code != 0).unwrap_or(1),
        ),
        Code::Request | Code::Other => Outcome::Unseen,
    };
    let calling = packet.get("Calling-Station-Id");
    let client = packet.address("Tunnel-Client-Endpoint").or_else(|| packet.address("Tunnel-Client-Endpt"));
    let client = client.or_else(|| packet.address("Calling-Station-Id"));
    let sign_in = SignIn {
        kind: SignInKind::Vpn,
        application: application(packet),
        // A station that is no address is hardware: a MAC or a telephone.
        device: calling.filter(|station| station.parse::<IpAddr>().is_err()).map(str::to_owned),
        assigned: packet.address("Framed-IP-Address").or_else(|| packet.address("Framed-IPv6-Address")),
        accounting_status: status,
        session: packet.get("Acct-Session-Id").map(str::to_owned),
        ..SignIn::default()
    };
    Ok(Made {
        actor: Account::named(name),
        source: client.map(Host::at),
        target: access_server(packet),
        outcome,
        activity: Activity::SignIn(Box::new(sign_in)),
    })
}

/// Makes the event of a packet.
pub(super) fn emit(packet: &Packet, place: Record, content: &[u8], context: &mut Context<'_>) {
    let Some(time) = packet.time else { return context.counters.drop("RADIUS packet without time") };
    let made = match made(packet) {
        Ok(made) => made,
        Err(NO_SESSION) => return context.counters.ignore(NO_SESSION),
        Err(reason) => return context.counters.drop(reason),
    };
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::Radius,
            source: Arc::clone(&context.name),
            record: place,
            digest: content_digest(content),
            event_id: None,
            reporter: packet.get("Computer-Name").map(Arc::from),
        },
        actor: Some(made.actor),
        source: made.source,
        target: made.target,
        outcome: made.outcome,
        activity: made.activity,
    };
    context.emit(event);
}

fn application(packet: &Packet) -> String {
    ["NAS-Identifier", "Client-Friendly-Name", "NAS-IP-Address", "Client-IP-Address"]
        .iter()
        .find_map(|name| packet.get(name))
        .unwrap_or_default()
        .to_owned()
}

/// The access server: it is what the user reaches.
fn access_server(packet: &Packet) -> Option<Host> {
    let address = packet.address("NAS-IP-Address").or_else(|| packet.address("Client-IP-Address"));
    let name = packet.get("NAS-Identifier").or_else(|| packet.get("Client-Friendly-Name"));
    if address.is_none() && name.is_none() {
        return None;
    }
    let mut host = address.map(Host::at).unwrap_or_default();
    if let Some(name) = name {
        host.name = Some(name.to_owned());
        host.resolution = Resolution { certainty: Certainty::Medium, method: ResolutionMethod::Reported };
    }
    Some(host)
}
