//! The manual of a detection is the header of its file: this reads it out, for `hopwatch detections show`, the docs pages
//! and the API, so that it cannot drift from the code.

use crate::frame::Meta;

/// The headings that every detection's header has, in this order.
pub const HEADINGS: &[&str] = &[
    "What it finds",
    "Why it matters",
    "Evidence it needs",
    "How it decides",
    "Blind spots",
    "Likely benign causes",
    "What to do",
    "References",
];

/// The header of a detection's file as Markdown, without the comment marks.
#[must_use]
pub fn header(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The docs page of a detection: title, facts and manual.
#[must_use]
pub fn page(meta: &Meta) -> String {
    let severity = format!("{:?}", meta.severity).to_lowercase();
    let external = meta.external_id.map_or(String::from("none"), |id| id.to_string());
    format!(
        "# {}\n\n| | |\n|---|---|\n| slug | `{}` |\n| severity | {severity} |\n| ATT&CK | {} |\n| Defender for Identity | {external} |\n\n{}\n",
        meta.title,
        meta.slug,
        meta.techniques.join(", "),
        header(meta.source),
    )
}
