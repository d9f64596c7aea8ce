//! Pulse (Ivanti) Connect Secure and SonicWall SMA, which write WELF: `id=firewall time="…" fw=… user=… src=… msg="…"`. What
//! happened is told by the message's words, which are the same through the versions; its numbers are not.

use hopwatch_model::{Outcome, Record};
use hopwatch_wire::event_xml::time;

use super::{INTERIM, START, STOP, Session, address, between, emit};
use crate::sources::Context;
use crate::sources::syslog::keyvalue::Pairs;
use crate::sources::syslog::{Header, Reading};

/// Words, outcome, status.
const MESSAGES: &[(&str, Outcome, Option<u32>)] = &[
    ("Session started for user with IP", Outcome::Success, Some(INTERIM)),
    ("Session ended for user with IP", Outcome::Success, Some(STOP)),
    ("login succeeded", Outcome::Success, Some(START)),
    ("Login succeeded", Outcome::Success, Some(START)),
    ("User login successful", Outcome::Success, Some(START)),
    ("login failed", Outcome::Failure(1), None),
    ("Login failed", Outcome::Failure(1), None),
    ("authentication failed for", Outcome::Failure(1), None),
    ("Logout from", Outcome::Success, Some(STOP)),
    ("User logged out", Outcome::Success, Some(STOP)),
];

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let Some(at) = ["id=firewall ", "id=sslvpn "].iter().find_map(|mark| header.whole.find(mark)) else {
        return Reading::Foreign;
    };
    let pairs = Pairs::quoted(header.whole.get(at..).unwrap_or_default());
    let text = pairs.get("msg").unwrap_or_default();
    let Some((_, outcome, status)) = MESSAGES.iter().find(|(words, _, _)| text.contains(words)) else {
        context.counters.ignore("VPN message without use");
        return Reading::Read;
    };
    let assigned = ["IPv4 address ", "IP "].iter().find_map(|mark| between(text, mark, ","));
    let session = Session {
        time: pairs.first(&["vp_time", "time"]).and_then(time::parse),
        user: pairs.first(&["user", "usr"]).unwrap_or_default(),
        client: pairs.get("src").and_then(address),
        assigned: assigned.and_then(address).filter(|_| *status != Some(START)),
        outcome: *outcome,
        status: *status,
        device: between(text, "hostname ", ","),
        server: pairs.first(&["vpn", "fw"]),
        ..Session::default()
    };
    emit(&session, header, place, context)
}
