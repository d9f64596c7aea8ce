//! Whole files in, deltas out.

use hopwatch_model::{EdgeKind, NodeKind};

use super::*;
use crate::sink::Collected;

fn load(text: &[u8], name: &str) -> (Collected, Counters, Result<(), Error>) {
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let result = read(text, name, Timestamp::from_secs(1), &mut sink, &mut counters);
    (sink, counters, result)
}

fn edges(sink: &Collected) -> Vec<(&str, EdgeKind, &str)> {
    let all = sink.deltas.iter().flat_map(|delta| &delta.edges);
    all.map(|edge| (edge.source.as_str(), edge.kind, edge.target.as_str())).collect()
}

const GROUP: &str = r#"{"ObjectIdentifier":"g","Members":[{"ObjectIdentifier":"u","ObjectType":"User"}]}"#;

#[test]
fn meta_may_come_before_or_after_the_data() {
    for text in [
        format!(r#"{{"meta":{{"type":"groups","version":6,"count":99}},"data":[{GROUP}]}}"#),
        format!(r#"{{"data":[{GROUP}],"meta":{{"type":"groups","version":5}}}}"#),
        format!("\u{feff}{{\"Data\":[{GROUP}]}}"),
    ] {
        let (sink, _, result) = load(text.as_bytes(), "x.json");
        result.unwrap();
        assert_eq!(edges(&sink), [("U", EdgeKind::MemberOf, "G")], "{text}");
    }
}

#[test]
fn a_malformed_object_is_counted_and_the_rest_loads() {
    let text = format!(r#"{{"meta":{{"type":"groups","version":6}},"data":[{{"Members":3}},{{"a":}},{{}},{GROUP}]}}"#);
    let (sink, counters, result) = load(text.as_bytes(), "x.json");
    result.unwrap();
    assert_eq!(edges(&sink).len(), 1);
    assert_eq!(counters.dropped.get("malformed object"), Some(&2));
    assert_eq!(counters.dropped.get("object without an identifier"), Some(&1));
}

#[test]
fn a_truncated_file_delivers_what_was_complete_and_says_so() {
    let text = format!(r#"{{"data":[{GROUP},{{"ObjectIdentifier":"h","Memb"#);
    let (sink, _, result) = load(text.as_bytes(), "20260101_groups.json");
    assert!(matches!(result, Err(Error::Truncated { .. })));
    assert_eq!(edges(&sink).len(), 1);
}

#[test]
fn truncation_at_every_offset_is_an_error_and_never_a_panic() {
    let text = format!(r#"{{"meta":{{"type":"groups","version":6}},"data":[{GROUP}]}}"#);
    for cut in 0..text.len() {
        assert!(load(&text.as_bytes()[..cut], "x.json").2.is_err(), "{cut}");
    }
}

#[test]
fn unknown_types_old_versions_and_foreign_files_are_named() {
    let check = |text: &str| load(text.as_bytes(), "x.json").2.unwrap_err();
    assert!(matches!(check(r#"{"data":[{}],"meta":{"type":"plans","version":6}}"#), Error::UnknownType { .. }));
    assert!(matches!(check(r#"{"data":[{}]}"#), Error::UnknownType { .. }));
    assert!(matches!(check(r#"{"meta":{"type":"users","version":3}}"#), Error::UnsupportedVersion { found: 3 }));
    assert!(matches!(check(r#"{"value":[]}"#), Error::Foreign));
    assert!(matches!(check("[1]"), Error::Syntax { .. }));
}

#[test]
fn what_is_sniffed_is_what_is_read() {
    assert!(sniff(br#"{ "meta" : {"methods":0,"type":"users","count":1,"version":6}, "data":[]}"#));
    assert!(sniff(br#"{"data":[{"Properties":{}"#));
    assert!(sniff("\u{feff}{\"graph\":{\"nodes\":[".as_bytes()));
    assert!(!sniff(br#"{"value":[{"id":1}]}"#));
    assert!(!sniff(br#"{"data":[{"EventID":4624}]}"#));
    assert!(!sniff(b"[1]"));
    assert!(sniff_archive(b"PK\x03\x04rest"));
}

#[test]
fn both_spellings_of_spn_targets_give_the_edge() {
    for key in ["SPNTargets", "SpnTargets"] {
        let text = format!(
            r#"{{"meta":{{"type":"users","version":6}},"data":[{{"ObjectIdentifier":"u","{key}":[{{"ComputerSID":"c","Port":1433,"Service":"SQLAdmin"}}]}}]}}"#
        );
        assert_eq!(edges(&load(text.as_bytes(), "x.json").0), [("U", EdgeKind::SQLAdmin, "C")]);
    }
}

#[test]
fn a_reference_becomes_a_node_of_its_kind_once_and_never_hides_a_whole_object() {
    let text = r#"{"meta":{"type":"groups","version":6},"data":[
        {"ObjectIdentifier":"g","Members":[{"ObjectIdentifier":"u","ObjectType":"User"},{"ObjectIdentifier":"u","ObjectType":"User"},{"ObjectIdentifier":"x"}]},
        {"ObjectIdentifier":"h","Members":[{"ObjectIdentifier":"g","ObjectType":"User"}]}]}"#;
    let (sink, _, _) = load(text.as_bytes(), "x.json");
    let nodes: Vec<_> = sink.deltas[0].nodes.iter().map(|node| (node.id.as_str(), node.kind)).collect();
    assert!(nodes.contains(&("U", NodeKind::User)) && nodes.iter().filter(|(id, _)| *id == "U").count() == 1);
    assert!(
        nodes.iter().position(|node| *node == ("G", NodeKind::Group))
            > nodes.iter().position(|node| *node == ("G", NodeKind::User))
    );
}

#[test]
fn deleted_objects_are_removed_by_identifier() {
    let text = br#"{"meta":{"type":"deleted","version":5},"data":["s-1-5-21-1-2-3-4", 7, {}]}"#;
    let (sink, counters, _) = load(text, "x.json");
    assert_eq!(sink.deltas[0].removed, ["S-1-5-21-1-2-3-4", "7"]);
    assert_eq!(counters.dropped.get("malformed object"), Some(&1));
}

#[test]
fn an_archive_names_each_of_its_files_that_failed() {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [
        ("a_groups.json", format!(r#"{{"data":[{GROUP}],"meta":{{"type":"groups","version":6}}}}"#)),
        ("b.json", "{\"data\":[".to_owned()),
        ("readme.txt", "hello".to_owned()),
    ] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let failed = read_archive(std::io::Cursor::new(bytes), "a.zip", Timestamp::MIN, &mut sink, &mut counters).unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, "a.zip/b.json");
    assert_eq!(edges(&sink).len(), 1);
}
