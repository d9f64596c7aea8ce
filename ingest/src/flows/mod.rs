//! Flows: IP fragments become packets, TCP segments become the two byte streams of a connection, in order and bounded.
//!
//! The common case (next segment in order, analyser consumes all) copies and allocates nothing: the analyser sees the
//! capture's own bytes. Only what comes early, and what an analyser left, is copied.

mod duplicates;
mod flow;
mod fragments;
mod half;
mod inbox;
mod key;
mod table;

#[cfg(test)]
mod table_tests;

pub(crate) use duplicates::Duplicates;
pub(crate) use fragments::Fragments;
pub(crate) use table::Table;

/// The bounds of everything that flows keep.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Connections at a time; a DC of a large site holds some ten thousand.
    pub flows: usize,
    /// Bytes that one direction may hold ahead of a hole before the hole is given up: a large receive window.
    pub ahead_bytes: usize,
    /// Segments that one direction may hold ahead of a hole.
    pub ahead_segments: usize,
    /// Bytes that an analyser may leave unconsumed in one direction: the largest message it can wait for.
    pub pending_bytes: usize,
    /// Bytes held by all flows together.
    pub total_bytes: usize,
    /// Fragmented packets at a time.
    pub fragmented_packets: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            flows: 65_536,
            ahead_bytes: 1 << 20,
            ahead_segments: 512,
            pending_bytes: 4 << 20,
            total_bytes: 48 << 20,
            fragmented_packets: 1024,
        }
    }
}
