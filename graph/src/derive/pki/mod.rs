//! Certificate services: who can get a certificate with which to log on as someone else.
//!
//! Every escalation needs an authority that the domain believes: its certificate leads to a root of the domain, it is in
//! the store trusted for logon, and an enabled computer runs it. The names ESC1 to ESC16 are those of "Certified
//! Pre-Owned" and its successors. BloodHound `packages/go/analysis/ad/adcs.go`, `esc*.go`.

mod chain;
mod control;
mod issuance;
mod on_behalf;
mod relay;
mod template;
mod weak_mapping;

pub(super) use relay::victims;

use hopwatch_model::{EdgeKind, NodeKind};
use rustc_hash::FxHashMap;

use super::cross::{cross, grant};
use super::membership::{Membership, without_users};
use super::set::Set;
use super::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;
use template::Template;

/// Rights on a template that let enrol with it.
const ENROLL: [EdgeKind; 3] = [EdgeKind::Enroll, EdgeKind::GenericAll, EdgeKind::AllExtendedRights];

/// A domain that believes an authority, with the edges that show it.
pub(super) struct Believer {
    /// The domain.
    pub(super) domain: NodeId,
    /// From the authority to the domain's root and store, and the host.
    pub(super) chain: Vec<EdgeKey>,
}

/// An authority that enrols.
pub(super) struct Authority {
    /// Its node.
    pub(super) id: NodeId,
    /// The templates that it offers, by the edge that says so.
    pub(super) published: Vec<EdgeKey>,
    /// Who may enrol at it.
    pub(super) enroll: Vec<EdgeKey>,
    /// Its enabled hosts.
    pub(super) hosts: Vec<EdgeKey>,
    /// The domains that believe it, whether it has an enabled host or not.
    pub(super) believers: Vec<Believer>,
}

impl Authority {
    /// The domains against which it can be used: none without an enabled host.
    pub(super) fn targets(&self) -> &[Believer] {
        if self.hosts.is_empty() { &[] } else { &self.believers }
    }
}

/// The public key infrastructure at hand.
pub(super) struct Pki<'m> {
    /// Who is in which group.
    pub(super) membership: &'m Membership,
    /// The authorities that enrol.
    pub(super) authorities: Vec<Authority>,
    /// The templates.
    templates: FxHashMap<NodeId, Template>,
    /// The mode.
    pub(super) mode: Mode,
    enrollers: FxHashMap<(NodeId, NodeId), Set>,
}

/// All edges of certificate services, and the relays to them.
pub(super) fn derive(work: &mut Work<'_>, membership: &Membership) {
    chain::derive(work);
    let mut pki = Pki::new(work, membership);
    on_behalf::edges(work, &pki);
    for authority in 0..pki.authorities.len() {
        golden_certificate(work, &pki, authority);
        issuance::derive(work, &mut pki, authority);
        on_behalf::derive(work, &pki, authority);
        control::derive(work, &pki, authority);
        weak_mapping::derive(work, &pki, authority);
        if pki.mode == Mode::Ours {
            relay::derive(work, &pki, authority);
        }
    }
    super::ntlm::derive(work, &pki);
}

impl<'m> Pki<'m> {
    fn new(work: &mut Work<'_>, membership: &'m Membership) -> Self {
        let mut templates = FxHashMap::default();
        for id in work.nodes(NodeKind::CertTemplate) {
            templates.insert(id, Template::read(work, id));
        }
        let domains = work.nodes(NodeKind::Domain);
        let mut authorities = Vec::new();
        for id in work.nodes(NodeKind::EnterpriseCA) {
            let mut hosts = work.edges_into(id, &[EdgeKind::HostsCAService]);
            hosts.retain(|key| {
                work.kind(key.source) == NodeKind::Computer && work.flag(key.source, "enabled") == Some(true)
            });
            let believers =
                domains.iter().filter_map(|domain| chain::believes(work, *domain, id, &hosts)).collect::<Vec<_>>();
            if hosts.is_empty() && !believers.is_empty() {
                work.gap(format!("authority {}: its host is unknown, no attack through it is shown", work.id(id)));
            }
            authorities.push(Authority {
                id,
                published: work.edges_into(id, &[EdgeKind::PublishedTo]),
                enroll: work.edges_into(id, &[EdgeKind::Enroll]),
                hosts,
                believers,
            });
        }
        Self { membership, authorities, templates, mode: work.mode(), enrollers: FxHashMap::default() }
    }

    /// Who can enrol with the template at the authority.
    fn enrollers(&mut self, work: &Work<'_>, template: NodeId, authority: usize) -> Set {
        let Some(at) = self.authorities.get(authority) else { return Set::default() };
        let key = (template, at.id);
        if let Some(known) = self.enrollers.get(&key) {
            return known.clone();
        }
        let found = cross(self.membership, self.mode, &[&work.sources(template, &ENROLL), &sources(&at.enroll)]);
        self.enrollers.insert(key, found.clone());
        found
    }

    /// Whether a template gives certificates for logon to whoever asks.
    pub(in crate::derive) fn open_for_logon(&self, template: NodeId) -> bool {
        self.templates.get(&template).is_some_and(|template| template.open() && template.authenticates())
    }

    /// Why someone can enrol: the rights on template and authority, and the offer.
    pub(super) fn enrolment(
        &self,
        work: &Work<'_>,
        who: NodeId,
        offer: EdgeKey,
        authority: &Authority,
    ) -> Vec<EdgeKey> {
        let mut edges = grant(self.membership, who, &work.edges_into(offer.source, &ENROLL));
        edges.push(offer);
        edges.extend(grant(self.membership, who, &authority.enroll));
        edges
    }

    /// Takes users out where the template wants a DNS name of the enrollee.
    fn with_names(&self, work: &Work<'_>, template: NodeId, mut set: Set) -> Set {
        if self.templates.get(&template).is_none_or(Template::wants_dns_name) {
            without_users(work, &mut set);
        }
        set
    }
}

/// The nodes from which some edges come.
fn sources(edges: &[EdgeKey]) -> Vec<NodeId> {
    edges.iter().map(|key| key.source).collect()
}

/// Whoever holds the host holds the authority's key, with which any certificate can be made.
fn golden_certificate(work: &mut Work<'_>, pki: &Pki<'_>, authority: usize) {
    let Some(authority) = pki.authorities.get(authority) else { return };
    for believer in authority.targets() {
        let hosts = work.edges_into(authority.id, &[EdgeKind::HostsCAService]);
        let computers = hosts.iter().filter(|key| work.kind(key.source) == NodeKind::Computer).copied();
        for host in computers.collect::<Vec<_>>() {
            let mut composition = believer.chain.clone();
            composition.push(host);
            work.make(host.source, EdgeKind::GoldenCert, believer.domain, composition);
        }
    }
}
