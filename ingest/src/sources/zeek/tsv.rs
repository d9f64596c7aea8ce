//! The tab-separated form: lines of cells under the newest `#fields` header. Files may hold several headers, one behind the
//! other, as concatenated rotations do.

use std::collections::HashMap;
use std::io::BufRead;

use hopwatch_model::Record;

use super::{Row, line};
use crate::error::{Error, Result};
use crate::sources::Context;
use crate::sources::text::bounded_line;

/// The most columns of a log; `conn` of rich set-ups has about 60.
const MAX_COLUMNS: usize = 512;

/// What the cells of a line mean.
#[derive(Debug)]
pub(in crate::sources) struct Header {
    log: String,
    columns: HashMap<String, usize>,
    separator: char,
    set_separator: char,
    unset: String,
    empty: String,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            log: String::new(),
            columns: HashMap::new(),
            separator: '\t',
            set_separator: ',',
            unset: "-".into(),
            empty: "(empty)".into(),
        }
    }
}

impl Header {
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.get(name).copied()
    }

    pub(super) fn unset(&self, cell: &str) -> bool {
        cell == self.unset || cell == self.empty
    }

    pub(super) fn set_separator(&self) -> char {
        self.set_separator
    }

    /// Takes one line that starts with `#`.
    fn take(&mut self, text: &str) {
        let Some((key, value)) = text.split_once([self.separator, ' ']) else { return };
        let character = |value: &str| {
            let code = value.strip_prefix("\\x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
            code.map(char::from).or_else(|| value.chars().next())
        };
        match key {
            "#separator" => {
                // A new file begins.
                *self = Self { separator: character(value.trim()).unwrap_or('\t'), ..Self::default() };
            }
            "#set_separator" => self.set_separator = character(value).unwrap_or(','),
            "#unset_field" => self.unset = value.to_owned(),
            "#empty_field" => self.empty = value.to_owned(),
            "#path" => self.log = value.trim().to_owned(),
            "#fields" => {
                let names = value.split(self.separator).take(MAX_COLUMNS);
                self.columns = names.enumerate().map(|(at, name)| (name.to_owned(), at)).collect();
            }
            _ => {}
        }
    }
}

/// Whether a text starts with a header.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head.get(..4096).unwrap_or(head));
    let mut lines = text.lines().take_while(|line| line.starts_with('#') || line.trim().is_empty());
    lines.any(|line| line.starts_with("#separator ") || line.starts_with("#fields\t"))
}

/// Reads every line.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(mut input: R, context: &mut Context<'_>) -> Result<()> {
    let mut header = Header::default();
    let mut bytes = Vec::new();
    let (mut number, mut offset) = (0, 0_u64);
    while let Some(taken) = bounded_line(&mut input, &mut bytes).map_err(|source| Error::Read { offset, source })? {
        offset += taken;
        number += 1;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\r');
        if text.starts_with('#') {
            header.take(text);
        } else if !text.is_empty() {
            context.counters.read += 1;
            row(text, &header, Record::Line(number), context);
        }
    }
    Ok(())
}

fn row(text: &str, header: &Header, place: Record, context: &mut Context<'_>) {
    if header.columns.is_empty() {
        return context.counters.drop("zeek row without header");
    }
    let cells: Vec<&str> = text.split(header.separator).take(MAX_COLUMNS).collect();
    if cells.len() < header.columns.len() {
        return context.counters.drop("zeek row is cut off");
    }
    let row = Row::Tsv { header, cells };
    let log = if header.log.is_empty() { row.log().unwrap_or_default() } else { &header.log };
    line(log, &row, (place, text.as_bytes()), context);
}
