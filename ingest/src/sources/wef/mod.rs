//! Windows event forwarding, source-initiated (`[MS-WSMV] 3.1.4.1.30`, DSP0226 §10): what a collector tells the hosts that ask
//! it, and what it makes of the events that they send. The transport belongs to the server.
//!
//! *Blind spots*: a host may say of itself what it likes. It may not speak for others, unless it is named as a relay.

mod answer;
mod peer;
mod query;

use std::sync::Arc;
use std::time::Duration;

use hopwatch_model::Record;
use hopwatch_model::identity::short_name;
use hopwatch_wire::event_xml::parse_event;
use hopwatch_wire::wsman::{self, sldc};

use super::{Context, windows};

pub use answer::{Answers, acknowledgement, subscriptions};
pub use hopwatch_wire::wsman::{Action, Bookmark, Envelope};
pub use peer::{names, thumbprint};
pub use query::DEFAULT as DEFAULT_QUERY;

/// The largest body after unpacking, in bytes: sources keep to [`MAX_ENVELOPE`] characters of two bytes, and an event alone
/// may be larger.
pub const MAX_TEXT: usize = 16 << 20;
/// The envelopes that sources are asked to keep to, in bytes; Windows' own collector asks for the same.
pub const MAX_ENVELOPE: u32 = 512_000;

/// In which form a source sends its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// The event alone. A message of a fraction of the size.
    #[default]
    Raw,
    /// The event with its text in the source's language, which is passed over here.
    RenderedText,
}

/// What sources are asked to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name, which sources write into their own log.
    pub name: String,
    /// Which events: a `QueryList` (`[MS-WSMV] 2.2.4.24`).
    pub query: String,
    /// In which form.
    pub content: Content,
    /// How often a source that has nothing to send says so.
    pub heartbeat: Duration,
    /// How long a source may wait for more events before it sends what it has.
    pub latency: Duration,
    /// Whether a source that was never heard before sends what its logs hold already.
    pub existing: bool,
}

impl Subscription {
    /// Its id, part of the address to which sources send: the same after every start, as it is made of the name.
    #[must_use]
    pub fn id(&self) -> String {
        uuid(&blake3::derive_key("hopwatch 2026 wef subscription id", self.name.as_bytes()))
    }

    /// Its version: another one where anything of it was changed, so that sources take it up again.
    #[must_use]
    pub fn version(&self) -> String {
        let all = format!("{self:?}");
        uuid(&blake3::derive_key("hopwatch 2026 wef subscription version", all.as_bytes()))
    }
}

/// A UUID of bytes that are as good as random (RFC 9562 §5.4), as Windows spells it.
#[must_use]
pub fn uuid(bytes: &[u8; 32]) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *bytes;
    let (g, i) = (g & 0x0f | 0x40, i & 0x3f | 0x80);
    let first = u32::from_be_bytes([a, b, c, d]);
    let last = u64::from_be_bytes([0, 0, k, l, m, n, o, p]);
    let (second, third, fourth) = (u16::from_be_bytes([e, f]), u16::from_be_bytes([g, h]), u16::from_be_bytes([i, j]));
    format!("{first:08X}-{second:04X}-{third:04X}-{fourth:04X}-{last:012X}")
}

/// The text of a body with its `Content-Encoding` and its charset.
///
/// # Errors
/// Where it is no SLDC record or no text, or unpacks to more than [`MAX_TEXT`].
pub fn text(body: &[u8], encoding: &str, charset: &str) -> hopwatch_wire::error::Result<String> {
    // Windows names SLDC also where it sent an `End` as it is, which begins with a byte order mark. No record does: it would
    // begin with its own end.
    let packed = encoding.eq_ignore_ascii_case("sldc") && !body.starts_with(&[0xff, 0xfe]);
    if packed {
        let unpacked = sldc::decode(body, MAX_TEXT)?;
        return Ok(wsman::text(&unpacked, charset)?.into_owned());
    }
    Ok(wsman::text(body, charset)?.into_owned())
}

/// For whom a source may speak.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speaker {
    /// The names of its certificate.
    pub names: Vec<String>,
    /// Whether it forwards the events of other hosts.
    pub relay: bool,
}

impl Speaker {
    /// Whether it may send an event of a host.
    #[must_use]
    pub fn speaks_for(&self, computer: &str) -> bool {
        let same = |name: &String| {
            if name.contains('.') && computer.contains('.') {
                name.eq_ignore_ascii_case(computer)
            } else {
                short_name(name) == short_name(computer)
            }
        };
        self.relay || self.names.iter().any(same)
    }
}

/// Makes events of an envelope's events.
pub fn collect(envelope: &Envelope<'_>, speaker: &Speaker, context: &mut Context<'_>) {
    for (item, xml) in (1..).zip(&envelope.events) {
        context.counters.read += 1;
        let record = match parse_event(xml, windows::wanted) {
            Ok(record) => record,
            Err(_) => {
                context.counters.drop("event XML is malformed");
                continue;
            }
        };
        if !speaker.speaks_for(&record.computer) {
            context.counters.drop("event of another host than the certificate names");
            continue;
        }
        let place = record.record_id.map_or(Record::Item(item), Record::Record);
        let verdict = windows::normalize(&record, place, &Arc::clone(&context.name));
        context.windows(verdict);
    }
    if envelope.dropped > 0 {
        *context.counters.dropped.entry("dropped by the source").or_default() += envelope.dropped;
    }
}

#[cfg(test)]
mod tests;
