//! ## What it finds
//! A user account made to look like a computer's, so that the time service signs with its password (targeted timeroasting).
//!
//! ## Why it matters
//! A controller signs time replies with the key of whichever computer account a request names, without authentication. An
//! account of a person that is turned into a trust account for a moment so gives its hash away to be cracked offline.
//!
//! ## Evidence it needs
//! Events: 4738 with the new `userAccountControl`, 4781, 5136 on `userAccountControl` or `sAMAccountName`. Wire: LDAP modify.
//! The directory tells users from computers.
//!
//! ## How it decides
//! A user account that the directory knows gets WORKSTATION_TRUST_ACCOUNT (0x1000) or SERVER_TRUST_ACCOUNT (0x2000) in
//! `userAccountControl`, or a `sAMAccountName` that ends in `$`. Both within an hour make it surer (95 instead of 80).
//!
//! ## Blind spots
//! Mass timeroasting of real computer accounts is seen only in NTP traffic, which no source reports yet.
//!
//! ## Likely benign causes
//! Managed service accounts that a directory source does not mark as such.
//!
//! ## What to do
//! Set the account's flags and name back, change its password, look at who may write them.
//!
//! ## References
//! T1110.002, T1098; Defender for Identity (SuspiciousChangeOfSamName); `[MS-SNTP] 3.2.5.1`; `[MS-ADTS] 2.2.16`.

use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::AccountChangeKind;
use hopwatch_model::{Activity, Event, Evidence, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Newborn, Object};
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};

/// The most accounts watched at a time.
const ACCOUNTS: usize = 5_000;
/// WORKSTATION_TRUST_ACCOUNT and SERVER_TRUST_ACCOUNT (`[MS-ADTS] 2.2.16`).
const TRUST_ACCOUNT: u32 = 0x1000 | 0x2000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long one sign makes another surer, in seconds.
    pub window_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { window_secs: 3600 }
    }
}

/// Signs by account, and accounts just made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timeroasting {
    signs: Table<(String, Evidence)>,
    newborn: Newborn,
}

impl Default for Timeroasting {
    fn default() -> Self {
        Self { signs: Table::new(ACCOUNTS), newborn: Newborn::default() }
    }
}

impl Rule for Timeroasting {
    const META: Meta = Meta {
        slug: "timeroasting",
        title: "User account disguised as a computer (targeted timeroasting)",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1110.002", "T1098"],
        external_id: None,
        actions: &[
            "Set the account's flags and name back",
            "Change the account's password to a long one",
            "Remove the right by which the actor could write them",
        ],
        source: include_str!("timeroasting.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.newborn.see(event);
        let Some((object, sign)) = sign(event, context) else { return };
        if self.newborn.holds(event) {
            verdicts.decline(event.time, object.key, "the account was just created");
            return;
        }
        let window = Duration::from_secs(config.window_secs);
        let before = self.signs.get(&object.key).filter(|(other, seen)| {
            *other != sign && event.time.since(seen.time) <= window && seen.time.since(event.time) <= window
        });
        let earlier = before.map(|(_, seen)| seen.clone());
        self.signs.entry(&object.key, || (sign.clone(), evidence(event, &sign)));
        let who = change::who(event, context.snapshot);
        let story = format!("{who} disguised the user {} as a computer: {sign}.", object.label);
        let score = if earlier.is_some() { 95.0 } else { 80.0 };
        verdicts.raise(
            Verdict::of(event, object.key, story, &sign)
                .against(object.label)
                .because("disguise", 1.0, 50.0, "the directory holds the account as a person's or service's".into())
                .score(score)
                .with_evidence(earlier),
        );
    }

    fn entries(&self) -> usize {
        self.signs.len() + self.newborn.entries()
    }
}

/// The known user account whose disguise an event shows, and what shows it.
fn sign(event: &Event, context: &Context<'_>) -> Option<(Object, String)> {
    let known = |object: &Object| {
        let Some(node) = object.node else { return false };
        let managed = |name| context.snapshot.node(node).and_then(|node| node.flag(name)).unwrap_or(false);
        context.snapshot.kind(node) == NodeKind::User && !managed("gmsa") && !managed("msa")
    };
    if let Activity::AccountChange(renamed) = &event.activity
        && renamed.kind == AccountChangeKind::Renamed
        && renamed.new_name.as_ref().is_some_and(|name| name.ends_with('$'))
        && !renamed.account.machine()
        && !event.outcome.failed()
    {
        let object = change::of_account(context.snapshot, &renamed.account);
        return known(&object).then(|| (object, "its name ends in $ now".to_owned()));
    }
    let all = change::written(event, context.snapshot, &["userAccountControl", "sAMAccountName"]);
    all.into_iter().filter(|written| known(&written.object)).find_map(|written| {
        let value = written.values.last()?;
        let sign = if written.attribute.eq_ignore_ascii_case("sAMAccountName") {
            value.ends_with('$').then(|| "its name ends in $ now".to_owned())
        } else {
            let bits = value.parse::<u32>().ok()?;
            (bits & TRUST_ACCOUNT != 0).then(|| format!("its userAccountControl is {bits:#x} now"))
        };
        Some((written.object, sign?))
    })
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::ValueOperation;

    use super::*;
    use crate::testing::{alerts, change};

    const SLUG: &str = "timeroasting";

    fn set(secs: i64, object: &str, attribute: &str, value: &str) -> Event {
        let object = format!("CN={object},CN=Users,DC=lab,DC=example");
        change(secs, &object, attribute, ValueOperation::Replace, &[value], "ann")
    }

    #[test]
    fn a_user_turned_into_a_trust_account_fires_and_the_new_name_makes_it_sure() {
        let one = alerts(SLUG, &[set(0, "bob", "userAccountControl", "4096")]);
        assert!((one[0].score - 80.0).abs() < f64::EPSILON);
        let both =
            alerts(SLUG, &[set(0, "bob", "userAccountControl", "4096"), set(3600, "bob", "sAMAccountName", "bob$")]);
        assert_eq!((both.len(), both[0].events), (1, 2));
        assert!(both[0].score > 90.0);
    }

    #[test]
    fn an_hour_and_a_second_apart_they_do_not_add_up() {
        let both =
            alerts(SLUG, &[set(0, "bob", "userAccountControl", "4096"), set(3601, "bob", "sAMAccountName", "bob$")]);
        assert!(both[0].score < 90.0);
    }

    #[test]
    fn computers_and_ordinary_flags_stay_silent() {
        let events = [
            set(0, "WS1", "userAccountControl", "4096"),
            set(1, "WS1", "sAMAccountName", "ws9$"),
            set(2, "bob", "userAccountControl", "66048"),
            set(3, "bob", "sAMAccountName", "robert"),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_account_that_the_directory_does_not_know_stays_silent() {
        assert!(alerts(SLUG, &[set(0, "stranger", "userAccountControl", "4096")]).is_empty());
    }
}
