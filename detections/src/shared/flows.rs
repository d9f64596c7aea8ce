//! Who speaks on a connection: a Kerberos ticket names nobody on the wire, but the ledger knows to whom it was issued.
//! Later acts of the same connection that name no account get that owner.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use hopwatch_model::{Account, Activity, Event, Host};
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use crate::shared::TicketLedger;
use crate::shared::ledger::anonymous;
use hopwatch_ml::bounded::Table;

/// The most connections remembered.
const FLOWS: usize = 50_000;

/// Owners of connections, by client address and port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FlowOwners {
    owners: Table<Account, u64>,
}

impl Default for FlowOwners {
    fn default() -> Self {
        Self { owners: Table::new(FLOWS) }
    }
}

impl FlowOwners {
    /// The event with its actor filled in, where the ledger or the connection knows it.
    pub(crate) fn enrich<'e>(&mut self, event: &'e Event, ledger: &TicketLedger) -> Cow<'e, Event> {
        // What nobody logged on for has no owner.
        if matches!(event.activity, Activity::DnsQuery(_) | Activity::NameObserved(_)) {
            return Cow::Borrowed(event);
        }
        let flow = event.source.as_ref().and_then(flow);
        let named = |actor: &&Account| !anonymous(&actor.name);
        if let Some(actor) = event.actor.as_ref().filter(named) {
            if let (Some(flow), Activity::NtlmLogon(_) | Activity::LdapBind(_)) = (&flow, &event.activity)
                && event.outcome.succeeded()
            {
                let owner = self.owners.entry(flow, || actor.clone());
                if owner != actor {
                    owner.clone_from(actor);
                }
            }
            return Cow::Borrowed(event);
        }
        let owner = match (&event.activity, &flow) {
            (Activity::TicketUse(usage), flow) => {
                let owner = ledger.owner(&usage.ticket).cloned();
                if let (Some(owner), Some(flow)) = (&owner, flow) {
                    self.owners.entry(flow, || owner.clone()).clone_from(owner);
                }
                owner
            }
            (Activity::TgsExchange(exchange), _) => exchange.tgt.as_ref().and_then(|tgt| ledger.owner(tgt)).cloned(),
            (_, Some(flow)) => self.owners.get(flow).cloned(),
            _ => None,
        };
        match owner {
            Some(owner) => Cow::Owned(Event { actor: Some(owner), ..event.clone() }),
            None => Cow::Borrowed(event),
        }
    }

    /// How many connections it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.owners.len()
    }
}

/// Address and port as one number. IPv6 addresses are spread over it: two connections that meet there share an owner
/// until one of them names its own, once in 2^48 / [`FLOWS`] times.
fn flow(source: &Host) -> Option<u64> {
    let address = match source.address? {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let mut hasher = FxHasher::default();
            address.hash(&mut hasher);
            hasher.finish() >> 16
        }
    };
    Some(address << 16 | u64::from(source.port?))
}
