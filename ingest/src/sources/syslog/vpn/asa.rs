//! Cisco ASA and FTD (Cisco, *ASA Series Syslog Messages*): `%ASA-6-113039: Group <g> User <u> IP <a> …`.
//!
//! | message | meaning |
//! |---|---|
//! | 113039, 716001, 734001 | an AnyConnect, WebVPN or policy session began |
//! | 722051 | an inside address was assigned |
//! | 113019, 716002 | the session ended |
//! | 113005, 113015, 716039 | authentication was refused |

use hopwatch_model::{Outcome, Record};

use super::{INTERIM, START, STOP, Session, address, between, emit};
use crate::sources::Context;
use crate::sources::syslog::{Header, Reading};

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let body = header.body;
    let Some(at) = ["%ASA-", "%FTD-", "%PIX-"].iter().find_map(|mark| body.find(mark)) else { return Reading::Foreign };
    let message = body.get(at + 5..).unwrap_or_default();
    // level - number : text
    let Some((number, text)) = message.split_once('-').and_then(|(_, rest)| rest.split_once(": ")) else {
        return Reading::Foreign;
    };
    let (outcome, status) = match number.rsplit('-').next().unwrap_or(number) {
        "113039" | "716001" | "734001" => (Outcome::Success, Some(START)),
        "722051" => (Outcome::Success, Some(INTERIM)),
        "113019" | "716002" => (Outcome::Success, Some(STOP)),
        "113005" | "113015" | "716039" => (Outcome::Failure(1), None),
        _ => {
            context.counters.ignore("ASA message without use");
            return Reading::Read;
        }
    };
    let user = angled(text, "User")
        .or_else(|| between(text, "Username = ", ","))
        .or_else(|| between(text, "user = ", " :"))
        .or_else(|| between(text, "User ", ","));
    let client = angled(text, "IP")
        .or_else(|| between(text, "IP = ", ","))
        .or_else(|| between(text, "user IP = ", " "))
        .or_else(|| between(text, "Addr ", ","));
    let assigned = angled(text, "IPv4 Address").or_else(|| angled(text, "Address"));
    let session = Session {
        user: user.unwrap_or_default(),
        client: client.and_then(address),
        assigned: assigned.and_then(address).or_else(|| angled(text, "IPv6 address").and_then(address)),
        outcome,
        status,
        ..Session::default()
    };
    emit(&session, header, place, context)
}

/// The value of `Name <value>`.
fn angled<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(name) {
        let whole = before.is_empty() || before.ends_with(' ');
        if whole && let Some(value) = after.strip_prefix(" <").and_then(|inside| inside.split_once('>')) {
            return Some(value.0);
        }
        rest = after;
    }
    None
}
