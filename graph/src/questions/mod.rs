//! Prebuilt questions: what an analyst asks of every estate, each under a name, in words, and with its parameter declared.
//! The catalogue is data; this file answers it. An answer is nodes, edges, or all shortest ways from one set to another,
//! always within the limits of the caller and sorted, so that equal graphs give equal answers.
//!
//! Deliberately not here: questions about events and alerts, and a language to ask others in.

mod catalogue;
mod sets;

use hopwatch_model::EdgeKind;

pub use catalogue::all;
pub use sets::{Set, Test};

use crate::Error;
use crate::bits::Bits;
use crate::distance::{FAR, Metric};
use crate::filter::{Direction, Filter};
use crate::ids::NodeId;
use crate::kinds::KindMask;
use crate::limits::Limits;
use crate::paths::{Subgraph, hop, scope_of, tight};
use crate::snapshot::Snapshot;

/// The field that a question belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// What the estate is made of.
    Inventory,
    /// Ways to where it hurts.
    Ways,
    /// Rights that nobody outside Tier Zero should have.
    Rights,
    /// Tickets, delegation and roasting.
    Kerberos,
    /// Certificates.
    Certificates,
    /// Coercion and relay.
    Relay,
    /// Accounts and hosts that are badly kept.
    Hygiene,
    /// The cloud and what joins it to the directory.
    Cloud,
}

impl Category {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Ways => "ways",
            Self::Rights => "rights",
            Self::Kerberos => "kerberos",
            Self::Certificates => "certificates",
            Self::Relay => "relay",
            Self::Hygiene => "hygiene",
            Self::Cloud => "cloud",
        }
    }
}

/// What an answer is made of.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The nodes of a set.
    Nodes(Set),
    /// The edges of these kinds from one set to another.
    Edges(Set, &'static [EdgeKind], Set),
    /// All shortest ways from one set to the nearest of another, over every kind that a path may use.
    Ways(Set, Set),
}

/// A prebuilt question.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Its name for programs; it never changes.
    pub slug: &'static str,
    /// Its field.
    pub category: Category,
    /// The question.
    pub title: &'static str,
    /// What is asked.
    pub form: Form,
}

impl Question {
    /// The question of a name.
    #[must_use]
    pub fn find(slug: &str) -> Option<&'static Self> {
        all().find(|question| question.slug == slug)
    }

    /// Whether it asks about one object, which must be named.
    #[must_use]
    pub fn about_an_object(&self) -> bool {
        let sets: &[Set] = match self.form {
            Form::Nodes(set) => &[set],
            Form::Edges(from, _, to) | Form::Ways(from, to) => &[from, to],
        };
        sets.iter().any(|set| set.tests.iter().any(|test| matches!(test, Test::Object)))
    }

    /// The answer. `limits.max_nodes` bounds nodes and edges; what lies beyond is cut off and said to be. Ways are cut so
    /// that the nearest starts stay.
    ///
    /// # Errors
    /// [`Error::EmptySet`] where the question asks about an object and none is named, [`Error::UnknownNode`],
    /// [`Error::Stopped`].
    pub fn ask(&self, snapshot: &Snapshot, object: Option<NodeId>, limits: &Limits<'_>) -> Result<Subgraph, Error> {
        if self.about_an_object() && object.is_none() {
            return Err(Error::EmptySet { what: "the object that the question is about" });
        }
        match self.form {
            Form::Nodes(set) => {
                let mut nodes = set.members(snapshot, object);
                let truncated = nodes.len() > limits.max_nodes;
                nodes.truncate(limits.max_nodes);
                Ok(Subgraph { nodes, hops: Vec::new(), truncated })
            }
            Form::Edges(from, kinds, to) => edges(snapshot, from, kinds, to, object, limits),
            Form::Ways(from, to) => {
                let (from, to) = (from.members(snapshot, object), to.members(snapshot, object));
                if from.is_empty() || to.is_empty() {
                    return Ok(Subgraph::default());
                }
                snapshot.shortest_ways(&from, &to, &Filter::default(), limits)
            }
        }
    }
}

fn edges(
    snapshot: &Snapshot,
    from: Set,
    kinds: &[EdgeKind],
    to: Set,
    object: Option<NodeId>,
    limits: &Limits<'_>,
) -> Result<Subgraph, Error> {
    let mask: KindMask = kinds.iter().copied().collect();
    let mut found = Subgraph::default();
    for source in from.members(snapshot, object) {
        limits.stopped()?;
        for hop in snapshot.outgoing(source) {
            if !mask.contains(hop.kind) || !to.admits(snapshot, object, hop.target) {
                continue;
            }
            if found.hops.len() >= limits.max_nodes {
                found.truncated = true;
                return Ok(found);
            }
            found.hops.push(hop);
        }
    }
    let mut nodes: Vec<NodeId> = found.hops.iter().flat_map(|hop| [hop.source, hop.target]).collect();
    nodes.sort_unstable();
    nodes.dedup();
    found.nodes = nodes;
    Ok(found)
}

impl Snapshot {
    /// All shortest paths, by hops, from every member of a set that has one to the nearest of another set, as one graph. At
    /// most `limits.max_nodes` nodes, those of the nearest starts first.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::Stopped`].
    pub fn shortest_ways(
        &self,
        from: &[NodeId],
        to: &[NodeId],
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Subgraph, Error> {
        if to.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        self.known(from)?;
        let unbounded = Limits { max_nodes: usize::MAX, ..*limits };
        let distances = self.distances(to, Direction::Inbound, Metric::Hops, filter, &unbounded)?;
        let scope = scope_of(self, Metric::Hops, filter);
        let mut starts: Vec<(u32, NodeId)> = from.iter().map(|id| (distances.at(id.0), *id)).collect();
        starts.retain(|(distance, _)| *distance != FAR && *distance > 0);
        starts.sort_unstable();
        starts.dedup();
        let mut found = Subgraph::default();
        let mut seen = Bits::new(self.node_bound());
        let mut next = 0;
        for (_, start) in starts {
            if seen.has(start.0) {
                continue;
            }
            if found.nodes.len() >= limits.max_nodes {
                found.truncated = true;
                break;
            }
            seen.add(start.0);
            found.nodes.push(start);
            while let Some(node) = found.nodes.get(next).copied() {
                next += 1;
                limits.stopped()?;
                for (end, class) in tight(&scope, &distances, node) {
                    if !seen.has(end.0) {
                        if found.nodes.len() >= limits.max_nodes {
                            found.truncated = true;
                            continue;
                        }
                        seen.add(end.0);
                        found.nodes.push(end);
                    }
                    found.hops.push(hop(self, &scope, node, end, class));
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
