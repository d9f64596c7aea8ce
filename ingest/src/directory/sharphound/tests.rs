//! A small domain by hand, written and read back by our own importer.

use std::io::Cursor;
use std::sync::Arc;

use hopwatch_model::{EdgeKind, Guid, Sid, Timestamp};

use super::*;
use crate::Counters;
use crate::directory::bloodhound;
use crate::directory::ldap::{Entry, RootDse};
use crate::sink::Collected;

const DOMAIN: &str = "S-1-5-21-1-2-3";

fn sid(text: &str) -> Vec<u8> {
    let sid: Sid = text.parse().unwrap();
    let mut bytes = vec![1, u8::try_from(sid.sub_authorities().len()).unwrap()];
    bytes.extend(&sid.authority().to_be_bytes()[2..]);
    sid.sub_authorities().iter().for_each(|part| bytes.extend(part.to_le_bytes()));
    bytes
}

/// An entry of a list: type, flags, mask, object type, inherited type, trustee.
pub(super) type Grant<'a> = (u8, u8, u32, Option<&'a str>, Option<&'a str>, &'a str);

pub(super) fn descriptor(control: u16, owner: &str, grants: &[Grant<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (code, flags, mask, object, inherited, trustee) in grants {
        let mut ace = mask.to_le_bytes().to_vec();
        if matches!(*code, 5 | 6) {
            let present = u32::from(object.is_some()) | u32::from(inherited.is_some()) << 1;
            ace.extend(present.to_le_bytes());
            for guid in [object, inherited].into_iter().flatten() {
                ace.extend(guid.parse::<Guid>().unwrap().to_wire());
            }
        }
        ace.extend(sid(trustee));
        body.extend([*code, *flags]);
        body.extend(u16::try_from(ace.len() + 4).unwrap().to_le_bytes());
        body.extend(ace);
    }
    let mut acl = vec![4, 0];
    acl.extend(u16::try_from(body.len() + 8).unwrap().to_le_bytes());
    acl.extend(u16::try_from(grants.len()).unwrap().to_le_bytes());
    acl.extend([0, 0]);
    acl.extend(body);
    let mut bytes = vec![1, 0];
    bytes.extend((control | 0x8004).to_le_bytes());
    bytes.extend(u32::try_from(20 + acl.len()).unwrap().to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(20_u32.to_le_bytes());
    bytes.extend(acl);
    bytes.extend(sid(owner));
    bytes
}

pub(super) fn entry(dn: &str, class: &str, rid: Option<u32>, more: &[(&str, &[u8])]) -> Entry {
    let id = rid.map(|rid| sid(&if rid == 0 { DOMAIN.to_owned() } else { format!("{DOMAIN}-{rid}") }));
    let guid = [u8::try_from(dn.len()).unwrap(); 16];
    let mut values = vec![("objectClass", class.as_bytes()), ("objectGUID", &guid[..])];
    if let Some(id) = &id {
        values.push(("objectSid", id));
    }
    values.extend(more);
    Entry::new(dn, &values)
}

pub(super) fn snapshot(entries: Vec<Entry>) -> Snapshot {
    let root = RootDse {
        domain: "DC=lab,DC=example".to_owned(),
        configuration: "CN=Configuration,DC=lab,DC=example".to_owned(),
        forest: "DC=lab,DC=example".to_owned(),
        ..RootDse::default()
    };
    let mut all = vec![entry("DC=lab,DC=example", "domainDNS", Some(0), &[])];
    all.extend(entries);
    Snapshot { root, entries: all, ..Snapshot::default() }
}

/// The edges that our importer makes of what was written, without those that every domain has.
fn edges(entries: Vec<Entry>) -> Vec<String> {
    let mut archive = Cursor::new(Vec::new());
    write(&snapshot(entries), &mut archive).unwrap();
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let failed = bloodhound::read_archive(archive, "t.zip", Timestamp::from_secs(1), &mut sink, &mut counters).unwrap();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(counters.dropped.is_empty(), "{counters:?}");
    let all = sink.deltas.iter().flat_map(|delta| &delta.edges);
    let mut texts: Vec<String> = all
        .filter(|edge| edge.kind != EdgeKind::Contains)
        .map(|edge| format!("{} {} {}", short(&edge.source), edge.kind.name(), short(&edge.target)))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn short(id: &str) -> &str {
    id.strip_prefix("S-1-5-21-1-2-3-").or_else(|| id.strip_prefix("LAB.EXAMPLE-")).unwrap_or(id)
}

/// The rights that a descriptor gives on an object of a class.
fn rights(class: &str, rid: Option<u32>, grants: &[Grant<'_>], more: &[(&str, &[u8])]) -> Vec<String> {
    let bytes = descriptor(0, "S-1-5-18", grants);
    let mut more = more.to_vec();
    more.push(("nTSecurityDescriptor", &bytes));
    let target = rid.map_or_else(|| "x".to_owned(), |rid| rid.to_string());
    let found = edges(vec![entry("CN=t,DC=lab,DC=example", class, rid, &more)]);
    let strip = |edge: &String| edge.trim_end_matches(&format!(" {target}")).to_owned();
    found.iter().map(strip).collect()
}

const MEMBER: &str = "bf9679c0-0de6-11d0-a285-00aa003049e2";
const MEMBERSHIP: &str = "bc0ac240-79a9-11d0-9020-00c04fc2d4cf";
const USER_CLASS: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";
const GROUP_CLASS: &str = "bf967a9c-0de6-11d0-a285-00aa003049e2";
const BOB: &str = "S-1-5-21-1-2-3-2000";

#[test]
fn full_control_of_the_whole_object_is_one_right() {
    for mask in [0xf_01ff, 0x1000_0000] {
        assert_eq!(rights("user", Some(1), &[(0, 0, mask, None, None, BOB)], &[]), ["2000 GenericAll"]);
    }
    // Without one bit it is the single rights.
    assert_eq!(
        rights("user", Some(1), &[(0, 0, 0xf_01bf, None, None, BOB)], &[]),
        ["2000 AllExtendedRights", "2000 GenericWrite", "2000 WriteDacl", "2000 WriteOwnerRaw"]
    );
}

#[test]
fn the_same_bits_about_one_attribute_are_not_full_control() {
    assert_eq!(rights("group", Some(1), &[(5, 0, 0xf_01ff, Some(MEMBER), None, BOB)], &[]), ["2000 AddMember"]);
    assert!(rights("user", Some(1), &[(5, 0, 0xc_0000, Some(MEMBER), None, BOB)], &[]).is_empty());
}

#[test]
fn a_property_set_counts_as_its_attributes() {
    assert_eq!(rights("group", Some(1), &[(5, 0, 0x20, Some(MEMBERSHIP), None, BOB)], &[]), ["2000 AddMember"]);
    assert_eq!(rights("group", Some(1), &[(5, 0, 0x8, Some(MEMBERSHIP), None, BOB)], &[]), ["2000 AddSelf"]);
    assert!(rights("user", Some(1), &[(5, 0, 0x20, Some(MEMBERSHIP), None, BOB)], &[]).is_empty());
}

#[test]
fn entries_for_children_or_other_classes_do_not_reach_the_object() {
    let at = |flags, class| rights("user", Some(1), &[(5, flags, 0x4_0000, None, Some(class), BOB)], &[]);
    assert!(at(0x0a, USER_CLASS).is_empty(), "inherit only");
    assert!(at(0x12, GROUP_CLASS).is_empty(), "inherited by groups");
    assert_eq!(at(0x12, USER_CLASS), ["2000 WriteDacl"]);
    assert_eq!(at(0x02, GROUP_CLASS), ["2000 WriteDacl"], "explicit ones hold here whatever inherits them");
}

#[test]
fn refusals_and_conditions_and_silent_trustees_give_nothing() {
    for code in [1, 2, 9] {
        assert!(rights("user", Some(1), &[(code, 0, 0xf_01ff, None, None, BOB)], &[]).is_empty(), "{code}");
    }
    for trustee in ["S-1-5-18", "S-1-5-10", "S-1-3-0"] {
        assert!(rights("user", Some(1), &[(0, 0, 0xf_01ff, None, None, trustee)], &[]).is_empty(), "{trustee}");
    }
}

#[test]
fn extended_rights_of_a_computer_matter_where_laps_manages_it() {
    let grants = [(5, 0, 0x100, None, None, BOB)];
    assert!(rights("computer", Some(1), &grants, &[]).is_empty());
    let laps: (&str, &[u8]) = ("ms-Mcs-AdmPwdExpirationTime", b"133000000000000000");
    assert_eq!(rights("computer", Some(1), &grants, &[laps]), ["2000 AllExtendedRights"]);
}

#[test]
fn account_restrictions_are_a_right_of_everybody_but_domain_admins() {
    let set = Some("4c164200-20c0-11d0-a768-00aa006e0529");
    let of = |trustee| rights("computer", Some(1), &[(5, 0, 0x20, set, None, trustee)], &[]);
    assert_eq!(of(BOB), ["2000 WriteAccountRestrictions"]);
    assert!(of("S-1-5-21-1-2-3-512").is_empty());
}

#[test]
fn what_updates_and_policies_leave_behind_is_not_written() {
    let container = |dn| entry(dn, "container", None, &[]);
    let snapshot = snapshot(vec![
        container("CN=Policies,CN=System,DC=lab,DC=example"),
        container("CN=User,CN={A},CN=Policies,CN=System,DC=lab,DC=example"),
        container("CN=x,CN=Operations,CN=DomainUpdates,CN=System,DC=lab,DC=example"),
        container("CN=x,CN=Operations,CN=ForestUpdates,CN=Configuration,DC=lab,DC=example"),
        container("CN=Operations,CN=ForestUpdates,CN=Configuration,DC=lab,DC=example"),
    ]);
    let index = Index::of(&snapshot).unwrap();
    assert_eq!(index.items.len(), 3, "the domain, and two folders");
}

#[test]
fn a_managed_account_is_a_user_whose_readers_are_told() {
    let readers = descriptor(0, "S-1-5-18", &[(0, 0, 0x1, None, None, BOB)]);
    let found = edges(vec![Entry::new(
        "CN=g,DC=lab,DC=example",
        &[
            ("objectClass", b"computer"),
            ("objectClass", b"msDS-GroupManagedServiceAccount"),
            ("objectSid", &sid("S-1-5-21-1-2-3-1")),
            ("msDS-GroupMSAMembership", &readers),
        ],
    )]);
    assert_eq!(found, ["2000 ReadGMSAPassword 1"]);
}

#[test]
fn members_delegation_history_and_links_become_edges() {
    let act = descriptor(0, "S-1-5-18", &[(0, 0, 0xf_01ff, None, None, BOB)]);
    let found = edges(vec![
        entry(
            "CN=Smith\\, J,DC=lab,DC=example",
            "user",
            Some(10),
            &[
                ("primaryGroupID", b"513"),
                ("sIDHistory", &sid("S-1-5-21-9-9-9-500")),
                ("servicePrincipalName", b"MSSQLSvc/web.lab.example:1500"),
                ("msDS-AllowedToDelegateTo", b"cifs/WEB"),
                ("msDS-AllowedToDelegateTo", b"cifs/gone.lab.example"),
                ("userAccountControl", b"512"),
            ],
        ),
        entry(
            "CN=web,DC=lab,DC=example",
            "computer",
            Some(11),
            &[
                ("sAMAccountName", b"WEB$"),
                ("dNSHostName", b"web.lab.example"),
                ("userAccountControl", b"532480"),
                ("msDS-AllowedToActOnBehalfOfOtherIdentity", &act),
            ],
        ),
        entry("CN=g,DC=lab,DC=example", "group", Some(12), &[("member", b"CN=Smith\\, J,DC=lab,DC=example")]),
        entry("CN={p},DC=lab,DC=example", "groupPolicyContainer", None, &[]),
        entry(
            "OU=long name,DC=lab,DC=example",
            "organizationalUnit",
            None,
            &[("gPLink", b"[LDAP://CN={P},DC=lab,DC=example;2][LDAP://CN={P},DC=lab,DC=example;1]")],
        ),
    ]);
    let (gpo, ou) = ("18181818-1818-1818-1818-181818181818", "1E1E1E1E-1E1E-1E1E-1E1E-1E1E1E1E1E1E");
    let expected = [
        "10 AllowedToDelegate 11".to_owned(),
        "10 HasSIDHistory S-1-5-21-9-9-9-500".to_owned(),
        "10 MemberOf 12".to_owned(),
        "10 MemberOf 513".to_owned(),
        "10 SQLAdmin 11".to_owned(),
        "11 DCFor S-1-5-21-1-2-3".to_owned(),
        "11 MemberOf S-1-5-9".to_owned(),
        format!("{gpo} GPLink {ou}"),
        "2000 AllowedToAct 11".to_owned(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_null_list_lets_everybody_in_and_a_malformed_descriptor_is_a_gap() {
    let mut null = descriptor(0, "S-1-5-18", &[]);
    null[16..20].fill(0);
    let object = |bytes: &[u8]| entry("CN=t,DC=lab,DC=example", "user", Some(1), &[("nTSecurityDescriptor", bytes)]);
    assert_eq!(edges(vec![object(&null)]), ["S-1-1-0 GenericAll 1"]);
    let mut out = Cursor::new(Vec::new());
    let summary = write(&snapshot(vec![object(&null[..9])]), &mut out).unwrap();
    assert_eq!(summary.gaps["objects whose security descriptor is malformed"], 1);
    assert_eq!(summary.gaps["objects whose security descriptor the account may not read"], 1, "the domain has none");
}

#[test]
fn objects_are_contained_by_the_nearest_folder_that_is_written() {
    let snapshot = snapshot(vec![
        entry("OU=a,DC=lab,DC=example", "organizationalUnit", None, &[]),
        entry("CN=u,CN=odd,OU=a,DC=lab,DC=example", "user", Some(5), &[]),
        entry("CN=b,CN=Builtin,DC=lab,DC=example", "group", Some(6), &[]),
    ]);
    let index = Index::of(&snapshot).unwrap();
    let folder = |at: usize| index.contained_by(&index.items[at]).map(|folder| folder.object_type);
    assert_eq!([folder(0), folder(1), folder(2), folder(3)], [None, Some("Domain"), Some("OU"), Some("Domain")]);
}

#[test]
fn shared_descriptors_are_looked_at_once_and_groups_without_an_entry_have_names() {
    let shared: Arc<[u8]> = descriptor(0, "S-1-5-32-544", &[(0, 0, 0x20, None, None, "S-1-5-11")]).into();
    let mut user = entry("CN=t,DC=lab,DC=example", "user", Some(1), &[]);
    user.descriptor = Some(shared);
    let snapshot = snapshot(vec![user]);
    let index = Index::of(&snapshot).unwrap();
    let names: Vec<String> =
        well_known::groups(&index).iter().map(|group| group.properties["name"].to_string()).collect();
    assert!(names.contains(&"\"AUTHENTICATED USERS@LAB.EXAMPLE\"".to_owned()), "{names:?}");
    assert!(names.contains(&"\"ADMINISTRATORS@LAB.EXAMPLE\"".to_owned()), "{names:?}");
}
