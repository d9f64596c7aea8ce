//! OpenVPN's server log (`verb 3`): `[user] Peer Connection Initiated with [AF_INET]a:p`, `user/a:p MULTI_sva: pool returned
//! IPv4=…`, `TLS: Username/Password authentication … for username '…'`, `client-instance exiting`.

use hopwatch_model::{Outcome, Record};

use super::{INTERIM, START, STOP, Session, address, between, emit};
use crate::sources::Context;
use crate::sources::syslog::{Header, Reading};

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    // The first word may have been taken for a host or a tag.
    let text = header.whole;
    let known = ["Peer Connection Initiated with", "MULTI_sva: pool returned", "TLS: Username/Password authentication"];
    let ended = text.contains("client-instance exiting") || text.contains("client-instance restarting");
    if !ended && !known.iter().any(|words| text.contains(words)) {
        return noise(text, context);
    }
    let session = if let Some((before, peer)) = text.split_once("] Peer Connection Initiated with ") {
        Session {
            user: before.rsplit_once('[').map_or("", |(_, name)| name),
            client: address(peer.trim_start_matches("[AF_INET]").trim_start_matches("[AF_INET6]")),
            outcome: Outcome::Success,
            status: Some(START),
            ..Session::default()
        }
    } else if let Some((before, pool)) = text.split_once(" MULTI_sva: pool returned ") {
        let assigned = between(pool, "IPv4=", ",").and_then(address);
        Session { assigned, status: Some(INTERIM), ..named(before) }
    } else if text.contains("authentication succeeded for username '")
        || text.contains("authentication failed for username '")
    {
        let failed = text.contains("authentication failed");
        let before = text.split_once(" TLS: ").map_or("", |(before, _)| before);
        let user = between(text, "for username '", "'").unwrap_or_default();
        let outcome = if failed { Outcome::Failure(1) } else { Outcome::Success };
        Session { user, outcome, ..named(before) }
    } else if ended {
        let before = text.split_once(" SIG").or_else(|| text.split_once("] ")).map_or(text, |(before, _)| before);
        Session { status: Some(STOP), ..named(before) }
    } else {
        return noise(text, context);
    };
    // A log of its own has the peer where syslog has the host.
    let server = header.host.filter(|host| !host.contains(['/', '[']) && address(host).is_none());
    emit(&Session { server: server.or(Some("openvpn")), ..session }, header, place, context)
}

/// `user/address:port` at the end of what stands before a message; the address alone before the user is known.
fn named(before: &str) -> Session<'_> {
    let word = before.rsplit_once(": ").map_or(before, |(_, word)| word);
    let word = match word.rsplit_once('/') {
        // A user's name may hold blanks; what stands before it is the time.
        Some(_) => word,
        None => word.rsplit(' ').next().unwrap_or(word),
    };
    let (user, peer) = word.rsplit_once('/').unwrap_or(("", word));
    let user = user.rsplit_once("us=").map_or(user, |(_, rest)| rest.split_once(' ').map_or("", |(_, user)| user));
    let user = match user.get(..20) {
        // `2026-01-05 08:52:35 ann`.
        Some(stamp) if stamp.starts_with("20") && stamp.ends_with(' ') => user.get(20..).unwrap_or(user),
        _ => user,
    };
    Session { user, client: address(peer), outcome: Outcome::Success, ..Session::default() }
}

fn noise(text: &str, context: &mut Context<'_>) -> Reading {
    let openvpn = ["ovpn-", "openvpn", "peer info: IV_", "VERIFY OK: depth=", "Control Channel: TLS", "MULTI: "];
    if openvpn.iter().any(|mark| text.contains(mark)) {
        context.counters.ignore("VPN message without use");
        return Reading::Read;
    }
    Reading::Foreign
}
