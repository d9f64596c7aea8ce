//! Takes in what `crate::derive` computed: derived edges with their composition, and the end of those that are gone.

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{DirectoryNode, Timestamp};

use super::{Edge, EdgeKey, Entered, Estate, Intervals, SourceSet};
use crate::bits::Bits;
use crate::derive;
use crate::ids::{EdgeId, NodeId};

/// By whose rules edges are derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What we hold to be true.
    #[default]
    Ours,
    /// What BloodHound derives, also where we judge differently: for comparison with its output.
    BloodHound,
}

/// What was derived.
#[derive(Clone, Debug, Default)]
pub struct Derivation {
    /// Objects that no source reports and that derived edges need, such as a domain's Authenticated Users. Edges name
    /// them by the ids that follow those of the estate, in this order.
    pub nodes: Vec<DirectoryNode>,
    /// The derived edges.
    pub edges: Vec<DerivedEdge>,
    /// What could not be derived for want of an attribute, in words: each is a coverage gap.
    pub gaps: Vec<String>,
}

/// An edge that was derived.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedEdge {
    /// Source, kind and target.
    pub key: EdgeKey,
    /// Its properties.
    pub properties: Properties,
    /// The edges on which it rests.
    pub composition: Vec<EdgeKey>,
    /// How sure it is, in percent: that of the least sure edge on which it rests.
    pub confidence: u8,
}

/// The name under which derived edges appear among sources.
const SOURCE: &str = "derived";

impl Estate {
    /// Derives edges anew: those that still hold are confirmed, new ones open now, those that are gone end. Now is the
    /// latest time of what was applied.
    pub fn derive(&mut self, mode: Mode) {
        let derivation = derive::all(self, mode);
        let time = self.latest().unwrap_or_default();
        self.replace_derived(derivation, time);
    }

    /// Puts a derivation in the place of the former one.
    pub fn replace_derived(&mut self, derivation: Derivation, time: Timestamp) {
        let source = self.source_id(SOURCE);
        let known = self.nodes.len();
        let added: Vec<Option<NodeId>> = derivation.nodes.into_iter().map(|node| self.apply_node(node, time)).collect();
        // A node of the derivation may turn out to be one that was gone, or find no room.
        let placed = |id: NodeId| match id.index().checked_sub(known) {
            None => Some(id),
            Some(place) => added.get(place).copied().flatten(),
        };
        let moved =
            |key: &EdgeKey| Some(EdgeKey { source: placed(key.source)?, kind: key.kind, target: placed(key.target)? });
        let mut kept = Bits::new(self.edges.len() + derivation.edges.len());
        for mut edge in derivation.edges {
            let Some(key) = moved(&edge.key) else { continue };
            edge.composition.iter_mut().for_each(|part| *part = moved(part).unwrap_or(*part));
            if let Some(id) = self.apply_derived(DerivedEdge { key, ..edge }, time, source) {
                kept.add(id.0);
            }
        }
        let gone: Vec<EdgeId> = self
            .edges()
            .filter(|(id, edge)| edge.origin == Origin::Derived && !kept.has(id.0))
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            self.end_edge(id, time);
        }
        for gap in &derivation.gaps {
            self.note_gap(gap);
        }
    }

    fn apply_derived(&mut self, edge: DerivedEdge, time: Timestamp, source: u16) -> Option<EdgeId> {
        let key = self.canonical_key(edge.key);
        let mut sources = SourceSet::default();
        sources.insert(source);
        let record = Edge {
            key,
            origin: Origin::Derived,
            confidence: edge.confidence,
            count: 1,
            first_seen: time,
            last_seen: time,
            intervals: Intervals::since(time),
            sources,
            properties: self.shared(edge.properties),
            composition: edge.composition.into_boxed_slice(),
        };
        let (id, fresh) = match self.enter_edge(key, record)? {
            Entered::New(id) => return Some(id),
            Entered::Known(id, fresh) => (id, fresh),
        };
        let (raw, held) = self.edge(id).map(|known| (known.origin == Origin::Raw, known.held(None)))?;
        if raw && held {
            // A source reports what we derived too: the report stands, and it is not ours to end.
            return Some(id);
        }
        if !held {
            self.confirm_edge(id, time, source, edge.confidence);
        }
        let record = self.edges.get_mut(id.index())?;
        record.origin = Origin::Derived;
        record.last_seen = record.last_seen.max(time);
        record.confidence = edge.confidence;
        record.composition = fresh.composition;
        record.properties = fresh.properties;
        Some(id)
    }
}
