//! Replication rights that give secrets only together: `DCSync` and `SyncLAPSPassword`.
//!
//! `DS-Replication-Get-Changes` replicates; `-All` adds secrets, `-In-Filtered-Set` adds filtered attributes, of which
//! Windows LAPS' password is one (`[MS-ADTS] 5.1.3.2.1`). Neither of the latter is worth anything without the first.

use hopwatch_model::{EdgeKind, NodeKind};

use super::cross::{cross, grant};
use super::membership::Membership;
use super::work::Work;
use crate::ids::NodeId;

/// `DCSync` to domains, `SyncLAPSPassword` to their computers that have LAPS.
pub(super) fn derive(work: &mut Work<'_>, membership: &Membership) {
    for domain in work.collected_domains() {
        pair(work, membership, domain, EdgeKind::GetChangesAll, EdgeKind::DCSync, &[domain]);
        let computers = computers_with_laps(work, domain);
        pair(work, membership, domain, EdgeKind::GetChangesInFilteredSet, EdgeKind::SyncLAPSPassword, &computers);
    }
}

fn pair(
    work: &mut Work<'_>,
    membership: &Membership,
    domain: NodeId,
    second: EdgeKind,
    makes: EdgeKind,
    targets: &[NodeId],
) {
    if targets.is_empty() {
        return;
    }
    let first_edges = work.edges_into(domain, &[EdgeKind::GetChanges]);
    let second_edges = work.edges_into(domain, &[second]);
    let named = |edges: &[crate::estate::EdgeKey]| edges.iter().map(|key| key.source).collect::<Vec<_>>();
    let (first, others) = (named(&first_edges), named(&second_edges));
    for principal in cross(membership, work.mode(), &[&first, &others]).iter() {
        let mut composition = grant(membership, principal, &first_edges);
        composition.extend(grant(membership, principal, &second_edges));
        for target in targets {
            work.make(principal, makes, *target, composition.clone());
        }
    }
}

fn computers_with_laps(work: &Work<'_>, domain: NodeId) -> Vec<NodeId> {
    let sid = work.domain_sid(domain);
    let mut computers = work.nodes(NodeKind::Computer);
    computers.retain(|id| work.flag(*id, "haslaps") == Some(true) && work.text(*id, "domainsid") == sid);
    computers
}
