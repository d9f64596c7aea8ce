//! By what an alert hangs together with others: who and what acted, who and what was reached.

use std::collections::BTreeSet;

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Alert, Host};

/// The keys of an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The account and the host that acted.
    pub acting: BTreeSet<String>,
    /// The host and the account that were reached.
    pub reached: BTreeSet<String>,
}

/// The keys of an alert. Controllers link nothing, since everyone reaches them, and nor does nobody in particular.
#[must_use]
pub fn links(alert: &Alert, snapshot: &Snapshot) -> Links {
    let mut links = Links::default();
    links.acting.extend(alert.actor.as_ref().and_then(|actor| account_key(actor, snapshot)));
    links.acting.extend(alert.source.as_ref().and_then(|host| host_key(host, snapshot)));
    links.reached.extend(alert.target_host.as_ref().and_then(|host| host_key(host, snapshot)));
    // A target is an account's name, or a sentence; a sentence links nothing.
    let target = alert.target.as_ref().filter(|target| !target.contains([' ', '/', '=']));
    links.reached.extend(target.and_then(|name| account_key(&Account::named(name), snapshot)));
    links
}

/// Names that stand for nobody in particular.
const NOBODY: &[&str] = &["anonymous logon", "guest", "system", "-", "local service", "network service"];

fn account_key(account: &Account, snapshot: &Snapshot) -> Option<String> {
    let key = account.key();
    if key.is_empty() || NOBODY.contains(&key.as_str()) {
        return None;
    }
    if account.machine() {
        // A computer's account is the computer.
        return host_key(&Host { name: Some(short_name(&account.name)), ..Host::default() }, snapshot);
    }
    Some(format!("account:{key}"))
}

fn host_key(host: &Host, snapshot: &Snapshot) -> Option<String> {
    let key = host.key();
    let loopback = host.address.is_some_and(|address| address.is_loopback() || address.is_unspecified());
    if key.is_empty() || (host.name.is_none() && loopback) {
        return None;
    }
    let node = snapshot.lookup().host(host);
    let controller = node.is_some_and(|node| snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER));
    (!controller).then(|| format!("host:{key}"))
}
