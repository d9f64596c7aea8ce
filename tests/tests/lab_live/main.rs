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

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hopwatch_model::NodeKind;

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

/// Whether the test is wanted and possible.
fn wanted() -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let wanted = std::env::var_os("HOPWATCH_LAB_LIVE").is_some_and(|value| value == "1");
    if !wanted || !root {
        println!("skipped: the living lab needs HOPWATCH_LAB_LIVE=1 and root");
    }
    wanted && root
}

#[test]
fn our_collector_finds_what_the_public_collectors_find() {
    if !wanted() {
        return;
    }
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
    if !wanted() {
        return;
    }
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
