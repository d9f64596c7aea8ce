//! What the elements of a batch became.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hopwatch_model::directory::{DirectoryEdge, DirectoryNode, Properties};
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::Counters;
use crate::directory::bloodhound::fields::Text;
use crate::directory::bloodhound::object::{Object, Principal};

/// Nodes and edges of some elements, with what was dropped on the way.
#[derive(Debug, Default)]
pub(in crate::directory) struct Output {
    /// Objects.
    pub(in crate::directory) nodes: Vec<DirectoryNode>,
    /// Objects that were only referred to, with the kind that the reference tells.
    pub(in crate::directory) references: Vec<(String, NodeKind)>,
    /// Raw edges.
    pub(in crate::directory) edges: Vec<DirectoryEdge>,
    /// Identifiers of objects that are gone.
    pub(in crate::directory) removed: Vec<String>,
    /// How many objects have a gap, by what is missing.
    pub(in crate::directory) gaps: BTreeMap<&'static str, u64>,
    /// What was ignored or dropped.
    pub(in crate::directory) counters: Counters,
    /// Digests of the references made so far: a list of access control repeats its trustees.
    referenced: FxHashSet<u64>,
    /// The domain of the object at hand, for well-known identifiers that lack it.
    domain: String,
}

impl Output {
    /// Starts the next object: its domain qualifies well-known identifiers.
    pub(super) fn enter(&mut self, object: &Object<'_>) {
        self.domain.clear();
        if let Some(domain) = object.properties.0.get("domain").and_then(PropertyValue::text) {
            self.domain.push_str(domain.trim());
            self.domain.make_ascii_uppercase();
        }
    }

    /// The identifier in the graph: upper case, a well-known SID qualified by the domain at hand.
    pub(super) fn id(&self, text: &Text<'_>) -> String {
        let mut id = match text.as_str().trim() {
            ascii if ascii.is_ascii() => ascii.to_ascii_uppercase(),
            other => other.to_uppercase(),
        };
        if !self.domain.is_empty() && is_well_known(&id) {
            id.insert(0, '-');
            id.insert_str(0, &self.domain);
        }
        id
    }

    /// An object with all that is known of it.
    pub(in crate::directory) fn node(&mut self, id: String, kind: NodeKind, mut properties: Properties) {
        for name in ["name", "operatingsystem", "distinguishedname"] {
            if let Some(PropertyValue::Text(text)) = properties.get_mut(name) {
                *text = text.to_uppercase();
            }
        }
        self.nodes.push(DirectoryNode { id, kind, properties });
    }

    /// An object that is referred to; one of no known kind becomes a node by its edge alone.
    pub(in crate::directory) fn reference(&mut self, id: &str, kind: NodeKind) {
        if kind != NodeKind::Base && !id.is_empty() && self.referenced.insert(FxBuildHasher.hash_one((id, kind))) {
            self.references.push((id.to_owned(), kind));
        }
    }

    /// An edge; one without an end is dropped and counted.
    pub(in crate::directory) fn edge(&mut self, source: &str, kind: EdgeKind, target: &str, properties: Properties) {
        if source.is_empty() || target.is_empty() {
            self.counters.drop("edge without an end");
        } else {
            self.edges.push(DirectoryEdge { source: source.to_owned(), kind, target: target.to_owned(), properties });
        }
    }

    /// Likewise, from an identifier that nobody else needs.
    pub(super) fn edge_owned(&mut self, source: String, kind: EdgeKind, target: &str, properties: Properties) {
        if source.is_empty() || target.is_empty() {
            self.counters.drop("edge without an end");
        } else {
            self.edges.push(DirectoryEdge { source, kind, target: target.to_owned(), properties });
        }
    }

    /// An edge from the object at hand to a referenced one.
    pub(super) fn edge_to(&mut self, id: &str, kind: EdgeKind, target: &Principal<'_>) {
        let other = self.id(&target.id);
        self.reference(&other, kind_named(target.kind.as_str()));
        self.edge(id, kind, &other, Properties::new());
    }

    /// An edge from a referenced object to the one at hand. An empty reference is none.
    pub(super) fn edge_from(&mut self, source: &Principal<'_>, kind: EdgeKind, id: &str) {
        if source.id.is_empty() {
            return;
        }
        let other = self.id(&source.id);
        self.reference(&other, kind_named(source.kind.as_str()));
        self.edge(&other, kind, id, Properties::new());
    }

    /// Counts one object of which something could not be collected.
    pub(super) fn gap(&mut self, what: &'static str) {
        *self.gaps.entry(what).or_default() += 1;
    }
}

/// The kind of a published name; most are told by their first letters, which spares the search through all.
pub(super) fn kind_named(name: &str) -> NodeKind {
    match name {
        "" | "Base" | "Unknown" => NodeKind::Base,
        "User" => NodeKind::User,
        "Group" => NodeKind::Group,
        "Computer" => NodeKind::Computer,
        // The class of CA security descriptors that RustHound writes.
        "LocalGroup" => NodeKind::Base,
        other => NodeKind::from_name(other).unwrap_or(NodeKind::Base),
    }
}

/// Whether an identifier is the same in every domain, so that it needs the domain to be unique: `[MS-DTYP] 2.4.2.4`.
fn is_well_known(id: &str) -> bool {
    let Some(rest) = id.strip_prefix("S-1-") else { return false };
    match rest.strip_prefix("5-") {
        Some(rest) => match rest.split_once('-') {
            Some((authority, _)) => matches!(authority, "32" | "64" | "65"),
            None => true,
        },
        None => rest.starts_with("1-") || rest.starts_with("3-") || rest.starts_with("18-"),
    }
}

/// No properties.
pub(super) fn no_properties() -> Properties {
    Properties::new()
}

/// One property.
pub(super) fn one(name: &str, value: PropertyValue) -> Properties {
    Properties::from([(name.to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_that_every_domain_has_are_well_known() {
        for id in ["S-1-5-32-544", "S-1-5-11", "S-1-1-0", "S-1-3-4", "S-1-18-1", "S-1-5-64-10"] {
            assert!(is_well_known(id), "{id}");
        }
        for id in ["S-1-5-21-1-2-3-500", "LAB.EXAMPLE-S-1-5-11", "S-1-5-80-1-2", "S-1-15-2-1", "2A374493-816A"] {
            assert!(!is_well_known(id), "{id}");
        }
    }
}
