//! FreeRADIUS `detail` files (rlm_detail): a date, then one `\tName = value` a line, then an empty line.
//! `Timestamp` is the server's clock in Unix seconds; the heading date has no zone and serves only where that is missing.

use std::io::BufRead;

use hopwatch_model::{Record, Timestamp};
use hopwatch_wire::event_xml::time;

use super::{Packet, emit};
use crate::error::{Error, Result};
use crate::sources::Context;
use crate::sources::text::bounded_line;

/// Whether a text starts with a detail entry: an indented `Name = value` within the first lines, behind a date.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head.get(..4096).unwrap_or(head));
    let mut lines = text.lines().skip_while(|line| line.trim().is_empty());
    let dated = lines.next().is_some_and(|line| heading(line).is_some());
    dated && lines.next().is_some_and(|line| line.starts_with(['\t', ' ']) && line.contains(" = "))
}

/// Reads every entry.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(mut input: R, context: &mut Context<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut entry = Entry::default();
    let (mut number, mut offset) = (0, 0_u64);
    while let Some(taken) = bounded_line(&mut input, &mut line).map_err(|source| Error::Read { offset, source })? {
        offset += taken;
        number += 1;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            entry.finish(context);
        } else if text.starts_with(['\t', ' ']) {
            entry.attribute(&text);
        } else {
            entry.finish(context);
            entry = Entry { heading: heading(&text), line: number, open: true, ..Entry::default() };
        }
        entry.content.extend_from_slice(&line);
        entry.content.truncate(64 * 1024);
    }
    entry.finish(context);
    Ok(())
}

#[derive(Default)]
struct Entry {
    packet: Packet,
    heading: Option<Timestamp>,
    stamp: Option<Timestamp>,
    content: Vec<u8>,
    line: u64,
    open: bool,
}

impl Entry {
    fn attribute(&mut self, line: &str) {
        let Some((name, value)) = line.trim().split_once(" = ") else { return };
        let value = value.trim().trim_matches('"');
        match name.trim() {
            "Timestamp" => self.stamp = time::epoch(value),
            "Event-Timestamp" if self.stamp.is_none() => self.stamp = time::epoch(value),
            name => self.packet.push(name, &value.replace("\\\\", "\\")),
        }
    }

    fn finish(&mut self, context: &mut Context<'_>) {
        let mut entry = std::mem::take(self);
        if !entry.open {
            return;
        }
        context.counters.read += 1;
        if entry.packet.attributes.is_empty() {
            return context.counters.drop("RADIUS entry without attributes");
        }
        entry.packet.time = entry.stamp.or(entry.heading);
        emit(&entry.packet, Record::Line(entry.line), &entry.content, context);
    }
}

/// `Tue May 19 15:21:44 2026`.
fn heading(line: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, month, day, clock, year] = parts.as_slice() else { return None };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| name == month)? + 1;
    time::parse(&format!("{year}-{month:02}-{day:0>2}T{clock}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_a_date() {
        assert_eq!(heading("Tue May  9 15:21:44 2026").unwrap().to_string(), "2026-05-09T15:21:44.000000Z");
        assert_eq!(heading("Tue May"), None);
    }
}
