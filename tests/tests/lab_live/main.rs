//! `hopwatch collect` against a living domain controller, edge by edge against what the public collectors find there at
//! the same time. Every difference has a rule with its reason here and in `docs/collector.md`; one without fails.
//!
//! Runs where `HOPWATCH_LAB_LIVE=1` and the user is root: the lab needs network namespaces. It takes the lab that
//! `LAB_NAME` and `LAB_DIR` name where that is up, else brings it up and takes it down again, and
//! `HOPWATCH_LAB_REFERENCE` instead of running the collectors. The program is looked for beside the test, where
//! `cargo build -p hopwatch` puts it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

mod graph;
mod lab;
mod rules;
mod sddl;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::ldap::{Entry, Snapshot, ldif};
use hopwatch_model::{EdgeKind, NodeKind};
use hopwatch_wire::security_descriptor as sd;

use graph::Graph;
use lab::Lab;
use rules::{Collector, Comparison};

/// The domain controller, as `tests/lab/lib/common.sh` has it.
const CONTROLLER: &str = "10.77.0.10";
const ADMINISTRATOR: (&str, &str) = ("Administrator@lab.example", "Adm1n-Lab-Pass!");
const INTERN: (&str, &str) = ("intern.ian@lab.example", "Us3r-ian-0001");

/// `gPLink` by distinguished name, of the reference's LDIF.
fn links(ldif: &Path) -> BTreeMap<String, String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(ldif).unwrap()).read_to_string(&mut text).unwrap();
    let field = |block: &str, name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_uppercase);
    text.split("\n\n").filter_map(|block| Some((field(block, "dn: ")?, field(block, "gPLink: ")?))).collect()
}

/// The lab is one: a test that changes it must not meet one that compares.
static TURN: Mutex<()> = Mutex::new(());

/// The turn of a test that is wanted and possible.
fn wanted() -> Option<MutexGuard<'static, ()>> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let wanted = std::env::var_os("HOPWATCH_LAB_LIVE").is_some_and(|value| value == "1");
    if !wanted || !root {
        println!("skipped: the living lab needs HOPWATCH_LAB_LIVE=1 and root");
    }
    (wanted && root).then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn our_collector_finds_what_the_public_collectors_find() {
    let Some(_turn) = wanted() else { return };
    let lab = Lab::shared();
    let folder = tempfile::tempdir().unwrap();
    let (plain, secure, low) =
        (folder.path().join("plain.zip"), folder.path().join("secure.zip"), folder.path().join("low.zip"));
    let (ldap, ldaps) = (format!("ldap://{CONTROLLER}"), format!("ldaps://{CONTROLLER}"));
    let certificate = lab.folder.join("nodes/dc1/var/lib/samba/private/tls/cert.pem");
    let pinned = [OsStr::new("--server-certificate"), certificate.as_os_str()];
    for (url, login, more, out) in [
        (&ldap, ADMINISTRATOR, &[][..], &plain),
        (&ldaps, ADMINISTRATOR, &pinned[..], &secure),
        (&ldap, INTERN, &[][..], &low),
    ] {
        let output = lab.collect(url, login, more, out);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        println!("{told}");
    }
    let (given, made) = (std::env::var_os("HOPWATCH_LAB_REFERENCE"), folder.path().join("reference"));
    let reference = given.map_or_else(
        || {
            let output = lab.script("collect").arg(&made).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            made
        },
        PathBuf::from,
    );
    let links = links(&reference.join("domain.ldif.gz"));
    let ours = Graph::load(&plain);
    assert_eq!(ours.edges, Graph::load(&secure).edges, "encryption changes nothing");
    let low = Graph::load(&low);
    let hidden = |id: &str| ours.kind(id) == Some(NodeKind::Container) && low.kind(id).is_none();
    let unseen: Vec<_> =
        ours.edges.difference(&low.edges).filter(|edge| !hidden(&edge.0) && !hidden(&edge.2)).collect();
    assert!(unseen.is_empty(), "an ordinary account sees every edge but of hidden containers: {unseen:?}");
    for (name, collector, ours) in [
        ("bloodhound-ce-python-lowpriv.zip", Collector::BloodHoundPython, &low),
        ("rusthound-ce.zip", Collector::RustHound, &ours),
        ("rusthound-ce-lowpriv.zip", Collector::RustHound, &low),
    ] {
        let archive = reference.join(name);
        if collector == Collector::RustHound && !archive.exists() {
            println!("skipped: no {name}, since rusthound-ce could not be built");
            continue;
        }
        println!("against {name}");
        let theirs = Graph::load(&archive);
        for kind in [NodeKind::User, NodeKind::Computer, NodeKind::OU, NodeKind::GPO] {
            assert_eq!(ours.ids(kind), theirs.ids(kind), "{kind:?}");
        }
        if collector == Collector::RustHound {
            assert_eq!(ours.ids(NodeKind::CertTemplate), theirs.ids(NodeKind::CertTemplate));
        }
        assert!(ours.ids(NodeKind::Group).is_superset(&theirs.ids(NodeKind::Group)));
        Comparison { collector, ours, theirs: &theirs, links: &links }.check();
    }
}

#[test]
fn a_refused_login_or_certificate_leaves_no_file() {
    let Some(_turn) = wanted() else { return };
    let lab = Lab::shared();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("none.zip");
    let wrong = lab.collect(&format!("ldap://{CONTROLLER}"), (ADMINISTRATOR.0, "wrong"), &[], &out);
    let unknown = lab.collect(&format!("ldaps://{CONTROLLER}"), ADMINISTRATOR, &[], &out);
    for (output, reason) in [(wrong, "refused the bind"), (unknown, "certificate")] {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(reason), "{told}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn snapshot(path: &Path) -> Snapshot {
    ldif::read(File::open(path).unwrap(), &mut Counters::default()).unwrap()
}

/// Samba prints descriptors itself, read as the system reads them.
#[test]
fn every_descriptor_is_what_samba_says() {
    let Some(_turn) = wanted() else { return };
    let lab = Lab::shared();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("lab.ldif");
    let output = lab.collect(&format!("ldap://{CONTROLLER}"), ADMINISTRATOR, &[], &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = lab.script("on").args(["dc1", "/usr/bin/python3"]).arg(lab.tool("dump_sddl.py")).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let theirs: BTreeMap<String, &str> = told
        .lines()
        .filter_map(|line| {
            let mut parts = line.split('\t');
            Some((parts.next()?.to_lowercase(), parts.nth(1)?))
        })
        .collect();
    let ours = snapshot(&out);
    let head = ours.entries.iter().find(|entry| entry.dn.eq_ignore_ascii_case(&ours.root.domain)).unwrap();
    let domain = head.sid("objectSid").unwrap();
    let (mut same, mut other) = (0, Vec::new());
    for entry in &ours.entries {
        let (Some(theirs), Some(bytes)) = (theirs.get(&entry.dn.to_lowercase()), &entry.descriptor) else { continue };
        let ours = sd::decode(bytes).unwrap().to_sddl(Some(&domain));
        let domain = domain.to_string();
        if sddl::canonical(&ours, &domain) == sddl::canonical(theirs, &domain) {
            same += 1;
        } else {
            other.push(format!("{}\n  ours   {ours}\n  theirs {theirs}", entry.dn));
        }
    }
    println!("{same} descriptors are the same");
    assert!(other.is_empty(), "{} differ:\n{}", other.len(), other.join("\n"));
    assert!(same > 600, "{same} descriptors were compared");
}

/// What changes between two runs: a user, a group, access control that others inherit, names that others bear.
const CHANGES: &str = "\
dn: CN=hop one,CN=Users,DC=lab,DC=example
changetype: add
objectClass: user
sAMAccountName: hop.one

dn: CN=hop group,CN=Users,DC=lab,DC=example
changetype: add
objectClass: group
sAMAccountName: hop.group
member: CN=hop one,CN=Users,DC=lab,DC=example

dn: OU=hop,DC=lab,DC=example
changetype: add
objectClass: organizationalUnit

dn: CN=hop one,CN=Users,DC=lab,DC=example
changetype: modrdn
newrdn: CN=hop two
deleteoldrdn: 1
newsuperior: OU=hop,DC=lab,DC=example

dn: OU=hop,DC=lab,DC=example
changetype: modrdn
newrdn: OU=hopped
deleteoldrdn: 1

";
const UNDO: &str = "\
dn: CN=hop two,OU=hopped,DC=lab,DC=example
changetype: delete

dn: OU=hopped,DC=lab,DC=example
changetype: delete

dn: CN=hop group,CN=Users,DC=lab,DC=example
changetype: delete

";

/// Full, changed, brought up to date, undone, brought up to date: every time what a new collection gives.
#[test]
fn what_changed_since_makes_the_same_directory_as_a_new_collection() {
    let Some(_turn) = wanted() else { return };
    let lab = Lab::shared();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("ldap://{CONTROLLER}");
    let file = |name: &str| folder.path().join(name);
    for (who, login) in [("admin", ADMINISTRATOR), ("intern", INTERN)] {
        let mut since = file(&format!("{who}-0.ldif"));
        let output = lab.collect(&url, login, &[], &since);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (step, changes) in [("1", CHANGES), ("2", UNDO)] {
            lab.modify(ADMINISTRATOR, changes);
            let (fresh, refreshed) = (file(&format!("{who}-fresh-{step}.ldif")), file(&format!("{who}-{step}.ldif")));
            let more = [OsStr::new("--since"), since.as_os_str()];
            let output = lab.collect(&url, login, &more, &refreshed);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && !told.contains("anew"), "{told}");
            println!("{who}: {}", told.lines().find(|line| line.contains("differ")).unwrap_or_default());
            assert!(lab.collect(&url, login, &[], &fresh).status.success());
            let entries = |path: &Path| {
                let all = snapshot(path).entries.into_iter().map(|entry| (entry.guid("objectGUID"), entry));
                all.collect::<BTreeMap<_, _>>()
            };
            let (ours, new) = (entries(&refreshed), entries(&fresh));
            assert_eq!(ours.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>());
            for (guid, entry) in &new {
                assert_eq!(settled(&ours[guid]), settled(entry), "{}", entry.dn);
            }
            since = refreshed;
        }
    }
}

/// An entry without what a controller changes at every logon of its own accord and does not number.
fn settled(entry: &Entry) -> Vec<(String, Vec<Vec<u8>>)> {
    let names =
        ["objectClass", "objectSid", "cn", "member", "sAMAccountName", "nTSecurityDescriptor", "userAccountControl"];
    let mut parts: Vec<(String, Vec<Vec<u8>>)> = names
        .iter()
        .map(|name| {
            let mut values: Vec<Vec<u8>> = entry.values(name).map(<[u8]>::to_vec).collect();
            values.sort();
            ((*name).to_owned(), values)
        })
        .collect();
    parts.push(("dn".to_owned(), vec![entry.dn.clone().into_bytes()]));
    parts.push(("descriptor".to_owned(), entry.descriptor.iter().map(|bytes| bytes.to_vec()).collect()));
    parts
}

/// The lab's enforced policy puts SQL Admins into the administrators of every server, and holds a password.
#[test]
fn policies_reach_their_hosts_and_their_passwords_are_told() {
    let Some(_turn) = wanted() else { return };
    let lab = Lab::shared();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("lab.zip");
    let sysvol = lab.folder.join("nodes/dc1/var/lib/samba/sysvol");
    let more = [OsStr::new("--sysvol"), sysvol.as_os_str()];
    let output = lab.collect(&format!("ldap://{CONTROLLER}"), INTERN, &more, &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = Graph::load(&out);
    let named = |name: &str| {
        let mut found = ours.nodes.values().filter(|node| ours.text(&node.id, "samaccountname") == name);
        found.next().map(|node| node.id.clone()).unwrap()
    };
    let admins = named("SQL Admins");
    let held: Vec<&str> = ours
        .edges
        .iter()
        .filter(|(source, kind, _)| *source == admins && *kind == EdgeKind::MemberOfLocalGroup)
        .filter_map(|(.., group)| group.strip_suffix("-544"))
        .collect();
    let servers: Vec<&str> = ours
        .ids(NodeKind::Computer)
        .into_iter()
        .filter(|id| ours.text(id, "distinguishedname").contains(",OU=SERVERS,OU=CORP,"))
        .collect();
    assert!(!servers.is_empty());
    assert_eq!(held, servers);
    let policies = ours.nodes.values().filter(|node| node.kind == NodeKind::GPO);
    let with_password: Vec<&str> = policies
        .filter(|node| node.properties.get("gpppasswords").is_some_and(|files| !files.list().is_empty()))
        .map(|node| ours.text(&node.id, "distinguishedname"))
        .collect();
    assert_eq!(with_password, ["CN={0A1B2C3D-0002-4000-8000-000000000002},CN=POLICIES,CN=SYSTEM,DC=LAB,DC=EXAMPLE"]);
}
