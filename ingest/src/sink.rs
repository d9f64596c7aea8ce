//! Where a source puts what it made.

use hopwatch_model::{DirectoryDelta, Event};

/// The receiver of everything that a source makes.
///
/// # Contract
/// A source calls it in the order of its own records. The receiver orders events of several sources by time.
pub trait Sink {
    /// Takes an event.
    fn event(&mut self, event: Event);

    /// Takes what a directory source said.
    fn directory(&mut self, delta: DirectoryDelta);
}

/// Everything in memory, in order of arrival: for one-shot analysis and tests.
#[derive(Debug, Default)]
pub struct Collected {
    /// The events.
    pub events: Vec<Event>,
    /// The deltas.
    pub deltas: Vec<DirectoryDelta>,
}

impl Sink for Collected {
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn directory(&mut self, delta: DirectoryDelta) {
        self.deltas.push(delta);
    }
}
