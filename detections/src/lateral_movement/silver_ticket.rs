//! ## What it finds
//! A service ticket that no KDC issued, presented to its service: forged with the service's own key.
//!
//! ## Why it matters
//! Whoever has a service's or host's key writes tickets for it in any name, without ever asking a controller.
//!
//! ## Evidence it needs
//! Wire: all TGS exchanges of the controllers, and the tickets presented in SMB, LDAP, RPC and HTTP. Event logs do not
//! show the ticket.
//!
//! ## How it decides
//! A service ticket is presented that no reply issued while we watched, for a service of which other tickets were issued
//! meanwhile, so that its traffic with the controllers is seen. Either exchanges were watched for the longest life of a
//! ticket (`lifetime_secs`); or the ticket is more than `size_bytes` shorter than the shortest of at least `samples`
//! service tickets issued: a real one carries the PAC that the KDC writes and signs, a forged one is commonly poorer.
//! The service's refusal does not matter.
//!
//! ## Blind spots
//! A forged ticket with a whole PAC in the first hours of watching; services whose traffic is not seen.
//!
//! ## Likely benign causes
//! A controller without sensor, capture loss, tickets older than the recording.
//!
//! ## What to do
//! Isolate the source; change the password of the service's account (of a host: twice); look at what was reached.
//!
//! ## References
//! T1558.002; RFC 4120 §5.3, §5.5.1; `[MS-PAC] 2.8`; Defender for Identity `xdr_SuspiciousKerberosApReq`.

use std::collections::BTreeMap;
use std::time::Duration;

use hopwatch_model::event::Ticket;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most services and tickets remembered.
const ENTRIES: usize = 50_000;
/// The most realms watched.
const REALMS: usize = 1000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The longest life of a service ticket, in seconds: ten hours by the default policy.
    pub lifetime_secs: u64,
    /// How much shorter than the shortest issued one it must be, in bytes.
    pub size_bytes: u32,
    /// Service tickets that must have been issued before one can be short.
    pub samples: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let samples = match sensitivity {
            Sensitivity::High => 5,
            Sensitivity::Medium => 3,
            Sensitivity::Low => 1,
        };
        Self { lifetime_secs: 36_000, size_bytes: 16, samples }
    }
}

/// The lengths of a realm's service tickets.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Sizes {
    shortest: u32,
    count: u32,
}

/// What was issued: hosts with tickets, lengths by realm; what was reported.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SilverTicket {
    served: Table<u32>,
    sizes: BTreeMap<String, Sizes>,
    reported: Table<bool>,
}

impl Default for SilverTicket {
    fn default() -> Self {
        Self { served: Table::new(ENTRIES), sizes: BTreeMap::new(), reported: Table::new(ENTRIES) }
    }
}

impl Rule for SilverTicket {
    const META: Meta = Meta {
        slug: "silver-ticket",
        title: "A silver ticket: a service ticket that no controller issued",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1558.002"],
        external_id: None,
        actions: &[
            "Check that every domain controller is watched",
            "Isolate the source host",
            "Change the password of the account that runs the service; of a host, twice",
        ],
        source: include_str!("silver_ticket.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::TgsExchange(exchange) if event.outcome.succeeded() => {
                if let Some(ticket) = exchange.ticket.as_ref().filter(|ticket| !ticket.sname.krbtgt()) {
                    self.learn(ticket);
                }
            }
            Activity::TicketUse(usage) if !usage.ticket.sname.krbtgt() => {
                self.judge(config, &usage.ticket, event, context, verdicts);
            }
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.served.len() + self.sizes.len() + self.reported.len()
    }
}

impl SilverTicket {
    fn learn(&mut self, ticket: &Ticket) {
        let count = self.served.entry(&host_of(ticket), || 0);
        *count = count.saturating_add(1);
        let realm = ticket.sname.realm.to_lowercase();
        if self.sizes.len() >= REALMS && !self.sizes.contains_key(&realm) {
            return;
        }
        let sizes = self.sizes.entry(realm).or_insert(Sizes { shortest: u32::MAX, count: 0 });
        sizes.shortest = sizes.shortest.min(ticket.cipher_bytes);
        sizes.count = sizes.count.saturating_add(1);
    }

    fn judge(
        &mut self,
        config: &Config,
        ticket: &Ticket,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let ledger = &context.shared.ledger;
        if ledger.get(ticket.digest).is_some_and(|record| record.issued.is_some()) {
            return;
        }
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        if self.served.get(&host_of(ticket)).is_none() {
            verdicts.decline(event.time, host, format!("no ticket for {} was seen issued", ticket.sname.name));
            return;
        }
        let watched = ledger.watching_since().map_or(Duration::ZERO, |since| event.time.since(since));
        let covered = watched >= Duration::from_secs(config.lifetime_secs);
        let sizes = self.sizes.get(&ticket.sname.realm.to_lowercase()).copied();
        let short = sizes
            .filter(|sizes| sizes.count >= config.samples && ticket.cipher_bytes + config.size_bytes < sizes.shortest);
        if !covered && short.is_none() {
            verdicts.decline(event.time, host, "the watch is younger than a ticket lives, and its length is usual");
            return;
        }
        let id = format!("{:016x}", ticket.digest.0);
        if self.reported.get(&id).is_some() {
            return;
        }
        self.reported.entry(&id, || true);
        let from = words::who(event, context.snapshot);
        let story = format!("{from} presented a ticket for {} that no controller issued.", ticket.sname.name);
        let key = format!("{host}|{}", host_of(ticket));
        let mut verdict = Verdict::of(event, key, story, "unknown service ticket").against(ticket.sname.name.clone());
        let text = format!("no controller's reply issued it in the {} since the watch began", words::span(watched));
        verdict = verdict.because("not-issued", 1.0, 50.0, text);
        if let Some(sizes) = short {
            let text =
                format!("{} bytes; the shortest of {} issued has {}", ticket.cipher_bytes, sizes.count, sizes.shortest);
            let value = as_f64(usize::try_from(ticket.cipher_bytes).unwrap_or(0));
            verdict = verdict.because("size", value, 30.0, text);
        }
        verdicts.raise(verdict.score(if covered && short.is_some() { 95.0 } else { 85.0 }));
    }
}

/// The host of a service, or the whole name of one without.
fn host_of(ticket: &Ticket) -> String {
    ticket.sname.host().unwrap_or(&ticket.sname.name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::TgsExchange;

    use super::*;
    use crate::testing::{alerts, by, event, ticket, ticket_use};

    const SLUG: &str = "silver-ticket";
    const SERVICE: &str = "cifs/srv1.lab.example";

    fn issue(secs: i64, number: u64) -> Event {
        let exchange = TgsExchange { ticket: Some(ticket(number, SERVICE, 18)), ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "ann", "ws1", Outcome::Success)
    }

    fn present(secs: i64, number: u64, bytes: u32) -> Event {
        let mut ticket = ticket(number, SERVICE, 18);
        ticket.cipher_bytes = bytes;
        ticket_use(secs, ticket, "ws1")
    }

    fn issued(count: u64) -> Vec<Event> {
        (1..=count).map(|i| issue(i64::try_from(i).unwrap(), i)).collect()
    }

    #[test]
    fn a_short_ticket_that_was_never_issued_fires_once() {
        let mut events = issued(5);
        events.extend([present(60, 99, 1000), present(61, 99, 1000)]);
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }

    #[test]
    fn a_usual_length_waits_for_the_life_of_a_ticket() {
        let mut events = issued(5);
        events.push(present(60, 99, 1184));
        assert!(alerts(SLUG, &events).is_empty());
        let mut events = issued(5);
        events.push(present(36_001, 99, 1200));
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }

    #[test]
    fn four_samples_are_too_few_and_issued_tickets_stay_silent() {
        let mut events = issued(4);
        events.push(present(60, 99, 1000));
        assert!(alerts(SLUG, &events).is_empty());
        let mut events = issued(5);
        events.push(present(40_000, 3, 1200));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_cold_start_stays_silent() {
        assert!(alerts(SLUG, &[present(0, 1, 900)]).is_empty());
    }
}
