//! GraphML, the form that yEd, Gephi and NetworkX read: <http://graphml.graphdrawing.org/specification.html>. Properties that
//! are lists are joined; times are seconds since 1970.

use std::collections::BTreeMap;
use std::io::{self, Write};

use hopwatch_graph::Estate;
use hopwatch_model::{PropertyValue, Timestamp};

/// Writes what held at a time, or holds now.
pub(super) fn write(estate: &Estate, as_of: Option<Timestamp>, out: &mut impl Write) -> io::Result<()> {
    let nodes = || estate.nodes().filter(|(_, node)| node.existed(as_of));
    // A property has one type; where objects disagree it is text.
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in nodes().flat_map(|(_, node)| &node.properties) {
        let found = kind(value);
        keys.entry(name).and_modify(|known| *known = if *known == found { found } else { "string" }).or_insert(found);
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
    writeln!(out, "<key id=\"kind\" for=\"all\" attr.name=\"kind\" attr.type=\"string\"/>")?;
    for (name, of) in [("first_seen", "long"), ("last_seen", "long"), ("origin", "string")] {
        writeln!(out, "<key id=\"e_{name}\" for=\"edge\" attr.name=\"{name}\" attr.type=\"{of}\"/>")?;
    }
    for (name, of) in &keys {
        let name = escaped(name);
        writeln!(out, "<key id=\"n_{name}\" for=\"node\" attr.name=\"{name}\" attr.type=\"{of}\"/>")?;
    }
    writeln!(out, "<graph edgedefault=\"directed\">")?;
    for (_, node) in nodes() {
        write!(out, "<node id=\"{}\"><data key=\"kind\">{}</data>", escaped(&node.id), node.kind.name())?;
        for (name, value) in &node.properties {
            write!(out, "<data key=\"n_{}\">{}</data>", escaped(name), escaped(&text(value)))?;
        }
        writeln!(out, "</node>")?;
    }
    let id = |node| estate.node(node).map(|node| escaped(&node.id)).unwrap_or_default();
    for (_, edge) in estate.edges().filter(|(_, edge)| edge.held(as_of)) {
        let key = edge.key;
        write!(out, "<edge source=\"{}\" target=\"{}\">", id(key.source), id(key.target))?;
        write!(out, "<data key=\"kind\">{}</data>", key.kind.name())?;
        let origin = if key.kind.origin() == hopwatch_model::edge::Origin::Raw { "raw" } else { "derived" };
        write!(out, "<data key=\"e_origin\">{origin}</data>")?;
        write!(out, "<data key=\"e_first_seen\">{}</data>", edge.first_seen.as_secs())?;
        writeln!(out, "<data key=\"e_last_seen\">{}</data></edge>", edge.last_seen.as_secs())?;
    }
    writeln!(out, "</graph>\n</graphml>")
}

fn kind(value: &PropertyValue) -> &'static str {
    match value {
        PropertyValue::Bool(_) => "boolean",
        PropertyValue::Integer(_) => "long",
        PropertyValue::Float(_) => "double",
        PropertyValue::Text(_) | PropertyValue::List(_) => "string",
    }
}

fn text(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Bool(value) => value.to_string(),
        PropertyValue::Integer(value) => value.to_string(),
        PropertyValue::Float(value) => value.to_string(),
        PropertyValue::Text(text) => text.clone(),
        PropertyValue::List(items) => items.join("; "),
    }
}

/// Text in XML: names of objects are an attacker's to choose. What XML 1.0 cannot hold at all is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use hopwatch_model::directory::Properties;
    use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind};

    use super::*;

    #[test]
    fn hostile_names_stay_inside_their_element_and_types_that_differ_are_text() {
        let node = |id: &str, value: PropertyValue| DirectoryNode {
            id: id.to_owned(),
            kind: NodeKind::User,
            properties: [("x".to_owned(), value)].into(),
        };
        let delta = DirectoryDelta {
            time: Timestamp::from_secs(5),
            nodes: vec![
                node("A", PropertyValue::Integer(1)),
                node("B\"<", PropertyValue::Text("</node>&\u{1}".into())),
            ],
            edges: vec![DirectoryEdge {
                source: "A".into(),
                kind: EdgeKind::GenericAll,
                target: "B\"<".into(),
                properties: Properties::new(),
            }],
            ..DirectoryDelta::default()
        };
        let mut estate = Estate::default();
        estate.apply(&delta);
        let mut out = Vec::new();
        write(&estate, None, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("<data key=\"n_x\">&lt;/node&gt;&amp;\u{fffd}</data>"), "{text}");
        assert!(text.contains("attr.name=\"x\" attr.type=\"string\""), "{text}");
        assert_eq!(text.matches("</node>").count(), estate.nodes().count(), "{text}");
        assert_eq!(text.matches("</edge>").count(), 1, "{text}");
    }
}
