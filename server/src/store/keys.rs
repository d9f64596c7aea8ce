//! The keys under which events and alerts are found by entity: accounts by name, hosts by short name, addresses, SIDs.
//!
//! Sources spell one entity in many ways, so one entity has several keys and a key may be shared by accounts of the same
//! name in two domains; the SID, where a source gives it, tells them apart.

use std::collections::BTreeSet;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Alert, Event, Host};

/// The keys of everything that takes part in an event.
#[must_use]
pub fn of_event(event: &Event) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    event.actor.iter().for_each(|account| add_account(&mut keys, account));
    event.source.iter().chain(&event.target).for_each(|host| add_host(&mut keys, host));
    keys
}

/// The keys of everything that takes part in an alert.
#[must_use]
pub fn of_alert(alert: &Alert) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    alert.actor.iter().for_each(|account| add_account(&mut keys, account));
    alert.source.iter().chain(&alert.target_host).for_each(|host| add_host(&mut keys, host));
    if let Some(target) = alert.target.as_ref().filter(|target| !target.contains(' ')) {
        add_account(&mut keys, &Account::named(target));
    }
    keys
}

/// The key of an account's name.
#[must_use]
pub fn account(name: &str) -> String {
    format!("account:{}", name.to_lowercase())
}

/// The key of a host's name.
#[must_use]
pub fn host(name: &str) -> String {
    format!("host:{}", short_name(name))
}

/// The key of a SID.
#[must_use]
pub fn sid(sid: &str) -> String {
    format!("sid:{}", sid.to_uppercase())
}

/// The key of an address.
#[must_use]
pub fn address(address: &str) -> String {
    format!("address:{address}")
}

fn add_account(keys: &mut BTreeSet<String>, who: &Account) {
    if !who.name.is_empty() {
        keys.insert(account(&who.name));
    }
    if let Some(id) = &who.sid {
        keys.insert(sid(&id.to_string()));
    }
}

fn add_host(keys: &mut BTreeSet<String>, at: &Host) {
    if let Some(name) = &at.name {
        keys.insert(host(name));
    }
    if let Some(ip) = at.address {
        keys.insert(address(&ip.to_string()));
    }
}
