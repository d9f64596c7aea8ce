//! Which certificates lead where: `TrustedForNTAuth`, `IssuedSignedBy`, `EnterpriseCAFor`, `ExtendedByPolicy`, and from
//! them which domains believe an authority.

use hopwatch_model::{EdgeKind, NodeKind};
use rustc_hash::FxHashMap;

use super::Believer;
use crate::derive::work::Work;
use crate::estate::EdgeKey;
use crate::ids::NodeId;

/// The steps from an authority towards a root.
const UPWARDS: [EdgeKind; 2] = [EdgeKind::IssuedSignedBy, EdgeKind::EnterpriseCAFor];

/// Nodes by their certificate's thumbprint.
type ByThumbprint = FxHashMap<String, Vec<NodeId>>;

/// The edges between certificates.
pub(super) fn derive(work: &mut Work<'_>) {
    let authorities = by_thumbprint(work, NodeKind::EnterpriseCA);
    let roots = by_thumbprint(work, NodeKind::RootCA);
    let intermediates = by_thumbprint(work, NodeKind::AIACA);
    let none = Vec::new();
    for store in work.nodes(NodeKind::NTAuthStore) {
        let thumbprints = list(work, store, "certthumbprints");
        if thumbprints.is_empty() {
            work.gap(format!("store {}: its certificates are unknown", work.id(store)));
        }
        for authority in thumbprints.iter().flat_map(|print| authorities.get(print).unwrap_or(&none)) {
            work.make(*authority, EdgeKind::TrustedForNTAuth, store, Vec::new());
        }
    }
    for kind in [NodeKind::EnterpriseCA, NodeKind::RootCA, NodeKind::AIACA] {
        for id in work.nodes(kind) {
            // The first of a chain is the certificate itself, the second its issuer's.
            let chain = list(work, id, "certchain");
            let Some(issuer) = chain.get(1).filter(|print| !print.is_empty()) else { continue };
            for issuers in [&authorities, &roots, &intermediates] {
                for parent in issuers.get(issuer).unwrap_or(&none) {
                    work.make(id, EdgeKind::IssuedSignedBy, *parent, Vec::new());
                }
            }
        }
    }
    for (print, same) in &authorities {
        for twins in [&roots, &intermediates] {
            for (authority, twin) in
                same.iter().flat_map(|id| twins.get(print).into_iter().flatten().map(move |twin| (id, twin)))
            {
                work.make(*authority, EdgeKind::EnterpriseCAFor, *twin, Vec::new());
            }
        }
    }
    policies(work);
}

/// A template carries the issuance policies whose object identifiers it lists.
fn policies(work: &mut Work<'_>) {
    let mut by_oid: FxHashMap<String, Vec<NodeId>> = FxHashMap::default();
    for policy in work.nodes(NodeKind::IssuancePolicy) {
        by_oid.entry(work.text(policy, "certtemplateoid").to_owned()).or_default().push(policy);
    }
    for template in work.nodes(NodeKind::CertTemplate) {
        let domain = work.text(template, "domainsid").to_owned();
        for oid in list(work, template, "certificatepolicy") {
            for policy in by_oid.get(&oid).cloned().unwrap_or_default() {
                if !domain.is_empty() && work.text(policy, "domainsid") == domain {
                    work.make(template, EdgeKind::ExtendedByPolicy, policy, Vec::new());
                }
            }
        }
    }
}

fn list(work: &Work<'_>, id: NodeId, name: &str) -> Vec<String> {
    work.node(id).map(|node| node.list(name).to_vec()).unwrap_or_default()
}

fn by_thumbprint(work: &Work<'_>, kind: NodeKind) -> ByThumbprint {
    let mut found = ByThumbprint::default();
    for id in work.nodes(kind) {
        let thumbprint = work.text(id, "certthumbprint");
        if !thumbprint.is_empty() {
            found.entry(thumbprint.to_owned()).or_default().push(id);
        }
    }
    found
}

/// Whether a domain believes an authority: its store of authorities trusted for logon holds it, and its certificate
/// leads to one of the domain's roots. With an enabled host, this goes into the chain too.
pub(super) fn believes(work: &Work<'_>, domain: NodeId, authority: NodeId, hosts: &[EdgeKey]) -> Option<Believer> {
    let stores = work.edges_into(domain, &[EdgeKind::NTAuthStoreFor]);
    let trusted = stores.iter().find_map(|store| {
        let trusted = work.edges_into(store.source, &[EdgeKind::TrustedForNTAuth]);
        trusted.into_iter().find(|key| key.source == authority).map(|key| [key, *store])
    })?;
    let mut chain = upwards(work, authority, domain)?;
    chain.extend(trusted);
    chain.extend(hosts.first());
    Some(Believer { domain, chain })
}

/// The shortest way from an authority to a domain's root, found backwards from the domain.
pub(super) fn upwards(work: &Work<'_>, authority: NodeId, domain: NodeId) -> Option<Vec<EdgeKey>> {
    let mut came: FxHashMap<NodeId, EdgeKey> = FxHashMap::default();
    let mut queue = std::collections::VecDeque::new();
    for root in work.edges_into(domain, &[EdgeKind::RootCAFor]) {
        came.entry(root.source).or_insert(root);
        queue.push_back(root.source);
    }
    while let Some(id) = queue.pop_front() {
        if id == authority {
            let mut chain = Vec::new();
            let mut end = id;
            while let Some(key) = came.get(&end) {
                chain.push(*key);
                end = key.target;
            }
            return Some(chain);
        }
        for key in work.edges_into(id, &UPWARDS) {
            if let std::collections::hash_map::Entry::Vacant(free) = came.entry(key.source) {
                free.insert(key);
                queue.push_back(key.source);
            }
        }
    }
    None
}
