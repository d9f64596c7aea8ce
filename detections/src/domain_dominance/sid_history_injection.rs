//! ## What it finds
//! A SID added to an account's `sIDHistory`.
//!
//! ## Why it matters
//! The token holds those SIDs like groups: with the SID of an administrators' group in its history, any account is an
//! administrator, and no group shows it.
//!
//! ## Evidence it needs
//! Events: 4765 (audit policy *User Account Management*), 4738 with `SidHistory`, 5136 on `sIDHistory`. Wire: LDAP modify.
//!
//! ## How it decides
//! A SID of the account's own domain, or one with a RID below 1000 (built in: Administrator 500, Domain Admins 512 …) of any
//! domain, or a `S-1-5-32` SID, fires at high severity: no migration makes these. A foreign ordinary SID is what migration
//! tools write: medium, unless the same actor did so `usual_times` while learning.
//!
//! ## Blind spots
//! A history written into the database offline, or by DCShadow (see there).
//!
//! ## Likely benign causes
//! Account migration between domains.
//!
//! ## What to do
//! Clear the attribute, disable the account, find out by which right it was written.
//!
//! ## References
//! T1134.005; Defender for Identity 1106; `[MS-ADA3] 2.225` `sIDHistory`; `[MS-DTYP] 2.4.2.4`.

use hopwatch_graph::Snapshot;
use hopwatch_model::{Event, Severity, Sid};
use serde::{Deserialize, Serialize};

use crate::change::{self, Object};
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// Migrations seen while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SidHistoryInjection {
    habits: Habits,
}

impl Rule for SidHistoryInjection {
    const META: Meta = Meta {
        slug: "sid-history-injection",
        title: "SID added to an account's sIDHistory",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1134.005"],
        external_id: Some(1106),
        actions: &[
            "Clear sIDHistory of the account and disable it",
            "Find out by which right or tool it was written",
            "Turn on SID filtering on trusts where no migration runs",
        ],
        source: include_str!("sid_history_injection.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        for written in change::written(event, context.snapshot, &["sIDHistory"]) {
            for sid in written.values.iter().filter_map(|value| sid(value)) {
                let why = forged(&sid, &written.object, context.snapshot);
                let actor = change::actor(event, context.snapshot).key;
                // What no migration makes is never a habit.
                if why.is_none() && self.habits.usual(config, &actor, event, context.mode, verdicts) {
                    continue;
                }
                verdicts.raise(verdict(event, &written.object, &sid, why, context.snapshot));
            }
        }
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn sid(value: &str) -> Option<Sid> {
    value.trim_matches(['%', '{', '}', ';', ',']).parse().ok()
}

/// Why no migration made it.
fn forged(sid: &Sid, object: &Object, snapshot: &Snapshot) -> Option<String> {
    let own = object.node.and_then(|node| snapshot.node(node)).and_then(|node| node.id.parse::<Sid>().ok());
    match sid.domain() {
        None => Some(format!("{sid} is no SID of an account in a domain")),
        Some(domain) if own.and_then(|own| own.domain()).as_ref() == Some(&domain) => {
            Some(format!("{sid} is of the account's own domain"))
        }
        Some(_) => sid.rid().filter(|rid| *rid < 1000).map(|rid| format!("RID {rid} is a built-in account or group")),
    }
}

fn verdict(event: &Event, object: &Object, sid: &Sid, why: Option<String>, snapshot: &Snapshot) -> Verdict {
    let who = change::who(event, snapshot);
    let node = snapshot.find(&sid.to_string());
    let name = node.map_or_else(|| sid.to_string(), |node| crate::directory::label(snapshot, node));
    let story = format!("{who} added {name} to the SID history of {}.", object.label);
    let (severity, score) = if why.is_some() { (Severity::High, 95.0) } else { (Severity::Medium, 65.0) };
    let text = why.unwrap_or_else(|| "the actor wrote no SID history while learning".into());
    Verdict::of(event, format!("{}|{sid}", object.key), story, "sIDHistory added")
        .against(format!("{} ← {name}", object.label))
        .because("sid-history", 1.0, 60.0, text)
        .severity(severity)
        .score(score)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{AccountChangeKind, ValueOperation};

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{DOMAIN, account_change, alerts, change, run};

    const SLUG: &str = "sid-history-injection";

    fn add(secs: i64, sid: &str) -> Event {
        change(secs, "CN=ann,CN=Users,DC=lab,DC=example", "sIDHistory", ValueOperation::Add, &[sid], "bob")
    }

    #[test]
    fn the_own_domains_admins_fire_high() {
        let found = alerts(SLUG, &[add(0, &format!("{DOMAIN}-512"))]);
        assert_eq!(found[0].severity, Severity::High);
        assert!(found[0].explanation.contains("Domain Admins"), "{}", found[0].explanation);
    }

    #[test]
    fn rid_999_of_a_foreign_domain_is_built_in_and_1000_is_not() {
        assert_eq!(alerts(SLUG, &[add(0, "S-1-5-21-9-9-9-999")])[0].severity, Severity::High);
        assert_eq!(alerts(SLUG, &[add(0, "S-1-5-21-9-9-9-1000")])[0].severity, Severity::Medium);
    }

    #[test]
    fn a_migration_that_ran_while_learning_stays_silent_but_for_admins() {
        let history = [add(-9000, "S-1-5-21-9-9-9-1104")];
        assert!(run(SLUG, Sensitivity::High, &history, &[add(0, "S-1-5-21-9-9-9-1105")]).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[add(0, "S-1-5-21-9-9-9-519")]).len(), 1);
    }

    #[test]
    fn the_record_and_the_write_are_one_alert() {
        let sid = format!("{DOMAIN}-519");
        let record = account_change(1, AccountChangeKind::SidHistoryAdded, "ann", &[("sIDHistory", &sid)], "bob");
        assert_eq!(alerts(SLUG, &[add(0, &sid), record]).len(), 1);
    }
}
