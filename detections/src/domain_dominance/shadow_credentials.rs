//! ## What it finds
//! A key written to another account's `msDS-KeyCredentialLink` (shadow credentials).
//!
//! ## Why it matters
//! Whoever holds the key logs on as that account by PKINIT, whatever its password, until the value is removed.
//!
//! ## Evidence it needs
//! Events: 5136; audit policy *Directory Service Changes* and an auditing entry. Wire: LDAP modify in clear. Samba:
//! `dsdbChange`.
//!
//! ## How it decides
//! A value is added by an actor who is not the object itself (computers enrol for themselves) and is not in `writers`
//! (`MSOL_`, `ADSyncMSA`: Entra Connect; AD FS), and wrote none while learning. Refused writes count; removing a value
//! stays silent.
//!
//! ## Blind spots
//! Sealed LDAP on the wire; a write by the stolen account itself.
//!
//! ## Likely benign causes
//! Windows Hello for Business by way of Entra Connect or a registration authority.
//!
//! ## What to do
//! Remove the value; reset the account; take the right to write it away from the actor.
//!
//! ## References
//! T1556, T1098; Defender for Identity 2431; `[MS-ADA2] 2.349`; `[MS-KPP]`.

use hopwatch_model::event::ValueOperation;
use hopwatch_model::{Account, Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Accounts that write keys by right: beginnings of names, case does not matter.
    pub writers: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::Low => Self { writers: Vec::new() },
            Sensitivity::High | Sensitivity::Medium => Self { writers: vec!["MSOL_".into(), "ADSyncMSA".into()] },
        }
    }
}

/// Actors that wrote keys while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ShadowCredentials {
    usual: Usual,
}

impl Rule for ShadowCredentials {
    const META: Meta = Meta {
        slug: "shadow-credentials",
        title: "A key added to another account (shadow credentials)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1556", "T1098"],
        external_id: Some(2431),
        actions: &[
            "Remove the value from msDS-KeyCredentialLink",
            "Reset the account and end its sessions",
            "Take the right to write the attribute away from the actor",
        ],
        source: include_str!("shadow_credentials.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DirectoryChange(change) = &event.activity else { return };
        let adds = matches!(change.operation, ValueOperation::Add | ValueOperation::Replace);
        if !change.attribute.eq_ignore_ascii_case("msDS-KeyCredentialLink") || !adds || change.values.is_empty() {
            return;
        }
        let object = Account::named(&change.object);
        let actor = event.actor.clone().unwrap_or_default();
        let name = words::account(&actor, context.snapshot);
        if directory::same(context.snapshot, &actor, &object) {
            verdicts.decline(event.time, name, "the object wrote its own key");
            return;
        }
        let starts = |writer: &String| name.get(..writer.len()).is_some_and(|start| start.eq_ignore_ascii_case(writer));
        if config.writers.iter().any(starts) || self.usual.met(&actor.key(), context.mode) {
            verdicts.decline(event.time, name, "the actor writes keys by right or habit");
            return;
        }
        let whose = directory::account(context.snapshot, &object)
            .map_or_else(|| change.object.clone(), |node| directory::label(context.snapshot, node));
        let who = words::who(event, context.snapshot);
        let story = format!(
            "{who} added a key to {whose}, with which anyone who holds it logs on as {whose}{}.",
            words::answer(event)
        );
        let key = format!("{}|{}", actor.key(), change.object.to_lowercase());
        let key = if actor.name.is_empty() {
            format!("{}|{}", name.to_lowercase(), change.object.to_lowercase())
        } else {
            key
        };
        let text = "msDS-KeyCredentialLink was written by another account".into();
        let verdict = Verdict::of(event, key, story, "key added").against(whose).because("key", 1.0, 80.0, text);
        verdicts.raise(verdict.score(if event.outcome.failed() { 80.0 } else { 95.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::DirectoryChange;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "shadow-credentials";

    fn write(secs: i64, actor: &str, operation: ValueOperation, object: &str) -> Event {
        let change = DirectoryChange {
            object: object.into(),
            guid: None,
            class: String::new(),
            operation,
            attribute: "msDS-KeyCredentialLink".into(),
            values: vec!["B:8:00020000".into()],
            old_values: vec![],
            new_object: None,
        };
        by(event(secs, Activity::DirectoryChange(Box::new(change))), actor, "ws1", Outcome::Success)
    }

    const OBJECT: &str = "CN=SRV1,CN=Computers,DC=lab,DC=example";

    #[test]
    fn a_key_added_by_another_fires() {
        assert_eq!(alerts(SLUG, &[write(0, "ann", ValueOperation::Add, OBJECT)]).len(), 1);
    }

    #[test]
    fn removal_entra_connect_and_habit_stay_silent() {
        assert!(alerts(SLUG, &[write(0, "ann", ValueOperation::Delete, OBJECT)]).is_empty());
        assert!(alerts(SLUG, &[write(0, "MSOL_0123abc", ValueOperation::Add, OBJECT)]).is_empty());
        let history = [write(-9000, "ann", ValueOperation::Add, OBJECT)];
        assert!(run(SLUG, Sensitivity::High, &history, &[write(0, "ann", ValueOperation::Add, OBJECT)]).is_empty());
    }

    #[test]
    fn the_own_key_stays_silent() {
        assert!(alerts(SLUG, &[write(0, OBJECT, ValueOperation::Add, OBJECT)]).is_empty());
    }
}
