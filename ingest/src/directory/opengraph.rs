//! OpenGraph: a graph of any origin as `{"metadata": …, "graph": {"nodes": […], "edges": […]}}`
//! (BloodHound `docs/opengraph/developer`). Kinds that we know keep their meaning, others become
//! [`NodeKind::Custom`] and [`EdgeKind::CustomEdge`] with the name as property `kind`.
//!
//! Derived kinds of Active Directory are not taken: what they rest on is, and they are derived from it, as in
//! BloodHound. Read through [`super::bloodhound::read`], which tells the formats apart.
//!
//! *Blind spots*: an edge whose end is matched by name or property finds it among the nodes of the same file that come
//! before it, and is counted as dropped otherwise.

use std::io::Read;

use hopwatch_model::edge::Origin;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::bloodhound::{Bag, Error, Load, Output, Scalar, Scanner};

/// How many elements are delivered at once.
const BATCH_ELEMENTS: usize = 4096;

/// How many property values are remembered for edges that match by them.
const MAX_MATCHABLE: usize = 1 << 20;

/// A node as it is written.
#[derive(Deserialize)]
struct Node {
    #[serde(default)]
    id: Scalar,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    properties: Bag,
}

/// An edge as it is written.
#[derive(Deserialize)]
struct Edge {
    #[serde(default)]
    kind: String,
    start: End,
    end: End,
    #[serde(default)]
    properties: Bag,
}

/// An end of an edge.
#[derive(Deserialize)]
struct End {
    #[serde(default)]
    match_by: Option<String>,
    #[serde(default)]
    value: Scalar,
    #[serde(default)]
    property_matchers: Vec<Matcher>,
}

/// A property that an end must have.
#[derive(Deserialize)]
struct Matcher {
    key: String,
    #[serde(default)]
    value: Scalar,
}

/// Identifiers by property, for edges that match by it; `None` where several nodes have the value.
type Matchable = FxHashMap<(String, String), Option<String>>;

/// Reads the `graph` member.
pub(super) fn graph<R: Read>(scanner: &mut Scanner<R>, load: &mut Load<'_>) -> Result<(), Error> {
    scanner.expect(b'{')?;
    let mut matchable = Matchable::default();
    while let Some(key) = scanner.key()? {
        match key.as_str() {
            "nodes" if scanner.take(b'[')? => {
                elements(scanner, load, |bytes, out| node(bytes, &mut matchable, out))?;
            }
            "edges" if scanner.take(b'[')? => elements(scanner, load, |bytes, out| edge(bytes, &matchable, out))?,
            _ => {
                scanner.value()?;
            }
        }
    }
    Ok(())
}

fn elements<R: Read>(
    scanner: &mut Scanner<R>,
    load: &mut Load<'_>,
    mut convert: impl FnMut(&[u8], &mut Output),
) -> Result<(), Error> {
    let mut out = Output::default();
    let mut held = 0;
    let result = loop {
        match scanner.element() {
            Ok(Some(bytes)) => convert(bytes, &mut out),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        out.counters.read += 1;
        held += 1;
        if held == BATCH_ELEMENTS {
            held = 0;
            load.deliver(vec![std::mem::take(&mut out)]);
        }
    };
    load.deliver(vec![out]);
    result
}

fn node(bytes: &[u8], matchable: &mut Matchable, out: &mut Output) {
    let Ok(node) = serde_json::from_slice::<Node>(bytes) else {
        out.counters.drop("malformed object");
        return;
    };
    let Some(id) = spelling(&node.id).filter(|id| !id.is_empty()) else {
        out.counters.drop("object without an identifier");
        return;
    };
    let mut properties = node.properties.0;
    if let Some(own) = properties.remove("objectid")
        && own.text().is_some_and(|own| !own.eq_ignore_ascii_case(&id))
    {
        out.counters.drop("node whose objectid is not its id");
        return;
    }
    let tags = |kind: &&String| !kind.starts_with("Tag_");
    let mut known = node.kinds.iter().filter(tags).filter_map(|kind| NodeKind::from_name(kind));
    let kind = known.find(|kind| *kind != NodeKind::Base);
    let custom = node.kinds.iter().filter(tags).find(|kind| NodeKind::from_name(kind).is_none());
    let kind = match (kind, custom) {
        (Some(kind), _) => kind,
        (None, Some(custom)) => {
            properties.insert("kind".to_owned(), PropertyValue::Text(custom.clone()));
            NodeKind::Custom
        }
        (None, None) => NodeKind::Base,
    };
    for (name, value) in &properties {
        if let Some(text) = value.text()
            && matchable.len() < MAX_MATCHABLE
        {
            matchable
                .entry((name.clone(), text.to_uppercase()))
                .and_modify(|known| *known = None)
                .or_insert_with(|| Some(id.clone()));
        }
    }
    out.node(id, kind, properties);
}

fn edge(bytes: &[u8], matchable: &Matchable, out: &mut Output) {
    let Ok(edge) = serde_json::from_slice::<Edge>(bytes) else {
        out.counters.drop("malformed object");
        return;
    };
    let known = EdgeKind::from_name(&edge.kind);
    if known.is_some_and(|kind| kind.origin() == Origin::Derived) {
        out.counters.ignore("derived edge of an import");
        return;
    }
    let (Some(source), Some(target)) = (resolve(&edge.start, matchable), resolve(&edge.end, matchable)) else {
        out.counters.drop("edge whose end matches no node or several");
        return;
    };
    let mut properties = edge.properties.0;
    if known.is_none() {
        properties.insert("kind".to_owned(), PropertyValue::Text(edge.kind));
    }
    out.edge(&source, known.unwrap_or(EdgeKind::CustomEdge), &target, properties);
}

fn resolve(end: &End, matchable: &Matchable) -> Option<String> {
    match end.match_by.as_deref().unwrap_or("id") {
        "id" => spelling(&end.value),
        "name" => matchable.get(&("name".to_owned(), spelling(&end.value)?))?.clone(),
        "property" => {
            let [matcher] = end.property_matchers.as_slice() else { return None };
            let value = spelling(&matcher.value)?;
            match matcher.key.to_ascii_lowercase().as_str() {
                "objectid" => Some(value),
                key => matchable.get(&(key.to_owned(), value))?.clone(),
            }
        }
        _ => None,
    }
}

fn spelling(value: &Scalar) -> Option<String> {
    match value.0.as_ref()? {
        PropertyValue::Text(text) => Some(text.trim().to_uppercase()),
        PropertyValue::Integer(value) => Some(value.to_string()),
        PropertyValue::Bool(_) | PropertyValue::Float(_) | PropertyValue::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Timestamp;

    use crate::Counters;
    use crate::sink::Collected;

    fn read(text: &str) -> (Collected, Counters) {
        let (mut sink, mut counters) = (Collected::default(), Counters::default());
        super::super::bloodhound::read(text.as_bytes(), "t.json", Timestamp::MIN, &mut sink, &mut counters).unwrap();
        (sink, counters)
    }

    #[test]
    fn foreign_kinds_keep_their_name_and_known_ones_their_meaning() {
        let (sink, _) = read(
            r#"{"graph":{"nodes":[{"id":"a","kinds":["User","Base"]},{"id":"b","kinds":["GitHubRepo"],"properties":{"Name":"r"}}],
                "edges":[{"kind":"CanPush","start":{"value":"a"},"end":{"match_by":"name","value":"R"}},
                         {"kind":"MemberOf","start":{"value":"a"},"end":{"value":"g"}}]}}"#,
        );
        let nodes: Vec<_> =
            sink.deltas.iter().flat_map(|delta| &delta.nodes).map(|n| (n.id.as_str(), n.kind.name())).collect();
        assert_eq!(nodes, [("A", "User"), ("B", "Custom")]);
        let edges: Vec<_> =
            sink.deltas.iter().flat_map(|delta| &delta.edges).map(|e| (e.kind.name(), e.target.as_str())).collect();
        assert_eq!(edges, [("CustomEdge", "B"), ("MemberOf", "G")]);
    }

    #[test]
    fn derived_edges_and_unmatched_ends_are_counted() {
        let (sink, counters) = read(
            r#"{"graph":{"edges":[{"kind":"AdminTo","start":{"value":"a"},"end":{"value":"b"}},
                {"kind":"MemberOf","start":{"match_by":"name","value":"x"},"end":{"value":"b"}}]}}"#,
        );
        assert!(sink.deltas.iter().all(|delta| delta.edges.is_empty()));
        assert_eq!((counters.ignored.len(), counters.dropped.len()), (1, 1));
    }
}
