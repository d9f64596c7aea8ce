//! Counters of what was read and what was dropped: nothing is dropped without one.

use std::collections::BTreeMap;

/// What a source read, made and dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames, records or lines that were read.
    pub read: u64,
    /// Events that were made.
    pub events: u64,
    /// What was read but deliberately makes no event (another protocol, an event id of no interest), by reason.
    pub ignored: BTreeMap<&'static str, u64>,
    /// What was lost: malformed records, caps reached, gaps, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// Counts one deliberate omission.
    pub fn ignore(&mut self, reason: &'static str) {
        *self.ignored.entry(reason).or_default() += 1;
    }

    /// Counts one loss.
    pub fn drop(&mut self, reason: &'static str) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    /// Adds another source's counts.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.events += other.events;
        for (reason, count) in &other.ignored {
            *self.ignored.entry(reason).or_default() += count;
        }
        for (reason, count) in &other.dropped {
            *self.dropped.entry(reason).or_default() += count;
        }
    }
}
