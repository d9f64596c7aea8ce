//! Event XML in files: what `wevtutil` and the event viewer export (`<Events><Event>…`), one event a line, and NPS logs in
//! the DTS-compliant form, which are `Event` elements too. Each element is read alone, so that a file of any size streams.

use std::io::BufRead;

use hopwatch_model::Record;
use hopwatch_wire::event_xml::parse_event;

use super::windows::{self, Verdict};
use super::{Context, radius};
use crate::error::{Error, Result};

/// The largest element, in bytes.
const MAX_EVENT_BYTES: usize = 8 << 20;

/// Whether a text starts with event XML.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start().starts_with('<')
        && text.match_indices("<Event").any(|(at, _)| {
            let rest = &text[at + "<Event".len()..];
            rest.starts_with(['>', ' ', 's', '\r', '\n', '\t'])
        })
}

/// Reads every `Event` element.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(mut input: R, context: &mut Context<'_>) -> Result<()> {
    let mut element = Vec::new();
    let mut offset = 0_u64;
    let mut item = 0;
    let mut oversized = false;
    loop {
        // Every element ends with `>`, and no text of these sources may hold a bare one more than a line's worth.
        let count = read_tag(&mut input, &mut element).map_err(|source| Error::Read { offset, source })?;
        if count == 0 {
            break;
        }
        offset += u64::try_from(count).unwrap_or(0);
        if element.len() > MAX_EVENT_BYTES {
            element.clear();
            oversized = true;
        }
        if element.ends_with(b"</Event>") {
            context.counters.read += 1;
            item += 1;
            if std::mem::take(&mut oversized) {
                context.counters.drop("event XML over 8 MiB");
            } else {
                record(&element, Record::Item(item), context);
            }
            element.clear();
        }
    }
    if find(&element, b"<Event").is_some_and(|at| !element.get(at..).unwrap_or_default().starts_with(b"<Events")) {
        context.counters.read += 1;
        context.counters.drop("event XML is cut off");
    }
    Ok(())
}

/// Appends up to and with the next `>`, at most a mebibyte at once.
fn read_tag<R: BufRead>(input: &mut R, into: &mut Vec<u8>) -> std::io::Result<usize> {
    use std::io::Read;
    input.by_ref().take(1 << 20).read_until(b'>', into)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Reads one element, with whatever precedes it.
pub(super) fn record(bytes: &[u8], place: Record, context: &mut Context<'_>) {
    let text = String::from_utf8_lossy(bytes);
    let start = text.match_indices("<Event").map(|(at, _)| at).find(|at| !text[*at..].starts_with("<Events"));
    let Some(start) = start else { return context.counters.drop("event XML is malformed") };
    let text = &text[start..];
    if radius::nps::is_dts(text) {
        return radius::nps::dts(text, place, context);
    }
    let verdict = match parse_event(text, windows::wanted) {
        Ok(record) => windows::normalize(&record, place, &context.name),
        Err(_) => Verdict::Dropped("event XML is malformed"),
    };
    context.windows(verdict);
}
