//! From the hosts and accounts of an event to nodes; those that no directory has named yet become stubs.

use std::net::IpAddr;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Certainty, Host, NodeKind, PropertyValue, Timestamp};

use super::super::Estate;
use crate::ids::NodeId;
use crate::lookup::HOST_AUTHORITIES;

/// A node and how sure we are, in percent, that it is the one that the event meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub(super) id: NodeId,
    pub(super) confidence: u8,
}

impl Estate {
    /// The node of an event's host; `None` where it says nothing (no name, no address, the loopback) or is ambiguous.
    pub(super) fn host_node(&mut self, host: &Host, time: Timestamp) -> Option<Resolved> {
        let confidence = match (&host.name, host.resolution.certainty) {
            (None, _) | (Some(_), Certainty::High) => 100,
            (Some(_), Certainty::Medium) => 80,
            (Some(_), Certainty::Unknown) => 60,
            (Some(_), Certainty::Low) => 50,
        };
        let name = host.name.as_deref().map(str::trim).filter(|name| spoken(name));
        let known = Host { name: name.map(ToOwned::to_owned), ..host.clone() };
        if known.address.is_some_and(unplaced) && name.is_none() {
            return None;
        }
        let id = match self.lookup().host(&known) {
            Some(id) => id,
            None => match (name, known.address) {
                (Some(name), _) if self.lookup().ambiguous_host(name) => {
                    self.counters.unresolved += 1;
                    return None;
                }
                (Some(name), _) => self.stub_host(name, time)?,
                (None, Some(address)) => self.stub(&format!("ADDRESS:{address}"), NodeKind::Address, &[], time)?,
                (None, None) => return None,
            },
        };
        self.seen(id, time);
        Some(Resolved { id, confidence })
    }

    /// The node of an event's account; `None` for the accounts that every host has, and for ambiguous names.
    pub(super) fn account_node(&mut self, account: &Account, kind: NodeKind, time: Timestamp) -> Option<Resolved> {
        let confidence = if account.sid.is_some() || account.domain.is_some() { 100 } else { 80 };
        let id = match self.lookup().account(account) {
            Some(id) => id,
            None => self.new_account(account, kind, time)?,
        };
        self.seen(id, time);
        Some(Resolved { id, confidence })
    }

    fn new_account(&mut self, account: &Account, kind: NodeKind, time: Timestamp) -> Option<NodeId> {
        let name = account.name.trim();
        let domain = account.domain.as_deref().filter(|domain| spoken(domain));
        let in_directory = account.sid.as_ref().is_some_and(|sid| sid.domain().is_some());
        if account.sid.is_some() && !in_directory {
            return None;
        }
        let everywhere = domain.is_some_and(|domain| HOST_AUTHORITIES.contains(&domain.to_lowercase().as_str()));
        if everywhere || (!in_directory && (!spoken(name) || name.contains('='))) {
            return None;
        }
        let mut properties = vec![("samaccountname", name)];
        properties.extend(domain.map(|domain| ("domain", domain)));
        properties.retain(|(_, value)| !value.is_empty());
        let kind = if account.machine() { NodeKind::Computer } else { kind };
        if let Some(sid) = account.sid.as_ref() {
            return self.stub(&sid.to_string(), kind, &properties, time);
        }
        if self.lookup().ambiguous_account(account) {
            self.counters.unresolved += 1;
            return None;
        }
        if account.machine() {
            let id = self.stub_host(name, time)?;
            self.describe(id, &properties);
            return Some(id);
        }
        let id = match domain {
            Some(domain) => format!("ACCOUNT:{}\\{}", domain.to_lowercase(), name.to_lowercase()),
            None => format!("ACCOUNT:{}", name.to_lowercase()),
        };
        self.stub(&id, kind, &properties, time)
    }

    fn stub_host(&mut self, name: &str, time: Timestamp) -> Option<NodeId> {
        let name = name.trim_start_matches('\\').trim_end_matches('.');
        if let Ok(address) = name.parse::<IpAddr>() {
            let address = address.to_canonical();
            if unplaced(address) {
                return None;
            }
            return self.stub(&format!("ADDRESS:{address}"), NodeKind::Address, &[], time);
        }
        let full = name.trim_end_matches('$').to_lowercase();
        let short = format!("HOST:{}", short_name(name));
        let taken = self.find(&short).is_some_and(|id| {
            self.node(id).is_some_and(|node| node.id.eq_ignore_ascii_case(&short) && node.text("dnshostname").is_some())
        });
        let id = if taken && full.contains('.') { format!("HOST:{full}") } else { short };
        let dns: Vec<(&str, &str)> = if full.contains('.') { vec![("dnshostname", &full)] } else { Vec::new() };
        let found = self.stub(&id, NodeKind::Computer, &dns, time)?;
        self.describe(found, &dns);
        Some(found)
    }

    /// Finds or makes the node of a host, account or address that only traffic named.
    fn stub(&mut self, id: &str, kind: NodeKind, properties: &[(&str, &str)], time: Timestamp) -> Option<NodeId> {
        if let Some(known) = self.find(id) {
            return Some(known);
        }
        if self.stubs >= self.config.max_stubs {
            self.counters.dropped_stubs_full += 1;
            return None;
        }
        let found = self.create_node(id, kind, time)?;
        self.stubs += 1;
        self.describe(found, properties);
        self.rename(found);
        Some(found)
    }

    /// Gives a node the properties that it lacks.
    fn describe(&mut self, id: NodeId, properties: &[(&str, &str)]) {
        let lacks = |name: &str| self.node(id).is_some_and(|node| !node.properties.contains_key(name));
        let new: Vec<_> = properties.iter().filter(|(name, _)| lacks(name)).collect();
        if new.is_empty() {
            return;
        }
        if let Some(node) = self.node_mut(id) {
            for (name, value) in new {
                node.properties.insert((*name).to_owned(), PropertyValue::Text((*value).to_owned()));
            }
        }
        self.rename(id);
    }

    fn seen(&mut self, id: NodeId, time: Timestamp) {
        let known = self.node(id).is_some_and(|node| node.first_seen <= time && time <= node.last_seen);
        if !known && let Some(node) = self.node_mut(id) {
            node.first_seen = node.first_seen.min(time);
            node.last_seen = node.last_seen.max(time);
        }
    }
}

/// False for what sources write where they know no name.
fn spoken(name: &str) -> bool {
    !matches!(name, "" | "-" | "?" | "(null)" | "NULL") && !name.eq_ignore_ascii_case("localhost")
}

/// True for addresses that name no other host.
fn unplaced(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}
