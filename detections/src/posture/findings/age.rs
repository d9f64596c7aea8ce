//! What has grown old: accounts that nobody uses, passwords that nobody changed. Ages are counted to the snapshot's time.

use std::time::Duration;

use hopwatch_graph::{Node, NodeFlags, NodeId, Snapshot};
use hopwatch_model::{NodeKind, Severity, Timestamp};

use super::scan::{accounts, controller, enabled_computers, enabled_users, krbtgt, rid, tier_zero, time};
use super::{Check, Exposed, now};

const DAY: u64 = 86_400;
/// Without a logon for so long an account counts as stale, in days (Defender for Identity: 90). `lastLogonTimestamp` itself
/// may lag by 14 days (`[MS-ADA1] 2.351`).
const STALE_DAYS: u64 = 90;
/// The same for accounts of Tier Zero (Defender for Identity: 180).
const DORMANT_DAYS: u64 = 180;
/// The age at which `krbtgt`'s and the built-in Administrator's password are too old, in days.
const PASSWORD_DAYS: u64 = 180;
/// A computer changes its password every 30 days; a controller whose is older than this does not, in days.
const CONTROLLER_DAYS: u64 = 45;

fn older(snapshot: &Snapshot, time: Timestamp, days: u64) -> Option<u64> {
    let age = now(snapshot).since(time);
    (age > Duration::from_secs(days * DAY)).then_some(age.as_secs() / DAY)
}

/// The last logon that the directory shows. An account that never logged on counts from its creation.
fn last_use(node: &Node) -> Option<(Timestamp, bool)> {
    if !node.properties.contains_key("lastlogontimestamp") && !node.properties.contains_key("lastlogon") {
        return None;
    }
    let used = time(node, "lastlogontimestamp").max(time(node, "lastlogon"));
    match used {
        Some(used) => Some((used, true)),
        None => time(node, "whencreated").map(|created| (created, false)),
    }
}

fn unused(snapshot: &Snapshot, id: NodeId, node: &Node, days: u64) -> Option<Exposed> {
    let (time, used) = last_use(node)?;
    let age = older(snapshot, time, days)?;
    let says = if used { format!("last logon {age} days ago") } else { format!("created {age} days ago, never used") };
    Exposed::of(snapshot, id, &says)
}

/// Enabled users that nobody uses.
pub static STALE_USER: Check = Check {
    slug: "stale-user",
    title: "Enabled user accounts have not been used for 90 days",
    severity: Severity::Low,
    remediation: "Disable the accounts, and delete them after a while.",
    needs: &["lastlogontimestamp"],
    exposed: |snapshot| {
        let built_in = |node: &Node| krbtgt(node) || matches!(rid(node), Some(500..=503));
        let users = enabled_users(snapshot).filter(|(id, node)| !built_in(node) && !tier_zero(snapshot, *id));
        users.filter_map(|(id, node)| unused(snapshot, id, node, STALE_DAYS)).collect()
    },
};

/// Enabled computers that nobody uses.
pub static STALE_COMPUTER: Check = Check {
    slug: "stale-computer",
    title: "Enabled computer accounts have not been used for 90 days",
    severity: Severity::Low,
    remediation: "Disable the accounts, and delete them after a while.",
    needs: &["lastlogontimestamp"],
    exposed: |snapshot| {
        enabled_computers(snapshot).filter_map(|(id, node)| unused(snapshot, id, node, STALE_DAYS)).collect()
    },
};

/// Accounts of Tier Zero that are disabled or that nobody uses.
pub static DORMANT_PRIVILEGED: Check = Check {
    slug: "dormant-privileged",
    title: "Accounts of Tier Zero are disabled or have not been used for 180 days",
    severity: Severity::Medium,
    remediation: "Remove the accounts from the groups of Tier Zero.",
    needs: &["enabled", "lastlogontimestamp"],
    exposed: |snapshot| {
        let people = accounts(snapshot).filter(|(id, node)| {
            let built_in = krbtgt(node) || rid(node) == Some(500);
            snapshot.kind(*id) == NodeKind::User && tier_zero(snapshot, *id) && !built_in
        });
        let judge = |(id, node)| {
            if snapshot.flags(id).has(NodeFlags::ENABLED) {
                unused(snapshot, id, node, DORMANT_DAYS)
            } else {
                Exposed::of(snapshot, id, "the account is disabled and still privileged")
            }
        };
        people.filter_map(judge).collect()
    },
};

fn password(snapshot: &Snapshot, id: NodeId, node: &Node, days: u64) -> Option<Exposed> {
    let age = older(snapshot, time(node, "pwdlastset")?, days)?;
    Exposed::of(snapshot, id, &format!("password set {age} days ago"))
}

/// `krbtgt` accounts with an old password.
pub static KRBTGT_PASSWORD: Check = Check {
    slug: "krbtgt-password-age",
    title: "The password of krbtgt is older than 180 days",
    severity: Severity::Medium,
    remediation: "Reset krbtgt twice, ten hours apart, and again twice a year.",
    needs: &["pwdlastset"],
    exposed: |snapshot| {
        let keys = accounts(snapshot).filter(|(id, node)| snapshot.kind(*id) == NodeKind::User && krbtgt(node));
        keys.filter_map(|(id, node)| password(snapshot, id, node, PASSWORD_DAYS)).collect()
    },
};

/// Built-in Administrators with an old password.
pub static BUILT_IN_ADMINISTRATOR_PASSWORD: Check = Check {
    slug: "built-in-administrator-password-age",
    title: "The password of the built-in Administrator is older than 180 days",
    severity: Severity::Medium,
    remediation: "Change the password, and use the account for recovery only.",
    needs: &["pwdlastset"],
    exposed: |snapshot| {
        let users = enabled_users(snapshot).filter(|(_, node)| rid(node) == Some(500));
        users.filter_map(|(id, node)| password(snapshot, id, node, PASSWORD_DAYS)).collect()
    },
};

/// Controllers that do not change their password.
pub static CONTROLLER_PASSWORD: Check = Check {
    slug: "controller-password-age",
    title: "A domain controller has not changed its password for 45 days",
    severity: Severity::Medium,
    remediation: "Find out why the controller does not change its password; demote it where it is gone.",
    needs: &["pwdlastset"],
    exposed: |snapshot| {
        let controllers = enabled_computers(snapshot).filter(|(id, _)| controller(snapshot, *id));
        controllers.filter_map(|(id, node)| password(snapshot, id, node, CONTROLLER_DAYS)).collect()
    },
};
