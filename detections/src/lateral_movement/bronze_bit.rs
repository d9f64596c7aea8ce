//! ## What it finds
//! A delegated ticket whose evidence was altered (Bronze Bit, CVE-2020-17049), or one for a user who may not be delegated.
//!
//! ## Why it matters
//! A service that holds its own key can open the ticket that S4U2self gave it, set the forwardable bit, and present any
//! user elsewhere, also those who are protected from delegation.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges with S4U2self and S4U2proxy, with the evidence ticket's digest. The directory tells who must not be
//! delegated.
//!
//! ## How it decides
//! Within `window_secs` the host got a ticket by S4U2self, then shows in an accepted S4U2proxy an evidence ticket for the
//! same service that no KDC was seen to issue (95); or the user of the S4U2self is marked as sensitive and the S4U2proxy
//! that presents that very ticket is accepted (90).
//!
//! ## Blind spots
//! Requests whose S4U2self another controller answered that nobody watches: then no comparison is made.
//!
//! ## Likely benign causes
//! None known, where all controllers are watched.
//!
//! ## What to do
//! Install the update on all controllers, change the password of the delegating account, look at what it reached.
//!
//! ## References
//! T1558; Defender for Identity 2048; CVE-2020-17049; `[MS-SFU] 3.2.5.1.2`, `3.2.5.2.3`.

use std::time::Duration;

use hopwatch_graph::Snapshot;
use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{TgsExchange, TicketDigest};
use hopwatch_model::{Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};

/// The most hosts whose S4U2self tickets are remembered.
const HOSTS: usize = 20_000;
/// The most tickets of one host.
const TICKETS: usize = 32;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long after S4U2self a S4U2proxy is compared with it, in seconds.
    pub window_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { window_secs: 3600 }
    }
}

/// A ticket that a host got on behalf of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OnBehalf {
    digest: TicketDigest,
    user: String,
    service: String,
    evidence: Evidence,
}

/// S4U2self tickets by host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BronzeBit {
    hosts: Table<Vec<OnBehalf>>,
}

impl Default for BronzeBit {
    fn default() -> Self {
        Self { hosts: Table::new(HOSTS) }
    }
}

impl Rule for BronzeBit {
    const META: Meta = Meta {
        slug: "bronze-bit",
        title: "Delegation with an altered ticket (Bronze Bit)",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1558"],
        external_id: Some(2048),
        actions: &[
            "Install the update for CVE-2020-17049 on every controller",
            "Change the password of the account that delegates",
            "Look at what was done on the target in the name of the user",
        ],
        source: include_str!("bronze_bit.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::TgsExchange(exchange) = &event.activity else { return };
        let Some(source) = event.source.as_ref().filter(|_| event.outcome.succeeded()) else { return };
        if let (Some(user), Some(ticket)) = (&exchange.for_user, &exchange.ticket) {
            let row = OnBehalf {
                digest: ticket.digest,
                user: user.name.clone(),
                service: ticket.sname.name.to_lowercase(),
                evidence: evidence(event, "S4U2self"),
            };
            let rows = self.hosts.entry(&source.key(), Vec::new);
            if rows.len() >= TICKETS {
                rows.remove(0);
            }
            rows.push(row);
            return;
        }
        if exchange.s4u2proxy() {
            self.judge(config, exchange, source, event, context, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.hosts.len()
    }
}

impl BronzeBit {
    fn judge(
        &self,
        config: &Config,
        exchange: &TgsExchange,
        source: &Host,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let Some(shown) = &exchange.additional_ticket else { return };
        let Some(rows) = self.hosts.get(&source.key()) else { return };
        let window = Duration::from_secs(config.window_secs);
        let near = |row: &&OnBehalf| {
            event.time.since(row.evidence.time) <= window && row.evidence.time.since(event.time) <= window
        };
        let host = source.label();
        if let Some(row) = rows.iter().filter(near).find(|row| row.digest == shown.digest) {
            if sensitive(&row.user, context.snapshot) {
                let why = format!("{} is marked as not to be delegated, and the ticket was accepted", row.user);
                verdicts.raise(verdict(event, exchange, &host, row, why, 90.0));
            }
            return;
        }
        let issued = context.shared.ledger.get(shown.digest).is_some_and(|record| record.issued.is_some());
        let service = shown.sname.name.to_lowercase();
        if issued {
            return;
        }
        if let Some(row) = rows.iter().rev().filter(near).find(|row| row.service == service) {
            let why = "the evidence ticket is none that a KDC issued, for the service that just got one".to_owned();
            verdicts.raise(verdict(event, exchange, &host, row, why, 95.0));
        }
    }
}

fn sensitive(user: &str, snapshot: &Snapshot) -> bool {
    let node = crate::directory::account(snapshot, &hopwatch_model::Account::named(user));
    node.and_then(|node| snapshot.node(node)).is_some_and(|node| {
        node.flag("sensitive") == Some(true)
            || node.integer("useraccountcontrol").is_some_and(|bits| bits & 0x10_0000 != 0)
    })
}

fn verdict(event: &Event, exchange: &TgsExchange, host: &str, row: &OnBehalf, why: String, score: f64) -> Verdict {
    let story = format!("{host} presented {} to {} by delegation: {why}.", row.user, exchange.sname.name);
    let key = format!("{host}|{}", exchange.sname.name.to_lowercase());
    Verdict::of(event, key, story, "S4U2proxy")
        .against(exchange.sname.name.clone())
        .because("altered-evidence", 1.0, 70.0, why)
        .score(score)
        .with_evidence([row.evidence.clone()])
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::Principal;

    use super::*;
    use crate::testing::{alerts, by, event, ticket};

    const SLUG: &str = "bronze-bit";

    fn s4u2self(secs: i64, number: u64) -> Event {
        let for_user = Some(Principal { name: "ann".into(), ..Principal::default() });
        let ticket = Some(ticket(number, "http/srv1.lab.example", 18));
        let exchange = TgsExchange { for_user, ticket, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "SRV1$", "srv1", Outcome::Success)
    }

    fn s4u2proxy(secs: i64, number: u64, service: &str, outcome: Outcome) -> Event {
        let exchange = TgsExchange {
            sname: Principal { name: "cifs/dc1.lab.example".into(), ..Principal::default() },
            kdc_options: 0x0002_0000,
            additional_ticket: Some(ticket(number, service, 18)),
            ..TgsExchange::default()
        };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "SRV1$", "srv1", outcome)
    }

    const OWN: &str = "http/srv1.lab.example";

    #[test]
    fn an_evidence_ticket_that_nobody_issued_fires() {
        let found = alerts(SLUG, &[s4u2self(0, 1), s4u2proxy(1, 2, OWN, Outcome::Success)]);
        assert_eq!((found.len(), found[0].events), (1, 2));
    }

    #[test]
    fn the_ticket_itself_stays_silent() {
        assert!(alerts(SLUG, &[s4u2self(0, 1), s4u2proxy(1, 1, OWN, Outcome::Success)]).is_empty());
    }

    #[test]
    fn a_refused_one_a_late_one_and_one_without_s4u2self_stay_silent() {
        assert!(alerts(SLUG, &[s4u2self(0, 1), s4u2proxy(1, 2, OWN, Outcome::Failure(13))]).is_empty());
        assert!(alerts(SLUG, &[s4u2self(0, 1), s4u2proxy(3601, 2, OWN, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[s4u2proxy(1, 2, OWN, Outcome::Success)]).is_empty());
    }

    #[test]
    fn a_users_own_ticket_as_evidence_stays_silent() {
        let exchange = TgsExchange { ticket: Some(ticket(7, OWN, 18)), ..TgsExchange::default() };
        let own = by(event(0, Activity::TgsExchange(Box::new(exchange))), "bob", "ws1", Outcome::Success);
        assert!(alerts(SLUG, &[own, s4u2self(1, 1), s4u2proxy(2, 7, OWN, Outcome::Success)]).is_empty());
    }
}
