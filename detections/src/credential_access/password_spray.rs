//! ## What it finds
//! One or a few passwords tried on many accounts (horizontal guessing), fast or slow.
//!
//! ## Why it matters
//! It stays below every lock-out limit, and in an estate of some hundred people one of the season's passwords fits.
//!
//! ## Evidence it needs
//! As brute-force: AS exchanges with error 24, NTLM, 4771, 4776, 4625, Samba's `Authentication`.
//!
//! ## How it decides
//! Per source host: distinct existing accounts that failed and did not then succeed reach `accounts` within
//! `window_secs`, or `accounts_day` within a day; each was tried at most `tries_per_account` times on average; and they
//! are at least `failed_share` of all accounts seen from the source in that time. The last point keeps an address behind
//! which many honest people sit silent: most of them get in. While learning, the most failed accounts of a day from each
//! source are remembered; `baseline_factor` times that must be exceeded. A named host that is refused as `foreign_machines`
//! machines other than itself fires at once: a machine knows its own password and never mistypes it. Where no directory is
//! loaded, a refusal that does not say whether the name exists counts as one of an existing name.
//!
//! ## Blind spots
//! A spray from many addresses with few accounts each; simple binds (brute-force-ldap).
//!
//! ## Likely benign causes
//! A password-expiry day behind a terminal server; a scanner that tests default passwords.
//!
//! ## What to do
//! Isolate the source; reset each account that accepted; look for first-time logons of the sprayed accounts.
//!
//! ## References
//! T1110.003; Defender for Identity 2023; RFC 4120 §7.5.9; `[MS-ERREF] 2.3.1`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Evidence, Outcome, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempts, Verdict as Answer};
use crate::directory;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched at a time.
const SOURCES: usize = 20_000;
/// The most attempts remembered for a source in a day.
const ATTEMPTS: usize = 5_000;
/// The most records kept for a source.
const RECORDS: usize = 50;
/// The fewest accounts of a directory that counts as loaded.
const DIRECTORY: usize = 10;
/// The long window.
const DAY: Duration = Duration::from_secs(86_400);

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The short window, in seconds.
    pub window_secs: u64,
    /// Distinct accounts that failed in the short window.
    pub accounts: usize,
    /// Distinct accounts that failed in a day, for slow sprays.
    pub accounts_day: usize,
    /// The most tries per account on average: more is guessing at one.
    pub tries_per_account: f64,
    /// Failed accounts among all accounts seen from the source, 0–1.
    pub failed_share: f64,
    /// How many times the learned worst day it must exceed.
    pub baseline_factor: f64,
    /// Machine accounts other than the source's own that were refused in the short window.
    pub foreign_machines: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (accounts, accounts_day, baseline_factor) = match sensitivity {
            Sensitivity::High => (10, 25, 2.0),
            Sensitivity::Medium => (7, 15, 1.5),
            Sensitivity::Low => (4, 8, 1.0),
        };
        let foreign_machines = if sensitivity == Sensitivity::Low { 1 } else { 2 };
        Self {
            window_secs: 900,
            accounts,
            accounts_day,
            tries_per_account: 5.0,
            failed_share: 0.6,
            baseline_factor,
            foreign_machines,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    /// Account and whether it was accepted.
    tried: Sliding<(String, bool)>,
    /// The refusals among them, to be counted at a glance.
    #[serde(default)]
    refused: Sliding<()>,
    worst_learned: usize,
    records: Vec<Evidence>,
    reported: usize,
}

/// Accounts tried, by source host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordSpray {
    attempts: Attempts,
    sources: Table<Source>,
    /// Machines as which a source was refused.
    machines: Table<Sliding<String>>,
}

impl Default for PasswordSpray {
    fn default() -> Self {
        Self { attempts: Attempts::default(), sources: Table::new(SOURCES), machines: Table::new(SOURCES) }
    }
}

impl Rule for PasswordSpray {
    const META: Meta = Meta {
        slug: "password-spray",
        title: "Few passwords tried on many accounts",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1110.003"],
        external_id: Some(2023),
        actions: &[
            "Isolate the source host, or block its address",
            "Reset every account that accepted a password from it",
            "Look for first-time logons of the accounts that were tried",
        ],
        source: include_str!("password_spray.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.on_machine(config, event, context, verdicts);
        let Some(attempt) = self.attempts.fresh(event) else { return };
        if attempt.source.is_empty() || attempt.protocol == "ldap" {
            return;
        }
        let known = match attempt.verdict {
            Answer::Accepted | Answer::WrongPassword | Answer::Blocked => true,
            Answer::Refused => {
                directory::account(context.snapshot, &attempt.account).is_some()
                    || !directory::loaded(context.snapshot, DIRECTORY)
            }
            Answer::UnknownName | Answer::Probed => false,
        };
        if !known {
            return;
        }
        let accepted = attempt.verdict == Answer::Accepted;
        let source = self.sources.entry(&attempt.source, Source::default);
        source.tried.push(event.time, (attempt.account.key(), accepted), DAY, ATTEMPTS);
        if context.mode == Mode::Learning {
            source.worst_learned = source.worst_learned.max(Tally::of(&source.tried, Timestamp::MIN).failed);
            return;
        }
        if !accepted && source.records.len() < RECORDS {
            source.records.push(evidence(event, &format!("{} refused", attempt.account.name)));
        }
        // Each account that a spray counts has failed at least once: before so many refusals there is nothing to tally.
        if !accepted {
            source.refused.push(event.time, (), DAY, ATTEMPTS);
        }
        if source.refused.len() >= config.accounts.min(config.accounts_day) {
            judge(config, source, event, &attempt.source, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.sources.len() + self.machines.len()
    }
}

impl PasswordSpray {
    /// A named host refused as a machine that it is not.
    fn on_machine(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if context.mode == Mode::Learning || !wrong_password(event) {
            return;
        }
        let Some(machine) = event.actor.as_ref().filter(|actor| actor.machine()) else { return };
        let Some(source) = event.source.as_ref().filter(|source| source.name.is_some()) else { return };
        if short_name(&machine.name) == source.key() {
            return;
        }
        let seen = self.machines.entry(&source.key(), Sliding::new);
        seen.push(event.time, short_name(&machine.name), Duration::from_secs(config.window_secs), ATTEMPTS);
        let names: Vec<String> = seen.distinct().into_iter().cloned().collect();
        if names.len() < config.foreign_machines {
            verdicts.decline(event.time, source.key(), format!("refused as {} machines that it is not", names.len()));
            return;
        }
        let (host, list) = (source.label(), names.iter().take(12).cloned().collect::<Vec<_>>().join(", "));
        let story = format!("{host} tried to log on as the machines {list}, none of which it is, and was refused.");
        let text = "a machine knows its own password and has no other's".into();
        let verdict = Verdict::of(event, source.key(), story, "refused as another machine");
        verdicts.raise(verdict.because("machines", as_f64(names.len()), 50.0, text).score(75.0));
    }
}

/// A refusal of the password itself: Kerberos, NTLM, NTLM inside LDAP.
fn wrong_password(event: &Event) -> bool {
    match &event.activity {
        Activity::AsExchange(_) => event.outcome == Outcome::Failure(24),
        Activity::NtlmLogon(logon) if logon.carrier == "ldap" => event.outcome == Outcome::Failure(49),
        Activity::NtlmLogon(_) => matches!(event.outcome, Outcome::Failure(0xC000_006A | 0xC000_006D)),
        _ => false,
    }
}

/// What a source tried within a window.
struct Tally {
    /// Accounts that failed and did not then succeed.
    failed: usize,
    /// Accounts that failed first and succeeded later: found, or mistyped.
    found: BTreeSet<String>,
    /// All accounts.
    accounts: usize,
    /// Failed attempts.
    tries: usize,
}

impl Tally {
    fn of(tried: &Sliding<(String, bool)>, since: Timestamp) -> Self {
        let mut last: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        let mut tries = 0;
        for (_, (account, accepted)) in tried.iter().filter(|(time, _)| *time >= since) {
            let entry = last.entry(account).or_default();
            entry.0 |= !accepted;
            entry.1 = *accepted;
            tries += usize::from(!accepted);
        }
        let found = last.iter().filter(|(_, (failed, accepted))| *failed && *accepted);
        Self {
            failed: last.values().filter(|(failed, accepted)| *failed && !accepted).count(),
            found: found.map(|(account, _)| (*account).to_owned()).collect(),
            accounts: last.len(),
            tries,
        }
    }

    fn spray(&self, least: usize, config: &Config) -> bool {
        self.failed >= least
            && as_f64(self.tries) <= config.tries_per_account * as_f64(self.failed + self.found.len())
            && as_f64(self.failed) >= config.failed_share * as_f64(self.accounts)
    }
}

fn judge(config: &Config, source: &mut Source, event: &Event, key: &str, verdicts: &mut Verdicts) {
    let since = event.time - Duration::from_secs(config.window_secs);
    let short = Tally::of(&source.tried, since);
    verdicts.count(event.time, short.failed, config.accounts, "accounts that failed within the short window");
    let (tally, within) = if short.spray(config.accounts, config) {
        (short, format!("{} minutes", config.window_secs / 60))
    } else {
        let day = Tally::of(&source.tried, Timestamp::MIN);
        if !day.spray(config.accounts_day, config) {
            return;
        }
        (day, String::from("a day"))
    };
    if as_f64(tally.failed) <= as_f64(source.worst_learned) * config.baseline_factor {
        verdicts.decline(
            event.time,
            key,
            format!("{} accounts failed, {} while learning", tally.failed, source.worst_learned),
        );
        return;
    }
    if tally.failed < source.reported.saturating_mul(2) && tally.found.is_empty() {
        return;
    }
    source.reported = source.reported.max(tally.failed);
    let host = event.source.as_ref().map_or_else(|| key.to_owned(), hopwatch_model::Host::label);
    let mut story = format!(
        "{host} tried {} passwords on {} accounts within {within}, and was refused.",
        tally.tries, tally.failed
    );
    let text = format!(
        "{} of {} accounts failed within {within}; the most while learning was {}",
        tally.failed, tally.accounts, source.worst_learned
    );
    if !tally.found.is_empty() {
        let found: Vec<&str> = tally.found.iter().map(String::as_str).take(20).collect();
        story.push_str(&format!(" It got in as {}.", found.join(", ")));
    }
    let mut verdict =
        Verdict::of(event, key.to_owned(), story, "refused").because("accounts", as_f64(tally.failed), 50.0, text);
    verdict.actor = None;
    if !tally.found.is_empty() {
        verdict = verdict.severity(Severity::High).score(95.0);
    }
    verdicts.raise(verdict.with_evidence(std::mem::take(&mut source.records)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{alerts, as_exchange, run};

    const SLUG: &str = "password-spray";
    const WRONG: Outcome = Outcome::Failure(24);

    fn spray(from: i64, accounts: i64, step: i64) -> Vec<Event> {
        (0..accounts).map(|i| as_exchange(from + i * step, &format!("user{i}"), "10.0.0.9", WRONG)).collect()
    }

    #[test]
    fn ten_accounts_in_a_quarter_of_an_hour_fire() {
        assert_eq!(alerts(SLUG, &spray(0, 20, 10)).len(), 1);
    }

    #[test]
    fn nine_accounts_stay_silent() {
        assert!(alerts(SLUG, &spray(0, 9, 10)).is_empty());
    }

    #[test]
    fn a_slow_spray_fires_within_a_day() {
        assert_eq!(alerts(SLUG, &spray(0, 30, 1800)).len(), 1);
    }

    #[test]
    fn many_honest_people_behind_one_address_stay_silent() {
        let mut events = Vec::new();
        for i in 0..40 {
            let name = format!("user{i}");
            if i % 3 == 0 {
                events.push(as_exchange(i * 10, &name, "10.0.0.9", WRONG));
            }
            events.push(as_exchange(i * 10 + 5, &name, "10.0.0.9", Outcome::Success));
        }
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_account_that_gave_in_is_named() {
        let mut events = spray(0, 20, 10);
        events.push(as_exchange(200, "ann", "10.0.0.9", WRONG));
        events.push(as_exchange(210, "ann", "10.0.0.9", Outcome::Success));
        let found = alerts(SLUG, &events);
        assert_eq!(found[0].severity, Severity::High);
        assert!(found[0].explanation.contains("ann"));
    }

    #[test]
    fn what_the_source_always_does_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &spray(-80_000, 20, 10), &spray(0, 20, 10)).is_empty());
    }

    #[test]
    fn a_host_refused_as_two_other_machines_fires_and_as_itself_does_not() {
        let refused = |secs, machine: &str| as_exchange(secs, machine, "ws1", WRONG);
        assert_eq!(alerts(SLUG, &[refused(0, "WS2$"), refused(1, "SRV1$")]).len(), 1);
        assert!(alerts(SLUG, &[refused(0, "WS2$"), refused(1, "WS2$"), refused(2, "WS1$")]).is_empty());
    }
}
