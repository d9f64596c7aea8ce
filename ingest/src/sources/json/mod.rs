//! JSON in the shapes of many shippers: each record is told by its own keys, so that a file may mix them. Records of no
//! known shape are counted as ignored.

pub mod frame;
mod samba;
pub mod value;
mod windows;

use std::io::BufRead;

use hopwatch_model::Record;

use super::{Context, signin, zeek};
use crate::error::{Error, Result};
use frame::{Frame, Frames};
pub use value::Json;

/// Whether a text starts with JSON: an object or array at its start, or objects behind prefixes that are no CSV (a debug
/// header, an indented line).
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    match start.first() {
        Some(b'{') => true,
        Some(b'[') => {
            let inside = start.get(1..).unwrap_or_default().trim_ascii_start();
            matches!(inside.first(), Some(b'{' | b']')) || samba::recognises(head)
        }
        _ => samba::recognises(head),
    }
}

/// Reads a text of JSON records to its end.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(input: R, context: &mut Context<'_>) -> Result<()> {
    let mut frames = Frames::new(input);
    let mut offset = 0;
    loop {
        match frames.next_frame().map_err(|source| Error::Read { offset, source })? {
            None => return Ok(()),
            Some(Frame::Bad(reason)) => {
                context.counters.read += 1;
                match reason {
                    frame::NO_JSON => context.counters.ignore(reason),
                    lost => context.counters.drop(lost),
                }
            }
            Some(Frame::Record { bytes, line, item }) => {
                context.counters.read += 1;
                offset += u64::try_from(bytes.len()).unwrap_or(0);
                let place = if item > 0 { Record::Item(item) } else { Record::Line(line) };
                record(bytes, place, context);
            }
        }
    }
}

/// Reads one record.
pub fn record(bytes: &[u8], place: Record, context: &mut Context<'_>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return context.counters.drop("JSON record is not UTF-8") };
    match Json::parse(text) {
        Ok(json) => value(&json, Origin { place, bytes }, context, 0),
        Err(_) => context.counters.drop("JSON record is malformed"),
    }
}

/// Where a record stands and what it is made of, for provenance.
#[derive(Clone, Copy)]
pub(super) struct Origin<'o> {
    /// Its place in the source.
    pub(super) place: Record,
    /// Its text.
    pub(super) bytes: &'o [u8],
}

/// How often a record may be wrapped as text inside another.
const MAX_WRAPS: usize = 3;

/// Reads one value, unwrapping the envelopes of shippers.
fn value(json: &Json<'_>, origin: Origin<'_>, context: &mut Context<'_>, wraps: usize) {
    let inner = json.get("_source").or_else(|| json.get("result")).filter(|inner| matches!(inner, Json::Object(_)));
    let json = inner.unwrap_or(json);
    if samba::read(json, origin, context)
        || windows::read(json, origin.place, context)
        || zeek::json(json, origin, context)
        || signin::json(json, origin, context)
    {
        return;
    }
    if wraps < MAX_WRAPS {
        for path in ["_raw", "message", "input.message", "event.original", "log", "@message"] {
            let Some(text) = json.text(path) else { continue };
            if text.starts_with('{') {
                if let Ok(inner) = Json::parse(text) {
                    return value(&inner, origin, context, wraps + 1);
                }
            } else if super::text::line(text, origin.place, context) {
                return;
            }
        }
    }
    context.counters.ignore("JSON record of no known shape");
}
