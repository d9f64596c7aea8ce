//! ## What it finds
//! A group `ESX Admins` created, renamed to that name, or given a member (CVE-2024-37085).
//!
//! ## Why it matters
//! A hypervisor joined to the domain gave full administration to whoever is in a domain group of that name, without asking
//! whether the group was there before. Ransomware groups used it to encrypt whole farms.
//!
//! ## Evidence it needs
//! Events: 4728, 4732, 4756 (*Security Group Management*), 5136, 5137, 5139. Wire: LDAP add, modify, modifyDN; SAMR.
//!
//! ## How it decides
//! The group's name is one of `names`. Creation and renaming always fire; a member added fires unless the same actor did so
//! `usual_times` while learning.
//!
//! ## Blind spots
//! Hypervisors that were told another group's name (add it to `names`).
//!
//! ## Likely benign causes
//! An estate that uses the group for its hypervisors on purpose.
//!
//! ## What to do
//! Delete or empty the group, update the hypervisors, look at who logged on to them.
//!
//! ## References
//! T1098, T1068; Defender for Identity (SuspiciousUserAdditionToEsxGroup); CVE-2024-37085.

use hopwatch_model::event::ValueOperation;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Names of groups that hypervisors trust; case does not matter.
    pub names: Vec<String>,
    /// How often an actor must have added members while learning to be left alone.
    pub usual_times: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let usual_times = Habit::preset(sensitivity).usual_times;
        Self { names: vec!["ESX Admins".into(), "ESXi Admins".into()], usual_times }
    }
}

/// Who adds members usually.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EsxAdminsGroup {
    habits: Habits,
}

impl Rule for EsxAdminsGroup {
    const META: Meta = Meta {
        slug: "esx-admins-group",
        title: "Group that hypervisors trust was created or changed",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1098", "T1068"],
        external_id: None,
        actions: &[
            "Delete or empty the group",
            "Update the hypervisors and set their administrators' group by hand",
            "Look at who logged on to the hypervisors since",
        ],
        source: include_str!("esx_admins_group.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some((group, what, made)) = act(config, event, context) else { return };
        let actor = change::actor(event, context.snapshot).key;
        let habit = Habit { usual_times: config.usual_times };
        if !made && self.habits.usual(&habit, &actor, event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} {what} the group {group}, whose members administer hypervisors.");
        verdicts.raise(
            Verdict::of(event, group.to_lowercase(), story, "group of hypervisor administrators")
                .against(group)
                .because("hypervisor-group", 1.0, 60.0, "hypervisors give full control to this name".into())
                .score(if made { 92.0 } else { 85.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

/// The group's name, what was done, and whether the name came into being by it.
fn act(config: &Config, event: &Event, context: &Context<'_>) -> Option<(String, &'static str, bool)> {
    if event.outcome.failed() {
        return None;
    }
    let trusted = |name: &str| config.names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let named = |name: &str| Some(change::rdn(name)).filter(|name| trusted(name));
    match &event.activity {
        Activity::GroupChange(group) if group.added => {
            let name = change::of_account(context.snapshot, &group.group).label;
            named(&name).map(|name| (name, "added a member to", false))
        }
        Activity::DirectoryChange(changed) => match changed.operation {
            ValueOperation::Create => named(&changed.object).map(|name| (name, "created", true)),
            ValueOperation::Restore => named(&changed.object).map(|name| (name, "restored", true)),
            ValueOperation::Move => {
                let new = changed.new_object.as_deref().and_then(named)?;
                (!trusted(&change::rdn(&changed.object))).then_some((new, "renamed a group to", true))
            }
            ValueOperation::Add | ValueOperation::Replace if changed.attribute.eq_ignore_ascii_case("member") => {
                named(&changed.object).map(|name| (name, "added a member to", false))
            }
            ValueOperation::Add | ValueOperation::Replace
                if changed.attribute.eq_ignore_ascii_case("sAMAccountName") =>
            {
                changed.values.iter().find_map(|value| named(value)).map(|name| (name, "gave its name to", true))
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::GroupChange;
    use hopwatch_model::{Account, Outcome};

    use super::*;
    use crate::testing::{alerts, by, change, event, run};

    const SLUG: &str = "esx-admins-group";

    fn create(name: &str) -> Event {
        change(0, &format!("CN={name},CN=Users,DC=lab,DC=example"), "", ValueOperation::Create, &[], "ann")
    }

    fn member(secs: i64) -> Event {
        let change = GroupChange { group: Account::named("esx admins"), member: Account::named("bob"), added: true };
        by(event(secs, Activity::GroupChange(Box::new(change))), "ann", "ws1", Outcome::Success)
    }

    #[test]
    fn creation_and_membership_are_one_alert() {
        let found = alerts(SLUG, &[create("ESX Admins"), member(5)]);
        assert_eq!((found.len(), found[0].events), (1, 2));
    }

    #[test]
    fn a_group_renamed_to_it_fires() {
        let mut renamed = change(0, "CN=x,DC=lab", "", ValueOperation::Move, &[], "ann");
        if let Activity::DirectoryChange(change) = &mut renamed.activity {
            change.new_object = Some("CN=ESX ADMINS,DC=lab".into());
        }
        assert_eq!(alerts(SLUG, &[renamed]).len(), 1);
    }

    #[test]
    fn other_names_and_refusals_stay_silent() {
        let refused = Event { outcome: Outcome::Failure(50), ..create("ESX Admins") };
        assert!(alerts(SLUG, &[create("ESX Admins 2"), refused]).is_empty());
    }

    #[test]
    fn an_estate_that_uses_the_group_stays_silent_on_members() {
        assert!(run(SLUG, Sensitivity::High, &[member(-9000)], &[member(0)]).is_empty());
    }
}
