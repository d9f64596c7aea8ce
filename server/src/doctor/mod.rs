//! `hopwatch doctor`: what is missing for the detections to see. It looks at what came in, and at what the directory says
//! should come, and names each gap with what to do about it. Asked of a data folder by the command line, of a running
//! server by GraphQL; both give the same.
//!
//! *Blind spots*: a rare event that never came may be one that never happened, so that its absence is a notice and not a
//! problem. What no source tells of, such as a controller that is in no imported directory, cannot be missed.

mod controllers;
mod policy;
mod sources;

use std::cmp::Reverse;

use hopwatch_graph::Snapshot;
use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::store::SourceStatus;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, async_graphql::Enum)]
#[graphql(name = "SymptomCheck")]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether there is a directory to compare with.
    Directory,
    /// Whether each controller is heard at all.
    SilentController,
    /// Whether the events that each controller should log came.
    AuditPolicy,
    /// Whether clocks agree.
    ClockSkew,
    /// How many hosts are known by their address alone.
    NameResolution,
    /// How much traffic cannot be read.
    Opaque,
    /// Whether sources keep up.
    SourceLag,
    /// What sources lost.
    SourceDrops,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, async_graphql::Enum)]
#[graphql(name = "SymptomLevel")]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Notice,
    /// Some detections see less than they could.
    Warning,
    /// Attacks pass unseen.
    Problem,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, async_graphql::SimpleObject)]
pub struct Symptom {
    /// What was looked at.
    pub check: Check,
    /// How much it matters.
    pub level: Level,
    /// The host, source or protocol.
    pub subject: String,
    /// What is missing, and by what that is known.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

/// What is examined.
#[derive(Clone, Copy, Debug)]
pub struct Patient<'a> {
    /// The graph as it stands.
    pub snapshot: &'a Snapshot,
    /// What came in, and what of it could not be read.
    pub coverage: &'a Coverage,
    /// The standing of each source.
    pub sources: &'a [SourceStatus],
    /// Up to when sources are expected to have reported: the clock of a running server, the latest event of a data folder.
    pub until: Timestamp,
    /// Our clock.
    pub now: Timestamp,
}

/// Everything that is missing, the worst first.
#[must_use]
pub fn examine(patient: &Patient<'_>) -> Vec<Symptom> {
    let mut symptoms = controllers::examine(patient);
    symptoms.extend(policy::examine(patient));
    symptoms.extend(sources::examine(patient));
    symptoms.sort_by(|a, b| {
        (Reverse(a.level), a.check, &a.subject, &a.text).cmp(&(Reverse(b.level), b.check, &b.subject, &b.text))
    });
    symptoms
}

/// A span in the unit that a reader wants.
fn span(secs: u64) -> String {
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7_199 => format!("{} min", secs / 60),
        7_200..=172_799 => format!("{} h", secs / 3_600),
        _ => format!("{} days", secs / 86_400),
    }
}

/// A share in percent.
fn percent(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1_000) / whole.max(1);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
