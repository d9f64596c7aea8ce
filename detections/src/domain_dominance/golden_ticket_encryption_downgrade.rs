//! ## What it finds
//! A ticket-granting ticket that is sealed more weakly than the domain seals its own: a golden ticket forged with the NT
//! hash of `krbtgt`.
//!
//! ## Why it matters
//! Whoever has that hash writes tickets for any account with any group, for as long as the hash lives.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges (the etype of the TGT presented) and AS exchanges (the etype of the TGTs issued). The directory's
//! functional level stands in where no AS exchange was seen.
//!
//! ## How it decides
//! A TGT under RC4 or DES is presented, accepted or not; it was not issued while we watched; and the realm seals its TGTs with AES:
//! at least `aes_tickets` AES TGTs were issued and no weak one, or, where fewer were seen, the domain's functional level
//! is 2008 or later. No learning period beyond that. Referral tickets of other realms are not judged.
//!
//! ## Blind spots
//! Tickets forged with the AES key (`golden-ticket-anomaly`, `golden-ticket-nonexistent-account`); the event log does not
//! show the TGT.
//!
//! ## Likely benign causes
//! `krbtgt` whose password was not changed since the domain was 2003; an RC4-only policy.
//!
//! ## What to do
//! Isolate the source; reset `krbtgt` twice, at least ten hours apart; find out how its hash was lost.
//!
//! ## References
//! T1558.001; Defender for Identity 2009; RFC 4120 §5.3; RFC 4757.

use std::collections::BTreeMap;

use hopwatch_model::event::Ticket;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// The most realms watched.
const REALMS: usize = 1000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// AES tickets that a realm must have issued.
    pub aes_tickets: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let aes_tickets = match sensitivity {
            Sensitivity::High => 3,
            Sensitivity::Medium => 2,
            Sensitivity::Low => 1,
        };
        Self { aes_tickets }
    }
}

/// How a realm seals its TGTs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Seals {
    aes: u32,
    weak: u32,
}

/// Seals by realm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoldenTicketEncryptionDowngrade {
    realms: BTreeMap<String, Seals>,
}

impl Rule for GoldenTicketEncryptionDowngrade {
    const META: Meta = Meta {
        slug: "golden-ticket-encryption-downgrade",
        title: "A golden ticket: a TGT weaker than the domain's own",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1558.001"],
        external_id: Some(2009),
        actions: &[
            "Isolate the source host",
            "Reset krbtgt twice, at least ten hours apart",
            "Find out how the hash of krbtgt was lost: replication, backup, a controller's disk",
        ],
        source: include_str!("golden_ticket_encryption_downgrade.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::AsExchange(exchange) if event.outcome.succeeded() => {
                if let Some(ticket) = exchange.ticket.as_ref().filter(|ticket| ticket.sname.krbtgt()) {
                    self.learn(ticket);
                }
            }
            Activity::TgsExchange(exchange) => {
                if let Some(tgt) = exchange.tgt.as_ref().filter(|tgt| tgt.sname.krbtgt() && weak(tgt.etype)) {
                    self.judge(config, tgt, event, context, verdicts);
                }
            }
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.realms.len()
    }
}

impl GoldenTicketEncryptionDowngrade {
    fn learn(&mut self, ticket: &Ticket) {
        let realm = ticket.sname.realm.to_lowercase();
        if self.realms.len() >= REALMS && !self.realms.contains_key(&realm) {
            return;
        }
        let seals = self.realms.entry(realm).or_default();
        let count = if weak(ticket.etype) { &mut seals.weak } else { &mut seals.aes };
        *count = count.saturating_add(1);
    }

    fn judge(&mut self, config: &Config, tgt: &Ticket, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        if context.shared.ledger.get(tgt.digest).is_some_and(|record| record.issued.is_some()) {
            verdicts.decline(event.time, host, "the KDC issued this weak ticket");
            return;
        }
        // krbtgt/OTHER@REALM is a referral, sealed by a trust's key.
        let own = tgt.sname.host().is_none_or(|realm| realm.eq_ignore_ascii_case(&tgt.sname.realm));
        if !own {
            return;
        }
        let seals = self.realms.get(&tgt.sname.realm.to_lowercase()).copied().unwrap_or_default();
        let seen = seals.aes >= config.aes_tickets && seals.weak == 0;
        let by_level = seals.weak == 0 && directory::aes_domain(context.snapshot, &tgt.sname.realm);
        let text = match () {
            () if seen => format!("etype {}; the {} tickets issued while we watched were AES", tgt.etype, seals.aes),
            () if by_level => format!("etype {}; the domain's functional level seals tickets with AES", tgt.etype),
            () => {
                verdicts.decline(event.time, host, "nothing says that the domain seals its tickets with AES");
                return;
            }
        };
        let refused = words::answer(event);
        let who = words::who(event, context.snapshot);
        let story =
            format!("{who} presented a ticket-granting ticket under RC4 or DES that no KDC here issued{refused}.");
        let key = format!("{host}|{:016x}", tgt.digest.0);
        let verdict = Verdict::of(event, key, story, "TGS request with a weak TGT").against(tgt.sname.name.clone());
        verdicts.raise(verdict.because("etype", f64::from(tgt.etype), 60.0, text).score(90.0));
    }
}

fn weak(etype: i32) -> bool {
    matches!(etype, 23 | 24 | 1 | 2 | 3 | -133 | -128 | -135)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::TgsExchange;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, ticket};

    const SLUG: &str = "golden-ticket-encryption-downgrade";

    fn issue(secs: i64, number: u64, etype: i32) -> Event {
        let mut event = as_exchange(secs, "ann", "ws1", Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.ticket = Some(ticket(number, "krbtgt/LAB.EXAMPLE", etype));
        }
        event
    }

    fn present(secs: i64, number: u64, etype: i32, outcome: Outcome) -> Event {
        let tgt = Some(ticket(number, "krbtgt/LAB.EXAMPLE", etype));
        let exchange = TgsExchange { tgt, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "", "ws1", outcome)
    }

    fn domain(count: u64) -> Vec<Event> {
        (0..count).map(|i| issue(i64::try_from(i).unwrap(), i, 18)).collect()
    }

    #[test]
    fn a_weak_ticket_in_an_aes_domain_fires_also_where_it_is_refused() {
        for outcome in [Outcome::Success, Outcome::Failure(44)] {
            let mut events = domain(3);
            events.push(present(60, 99, 23, outcome));
            assert_eq!(alerts(SLUG, &events).len(), 1);
        }
    }

    #[test]
    fn two_aes_tickets_are_too_few_to_know_the_domain() {
        let mut events = domain(2);
        events.push(present(60, 99, 23, Outcome::Success));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_domain_that_issues_weak_tickets_stays_silent() {
        let mut events = domain(9);
        events.extend([issue(20, 50, 23), present(60, 99, 23, Outcome::Success)]);
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_aes_ticket_and_a_cold_start_stay_silent() {
        let mut events = domain(5);
        events.push(present(60, 99, 18, Outcome::Success));
        assert!(alerts(SLUG, &events).is_empty());
        assert!(alerts(SLUG, &[present(0, 1, 23, Outcome::Success)]).is_empty());
    }
}
