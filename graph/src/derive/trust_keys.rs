//! `HasTrustKeys`: a trusting domain keeps the key of the account `NETBIOS$` that it has in the trusted domain, so that
//! whoever holds the one can log on to the other as that account (`[MS-ADTS] 6.1.6.9.6`).

use hopwatch_model::{EdgeKind, NodeKind};

use super::work::Work;

/// Edges from domains to their accounts in the domains that they trust.
pub(super) fn derive(work: &mut Work<'_>) {
    for domain in work.collected_domains() {
        let account = work.text(domain, "netbios").to_uppercase() + "$";
        let trusts = work.edges_from(domain, &[EdgeKind::SameForestTrust, EdgeKind::CrossForestTrust]);
        if account == "$" {
            if !trusts.is_empty() {
                work.gap(format!("domain {}: netbios unknown, its trust accounts are not shown", work.id(domain)));
            }
            continue;
        }
        for trust in trusts {
            let sid = work.domain_sid(trust.target);
            let found = work.nodes(NodeKind::User).into_iter().find(|id| {
                work.text(*id, "domainsid") == sid && work.text(*id, "samaccountname").eq_ignore_ascii_case(&account)
            });
            if let Some(user) = found.filter(|_| !sid.is_empty()) {
                work.make(domain, EdgeKind::HasTrustKeys, user, vec![trust]);
            }
        }
    }
}
