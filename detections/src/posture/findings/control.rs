//! Rights over objects of Tier Zero in the hands of accounts outside it.

use hopwatch_graph::{Hop, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, Severity};

use super::scan::{controller, enabled_computers, holders, of_kind, outside_control, outsider, tier_zero};
use super::{Check, Exposed};

fn by_outsiders(snapshot: &Snapshot, nodes: impl Iterator<Item = NodeId>) -> Vec<Exposed> {
    nodes
        .filter_map(|id| {
            let hops: Vec<Hop> = outside_control(snapshot, id).collect();
            (!hops.is_empty()).then(|| Exposed::of(snapshot, id, &holders(snapshot, &hops)))?
        })
        .collect()
}

/// Accounts that may replicate secrets.
pub static DCSYNC: Check = Check {
    slug: "dcsync-by-non-admins",
    title: "Accounts outside Tier Zero may replicate every secret of the domain",
    severity: Severity::High,
    remediation: "Remove DS-Replication-Get-Changes-All from the accounts on the domain's head.",
    needs: &["GetChanges", "GetChangesAll"],
    exposed: |snapshot| {
        let heads = of_kind(snapshot, NodeKind::Domain);
        let rights = heads.flat_map(|(id, _)| snapshot.incoming(id)).filter(|hop| hop.kind == EdgeKind::DCSync);
        let outside = rights.filter(|hop| outsider(snapshot, hop.source));
        outside
            .filter_map(|hop| Exposed::of(snapshot, hop.source, "GetChanges and GetChangesAll on the domain"))
            .collect()
    },
};

/// Entries of AdminSDHolder for outsiders.
pub static ADMIN_SD_HOLDER_WRITABLE: Check = Check {
    slug: "admin-sd-holder-writable",
    title: "Accounts outside Tier Zero control AdminSDHolder, and so every administrator",
    severity: Severity::High,
    remediation: "Remove the entries from AdminSDHolder, and from the objects on which they were stamped.",
    needs: &["CN=AdminSDHolder"],
    exposed: |snapshot| {
        let holder = of_kind(snapshot, NodeKind::Container).filter(|(_, node)| {
            let name = node.text("distinguishedname").unwrap_or_default().to_uppercase();
            name.starts_with("CN=ADMINSDHOLDER,CN=SYSTEM,")
        });
        by_outsiders(snapshot, holder.map(|(id, _)| id))
    },
};

/// Objects of Tier Zero that outsiders control.
pub static TIER_ZERO_CONTROLLED: Check = Check {
    slug: "tier-zero-controlled",
    title: "Accounts outside Tier Zero control objects of Tier Zero",
    severity: Severity::High,
    remediation: "Remove the access control entries, or take the accounts into Tier Zero and protect them so.",
    needs: &["isacl"],
    exposed: |snapshot| {
        // Policies and AdminSDHolder have findings of their own.
        let own = |id: &NodeId| !matches!(snapshot.kind(*id), NodeKind::GPO) && !admin_sd_holder(snapshot, *id);
        by_outsiders(snapshot, snapshot.tier_zero().into_iter().filter(own))
    },
};

fn admin_sd_holder(snapshot: &Snapshot, id: NodeId) -> bool {
    let name = snapshot.node(id).and_then(|node| node.text("distinguishedname")).unwrap_or_default();
    snapshot.kind(id) == NodeKind::Container && name.to_uppercase().starts_with("CN=ADMINSDHOLDER,")
}

/// Policies that outsiders may edit.
pub static GPO_WRITABLE: Check = Check {
    slug: "gpo-writable-by-non-admins",
    title: "Accounts outside Tier Zero may edit group policy, and so run code where it applies",
    severity: Severity::High,
    remediation: "Leave editing of policies to administrators of the tier to which they apply.",
    needs: &["isacl"],
    exposed: |snapshot| by_outsiders(snapshot, of_kind(snapshot, NodeKind::GPO).map(|(id, _)| id)),
};

/// Controllers whose objects outsiders own.
pub static CONTROLLER_OWNER: Check = Check {
    slug: "controller-owned-by-non-admin",
    title: "The object of a domain controller is owned by an account outside Tier Zero",
    severity: Severity::High,
    remediation: "Give ownership to Domain Admins.",
    needs: &["OwnsRaw"],
    exposed: |snapshot| {
        let controllers = enabled_computers(snapshot).filter(|(id, _)| controller(snapshot, *id));
        let owned = controllers.flat_map(|(id, _)| snapshot.incoming(id)).filter(|hop| {
            matches!(hop.kind, EdgeKind::Owns | EdgeKind::OwnsRaw | EdgeKind::OwnsLimitedRights)
                && outsider(snapshot, hop.source)
                && !tier_zero(snapshot, hop.source)
        });
        owned.filter_map(|hop| Exposed::of(snapshot, hop.target, &holders(snapshot, &[hop]))).collect()
    },
};
