//! The ticket ledger: one row per ticket, keyed by the digest of its cipher text. Issued here? To whom, from which host,
//! when, how large, under which etype; and from which hosts it was presented. Serves pass-the-ticket, the golden-ticket
//! family and silver tickets.

use hopwatch_model::event::{Principal, TgsExchange, Ticket, TicketDigest};
use hopwatch_model::{Account, Activity, Event, Host, Provenance, Timestamp};
use serde::{Deserialize, Serialize};

use hopwatch_ml::bounded::Table;

/// The most tickets remembered: a day of a domain with 20,000 active accounts at ten tickets each.
const TICKETS: usize = 200_000;
/// The most hosts remembered for one ticket: a third already decides.
const HOSTS: usize = 8;

/// A ticket's issue, as the KDC's reply showed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// When.
    pub time: Timestamp,
    /// To whom.
    pub client: Account,
    /// To which host.
    pub host: Option<Host>,
    /// The record.
    pub provenance: Provenance,
}

/// A host that presented a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// The host.
    pub host: Host,
    /// First seen.
    pub first: Timestamp,
    /// Last seen.
    pub last: Timestamp,
    /// How often.
    pub count: u32,
    /// The record of the first use.
    pub provenance: Provenance,
}

/// What is known of a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketRecord {
    /// The service for which it is.
    pub sname: Principal,
    /// Its etype.
    pub etype: i32,
    /// Its length in bytes.
    pub cipher_bytes: u32,
    /// Its issue, where it was seen.
    pub issued: Option<Issue>,
    /// The hosts that presented it.
    pub uses: Vec<Use>,
    /// First seen, issued or used.
    pub first: Timestamp,
}

/// All tickets seen, bounded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TicketLedger {
    tickets: Table<TicketRecord, u64>,
    /// When the first AS exchange was seen: before it, a ticket never issued here proves nothing.
    watching_since: Option<Timestamp>,
}

impl Default for TicketLedger {
    fn default() -> Self {
        Self { tickets: Table::new(TICKETS), watching_since: None }
    }
}

impl TicketLedger {
    /// What is known of a ticket.
    #[must_use]
    pub fn get(&self, digest: TicketDigest) -> Option<&TicketRecord> {
        self.tickets.get(&digest.0)
    }

    /// The account to which a ticket was issued, where its issue was seen.
    #[must_use]
    pub fn owner(&self, ticket: &Ticket) -> Option<&Account> {
        self.get(ticket.digest)?.issued.as_ref().map(|issue| &issue.client)
    }

    /// Since when exchanges with the KDC are seen.
    #[must_use]
    pub fn watching_since(&self) -> Option<Timestamp> {
        self.watching_since
    }

    /// How many tickets it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.tickets.len()
    }

    pub(crate) fn observe(&mut self, event: &Event) {
        match &event.activity {
            Activity::AsExchange(exchange) => {
                self.watching_since.get_or_insert(event.time);
                if let Some(ticket) = &exchange.ticket {
                    self.issue(event, ticket, exchange.cname.account());
                }
            }
            Activity::TgsExchange(exchange) => {
                self.watching_since.get_or_insert(event.time);
                if let Some(tgt) = &exchange.tgt {
                    self.used(event, tgt);
                }
                if let Some(ticket) = &exchange.ticket {
                    let client = self.client(exchange);
                    self.issue(event, ticket, client);
                }
            }
            Activity::TicketUse(usage) => self.used(event, &usage.ticket),
            _ => {}
        }
    }

    /// The client of a TGS exchange. FAST puts WELLKNOWN/ANONYMOUS (RFC 6112 §3) where the reply would name it: the ticket
    /// presented tells whose it is.
    fn client(&self, exchange: &TgsExchange) -> Account {
        let hidden = exchange.cname.name.is_empty() || anonymous(&exchange.cname.name);
        let owner = exchange.tgt.as_ref().filter(|_| hidden).and_then(|tgt| self.owner(tgt));
        owner.cloned().unwrap_or_else(|| exchange.cname.account())
    }

    fn issue(&mut self, event: &Event, ticket: &Ticket, client: Account) {
        let issue =
            || Issue { time: event.time, client, host: event.source.clone(), provenance: event.provenance.clone() };
        let record = self.tickets.entry(&ticket.digest.0, || record(ticket, event.time));
        record.issued.get_or_insert_with(issue);
    }

    fn used(&mut self, event: &Event, ticket: &Ticket) {
        let Some(host) = &event.source else { return };
        let record = self.tickets.entry(&ticket.digest.0, || record(ticket, event.time));
        let same = |seen: &&mut Use| seen.host.address == host.address && seen.host.name == host.name;
        if let Some(seen) = record.uses.iter_mut().find(same) {
            seen.first = seen.first.min(event.time);
            seen.last = seen.last.max(event.time);
            seen.count = seen.count.saturating_add(1);
        } else if record.uses.len() < HOSTS {
            record.uses.push(Use {
                host: host.clone(),
                first: event.time,
                last: event.time,
                count: 1,
                provenance: event.provenance.clone(),
            });
        }
    }
}

/// True for the anonymous principal (RFC 6112 §3).
pub(crate) fn anonymous(name: &str) -> bool {
    name.eq_ignore_ascii_case("WELLKNOWN/ANONYMOUS")
}

fn record(ticket: &Ticket, time: Timestamp) -> TicketRecord {
    TicketRecord {
        sname: ticket.sname.clone(),
        etype: ticket.etype,
        cipher_bytes: ticket.cipher_bytes,
        issued: None,
        uses: Vec::new(),
        first: time,
    }
}
