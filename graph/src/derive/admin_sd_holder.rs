//! `ProtectAdminGroups`: AdminSDHolder's security descriptor is stamped on protected objects (`[MS-ADTS] 3.1.1.6.1.2`).

use hopwatch_model::{EdgeKind, NodeKind};

use super::work::Work;

/// The beginning of AdminSDHolder's distinguished name.
const ADMIN_SD_HOLDER: &str = "CN=ADMINSDHOLDER,CN=SYSTEM,";

/// Edges from AdminSDHolder to what a collector found stamped.
pub(super) fn derive(work: &mut Work<'_>) {
    for domain in work.collected_domains() {
        let sid = work.domain_sid(domain);
        let holder = work.nodes(NodeKind::Container).into_iter().find(|id| {
            work.text(*id, "distinguishedname").starts_with(ADMIN_SD_HOLDER) && work.text(*id, "domainsid") == sid
        });
        let Some(holder) = holder else { continue };
        for kind in [NodeKind::User, NodeKind::Group, NodeKind::Computer] {
            for id in work.nodes(kind) {
                if work.flag(id, "adminsdholderprotected") == Some(true) && work.text(id, "domainsid") == sid {
                    work.make(holder, EdgeKind::ProtectAdminGroups, id, Vec::new());
                }
            }
        }
    }
}
