//! ## What it finds
//! Many accounts deleted in a short time.
//!
//! ## Why it matters
//! Deleting the accounts locks everybody out while the intruder works, or ends an extortion.
//!
//! ## Evidence it needs
//! Events: 4726, 4743, 5141. Wire: LDAP delete. The directory tells how many accounts there are.
//!
//! ## How it decides
//! Per actor within `window_secs`: distinct objects deleted, counted by account records and by directory records apart,
//! since both report one deletion under different names; the greater count is taken. It must reach `least` and
//! `percent` of the accounts that the directory holds (where it is not loaded, `least` alone). Four times as many as the
//! actor's greatest count while learning are needed for those who clean up regularly.
//!
//! ## Blind spots
//! Slow deletion; deletion by several accounts.
//!
//! ## Likely benign causes
//! The end of term in a school; clean-up after a migration.
//!
//! ## What to do
//! Disable the actor, restore the objects from the recycle bin.
//!
//! ## References
//! T1531, T1485; Advanced Threat Analytics 2016; events 4726, 4743, 5141.

use std::time::Duration;

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::event::{AccountChangeKind, ValueOperation};
use hopwatch_model::{Activity, Event, Evidence, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;

/// The most actors watched at a time.
const ACTORS: usize = 5_000;
/// The most deletions of one actor.
const DELETIONS: usize = 2_000;
/// How many times the greatest count while learning is unusual.
const FACTOR: usize = 4;
/// The most records that are shown.
const SHOWN: usize = 20;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// The fewest objects.
    pub least: usize,
    /// The share of all accounts, in percent.
    pub percent: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (least, percent) = match sensitivity {
            Sensitivity::High => (20, 5.0),
            Sensitivity::Medium => (10, 2.0),
            Sensitivity::Low => (5, 0.0),
        };
        Self { window_secs: 3600, least, percent }
    }
}

/// An actor's deletions, by the kind of record, and the greatest count while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Deletions {
    by_account: Sliding<String>,
    by_object: Sliding<String>,
    shown: Vec<Evidence>,
    learned: usize,
    reported: usize,
}

/// Deletions by actor, and how many accounts there are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MassiveDeletion {
    actors: Table<Deletions>,
    /// The count of accounts, and the snapshot from which it is: counting costs a pass over the directory.
    accounts: (Option<Timestamp>, usize),
}

impl Default for MassiveDeletion {
    fn default() -> Self {
        Self { actors: Table::new(ACTORS), accounts: (None, 0) }
    }
}

impl Rule for MassiveDeletion {
    const META: Meta = Meta {
        slug: "massive-deletion",
        title: "Many accounts deleted",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1531", "T1485"],
        external_id: Some(2016),
        actions: &[
            "Disable the account that deletes",
            "Restore the objects from the recycle bin or a backup",
            "Find out what else the account did",
        ],
        source: include_str!("massive_deletion.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some((object, of_account)) = deleted(event) else { return };
        let actor = change::actor(event, context.snapshot);
        let window = Duration::from_secs(config.window_secs);
        let row = self.actors.entry(&actor.key, Deletions::default);
        let list = if of_account { &mut row.by_account } else { &mut row.by_object };
        list.push(event.time, object, window, DELETIONS);
        let count = row.by_account.distinct().len().max(row.by_object.distinct().len());
        row.shown.push(evidence(event, "deleted"));
        if row.shown.len() > SHOWN {
            row.shown.remove(0);
        }
        if context.mode == Mode::Learning {
            row.learned = row.learned.max(count);
            return;
        }
        let usual = row.learned.saturating_mul(FACTOR);
        let (reported, shown) = (row.reported, row.shown.clone());
        if count < config.least.max(usual) || count <= reported {
            row.reported = reported.min(count);
            return;
        }
        let all = self.count(context.snapshot);
        let percent = if all == 0 { 100.0 } else { as_f64(count) * 100.0 / as_f64(all + count) };
        if percent < config.percent {
            verdicts.decline(event.time, actor.key, format!("{count} deletions are {percent:.1} % of all accounts"));
            return;
        }
        if let Some(row) = self.actors.get_mut(&actor.key) {
            row.reported = count;
        }
        let who = change::who(event, context.snapshot);
        let minutes = config.window_secs / 60;
        let story = format!("{who} deleted {count} accounts within {minutes} minutes, {percent:.0} % of all.");
        let text = format!("{count} deletions; the threshold is {} and {} %", config.least.max(usual), config.percent);
        verdicts.raise(
            Verdict::of(event, actor.key, story, "deleted")
                .against(format!("{count} accounts"))
                .because("deletions", as_f64(count), 60.0, text)
                .score(88.0)
                .with_evidence(shown),
        );
    }

    fn entries(&self) -> usize {
        self.actors.len()
    }
}

impl MassiveDeletion {
    fn count(&mut self, snapshot: &Snapshot) -> usize {
        if self.accounts.0.is_none() || self.accounts.0 != snapshot.latest() {
            let own = |id: &hopwatch_graph::NodeId| {
                let flags = snapshot.flags(*id);
                flags.has(NodeFlags::ACCOUNT) && !flags.has(NodeFlags::STUB)
            };
            self.accounts = (snapshot.latest(), snapshot.nodes().filter(own).count());
        }
        self.accounts.1
    }
}

/// What was deleted, and whether an account record says so.
fn deleted(event: &Event) -> Option<(String, bool)> {
    if event.outcome.failed() {
        return None;
    }
    match &event.activity {
        Activity::AccountChange(change) if change.kind == AccountChangeKind::Deleted => {
            Some((change.account.key(), true))
        }
        Activity::DirectoryChange(change) if change.operation == ValueOperation::Remove => {
            let class = change.class.to_lowercase();
            let account = matches!(class.as_str(), "" | "user" | "computer" | "inetorgperson" | "person");
            // DNS records, print queues and the like come and go by themselves.
            let own = change.object.to_uppercase().starts_with("CN=");
            (account && own).then(|| (change.object.to_lowercase(), false))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account_change, alerts, change, run};

    const SLUG: &str = "massive-deletion";

    fn delete(secs: i64, number: i64) -> Event {
        account_change(secs, AccountChangeKind::Deleted, &format!("user{number}"), &[], "ann")
    }

    fn object(secs: i64, number: i64) -> Event {
        let name = format!("CN=User {number},OU=Corp,DC=lab,DC=example");
        change(secs, &name, "", ValueOperation::Remove, &[], "ann")
    }

    fn many(count: i64, apart: i64) -> Vec<Event> {
        (0..count).map(|i| delete(i * apart, i)).collect()
    }

    #[test]
    fn twenty_of_fifty_accounts_fire_and_nineteen_do_not() {
        assert_eq!(alerts(SLUG, &many(20, 10)).len(), 1);
        assert!(alerts(SLUG, &many(19, 10)).is_empty());
    }

    #[test]
    fn the_two_records_of_a_deletion_count_once() {
        let twice: Vec<Event> = (0..19).flat_map(|i| [delete(i * 10, i), object(i * 10, i)]).collect();
        assert!(alerts(SLUG, &twice).is_empty());
    }

    #[test]
    fn twenty_over_a_day_and_dns_records_stay_silent() {
        assert!(alerts(SLUG, &many(20, 3600)).is_empty());
        let records: Vec<Event> = (0..50)
            .map(|i| {
                change(i, &format!("DC=ws{i},DC=lab.example,CN=MicrosoftDNS"), "", ValueOperation::Remove, &[], "ann")
            })
            .collect();
        assert!(alerts(SLUG, &records).is_empty());
    }

    #[test]
    fn whoever_cleans_up_regularly_needs_four_times_as_many() {
        let history: Vec<Event> = (0..10).map(|i| delete(i - 90_000, 100 + i)).collect();
        assert!(run(SLUG, Sensitivity::High, &history, &many(39, 1)).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &history, &many(40, 1)).len(), 1);
    }
}
