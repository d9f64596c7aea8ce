//! Kerberos delegation that leads upwards (`[MS-SFU]`).

use hopwatch_graph::{Hop, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, Severity};

use super::scan::{accounts, control, controller, tier_zero};
use super::{Check, Exposed};

/// Hosts and services that keep the tickets of whoever connects.
pub static UNCONSTRAINED: Check = Check {
    slug: "unconstrained-delegation",
    title: "Accounts outside the controllers keep the tickets of whoever connects",
    severity: Severity::High,
    remediation: "Replace unconstrained delegation by resource-based delegation; protect administrators from delegation.",
    needs: &["unconstraineddelegation"],
    exposed: |snapshot| {
        accounts(snapshot)
            .filter(|(id, node)| control(node, "unconstraineddelegation", 0x8_0000) && !controller(snapshot, *id))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "TRUSTED_FOR_DELEGATION is set"))
            .collect()
    },
};

fn label(snapshot: &Snapshot, id: NodeId) -> String {
    snapshot.node(id).map_or_else(String::new, |node| node.label().to_owned())
}

/// Delegation to a host of Tier Zero.
pub static CONSTRAINED_TO_TIER_ZERO: Check = Check {
    slug: "constrained-delegation-to-tier-zero",
    title: "Accounts may present any user to a service of Tier Zero",
    severity: Severity::High,
    remediation: "Remove the service from msDS-AllowedToDelegateTo.",
    needs: &["AllowedToDelegate"],
    exposed: |snapshot| {
        let up = |hop: &Hop| hop.kind == EdgeKind::AllowedToDelegate && tier_zero(snapshot, hop.target);
        accounts(snapshot)
            .filter(|(id, _)| !tier_zero(snapshot, *id))
            .filter_map(|(id, _)| {
                let hop = snapshot.outgoing(id).find(up)?;
                Exposed::of(snapshot, id, &format!("may delegate to {}", label(snapshot, hop.target)))
            })
            .collect()
    },
};

/// Delegation without proof that the user ever logged on.
pub static PROTOCOL_TRANSITION: Check = Check {
    slug: "protocol-transition",
    title: "Accounts may present users who never logged on to them (protocol transition)",
    severity: Severity::Medium,
    remediation: "Clear TRUSTED_TO_AUTH_FOR_DELEGATION, so that a user's own ticket is needed.",
    needs: &["trustedtoauth", "AllowedToDelegate"],
    exposed: |snapshot| {
        accounts(snapshot)
            .filter(|(id, node)| control(node, "trustedtoauth", 0x100_0000) && !controller(snapshot, *id))
            .filter_map(|(id, node)| {
                let services = node.list("allowedtodelegate");
                let edge = snapshot.outgoing(id).find(|hop| hop.kind == EdgeKind::AllowedToDelegate);
                let to = match (services.first(), edge) {
                    (Some(_), _) => services.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
                    (None, Some(hop)) => label(snapshot, hop.target),
                    (None, None) => return None,
                };
                Exposed::of(snapshot, id, &format!("protocol transition to {to}"))
            })
            .collect()
    },
};

/// Hosts on which others may impersonate anyone.
pub static RESOURCE_BASED: Check = Check {
    slug: "resource-based-delegation",
    title: "Accounts may impersonate any user on a host (resource-based delegation)",
    severity: Severity::Medium,
    remediation: "Clear msDS-AllowedToActOnBehalfOfOtherIdentity where the service does not need it.",
    needs: &["AllowedToAct"],
    exposed: |snapshot| {
        accounts(snapshot)
            .filter_map(|(id, _)| {
                let sources = snapshot.incoming(id).filter(|hop| hop.kind == EdgeKind::AllowedToAct);
                let names: Vec<String> = sources.map(|hop| label(snapshot, hop.source)).collect();
                if names.is_empty() {
                    return None;
                }
                Exposed::of(snapshot, id, &format!("{} may impersonate any user", names.join(", ")))
            })
            .collect()
    },
};
