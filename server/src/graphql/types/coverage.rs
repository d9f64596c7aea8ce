//! The coverage matrix: which detection needs which source, and what the present sources show of it.

use std::collections::BTreeMap;

use async_graphql::{Enum, SimpleObject};
use hopwatch_detections::coverage;

/// How much of a detection the present sources show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "coverage::Sight")]
pub enum Sight {
    /// None of the kinds of activity that it looks at was ever reported.
    Blind,
    /// Some were, some were not.
    Partial,
    /// All of them were.
    Whole,
}

/// A detection's row.
#[derive(Clone, Debug, SimpleObject)]
pub struct CoverageRow {
    /// The detection.
    pub slug: &'static str,
    /// Its title.
    pub title: &'static str,
    /// ATT&CK technique ids.
    pub techniques: Vec<&'static str>,
    /// Whether packets show it.
    pub wire: bool,
    /// The Windows event ids that show it.
    pub event_ids: Vec<u32>,
    /// Whether Samba's audit log shows it.
    pub samba: bool,
    /// Whether VPN, RADIUS or cloud sign-ins are its source.
    pub sign_ins: bool,
    /// Whether it reads the directory.
    pub directory: bool,
    /// Whether it compares with learned habits.
    pub habits: bool,
    /// The kinds of activity that it looks at.
    pub kinds: Vec<&'static str>,
    /// Those of them that no source ever reported.
    pub missing: Vec<&'static str>,
    /// What the present sources show of it.
    pub sight: Sight,
}

/// All rows, by slug, given how often each kind of activity was reported.
pub(crate) fn rows(seen: &BTreeMap<String, u64>) -> Vec<CoverageRow> {
    let row = |row: coverage::Row| CoverageRow {
        slug: row.slug,
        title: row.title,
        techniques: row.techniques.to_vec(),
        wire: row.wire,
        event_ids: row.event_ids.iter().copied().collect(),
        samba: row.samba,
        sign_ins: row.sign_ins,
        directory: row.directory,
        habits: row.habits,
        missing: row.missing(seen).into_iter().collect(),
        sight: row.sight(seen).into(),
        kinds: row.kinds.into_iter().collect(),
    };
    coverage::rows().into_iter().map(row).collect()
}
