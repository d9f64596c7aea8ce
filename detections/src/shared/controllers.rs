//! Hosts that act as domain controllers: they answer AS exchanges or log them. Together with the directory's list this
//! tells a replication partner from an intruder.

use std::collections::BTreeMap;

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_model::{Activity, Event, Host, Outcome, Timestamp};
use serde::{Deserialize, Serialize};

/// The most controllers remembered.
const CONTROLLERS: usize = 4096;

/// Controllers seen at work, by host key, with the time of the first sight.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Controllers {
    seen: BTreeMap<String, Timestamp>,
    /// The one that was seen last, to be told at a glance.
    #[serde(skip)]
    latest: Option<Host>,
}

impl Controllers {
    pub(crate) fn observe(&mut self, event: &Event) {
        if !matches!(event.activity, Activity::AsExchange(_) | Activity::TgsExchange(_)) {
            return;
        }
        // Only an answered exchange shows a KDC: anyone can be asked.
        if event.outcome == Outcome::Unseen {
            return;
        }
        if let Some(target) = &event.target {
            self.add(target, event.time);
        }
    }

    fn add(&mut self, host: &Host, time: Timestamp) {
        // Nearly every exchange is with one that is known.
        if self.latest.as_ref() == Some(host) {
            return;
        }
        for key in keys(host) {
            if self.seen.len() < CONTROLLERS {
                self.seen.entry(key).or_insert(time);
            }
        }
        self.latest = Some(host.clone());
    }

    /// True where the host is a controller by the directory or was seen at work as one.
    #[must_use]
    pub fn contains(&self, host: &Host, snapshot: &Snapshot) -> bool {
        if keys(host).iter().any(|key| self.seen.contains_key(key)) {
            return true;
        }
        snapshot.lookup().host(host).is_some_and(|node| snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER))
    }

    /// How many it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.seen.len()
    }
}

/// The name and the address each count: the same controller is seen by name in a log and by address on the wire.
fn keys(host: &Host) -> Vec<String> {
    let address = host.address.map(|address| address.to_string());
    let name = host.name.as_deref().map(hopwatch_model::identity::short_name);
    address.into_iter().chain(name).filter(|key| !key.is_empty()).collect()
}
