//! The bounds of a query. A query that would exceed them stops with a clear error; it never runs away.

use std::fmt;

use crate::Error;

/// The deepest search: what the depth of a node is kept in.
pub const MAX_DEPTH: u16 = u16::MAX - 1;

/// What a query may use.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The most nodes that it may touch or return.
    pub max_nodes: usize,
    /// The most hops from its start; what lies deeper is not reached, without an error.
    pub max_depth: u16,
    /// The greatest cost of a path; what lies beyond is not reached, without an error.
    pub max_cost: u32,
    /// Asked now and then; true stops the query. The caller puts its deadline or its cancel flag here, since this crate
    /// reads no clock.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

impl Limits<'_> {
    /// The query may touch everything.
    #[must_use]
    pub const fn none() -> Self {
        Self { max_nodes: usize::MAX, max_depth: MAX_DEPTH, max_cost: u32::MAX - 1, stop: None }
    }

    pub(crate) fn stopped(&self) -> Result<(), Error> {
        if self.stop.is_some_and(|stop| stop()) { Err(Error::Stopped) } else { Ok(()) }
    }

    pub(crate) fn nodes(&self, touched: usize) -> Result<(), Error> {
        if touched > self.max_nodes {
            return Err(Error::LimitReached {
                what: "nodes",
                limit: u64::try_from(self.max_nodes).unwrap_or(u64::MAX),
            });
        }
        Ok(())
    }
}

impl Default for Limits<'_> {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("max_nodes", &self.max_nodes)
            .field("max_depth", &self.max_depth)
            .field("max_cost", &self.max_cost)
            .finish_non_exhaustive()
    }
}
