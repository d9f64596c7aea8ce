//! ## What it finds
//! Many passwords tried on one account (vertical guessing), and whether one of them was right.
//!
//! ## Why it matters
//! It is the plainest way to a credential, and it locks people out on the way.
//!
//! ## Evidence it needs
//! Wire: AS exchanges with error 24 (pre-authentication failed) or 18 (revoked), NTLM in SMB, LDAP, RPC or HTTP. Events:
//! 4771, 4776, 4625, 4740, Samba's `Authentication`; audit policy *Kerberos Authentication Service*, *Credential
//! Validation*, *Logon*. Simple binds are judged by brute-force-ldap, which sees more.
//!
//! ## How it decides
//! Per account: failed attempts within `window_secs` reach `failures`, from `sources` hosts at most (more is a
//! distributed lock-out, told as such), and exceed `baseline_factor` times what the same account and source failed in
//! their worst ten minutes while learning. A success by the same source within the window makes it high.
//!
//! ## Blind spots
//! Guessing slower than the window; names that do not exist (account-enumeration).
//!
//! ## Likely benign causes
//! A service or phone with an old password: it fails at a steady pace from its usual host, and the baseline knows it
//! after a day.
//!
//! ## What to do
//! Look at the source; if the password was found, reset it and look where it was used.
//!
//! ## References
//! T1110.001; Defender for Identity 2023; RFC 4120 §7.5.9; `[MS-ERREF] 2.3.1`.

use std::time::Duration;

use hopwatch_model::{Event, Evidence, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempt, Attempts, Verdict as Answer};
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most accounts watched at a time.
const ACCOUNTS: usize = 50_000;
/// The most attempts remembered for an account.
const ATTEMPTS: usize = 500;
/// The most records kept for an account.
const RECORDS: usize = 50;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Failed attempts in the window. A person gives up or is locked out long before twenty.
    pub failures: usize,
    /// How many times the learned worst window it must exceed.
    pub baseline_factor: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (failures, baseline_factor) = match sensitivity {
            Sensitivity::High => (20, 2.0),
            Sensitivity::Medium => (14, 1.5),
            Sensitivity::Low => (8, 1.0),
        };
        Self { window_secs: 600, failures, baseline_factor }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Account {
    failures: Sliding<String>,
    worst_learned: usize,
    records: Vec<Evidence>,
    reported_at: Option<Timestamp>,
}

/// Failures by account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BruteForce {
    attempts: Attempts,
    accounts: Table<Account>,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self { attempts: Attempts::default(), accounts: Table::new(ACCOUNTS) }
    }
}

impl Rule for BruteForce {
    const META: Meta = Meta {
        slug: "brute-force",
        title: "Many passwords tried on one account",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1110.001"],
        external_id: Some(2023),
        actions: &[
            "Ask the account's owner, and look at the source host",
            "Reset the password if one was accepted, and look where it was used since",
            "Block the source if it is not yours",
        ],
        source: include_str!("brute_force.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(attempt) = self.attempts.fresh(event) else { return };
        if attempt.protocol == "ldap" || attempt.verdict == Answer::UnknownName || attempt.verdict == Answer::Probed {
            return;
        }
        let key = attempt.account.key();
        if attempt.verdict == Answer::Accepted {
            if let Some(account) = self.accounts.get_mut(&key) {
                on_success(config, account, &attempt, event, verdicts);
            }
            return;
        }
        let account = self.accounts.entry(&key, Account::default);
        let window = Duration::from_secs(config.window_secs);
        account.failures.push(event.time, attempt.source.clone(), window, ATTEMPTS);
        let count = account.failures.len();
        if context.mode == Mode::Learning {
            account.worst_learned = account.worst_learned.max(count);
            return;
        }
        if account.records.len() < RECORDS {
            account.records.push(evidence(event, &format!("refused: {:?}", attempt.verdict)));
        }
        verdicts.count(event.time, count, config.failures, "refused passwords within the window");
        if count < config.failures {
            return;
        }
        if as_f64(count) <= as_f64(account.worst_learned) * config.baseline_factor {
            verdicts.decline(event.time, key, format!("{count} failures, {} while learning", account.worst_learned));
            return;
        }
        raise(config, account, &attempt, event, verdicts);
    }

    fn entries(&self) -> usize {
        self.accounts.len()
    }
}

fn raise(config: &Config, account: &mut Account, attempt: &Attempt, event: &Event, verdicts: &mut Verdicts) {
    account.reported_at = Some(event.time);
    let (count, sources) = (account.failures.len(), account.failures.distinct().len());
    let whence = match (sources, event.source.as_ref()) {
        (0 | 1, Some(host)) => format!("from {}", host.label()),
        _ => format!("from {sources} hosts"),
    };
    let minutes = config.window_secs / 60;
    let name = &attempt.account.name;
    let story = format!("{count} passwords were tried on {name} {whence} within {minutes} minutes, and refused.");
    let learned = account.worst_learned;
    let text = format!("{count} failures within {minutes} minutes; the most while learning was {learned}");
    let records = std::mem::take(&mut account.records);
    let verdict = Verdict::of(event, attempt.account.key(), story, "refused").against(name.clone());
    verdicts.raise(verdict.because("failures", as_f64(count), 50.0, text).with_evidence(records));
}

/// A right password after many wrong ones, from a host that tried them.
fn on_success(config: &Config, account: &mut Account, attempt: &Attempt, event: &Event, verdicts: &mut Verdicts) {
    let window = Duration::from_secs(config.window_secs);
    let Some(reported_at) = account.reported_at else { return };
    let tried_here = account.failures.iter().any(|(_, source)| *source == attempt.source);
    if tried_here && event.time.since(reported_at) <= window {
        let count = account.failures.len();
        let name = &attempt.account.name;
        let host = event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
        let story = format!("{host} tried {count} passwords on {name}, and one of them was right.");
        let verdict = Verdict::of(event, attempt.account.key(), story, "accepted").against(name.clone());
        let text = format!("accepted {} s after the last refusal", event.time.since(reported_at).as_secs());
        verdicts.raise(verdict.because("accepted", 1.0, 30.0, text).severity(Severity::High).score(95.0));
    }
    account.failures.clear();
    account.records.clear();
    account.reported_at = None;
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, ntlm, run};

    const SLUG: &str = "brute-force";
    const WRONG: Outcome = Outcome::Failure(24);

    fn guesses(from: i64, count: i64, step: i64) -> Vec<Event> {
        (0..count).map(|i| as_exchange(from + i * step, "ann", "10.0.0.9", WRONG)).collect()
    }

    #[test]
    fn twenty_refusals_in_ten_minutes_fire_once() {
        let found = alerts(SLUG, &guesses(0, 30, 5));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].target.as_deref(), Some("ann"));
    }

    #[test]
    fn nineteen_refusals_stay_silent() {
        assert!(alerts(SLUG, &guesses(0, 19, 5)).is_empty());
    }

    #[test]
    fn refusals_over_hours_stay_silent() {
        assert!(alerts(SLUG, &guesses(0, 60, 120)).is_empty());
    }

    #[test]
    fn a_password_found_is_high() {
        let mut events = guesses(0, 25, 2);
        events.push(as_exchange(60, "ann", "10.0.0.9", Outcome::Success));
        assert_eq!(alerts(SLUG, &events)[0].severity, Severity::High);
    }

    #[test]
    fn a_service_that_always_failed_so_stays_silent() {
        let history = guesses(-86_400, 100, 10);
        assert!(run(SLUG, Sensitivity::High, &history, &guesses(0, 60, 10)).is_empty());
    }

    #[test]
    fn ntlm_refusals_count_like_kerberos_ones() {
        let events: Vec<Event> =
            (0..25).map(|i| ntlm(i, "ann", "10.0.0.9", "srv1", Outcome::Failure(0xC000_006A))).collect();
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }
}
