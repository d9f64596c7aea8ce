//! The risk report as one HTML page: self-contained, printable, without a script.

use askama::Template;
use hopwatch_model::Severity;

use super::{Error, Inputs};

/// Rows of a table on the page; the workbook has all.
const ROWS: usize = 25;

#[derive(Template)]
#[template(path = "risk.html")]
struct Page<'a> {
    inputs: &'a Inputs,
    version: &'static str,
    severities: Vec<Bar>,
    chokes: Vec<Bar>,
    rows: usize,
}

/// A bar of a chart, drawn as SVG.
struct Bar {
    label: String,
    value: String,
    /// Length in hundredths of the longest.
    length: f64,
    colour: &'static str,
}

/// The page.
pub(super) fn page(inputs: &Inputs) -> Result<String, Error> {
    let severities = [
        ("high", Severity::High, "#b3261e"),
        ("medium", Severity::Medium, "#c25700"),
        ("low", Severity::Low, "#8a6d00"),
        ("informational", Severity::Informational, "#5b6673"),
    ];
    let counts: Vec<(&str, usize, &'static str)> =
        severities.into_iter().map(|(label, severity, colour)| (label, inputs.open(severity), colour)).collect();
    let most = counts.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
    let severities = counts.into_iter().map(|(label, count, colour)| Bar {
        label: label.into(),
        value: count.to_string(),
        length: share(number(count), number(most)),
        colour,
    });
    let widest = inputs.chokes.iter().map(|choke| choke.percent).fold(0.0, f64::max);
    let chokes = inputs.chokes.iter().take(10).map(|choke| Bar {
        label: format!("{} -{}→ {}", choke.source, choke.kind, choke.target),
        value: format!("−{:.1} points", choke.percent),
        length: share(choke.percent, widest),
        colour: "#3a5f8a",
    });
    let page = Page {
        inputs,
        version: env!("CARGO_PKG_VERSION"),
        severities: severities.collect(),
        chokes: chokes.collect(),
        rows: ROWS,
    };
    Ok(page.render()?)
}

fn share(value: f64, most: f64) -> f64 {
    if most > 0.0 { (value / most * 100.0).clamp(0.0, 100.0) } else { 0.0 }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The word of a severity.
fn word(severity: &Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Informational => "informational",
    }
}

/// A time to the second.
fn time(time: &hopwatch_model::Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(head, _)| format!("{head}Z"))
}
