//! `hopwatch graph export`: the whole graph as a table, as OpenGraph JSON, as Cypher for Neo4j, or as GraphML.

use std::io::{BufWriter, Write};

use anyhow::Result;
use clap::ValueEnum;
use hopwatch_graph::{Edge, Estate, Node, NodeId};
use hopwatch_model::edge::Origin;
use hopwatch_model::{NodeKind, PropertyValue, Timestamp};
use serde_json::json;

/// Rows of a Cypher statement: large enough that a transaction is worth its cost, small enough for the server's parser.
const ROWS: usize = 500;

/// The form of an export.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// A line an edge: source objectid, kind, target objectid, `raw` or `derived`; tabs between.
    Edges,
    /// JSON that BloodHound and `hopwatch import` read.
    Opengraph,
    /// Cypher statements for `cypher-shell`, with BloodHound's labels and types.
    Neo4j,
    /// XML that yEd, Gephi and Cytoscape read.
    Graphml,
}

/// Writes what holds at a time. Observed kinds that no directory knows are left out of a comparison with BloodHound by its
/// own kinds; here all edges that hold are written.
pub(super) fn write(estate: &Estate, format: Format, as_of: Option<Timestamp>, out: &mut dyn Write) -> Result<()> {
    let mut out = BufWriter::new(out);
    let graph = Graph { estate, as_of };
    match format {
        Format::Edges => graph.edge_table(&mut out)?,
        Format::Opengraph => graph.opengraph(&mut out)?,
        Format::Neo4j => graph.cypher(&mut out)?,
        Format::Graphml => graph.graphml(&mut out)?,
    }
    out.flush()?;
    Ok(())
}

struct Graph<'a> {
    estate: &'a Estate,
    as_of: Option<Timestamp>,
}

impl<'a> Graph<'a> {
    fn nodes(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        let as_of = self.as_of;
        self.estate.nodes().map(|(_, node)| node).filter(move |node| node.existed(as_of))
    }

    fn edges(&self) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let as_of = self.as_of;
        self.estate.edges().map(|(_, edge)| edge).filter(move |edge| edge.held(as_of))
    }

    fn id(&self, node: NodeId) -> &'a str {
        self.estate.node(node).map(|node| node.id.as_str()).unwrap_or_default()
    }

    fn edge_table(&self, out: &mut impl Write) -> Result<()> {
        for edge in self.edges() {
            let (source, target) = (self.id(edge.key.source), self.id(edge.key.target));
            writeln!(out, "{source}\t{}\t{target}\t{}", edge.key.kind.name(), origin(edge))?;
        }
        Ok(())
    }

    fn opengraph(&self, out: &mut impl Write) -> Result<()> {
        let nodes = self
            .nodes()
            .map(|node| json!({ "id": node.id, "kinds": [node.kind.name(), "Base"], "properties": node.properties }));
        let edges = self.edges().map(|edge| {
            json!({
                "kind": edge.key.kind.name(),
                "start": { "match_by": "id", "value": self.id(edge.key.source) },
                "end": { "match_by": "id", "value": self.id(edge.key.target) },
            })
        });
        let graph = json!({
            "metadata": { "source_kind": "Base" },
            "graph": { "nodes": nodes.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() },
        });
        Ok(serde_json::to_writer(out, &graph)?)
    }

    /// `MERGE` throughout, so that the script may be run again; `count`, `firstseen` and the like are as in the mirror.
    fn cypher(&self, out: &mut impl Write) -> Result<()> {
        writeln!(
            out,
            "CREATE CONSTRAINT hopwatch_base_objectid IF NOT EXISTS FOR (n:Base) REQUIRE n.objectid IS UNIQUE;\n\
             CALL db.awaitIndexes(300);"
        )?;
        let mut nodes: Vec<&Node> = self.nodes().collect();
        nodes.sort_by_key(|node| node.kind);
        for group in nodes.chunk_by(|a, b| a.kind == b.kind) {
            let kind = group.first().map_or(NodeKind::Base, |node| node.kind);
            let label = if kind == NodeKind::Base { String::new() } else { format!("n:{}, ", kind.name()) };
            for chunk in group.chunks(ROWS) {
                let rows: Vec<String> = chunk.iter().map(|node| node_row(node)).collect();
                let rows = rows.join(",\n");
                writeln!(
                    out,
                    "UNWIND [\n{rows}] AS row MERGE (n:Base {{objectid: row.id}}) SET {label}n += row.properties;"
                )?;
            }
        }
        let mut edges: Vec<&Edge> = self.edges().collect();
        edges.sort_by_key(|edge| edge.key.kind);
        for group in edges.chunk_by(|a, b| a.key.kind == b.key.kind) {
            for chunk in group.chunks(ROWS) {
                let rows: Vec<String> = chunk.iter().map(|edge| self.edge_row(edge)).collect();
                let (rows, kind) = (rows.join(",\n"), group.first().map_or("", |edge| edge.key.kind.name()));
                writeln!(
                    out,
                    "UNWIND [\n{rows}] AS row MATCH (s:Base {{objectid: row.source}}) MATCH (t:Base {{objectid: \
                     row.target}}) MERGE (s)-[r:{kind}]->(t) SET r += row.properties;"
                )?;
            }
        }
        Ok(())
    }

    fn edge_row(&self, edge: &Edge) -> String {
        let (source, target) = (quoted(self.id(edge.key.source)), quoted(self.id(edge.key.target)));
        let mut properties: Vec<String> = edge
            .properties
            .iter()
            .flat_map(|properties| properties.iter())
            .map(|(name, value)| format!("{}: {}", name_of(name), literal(value)))
            .collect();
        properties.push(format!("origin: {}", quoted(origin(edge))));
        properties.push(format!("firstseen: {}", quoted(&edge.first_seen.to_string())));
        properties.push(format!("lastseen: {}", quoted(&edge.last_seen.to_string())));
        properties.push(format!("count: {}, confidence: {}", edge.count, edge.confidence));
        properties.push(format!("traversable: {}", edge.key.kind.traversable()));
        format!("{{source: {source}, target: {target}, properties: {{{}}}}}", properties.join(", "))
    }

    fn graphml(&self, out: &mut impl Write) -> Result<()> {
        writeln!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">"
        )?;
        for (id, of, kind) in [
            ("kind", "node", "string"),
            ("name", "node", "string"),
            ("properties", "node", "string"),
            ("relation", "edge", "string"),
            ("origin", "edge", "string"),
            ("traversable", "edge", "boolean"),
            ("count", "edge", "long"),
            ("firstseen", "edge", "string"),
            ("lastseen", "edge", "string"),
        ] {
            writeln!(out, "<key id=\"{id}\" for=\"{of}\" attr.name=\"{id}\" attr.type=\"{kind}\"/>")?;
        }
        writeln!(out, "<graph edgedefault=\"directed\">")?;
        for node in self.nodes() {
            write!(out, "<node id=\"{}\">", escaped(&node.id))?;
            let properties = serde_json::to_string(&node.properties)?;
            for (key, value) in [("kind", node.kind.name()), ("name", node.label()), ("properties", &properties)] {
                write!(out, "<data key=\"{key}\">{}</data>", escaped(value))?;
            }
            writeln!(out, "</node>")?;
        }
        for edge in self.edges() {
            let (source, target) = (escaped(self.id(edge.key.source)), escaped(self.id(edge.key.target)));
            write!(out, "<edge source=\"{source}\" target=\"{target}\">")?;
            for (key, value) in [
                ("relation", edge.key.kind.name().to_owned()),
                ("origin", origin(edge).to_owned()),
                ("traversable", edge.key.kind.traversable().to_string()),
                ("count", edge.count.to_string()),
                ("firstseen", edge.first_seen.to_string()),
                ("lastseen", edge.last_seen.to_string()),
            ] {
                write!(out, "<data key=\"{key}\">{}</data>", escaped(&value))?;
            }
            writeln!(out, "</edge>")?;
        }
        writeln!(out, "</graph>\n</graphml>")?;
        Ok(())
    }
}

fn origin(edge: &Edge) -> &'static str {
    if edge.key.kind.origin() == Origin::Raw { "raw" } else { "derived" }
}

fn node_row(node: &Node) -> String {
    let mut properties: Vec<String> =
        node.properties.iter().map(|(name, value)| format!("{}: {}", name_of(name), literal(value))).collect();
    properties.push(format!("firstseen: {}", quoted(&node.first_seen.to_string())));
    properties.push(format!("lastseen: {}", quoted(&node.last_seen.to_string())));
    format!("{{id: {}, properties: {{{}}}}}", quoted(&node.id), properties.join(", "))
}

/// A value as a Cypher literal.
fn literal(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Bool(value) => value.to_string(),
        PropertyValue::Integer(value) => value.to_string(),
        PropertyValue::Float(value) if value.is_finite() => format!("{value:?}"),
        PropertyValue::Float(_) => "null".into(),
        PropertyValue::Text(text) => quoted(text),
        PropertyValue::List(items) => {
            let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A Cypher string. Names come from whoever may write to the directory: nothing in them may end the string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A property's name; within backticks only a backtick means something, doubled.
fn name_of(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    format!("`{}`", plain.replace('`', "``"))
}

/// Text of XML 1.0, which has no control characters but three (§2.2).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_string() {
        assert_eq!(
            quoted("O'Brien\\'; MATCH (n) DETACH DELETE n //\n"),
            "'O\\'Brien\\\\\\'; MATCH (n) DETACH DELETE n //\\u000a'"
        );
        assert_eq!(name_of("a`b\\u0060"), "`a``b_u0060`");
        assert_eq!(escaped("<a b=\"&\u{1}\">\n"), "&lt;a b=&quot;&amp;\u{fffd}&quot;&gt;&#10;");
    }

    #[test]
    fn numbers_that_json_and_cypher_lack_are_null() {
        assert_eq!(literal(&PropertyValue::Float(f64::NAN)), "null");
        assert_eq!(literal(&PropertyValue::Float(1.0)), "1.0");
        assert_eq!(literal(&PropertyValue::List(vec!["a'".into()])), "['a\\'']");
    }
}
