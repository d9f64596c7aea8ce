//! FortiGate's VPN events (Fortinet, *FortiOS Log Message Reference*), as `key=value` and as CEF: `tunnel-up`, `tunnel-down`,
//! `tunnel-stats`, `ssl-login-fail`, and `ssl-new-con`, which names no user yet.

use hopwatch_model::{Outcome, Record, Timestamp};
use hopwatch_wire::event_xml::time;

use super::{INTERIM, START, STOP, Session, address, emit};
use crate::sources::Context;
use crate::sources::syslog::keyvalue::Pairs;
use crate::sources::syslog::{Header, Reading};

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let fortinet = header.body.contains("subtype=") && header.body.contains("logid=");
    if !fortinet {
        return Reading::Foreign;
    }
    let pairs = Pairs::quoted(header.body);
    made(&|key| pairs.get(key), header, place, context)
}

/// The prefixes that versions put before their own keys in CEF.
const PREFIXES: &[&str] = &["", "FTNTFGT", "FortinetFortiGate", "ad."];
/// Keys that CEF has a name of its own for.
const RENAMED: &[(&str, &str)] = &[("user", "duser"), ("action", "act"), ("remip", "src"), ("devname", "dvchost")];

/// The same as CEF.
pub(in crate::sources::syslog) fn cef(
    pairs: &Pairs<'_>,
    header: &Header<'_>,
    place: Record,
    context: &mut Context<'_>,
) -> Reading {
    let get = |key: &str| {
        let prefixed = PREFIXES.iter().find_map(|prefix| pairs.get(&format!("{prefix}{key}")));
        prefixed.or_else(|| RENAMED.iter().find(|(own, _)| *own == key).and_then(|(_, cef)| pairs.get(cef)))
    };
    made(&get, header, place, context)
}

fn made<'p>(
    get: &dyn Fn(&str) -> Option<&'p str>,
    header: &Header<'_>,
    place: Record,
    context: &mut Context<'_>,
) -> Reading {
    let (outcome, status) = match get("action") {
        Some("tunnel-up") => (Outcome::Success, Some(START)),
        Some("tunnel-down") => (Outcome::Success, Some(STOP)),
        Some("tunnel-stats") => (Outcome::Success, Some(INTERIM)),
        Some("ssl-login-fail") => (Outcome::Failure(1), None),
        _ => {
            context.counters.ignore("FortiGate message without use");
            return Reading::Read;
        }
    };
    if get("subtype").is_some_and(|subtype| subtype != "vpn") {
        context.counters.ignore("FortiGate message without use");
        return Reading::Read;
    }
    let first = |keys: &[&str]| keys.iter().find_map(|key| get(key));
    let session = Session {
        time: event_time(get),
        user: first(&["user", "xauthuser"]).unwrap_or_default(),
        client: get("remip").and_then(address),
        assigned: first(&["tunnelip", "assignip"]).and_then(address),
        outcome,
        status,
        id: get("tunnelid").filter(|id| *id != "0"),
        country: None,
        device: get("dst_host"),
        server: get("devname"),
    };
    emit(&session, header, place, context)
}

/// `eventtime` in seconds or nanoseconds since 1970, else `date` and `time` with `tz`.
fn event_time<'p>(get: &dyn Fn(&str) -> Option<&'p str>) -> Option<Timestamp> {
    let local = || {
        let (date, clock) = (get("date")?, get("time")?);
        time::parse(&format!("{date}T{clock}{}", get("tz").unwrap_or_default()))
    };
    get("eventtime").and_then(time::epoch).or_else(local)
}
