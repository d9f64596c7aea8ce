//! What our importer makes of a collection.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use hopwatch_ingest::directory::bloodhound;
use hopwatch_ingest::{Counters, sink};
use hopwatch_model::directory::DirectoryNode;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue, Timestamp};

/// What our importer makes of a collection.
pub(crate) struct Graph {
    pub(crate) nodes: BTreeMap<String, DirectoryNode>,
    pub(crate) edges: BTreeSet<(String, EdgeKind, String)>,
}

impl Graph {
    pub(crate) fn load(path: &Path) -> Self {
        let (mut sink, mut counters) = (sink::Collected::default(), Counters::default());
        let name = path.display().to_string();
        let failed = bloodhound::read_archive(
            File::open(path).unwrap(),
            &name,
            Timestamp::from_secs(1),
            &mut sink,
            &mut counters,
        )
        .unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        let (mut nodes, mut edges) = (BTreeMap::new(), BTreeSet::new());
        for delta in sink.deltas {
            edges.extend(delta.edges.into_iter().map(|edge| (edge.source, edge.kind, edge.target)));
            for node in delta.nodes.into_iter().filter(|node| node.properties.contains_key("distinguishedname")) {
                nodes.insert(node.id.clone(), node);
            }
        }
        Self { nodes, edges }
    }

    pub(crate) fn text(&self, id: &str, property: &str) -> &str {
        self.nodes
            .get(id)
            .and_then(|node| node.properties.get(property))
            .and_then(PropertyValue::text)
            .unwrap_or_default()
    }

    pub(crate) fn flag(&self, id: &str, property: &str) -> bool {
        let value = self.nodes.get(id).and_then(|node| node.properties.get(property));
        value.and_then(PropertyValue::bool) == Some(true)
    }

    pub(crate) fn kind(&self, id: &str) -> Option<NodeKind> {
        self.nodes.get(id).map(|node| node.kind)
    }

    pub(crate) fn ids(&self, kind: NodeKind) -> BTreeSet<&str> {
        let dn = |node: &DirectoryNode| self.text(&node.id, "distinguishedname").to_owned();
        let written = self.nodes.values().filter(|node| node.kind == kind && !dn(node).is_empty());
        written.filter(|node| !deleted(&dn(node))).map(|node| node.id.as_str()).collect()
    }
}

/// Whether the name is a deleted object's.
pub(crate) fn deleted(dn: &str) -> bool {
    dn.contains("0ADEL:") || dn.starts_with("CN=DELETED OBJECTS,")
}
