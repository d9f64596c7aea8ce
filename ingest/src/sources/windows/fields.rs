//! Reading the values of event fields: `-` and empty are no value, numbers are decimal or hexadecimal, addresses come as
//! `::ffff:10.0.0.1`, `::1`, `LOCAL`.

use std::net::IpAddr;

use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Certainty, Guid, Host, Outcome, Resolution, Sid};
use hopwatch_wire::event_xml::{Audit, EventRecord};

/// `STATUS_UNSUCCESSFUL`: stands for a failed audit whose record bears no code.
const STATUS_UNSUCCESSFUL: u32 = 0xC000_0001;

/// The longest value that goes into an event, in bytes; the rest is cut. Security descriptors of busy containers are
/// the longest honest ones, at some 30 kB.
pub(super) const MAX_VALUE_BYTES: usize = 64 * 1024;

/// A field's text; `None` where it is absent, empty or `-`.
pub(super) fn text<'r>(record: &'r EventRecord<'_>, name: &str) -> Option<&'r str> {
    record.field(name).map(str::trim).filter(|value| !matches!(*value, "" | "-" | "(null)" | "NULL"))
}

/// A field's text, owned and bounded; empty where absent.
pub(super) fn string(record: &EventRecord<'_>, name: &str) -> String {
    text(record, name).map(bounded).unwrap_or_default()
}

/// A text cut to [`MAX_VALUE_BYTES`] at a character.
pub(super) fn bounded(value: &str) -> String {
    let mut end = value.len().min(MAX_VALUE_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

/// A number in decimal or, with `0x`, in hexadecimal.
pub(super) fn number(record: &EventRecord<'_>, name: &str) -> Option<u64> {
    parse_number(text(record, name)?)
}

/// As [`number`], where it fits 32 bits; negative decimals (carriers that print signed) wrap as Windows means them.
pub(super) fn number32(record: &EventRecord<'_>, name: &str) -> Option<u32> {
    let value = text(record, name)?;
    match parse_number(value) {
        Some(number) => u32::try_from(number).ok(),
        None => value.parse::<i32>().ok().map(i32::cast_unsigned),
    }
}

fn parse_number(value: &str) -> Option<u64> {
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

/// A SID; the null SID is none.
pub(super) fn sid(record: &EventRecord<'_>, name: &str) -> Option<Sid> {
    let sid: Sid = text(record, name)?.trim_start_matches("%{").trim_end_matches('}').parse().ok()?;
    (sid.authority() != 0).then_some(sid)
}

/// A GUID, with or without braces and `%`; the nil GUID is none.
pub(super) fn guid(record: &EventRecord<'_>, name: &str) -> Option<Guid> {
    text(record, name)?.trim_start_matches('%').parse().ok().filter(|guid: &Guid| !guid.nil())
}

/// The account of a set of fields: `TargetUserName`, `TargetDomainName`, `TargetUserSid` …; `None` where all are absent.
pub(super) fn account(record: &EventRecord<'_>, name: &str, domain: &str, sid_name: &str) -> Option<Account> {
    let sid = sid(record, sid_name);
    let mut account = text(record, name).map(Account::named).unwrap_or_default();
    if let Some(domain) = text(record, domain) {
        account = account.in_domain(domain);
    }
    account.sid = sid;
    (!account.name.is_empty() || account.sid.is_some()).then_some(account)
}

/// `SubjectUserName`, `SubjectDomainName`, `SubjectUserSid`.
pub(super) fn subject(record: &EventRecord<'_>) -> Option<Account> {
    account(record, "SubjectUserName", "SubjectDomainName", "SubjectUserSid")
}

/// The host that logged the record.
pub(super) fn computer(record: &EventRecord<'_>) -> Option<Host> {
    let name = record.computer.trim();
    (!name.is_empty()).then(|| Host::reported(name))
}

/// The client of a record: address, port and the name that it gave itself. A loopback address or `LOCAL` is the reporting
/// host itself; there the address is left out, since it says nothing to others.
pub(super) fn client(record: &EventRecord<'_>, address: &str, port: &str, name: Option<&str>) -> Option<Host> {
    let name = name.and_then(|name| text(record, name)).map(|name| name.trim_start_matches('\\'));
    let name = name.filter(|name| !name.is_empty());
    let Some(written) = text(record, address) else { return name.map(named) };
    if written.eq_ignore_ascii_case("LOCAL") || written.eq_ignore_ascii_case("localhost") {
        return computer(record);
    }
    let Some(ip) = parse_address(written) else { return name.map(named) };
    if ip.is_loopback() || ip.is_unspecified() {
        return computer(record);
    }
    let port = number(record, port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    let mut host = name.map(named).unwrap_or_default();
    host.address = Some(ip);
    host.port = port;
    Some(host)
}

/// A host that names itself: a client may leave the name out or lie, so the certainty is medium.
pub(super) fn named(name: &str) -> Host {
    Host {
        name: Some(name.to_owned()),
        resolution: Resolution { certainty: Certainty::Medium, method: ResolutionMethod::Reported },
        ..Host::default()
    }
}

/// An address in the forms of event fields; IPv4-mapped IPv6 is unwrapped, zone ids and brackets are cut.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The outcome by the audit keywords: what is logged without a code succeeded unless marked a failure.
pub(super) fn audited(record: &EventRecord<'_>) -> Outcome {
    match record.audit {
        Some(Audit::Failure) => Outcome::Failure(number32(record, "Status").unwrap_or(STATUS_UNSUCCESSFUL)),
        Some(Audit::Success) | None => Outcome::Success,
    }
}

/// The outcome by a status field: zero is success; absent, the keywords decide.
pub(super) fn status(record: &EventRecord<'_>, name: &str) -> Outcome {
    match number32(record, name) {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Failure(code),
        None => audited(record),
    }
}
