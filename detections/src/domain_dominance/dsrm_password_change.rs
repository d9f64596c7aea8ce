//! ## What it finds
//! The password of a controller's own local Administrator (Directory Services Restore Mode) set, or its use over the
//! network allowed.
//!
//! ## Why it matters
//! That account is outside the directory: whoever knows its password is administrator of the controller whatever happens
//! to the domain's accounts.
//!
//! ## Evidence it needs
//! Events: 4794 (audit policy *User Account Management*); 4688 or Sysmon 1 with command lines.
//!
//! ## How it decides
//! 4794 by anyone but the operating system itself; or a process on a controller whose command line holds
//! `DsrmAdminLogonBehavior`, or `ntdsutil` with `set dsrm password`. An actor who set it `usual_times` while learning stays
//! silent.
//!
//! ## Blind spots
//! The registry value written without a process of its own (remote registry).
//!
//! ## Likely benign causes
//! The yearly change of the recovery password; LAPS, which acts as the system.
//!
//! ## What to do
//! Ask the actor; set a new recovery password; make sure that `DsrmAdminLogonBehavior` is 0 or absent.
//!
//! ## References
//! T1098, T1003; Defender for Identity 2438; event 4794.

use hopwatch_model::event::AccountChangeKind;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// Who sets it usually.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DsrmPasswordChange {
    habits: Habits,
}

impl Rule for DsrmPasswordChange {
    const META: Meta = Meta {
        slug: "dsrm-password-change",
        title: "Recovery-mode password of a domain controller set",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098"],
        external_id: Some(2438),
        actions: &[
            "Ask the actor whether the change was planned",
            "Set a new recovery-mode password on the controller",
            "Make sure that DsrmAdminLogonBehavior is 0 or absent",
        ],
        source: include_str!("dsrm_password_change.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some((what, severity)) = act(event) else { return };
        let controller = event.target.as_ref().map(Host::label).unwrap_or_default();
        if change::system(event) && severity != Severity::High {
            verdicts.decline(event.time, controller, "set by the system itself, as LAPS does");
            return;
        }
        let actor = change::actor(event, context.snapshot);
        if self.habits.usual(config, &format!("{}|{what}", actor.key), event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} {what} on {controller}.");
        let text = format!("{} did not do so while learning", actor.label);
        verdicts.raise(
            Verdict::of(event, format!("{}|{controller}", actor.key), story, what)
                .against(format!("recovery-mode Administrator of {controller}"))
                .because("unusual-actor", 1.0, 50.0, text)
                .severity(severity)
                .score(if severity == Severity::High { 90.0 } else { 75.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

/// What was done and how bad it is.
fn act(event: &Event) -> Option<(&'static str, Severity)> {
    match &event.activity {
        Activity::AccountChange(change)
            if change.kind == AccountChangeKind::DsrmPasswordSet && !event.outcome.failed() =>
        {
            Some(("set the recovery-mode password", Severity::Medium))
        }
        Activity::ProcessStart(process) => {
            let line = process.command_line.to_lowercase();
            if line.contains("dsrmadminlogonbehavior") {
                return Some(("changed when the recovery-mode account may log on", Severity::High));
            }
            let sets = line.contains("ntdsutil") && line.contains("set dsrm password");
            sets.then_some(("set the recovery-mode password", Severity::Medium))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::ProcessStart;

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{account_change, alerts, by, event, run};

    const SLUG: &str = "dsrm-password-change";

    fn set(secs: i64, actor: &str) -> Event {
        account_change(secs, AccountChangeKind::DsrmPasswordSet, "Administrator", &[], actor)
    }

    fn process(line: &str) -> Event {
        let process = ProcessStart { image: "reg.exe".into(), command_line: line.into(), ..ProcessStart::default() };
        by(event(0, Activity::ProcessStart(Box::new(process))), "ann", "dc1", Outcome::Success)
    }

    #[test]
    fn a_password_set_fires_medium_and_the_logon_switch_high() {
        assert_eq!(alerts(SLUG, &[set(0, "ann")])[0].severity, Severity::Medium);
        let switch = r"reg add HKLM\System\CurrentControlSet\Control\Lsa /v DsrmAdminLogonBehavior /t REG_DWORD /d 2";
        assert_eq!(alerts(SLUG, &[process(switch)])[0].severity, Severity::High);
    }

    #[test]
    fn a_refused_attempt_and_the_system_stay_silent() {
        let refused = Event { outcome: Outcome::Failure(0xC000_0022), ..set(0, "ann") };
        assert!(alerts(SLUG, &[refused, set(1, "NT AUTHORITY\\SYSTEM"), process("ntdsutil files info")]).is_empty());
    }

    #[test]
    fn the_usual_actor_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &[set(-9000, "admin")], &[set(0, "admin")]).is_empty());
    }

    #[test]
    fn two_settings_by_one_actor_are_one_alert() {
        assert_eq!(alerts(SLUG, &[set(0, "ann"), set(60, "ann")]).len(), 1);
    }
}
