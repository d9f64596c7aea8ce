//! Syslog: the header (RFC 3164, RFC 5424 and what devices make of them), then the message by what it holds: Windows events in
//! the forms of SIEMs (RSA, ArcSight CEF, Splunk, QRadar, LEEF, Snare), VPN servers and access control.
//!
//! The same reader serves files line by line and the listeners message by message. JSON and event XML behind a header are
//! read by [`super::text`].

mod cef;
pub mod framing;
mod header;
pub mod keyvalue;
mod message;
mod siem;
mod vpn;

use hopwatch_model::Record;
use hopwatch_wire::event_xml::EventRecord;

use super::{Context, windows};
pub use header::{Header, parse};

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It was known and is counted.
    Read,
    /// Nothing here knows it.
    Foreign,
}

/// Asks each form in turn.
type Reader = fn(&Header<'_>, Record, &mut Context<'_>) -> Reading;

const READERS: &[Reader] = &[cef::read, siem::read, vpn::read];

/// Reads one message, whole: forms of several lines are one message. False where nothing knows it.
pub(super) fn message(text: &str, place: Record, context: &mut Context<'_>) -> bool {
    let peer = context.peer.clone();
    let header = parse(text, context.now);
    let header = Header { host: header.host.or(peer.as_deref()), ..header };
    READERS.iter().any(|read| read(&header, place, context) == Reading::Read)
}

/// Whether a line begins a message that goes on in the lines below it: Splunk's and RSA's forms in a file.
pub(super) fn begins_block(line: &str) -> bool {
    let body = line.trim_end();
    body.ends_with("RsaSA") || siem::begins_splunk(body)
}

/// Whether a line begins a message of its own, so that an open block ends before it.
pub(super) fn begins_message(line: &str) -> bool {
    let priority = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    priority.is_some_and(|(number, _)| number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()))
        || begins_block(line)
}

/// Hands a Windows record on.
fn windows_event(record: &EventRecord<'_>, place: Record, context: &mut Context<'_>) {
    let verdict = windows::normalize(record, place, &context.name);
    context.windows(verdict);
}

#[cfg(test)]
mod tests;
