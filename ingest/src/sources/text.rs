//! Text logs, line by line: each line is told by what it holds, so that a syslog file may mix sources. JSON and event XML may
//! stand behind a syslog header.

use std::io::BufRead;

use hopwatch_model::Record;

use super::{Context, json, radius, xml};
use crate::error::{Error, Result};

/// The longest line, in bytes; the rest of a longer one is passed over.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Whether bytes look like text at all.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let start = head.get(..4096).unwrap_or(head);
    !start.contains(&0)
        && start.contains(&b'\n')
        && std::str::from_utf8(start).map_or_else(|e| e.error_len().is_none(), |_| true)
}

/// Reads every line.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(mut input: R, context: &mut Context<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    let mut offset = 0_u64;
    while let Some(taken) = bounded_line(&mut input, &mut line).map_err(|source| Error::Read { offset, source })? {
        offset += taken;
        number += 1;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        context.counters.read += 1;
        if line.len() >= MAX_LINE_BYTES {
            context.counters.drop("line over 1 MiB");
        } else if !self::line(text, Record::Line(number), context) {
            context.counters.ignore("line of no known shape");
        }
    }
    Ok(())
}

/// Reads one line without its end, at most [`MAX_LINE_BYTES`] of it; gives the bytes taken, `None` at the end.
pub(super) fn bounded_line<R: BufRead>(input: &mut R, line: &mut Vec<u8>) -> std::io::Result<Option<u64>> {
    line.clear();
    let mut taken = 0_u64;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok((taken > 0).then_some(taken));
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        let room = MAX_LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        taken += u64::try_from(used).unwrap_or(0);
        if end.is_some() {
            return Ok(Some(taken));
        }
    }
}

/// Reads one line; false where nothing knows it.
pub(super) fn line(text: &str, place: Record, context: &mut Context<'_>) -> bool {
    if let Some(at) = text.find("<Event").filter(|_| text.contains("</Event>")) {
        xml::record(text.as_bytes().get(at..).unwrap_or_default(), place, context);
        return true;
    }
    if let Some(at) = text.find('{').filter(|_| text.ends_with('}')) {
        let bytes = text.as_bytes().get(at..).unwrap_or_default();
        if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
            json::record(bytes, place, context);
            return true;
        }
    }
    // A row of an NPS log, as a shipper sends it line by line.
    radius::nps::csv_line(text.as_bytes(), place, context)
}
