//! Baselines: from which hosts an account is used and with which protocol, which etypes it has, since when we watch.
//! Rules judge an event against what was known *before* it; the engine adds it afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use hopwatch_model::event::{NtlmVersion, Ticket};
use hopwatch_model::{Account, Activity, Event, Timestamp};
use serde::{Deserialize, Serialize};

use hopwatch_ml::bounded::Table;

/// The most accounts and hosts with a baseline.
const ENTITIES: usize = 100_000;
/// The most hosts remembered for an account, accounts for a host; the one unused for longest goes.
const PARTNERS: usize = 64;

/// How an account proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Kerberos.
    Kerberos,
    /// NTLM.
    Ntlm,
    /// A simple bind or clear-text password.
    Password,
    /// A logon of which the package is not known.
    Other,
}

/// First seen, last seen, count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
}

impl Seen {
    fn again(&mut self, time: Timestamp) {
        if self.count == 0 || time < self.first {
            self.first = time;
        }
        self.last = self.last.max(time);
        self.count = self.count.saturating_add(1);
    }
}

/// An account's habits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountBaseline {
    /// Successful authentications by source host and proof.
    pub hosts: BTreeMap<String, BTreeMap<Proof, Seen>>,
    /// Etypes of its own key as pre-authentication or replies showed them.
    pub etypes: BTreeMap<i32, Seen>,
    /// All of it.
    pub seen: Seen,
}

/// A host's habits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostBaseline {
    /// Accounts used from it.
    pub accounts: BTreeMap<String, Seen>,
    /// All of it.
    pub seen: Seen,
}

/// Baselines of accounts, hosts and service tickets, bounded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baseline {
    accounts: Table<AccountBaseline>,
    hosts: Table<HostBaseline>,
    /// Etypes of the tickets issued for a service, by service name.
    services: Table<BTreeMap<i32, Seen>>,
    since: Option<Timestamp>,
    until: Timestamp,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            accounts: Table::new(ENTITIES),
            hosts: Table::new(ENTITIES),
            services: Table::new(ENTITIES),
            since: None,
            until: Timestamp::MIN,
        }
    }
}

impl Baseline {
    /// What is known of an account.
    #[must_use]
    pub fn account(&self, account: &Account) -> Option<&AccountBaseline> {
        self.accounts.get(&account.key())
    }

    /// What is known of a host, by its key.
    #[must_use]
    pub fn host(&self, key: &str) -> Option<&HostBaseline> {
        self.hosts.get(key)
    }

    /// The etypes of the tickets issued for a service so far.
    #[must_use]
    pub fn service(&self, sname: &str) -> Option<&BTreeMap<i32, Seen>> {
        self.services.get(&sname.to_lowercase())
    }

    /// For how long events are learned from: zero before the first.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| self.until.since(since))
    }

    /// How many entries it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.accounts.len() + self.hosts.len() + self.services.len()
    }

    pub(crate) fn learn(&mut self, event: &Event) {
        self.since = Some(self.since.map_or(event.time, |since| since.min(event.time)));
        self.until = self.until.max(event.time);
        match &event.activity {
            Activity::AsExchange(exchange) if event.outcome.succeeded() => {
                let account = exchange.cname.account();
                self.used(&account, event, Proof::Kerberos);
                let entry = self.accounts.entry(&account.key(), AccountBaseline::default);
                for etype in exchange.timestamp_etype.into_iter().chain(exchange.reply_etype) {
                    entry.etypes.entry(etype).or_default().again(event.time);
                }
            }
            Activity::TgsExchange(exchange) if event.outcome.succeeded() => {
                if let Some(Ticket { etype, sname, .. }) = &exchange.ticket {
                    let services = self.services.entry(&sname.name.to_lowercase(), BTreeMap::new);
                    services.entry(*etype).or_default().again(event.time);
                }
            }
            Activity::NtlmLogon(logon) if event.outcome.succeeded() && logon.version != NtlmVersion::Anonymous => {
                if let Some(account) = &event.actor {
                    self.used(account, event, Proof::Ntlm);
                }
            }
            Activity::Logon(logon) if event.outcome.succeeded() && !logon.explicit => {
                let proof = match (logon.kerberos(), logon.ntlm()) {
                    (true, _) => Proof::Kerberos,
                    (_, true) => Proof::Ntlm,
                    _ => Proof::Other,
                };
                if let Some(account) = &event.actor {
                    self.used(account, event, proof);
                }
            }
            Activity::LdapBind(_) if event.outcome.succeeded() => {
                if let Some(account) = &event.actor {
                    self.used(account, event, Proof::Password);
                }
            }
            _ => {}
        }
    }

    fn used(&mut self, account: &Account, event: &Event, proof: Proof) {
        let Some(host) = event.source.as_ref().map(hopwatch_model::Host::key).filter(|key| !key.is_empty()) else {
            return;
        };
        let name = account.key();
        let entry = self.accounts.entry(&name, AccountBaseline::default);
        entry.seen.again(event.time);
        match entry.hosts.get_mut(&host) {
            Some(proofs) => proofs.entry(proof).or_default().again(event.time),
            None => {
                let last = |proofs: &BTreeMap<Proof, Seen>| proofs.values().map(|seen| seen.last).max();
                if entry.hosts.len() >= PARTNERS {
                    let oldest = entry.hosts.iter().min_by_key(|(_, proofs)| last(proofs)).map(|(key, _)| key.clone());
                    oldest.and_then(|key| entry.hosts.remove(&key));
                }
                entry.hosts.entry(host.clone()).or_default().entry(proof).or_default().again(event.time);
            }
        }
        let entry = self.hosts.entry(&host, HostBaseline::default);
        entry.seen.again(event.time);
        match entry.accounts.get_mut(&name) {
            Some(seen) => seen.again(event.time),
            None => {
                if entry.accounts.len() >= PARTNERS {
                    let oldest = entry.accounts.iter().min_by_key(|(_, seen)| seen.last).map(|(key, _)| key.clone());
                    oldest.and_then(|key| entry.accounts.remove(&key));
                }
                entry.accounts.entry(name).or_default().again(event.time);
            }
        }
    }
}
