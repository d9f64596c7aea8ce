//! ## What it finds
//! Resource-based delegation used right after it was set up, or by a computer account that was just made.
//!
//! ## Why it matters
//! The attribute is the trap, this is the spring: a service ticket in the name of an administrator for the host.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges with S4U2proxy. Events: 4769 with transited services; 5136, 4741. LDAP writes of
//! `msDS-AllowedToActOnBehalfOfOtherIdentity`.
//!
//! ## How it decides
//! A S4U2proxy request for a service of a host is answered, and within `window_secs` before it the attribute was written
//! on that host, or the account that delegates was created. Pairs of delegate and host seen while learning stay silent.
//!
//! ## Blind spots
//! A delegation that was set up long before.
//!
//! ## Likely benign causes
//! An administrator who sets up a service and tries it (the write alone is rbcd-write).
//!
//! ## What to do
//! Clear the attribute on the host, delete the computer account, isolate the source.
//!
//! ## References
//! T1558, T1134.001, T1484; Defender for Identity 2422, 2423; `[MS-SFU] 3.2.5.2.2`.

use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{AccountChangeKind, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Object};
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::habit::{Habit, Habits};

/// The most hosts and accounts remembered.
const ROWS: usize = 10_000;
/// The attribute of resource-based delegation (`[MS-ADA2] 2.210`).
const ALLOWED_TO_ACT: &str = "msDS-AllowedToActOnBehalfOfOtherIdentity";

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long after the write or the creation a use is suspicious, in seconds.
    pub window_secs: u64,
    /// How often the pair must have been seen while learning to be left alone.
    pub usual_times: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        Self { window_secs: 24 * 3600, usual_times: Habit::preset(sensitivity).usual_times }
    }
}

/// Writes by host, creations by account, habits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RbcdUse {
    written: Table<Evidence>,
    created: Table<Evidence>,
    habits: Habits,
}

impl Default for RbcdUse {
    fn default() -> Self {
        Self { written: Table::new(ROWS), created: Table::new(ROWS), habits: Habits::default() }
    }
}

impl Rule for RbcdUse {
    const META: Meta = Meta {
        slug: "rbcd-use",
        title: "Fresh resource-based delegation used",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1558", "T1134.001"],
        external_id: Some(2422),
        actions: &[
            "Clear msDS-AllowedToActOnBehalfOfOtherIdentity on the host",
            "Delete or disable the account that delegates",
            "Isolate the source and look at what was done on the host",
        ],
        source: include_str!("rbcd_use.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        for written in change::written(event, context.snapshot, &[ALLOWED_TO_ACT]) {
            let seen = evidence(event, "the delegation was written");
            self.written.entry(&name(&written.object), || seen.clone()).clone_from(&seen);
        }
        if let Some(account) = created(event) {
            let seen = evidence(event, "the delegating account was created");
            self.created.entry(&account, || seen.clone()).clone_from(&seen);
        }
        let Activity::TgsExchange(exchange) = &event.activity else { return };
        if !exchange.s4u2proxy() || !event.outcome.succeeded() {
            return;
        }
        let Some(host) = exchange.sname.host().map(hopwatch_model::identity::short_name) else { return };
        // The reply names the user who is presented; the ticket presented tells who delegates.
        let owner = exchange.tgt.as_ref().and_then(|tgt| context.shared.ledger.owner(tgt)).or(event.actor.as_ref());
        let delegate = owner.map(Account::key).unwrap_or_default();
        let window = Duration::from_secs(config.window_secs);
        let recent = |seen: &&Evidence| event.time >= seen.time && event.time.since(seen.time) <= window;
        let set_up = self.written.get(&host).filter(recent).cloned();
        let made = self.created.get(delegate.trim_end_matches('$')).filter(recent).cloned();
        let habit = Habit { usual_times: config.usual_times };
        if self.habits.usual(&habit, &format!("{delegate}|{host}"), event, context.mode, verdicts) {
            return;
        }
        if set_up.is_none() && made.is_none() {
            return;
        }
        let source = event.source.as_ref().map(Host::label).unwrap_or_default();
        let who = if delegate.is_empty() { "An account" } else { &delegate };
        let when = match (&set_up, &made) {
            (Some(_), Some(_)) => "right after the account was made and the delegation written",
            (Some(_), None) => "right after the delegation was written",
            _ => "right after the account was made",
        };
        let story = format!("{who} presented another user to {} from {source}, {when}.", exchange.sname.name);
        let score = if set_up.is_some() && made.is_some() { 95.0 } else { 88.0 };
        verdicts.raise(
            Verdict::of(event, format!("{delegate}|{host}"), story, "S4U2proxy")
                .against(exchange.sname.name.clone())
                .because("fresh-delegation", 1.0, 60.0, format!("used {when}"))
                .score(score)
                .with_evidence(set_up)
                .with_evidence(made),
        );
    }

    fn entries(&self) -> usize {
        self.written.len() + self.created.len() + self.habits.entries()
    }
}

/// A host's short name.
fn name(object: &Object) -> String {
    hopwatch_model::identity::short_name(&object.label)
}

/// The short name of a computer account that an event creates.
fn created(event: &Event) -> Option<String> {
    if event.outcome.failed() {
        return None;
    }
    match &event.activity {
        Activity::AccountChange(change) if change.kind == AccountChangeKind::Created && change.account.machine() => {
            Some(change.account.key().trim_end_matches('$').to_owned())
        }
        Activity::DirectoryChange(change)
            if change.operation == ValueOperation::Create && change.class.eq_ignore_ascii_case("computer") =>
        {
            Some(change::rdn(&change.object).trim_end_matches('$').to_lowercase())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{Principal, TgsExchange};

    use super::*;
    use crate::testing::{account_change, alerts, by, change, event, run};

    const SLUG: &str = "rbcd-use";

    fn write(secs: i64) -> Event {
        change(secs, "CN=SRV1,CN=Users,DC=lab,DC=example", ALLOWED_TO_ACT, ValueOperation::Replace, &["AQA="], "ann")
    }

    fn proxy(secs: i64, service: &str, delegate: &str) -> Event {
        let sname = Principal { name: service.into(), ..Principal::default() };
        let exchange = TgsExchange { sname, kdc_options: 0x0002_0000, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), delegate, "ws1", Outcome::Success)
    }

    #[test]
    fn a_use_within_a_day_of_the_write_fires_and_later_it_does_not() {
        assert_eq!(alerts(SLUG, &[write(0), proxy(86_400, "cifs/srv1.lab.example", "EVIL$")]).len(), 1);
        assert!(alerts(SLUG, &[write(0), proxy(86_401, "cifs/srv1.lab.example", "EVIL$")]).is_empty());
    }

    #[test]
    fn a_computer_account_just_made_makes_it_sure() {
        let made = account_change(-5, AccountChangeKind::Created, "EVIL$", &[], "ann");
        let found = alerts(SLUG, &[made, write(0), proxy(9, "cifs/srv1.lab.example", "EVIL$")]);
        assert!(found[0].score > 90.0);
        assert_eq!(found[0].events, 3);
    }

    #[test]
    fn another_host_and_settled_delegation_stay_silent() {
        assert!(alerts(SLUG, &[write(0), proxy(9, "cifs/dc1.lab.example", "WEB$")]).is_empty());
        let history = [proxy(-90_000, "cifs/srv1.lab.example", "WEB$")];
        let events = [write(0), proxy(9, "cifs/srv1.lab.example", "WEB$")];
        assert!(run(SLUG, Sensitivity::High, &history, &events).is_empty());
    }
}
