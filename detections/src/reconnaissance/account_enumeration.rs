//! ## What it finds
//! A host that tries account names to learn which exist.
//!
//! ## Why it matters
//! A list of real names is the input of a password spray, and of roasting where pre-authentication is off. The
//! controller answers differently for a name that exists, before any password is known.
//!
//! ## Evidence it needs
//! Wire: AS exchanges (error 6, principal unknown, against 25, pre-authentication required) and NTLM in SMB, LDAP, RPC
//! or HTTP. Events: 4768 with status 0x6, 4776 and 4625 with 0xC0000064, Samba's `Authentication` with
//! `NT_STATUS_NO_SUCH_USER`; audit policy *Kerberos Authentication Service*, *Credential Validation*, *Logon*.
//!
//! ## How it decides
//! Per source host: distinct unknown names within `window_secs` reach `unknown_names`, or `burst_names` within `burst_secs`
//! (no person types so fast), or `unknown_names_day` within a day, and make up at least `unknown_share` of the names tried. A refusal that does not say whether the name or the
//! password was wrong counts as unknown where the directory, once loaded, does not know the name. Names of machine
//! accounts do not count. No learning period.
//!
//! ## Blind spots
//! Names tried slower than `unknown_names_day` a day or from many hosts; look-ups by LDAP or SAMR (other detections).
//!
//! ## Likely benign causes
//! Mail gateways and identity products that test addresses; a script with a list of people who left.
//!
//! ## What to do
//! Find out what runs on the source; watch the names that exist for a spray; reset what was guessed.
//!
//! ## References
//! T1087.002; Defender for Identity 2003; RFC 4120 §7.5.9; `[MS-ERREF] 2.3.1`.

use std::collections::BTreeSet;
use std::time::Duration;

use hopwatch_model::{Event, Evidence, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempts, Verdict as Answer};
use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched at a time.
const SOURCES: usize = 20_000;
/// The most names remembered for a source in a day.
const NAMES: usize = 2_000;
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
    /// Distinct unknown names in the short window. Ten names in ten minutes are no person's mistypes.
    pub unknown_names: usize,
    /// The window of a burst, in seconds.
    pub burst_secs: u64,
    /// Distinct unknown names in a burst.
    pub burst_names: usize,
    /// Distinct unknown names in a day, for slow enumeration.
    pub unknown_names_day: usize,
    /// Unknown names among the names tried, 0–1: a list of mostly real names is a spray, not an enumeration.
    pub unknown_share: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (unknown_names, burst_names, unknown_names_day) = match sensitivity {
            Sensitivity::High => (10, 5, 25),
            Sensitivity::Medium => (6, 4, 15),
            Sensitivity::Low => (4, 3, 8),
        };
        Self { window_secs: 600, unknown_names, burst_secs: 2, burst_names, unknown_names_day, unknown_share: 0.4 }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    unknown: Sliding<String>,
    known: Sliding<String>,
    records: Vec<Evidence>,
    reported: usize,
}

/// Names tried, by source host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountEnumeration {
    attempts: Attempts,
    sources: Table<Source>,
}

impl Default for AccountEnumeration {
    fn default() -> Self {
        Self { attempts: Attempts::default(), sources: Table::new(SOURCES) }
    }
}

impl Rule for AccountEnumeration {
    const META: Meta = Meta {
        slug: "account-enumeration",
        title: "Account names tried to learn which exist",
        phase: Phase::Reconnaissance,
        severity: hopwatch_model::Severity::Medium,
        techniques: &["T1087.002"],
        external_id: Some(2003),
        actions: &[
            "Find the process on the source that tries the names",
            "Watch the accounts that exist for failed and first-time logons",
            "Isolate the source if it is no scanner of yours",
        ],
        source: include_str!("account_enumeration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(attempt) = self.attempts.fresh(event) else { return };
        if attempt.source.is_empty() {
            return;
        }
        let in_directory = directory::account(context.snapshot, &attempt.account).is_some();
        let unknown = match attempt.verdict {
            Answer::UnknownName => !in_directory,
            // Without a directory nothing is in it: then the answer alone says nothing.
            Answer::Refused => !in_directory && directory::loaded(context.snapshot, DIRECTORY),
            Answer::Accepted | Answer::WrongPassword | Answer::Blocked | Answer::Probed => false,
        };
        let source = self.sources.entry(&attempt.source, Source::default);
        let name = attempt.account.key();
        if !unknown {
            source.known.push(event.time, name, DAY, NAMES);
            return;
        }
        source.unknown.push(event.time, name, DAY, NAMES);
        if source.records.len() < RECORDS {
            source.records.push(evidence(event, &format!("unknown name {}", attempt.account.name)));
        }
        judge(config, source, event, &attempt.source, verdicts);
    }

    fn entries(&self) -> usize {
        self.sources.len()
    }
}

fn judge(config: &Config, source: &mut Source, event: &Event, key: &str, verdicts: &mut Verdicts) {
    let since = event.time - Duration::from_secs(config.window_secs);
    let (unknown, known) = (distinct(&source.unknown, since), distinct(&source.known, since));
    let moment = event.time - Duration::from_secs(config.burst_secs);
    let burst_of = |names: &Sliding<String>| {
        let at = names.iter().filter(|(time, _)| *time >= moment && *time <= event.time);
        at.map(|(_, name)| name).collect::<BTreeSet<_>>().len()
    };
    let (burst, burst_known) = (burst_of(&source.unknown), burst_of(&source.known));
    let (unknown_day, known_day) = (distinct(&source.unknown, Timestamp::MIN), distinct(&source.known, Timestamp::MIN));
    let share = |unknown: usize, known: usize| ratio(unknown, unknown + known);
    verdicts.count(event.time, unknown, config.unknown_names, "unknown names within the short window");
    verdicts.count(event.time, unknown_day, config.unknown_names_day, "unknown names within a day");
    let (names, tried, within) = if unknown >= config.unknown_names && share(unknown, known) >= config.unknown_share {
        (unknown, unknown + known, format!("{} minutes", config.window_secs / 60))
    } else if burst >= config.burst_names && share(burst, burst_known) >= config.unknown_share {
        (burst, burst + burst_known, format!("{} seconds", config.burst_secs))
    } else if unknown_day >= config.unknown_names_day && share(unknown_day, known_day) >= config.unknown_share {
        (unknown_day, unknown_day + known_day, String::from("a day"))
    } else {
        if unknown > 2 {
            verdicts.decline(event.time, key, format!("{unknown} unknown names, threshold {}", config.unknown_names));
        }
        return;
    };
    // Told again when the number doubled, not with every name.
    if names < source.reported.saturating_mul(2) {
        return;
    }
    source.reported = names;
    let host = event.source.as_ref().map_or_else(|| key.to_owned(), hopwatch_model::Host::label);
    let story = format!("{host} tried {tried} account names within {within}; {names} of them do not exist.");
    let text = format!("{names} unknown names within {within}; the threshold is {}", config.unknown_names);
    let mut verdict = Verdict::of(event, key.to_owned(), story, "unknown name");
    verdict.actor = None;
    let found: Vec<&str> = source.known.distinct().into_iter().map(String::as_str).take(20).collect();
    if !found.is_empty() {
        verdict = verdict.against(format!("names that exist: {}", found.join(", ")));
    }
    let records = std::mem::take(&mut source.records);
    verdicts.raise(verdict.because("unknown-names", as_f64(names), 50.0, text).with_evidence(records));
}

fn distinct(window: &Sliding<String>, since: Timestamp) -> usize {
    window.iter().filter(|(time, _)| *time >= since).map(|(_, name)| name).collect::<BTreeSet<_>>().len()
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { as_f64(part) / as_f64(whole) }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, ntlm, run};

    const SLUG: &str = "account-enumeration";

    fn names(count: i64) -> Vec<Event> {
        (0..count).map(|i| as_exchange(i, &format!("nobody{i}"), "10.0.0.9", Outcome::Failure(6))).collect()
    }

    #[test]
    fn ten_unknown_names_in_ten_minutes_fire_once() {
        let found = alerts(SLUG, &names(40));
        assert_eq!(found.len(), 1);
        assert!(found[0].events >= 40, "{}", found[0].events);
    }

    #[test]
    fn nine_unknown_names_stay_silent() {
        assert!(alerts(SLUG, &names(9)).is_empty());
    }

    #[test]
    fn one_name_tried_often_is_no_enumeration() {
        let again: Vec<Event> = (0..40).map(|i| as_exchange(i, "nobody", "10.0.0.9", Outcome::Failure(6))).collect();
        assert!(alerts(SLUG, &again).is_empty());
    }

    #[test]
    fn a_refusal_counts_where_the_directory_does_not_know_the_name() {
        let refused = |name: String, i| ntlm(i, &name, "10.0.0.9", "dc1", Outcome::Failure(0xC000_006D));
        let unknown: Vec<Event> = (0..12).map(|i| refused(format!("nobody{i}"), i)).collect();
        let known: Vec<Event> = (0..12).map(|i| refused(format!("user{i}"), i)).collect();
        assert_eq!(alerts(SLUG, &unknown).len(), 1);
        assert!(alerts(SLUG, &known).is_empty());
    }

    #[test]
    fn machine_accounts_do_not_count() {
        let machines: Vec<Event> =
            (0..40).map(|i| as_exchange(i, &format!("PC{i}$"), "10.0.0.9", Outcome::Failure(6))).collect();
        assert!(alerts(SLUG, &machines).is_empty());
    }

    #[test]
    fn repeated_and_late_records_do_not_add_up() {
        let mut events = names(8);
        events.extend(names(8));
        events.reverse();
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_flood_of_sources_hides_no_other() {
        let mut flood: Vec<Event> = (0..3000)
            .map(|i| as_exchange(i / 100, "x", &format!("10.1.{}.{}", i / 250, i % 250), Outcome::Failure(6)))
            .collect();
        flood.extend((0..12).map(|i| as_exchange(40 + i, &format!("nobody{i}"), "10.0.0.9", Outcome::Failure(6))));
        assert_eq!(run(SLUG, Sensitivity::High, &[], &flood).len(), 1);
    }

    #[test]
    fn five_unknown_names_in_a_moment_fire_and_four_do_not() {
        let burst = |count: usize| -> Vec<Event> {
            (0..count).map(|i| as_exchange(0, &format!("nobody{i}"), "10.0.0.9", Outcome::Failure(6))).collect()
        };
        assert_eq!(alerts(SLUG, &burst(5)).len(), 1);
        assert!(alerts(SLUG, &burst(4)).is_empty());
    }
}
