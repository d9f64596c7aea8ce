//! The records of the estate: nodes and edges with their times, sources and confidence.

use std::sync::Arc;

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue, Timestamp};
use serde::{Deserialize, Serialize};

use super::intervals::Intervals;
use crate::ids::NodeId;

/// An object of the estate.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its identifier: SID or upper-case objectGUID, well-known SIDs with the domain as prefix; for hosts and accounts
    /// that only traffic named, `HOST:<short name>` (`HOST:<full name>` where another host has
    /// the short one), `ACCOUNT:<domain>\<name>`, `ACCOUNT:<name>` or `ADDRESS:<ip>`, in lower case.
    pub id: String,
    /// Its kind; [`NodeKind::Base`] while only references to it were seen.
    pub kind: NodeKind,
    /// Its properties by lower-case name.
    pub properties: Properties,
    /// When a source first spoke of it.
    pub first_seen: Timestamp,
    /// When a source last spoke of it.
    pub last_seen: Timestamp,
    /// When a directory last gave the object whole: what events say of earlier times no longer changes its properties.
    pub described_at: Option<Timestamp>,
    /// Since when it is gone, where it is.
    pub removed_at: Option<Timestamp>,
    /// The node that it turned out to be: a stub of traffic whose directory object came later.
    pub merged_into: Option<NodeId>,
}

impl Node {
    /// A text property.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(PropertyValue::text)
    }

    /// A truth value; missing is not false.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.properties.get(name).and_then(PropertyValue::bool)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.properties.get(name).and_then(PropertyValue::integer)
    }

    /// A list of texts; a missing property is an empty list.
    #[must_use]
    pub fn list(&self, name: &str) -> &[String] {
        self.properties.get(name).map_or(&[], PropertyValue::list)
    }

    /// What to show: its `name`, else its `samaccountname`, else its id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.text("name").or_else(|| self.text("samaccountname")).unwrap_or(&self.id)
    }

    /// True where only traffic named it, and no directory has said what it is.
    #[must_use]
    pub fn stub(&self) -> bool {
        ["HOST:", "ACCOUNT:", "ADDRESS:"].iter().any(|prefix| self.id.starts_with(prefix))
    }

    /// True where it existed at a time (`None` = now).
    #[must_use]
    pub fn existed(&self, as_of: Option<Timestamp>) -> bool {
        if self.merged_into.is_some() {
            return false;
        }
        match as_of {
            None => self.removed_at.is_none(),
            Some(time) => self.first_seen <= time && self.removed_at.is_none_or(|removed| time < removed),
        }
    }
}

/// What tells edges apart: at most one edge record exists for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeKey {
    /// Who can act.
    pub source: NodeId,
    /// In what way.
    pub kind: EdgeKind,
    /// On what.
    pub target: NodeId,
}

/// An edge of the estate, with everything that is known of it over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Source, kind and target.
    pub key: EdgeKey,
    /// Whether a source reported it or we computed it.
    pub origin: Origin,
    /// How sure we are that it holds, in percent: 100 for what a directory says, less where a host or an account had to
    /// be guessed from traffic.
    pub confidence: u8,
    /// How often it was reported.
    pub count: u32,
    /// When a source first reported it.
    pub first_seen: Timestamp,
    /// When a source last reported it.
    pub last_seen: Timestamp,
    /// When it held.
    pub intervals: Intervals,
    /// Who reported it: places in the estate's table of sources.
    pub sources: SourceSet,
    /// Its properties by lower-case name; edges with the same ones share them.
    pub properties: Option<Arc<Properties>>,
    /// The edges that a derived edge rests on; empty for raw edges.
    pub composition: Box<[EdgeKey]>,
}

impl Edge {
    /// True where it held at a time (`None` = now).
    #[must_use]
    pub fn held(&self, as_of: Option<Timestamp>) -> bool {
        match as_of {
            None => self.intervals.open(),
            Some(time) => self.intervals.contains(time),
        }
    }

    /// A property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&PropertyValue> {
        self.properties.as_ref()?.get(name)
    }

    /// A truth value; missing counts as false.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.property(name).and_then(PropertyValue::bool).unwrap_or(false)
    }
}

/// The sources of an edge: the first four, and whether there were more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSet {
    ids: [u16; Self::KEPT],
    len: u8,
    more: bool,
}

impl SourceSet {
    /// Sources that are kept by name.
    pub const KEPT: usize = 4;

    /// Adds a source; the fifth and later ones only set [`Self::more`].
    pub fn insert(&mut self, id: u16) {
        if self.iter().any(|known| known == id) {
            return;
        }
        match self.ids.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = id;
                self.len += 1;
            }
            None => self.more = true,
        }
    }

    /// The sources that are kept.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.ids.into_iter().take(usize::from(self.len))
    }

    /// True where more sources than are kept reported the edge.
    #[must_use]
    pub fn more(&self) -> bool {
        self.more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_source_is_counted_as_more() {
        let mut set = SourceSet::default();
        for id in [7, 7, 1, 2, 3, 3] {
            set.insert(id);
        }
        assert!(!set.more());
        set.insert(9);
        assert!(set.more());
        assert_eq!(set.iter().collect::<Vec<_>>(), [7, 1, 2, 3]);
    }
}
