//! ## What it finds
//! A delegated managed service account that is made the successor of another account (BadSuccessor).
//!
//! ## Why it matters
//! A successor gets the keys and the rights of the account that it replaces. Whoever may create one object in any
//! organizational unit could so become any account of the domain.
//!
//! ## Evidence it needs
//! Events: 5136 on `msDS-ManagedAccountPrecededByLink`, 5137 for objects of class
//! `msDS-DelegatedManagedServiceAccount`. Wire: LDAP add and modify, where they are not sealed.
//!
//! ## How it decides
//! The link is written: high where the account that it names is of Tier Zero, or where the actor is outside Tier Zero; an
//! administrator's migration of an ordinary service account stays silent. The creation of such an object alone fires at
//! medium severity where the actor is a known account outside Tier Zero and did not create any `usual_times` while learning.
//!
//! ## Blind spots
//! Sealed connections without events.
//!
//! ## Likely benign causes
//! A delegated service team that migrates its own accounts.
//!
//! ## What to do
//! Delete the managed account, reset the password of the account that it named, and restrict who may create children of
//! the organizational unit.
//!
//! ## References
//! T1555, T1098; Defender for Identity (SuspiciousDmsaAction); `[MS-ADA2]` `msDS-ManagedAccountPrecededByLink`;
//! CVE-2025-53779.

use hopwatch_model::event::ValueOperation;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Standing};
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// The class of delegated managed service accounts.
const CLASS: &str = "msDS-DelegatedManagedServiceAccount";
/// The link from the successor to the account that it replaces.
const LINK: &str = "msDS-ManagedAccountPrecededByLink";

/// Who creates such accounts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DmsaAbuse {
    habits: Habits,
}

impl Rule for DmsaAbuse {
    const META: Meta = Meta {
        slug: "dmsa-abuse",
        title: "Managed account made the successor of another (BadSuccessor)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1555", "T1098"],
        external_id: None,
        actions: &[
            "Delete the delegated managed service account",
            "Reset the password of the account that it was to succeed",
            "Restrict who may create children of the organizational unit",
        ],
        source: include_str!("dmsa_abuse.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        on_link(event, context, verdicts);
        self.on_creation(config, event, context, verdicts);
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn on_link(event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    for written in change::written(event, context.snapshot, &[LINK]) {
        for value in &written.values {
            let preceded = change::object(context.snapshot, value, None);
            let privileged = change::privileged(context.snapshot, preceded.node);
            if !privileged && change::standing(event, context.snapshot) == Standing::Administrator {
                verdicts.decline(event.time, preceded.key, "an administrator migrates an ordinary account");
                continue;
            }
            let who = change::who(event, context.snapshot);
            let story = format!("{who} made {} the successor of {}.", written.object.label, preceded.label);
            let text = if privileged { "the account is of Tier Zero" } else { "the actor is not of Tier Zero" };
            verdicts.raise(
                Verdict::of(event, written.object.key.clone(), story, "successor link written")
                    .against(preceded.label)
                    .because("successor", 1.0, 60.0, text.into())
                    .severity(Severity::High)
                    .score(if privileged { 97.0 } else { 85.0 }),
            );
        }
    }
}

impl DmsaAbuse {
    fn on_creation(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DirectoryChange(created) = &event.activity else { return };
        let made = created.operation == ValueOperation::Create && created.class.eq_ignore_ascii_case(CLASS);
        if !made || event.outcome.failed() {
            return;
        }
        if change::standing(event, context.snapshot) != Standing::Ordinary {
            verdicts.decline(event.time, created.object.clone(), "created by an administrator or by someone unknown");
            return;
        }
        let actor = change::actor(event, context.snapshot).key;
        if self.habits.usual(config, &actor, event, context.mode, verdicts) {
            return;
        }
        let object = change::object(context.snapshot, &created.object, created.guid);
        let who = change::who(event, context.snapshot);
        let story = format!("{who}, who is no administrator, created the managed account {}.", object.label);
        verdicts.raise(
            Verdict::of(event, object.key.clone(), story, "delegated managed account created")
                .against(object.label)
                .because("creation", 1.0, 40.0, "the actor created none while learning".into())
                .severity(Severity::Medium)
                .score(65.0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, change, run};

    const SLUG: &str = "dmsa-abuse";
    const SUCCESSOR: &str = "CN=evil,OU=Corp,DC=lab,DC=example";

    fn link(secs: i64, to: &str, actor: &str) -> Event {
        let to = format!("CN={to},CN=Users,DC=lab,DC=example");
        change(secs, SUCCESSOR, LINK, ValueOperation::Add, &[&to], actor)
    }

    fn create(secs: i64, actor: &str) -> Event {
        let mut event = change(secs, SUCCESSOR, "", ValueOperation::Create, &[], actor);
        if let Activity::DirectoryChange(change) = &mut event.activity {
            change.class = CLASS.to_uppercase();
        }
        event
    }

    #[test]
    fn creation_and_link_by_an_ordinary_account_are_one_high_alert() {
        let found = alerts(SLUG, &[create(0, "ann"), link(2, "admin", "ann")]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
        assert!(found[0].explanation.contains("successor of admin"), "{}", found[0].explanation);
    }

    #[test]
    fn an_administrator_succeeding_an_administrator_fires() {
        assert_eq!(alerts(SLUG, &[link(0, "admin", "admin")]).len(), 1);
    }

    #[test]
    fn a_migration_by_an_administrator_stays_silent() {
        assert!(alerts(SLUG, &[create(0, "admin"), link(2, "svc_sql", "admin")]).is_empty());
    }

    #[test]
    fn a_team_that_creates_them_usually_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &[create(-9000, "ann")], &[create(0, "ann")]).is_empty());
    }
}
