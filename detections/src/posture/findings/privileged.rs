//! Accounts of Tier Zero that are weaker than their rights allow, and traces of former rights.

use std::collections::BTreeMap;

use hopwatch_graph::{Direction, Filter, KindMask, Limits, Node, NodeFlags, NodeId, Reason, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, Severity};

use super::scan::{accounts, control, controller, enabled_users, krbtgt, managed, of_kind, rid, tier_zero};
use super::{Check, Exposed};

/// What a user account's services are, where tickets for them can be cracked.
fn services(node: &Node) -> Option<String> {
    let names = node.list("serviceprincipalnames");
    if names.is_empty() || managed(node) || krbtgt(node) {
        return None;
    }
    let types = node.list("supportedencryptiontypes");
    let aes = types.iter().any(|name| name.to_uppercase().contains("AES"));
    let weak = if aes { "AES keys" } else { "RC4 tickets" };
    Some(format!("runs {} ({weak})", names.iter().take(3).cloned().collect::<Vec<_>>().join(", ")))
}

/// Users with service names outside Tier Zero.
pub static KERBEROASTABLE: Check = Check {
    slug: "kerberoastable",
    title: "Services run under user accounts whose passwords can be cracked offline",
    severity: Severity::Low,
    remediation: "Make them group managed service accounts, or give them passwords of 25 characters and AES keys.",
    needs: &["serviceprincipalnames"],
    exposed: |snapshot| {
        let users = enabled_users(snapshot).filter(|(id, _)| !tier_zero(snapshot, *id));
        users.filter_map(|(id, node)| Exposed::of(snapshot, id, &services(node)?)).collect()
    },
};

/// Users with service names in Tier Zero.
pub static KERBEROASTABLE_PRIVILEGED: Check = Check {
    slug: "kerberoastable-privileged",
    title: "Administrators run services: one cracked password is the domain",
    severity: Severity::High,
    remediation: "Take the accounts out of Tier Zero, or remove their service principal names.",
    needs: &["serviceprincipalnames"],
    exposed: |snapshot| {
        let users = enabled_users(snapshot).filter(|(id, _)| tier_zero(snapshot, *id));
        users.filter_map(|(id, node)| Exposed::of(snapshot, id, &services(node)?)).collect()
    },
};

/// Accounts whose `adminCount` outlived their rights.
pub static ADMIN_COUNT_ORPHAN: Check = Check {
    slug: "admin-count-orphan",
    title: "Accounts were protected once and are no administrators any more",
    severity: Severity::Low,
    remediation: "Clear adminCount and let the object inherit access control again.",
    needs: &["admincount"],
    exposed: |snapshot| {
        let former = |id: NodeId, node: &Node| {
            node.flag("admincount") == Some(true)
                && snapshot.kind(id) == NodeKind::User
                && !tier_zero(snapshot, id)
                && !krbtgt(node)
        };
        accounts(snapshot)
            .filter(|(id, node)| former(*id, node))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "adminCount is set, no protected group holds the account"))
            .collect()
    },
};

/// Members of Protected Users by whatever nesting.
fn protected(snapshot: &Snapshot) -> impl Fn(NodeId) -> bool {
    let groups: Vec<NodeId> =
        of_kind(snapshot, NodeKind::Group).filter(|(_, n)| rid(n) == Some(525)).map(|(id, _)| id).collect();
    let filter = Filter::of_kinds(KindMask::NONE.with(EdgeKind::MemberOf));
    let reach = snapshot.reach(&groups, Direction::Inbound, &filter, &Limits::none()).ok();
    move |id| reach.as_ref().is_some_and(|reach| reach.contains(id))
}

/// Administrators whose tickets may be forwarded.
pub static DELEGATABLE: Check = Check {
    slug: "privileged-delegatable",
    title: "Administrators can be impersonated by services that delegate",
    severity: Severity::Medium,
    remediation: "Set \"sensitive and cannot be delegated\" on the accounts, or make them members of Protected Users.",
    needs: &["sensitive"],
    exposed: |snapshot| {
        let safe = protected(snapshot);
        let open = |id: NodeId, node: &Node| {
            tier_zero(snapshot, id)
                && !krbtgt(node)
                && !managed(node)
                && !control(node, "sensitive", 0x10_0000)
                && !safe(id)
        };
        enabled_users(snapshot)
            .filter(|(id, node)| open(*id, node))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "NOT_DELEGATED is not set, no member of Protected Users"))
            .collect()
    },
};

/// Operators' groups, whose members can take over controllers: by RID of the built-in domain, and DnsAdmins by name.
const OPERATORS_RIDS: [&str; 4] = ["-S-1-5-32-548", "-S-1-5-32-549", "-S-1-5-32-550", "-S-1-5-32-551"];

/// Members of the operators' groups.
pub static OPERATORS: Check = Check {
    slug: "operator-group-members",
    title: "Groups of operators have members: each can take over a domain controller",
    severity: Severity::Medium,
    remediation: "Empty the groups of operators; delegate the single rights that are needed.",
    needs: &["MemberOf"],
    exposed: operators,
};

fn operators(snapshot: &Snapshot) -> Vec<Exposed> {
    let operator = |node: &Node| {
        OPERATORS_RIDS.iter().any(|suffix| node.id.ends_with(suffix))
            || node.text("samaccountname").is_some_and(|name| name.eq_ignore_ascii_case("DnsAdmins"))
    };
    let filter = Filter::of_kinds(KindMask::NONE.with(EdgeKind::MemberOf));
    let mut found: BTreeMap<NodeId, String> = BTreeMap::new();
    for (group, node) in of_kind(snapshot, NodeKind::Group).filter(|(_, node)| operator(node)) {
        let Ok(reach) = snapshot.reach(&[group], Direction::Inbound, &filter, &Limits::none()) else { continue };
        let members = reach.nodes().filter(|id| snapshot.flags(*id).has(NodeFlags::ACCOUNT));
        members.for_each(|id| {
            found.entry(id).or_insert_with(|| format!("member of {}", node.label()));
        });
    }
    // An account that is an administrator anyway gains nothing by it.
    let administrator =
        |id: &NodeId| snapshot.tier_zero_reasons().get(id).is_some_and(|reason| matches!(reason, Reason::WellKnown(_)));
    let only = found.into_iter().filter(|(id, _)| !administrator(id));
    only.filter_map(|(id, says)| Exposed::of(snapshot, id, &says)).collect()
}

/// Accounts whose primary group is not the default.
pub static PRIMARY_GROUP: Check = Check {
    slug: "primary-group-not-default",
    title: "Accounts have a primary group that hides a membership",
    severity: Severity::Medium,
    remediation: "Set the default primary group: Domain Users, Domain Computers or Domain Controllers.",
    needs: &["isprimarygroup"],
    exposed: |snapshot| {
        accounts(snapshot)
            .filter_map(|(id, node)| {
                let primary = |hop: &hopwatch_graph::Hop| {
                    hop.kind == EdgeKind::MemberOf
                        && snapshot.edge(hop.edge).is_some_and(|edge| edge.flag("isprimarygroup"))
                };
                let group = snapshot.outgoing(id).find(primary).and_then(|hop| snapshot.node(hop.target))?;
                let wanted: &[u32] = match snapshot.kind(id) {
                    NodeKind::Computer if controller(snapshot, id) => &[516, 521],
                    NodeKind::Computer => &[515],
                    // Managed service accounts are computers by their class.
                    _ if managed(node) => &[513, 515],
                    _ => &[513, 514],
                };
                let unusual = rid(group).is_some_and(|rid| !wanted.contains(&rid));
                unusual.then(|| Exposed::of(snapshot, id, &format!("primary group {}", group.label())))?
            })
            .collect()
    },
};
