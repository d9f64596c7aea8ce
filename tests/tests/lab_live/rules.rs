//! Why two collections of the same directory differ. Each rule is a row of the table in `docs/collector.md`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures are shown")]

use std::collections::BTreeMap;

use hopwatch_model::{EdgeKind, NodeKind};

use crate::graph::{Graph, deleted};

/// Whose collection ours is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collector {
    RustHound,
    BloodHoundPython,
}

/// Both collections, and what the directory itself says.
pub(crate) struct Comparison<'a> {
    pub(crate) collector: Collector,
    pub(crate) ours: &'a Graph,
    pub(crate) theirs: &'a Graph,
    /// `gPLink` by distinguished name in upper case.
    pub(crate) links: &'a BTreeMap<String, String>,
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
            E::DCFor | E::MemberOf if target == "DOMAIN_SID" => {
                Some("T11 a placeholder stands for the domain of a controller that is read before it")
            }
            E::CoerceToTGT if self.collector == Collector::BloodHoundPython && self.ours.flag(source, "isdc") => {
                Some("T12 controllers are not told from other computers")
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
        let folder = |id: &str| self.ours.kind(id) == Some(NodeKind::Container);
        let missing = |id: &str| folder(id) && !self.theirs.nodes.contains_key(id);
        if missing(source) || missing(target) {
            return Some("O1 containers that they leave out");
        }
        if self.collector == Collector::BloodHoundPython {
            if [source, target].iter().any(|id| self.ours.kind(id).is_some_and(certificates)) {
                return Some("O8 the public key infrastructure is not read");
            }
            if *kind == E::Contains && (folder(source) || folder(target)) {
                return Some("O9 what containers below the first hold is not told");
            }
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
            E::Contains if self.below_no_node(source, target) => {
                Some("O10 what lies in a folder that is no node is contained by the next one above")
            }
            E::SQLAdmin if self.collector == Collector::BloodHoundPython => {
                Some("O12 database services are not resolved to hosts")
            }
            E::DCFor => Some("O11 every controller is the domain's"),
            E::HostsCAService => Some("O7 the authority's host is the computer that has its name"),
            _ => None,
        }
    }

    /// Whether a folder that no collection writes is between the two.
    fn below_no_node(&self, source: &str, target: &str) -> bool {
        let (above, below) = (self.dn(source), self.dn(target));
        let between = below.strip_suffix(&format!(",{above}")).unwrap_or_default();
        let folder = format!("{},{above}", between.split_once(',').map(|(_, folder)| folder).unwrap_or_default());
        let written =
            |graph: &Graph| graph.nodes.values().any(|node| graph.text(&node.id, "distinguishedname") == folder);
        between.contains(',') && !written(self.ours) && !written(self.theirs)
    }

    /// Counts the differences by rule.
    pub(crate) fn check(&self) {
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
        let page = std::fs::read_to_string(hopwatch_tests::root().join("docs/collector.md")).unwrap();
        for (rule, count) in &rules {
            println!("{count:6} {rule}");
            let (number, why) = rule.split_once(' ').unwrap();
            assert!(page.contains(&format!("| {number} | {why} |")), "docs/collector.md lacks {rule}");
        }
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

fn certificates(kind: NodeKind) -> bool {
    use NodeKind::{AIACA, CertTemplate, EnterpriseCA, IssuancePolicy, NTAuthStore, RootCA};
    matches!(kind, AIACA | CertTemplate | EnterpriseCA | IssuancePolicy | NTAuthStore | RootCA)
}
