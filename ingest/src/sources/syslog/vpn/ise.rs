//! Cisco ISE (Cisco, *ISE Syslogs*): `CISE_… id parts part time zone sequence code severity class: text, name=value, …`.
//! 5200 and 52xx passed, 54xx failed, 3000–3002 RADIUS accounting. The attributes are RADIUS's own.
//!
//! A message that is too long comes in parts; the first has time, user and addresses, the others are counted as ignored.

use hopwatch_model::Record;
use hopwatch_wire::event_xml::time;

use crate::sources::Context;
use crate::sources::radius::{Packet, emit};
use crate::sources::syslog::{Header, Reading};

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let whole = header.whole;
    let body = match whole.find("CISE_") {
        Some(at) => whole.get(at..).and_then(|rest| rest.split_once(' ')).map(|(_, rest)| rest).unwrap_or_default(),
        None => header.body,
    };
    let words: Vec<&str> = body.splitn(9, ' ').collect();
    let [id, parts, part, date, clock, zone, _sequence, code, rest] = words.as_slice() else {
        return later_part(whole, context);
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(id) && id.len() == 10 && digits(parts) && digits(part) && digits(code)) {
        return later_part(whole, context);
    }
    let kind = match code.parse().unwrap_or(0_u32) {
        5200..=5239 => "Access-Accept",
        5400..=5449 => "Access-Reject",
        3000..=3002 => "Accounting-Request",
        _ => {
            context.counters.ignore("ISE message without use");
            return Reading::Read;
        }
    };
    let mut packet = Packet { time: time::parse(&format!("{date}T{clock}{zone}")), ..Packet::default() };
    packet.push("Packet-Type", kind);
    for (name, value) in attributes(rest) {
        match name {
            "UserName" if value.contains("USERNAME") => {}
            "UserName" => packet.push("SAM-Account-Name", &value),
            "Device IP Address" => packet.push("Client-IP-Address", &value),
            "NetworkDeviceName" => packet.push("Client-Friendly-Name", &value),
            // A reason has words here, and RADIUS's reason a number.
            "FailureReason" => packet.push("Reason-Code", value.split(' ').next().unwrap_or_default()),
            name => packet.push(name, &value),
        }
    }
    emit(&packet, place, whole.as_bytes(), context);
    Reading::Read
}

/// Whether it is a later part of a long message: those have no time.
fn later_part(whole: &str, context: &mut Context<'_>) -> Reading {
    if !whole.contains("CISE_") {
        return Reading::Foreign;
    }
    context.counters.ignore("ISE message without its first part");
    Reading::Read
}

/// `name=value` parted by `, `, where a backslash before the comma makes it part of the value.
fn attributes(text: &str) -> Vec<(&str, String)> {
    let mut list = Vec::new();
    let (mut start, mut escaped) = (0, false);
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        let ends = at == bytes.len() || (bytes.get(at) == Some(&b',') && !escaped);
        escaped = bytes.get(at) == Some(&b'\\') && !escaped;
        if ends {
            let item = text.get(start..at).unwrap_or_default().trim();
            list.extend(item.split_once('=').map(|(name, value)| (name.trim(), value.trim().replace("\\,", ","))));
            start = at + 1;
        }
    }
    list
}
