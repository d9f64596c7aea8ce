//! What is kept once for all detections: the ticket ledger, the baselines of who uses what from where, the controllers
//! seen at work. The engine shows each event here before the rules see it.

pub mod baseline;
pub mod controllers;
pub mod flows;
pub mod ledger;

use std::borrow::Cow;

use hopwatch_model::Event;
use serde::{Deserialize, Serialize};

pub use baseline::Baseline;
pub use controllers::Controllers;
pub use flows::FlowOwners;
pub use ledger::{TicketLedger, TicketRecord};

/// The state shared by all detections.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shared {
    /// Every ticket seen.
    pub ledger: TicketLedger,
    /// Who uses what from where, and since when we watch.
    pub baseline: Baseline,
    /// Hosts that act as domain controllers.
    pub controllers: Controllers,
    /// Who speaks on a connection.
    pub flows: FlowOwners,
}

impl Shared {
    /// Sees an event before the rules do, and fills in its actor where the connection's owner is known.
    pub fn observe<'e>(&mut self, event: &'e Event) -> Cow<'e, Event> {
        self.ledger.observe(event);
        self.controllers.observe(event);
        self.flows.enrich(event, &self.ledger)
    }

    /// Takes an event into the baselines, after the rules have judged it against what was known before.
    pub fn learn(&mut self, event: &Event) {
        self.baseline.learn(event);
    }

    /// How many entries it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.ledger.entries() + self.baseline.entries() + self.controllers.entries() + self.flows.entries()
    }
}
