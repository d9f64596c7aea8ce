//! Which policies reach a computer, drawn by hand: links, order, blocks, filters.

use hopwatch_model::Timestamp;

use super::super::tests::{descriptor, entry, snapshot};
use super::super::write;
use crate::Counters;
use crate::directory::ldap::Entry;
use crate::directory::sharphound::read_into;
use crate::directory::sysvol;
use crate::sink::Collected;

const APPLY_RIGHT: &str = "edacfd8f-ffb3-11d1-b41d-00a0c968f939";

fn gpo(number: u8, grants: &[(u8, &str)], flags: &[u8]) -> Entry {
    let name = format!("{{0A1B2C3D-0001-4000-8000-00000000000{number}}}");
    let grants: Vec<_> = grants.iter().map(|(code, who)| (*code, 0, 0x100, Some(APPLY_RIGHT), None, *who)).collect();
    let bytes = descriptor(0, "S-1-5-18", &grants);
    entry(
        &format!("CN={name},CN=Policies,CN=System,DC=lab,DC=example"),
        "groupPolicyContainer",
        None,
        &[("cn", name.as_bytes()), ("flags", flags), ("nTSecurityDescriptor", &bytes)],
    )
}

fn links(list: &[(u8, u8)]) -> String {
    let link = |(number, options): &(u8, u8)| {
        format!(
            "[LDAP://CN={{0A1B2C3D-0001-4000-8000-00000000000{number}}},CN=Policies,CN=System,DC=lab,DC=example;{options}]"
        )
    };
    list.iter().map(link).collect()
}

/// The local administrators that policies give the computer; `files` are the policies with the members that each sets.
fn administrators(
    domain: &[(u8, u8)],
    folder: &[(u8, u8)],
    options: &str,
    gpos: Vec<Entry>,
    files: &[(u8, &str)],
) -> Vec<String> {
    let folder = links(folder);
    let mut entries = vec![
        entry(
            "OU=a,DC=lab,DC=example",
            "organizationalUnit",
            None,
            &[("gPLink", folder.as_bytes()), ("gPOptions", options.as_bytes())],
        ),
        entry(
            "CN=web,OU=a,DC=lab,DC=example",
            "computer",
            Some(11),
            &[("sAMAccountName", b"WEB$"), ("primaryGroupID", b"515"), ("userAccountControl", b"4096")],
        ),
        entry("CN=Ops,DC=lab,DC=example", "group", Some(12), &[("sAMAccountName", b"Ops")]),
        entry("CN=Servers,DC=lab,DC=example", "group", Some(13), &[("member", b"CN=web,OU=a,DC=lab,DC=example")]),
    ];
    entries.extend(gpos);
    let mut snapshot = snapshot(entries);
    let domain = links(domain);
    let head = entry("DC=lab,DC=example", "domainDNS", Some(0), &[("gPLink", domain.as_bytes())]);
    snapshot.entries[0] = head;
    let share = tempfile::tempdir().unwrap();
    for (number, members) in files {
        let path =
            share.path().join(format!("Policies/{{0A1B2C3D-0001-4000-8000-00000000000{number}}}/Machine/Microsoft"));
        let path = path.join("Windows NT/SecEdit/GptTmpl.inf");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("[Group Membership]\n{members}\n")).unwrap();
    }
    snapshot.policies = sysvol::read(share.path(), &mut Counters::default()).unwrap();
    let mut collected = Collected::default();
    read_into(&snapshot, None, ("t", Timestamp::from_secs(1)), &mut collected, &mut Counters::default()).unwrap();
    write(&snapshot, std::io::Cursor::new(Vec::new())).unwrap();
    let edges = collected.deltas.iter().flat_map(|delta| &delta.edges);
    let mut found: Vec<String> = edges
        .filter(|edge| edge.kind.name() == "MemberOfLocalGroup" && edge.target.ends_with("-544"))
        .map(|edge| edge.source.rsplit('-').next().unwrap_or_default().to_owned())
        .collect();
    found.sort();
    found
}

const EVERYBODY: &[(u8, &str)] = &[(5, "S-1-5-11")];
const SETS_7: (u8, &str) = (1, "*S-1-5-32-544__Members = *S-1-5-21-1-2-3-7");
const SETS_8: (u8, &str) = (2, "*S-1-5-32-544__Members = *S-1-5-21-1-2-3-8");

fn both() -> Vec<Entry> {
    vec![gpo(1, EVERYBODY, b"0"), gpo(2, EVERYBODY, b"0")]
}

#[test]
fn the_nearer_link_wins_unless_the_farther_is_enforced() {
    assert_eq!(administrators(&[(1, 0)], &[(2, 0)], "0", both(), &[SETS_7, SETS_8]), ["8"]);
    assert_eq!(administrators(&[(1, 2)], &[(2, 0)], "0", both(), &[SETS_7, SETS_8]), ["7"]);
    assert_eq!(
        administrators(&[(1, 2)], &[(2, 2)], "0", both(), &[SETS_7, SETS_8]),
        ["7"],
        "the highest of the enforced"
    );
}

#[test]
fn of_one_folder_the_last_link_wins_and_disabled_ones_do_nothing() {
    assert_eq!(administrators(&[], &[(1, 0), (2, 0)], "0", both(), &[SETS_7, SETS_8]), ["8"]);
    assert_eq!(administrators(&[], &[(1, 0), (2, 1)], "0", both(), &[SETS_7, SETS_8]), ["7"]);
}

#[test]
fn a_folder_that_blocks_keeps_all_but_the_enforced_out() {
    assert!(administrators(&[(1, 0)], &[], "1", both(), &[SETS_7]).is_empty());
    assert_eq!(administrators(&[(1, 2)], &[], "1", both(), &[SETS_7]), ["7"]);
}

#[test]
fn a_policy_reaches_who_may_apply_it() {
    let of = |grants: &[(u8, &str)], flags: &[u8]| {
        administrators(&[], &[(1, 0)], "0", vec![gpo(1, grants, flags)], &[SETS_7])
    };
    assert_eq!(of(&[(5, "S-1-5-21-1-2-3-515")], b"0"), ["7"], "its primary group");
    assert_eq!(of(&[(5, "S-1-5-21-1-2-3-13")], b"0"), ["7"], "a group that it is a member of");
    assert!(of(&[(5, "S-1-5-21-1-2-3-12")], b"0").is_empty(), "somebody else");
    assert!(of(&[(6, "S-1-5-21-1-2-3-13"), (5, "S-1-5-11")], b"0").is_empty(), "a refusal");
    assert!(of(EVERYBODY, b"2").is_empty(), "its half of the policy is off");
}

#[test]
fn members_are_added_by_name_and_set_ones_replaced() {
    let adds = (2, "LAB\\nobody__Memberof = *S-1-5-32-544\n%DomainName%\\Ops__Memberof = *S-1-5-32-544");
    assert_eq!(administrators(&[], &[(1, 0), (2, 0)], "0", both(), &[SETS_7, adds]), ["12", "7"]);
    assert_eq!(administrators(&[], &[(2, 0), (1, 0)], "0", both(), &[SETS_7, adds]), ["7"]);
}
