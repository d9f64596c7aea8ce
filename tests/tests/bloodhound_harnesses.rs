//! BloodHound's harness graphs as a second oracle: each is a drawing of raw edges together with the derived edges that
//! they must give. The drawings leave out what their code fills in (identifiers, hosts of authorities, properties of
//! templates), which is filled in here by the same rules for all of them.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hopwatch_graph::{Estate, Mode};
use hopwatch_model::directory::{DirectoryEdge, DirectoryNode, Properties};
use hopwatch_model::{DirectoryDelta, EdgeKind, NodeKind, PropertyValue, Timestamp};
use serde_json::Value;

/// The kinds that are compared: what a harness exists for. Others in the drawings are input.
const COMPARED: [EdgeKind; 14] = [
    EdgeKind::ADCSESC1,
    EdgeKind::ADCSESC3,
    EdgeKind::ADCSESC4,
    EdgeKind::ADCSESC6a,
    EdgeKind::ADCSESC6b,
    EdgeKind::ADCSESC9a,
    EdgeKind::ADCSESC9b,
    EdgeKind::ADCSESC10a,
    EdgeKind::ADCSESC10b,
    EdgeKind::ADCSESC13,
    EdgeKind::GoldenCert,
    EdgeKind::EnrollOnBehalfOf,
    EdgeKind::SyncLAPSPassword,
    EdgeKind::DCSync,
];

/// Drawings that do not say what their edges need, with what is missing.
const INCOMPLETE: [(&str, &str); 1] =
    [("esc9bharnesseca.json", "no controller has a binding, only the mapping of the ESC10 drawing it was copied from")];

fn kind(caption: &str) -> Option<NodeKind> {
    let starts = |prefix: &str| caption.starts_with(prefix);
    let table = [
        ("Domain Users", NodeKind::Group),
        ("Domain", NodeKind::Domain),
        ("NTAuthStore", NodeKind::NTAuthStore),
        ("RootCA", NodeKind::RootCA),
        ("AIACA", NodeKind::AIACA),
        ("EnterpriseCA", NodeKind::EnterpriseCA),
        ("CertTemplate", NodeKind::CertTemplate),
        ("IssuancePolicy", NodeKind::IssuancePolicy),
        ("Computer", NodeKind::Computer),
        ("DC", NodeKind::Computer),
        ("User", NodeKind::User),
        ("Group", NodeKind::Group),
    ];
    table.into_iter().find(|(prefix, _)| starts(prefix)).map(|(_, kind)| kind)
}

fn property(name: &str, value: &str) -> (String, PropertyValue) {
    let name = match name.to_lowercase().as_str() {
        "requiremanagerapproval" => "requiresmanagerapproval".to_owned(),
        other => other.to_owned(),
    };
    let text = value.trim();
    let value = match text.to_lowercase().as_str() {
        "true" => PropertyValue::Bool(true),
        "false" => PropertyValue::Bool(false),
        _ if text.starts_with('[') => {
            let items = text.trim_matches(['[', ']']).split(',').map(|item| item.trim().trim_matches('"').to_owned());
            PropertyValue::List(items.filter(|item| !item.is_empty()).collect())
        }
        number => number.parse().map_or_else(|_| PropertyValue::Text(text.to_owned()), PropertyValue::Integer),
    };
    (name, value)
}

/// What the drawings leave out.
fn defaults(kind: NodeKind, id: &str) -> Vec<(String, PropertyValue)> {
    let pairs: &[(&str, &str)] = match kind {
        NodeKind::CertTemplate => &[
            ("requiresmanagerapproval", "false"),
            ("authenticationenabled", "true"),
            ("schannelauthenticationenabled", "true"),
            ("enrolleesuppliessubject", "false"),
            ("nosecurityextension", "false"),
            ("schemaversion", "1"),
            ("authorizedsignatures", "0"),
            ("subjectaltrequireupn", "false"),
            ("subjectaltrequirespn", "false"),
            ("subjectaltrequiredns", "false"),
            ("subjectaltrequiredomaindns", "false"),
            ("applicationpolicies", "[]"),
        ],
        NodeKind::EnterpriseCA => {
            &[("isuserspecifiessanenabledcollected", "true"), ("enrollmentagentrestrictionscollected", "false")]
        }
        NodeKind::Computer => &[("enabled", "true")],
        NodeKind::Domain => &[("collected", "true")],
        _ => &[],
    };
    let mut all: Vec<_> = pairs.iter().map(|(name, value)| property(name, value)).collect();
    if kind == NodeKind::Domain {
        all.push(("domainsid".to_owned(), PropertyValue::Text(id.to_owned())));
        all.push(("name".to_owned(), PropertyValue::Text(id.to_owned())));
    }
    all
}

type Edges = BTreeSet<(String, &'static str, String)>;

/// The estate of a drawing and the derived edges that it shows; `None` where a node is of no kind that we compare.
fn drawing(path: &Path) -> Option<(Estate, Edges)> {
    let text: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut delta = DirectoryDelta { time: Timestamp::from_secs(1), source: "drawing".into(), ..Default::default() };
    let mut ids = BTreeMap::new();
    let mut domain = None;
    for node in text["nodes"].as_array()? {
        let (id, caption) = (node["id"].as_str()?, node["caption"].as_str()?.trim());
        let kind = kind(caption)?;
        let id = format!("{caption}.{id}").to_uppercase();
        if kind == NodeKind::Domain {
            domain.get_or_insert(id.clone());
        }
        ids.insert(node["id"].as_str()?.to_owned(), id.clone());
        let mut properties: Properties = defaults(kind, &id).into_iter().collect();
        for (name, value) in node["properties"].as_object()? {
            properties.extend([property(name, value.as_str()?)]);
        }
        delta.nodes.push(DirectoryNode { id, kind, properties });
    }
    for node in &mut delta.nodes {
        let sid = PropertyValue::Text(domain.clone()?);
        node.properties.entry("domainsid".to_owned()).or_insert(sid);
    }
    let mut expected = Edges::new();
    let mut hosted = BTreeSet::new();
    for edge in text["relationships"].as_array()? {
        let name = edge["type"].as_str()?.trim();
        let kind = EdgeKind::from_name(if name == "HostCAService" { "HostsCAService" } else { name })?;
        let (source, target) = (ids.get(edge["fromId"].as_str()?)?.clone(), ids.get(edge["toId"].as_str()?)?.clone());
        if COMPARED.contains(&kind) {
            expected.insert((source, kind.name(), target));
            continue;
        }
        if kind == EdgeKind::HostsCAService {
            hosted.insert(target.clone());
        }
        delta.edges.push(DirectoryEdge { source, kind, target, properties: Properties::new() });
    }
    let unhosted: Vec<String> = delta
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::EnterpriseCA && !hosted.contains(&node.id))
        .map(|node| node.id.clone())
        .collect();
    for id in unhosted.into_iter().filter(|_| hosted.is_empty()) {
        let host = format!("HOST-OF-{id}");
        let properties = defaults(NodeKind::Computer, &host).into_iter().collect();
        delta.nodes.push(DirectoryNode { id: host.clone(), kind: NodeKind::Computer, properties });
        let kind = EdgeKind::HostsCAService;
        delta.edges.push(DirectoryEdge { source: host, kind, target: id, properties: Properties::new() });
    }
    let mut estate = Estate::default();
    estate.apply(&delta);
    Some((estate, expected))
}

#[test]
fn drawn_edges_are_derived() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HOPWATCH_CORPUS").map_or(root, PathBuf::from).join("bloodhound/harnesses");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    files.sort();
    if files.is_empty() {
        println!("skipped: no corpus");
    }
    let (mut drawn, mut wrong) = (0, Vec::new());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some((estate, expected)) = drawing(&path).filter(|(_, expected)| !expected.is_empty()) else { continue };
        if let Some((_, reason)) = INCOMPLETE.iter().find(|(incomplete, _)| *incomplete == name) {
            println!("skipped: {name}: {reason}");
            continue;
        }
        let kinds: BTreeSet<&str> = expected.iter().map(|edge| edge.1).collect();
        let derivation = hopwatch_graph::derive::all(&estate, Mode::BloodHound);
        let id = |node| estate.node(node).map(|node| node.id.clone()).unwrap_or_default();
        let got: Edges = derivation
            .edges
            .iter()
            .map(|edge| (id(edge.key.source), edge.key.kind.name(), id(edge.key.target)))
            .filter(|(source, kind, _)| kinds.contains(kind) && !source.starts_with("HOST-OF-"))
            .collect();
        drawn += 1;
        let (missing, extra) = (expected.difference(&got).count(), got.difference(&expected).count());
        println!("{name}: {} drawn, {missing} missing, {extra} extra", expected.len());
        for edge in expected.difference(&got) {
            println!("  missing {edge:?}");
        }
        for edge in got.difference(&expected) {
            println!("  extra {edge:?}");
        }
        if missing + extra > 0 {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{} of {drawn} drawings differ: {wrong:?}", wrong.len());
}
