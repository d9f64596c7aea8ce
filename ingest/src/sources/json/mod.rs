//! JSON in the shapes of many shippers: each record is told by its own keys, so that a file may mix them. Records of no
//! known shape are counted as ignored.

pub mod frame;
pub mod value;
mod windows;

use std::io::BufRead;

use hopwatch_model::Record;

use super::Context;
use crate::error::{Error, Result};
use frame::{Frame, Frames};
pub use value::Json;

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
                context.counters.drop(reason);
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
        Ok(json) => value(&json, place, context, 0),
        Err(_) => context.counters.drop("JSON record is malformed"),
    }
}

/// How often a record may be wrapped as text inside another.
const MAX_WRAPS: usize = 3;

/// Reads one value, unwrapping the envelopes of shippers.
pub(super) fn value(json: &Json<'_>, place: Record, context: &mut Context<'_>, wraps: usize) {
    let json =
        json.get("_source").or_else(|| json.get("result")).filter(|j| matches!(j, Json::Object(_))).unwrap_or(json);
    if windows::read(json, place, context) {
        return;
    }
    for path in ["_raw", "message", "input.message", "event.original", "log", "AuditData", "@message"] {
        if wraps < MAX_WRAPS
            && let Some(text) = json.text(path)
            && text.starts_with('{')
            && let Ok(inner) = Json::parse(text)
        {
            return value(&inner, place, context, wraps + 1);
        }
    }
    context.counters.ignore("JSON record of no known shape");
}
