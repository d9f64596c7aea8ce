//! Credentials beside passwords, and the accounts that join the directory to the cloud.

use std::time::Duration;

use hopwatch_graph::{Node, Snapshot};
use hopwatch_model::{EdgeKind, Severity};

use super::scan::{accounts, enabled_computers, enabled_users, managed, tier_zero, time};
use super::{Check, Exposed, now};

const DAY: u64 = 86_400;
/// The age at which the passwords of the accounts that join both directories are too old, in days (Defender for Identity).
const JOIN_DAYS: u64 = 90;
/// So long after its end LAPS has not changed a password that it should have, in days. Hosts that are off for a while are
/// normal, those that are off for longer are stale and told as such.
const LAPS_DAYS: u64 = 30;

fn age(snapshot: &Snapshot, node: &Node, property: &str, days: u64) -> Option<u64> {
    let age = now(snapshot).since(time(node, property)?);
    (age > Duration::from_secs(days * DAY)).then_some(age.as_secs() / DAY)
}

fn named(node: &Node, test: fn(&str) -> bool) -> bool {
    node.text("samaccountname").is_some_and(|name| test(&name.to_uppercase()))
}

/// Keys that log their account on without its password.
pub static KEY_CREDENTIALS: Check = Check {
    slug: "key-credential-on-service-account",
    title: "Accounts that are no person's have a key that logs them on beside their password",
    severity: Severity::Medium,
    remediation: "Clear msDS-KeyCredentialLink unless somebody enrolled the key on purpose; find who may write it.",
    needs: &["haskeycredentiallink"],
    exposed: |snapshot| {
        // A person's key is of Windows Hello; who runs a service or is given no interactive logon enrols none.
        let service = |node: &Node| node.flag("hasspn") == Some(true) || managed(node);
        enabled_users(snapshot)
            .filter(|(id, node)| {
                node.flag("haskeycredentiallink") == Some(true) && (service(node) || tier_zero(snapshot, *id))
            })
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "msDS-KeyCredentialLink holds a key"))
            .collect()
    },
};

/// Managed passwords that nobody manages any more.
pub static LAPS_NOT_ROTATED: Check = Check {
    slug: "laps-password-not-rotated",
    title: "LAPS has not changed the local administrator's password since it ended",
    severity: Severity::Low,
    remediation: "Find out why the host does not apply the policy of LAPS; a password that was read once still serves.",
    needs: &["lapsexpires"],
    exposed: |snapshot| {
        enabled_computers(snapshot)
            .filter_map(|(id, node)| {
                let days = age(snapshot, node, "lapsexpires", LAPS_DAYS)?;
                Exposed::of(snapshot, id, &format!("the password ended {days} days ago"))
            })
            .collect()
    },
};

/// The account that copies the directory into the cloud.
pub static CONNECTOR_PASSWORD: Check = Check {
    slug: "cloud-connector-password-age",
    title: "The password of the account that copies the directory into the cloud is old",
    severity: Severity::Medium,
    remediation: "Change the password of the connector account, here and in Entra Connect.",
    needs: &["pwdlastset"],
    exposed: |snapshot| {
        // Entra Connect names it so, and it can usually replicate secrets.
        let connector = |node: &Node| named(node, |name| name.starts_with("MSOL_"));
        old(snapshot, connector)
    },
};

/// The computer account whose key logs everybody on to the cloud.
pub static SINGLE_SIGN_ON_PASSWORD: Check = Check {
    slug: "cloud-single-sign-on-password-age",
    title: "The key with which everybody is logged on to the cloud is old",
    severity: Severity::Medium,
    remediation: "Roll the key of AZUREADSSOACC over, and do so every 30 days.",
    needs: &["pwdlastset"],
    exposed: |snapshot| old(snapshot, single_sign_on),
};

fn single_sign_on(node: &Node) -> bool {
    named(node, |name| name == "AZUREADSSOACC$")
}

fn old(snapshot: &Snapshot, which: impl Fn(&Node) -> bool) -> Vec<Exposed> {
    accounts(snapshot)
        .filter(|(_, node)| which(node))
        .filter_map(|(id, node)| {
            let days = age(snapshot, node, "pwdlastset", JOIN_DAYS)?;
            Exposed::of(snapshot, id, &format!("password of {days} days"))
        })
        .collect()
}

/// Delegation to that computer account.
pub static SINGLE_SIGN_ON_DELEGATION: Check = Check {
    slug: "cloud-single-sign-on-delegation",
    title: "Somebody may act as anybody towards the account that logs everybody on to the cloud",
    severity: Severity::High,
    remediation: "Clear msDS-AllowedToActOnBehalfOfOtherIdentity of AZUREADSSOACC, and take the delegation to it away.",
    needs: &["AllowedToAct", "AllowedToDelegate"],
    exposed: |snapshot| {
        let delegation = [EdgeKind::AllowedToAct, EdgeKind::AllowedToDelegate];
        accounts(snapshot)
            .filter(|(_, node)| single_sign_on(node))
            .filter_map(|(id, _)| {
                let who = snapshot.incoming(id).find(|hop| delegation.contains(&hop.kind))?;
                let name = snapshot.node(who.source).map(|node| node.label().to_owned()).unwrap_or_default();
                Exposed::of(snapshot, id, &format!("{name} may act as anybody"))
            })
            .collect()
    },
};

#[cfg(test)]
mod tests {
    use hopwatch_model::{EdgeKind, NodeKind};

    use super::super::tests::{days_ago, estate, id, only, text, yes};

    #[test]
    fn keys_of_services_are_told_and_those_of_people_are_not() {
        let key = || yes("haskeycredentiallink");
        let snapshot = estate(
            vec![
                (4000, NodeKind::User, "svc", vec![key(), yes("hasspn")]),
                (4001, NodeKind::User, "person", vec![key()]),
                (4002, NodeKind::User, "clean", vec![yes("hasspn")]),
            ],
            &[],
        );
        only("key-credential-on-service-account", &snapshot, &[4000]);
    }

    #[test]
    fn passwords_that_nobody_changed_are_told_at_their_age() {
        let account = |name: &'static str, property, days| vec![text("samaccountname", name), days_ago(property, days)];
        let snapshot = estate(
            vec![
                (4000, NodeKind::User, "a", account("MSOL_1234", "pwdlastset", 91)),
                (4001, NodeKind::User, "b", account("MSOL_5678", "pwdlastset", 80)),
                (4002, NodeKind::Computer, "c", account("AZUREADSSOACC$", "pwdlastset", 120)),
                (4003, NodeKind::Computer, "d", account("D$", "lapsexpires", 31)),
                (4004, NodeKind::Computer, "e", account("E$", "lapsexpires", 20)),
            ],
            &[(id(4004), EdgeKind::AllowedToAct, id(4002)), (id(4002), EdgeKind::AllowedToAct, id(4004))],
        );
        only("cloud-connector-password-age", &snapshot, &[4000]);
        only("cloud-single-sign-on-password-age", &snapshot, &[4002]);
        only("cloud-single-sign-on-delegation", &snapshot, &[4002]);
        only("laps-password-not-rotated", &snapshot, &[4003]);
    }
}
