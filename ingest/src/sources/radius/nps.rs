//! The accounting logs of Microsoft's Network Policy Server (IAS): DTS-compliant XML (`<Event>` with `data_type`
//! attributes, read through [`crate::sources::xml`]) and the ODBC-legacy CSV, whose columns have a fixed order and no header
//! (Microsoft Learn, *Interpret NPS Database Format Log Files*).

use std::io::BufRead;

use hopwatch_model::Record;
use hopwatch_wire::event_xml::{Scanner, Token, time};

use super::{Packet, emit};
use crate::error::{Error, Result};
use crate::sources::Context;
use crate::sources::text::bounded_line;

/// The columns of the ODBC-legacy format that are read, by their place.
const COLUMNS: &[(usize, &str)] = &[
    (0, "Computer-Name"),
    (4, "Packet-Type"),
    (5, "User-Name"),
    (7, "Called-Station-Id"),
    (8, "Calling-Station-Id"),
    (10, "Framed-IP-Address"),
    (11, "NAS-Identifier"),
    (12, "NAS-IP-Address"),
    (15, "Client-IP-Address"),
    (16, "Client-Friendly-Name"),
    (19, "NAS-Port-Type"),
    (25, "Reason-Code"),
    (31, "Acct-Status-Type"),
    (35, "Acct-Session-Id"),
    (46, "Tunnel-Client-Endpoint"),
];

/// Whether a text starts with a row of the CSV form: quoted computer, `IAS` or `RAS`, date, time.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    row(line).is_some_and(|row| is_row(&row))
}

fn row(line: &[u8]) -> Option<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    let mut row = csv::StringRecord::new();
    reader.read_record(&mut row).ok()?.then_some(row)
}

fn is_row(row: &csv::StringRecord) -> bool {
    matches!(row.get(1), Some("IAS" | "RAS")) && row.len() >= 26 && row_time(row).is_some()
}

fn row_time(row: &csv::StringRecord) -> Option<hopwatch_model::Timestamp> {
    time::parse(&format!("{} {}", row.get(2)?, row.get(3)?))
}

/// Reads every row.
///
/// # Errors
/// [`Error::Read`] where the bytes cannot be read.
pub fn read<R: BufRead>(mut input: R, context: &mut Context<'_>) -> Result<()> {
    let mut line = Vec::new();
    let (mut number, mut offset) = (0, 0_u64);
    while let Some(taken) = bounded_line(&mut input, &mut line).map_err(|source| Error::Read { offset, source })? {
        offset += taken;
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        context.counters.read += 1;
        if !csv_line(&line, Record::Line(number), context) {
            context.counters.drop("NPS row is malformed");
        }
    }
    Ok(())
}

/// Reads one row of the CSV form; false where the line is none.
pub(in crate::sources) fn csv_line(line: &[u8], place: Record, context: &mut Context<'_>) -> bool {
    if !line.starts_with(b"\"") {
        return false;
    }
    let Some(row) = row(line).filter(is_row) else { return false };
    let mut packet = Packet { time: row_time(&row), ..Packet::default() };
    for (at, name) in COLUMNS {
        if let Some(value) = row.get(*at).filter(|value| !value.is_empty()) {
            packet.push(name, value);
        }
    }
    emit(&packet, place, line, context);
    true
}

/// Whether an `Event` element is of the DTS form.
pub(in crate::sources) fn is_dts(xml: &str) -> bool {
    xml.contains(" data_type=") && !xml.contains("<System")
}

/// Reads an element of the DTS form.
pub(in crate::sources) fn dts(xml: &str, place: Record, context: &mut Context<'_>) {
    let mut packet = Packet::default();
    let mut scanner = Scanner::new(xml);
    let mut element = "";
    while let Ok(Some(token)) = scanner.next_token() {
        match token {
            Token::Open { name, empty, .. } => element = if empty { "" } else { name },
            Token::Close { .. } => element = "",
            Token::Text(value) => match element {
                "" | "Event" => {}
                "Timestamp" => packet.time = time::parse(&value),
                name => packet.push(name, &value),
            },
        }
    }
    emit(&packet, place, xml.as_bytes(), context);
}
