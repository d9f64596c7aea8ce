//! Accounts that exist in the directory and in Entra ID: `SyncedToEntraUser` and `SyncedToADUser`.

use hopwatch_model::{EdgeKind, NodeKind};

use super::work::Work;

/// Edges both ways between a cloud account and the account that it is synchronised with.
pub(super) fn derive(work: &mut Work<'_>) {
    for cloud in work.nodes(NodeKind::AZUser) {
        let sid = work.text(cloud, "onpremid").to_owned();
        if sid.is_empty() || work.flag(cloud, "onpremsyncenabled") != Some(true) {
            continue;
        }
        match work.find(&sid) {
            Some(user) => {
                work.make(user, EdgeKind::SyncedToEntraUser, cloud, Vec::new());
                work.make(cloud, EdgeKind::SyncedToADUser, user, Vec::new());
            }
            None => work.gap(format!("cloud account {}: its directory account {sid} is unknown", work.id(cloud))),
        }
    }
}
