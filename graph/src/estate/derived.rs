//! Takes in what `crate::derive` computed: derived edges with their composition, and the end of those that are gone.

use hopwatch_model::directory::Properties;
use hopwatch_model::edge::Origin;
use hopwatch_model::{DirectoryNode, EdgeKind, Timestamp};
use rustc_hash::FxHashSet;

use super::{EdgeKey, Estate};
use crate::derive;
use crate::ids::EdgeId;

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
    /// Objects that no source reports and that derived edges need, such as a domain's Authenticated Users.
    pub nodes: Vec<DirectoryNode>,
    /// The derived edges.
    pub edges: Vec<DerivedEdge>,
    /// What could not be derived for want of an attribute, in words: each is a coverage gap.
    pub gaps: Vec<String>,
}

/// An edge that was derived, by object ids, since its ends may be nodes of the same derivation.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedEdge {
    /// The id of the source.
    pub source: String,
    /// The kind.
    pub kind: EdgeKind,
    /// The id of the target.
    pub target: String,
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
        self.replace_derived(&derivation, time);
    }

    /// Puts a derivation in the place of the former one.
    pub fn replace_derived(&mut self, derivation: &Derivation, time: Timestamp) {
        let source = self.source_id(SOURCE);
        for node in &derivation.nodes {
            self.apply_node(node, time);
        }
        let mut kept = FxHashSet::default();
        for edge in &derivation.edges {
            kept.extend(self.apply_derived(edge, time, source));
        }
        let gone: Vec<EdgeId> = self
            .edges()
            .filter(|(id, edge)| edge.origin == Origin::Derived && !kept.contains(id))
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            self.end_edge(id, time);
        }
        for gap in &derivation.gaps {
            self.note_gap(gap);
        }
    }

    fn apply_derived(&mut self, edge: &DerivedEdge, time: Timestamp, source: u16) -> Option<EdgeId> {
        let key = EdgeKey {
            source: self.reference(&edge.source, time)?,
            kind: edge.kind,
            target: self.reference(&edge.target, time)?,
        };
        let known = self.edge_of(key).map(|(id, record)| (id, record.origin, record.held(None)));
        if let Some((id, Origin::Raw, true)) = known {
            // A source reports what we derived too: the report stands, and it is not ours to end.
            return Some(id);
        }
        let id = self.upsert_edge(key, Origin::Derived, time)?;
        if !matches!(known, Some((_, _, true))) {
            self.confirm_edge(id, time, source, edge.confidence);
        }
        let record = self.edges.get_mut(id.index())?;
        record.origin = Origin::Derived;
        record.last_seen = record.last_seen.max(time);
        record.confidence = edge.confidence;
        if record.composition.as_ref() != edge.composition.as_slice() {
            record.composition = edge.composition.clone().into_boxed_slice();
        }
        record.properties = (!edge.properties.is_empty()).then(|| Box::new(edge.properties.clone()));
        Some(id)
    }
}
