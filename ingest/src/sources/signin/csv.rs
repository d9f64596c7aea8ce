//! CSV with a header: the columns are told by their names, in any order, parted by comma, semicolon or tab. Tables of
//! sign-ins, Entra's CSV exports (by their own column names), and timelines with a column of event XML.

use std::cell::Cell;
use std::io::{BufRead, Read};
use std::rc::Rc;

use hopwatch_model::Record;

use super::own::{self, Column};
use super::take;
use crate::error::{Error, Result};
use crate::sources::{Context, xml};

/// The largest row, in bytes: an unbalanced quote would else read the rest of the file into memory.
const MAX_ROW_BYTES: usize = 8 << 20;

/// What the rows hold.
enum Table {
    /// Sign-ins: the index of each column.
    SignIns(Vec<(Column, usize)>),
    /// Event XML in the column of this index.
    EventXml(usize),
}

/// Whether a text starts with a header that is known.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    header(head).is_some()
}

fn header(head: &[u8]) -> Option<(Table, u8)> {
    let line = head.split(|byte| *byte == b'\n').next()?.trim_ascii_end();
    if line.is_empty() || line.len() > 64 * 1024 || line.contains(&0) {
        return None;
    }
    let delimiter =
        *[b',', b'\t', b';'].iter().max_by_key(|delimiter| line.iter().filter(|byte| byte == delimiter).count())?;
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(line);
    let mut names = ::csv::StringRecord::new();
    if !reader.read_record(&mut names).ok()? || names.len() < 2 {
        return None;
    }
    if let Some(at) =
        names.iter().position(|name| matches!(name.trim(), "xml_string" | "xml" | "RawXml" | "EventXml" | "_raw"))
    {
        return Some((Table::EventXml(at), delimiter));
    }
    let mut columns: Vec<(Column, usize, usize)> = names
        .iter()
        .enumerate()
        .filter_map(|(at, name)| {
            own::column(name.trim().trim_start_matches('\u{feff}')).map(|(column, rank)| (column, rank, at))
        })
        .collect();
    columns.sort();
    columns.dedup_by_key(|(column, _, _)| *column);
    let columns: Vec<(Column, usize)> = columns.into_iter().map(|(column, _, at)| (column, at)).collect();
    let known: Vec<Column> = columns.iter().map(|(column, _)| *column).collect();
    own::suffices(&known).then_some((Table::SignIns(columns), delimiter))
}

/// Reads every row.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read, [`Error::Malformed`] where a row does not end.
pub fn read<R: BufRead>(input: R, head: &[u8], context: &mut Context<'_>) -> Result<()> {
    let Some((table, delimiter)) = header(head) else { return Err(Error::Unknown) };
    let budget = Rc::new(Cell::new(MAX_ROW_BYTES));
    let input = Budgeted { inner: input, left: Rc::clone(&budget) };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(input);
    let mut row = ::csv::ByteRecord::new();
    loop {
        budget.set(MAX_ROW_BYTES);
        match reader.read_byte_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(failure(error)),
        }
        context.counters.read += 1;
        let place = Record::Line(row.position().map_or(0, ::csv::Position::line));
        match &table {
            Table::EventXml(at) => {
                let text = row.get(*at).unwrap_or_default();
                if text.windows(7).any(|window| window == b"<System") {
                    xml::record(text, place, context);
                } else {
                    context.counters.ignore("row without event XML");
                }
            }
            Table::SignIns(columns) => {
                let value = |column: Column| {
                    let (_, at) = columns.iter().find(|(known, _)| *known == column)?;
                    row.get(*at).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                };
                take(own::reading(&value), place, row.as_slice(), context);
            }
        }
    }
}

fn failure(error: ::csv::Error) -> Error {
    let offset = error.position().map_or(0, ::csv::Position::byte);
    match error.into_kind() {
        ::csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::FileTooLarge => {
            Error::Malformed { kind: "CSV", reason: source.to_string() }
        }
        ::csv::ErrorKind::Io(source) => Error::Read { offset, source },
        other => Error::Malformed { kind: "CSV", reason: format!("{other:?}") },
    }
}

/// Fails a read where one row took more than the budget.
struct Budgeted<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                "a row over 8 MiB: a quote is not closed",
            ));
        }
        let count = self.inner.read(buffer)?;
        self.left.set(left.saturating_sub(count));
        Ok(count)
    }
}
