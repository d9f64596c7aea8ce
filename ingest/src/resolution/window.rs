//! Order and names for a stream of events: they wait a little, in which late answers find their place and names learned
//! shortly after an event still reach it.
//!
//! The wait is measured in the events' own time, so that a replay gives what the live run gave.

use std::collections::BTreeMap;
use std::time::Duration;

use hopwatch_model::{DirectoryDelta, Event, Timestamp};

use super::Resolver;
use crate::Sink;

/// How long an event waits: longer than the patience of the analysers that correlate answers (DNS 15 s).
const WAIT: Duration = Duration::from_secs(30);
/// The most events that wait: some 50 MB at the most.
const MAX_WAITING: usize = 32_768;

/// A sink that orders events by time within a window and names their hosts before it hands them on.
///
/// An event that comes later than the window (a connection that ended hours after its request) is handed on when it
/// comes; the receiver sees a time before the latest.
pub struct Resolving<'a> {
    resolver: &'a mut Resolver,
    inner: &'a mut dyn Sink,
    waiting: BTreeMap<(Timestamp, u64), Event>,
    /// The latest time seen.
    clock: Timestamp,
    arrived: u64,
}

impl<'a> Resolving<'a> {
    /// In front of `inner`.
    pub fn new(resolver: &'a mut Resolver, inner: &'a mut dyn Sink) -> Self {
        Self { resolver, inner, waiting: BTreeMap::new(), clock: Timestamp::MIN, arrived: 0 }
    }

    /// No more events come: hands on all that wait.
    pub fn finish(mut self) {
        while self.release() {}
    }

    /// Hands on the earliest event; false where none waits.
    fn release(&mut self) -> bool {
        let Some((_, mut event)) = self.waiting.pop_first() else { return false };
        self.resolver.resolve(&mut event);
        self.inner.event(event);
        true
    }
}

impl Sink for Resolving<'_> {
    fn event(&mut self, event: Event) {
        self.resolver.observe(&event);
        self.clock = self.clock.max(event.time);
        self.arrived += 1;
        self.waiting.insert((event.time, self.arrived), event);
        while self.waiting.len() > MAX_WAITING
            || self.waiting.first_key_value().is_some_and(|((time, _), _)| self.clock.since(*time) > WAIT)
        {
            self.release();
        }
    }

    fn directory(&mut self, delta: DirectoryDelta) {
        self.resolver.observe_directory(&delta);
        self.inner.directory(delta);
    }
}
