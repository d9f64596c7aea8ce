//! ## What it finds
//! A change of the container `AdminSDHolder`, above all of its security descriptor.
//!
//! ## Why it matters
//! Its descriptor is stamped on every protected account and group once an hour. One entry there is a back door to all
//! administrators that comes back after each clean-up.
//!
//! ## Evidence it needs
//! Events: 5136 on `CN=AdminSDHolder,CN=System` (audit policy *Directory Service Changes*), or 4662 with WRITE_DAC or
//! WRITE_OWNER on it. Wire: LDAP modify.
//!
//! ## How it decides
//! Any accepted write of an attribute of the object, or an access with WRITE_DAC (0x40000), WRITE_OWNER (0x80000) or
//! write-property (0x20), fires; the operating system's own upkeep does not, nor an actor who did so `usual_times`
//! while learning.
//!
//! ## Blind spots
//! A change made before the sensor watched: see the finding on entries of AdminSDHolder.
//!
//! ## Likely benign causes
//! Preparing the domain for Exchange or another product that extends the descriptor.
//!
//! ## What to do
//! Compare the descriptor with the default, remove the entry, and let the protection run again.
//!
//! ## References
//! T1098; Defender for Identity 2430; `[MS-ADTS] 3.1.1.6.1.1` AdminSDHolder.

use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// ADS_RIGHT_WRITE_DAC, ADS_RIGHT_WRITE_OWNER and ADS_RIGHT_DS_WRITE_PROP (`[MS-ADTS] 5.1.3.2`).
const WRITES: u32 = 0x40000 | 0x80000 | 0x20;

/// Actors who changed it while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdminsdholderChange {
    habits: Habits,
}

impl Rule for AdminsdholderChange {
    const META: Meta = Meta {
        slug: "adminsdholder-change",
        title: "AdminSDHolder was changed",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1098", "T1222.001"],
        external_id: Some(2430),
        actions: &[
            "Compare the descriptor of AdminSDHolder with the default and remove what was added",
            "Look at the protected accounts and groups: the entry may be stamped on them already",
            "Find out by which right the actor could change it",
        ],
        source: include_str!("adminsdholder_change.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(what) = changed(event, context) else { return };
        if change::system(event) {
            verdicts.decline(event.time, "AdminSDHolder", "the system's own upkeep");
            return;
        }
        let actor = change::actor(event, context.snapshot);
        if self.habits.usual(config, &actor.key, event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} changed {what} of AdminSDHolder, which is stamped on every administrator.");
        let text = format!("{} never changed it while learning", actor.label);
        verdicts.raise(
            Verdict::of(event, actor.key, story, "AdminSDHolder changed")
                .against("AdminSDHolder")
                .because("unusual-actor", 1.0, 60.0, text)
                .score(90.0),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

/// What was changed of the container; `None` where the event is of something else.
fn changed(event: &Event, context: &Context<'_>) -> Option<String> {
    if event.outcome.failed() {
        return None;
    }
    let (object, what) = match &event.activity {
        Activity::DirectoryChange(change) if !change.attribute.is_empty() => (&change.object, change.attribute.clone()),
        Activity::DirectoryAccess(access) if access.access_mask & WRITES != 0 => {
            (&access.object, "the permissions".to_owned())
        }
        _ => return None,
    };
    let upper = object.to_uppercase();
    let by_name = upper.starts_with("CN=ADMINSDHOLDER,CN=SYSTEM,");
    // 4662 names the object by its GUID.
    let by_guid = || {
        let guid = object.trim_start_matches('%').parse().ok()?;
        let node = context.snapshot.lookup().object("", Some(guid))?;
        let name = context.snapshot.node(node)?.text("distinguishedname")?.to_uppercase();
        name.starts_with("CN=ADMINSDHOLDER,CN=SYSTEM,").then_some(())
    };
    (by_name || by_guid().is_some()).then_some(what)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{DirectoryAccess, ValueOperation};

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, by, change, event, run};

    const SLUG: &str = "adminsdholder-change";
    const HOLDER: &str = "CN=AdminSDHolder,CN=System,DC=lab,DC=example";

    fn write(secs: i64, object: &str, actor: &str) -> Event {
        change(
            secs,
            object,
            "nTSecurityDescriptor",
            ValueOperation::Replace,
            &["D:(A;;GA;;;S-1-5-21-1-2-3-1100)"],
            actor,
        )
    }

    fn access(secs: i64, mask: u32) -> Event {
        let access = DirectoryAccess {
            object: HOLDER.into(),
            class: "container".into(),
            access_mask: mask,
            properties: Vec::new(),
            logon_id: None,
        };
        by(event(secs, Activity::DirectoryAccess(Box::new(access))), "ann", "ws1", Outcome::Success)
    }

    #[test]
    fn a_new_descriptor_fires_and_its_access_record_joins() {
        let found = alerts(SLUG, &[write(0, HOLDER, "ann"), access(1, 0x40000)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].events, 2);
    }

    #[test]
    fn reading_it_and_changing_another_container_stay_silent() {
        assert!(alerts(SLUG, &[access(0, 0x10), write(1, "CN=System,DC=lab,DC=example", "ann")]).is_empty());
    }

    #[test]
    fn the_systems_own_upkeep_and_the_usual_actor_stay_silent() {
        assert!(alerts(SLUG, &[write(0, HOLDER, "NT AUTHORITY\\SYSTEM")]).is_empty());
        assert!(run(SLUG, Sensitivity::High, &[write(-900, HOLDER, "ann")], &[write(0, HOLDER, "ann")]).is_empty());
    }
}
