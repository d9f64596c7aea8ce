//! ## What it finds
//! A service principal name added to a user account, so that a ticket sealed with its password can be asked for (targeted
//! Kerberoasting).
//!
//! ## Why it matters
//! Whoever may write an account's `servicePrincipalName` gets, one request later, something to crack offline; then the
//! name is removed again.
//!
//! ## Evidence it needs
//! Events: 4738 with service principal names, 5136 on `servicePrincipalName`. Wire: LDAP modify. The directory tells
//! users from computers and managed accounts.
//!
//! ## How it decides
//! A name is added to a user account that was not created within ten minutes. High where the account is of Tier Zero or
//! sensitive; medium where the actor is a known account outside Tier Zero; an administrator who gives an ordinary service
//! account its name is administration. An actor who did so `usual_times` while learning stays silent.
//!
//! ## Blind spots
//! Accounts that the directory does not know and whose class the source does not tell.
//!
//! ## Likely benign causes
//! Delegated service administration (exclude the actor); database installers that register their own name.
//!
//! ## What to do
//! Remove the name, change the account's password, look for tickets that were asked for it.
//!
//! ## References
//! T1558.003, T1098; Defender for Identity (SuspiciousAdditionOfSpnToUser); `[MS-ADTS] 3.1.1.5.3.1.1.4`.

use hopwatch_model::{Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Newborn, Standing, Written};
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// Actors who name services, and accounts just made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SpnAddedToUser {
    habits: Habits,
    newborn: Newborn,
}

impl Rule for SpnAddedToUser {
    const META: Meta = Meta {
        slug: "spn-added-to-user",
        title: "Service principal name added to a user account",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1558.003", "T1098"],
        external_id: None,
        actions: &[
            "Remove the service principal name from the account",
            "Change the account's password",
            "Look for service tickets that were asked for the name",
        ],
        source: include_str!("spn_added_to_user.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.newborn.see(event);
        for written in change::written(event, context.snapshot, &["servicePrincipalName"]) {
            if written.values.is_empty() || !written.user(context.snapshot) {
                continue;
            }
            if self.newborn.holds(event) {
                verdicts.decline(event.time, written.object.key, "the account was just created");
                continue;
            }
            let privileged = change::privileged(context.snapshot, written.object.node);
            if !privileged && change::standing(event, context.snapshot) == Standing::Administrator {
                verdicts.decline(
                    event.time,
                    written.object.key,
                    "an administrator named an ordinary account's service",
                );
                continue;
            }
            let actor = change::actor(event, context.snapshot).key;
            if !self.habits.usual(config, &actor, event, context.mode, verdicts) {
                verdicts.raise(verdict(event, &written, privileged, context));
            }
        }
    }

    fn entries(&self) -> usize {
        self.habits.entries() + self.newborn.entries()
    }
}

fn verdict(event: &Event, written: &Written<'_>, privileged: bool, context: &Context<'_>) -> Verdict {
    let who = change::who(event, context.snapshot);
    let names = written.values.join(", ");
    let story = format!("{who} gave {} the service principal name {names}.", written.object.label);
    let (severity, score) = if privileged { (Severity::High, 90.0) } else { (Severity::Medium, 75.0) };
    let text = if privileged { "the account is of Tier Zero" } else { "the actor does not administer services" };
    Verdict::of(event, written.object.key.clone(), story, "servicePrincipalName added")
        .against(written.object.label.clone())
        .because("targeted-roasting", 1.0, 50.0, text.into())
        .severity(severity)
        .score(score)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{AccountChangeKind, ValueOperation};

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{account_change, alerts, change, run};

    const SLUG: &str = "spn-added-to-user";

    fn add(secs: i64, object: &str, actor: &str) -> Event {
        let object = format!("CN={object},CN=Users,DC=lab,DC=example");
        change(secs, &object, "servicePrincipalName", ValueOperation::Add, &["http/roast"], actor)
    }

    #[test]
    fn a_name_on_an_administrator_fires_high_and_both_views_are_one() {
        let record =
            account_change(1, AccountChangeKind::Changed, "admin", &[("servicePrincipalName", "http/roast")], "ann");
        let found = alerts(SLUG, &[add(0, "admin", "ann"), record]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
    }

    #[test]
    fn a_name_by_an_ordinary_account_on_another_fires_medium() {
        assert_eq!(alerts(SLUG, &[add(0, "bob", "ann")])[0].severity, Severity::Medium);
    }

    #[test]
    fn an_administrator_naming_a_service_account_and_a_computer_stay_silent() {
        assert!(alerts(SLUG, &[add(0, "svc_sql", "admin"), add(1, "SRV1", "ann")]).is_empty());
    }

    #[test]
    fn a_new_account_gets_its_names_at_birth() {
        let dn = "CN=bob,CN=Users,DC=lab,DC=example";
        let born = change(-599, dn, "", ValueOperation::Create, &[], "ann");
        assert!(alerts(SLUG, &[born.clone(), add(0, "bob", "ann")]).is_empty());
        assert_eq!(alerts(SLUG, &[born, add(9, "bob", "ann")]).len(), 1);
    }

    #[test]
    fn the_usual_actor_stays_silent() {
        let history = [add(-90_000, "bob", "ann")];
        assert!(run(SLUG, Sensitivity::High, &history, &[add(0, "user1", "ann")]).is_empty());
    }
}
