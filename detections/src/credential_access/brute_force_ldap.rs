//! ## What it finds
//! Passwords guessed by LDAP simple binds: many on one account, one on many, or both.
//!
//! ## Why it matters
//! A bind is the cheapest guess there is: one packet, and no logon is logged by default.
//!
//! ## Evidence it needs
//! Wire: LDAP binds without TLS; the password shows as a keyed digest, so that the same one tried again is told from
//! another. Samba: `Authentication` records (no digest).
//!
//! ## How it decides
//! Failed simple binds of one source within `window_secs`: `pairs` distinct pairs of account and password. Where the
//! password is not known, `failures` failures, over at least `accounts` accounts, or `repeats` on one. The
//! same wrong password of the same account again and again is a stale credential and counts once. The accounts that
//! were guessed (a bind that succeeds afterwards) are named.
//!
//! ## Blind spots
//! LDAPS on the wire; guesses slower than the window.
//!
//! ## Likely benign causes
//! A portal that binds for its users: name it in an exclusion.
//!
//! ## What to do
//! Isolate the source; reset the accounts that were guessed; require signing and TLS.
//!
//! ## References
//! T1110.001, T1110.003; Defender for Identity 2004; RFC 4511 §4.2, result 49.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_model::event::BindMethod;
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched, guesses and records remembered of one.
const SOURCES: usize = 20_000;
const GUESSES: usize = 1000;
const RECORDS: usize = 20;
/// invalidCredentials (RFC 4511 A.1).
const INVALID: u32 = 49;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct pairs of account and password.
    pub pairs: usize,
    /// Failures where the password is not known.
    pub failures: usize,
    /// Accounts over which these lie.
    pub accounts: usize,
    /// Failures on one account where the password is not known.
    pub repeats: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (pairs, failures, accounts, repeats) = match sensitivity {
            Sensitivity::High => (10, 20, 10, 20),
            Sensitivity::Medium => (7, 12, 6, 12),
            Sensitivity::Low => (4, 6, 3, 6),
        };
        Self { window_secs: 600, pairs, failures, accounts, repeats }
    }
}

/// A guess: account, digest (0 where unknown), and the record, which tells unknown ones apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Guess {
    account: String,
    password: u64,
    record: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    guesses: Sliding<Guess>,
    guessed: BTreeSet<String>,
    records: Vec<Evidence>,
}

/// Guesses by source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BruteForceLdap {
    sources: Table<Source>,
}

impl Default for BruteForceLdap {
    fn default() -> Self {
        Self { sources: Table::new(SOURCES) }
    }
}

impl Rule for BruteForceLdap {
    const META: Meta = Meta {
        slug: "brute-force-ldap",
        title: "Passwords guessed by LDAP binds",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1110.001", "T1110.003"],
        external_id: Some(2004),
        actions: &[
            "Isolate the source host",
            "Reset the accounts whose password was guessed",
            "Require LDAP signing and channel binding",
        ],
        source: include_str!("brute_force_ldap.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, _: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::LdapBind(bind) = &event.activity else { return };
        let BindMethod::Simple { password_digest } = bind.method else { return };
        let Some(key) = event.source.as_ref().map(Host::key).filter(|key| !key.is_empty()) else { return };
        let account = event.actor.clone().unwrap_or_else(|| Account::named(&bind.name)).key();
        let source = self.sources.entry(&key, Source::default);
        if event.outcome.succeeded() {
            let tried = source.guesses.iter().any(|(_, guess)| guess.account == account);
            if tried && source.guessed.len() < GUESSES {
                source.guessed.insert(account);
                judge(config, source, event, &key, verdicts);
            }
            return;
        }
        if event.outcome.code() != Some(INVALID) {
            return;
        }
        let record = if password_digest == 0 { event.provenance.digest } else { 0 };
        let guess = Guess { account, password: password_digest, record };
        source.guesses.push(event.time, guess, Duration::from_secs(config.window_secs), GUESSES);
        if source.records.len() >= RECORDS {
            source.records.remove(0);
        }
        source.records.push(evidence(event, "failed simple bind"));
        judge(config, source, event, &key, verdicts);
    }

    fn entries(&self) -> usize {
        self.sources.len()
    }
}

fn judge(config: &Config, source: &Source, event: &Event, key: &str, verdicts: &mut Verdicts) {
    let distinct = source.guesses.distinct();
    let pairs = distinct.iter().filter(|guess| guess.password != 0).count();
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for guess in distinct.iter().filter(|guess| guess.password == 0) {
        *unknown.entry(&guess.account).or_default() += 1;
    }
    let (failures, most) = (unknown.values().sum::<usize>(), unknown.values().max().copied().unwrap_or(0));
    let spread = failures >= config.failures && unknown.len() >= config.accounts;
    if pairs < config.pairs && !spread && most < config.repeats {
        verdicts.decline(
            event.time,
            key,
            format!("{pairs} of {} pairs, {failures} of {} failures", config.pairs, config.failures),
        );
        return;
    }
    let accounts: BTreeSet<&str> = distinct.iter().map(|guess| guess.account.as_str()).collect();
    let passwords: BTreeSet<u64> = distinct.iter().map(|guess| guess.password).collect();
    let shape = match (accounts.len(), passwords.len()) {
        (1, _) => "many passwords on one account",
        (_, 1) if pairs > 0 => "one password on many accounts",
        _ => "many passwords on many accounts",
    };
    let guessed: Vec<&str> = source.guessed.iter().map(String::as_str).collect();
    let success = if guessed.is_empty() { String::new() } else { format!("; guessed: {}", guessed.join(", ")) };
    let from = event.source.as_ref().map(Host::label).unwrap_or_default();
    let count = pairs.max(failures);
    let story = format!("{from} tried {count} guesses on {} accounts by LDAP binds: {shape}{success}.", accounts.len());
    let text = format!(
        "{count} distinct guesses within {} minutes; the threshold is {}",
        config.window_secs / 60,
        config.pairs
    );
    let named: Vec<&str> = accounts.into_iter().take(12).collect();
    let mut verdict = Verdict::of(event, key.to_owned(), story, "simple bind").against(named.join(", "));
    verdict.actor = None;
    let severity = if guessed.is_empty() { Severity::Medium } else { Severity::High };
    let verdict = verdict.because("guesses", as_f64(count), 60.0, text).with_evidence(source.records.clone());
    verdicts.raise(verdict.severity(severity).score(if guessed.is_empty() { 85.0 } else { 95.0 }));
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::LdapBind;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "brute-force-ldap";

    fn bind(secs: i64, account: &str, digest: u64, outcome: Outcome) -> Event {
        let method = BindMethod::Simple { password_digest: digest };
        let bind = LdapBind { name: account.into(), method, tls: false, sealed: None };
        by(event(secs, Activity::LdapBind(Box::new(bind))), account, "ws1", outcome)
    }

    const WRONG: Outcome = Outcome::Failure(49);

    #[test]
    fn ten_passwords_on_one_account_fire_and_nine_do_not() {
        let guesses =
            |count: i64| -> Vec<Event> { (0..count).map(|i| bind(i, "ann", 100 + i.unsigned_abs(), WRONG)).collect() };
        assert_eq!(alerts(SLUG, &guesses(10)).len(), 1);
        assert!(alerts(SLUG, &guesses(9)).is_empty());
    }

    #[test]
    fn one_password_on_ten_accounts_fires_and_names_the_guessed_one() {
        let mut events: Vec<Event> = (0..10).map(|i| bind(i, &format!("user{i}"), 7, WRONG)).collect();
        events.push(bind(20, "user3", 8, Outcome::Success));
        let found = alerts(SLUG, &events);
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("guessed: user3"));
    }

    #[test]
    fn a_stale_credential_stays_silent() {
        let events: Vec<Event> = (0..300).map(|i| bind(i, "svc_sql", 7, WRONG)).collect();
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn without_digests_failures_are_counted() {
        let events: Vec<Event> = (0..20).map(|i| bind(i, &format!("user{i}"), 0, WRONG)).collect();
        assert_eq!(alerts(SLUG, &events).len(), 1);
        assert!(alerts(SLUG, &events[..9]).is_empty());
    }
}
