//! `hopwatch collect` against a living domain controller, edge by edge against what the public collectors find there at
//! the same time. Every difference has a rule with its reason here and in `docs/collector.md`; one without fails.
//!
//! Runs where `HOPWATCH_LAB_LIVE=1` and the user is root: the lab needs network namespaces. It takes the lab that
//! `LAB_NAME` and `LAB_DIR` name where that is up, else brings up one of its own, and `HOPWATCH_LAB_REFERENCE` instead of
//! running the collectors. The program is looked for beside the test, where `cargo build -p hopwatch` puts it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures and skips are shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hopwatch_ingest::directory::bloodhound;
use hopwatch_ingest::{Counters, sink};
use hopwatch_model::directory::DirectoryNode;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue, Timestamp};
use hopwatch_tests::root;

/// The domain controller, as `tests/lab/lib/common.sh` has it.
const CONTROLLER: &str = "10.77.0.10";
const ADMINISTRATOR: (&str, &str) = ("Administrator@lab.example", "Adm1n-Lab-Pass!");
const INTERN: (&str, &str) = ("intern.ian@lab.example", "Us3r-ian-0001");

/// A lab that is up; one of our own goes down with it.
struct Lab {
    name: String,
    folder: PathBuf,
    own: bool,
}

impl Lab {
    fn up() -> Self {
        let name = std::env::var("LAB_NAME").unwrap_or_else(|_| "adlab".to_owned());
        let folder = std::env::var_os("LAB_DIR").map_or_else(|| Path::new("/var/tmp").join(&name), PathBuf::from);
        let running = folder.join("pids/dc1").exists() && folder.join("directory.json").exists();
        if running {
            return Self { name, folder, own: false };
        }
        let lab = Self { name: "hwlive".to_owned(), folder: PathBuf::from("/var/tmp/hwlive"), own: true };
        for script in ["up", "populate"] {
            let output = lab.script(script).output().unwrap();
            assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        }
        lab
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(root().join("tests/lab").join(name));
        command.env("LAB_NAME", &self.name).env("LAB_DIR", &self.folder);
        command
    }

    /// Runs `hopwatch collect` on the client.
    fn collect(&self, url: &str, login: (&str, &str), more: &[&OsStr], out: &Path) -> Output {
        let program = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("hopwatch");
        assert!(program.exists(), "no {}: run cargo build -p hopwatch first", program.display());
        let mut command = self.script("on");
        command.arg("ws1").arg(program).arg("collect").arg(url).args(["--user", login.0, "--output"]).arg(out);
        command.args(more).env("HOPWATCH_LDAP_PASSWORD", login.1).output().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.own {
            drop(self.script("down").output());
        }
    }
}

/// What our importer makes of a collection.
struct Graph {
    nodes: BTreeMap<String, DirectoryNode>,
    edges: BTreeSet<(String, EdgeKind, String)>,
}

impl Graph {
    fn load(path: &Path) -> Self {
        let (mut sink, mut counters) = (sink::Collected::default(), Counters::default());
        let name = path.display().to_string();
        let failed = bloodhound::read_archive(
            File::open(path).unwrap(),
            &name,
            Timestamp::from_secs(1),
            &mut sink,
            &mut counters,
        )
        .unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        let (mut nodes, mut edges) = (BTreeMap::new(), BTreeSet::new());
        for delta in sink.deltas {
            edges.extend(delta.edges.into_iter().map(|edge| (edge.source, edge.kind, edge.target)));
            for node in delta.nodes.into_iter().filter(|node| node.properties.contains_key("distinguishedname")) {
                nodes.insert(node.id.clone(), node);
            }
        }
        Self { nodes, edges }
    }

    fn text(&self, id: &str, property: &str) -> &str {
        self.nodes
            .get(id)
            .and_then(|node| node.properties.get(property))
            .and_then(PropertyValue::text)
            .unwrap_or_default()
    }

    fn flag(&self, id: &str, property: &str) -> bool {
        let value = self.nodes.get(id).and_then(|node| node.properties.get(property));
        value.and_then(PropertyValue::bool) == Some(true)
    }

    fn kind(&self, id: &str) -> Option<NodeKind> {
        self.nodes.get(id).map(|node| node.kind)
    }

    fn ids(&self, kind: NodeKind) -> BTreeSet<&str> {
        let dn = |node: &DirectoryNode| self.text(&node.id, "distinguishedname").to_owned();
        let written = self.nodes.values().filter(|node| node.kind == kind && !dn(node).is_empty());
        written.filter(|node| !deleted(&dn(node))).map(|node| node.id.as_str()).collect()
    }
}

/// Both collections, and what the directory itself says.
struct Comparison<'a> {
    ours: &'a Graph,
    theirs: &'a Graph,
    /// `gPLink` by distinguished name in upper case.
    links: &'a BTreeMap<String, String>,
}

fn deleted(dn: &str) -> bool {
    dn.contains("0ADEL:") || dn.starts_with("CN=DELETED OBJECTS,")
}

type Edge = (String, EdgeKind, String);

impl Comparison<'_> {
    fn dn(&self, id: &str) -> String {
        let ours = self.ours.text(id, "distinguishedname");
        let dn = if ours.is_empty() { self.theirs.text(id, "distinguishedname") } else { ours };
        dn.to_owned()
    }

    /// Why only they have the edge.
    fn why_theirs(&self, (source, kind, target): &Edge) -> Option<&'static str> {
        use EdgeKind as E;
        let (from, to) = (self.dn(source), self.dn(target));
        let same_from_us = |kind: E, to: &str| {
            self.ours.edges.iter().any(|(s, k, t)| s == source && *k == kind && (to.is_empty() || t == to))
        };
        if deleted(&from) || deleted(&to) {
            return Some("T1 deleted objects are listed");
        }
        if [&from, &to].iter().any(|dn| dn.contains("DC=DOMAINDNSZONES,") || dn.contains("DC=FORESTDNSZONES,")) {
            return Some("T2 the partitions of DNS are searched");
        }
        if source.contains("-S-1-5-18") {
            return Some("T3 Local System is taken for a principal, and for the host of an authority");
        }
        match kind {
            E::RemoteInteractiveLogonRight | E::LocalToComputer | E::MemberOfLocalGroup => {
                Some("T4 local groups and rights that policies set are read over SMB")
            }
            E::AllowedToDelegate | E::SQLAdmin if !target.starts_with("S-1-") && same_from_us(*kind, "") => {
                Some("T5 a host stays a name where it is a computer of the domain")
            }
            E::GPLink if self.disabled_link(&from, &to) => Some("T6 a disabled link counts"),
            E::MemberOf if target.ends_with("-S-1-5-11") || target.ends_with("-S-1-1-0") => {
                Some("T7 memberships of special identities are written, which our graph derives")
            }
            E::Contains if target.contains("S-1-") && self.ours.kind(target).is_none() => {
                Some("T8 foreign security principals are contained")
            }
            E::ManageCA | E::ManageCertificates if same_from_us(E::GenericAll, target) => {
                Some("T9 full control of an authority's object counts as its management too")
            }
            E::AllExtendedRights
                if self.ours.kind(target) == Some(NodeKind::Computer) && !self.ours.flag(target, "haslaps") =>
            {
                Some("T10 every extended right of a computer without LAPS counts")
            }
            _ => None,
        }
    }

    fn disabled_link(&self, gpo: &str, container: &str) -> bool {
        let links = self.links.get(container).map(String::as_str).unwrap_or_default();
        let cn = gpo.split(',').next().unwrap_or_default();
        links.split('[').any(|link| link.contains(cn) && (link.ends_with(";1]") || link.ends_with(";3]")))
    }

    /// Why only we have the edge.
    fn why_ours(&self, (source, kind, target): &Edge) -> Option<&'static str> {
        use EdgeKind as E;
        let target_kind = self.ours.kind(target);
        let missing = |id: &str| self.ours.kind(id) == Some(NodeKind::Container) && !self.theirs.nodes.contains_key(id);
        if missing(source) || missing(target) {
            return Some("O1 containers that they leave out");
        }
        match kind {
            E::Contains if self.dn(target).ends_with(&format!(",CN=BUILTIN,{}", self.dn(source))) => {
                Some("O2 the builtin groups are the domain's")
            }
            E::Contains if self.dn(target).contains('\\') => Some("O3 a comma that is escaped ends no name"),
            E::AllExtendedRights
                if target_kind == Some(NodeKind::CertTemplate) || self.ours.flag(target, "haslaps") =>
            {
                Some("O4 every extended right counts on templates and on computers with LAPS")
            }
            E::GenericWrite
                if target_kind.is_some_and(|kind| {
                    use NodeKind as N;
                    matches!(
                        kind,
                        N::Domain | N::CertTemplate | N::EnterpriseCA | N::RootCA | N::AIACA | N::NTAuthStore
                    )
                }) =>
            {
                Some("O5 writing every attribute counts on domains and the public key infrastructure")
            }
            E::AllowedToDelegate | E::SQLAdmin
                if self.theirs.edges.iter().any(|(s, k, t)| s == source && k == kind && !t.starts_with("S-1-")) =>
            {
                Some("O6 a host is the computer of the domain that has the name")
            }
            E::HostsCAService => Some("O7 the authority's host is the computer that has its name"),
            _ => None,
        }
    }

    /// Counts the differences by rule.
    fn check(&self) {
        let common = self.ours.edges.intersection(&self.theirs.edges).count();
        let (mut rules, mut unexplained) = (BTreeMap::<&str, u64>::new(), Vec::new());
        for edge in self.theirs.edges.difference(&self.ours.edges) {
            match self.why_theirs(edge) {
                Some(rule) => *rules.entry(rule).or_default() += 1,
                None => unexplained.push(format!("theirs: {}", self.told(edge))),
            }
        }
        for edge in self.ours.edges.difference(&self.theirs.edges) {
            match self.why_ours(edge) {
                Some(rule) => *rules.entry(rule).or_default() += 1,
                None => unexplained.push(format!("ours: {}", self.told(edge))),
            }
        }
        println!("{common} edges in common");
        rules.iter().for_each(|(rule, count)| println!("{count:6} {rule}"));
        assert!(unexplained.is_empty(), "{} unexplained:\n{}", unexplained.len(), unexplained.join("\n"));
        assert!(common > 5_000, "{common} edges in common");
        for kind in [EdgeKind::MemberOf, EdgeKind::GenericAll, EdgeKind::OwnsRaw, EdgeKind::ForceChangePassword] {
            assert!(self.ours.edges.iter().any(|edge| edge.1 == kind && self.theirs.edges.contains(edge)), "{kind:?}");
        }
    }

    fn told(&self, (source, kind, target): &Edge) -> String {
        let name = |id: &str| format!("{id} ({})", self.dn(id));
        format!("{} {} {}", name(source), kind.name(), name(target))
    }
}

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
    let lab = Lab::up();
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
    for (name, ours) in [("rusthound-ce.zip", &ours), ("rusthound-ce-lowpriv.zip", &low)] {
        println!("against {name}");
        let theirs = Graph::load(&reference.join(name));
        for kind in [NodeKind::User, NodeKind::Computer, NodeKind::OU, NodeKind::GPO, NodeKind::CertTemplate] {
            assert_eq!(ours.ids(kind), theirs.ids(kind), "{kind:?}");
        }
        assert!(ours.ids(NodeKind::Group).is_superset(&theirs.ids(NodeKind::Group)));
        Comparison { ours, theirs: &theirs, links: &links }.check();
    }
}

#[test]
fn a_refused_login_or_certificate_leaves_no_file() {
    if !wanted() {
        return;
    }
    let lab = Lab::up();
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
