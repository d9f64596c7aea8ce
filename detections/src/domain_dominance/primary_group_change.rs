//! ## What it finds
//! An account's `primaryGroupID` set to a group that is not the default of its kind.
//!
//! ## Why it matters
//! The primary group gives membership that the group's `member` attribute does not show: a hidden way into Domain Admins.
//!
//! ## Evidence it needs
//! Events: 4738, 4742 with `PrimaryGroupId`, 5136 on `primaryGroupID`. Wire: LDAP modify, where it is not sealed.
//!
//! ## How it decides
//! Defaults are 513 and 514 for users, 515 for computers, 516 and 521 for controllers. Another value fires: high where it
//! is the RID of a group of Tier Zero, medium otherwise, unless the same actor set the same group `usual_times` while
//! learning.
//!
//! ## Blind spots
//! A denied read of the attribute (an access control entry that hides it); the change before the sensor watched (see the
//! finding on primary groups).
//!
//! ## Likely benign causes
//! Unix identity management that uses the primary group; Apple and file services.
//!
//! ## What to do
//! Set the default primary group again, and look at what the account did meanwhile.
//!
//! ## References
//! T1098, T1564.002; Defender for Identity (SuspiciousChangeInUserPrimaryGroupId); `[MS-ADTS] 3.1.1.8.11.3`.

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_model::{Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Object};
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// The default primary groups by RID (`[MS-ADTS] 3.1.1.8.11.3`).
const DEFAULTS: [u32; 5] = [513, 514, 515, 516, 521];
/// RIDs of groups of Tier Zero, where the directory does not tell (`[MS-DTYP] 2.4.2.4`).
const TIER_ZERO: [u32; 6] = [498, 512, 518, 519, 526, 527];

/// Actors and groups while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PrimaryGroupChange {
    habits: Habits,
}

impl Rule for PrimaryGroupChange {
    const META: Meta = Meta {
        slug: "primary-group-change",
        title: "Primary group set to another than the default",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098", "T1564.002"],
        external_id: None,
        actions: &[
            "Set the default primary group again",
            "Look at what the account did since",
            "Find out by which right the attribute was written",
        ],
        source: include_str!("primary_group_change.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        for written in change::written(event, context.snapshot, &["primaryGroupID"]) {
            let rid = written.values.last().and_then(|value| value.parse::<u32>().ok());
            let Some(rid) = rid.filter(|rid| !DEFAULTS.contains(rid)) else { continue };
            let (group, privileged) = group(rid, &written.object, context.snapshot);
            let actor = change::actor(event, context.snapshot).key;
            if self.habits.usual(config, &format!("{actor}|{rid}"), event, context.mode, verdicts) {
                continue;
            }
            let who = change::who(event, context.snapshot);
            let story = format!(
                "{who} made {group} the primary group of {}, which its member list does not show.",
                written.object.label
            );
            let (severity, score) = if privileged { (Severity::High, 95.0) } else { (Severity::Medium, 70.0) };
            let text = format!("RID {rid} is no default primary group (513, 514, 515, 516, 521)");
            verdicts.raise(
                Verdict::of(event, format!("{}|{rid}", written.object.key), story, "primaryGroupID written")
                    .against(format!("{} → {group}", written.object.label))
                    .because("hidden-membership", 1.0, 50.0, text)
                    .severity(severity)
                    .score(score),
            );
        }
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

/// The group's name and whether it is of Tier Zero.
fn group(rid: u32, object: &Object, snapshot: &Snapshot) -> (String, bool) {
    let account = object.node.and_then(|node| snapshot.node(node));
    let domain = account.and_then(|node| node.text("domainsid"));
    let node = domain.and_then(|domain| snapshot.find(&format!("{domain}-{rid}")));
    match node {
        Some(node) => (
            crate::directory::label(snapshot, node),
            snapshot.flags(node).has(NodeFlags::TIER_ZERO) || TIER_ZERO.contains(&rid),
        ),
        None => (format!("the group of RID {rid}"), TIER_ZERO.contains(&rid)),
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{AccountChangeKind, ValueOperation};

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{account_change, alerts, change, run};

    const SLUG: &str = "primary-group-change";

    fn set(secs: i64, rid: &str) -> Event {
        change(secs, "CN=ann,CN=Users,DC=lab,DC=example", "primaryGroupID", ValueOperation::Replace, &[rid], "bob")
    }

    #[test]
    fn domain_admins_fire_high_by_name() {
        let found = alerts(SLUG, &[set(0, "512")]);
        assert_eq!(found[0].severity, Severity::High);
        assert!(found[0].explanation.contains("Domain Admins"), "{}", found[0].explanation);
    }

    #[test]
    fn defaults_stay_silent_and_any_other_group_fires_medium() {
        assert!(alerts(SLUG, &[set(0, "513"), set(1, "515"), set(2, "516")]).is_empty());
        assert_eq!(alerts(SLUG, &[set(0, "1188")])[0].severity, Severity::Medium);
    }

    #[test]
    fn a_record_of_creation_with_its_default_stays_silent() {
        let born = account_change(0, AccountChangeKind::Created, "new", &[("primaryGroupID", "513")], "admin");
        let unchanged = account_change(1, AccountChangeKind::Changed, "ann", &[("primaryGroupID", "-")], "admin");
        assert!(alerts(SLUG, &[born, unchanged]).is_empty());
    }

    #[test]
    fn identity_management_that_does_so_always_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &[set(-900, "1188")], &[set(0, "1188")]).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &[set(-900, "1188")], &[set(0, "512")]).len(), 1);
    }
}
