//! The risk report as a workbook. Every text is written as a text: a name such as `=cmd|…` in a directory must not become
//! a formula on an auditor's desk. Times are real dates in UTC.

use hopwatch_model::{Severity, Timestamp};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{Error, Inputs};

/// The most characters of a cell (Excel's own limit is 32 767).
const CELL: usize = 32_000;

/// A value of a cell.
enum Cell {
    Text(String),
    Number(f64),
    Time(Timestamp),
}

/// The workbook's bytes.
pub(super) fn workbook(inputs: &Inputs) -> Result<Vec<u8>, Error> {
    let mut book = Workbook::new();
    let created = excel_time(inputs.created_at).unwrap_or_default();
    book.set_properties(
        &rust_xlsxwriter::DocProperties::new().set_title(super::risk::TITLE).set_creation_datetime(&created),
    );
    summary(&mut book, inputs)?;
    alerts(&mut book, inputs)?;
    findings(&mut book, inputs)?;
    exposure(&mut book, inputs)?;
    chokes(&mut book, inputs)?;
    Ok(book.save_to_buffer()?)
}

fn summary(book: &mut Workbook, inputs: &Inputs) -> Result<(), XlsxError> {
    let mut rows = vec![
        vec![text("Written"), Cell::Time(inputs.created_at)],
        vec![text("Objects"), count(inputs.nodes)],
        vec![text("Edges"), count(inputs.edges)],
        vec![text("Events"), Cell::Number(number(inputs.events))],
        vec![text("Objects in Tier Zero"), count(inputs.exposure.tier_zero)],
        vec![text("Enabled accounts outside Tier Zero"), Cell::Number(number(inputs.exposure.principals))],
        vec![text("Accounts that can reach Tier Zero"), Cell::Number(number(inputs.exposure.exposed))],
        vec![text("Exposure in percent"), Cell::Number(inputs.exposure.percent)],
    ];
    if let Some((first, last)) = inputs.span {
        rows.push(vec![text("First event"), Cell::Time(first)]);
        rows.push(vec![text("Last event"), Cell::Time(last)]);
    }
    for severity in [Severity::High, Severity::Medium, Severity::Low, Severity::Informational] {
        rows.push(vec![text(format!("Open alerts, {}", word(severity))), count(inputs.open(severity))]);
    }
    rows.push(vec![text("Posture findings"), count(inputs.findings.len())]);
    for gap in &inputs.gaps {
        rows.push(vec![text(format!("Not read: {}", gap.subject)), text(format!("{} ({})", gap.reason, gap.count))]);
    }
    for source in &inputs.sources {
        let read = format!("{}: {} read, {} events", source.kind, source.read, source.events);
        rows.push(vec![text(format!("Source: {}", source.name)), text(read)]);
    }
    sheet(book, "Summary", &[("Fact", 40.0), ("Value", 60.0)], &rows)
}

fn alerts(book: &mut Workbook, inputs: &Inputs) -> Result<(), XlsxError> {
    let host =
        |host: &Option<hopwatch_model::Host>| text(host.as_ref().map(hopwatch_model::Host::label).unwrap_or_default());
    let row = |row: &super::AlertRow| {
        let alert = &row.alert;
        vec![
            text(word(alert.severity)),
            text(&alert.detection),
            Cell::Time(alert.first_at),
            Cell::Time(alert.last_at),
            text(alert.actor.as_ref().map(|actor| actor.name.clone()).unwrap_or_default()),
            host(&alert.source),
            host(&alert.target_host),
            text(alert.target.clone().unwrap_or_default()),
            Cell::Number(alert.score),
            Cell::Number(number(alert.events)),
            text(alert.techniques.join(" ")),
            text(row.state),
            text(&row.assignee),
            text(&row.comment),
            text(&alert.explanation),
        ]
    };
    let columns = [
        ("Severity", 12.0),
        ("Detection", 28.0),
        ("First seen", 20.0),
        ("Last seen", 20.0),
        ("Actor", 20.0),
        ("Source", 16.0),
        ("Target host", 16.0),
        ("Target", 20.0),
        ("Score", 8.0),
        ("Events", 8.0),
        ("Techniques", 16.0),
        ("State", 12.0),
        ("Assignee", 14.0),
        ("Comment", 30.0),
        ("What happened", 90.0),
    ];
    sheet(book, "Alerts", &columns, &inputs.alerts.iter().map(row).collect::<Vec<_>>())
}

fn findings(book: &mut Workbook, inputs: &Inputs) -> Result<(), XlsxError> {
    let row = |finding: &hopwatch_model::Finding| {
        vec![
            text(word(finding.severity)),
            text(&finding.detection),
            text(&finding.title),
            count(finding.exposed.len()),
            text(finding.exposed.join("\n")),
            text(&finding.remediation),
            text(finding.evidence.join("\n")),
            Cell::Time(finding.seen_at),
        ]
    };
    let columns = [
        ("Severity", 12.0),
        ("Finding", 28.0),
        ("Title", 60.0),
        ("Objects", 10.0),
        ("Object ids", 50.0),
        ("What to do", 50.0),
        ("Evidence", 50.0),
        ("Seen", 20.0),
    ];
    sheet(book, "Findings", &columns, &inputs.findings.iter().map(row).collect::<Vec<_>>())
}

fn exposure(book: &mut Workbook, inputs: &Inputs) -> Result<(), XlsxError> {
    let row = |row: &super::EntityRow| {
        vec![
            text(&row.name),
            text(row.kind),
            count(row.hops),
            Cell::Number(row.cost.into()),
            text(&row.path),
            text(&row.id),
        ]
    };
    let columns = [
        ("Account", 30.0),
        ("Kind", 12.0),
        ("Hops", 8.0),
        ("Cost", 8.0),
        ("Path to Tier Zero", 110.0),
        ("Object id", 48.0),
    ];
    sheet(book, "Exposure", &columns, &inputs.exposed.iter().map(row).collect::<Vec<_>>())
}

fn chokes(book: &mut Workbook, inputs: &Inputs) -> Result<(), XlsxError> {
    let row = |choke: &super::inputs::ChokeRow| {
        vec![
            text(&choke.source),
            text(choke.kind),
            text(&choke.target),
            Cell::Number(number(choke.principals)),
            Cell::Number(choke.percent),
            text(choke.remediation),
        ]
    };
    let columns = [
        ("Source", 30.0),
        ("Edge", 20.0),
        ("Target", 30.0),
        ("Accounts cut off", 16.0),
        ("Exposure removed, points", 22.0),
        ("How", 60.0),
    ];
    sheet(book, "Choke points", &columns, &inputs.chokes.iter().map(row).collect::<Vec<_>>())
}

/// Writes a sheet: a frozen header with a filter, then the rows.
fn sheet(book: &mut Workbook, name: &str, columns: &[(&str, f64)], rows: &[Vec<Cell>]) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    let (bold, date) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"));
    for (column, (title, width)) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, column, *title, &bold)?;
        sheet.set_column_width(column, *width)?;
    }
    for (row, cells) in (1_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(cells) {
            write(sheet, row, column, cell, &date)?;
        }
    }
    let last_row = u32::try_from(rows.len()).unwrap_or(0);
    let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
    sheet.autofilter(0, 0, last_row, last_column)?;
    Ok(())
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell, date: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string(row, column, text)?,
        Cell::Number(number) => sheet.write_number(row, column, *number)?,
        Cell::Time(time) => match excel_time(*time) {
            Some(time) => sheet.write_datetime_with_format(row, column, time, date)?,
            None => sheet.write_string(row, column, time.to_string())?,
        },
    };
    Ok(())
}

fn text(text: impl Into<String>) -> Cell {
    let text = text.into();
    match text.char_indices().nth(CELL) {
        Some((end, _)) => Cell::Text(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cell::Text(text),
    }
}

fn count(count: usize) -> Cell {
    Cell::Number(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn excel_time(time: Timestamp) -> Option<ExcelDateTime> {
    ExcelDateTime::from_timestamp(time.as_secs()).ok()
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Informational => "informational",
    }
}
