//! Settings of the domain, and what holds for an estate as a whole.

use hopwatch_graph::{Filter, Limits, Node};
use hopwatch_model::{EdgeKind, NodeKind, Severity, Sid};

use super::scan::{accounts, controller, enabled_computers, of_kind, tier_zero};
use super::{Check, Exposed};

/// Anyone may make computer accounts.
pub static MACHINE_ACCOUNT_QUOTA: Check = Check {
    slug: "machine-account-quota",
    title: "Any account may add computers to the domain",
    severity: Severity::Medium,
    remediation: "Set ms-DS-MachineAccountQuota to 0 and delegate the right to join computers.",
    needs: &["machineaccountquota"],
    exposed: |snapshot| {
        of_kind(snapshot, NodeKind::Domain)
            .filter_map(|(id, node)| {
                let quota = node.integer("machineaccountquota").filter(|quota| *quota > 0)?;
                Exposed::of(snapshot, id, &format!("ms-DS-MachineAccountQuota is {quota}"))
            })
            .collect()
    },
};

/// Windows computers without LAPS.
pub static LAPS_MISSING: Check = Check {
    slug: "laps-missing",
    title: "Computers have no managed password for their local administrator",
    severity: Severity::Medium,
    remediation: "Roll out Windows LAPS to every member computer.",
    needs: &["haslaps"],
    exposed: |snapshot| {
        let windows =
            |node: &Node| node.text("operatingsystem").is_some_and(|system| system.to_lowercase().contains("windows"));
        enabled_computers(snapshot)
            .filter(|(id, node)| !controller(snapshot, *id) && windows(node) && node.flag("haslaps") == Some(false))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "no LAPS password in the directory"))
            .collect()
    },
};

/// Systems of which support ended before 2024, by parts of `operatingSystem`.
const OBSOLETE: [&str; 12] = [
    "windows 2000",
    "windows xp",
    "windows vista",
    "windows 7",
    "windows 8",
    "server 2000",
    "server 2003",
    "server 2008",
    "server 2012",
    "windows nt",
    "server\u{ae} 2008",
    "windows rt",
];

/// Computers that get no updates.
pub static OBSOLETE_SYSTEM: Check = Check {
    slug: "obsolete-operating-system",
    title: "Computers run systems that get no security updates",
    severity: Severity::Low,
    remediation: "Replace the systems, or cut them off.",
    needs: &["operatingsystem"],
    exposed: |snapshot| {
        enabled_computers(snapshot)
            .filter_map(|(id, node)| {
                let system = node.text("operatingsystem")?;
                let lower = system.to_lowercase();
                OBSOLETE.iter().any(|old| lower.contains(old)).then(|| Exposed::of(snapshot, id, system))?
            })
            .collect()
    },
};

/// Accounts that carry SIDs of Tier Zero, of their own domain, or built-in ones.
pub static SID_HISTORY: Check = Check {
    slug: "sid-history-privileged",
    title: "Accounts carry privileged SIDs, or SIDs of their own domain, in their history",
    severity: Severity::High,
    remediation: "Clear sIDHistory of the accounts.",
    needs: &["sidhistory", "HasSIDHistory"],
    exposed: |snapshot| {
        accounts(snapshot)
            .filter_map(|(id, node)| {
                let edges = snapshot.outgoing(id).filter(|hop| hop.kind == EdgeKind::HasSIDHistory);
                let by_edge =
                    edges.filter(|hop| tier_zero(snapshot, hop.target)).filter_map(|hop| snapshot.node(hop.target));
                let mut carried: Vec<String> = by_edge.map(|node| node.id.clone()).collect();
                carried.extend(node.list("sidhistory").iter().filter(|sid| forged(node, sid)).cloned());
                carried.sort();
                carried.dedup();
                if carried.is_empty() {
                    return None;
                }
                Exposed::of(snapshot, id, &format!("sIDHistory holds {}", carried.join(", ")))
            })
            .collect()
    },
};

/// True for a SID that no migration leaves: of the account's own domain, or of a built-in account or group.
fn forged(node: &Node, text: &str) -> bool {
    let (Ok(sid), Ok(own)) = (text.parse::<Sid>(), node.id.parse::<Sid>()) else { return false };
    match sid.domain() {
        None => true,
        Some(domain) => own.domain() == Some(domain) || sid.rid().is_some_and(|rid| rid < 1000),
    }
}

/// The share of accounts with a way to Tier Zero from which it is a finding, in percent.
const EXPOSED_PERCENT: f64 = 5.0;

/// Too many accounts have a way to Tier Zero.
pub static TIER_ZERO_EXPOSURE: Check = Check {
    slug: "tier-zero-exposure",
    title: "More than 5 % of all accounts have a path to Tier Zero",
    severity: Severity::Medium,
    remediation: "Cut the choke points in the order of their effect.",
    needs: &["isacl", "MemberOf"],
    exposed: |snapshot| {
        let zone = snapshot.tier_zero();
        let shares = snapshot.exposure(&[&zone], &Filter::default(), &Limits::none()).unwrap_or_default();
        let percent = shares.first().map_or(0.0, |share| share.ratio() * 100.0);
        if zone.is_empty() || percent <= EXPOSED_PERCENT {
            return Vec::new();
        }
        let says = format!("{percent:.1} % of the enabled accounts outside Tier Zero have a path into it");
        of_kind(snapshot, NodeKind::Domain)
            .filter(|(id, _)| tier_zero(snapshot, *id))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, &says))
            .collect()
    },
};
