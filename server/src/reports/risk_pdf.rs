//! The risk report as a PDF to print and to hand on: what the page says, without its charts.

use hopwatch_model::Severity;

use super::pdf::{Document, Face, WIDTH};
use super::{Error, Inputs, risk};

/// Rows of a table; the workbook has all.
const ROWS: usize = 40;

/// The document.
pub(super) fn document(inputs: &Inputs) -> Result<Vec<u8>, Error> {
    let mut pdf = Document::new();
    pdf.text(Face::Title, risk::TITLE);
    pdf.text(Face::Body, &format!("as of {}, by Hopwatch {}", inputs.created_at, env!("CARGO_PKG_VERSION")));
    summary(&mut pdf, inputs);
    alerts(&mut pdf, inputs);
    findings(&mut pdf, inputs);
    chokes(&mut pdf, inputs);
    exposed(&mut pdf, inputs);
    sources(&mut pdf, inputs);
    pdf.finish(risk::TITLE, &format!("{}, {}", risk::TITLE, inputs.created_at)).map_err(Error::Document)
}

fn summary(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("In short");
    let exposure = &inputs.exposure;
    pdf.text(
        Face::Body,
        &format!(
            "{:.1} % of {} enabled accounts and computers can reach Tier Zero ({} of them), which has {} objects.",
            exposure.percent, exposure.principals, exposure.exposed, exposure.tier_zero
        ),
    );
    let open = |severity| inputs.open(severity);
    pdf.text(
        Face::Body,
        &format!(
            "Open alerts: {} high, {} medium, {} low, {} informational. Findings: {}.",
            open(Severity::High),
            open(Severity::Medium),
            open(Severity::Low),
            open(Severity::Informational),
            inputs.findings.len()
        ),
    );
    let span = inputs.span.map_or_else(String::new, |(first, last)| format!(" from {first} to {last}"));
    pdf.text(
        Face::Body,
        &format!(
            "Seen: {} events{span}; a graph of {} objects and {} edges.",
            inputs.events, inputs.nodes, inputs.edges
        ),
    );
}

fn alerts(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("Alerts");
    let rows = inputs.alerts.iter().map(|row| {
        let alert = &row.alert;
        [word(alert.severity).to_owned(), alert.last_at.to_string(), alert.detection.clone(), alert.explanation.clone()]
    });
    table(
        pdf,
        [("severity", 55), ("latest", 120), ("detection", 105), ("what happened", 0)],
        rows,
        inputs.alerts.len(),
    );
}

fn findings(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("Findings");
    let rows = inputs.findings.iter().map(|finding| {
        let count = finding.exposed.len().to_string();
        [word(finding.severity).to_owned(), count, finding.title.clone(), finding.remediation.clone()]
    });
    table(
        pdf,
        [("severity", 55), ("objects", 45), ("what is weak", 190), ("what to do", 0)],
        rows,
        inputs.findings.len(),
    );
}

fn chokes(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("Choke points: what to remove first");
    let rows = inputs.chokes.iter().map(|choke| {
        let edge = format!("{} -{}→ {}", choke.source, choke.kind, choke.target);
        let points = format!("−{:.1} points", choke.percent);
        [edge, choke.principals.to_string(), points, choke.remediation.to_owned()]
    });
    table(pdf, [("edge", 180), ("cuts off", 50), ("exposure", 65), ("how", 0)], rows, inputs.chokes.len());
}

fn exposed(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("Nearest to Tier Zero");
    let rows = inputs
        .exposed
        .iter()
        .map(|entity| [entity.name.clone(), entity.kind.to_owned(), entity.hops.to_string(), entity.path.clone()]);
    table(pdf, [("who", 120), ("kind", 60), ("hops", 35), ("path", 0)], rows, inputs.exposed.len());
}

fn sources(pdf: &mut Document, inputs: &Inputs) {
    pdf.heading("What this rests on");
    let rows = inputs.sources.iter().map(|source| {
        let lost: u64 = source.dropped.values().sum();
        [source.name.clone(), source.kind.clone(), source.events.to_string(), lost.to_string()]
    });
    table(pdf, [("source", 280), ("kind", 90), ("events", 65), ("lost", 0)], rows, inputs.sources.len());
    pdf.heading("Blind spots");
    let rows =
        inputs.gaps.iter().map(|gap| [gap.subject.clone(), gap.count.to_string(), gap.reason.clone(), String::new()]);
    table(pdf, [("where", 130), ("count", 50), ("what cannot be seen", 300), ("", 0)], rows, inputs.gaps.len());
}

/// A table of four columns; the last takes the width that the others leave.
fn table(pdf: &mut Document, head: [(&str, u32); 4], rows: impl Iterator<Item = [String; 4]>, count: usize) {
    if count == 0 {
        return pdf.text(Face::Body, "none");
    }
    let [first, second, third, _] = head.map(|(_, width)| width);
    let widths = [first, second, third, WIDTH.saturating_sub(first + second + third)];
    let cells = |texts: [&str; 4]| -> Vec<(u32, String)> {
        widths.into_iter().zip(texts).map(|(width, text)| (width, text.to_owned())).collect()
    };
    let put = |pdf: &mut Document, face, texts: [&str; 4]| {
        let cells = cells(texts);
        let cells: Vec<(u32, &str)> = cells.iter().map(|(width, text)| (*width, text.as_str())).collect();
        pdf.row(face, &cells);
    };
    put(pdf, Face::Strong, head.map(|(name, _)| name));
    for row in rows.take(ROWS) {
        let [a, b, c, d] = &row;
        put(pdf, Face::Body, [a, b, c, d]);
    }
    if count > ROWS {
        pdf.text(Face::Body, &format!("and {} more; the workbook has all", count - ROWS));
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Informational => "informational",
    }
}
