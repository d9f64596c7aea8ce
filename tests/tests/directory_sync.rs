//! A directory that is read again and again: the graph that its changes make equals the graph of a new collection.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_graph::{Estate, Mode};
use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::ldap::{Changes, Entry, RootDse, Snapshot};
use hopwatch_ingest::directory::sync;
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{Guid, Sid, Timestamp};
use proptest::prelude::*;

const DOMAIN: &str = "S-1-5-21-1-2-3";
const FOLDERS: [&str; 4] = ["DC=x", "OU=a,DC=x", "OU=b,OU=a,DC=x", "CN=Users,DC=x"];

/// An object as it is drawn; what it says of others is by their number.
#[derive(Clone, Debug)]
struct Drawn {
    class: u8,
    folder: u8,
    others: Vec<u8>,
    /// The trustee and the rights of an entry of its access control.
    granted: (u8, u8),
    owner: u8,
    flags: u8,
}

const CLASSES: [&str; 9] = [
    "user",
    "computer",
    "group",
    "organizationalUnit",
    "container",
    "groupPolicyContainer",
    "pKICertificateTemplate",
    "pKIEnrollmentService",
    "msDS-GroupManagedServiceAccount",
];

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..9_u8, any::<u8>(), prop::collection::vec(0..14_u8, 0..3), any::<(u8, u8)>(), any::<u8>(), any::<u8>()).prop_map(
        |(class, folder, others, granted, owner, flags)| Drawn { class, folder, others, granted, owner, flags },
    )
}

fn sid(text: &str) -> Vec<u8> {
    let sid: Sid = text.parse().unwrap();
    let mut bytes = vec![1, u8::try_from(sid.sub_authorities().len()).unwrap()];
    bytes.extend(&sid.authority().to_be_bytes()[2..]);
    sid.sub_authorities().iter().for_each(|part| bytes.extend(part.to_le_bytes()));
    bytes
}

fn descriptor(owner: &str, trustee: &str, mask: u32) -> Vec<u8> {
    let trustee = sid(trustee);
    let mut bytes = vec![1, 0, 4, 0x80];
    let ace = u16::try_from(trustee.len() + 8).unwrap();
    bytes.extend(u32::from(28 + ace).to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(20_u32.to_le_bytes());
    bytes.extend([4, 0]);
    bytes.extend((8 + ace).to_le_bytes());
    bytes.extend([1, 0, 0, 0, 0, 0]);
    bytes.extend(ace.to_le_bytes());
    bytes.extend(mask.to_le_bytes());
    bytes.extend(trustee);
    bytes.extend(sid(owner));
    bytes
}

/// The distinguished name of each; folders that are gone leave their children where they were.
fn dn(number: usize, drawn: &Drawn) -> String {
    let folder = FOLDERS[usize::from(drawn.folder) % FOLDERS.len()];
    let class = CLASSES[usize::from(drawn.class)];
    match class {
        "organizationalUnit" => ["OU=a,DC=x", "OU=b,OU=a,DC=x"][usize::from(drawn.folder) % 2].to_owned(),
        "container" => "CN=Users,DC=x".to_owned(),
        "groupPolicyContainer" => format!("CN={{0A1B2C3D-0001-4000-8000-0000000000{number:02}}},CN=Policies,DC=x"),
        _ => format!("CN=o{number},{folder}"),
    }
}

fn account(number: u8) -> String {
    format!("{DOMAIN}-{}", 1000 + u32::from(number % 14))
}

fn entry(number: usize, drawn: &Drawn, all: &BTreeMap<usize, Drawn>) -> Entry {
    let class = CLASSES[usize::from(drawn.class)];
    let guid = Guid::from_u128(u128::try_from(number).unwrap() + 100).to_wire();
    let mut values: Vec<(&str, Vec<u8>)> = vec![("objectClass", class.into()), ("objectGUID", guid.to_vec())];
    let mut put = |name, value: Vec<u8>| values.push((name, value));
    put("cn", format!("o{number}").into());
    if ["user", "computer", "group", "msDS-GroupManagedServiceAccount"].contains(&class) {
        put("objectSid", sid(&account(u8::try_from(number).unwrap())));
        put("sAMAccountName", format!("o{number}").into());
    }
    let masks = [0xf_01ff, 0x4_0000, 0x8_0000, 0x20, 0x100, 0x2_0094];
    let mask = masks[usize::from(drawn.granted.1) % masks.len()];
    put("nTSecurityDescriptor", descriptor(&account(drawn.owner), &account(drawn.granted.0), mask));
    let flags = if drawn.flags & 1 != 0 { 532_480 } else { 512 };
    put("userAccountControl", i32::to_string(&flags).into());
    put("primaryGroupID", (1000 + u32::from(drawn.flags % 14)).to_string().into());
    if class == "computer" {
        put("dNSHostName", format!("host{}.x", drawn.flags % 4).into());
    }
    for other in &drawn.others {
        let of = all.get(&usize::from(*other)).map(|of| dn(usize::from(*other), of));
        match class {
            "group" => {
                put("member", of.unwrap_or_else(|| "CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=x".into()).into())
            }
            "user" => {
                put("msDS-AllowedToDelegateTo", format!("cifs/host{}.x", other % 4).into());
                put("servicePrincipalName", format!("MSSQLSvc/host{}.x:1433", other % 4).into());
            }
            "organizationalUnit" => {
                let policy = format!("CN={{0A1B2C3D-0001-4000-8000-0000000000{other:02}}},CN=Policies,DC=x");
                put("gPLink", format!("[LDAP://{policy};{}]", drawn.flags % 4).into());
            }
            "pKIEnrollmentService" => {
                put("certificateTemplates", format!("o{other}").into());
                put("dNSHostName", format!("host{}.x", other % 4).into());
            }
            "computer" => put("msDS-HostServiceAccount", of.unwrap_or_default().into()),
            _ => {}
        }
    }
    let values: Vec<(&str, &[u8])> = values.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    Entry::new(&dn(number, drawn), &values)
}

fn snapshot(all: &BTreeMap<usize, Drawn>) -> Snapshot {
    let root = RootDse {
        domain: "DC=x".to_owned(),
        forest: "DC=x".to_owned(),
        configuration: "CN=Configuration,DC=x".to_owned(),
        schema: "CN=Schema,CN=Configuration,DC=x".to_owned(),
        ..RootDse::default()
    };
    let fixed = |dn: &str, number: u128, class: &str, id: &str| {
        let guid = Guid::from_u128(number).to_wire();
        Entry::new(dn, &[("objectClass", class.as_bytes()), ("objectGUID", &guid[..]), ("objectSid", &sid(id))])
    };
    let mut entries = vec![
        fixed("DC=x", 1, "domainDNS", DOMAIN),
        fixed("CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=x", 2, "foreignSecurityPrincipal", "S-1-5-11"),
    ];
    // A name belongs to one object; of those that were drawn with the same, the first has it.
    let mut names = BTreeSet::new();
    for (number, drawn) in all {
        let entry = entry(*number, drawn, all);
        if names.insert(entry.dn.to_lowercase()) {
            entries.push(entry);
        }
    }
    Snapshot { root, entries, ..Snapshot::default() }
}

/// What holds in an estate: raw edges, and objects that exist.
fn held(estate: &Estate) -> (BTreeSet<String>, BTreeSet<String>) {
    let id = |node| estate.node(node).map(|node| node.id.clone()).unwrap_or_default();
    let edges = estate.edges().filter(|(_, edge)| edge.held(None));
    let edges =
        edges.map(|(_, edge)| format!("{} {} {}", id(edge.key.source), edge.key.kind.name(), id(edge.key.target)));
    let nodes = estate.nodes().filter(|(_, node)| node.existed(None));
    let nodes =
        nodes.filter(|(_, node)| node.properties.contains_key("distinguishedname")).map(|(_, node)| node.id.clone());
    (edges.collect(), nodes.collect())
}

fn estate_of(all: &BTreeMap<usize, Drawn>) -> (Estate, Snapshot) {
    let (snapshot, mut estate, mut collected) = (snapshot(all), Estate::default(), Collected::default());
    sync::deliver_all(&snapshot, ("t", Timestamp::from_secs(1)), &mut collected, &mut Counters::default()).unwrap();
    collected.deltas.iter().for_each(|delta| estate.apply(delta));
    (estate, snapshot)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changes_make_the_graph_that_a_new_collection_makes(
        first in prop::collection::vec(drawn(), 14),
        steps in prop::collection::vec((0..14_usize, prop::option::of(drawn())), 1..6),
    ) {
        let mut all: BTreeMap<usize, Drawn> = first.into_iter().enumerate().collect();
        let (mut estate, mut before) = estate_of(&all);
        for (time, (number, drawn)) in (2..).zip(steps) {
            match drawn {
                // An object keeps its class; another of the same name is another object.
                Some(new) => _ = all.entry(number).and_modify(|old| *old = Drawn { class: old.class, ..new }),
                None => _ = all.remove(&number),
            }
            let now = snapshot(&all);
            let changes = Changes::between(&before.entries, &now.entries);
            let mut collected = Collected::default();
            let source = ("t", Timestamp::from_secs(time));
            sync::deliver(&now, &changes, source, &mut collected, &mut Counters::default()).unwrap();
            collected.deltas.iter().for_each(|delta| estate.apply(delta));
            estate.derive(Mode::Ours);
            let (mut fresh, _) = estate_of(&all);
            fresh.derive(Mode::Ours);
            prop_assert_eq!(held(&estate), held(&fresh));
            before = now;
        }
    }
}
