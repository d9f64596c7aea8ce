//! Text logs, line by line: each line is told by what it holds, so that a syslog file may mix sources. JSON and event XML may
//! stand behind a syslog header. Forms of several lines (Splunk's, RSA's) are put together first.

use std::io::BufRead;

use hopwatch_model::Record;

use super::{Context, json, radius, syslog, xml};
use crate::error::{Error, Result};

/// The longest line, in bytes; the rest of a longer one is passed over.
const MAX_LINE_BYTES: usize = 1 << 20;

/// The longest message of several lines, in bytes.
const MAX_BLOCK_BYTES: usize = 64 << 10;

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
    let mut block = Block::default();
    let mut number = 0;
    let mut offset = 0_u64;
    while let Some(taken) = bounded_line(&mut input, &mut line).map_err(|source| Error::Read { offset, source })? {
        offset += taken;
        number += 1;
        let text = String::from_utf8_lossy(&line);
        if line.len() >= MAX_LINE_BYTES {
            block.finish(context);
            context.counters.read += 1;
            context.counters.drop("line over 1 MiB");
        } else if !block.take(&text, number, context) {
            whole(text.trim(), Record::Line(number), context);
        }
    }
    block.finish(context);
    Ok(())
}

/// Reads one message that is whole.
fn whole(text: &str, place: Record, context: &mut Context<'_>) {
    if text.is_empty() {
        return;
    }
    context.counters.read += 1;
    if !line(text, place, context) {
        context.counters.ignore("line of no known shape");
    }
}

/// The lines of a message that has several.
#[derive(Default)]
struct Block {
    text: String,
    line: u64,
}

impl Block {
    /// Takes a line where it begins a block or belongs to the open one.
    fn take(&mut self, text: &str, number: u64, context: &mut Context<'_>) -> bool {
        let begins = syslog::begins_block(text);
        let ends = syslog::begins_message(text) && !(begins && self.dated());
        if self.text.is_empty() || ends || self.text.len() + text.len() > MAX_BLOCK_BYTES {
            self.finish(context);
            if !begins {
                return false;
            }
            self.line = number;
        }
        self.text.push_str(text.trim_end_matches('\r'));
        self.text.push('\n');
        true
    }

    /// Whether the block is a record that names its log first and its code below: the code begins no new one.
    fn dated(&self) -> bool {
        self.text.contains("LogName=") && !self.text.contains("EventCode=")
    }

    fn finish(&mut self, context: &mut Context<'_>) {
        let text = std::mem::take(&mut self.text);
        whole(text.trim(), Record::Line(self.line), context);
    }
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

/// Reads one line or message; false where nothing knows it.
pub(crate) fn line(text: &str, place: Record, context: &mut Context<'_>) -> bool {
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
    radius::nps::csv_line(text.as_bytes(), place, context) || syslog::message(text, place, context)
}
