//! ## What it finds
//! A ticket-granting ticket that is used longer than the domain lets tickets live.
//!
//! ## Why it matters
//! Forged tickets are commonly given years. A real one ends after ten hours, and renewing it makes a new ticket.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges over at least the life of a ticket. Event logs do not show the ticket.
//!
//! ## How it decides
//! The same ticket (digest of its cipher text) is accepted by a controller more than `lifetime_secs` + `skew_secs` after
//! it was first seen, issued or presented. Renewal gives another ticket, and needs no exception. A refusal proves nothing.
//!
//! ## Blind spots
//! A forged ticket thrown away within a normal life.
//!
//! ## Likely benign causes
//! A policy with longer lives (set `lifetime_secs` to *Maximum lifetime for user ticket*); a sensor whose clock jumped.
//!
//! ## What to do
//! Compare with the policy; else isolate the source and reset `krbtgt` twice.
//!
//! ## References
//! T1558.001; Defender for Identity 2022; RFC 4120 §2.3, §5.3.

use std::time::Duration;

use hopwatch_model::{Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// *Maximum lifetime for user ticket* of the domain, in seconds: ten hours by default.
    pub lifetime_secs: u64,
    /// What clocks may differ, in seconds: five minutes by default policy, and a minute for the sensor.
    pub skew_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { lifetime_secs: 36_000, skew_secs: 360 }
    }
}

/// No state: the ledger remembers the tickets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoldenTicketTimeAnomaly {}

impl Rule for GoldenTicketTimeAnomaly {
    const META: Meta = Meta {
        slug: "golden-ticket-time-anomaly",
        title: "A golden ticket: a TGT that outlives the policy",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1558.001"],
        external_id: Some(2022),
        actions: &[
            "Compare with the domain's maximum lifetime for user tickets",
            "Isolate the source host",
            "Reset krbtgt twice, at least ten hours apart",
        ],
        source: include_str!("golden_ticket_time_anomaly.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::TgsExchange(exchange) = &event.activity else { return };
        let Some(tgt) = exchange.tgt.as_ref().filter(|tgt| tgt.sname.krbtgt()) else { return };
        if !event.outcome.succeeded() {
            return;
        }
        let Some(record) = context.shared.ledger.get(tgt.digest) else { return };
        let first = record.issued.as_ref().map_or(record.first, |issue| issue.time.min(record.first));
        let age = event.time.since(first);
        if age <= Duration::from_secs(config.lifetime_secs + config.skew_secs) {
            return;
        }
        let who = words::who(event, context.snapshot);
        let hours = age.as_secs() / 3600;
        let most = config.lifetime_secs / 3600;
        let story =
            format!("{who} used a ticket-granting ticket {hours} hours old, where the domain lets it live {most}.");
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let key = format!("{host}|{:016x}", tgt.digest.0);
        let origin = record.issued.as_ref().map(|issue| &issue.provenance);
        let origin = origin.or(record.uses.first().map(|seen| &seen.provenance)).cloned();
        let earlier = origin.map(|provenance| Evidence { provenance, time: first, note: "first seen".into() });
        let text = format!("first seen {hours} hours before; the longest life is {most} hours");
        let verdict = Verdict::of(event, key, story, "accepted now").against(exchange.sname.name.clone());
        let value = crate::number::as_f64(usize::try_from(hours).unwrap_or(usize::MAX));
        verdicts.raise(verdict.because("age", value, 60.0, text).score(90.0).with_evidence(earlier));
    }

    fn entries(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::TgsExchange;

    use super::*;
    use crate::testing::{alerts, by, event, ticket};

    const SLUG: &str = "golden-ticket-time-anomaly";

    fn request(secs: i64, number: u64, outcome: Outcome) -> Event {
        let exchange = TgsExchange { tgt: Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18)), ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "ann", "ws1", outcome)
    }

    fn after(secs: i64, outcome: Outcome) -> usize {
        alerts(SLUG, &[request(0, 1, Outcome::Success), request(secs, 1, outcome)]).len()
    }

    #[test]
    fn a_ticket_older_than_policy_and_skew_fires_and_not_before() {
        assert_eq!(after(36_361, Outcome::Success), 1);
        assert_eq!(after(36_360, Outcome::Success), 0);
    }

    #[test]
    fn a_refused_old_ticket_and_a_late_record_stay_silent() {
        assert_eq!(after(80_000, Outcome::Failure(32)), 0);
        assert_eq!(after(-80_000, Outcome::Success), 0);
    }

    #[test]
    fn a_renewed_ticket_is_another() {
        assert!(alerts(SLUG, &[request(0, 1, Outcome::Success), request(50_000, 2, Outcome::Success)]).is_empty());
    }
}
