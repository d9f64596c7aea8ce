//! ## What it finds
//! A group policy changed by someone who does not administer policies, or turned to files outside SYSVOL.
//!
//! ## Why it matters
//! A policy runs code as the system on every host to which it applies. One file edited in SYSVOL is a roll-out.
//!
//! ## Evidence it needs
//! Events: 5136 on objects of class `groupPolicyContainer`, 5145 on SYSVOL with write access. Wire: LDAP modify, SMB writes
//! below `SYSVOL\…\Policies\{GUID}`.
//!
//! ## How it decides
//! A write to a policy's object or files by an account that the directory knows and that is outside Tier Zero, unless it did
//! so to the same policy `usual_times` while learning: high where the policy applies to Tier Zero, or the file runs
//! something (scheduled tasks, scripts, services, registry policy). `gPCFileSysPath` set to a path outside the domain's
//! SYSVOL fires whoever does it.
//!
//! ## Blind spots
//! A policy changed from an administrator's stolen session; accounts that the directory does not know.
//!
//! ## Likely benign causes
//! Delegated administration of policies that was not seen while learning.
//!
//! ## What to do
//! Compare the policy with its last backup, restore it, look at the hosts that applied it.
//!
//! ## References
//! T1484.001, T1562; Defender for Identity 2440; `[MS-GPOD] 2.9`, `[MS-GPOL] 2.2.2`.

use hopwatch_graph::{NodeFlags, Snapshot};
use hopwatch_model::event::SmbFileAction;
use hopwatch_model::{Activity, Event, Guid, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::change::{self, Standing};
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// FILE_WRITE_DATA, FILE_APPEND_DATA, DELETE (`[MS-SMB2] 2.2.13.1.1`).
const WRITES: u32 = 0x2 | 0x4 | 0x1_0000;
/// Files that run something, or that take protection away, by their ends.
const RUNS: [&str; 11] = [
    "scheduledtasks.xml",
    "services.xml",
    "scripts.ini",
    "psscripts.ini",
    "registry.pol",
    "gpttmpl.inf",
    ".ps1",
    ".bat",
    ".cmd",
    ".exe",
    ".msi",
];

/// Who edits which policy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GpoTampering {
    habits: Habits,
}

/// A write to a policy.
struct Edit {
    policy: String,
    what: String,
    runs: bool,
    redirects: bool,
}

impl Rule for GpoTampering {
    const META: Meta = Meta {
        slug: "gpo-tampering",
        title: "Group policy changed by an unusual account",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1484.001", "T1562"],
        external_id: Some(2440),
        actions: &[
            "Compare the policy with its last backup and restore it",
            "Look at the hosts that applied it since",
            "Take away the right by which the account could edit it",
        ],
        source: include_str!("gpo_tampering.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if event.outcome.failed() {
            return;
        }
        let Some(edit) = edit(event) else { return };
        let actor = change::actor(event, context.snapshot);
        let usual = self.habits.usual(config, &format!("{}|{}", actor.key, edit.policy), event, context.mode, verdicts);
        if usual && !(edit.redirects && context.mode == crate::frame::Mode::Judging) {
            return;
        }
        if !edit.redirects && change::standing(event, context.snapshot) != Standing::Ordinary {
            verdicts.decline(event.time, edit.policy, "an administrator, or an account that is not known");
            return;
        }
        let (name, crown) = policy(&edit.policy, context.snapshot);
        let who = change::who(event, context.snapshot);
        let story = format!("{who} changed the group policy {name}: {}.", edit.what);
        let severe = crown || edit.runs || edit.redirects;
        let text = format!("{} did not change it while learning", actor.label);
        verdicts.raise(
            Verdict::of(event, format!("{}|{}", actor.key, edit.policy), story, &edit.what)
                .against(name)
                .because("unusual-editor", 1.0, 50.0, text)
                .severity(if severe { Severity::High } else { Severity::Medium })
                .score(if severe { 85.0 } else { 70.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn edit(event: &Event) -> Option<Edit> {
    let file = |share: &str, path: &str, writes: bool| {
        let policy = guid_in(path).filter(|_| share.eq_ignore_ascii_case("SYSVOL") && writes)?;
        let lower = path.to_lowercase();
        let runs = RUNS.iter().any(|end| lower.ends_with(end));
        Some(Edit { policy, what: format!("wrote {path}"), runs, redirects: false })
    };
    match &event.activity {
        Activity::DirectoryChange(change) if !change.attribute.is_empty() => {
            let object = change.object.to_uppercase();
            let policy = guid_in(&change.object).filter(|_| object.contains(",CN=POLICIES,CN=SYSTEM,"))?;
            let path = change.attribute.eq_ignore_ascii_case("gPCFileSysPath");
            let outside = |value: &String| !value.to_lowercase().contains("\\sysvol\\");
            let redirects = path && change.values.iter().any(outside);
            Some(Edit { policy, what: format!("wrote {}", change.attribute), runs: false, redirects })
        }
        Activity::SmbFile(smb) => {
            let writes = matches!(smb.action, SmbFileAction::Write | SmbFileAction::Create | SmbFileAction::Delete);
            file(&smb.share, &smb.path, writes)
        }
        Activity::ShareAccess(access) => file(&access.share, &access.path, access.access_mask & WRITES != 0),
        _ => None,
    }
}

/// The policy's GUID in a path or name, as `{…}` in upper case.
fn guid_in(text: &str) -> Option<String> {
    let start = text.find('{')?;
    let inner = text.get(start + 1..)?.split('}').next()?;
    inner.parse::<Guid>().ok().map(|guid| guid.to_string().to_uppercase())
}

/// The policy's name and whether it applies to Tier Zero.
fn policy(guid: &str, snapshot: &Snapshot) -> (String, bool) {
    let braced = format!("{{{guid}}}");
    let named = |id: &hopwatch_graph::NodeId| {
        snapshot.kind(*id) == NodeKind::GPO
            && snapshot.node(*id).is_some_and(|node| {
                let has = |property| node.text(property).is_some_and(|value| value.to_uppercase().contains(&braced));
                has("gpcpath") || has("distinguishedname")
            })
    };
    match snapshot.nodes().find(named) {
        Some(id) => (crate::directory::label(snapshot, id), snapshot.flags(id).has(NodeFlags::TIER_ZERO)),
        None => (braced, false),
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{ShareAccess, SmbFile, ValueOperation};

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, by, change, event, run};

    const SLUG: &str = "gpo-tampering";
    const POLICY: &str = "{31B2F340-016D-11D2-945F-00C04FB984F9}";

    fn write(secs: i64, path: &str, actor: &str) -> Event {
        let path = format!("lab.example\\Policies\\{POLICY}\\{path}");
        let file = SmbFile { share: "SYSVOL".into(), path, action: SmbFileAction::Write, bytes: 9 };
        by(event(secs, Activity::SmbFile(Box::new(file))), actor, "ws1", Outcome::Success)
    }

    fn attribute(secs: i64, attribute: &str, value: &str, actor: &str) -> Event {
        let object = format!("CN={POLICY},CN=Policies,CN=System,DC=lab,DC=example");
        change(secs, &object, attribute, ValueOperation::Replace, &[value], actor)
    }

    #[test]
    fn a_task_written_by_an_ordinary_account_fires_high_and_the_object_joins() {
        let task = "Machine\\Preferences\\ScheduledTasks\\ScheduledTasks.xml";
        let found = alerts(SLUG, &[attribute(0, "versionNumber", "7", "ann"), write(1, task, "ann")]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
    }

    #[test]
    fn reading_an_administrator_and_other_shares_stay_silent() {
        let access = ShareAccess { share: "SYSVOL".into(), path: format!("x\\{POLICY}\\gpt.ini"), access_mask: 0x1 };
        let read = by(event(0, Activity::ShareAccess(Box::new(access))), "ann", "ws1", Outcome::Success);
        let mut other = write(1, "gpt.ini", "ann");
        if let Activity::SmbFile(file) = &mut other.activity {
            file.share = "Data".into();
        }
        assert!(alerts(SLUG, &[read, other, write(2, "gpt.ini", "admin")]).is_empty());
    }

    #[test]
    fn a_policy_turned_away_from_sysvol_fires_whoever_does_it() {
        assert_eq!(
            alerts(SLUG, &[attribute(0, "gPCFileSysPath", r"\\10.0.0.9\share", "admin")])[0].severity,
            Severity::High
        );
        assert!(alerts(SLUG, &[attribute(0, "gPCFileSysPath", r"\\lab.example\SysVol\x", "admin")]).is_empty());
    }

    #[test]
    fn the_usual_editor_stays_silent() {
        assert!(
            run(SLUG, Sensitivity::High, &[write(-900, "gpt.ini", "ann")], &[write(0, "gpt.ini", "ann")]).is_empty()
        );
    }
}
