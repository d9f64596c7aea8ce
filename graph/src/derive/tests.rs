//! Small graphs in, derived edges out, with what they rest on.

use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind, PropertyValue, Timestamp};

use crate::estate::{Derivation, Estate, Mode};
use crate::ids::NodeId;

/// A property as tests write it: `true` and `false` are truth values, digits numbers, `a|b` lists, `[]` an empty one.
fn value(text: &str) -> PropertyValue {
    match text {
        "true" => PropertyValue::Bool(true),
        "false" => PropertyValue::Bool(false),
        "[]" => PropertyValue::List(Vec::new()),
        list if list.contains('|') => {
            PropertyValue::List(list.split('|').filter(|s| !s.is_empty()).map(str::to_owned).collect())
        }
        other => other.parse().map_or_else(|_| PropertyValue::Text(other.to_owned()), PropertyValue::Integer),
    }
}

/// A graph in words: nodes as `Kind id name=value …`, edges as `source Kind target`.
fn estate(words: &str) -> Estate {
    let mut delta = DirectoryDelta { time: Timestamp::from_secs(1), source: "test".into(), ..Default::default() };
    delta.kind = DeltaKind::Merge;
    for line in words.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let parts: Vec<&str> = line.split_whitespace().collect();
        match NodeKind::from_name(parts[0]).filter(|_| parts.len() == 2 || parts[2].contains('=')) {
            Some(kind) => {
                let property = |part: &&str| part.split_once('=').map(|(name, text)| (name.to_owned(), value(text)));
                let properties: Properties = parts[2..].iter().filter_map(property).collect();
                delta.nodes.push(DirectoryNode { id: parts[1].to_owned(), kind, properties });
            }
            None => delta.edges.push(DirectoryEdge {
                source: parts[0].to_owned(),
                kind: EdgeKind::from_name(parts[1]).unwrap_or_else(|| panic!("{line}")),
                target: parts[2].to_owned(),
                properties: Properties::new(),
            }),
        }
    }
    let mut estate = Estate::default();
    estate.apply(&delta);
    estate
}

fn derived(words: &str, mode: Mode) -> (Estate, Derivation) {
    let estate = estate(words);
    let derivation = super::all(&estate, mode);
    (estate, derivation)
}

/// The edges of a kind as `source>target`, sorted.
fn edges((estate, derivation): &(Estate, Derivation), kind: EdgeKind) -> Vec<String> {
    let name = |id: NodeId| match id.index().checked_sub(estate.node_count()) {
        None => estate.node(id).unwrap().id.clone(),
        Some(place) => derivation.nodes[place].id.clone(),
    };
    let of_kind = derivation.edges.iter().map(|edge| edge.key).filter(|key| key.kind == kind);
    let mut found: Vec<String> = of_kind.map(|key| format!("{}>{}", name(key.source), name(key.target))).collect();
    found.sort();
    found
}

fn check(words: &str, mode: Mode, kind: EdgeKind, expect: &[&str]) {
    assert_eq!(edges(&derived(words, mode), kind), expect, "{} {mode:?}", kind.name());
}

fn both(words: &str, kind: EdgeKind, expect: &[&str]) {
    check(words, Mode::Ours, kind, expect);
    check(words, Mode::BloodHound, kind, expect);
}

/// What an edge rests on, as `source Kind target`, sorted.
fn composition(words: &str, kind: EdgeKind) -> Vec<String> {
    let (mut estate, derivation) = derived(words, Mode::Ours);
    estate.replace_derived(derivation.clone(), Timestamp::from_secs(1));
    let name = |id| estate.node(id).map(|node| node.id.clone()).unwrap_or_default();
    let edge = derivation.edges.iter().find(|edge| edge.key.kind == kind).unwrap();
    let part = |key: &crate::EdgeKey| format!("{} {} {}", name(key.source), key.kind.name(), name(key.target));
    let mut parts: Vec<String> = edge.composition.iter().map(part).collect();
    parts.sort();
    parts
}

const DOMAIN: &str = "Domain S-1-5-21-1 name=L.X domainsid=S-1-5-21-1 collected=true dsheuristics=0 netbios=L
";

#[test]
fn a_collected_domain_gets_its_well_known_links_and_an_uncollected_one_none() {
    let guest = "User S-1-5-21-1-501 enabled=true domainsid=S-1-5-21-1";
    let words = format!("{DOMAIN}{guest}\nDomain S-1-5-21-2 name=O.X domainsid=S-1-5-21-2 collected=false");
    let derivation = derived(&words, Mode::BloodHound);
    assert_eq!(
        edges(&derivation, EdgeKind::MemberOf),
        [
            "L.X-S-1-5-11>L.X-S-1-1-0",
            "S-1-5-21-1-501>L.X-S-1-1-0",
            "S-1-5-21-1-513>L.X-S-1-5-11",
            "S-1-5-21-1-515>L.X-S-1-5-11"
        ]
    );
    assert_eq!(edges(&derivation, EdgeKind::ClaimSpecialIdentity).len(), 9, "eight identities and the guest");
}

#[test]
fn deriving_twice_changes_nothing() {
    let mut estate = estate(&format!("{DOMAIN}a GetChanges S-1-5-21-1\na GetChangesAll S-1-5-21-1"));
    estate.derive(Mode::Ours);
    let first: Vec<_> = estate.edges().map(|(id, edge)| (id, edge.clone())).collect();
    estate.derive(Mode::Ours);
    assert_eq!(first, estate.edges().map(|(id, edge)| (id, edge.clone())).collect::<Vec<_>>());
}

#[test]
fn dcsync_needs_both_rights_and_starts_at_the_shallowest_who_has_them() {
    let words = format!(
        "{DOMAIN}Group g domainsid=S-1-5-21-1\nGroup h domainsid=S-1-5-21-1\nUser u a=b\nUser v a=b
        g GetChanges S-1-5-21-1\nh GetChangesAll S-1-5-21-1\nu MemberOf g\nu MemberOf h\nv MemberOf g
        w GetChanges S-1-5-21-1"
    );
    both(&words, EdgeKind::DCSync, &["u>S-1-5-21-1"]);
    assert_eq!(
        composition(&words, EdgeKind::DCSync),
        ["g GetChanges S-1-5-21-1", "h GetChangesAll S-1-5-21-1", "u MemberOf g", "u MemberOf h"]
    );
    both(&format!("{words}\ng MemberOf h"), EdgeKind::DCSync, &["g>S-1-5-21-1"]);
}

#[test]
fn a_set_with_everyone_restricts_nobody() {
    let words = format!(
        "{DOMAIN}Group L.X-S-1-5-11 domainsid=S-1-5-21-1
        L.X-S-1-5-11 GetChanges S-1-5-21-1\nu GetChangesAll S-1-5-21-1"
    );
    both(&words, EdgeKind::DCSync, &["u>S-1-5-21-1"]);
}

#[test]
fn bloodhound_names_an_account_again_that_is_in_two_qualifying_groups_and_we_do_not() {
    let words = format!(
        "{DOMAIN}Group t a=b\nGroup one a=b\nGroup two a=b\nUser u a=b
        t GetChanges S-1-5-21-1\none MemberOf t\ntwo MemberOf t\nu MemberOf one\nu MemberOf two
        one GetChangesAll S-1-5-21-1\ntwo GetChangesAll S-1-5-21-1"
    );
    check(&words, Mode::BloodHound, EdgeKind::DCSync, &["one>S-1-5-21-1", "two>S-1-5-21-1", "u>S-1-5-21-1"]);
    check(&words, Mode::Ours, EdgeKind::DCSync, &["one>S-1-5-21-1", "two>S-1-5-21-1"]);
}

#[test]
fn membership_cycles_end() {
    let words = format!(
        "{DOMAIN}Group a x=y\nGroup b x=y\nUser u x=y\na MemberOf b\nb MemberOf a\nu MemberOf a
        a GetChanges S-1-5-21-1\nc GetChanges S-1-5-21-1\nb GetChangesAll S-1-5-21-1"
    );
    both(&words, EdgeKind::DCSync, &["a>S-1-5-21-1"]);
}

#[test]
fn laps_passwords_are_replicated_from_computers_that_have_them() {
    let words = format!(
        "{DOMAIN}Computer c haslaps=true domainsid=S-1-5-21-1\nComputer d haslaps=false domainsid=S-1-5-21-1
        Computer e haslaps=true domainsid=S-1-5-21-2
        a GetChanges S-1-5-21-1\na GetChangesInFilteredSet S-1-5-21-1"
    );
    both(&words, EdgeKind::SyncLAPSPassword, &["a>c"]);
}

#[test]
fn local_groups_give_their_rights_to_accounts_of_the_directory() {
    let words = "Computer c a=b\nADLocalGroup c-544 a=b\nADLocalGroup c-580 a=b\nADLocalGroup c-562 a=b\nUser u a=b
        ADLocalUser l a=b\nc-544 LocalToComputer c\nc-580 LocalToComputer c\nc-562 LocalToComputer c
        u MemberOfLocalGroup c-544\nl MemberOfLocalGroup c-544\nu MemberOfLocalGroup c-580\nu MemberOfLocalGroup c-562";
    both(words, EdgeKind::AdminTo, &["u>c"]);
    both(words, EdgeKind::CanPSRemote, &["u>c"]);
    both(words, EdgeKind::ExecuteDCOM, &["u>c"]);
    assert_eq!(composition(words, EdgeKind::AdminTo), ["c-544 LocalToComputer c", "u MemberOfLocalGroup c-544"]);
}

#[test]
fn a_second_administrators_group_counts_for_us_alone() {
    let words = "Computer c a=b\nADLocalGroup c-544 a=b\nADLocalGroup d-544 a=b\nUser u a=b\nUser v a=b
        c-544 LocalToComputer c\nd-544 LocalToComputer c\nu MemberOfLocalGroup c-544\nv MemberOfLocalGroup d-544";
    check(words, Mode::BloodHound, EdgeKind::AdminTo, &["u>c"]);
    check(words, Mode::Ours, EdgeKind::AdminTo, &["u>c", "v>c"]);
}

#[test]
fn remote_desktop_needs_the_right_where_rights_were_collected() {
    let base = "ADLocalGroup c-555 a=b\nc-555 LocalToComputer c\nUser u a=b\nUser v a=b\nGroup g a=b
        u MemberOfLocalGroup c-555\nv MemberOfLocalGroup c-555\nv MemberOf g";
    both(&format!("Computer c a=b\n{base}"), EdgeKind::CanRDP, &["u>c", "v>c"]);
    let asked = format!("Computer c hasura=true\n{base}");
    both(&asked, EdgeKind::CanRDP, &[]);
    both(&format!("{asked}\nc-555 RemoteInteractiveLogonRight c"), EdgeKind::CanRDP, &["u>c", "v>c"]);
    both(&format!("{asked}\ng RemoteInteractiveLogonRight c"), EdgeKind::CanRDP, &["v>c"]);
}

#[test]
fn citrix_restricts_remote_desktop_for_us() {
    let words = "Computer c a=b\nADLocalGroup c-555 a=b\nADLocalGroup c-1009 name=DIRECT\nUser u a=b\nUser v a=b
        c-555 LocalToComputer c\nc-1009 LocalToComputer c\nu MemberOfLocalGroup c-555\nv MemberOfLocalGroup c-555
        v MemberOfLocalGroup c-1009";
    let mut estate = estate(words);
    let mut name = DirectoryDelta { time: Timestamp::from_secs(2), ..Default::default() };
    let text = PropertyValue::Text("Direct Access Users@C".into());
    name.nodes.push(DirectoryNode {
        id: "c-1009".into(),
        kind: NodeKind::ADLocalGroup,
        properties: Properties::from([("name".into(), text)]),
    });
    estate.apply(&name);
    let by = |mode| (estate.clone(), super::all(&estate, mode));
    assert_eq!(edges(&by(Mode::Ours), EdgeKind::CanRDP), ["v>c"]);
    assert_eq!(edges(&by(Mode::BloodHound), EdgeKind::CanRDP), ["u>c", "v>c"]);
}

#[test]
fn owners_keep_their_rights_unless_the_forest_blocks_them_for_computers() {
    let rest = "Computer c domainsid=S-1-5-21-1\nUser t domainsid=S-1-5-21-1\nGroup S-1-5-21-1-512 a=b\nUser d a=b
        u OwnsRaw c\nu WriteOwnerRaw c\nu OwnsRaw t\nu WriteOwnerRaw t\nd OwnsRaw c\nd MemberOf S-1-5-21-1-512";
    let open = format!("{DOMAIN}{rest}");
    both(&open, EdgeKind::Owns, &["d>c", "u>c", "u>t"]);
    both(&open, EdgeKind::WriteOwner, &["u>c", "u>t"]);
    let blocked = open.replace("dsheuristics=0", "dsheuristics=X0000000010000000002000000001");
    both(&blocked, EdgeKind::Owns, &["d>c", "u>t"]);
    both(&blocked, EdgeKind::WriteOwner, &["u>t"]);
    assert_eq!(composition(&open, EdgeKind::WriteOwner), ["u WriteOwnerRaw c"]);
}

#[test]
fn unknown_heuristics_are_a_gap() {
    let words = DOMAIN.replace(" dsheuristics=0", "");
    let (_, derivation) = derived(&words, Mode::Ours);
    assert!(derivation.gaps.iter().any(|gap| gap.contains("dSHeuristics")), "{:?}", derivation.gaps);
    assert!(!derived(DOMAIN, Mode::Ours).1.gaps.iter().any(|gap| gap.contains("dSHeuristics")));
}

#[test]
fn a_trusting_domain_holds_the_key_of_its_account() {
    let words = format!(
        "{DOMAIN}Domain S-1-5-21-2 name=O.X domainsid=S-1-5-21-2\nUser t samaccountname=L$ domainsid=S-1-5-21-2
        User f samaccountname=L$ domainsid=S-1-5-21-1\nS-1-5-21-1 CrossForestTrust S-1-5-21-2"
    );
    both(&words, EdgeKind::HasTrustKeys, &["S-1-5-21-1>t"]);
    let unnamed = words.replace("netbios=L", "x=y");
    both(&unnamed, EdgeKind::HasTrustKeys, &[]);
    assert!(derived(&unnamed, Mode::Ours).1.gaps.iter().any(|gap| gap.contains("netbios")));
}

#[test]
fn admin_sd_holder_protects_what_was_found_stamped() {
    let words = format!(
        "{DOMAIN}Container k distinguishedname=CN=ADMINSDHOLDER,CN=SYSTEM,DC=L domainsid=S-1-5-21-1
        User u adminsdholderprotected=true domainsid=S-1-5-21-1\nUser v adminsdholderprotected=false domainsid=S-1-5-21-1"
    );
    both(&words, EdgeKind::ProtectAdminGroups, &["k>u"]);
}

#[test]
fn synchronised_accounts_lead_both_ways_and_an_unknown_one_is_a_gap() {
    let words = "User S-1-5-21-1-1104 a=b\nAZUser AZ onpremid=S-1-5-21-1-1104 onpremsyncenabled=true
        AZUser BZ onpremid=S-1-5-21-1-1105 onpremsyncenabled=true\nAZUser CZ onpremid=S-1-5-21-1-1104 onpremsyncenabled=false";
    both(words, EdgeKind::SyncedToADUser, &["AZ>S-1-5-21-1-1104"]);
    both(words, EdgeKind::SyncedToEntraUser, &["S-1-5-21-1-1104>AZ"]);
    assert!(derived(words, Mode::Ours).1.gaps.iter().any(|gap| gap.contains("BZ")));
}

mod pki;
mod relays;
