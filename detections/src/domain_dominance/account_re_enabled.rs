//! ## What it finds
//! An account that was disabled and is enabled again, where that matters: shortly after it was disabled by another, a
//! privileged account, or Guest or krbtgt.
//!
//! ## Why it matters
//! Containment disables the intruder's account. Whoever enables it again undoes it; a forgotten disabled administrator is
//! a way in that nobody watches.
//!
//! ## Evidence it needs
//! Events: 4722, 4725 (audit policy *User Account Management*), 4738 and 5136 with `userAccountControl`. Wire: LDAP modify.
//!
//! ## How it decides
//! An account is enabled that was not created within ten minutes, and: it was disabled within `contained_secs` by another
//! actor (high); or it is of Tier Zero or sensitive and the actor is outside Tier Zero (high) or any other (medium); or it
//! is Guest (501) or krbtgt (502) (high). Any other re-enabled account is the help desk's daily work.
//!
//! ## Blind spots
//! The flag written as a whole where nothing tells that the account was disabled before.
//!
//! ## Likely benign causes
//! An account disabled by mistake and enabled by a colleague.
//!
//! ## What to do
//! Disable the account again, ask both actors, look at what the account did since.
//!
//! ## References
//! T1098; Defender for Identity (SuspiciousAccountEnabled); `[MS-ADTS] 2.2.16` ACCOUNTDISABLE.

use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::AccountChangeKind;
use hopwatch_model::{Activity, Event, Evidence, Severity, Sid};
use serde::{Deserialize, Serialize};

use crate::change::{self, Newborn, Object, Standing};
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};

/// The most disabled accounts remembered.
const ACCOUNTS: usize = 20_000;
/// ACCOUNTDISABLE (`[MS-ADTS] 2.2.16`).
const DISABLED: u32 = 0x2;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long after it was disabled by another an account counts as contained, in seconds.
    pub contained_secs: u64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let days = match sensitivity {
            Sensitivity::High => 3,
            Sensitivity::Medium => 14,
            Sensitivity::Low => 90,
        };
        Self { contained_secs: days * 86_400 }
    }
}

/// Who disabled which account, and accounts just made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountReEnabled {
    disabled: Table<(String, Evidence)>,
    newborn: Newborn,
}

impl Default for AccountReEnabled {
    fn default() -> Self {
        Self { disabled: Table::new(ACCOUNTS), newborn: Newborn::default() }
    }
}

impl Rule for AccountReEnabled {
    const META: Meta = Meta {
        slug: "account-re-enabled",
        title: "Disabled account enabled again",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098"],
        external_id: None,
        actions: &[
            "Disable the account again until its purpose is known",
            "Ask who disabled it and who enabled it",
            "Look at what the account did since it was enabled",
        ],
        source: include_str!("account_re_enabled.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.newborn.see(event);
        let Some((object, enabled)) = switched(event, context) else { return };
        if !enabled {
            let actor = change::actor(event, context.snapshot).key;
            let row = (actor, evidence(event, "the account was disabled"));
            self.disabled.entry(&object.key, || row.clone()).clone_from(&row);
            return;
        }
        let before = self.disabled.remove(&object.key);
        if context.mode == Mode::Learning || self.newborn.holds(event) {
            return;
        }
        let Some((why, severity)) = reason(config, &object, before.as_ref(), event, context) else {
            verdicts.decline(event.time, object.key, "an ordinary account, not contained lately");
            return;
        };
        let who = change::who(event, context.snapshot);
        let story = format!("{who} enabled {} again: {why}.", object.label);
        verdicts.raise(
            Verdict::of(event, object.key, story, "the account was enabled")
                .against(object.label)
                .because("re-enabled", 1.0, 50.0, why)
                .severity(severity)
                .score(if severity == Severity::High { 85.0 } else { 65.0 })
                .with_evidence(before.map(|(_, seen)| seen)),
        );
    }

    fn entries(&self) -> usize {
        self.disabled.len() + self.newborn.entries()
    }
}

/// The account that an event enables or disables.
fn switched(event: &Event, context: &Context<'_>) -> Option<(Object, bool)> {
    if let Activity::AccountChange(change) = &event.activity
        && !event.outcome.failed()
        && let AccountChangeKind::Enabled | AccountChangeKind::Disabled = change.kind
    {
        let object = change::of_account(context.snapshot, &change.account);
        return Some((object, change.kind == AccountChangeKind::Enabled));
    }
    let written = change::written(event, context.snapshot, &["userAccountControl"]).into_iter().next()?;
    let bits = written.values.last()?.parse::<u32>().ok()?;
    Some((written.object, bits & DISABLED == 0))
}

/// Why enabling the account matters.
fn reason(
    config: &Config,
    object: &Object,
    before: Option<&(String, Evidence)>,
    event: &Event,
    context: &Context<'_>,
) -> Option<(String, Severity)> {
    let record = object.node.and_then(|node| context.snapshot.node(node));
    let told = matches!(&event.activity, Activity::AccountChange(change) if change.kind == AccountChangeKind::Enabled);
    // A written flag shows what it is, not what it was: the account must be known as disabled.
    if !told && before.is_none() && record.and_then(|node| node.flag("enabled")) != Some(false) {
        return None;
    }
    let actor = change::actor(event, context.snapshot).key;
    let contained = before
        .filter(|(by, seen)| *by != actor && event.time.since(seen.time) <= Duration::from_secs(config.contained_secs));
    if let Some((_, seen)) = contained {
        let hours = event.time.since(seen.time).as_secs() / 3600;
        return Some((format!("another had disabled it {hours} hours before"), Severity::High));
    }
    let rid = record.and_then(|node| node.id.parse::<Sid>().ok()).and_then(|sid| sid.rid());
    if matches!(rid, Some(501 | 502)) {
        return Some(("it is a built-in account that stays disabled".into(), Severity::High));
    }
    if change::privileged(context.snapshot, object.node) {
        let ordinary = change::standing(event, context.snapshot) == Standing::Ordinary;
        let severity = if ordinary { Severity::High } else { Severity::Medium };
        return Some(("it is an account of Tier Zero".into(), severity));
    }
    None
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::ValueOperation;

    use super::*;
    use crate::testing::{account_change, alerts, change};

    const SLUG: &str = "account-re-enabled";
    const DAY: i64 = 86_400;

    fn switch(secs: i64, kind: AccountChangeKind, account: &str, actor: &str) -> Event {
        account_change(secs, kind, account, &[], actor)
    }

    #[test]
    fn a_contained_account_enabled_by_another_fires_within_three_days() {
        let disabled = switch(0, AccountChangeKind::Disabled, "ann", "admin");
        let enabled = |secs| switch(secs, AccountChangeKind::Enabled, "ann", "bob");
        assert_eq!(alerts(SLUG, &[disabled.clone(), enabled(3 * DAY)])[0].severity, Severity::High);
        assert!(alerts(SLUG, &[disabled, enabled(3 * DAY + 1)]).is_empty());
    }

    #[test]
    fn the_one_who_disabled_it_may_enable_it() {
        let events = [
            switch(0, AccountChangeKind::Disabled, "ann", "admin"),
            switch(60, AccountChangeKind::Enabled, "ann", "admin"),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_administrator_enabled_by_an_ordinary_account_fires_and_a_returning_user_does_not() {
        assert_eq!(alerts(SLUG, &[switch(0, AccountChangeKind::Enabled, "admin", "bob")])[0].severity, Severity::High);
        assert!(alerts(SLUG, &[switch(0, AccountChangeKind::Enabled, "user1", "bob")]).is_empty());
    }

    #[test]
    fn a_new_account_is_enabled_at_birth() {
        let dn = "CN=new,CN=Users,DC=lab,DC=example";
        let events = [
            change(0, dn, "", ValueOperation::Create, &[], "bob"),
            change(1, dn, "userAccountControl", ValueOperation::Add, &["514"], "bob"),
            change(2, dn, "userAccountControl", ValueOperation::Replace, &["512"], "admin"),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn the_record_and_the_write_of_one_enabling_are_one_alert() {
        let events = [
            switch(0, AccountChangeKind::Disabled, "ann", "admin"),
            switch(60, AccountChangeKind::Enabled, "ann", "bob"),
            change(60, "CN=ann,CN=Users,DC=lab", "userAccountControl", ValueOperation::Replace, &["512"], "bob"),
        ];
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }
}
