//! Each question of the catalogue is asked; some are asked of graphs with a known answer.

use std::collections::BTreeSet;

use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

use super::*;
use crate::estate::Estate;
use crate::estate::tests::{delta, edge, node};

const DOMAIN: &str = "S-1-5-21-1-2-3";

fn id(rid: u32) -> String {
    format!("{DOMAIN}-{rid}")
}

fn estate() -> Snapshot {
    let user = |rid: u32, facts: &[(&str, bool)]| {
        let mut user = node(&id(rid), NodeKind::User, &[("domain", "LAB.EXAMPLE")]);
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), PropertyValue::Bool(*value)));
        user.properties.extend(facts.collect::<Properties>());
        user
    };
    let nodes = vec![
        node(DOMAIN, NodeKind::Domain, &[("name", "LAB.EXAMPLE")]),
        node(&id(512), NodeKind::Group, &[("name", "DOMAIN ADMINS@LAB.EXAMPLE")]),
        node(&id(1100), NodeKind::Group, &[("name", "HELP@LAB.EXAMPLE")]),
        user(1101, &[("hasspn", true), ("enabled", true)]),
        user(1102, &[("hasspn", true), ("enabled", false)]),
        user(1103, &[("hasspn", false), ("enabled", true), ("dontreqpreauth", true)]),
        user(502, &[("hasspn", true)]),
    ];
    let edges = vec![
        edge(&id(1101), EdgeKind::MemberOf, &id(1100)),
        edge(&id(1103), EdgeKind::MemberOf, &id(1100)),
        edge(&id(1100), EdgeKind::AddMember, &id(512)),
        edge(&id(1103), EdgeKind::GenericWrite, &id(1101)),
        edge(&id(512), EdgeKind::GenericAll, DOMAIN),
    ];
    let mut estate = Estate::default();
    estate.apply(&delta(1, DeltaKind::Merge, nodes, edges));
    estate.snapshot(None)
}

fn check(slug: &str, object: Option<&str>, nodes: &[&str], hops: &[(&str, EdgeKind, &str)]) {
    let snapshot = estate();
    let object = object.map(|object| snapshot.find(object).unwrap());
    let answer = Question::find(slug).unwrap().ask(&snapshot, object, &Limits::none()).unwrap();
    let name = |id: NodeId| snapshot.node(id).unwrap().id.trim_start_matches("S-1-5-21-1-2-3").to_owned();
    let found: BTreeSet<String> = answer.nodes.iter().map(|id| name(*id)).collect();
    assert_eq!(found, nodes.iter().map(|name| (*name).to_owned()).collect(), "{slug}");
    let found: BTreeSet<_> = answer.hops.iter().map(|hop| (name(hop.source), hop.kind, name(hop.target))).collect();
    let expected = hops.iter().map(|(source, kind, target)| ((*source).to_owned(), *kind, (*target).to_owned()));
    assert_eq!(found, expected.collect(), "{slug}");
    assert!(!answer.truncated);
}

#[test]
fn lists_leave_out_what_is_disabled_or_not_known() {
    check("kerberoastable", None, &["-1101"], &[]);
    check("asrep-roastable", None, &["-1103"], &[]);
    check("no-smb-signing", None, &[], &[]);
}

#[test]
fn edges_end_in_the_sets_that_are_asked_for() {
    check("add-members", None, &["-1100", "-512"], &[("-1100", EdgeKind::AddMember, "-512")]);
    check("control-of-object", Some(&id(1101)), &["-1103", "-1101"], &[("-1103", EdgeKind::GenericWrite, "-1101")]);
}

#[test]
fn ways_are_all_shortest_ones_from_every_start() {
    let through_help = [
        ("-1101", EdgeKind::MemberOf, "-1100"),
        ("-1103", EdgeKind::MemberOf, "-1100"),
        ("-1100", EdgeKind::AddMember, "-512"),
    ];
    check("ways-to-tier-zero", None, &["-1101", "-1103", "-1100", "-512"], &through_help);
    let from_one = [through_help[1], through_help[2]];
    check("ways-from-object", Some(&id(1103)), &["-1103", "-1100", "-512"], &from_one);
}

#[test]
fn a_limit_cuts_an_answer_and_says_so() {
    let snapshot = estate();
    let few = Limits { max_nodes: 2, ..Limits::none() };
    for slug in ["ways-to-tier-zero", "tier-zero"] {
        let answer = Question::find(slug).unwrap().ask(&snapshot, None, &few).unwrap();
        assert!(answer.truncated && answer.nodes.len() <= 2, "{slug}");
    }
}

#[test]
fn every_question_has_a_name_of_its_own_and_answers_on_any_graph() {
    let slugs: BTreeSet<&str> = all().map(|question| question.slug).collect();
    assert_eq!(slugs.len(), all().count());
    assert!(slugs.len() >= 91, "as broad as BloodHound's catalogue");
    let snapshot = estate();
    let empty = Estate::default().snapshot(None);
    let object = snapshot.find(DOMAIN);
    for question in all() {
        assert!(question.title.ends_with('?'), "{}", question.slug);
        question.ask(&snapshot, object, &Limits::none()).unwrap();
        if question.about_an_object() {
            assert!(question.ask(&snapshot, None, &Limits::none()).is_err(), "{}", question.slug);
        } else {
            assert!(question.ask(&empty, None, &Limits::none()).unwrap().nodes.is_empty(), "{}", question.slug);
        }
    }
}
