//! ## What it finds
//! Files that hold the domain's or a host's secrets, copied over SMB: `ntds.dit`, the registry's SAM, SYSTEM and SECURITY
//! hives, what dumping tools leave for themselves.
//!
//! ## Why it matters
//! With `ntds.dit` and SYSTEM every password hash of the domain is out, without one suspicious replication call.
//!
//! ## Evidence it needs
//! Wire: SMB opens and reads with their paths. Events: 5145; audit policy *Detailed File Share*.
//!
//! ## How it decides
//! A file is opened or read over the network, whose name is one of those above at their usual or any other place; a
//! shadow copy's path counts too; a `*.tmp` of a name made by chance is read from `System32` of an
//! administrative share, as hive dumps are. A pair of actor and host seen while learning (backup) is spared. Refused
//! opens stay silent.
//!
//! ## Blind spots
//! Files copied under other names; encrypted SMB.
//!
//! ## Likely benign causes
//! Backup jobs that read controllers over SMB.
//!
//! ## What to do
//! Take the secrets as lost: `krbtgt` twice, all privileged passwords; isolate the source.
//!
//! ## References
//! T1003.002, T1003.003, T1048, T1570; Defender for Identity 2030.

use hopwatch_model::event::SmbFileAction;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// More file names that are secrets, lower case.
    pub names: Vec<String>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { names: Vec::new() }
    }
}

/// Readers seen while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SmbExfiltration {
    usual: Usual,
}

impl Rule for SmbExfiltration {
    const META: Meta = Meta {
        slug: "smb-exfiltration",
        title: "Files with secrets copied over SMB",
        phase: Phase::Exfiltration,
        severity: Severity::High,
        techniques: &["T1003.002", "T1003.003", "T1048", "T1570"],
        external_id: Some(2030),
        actions: &[
            "Isolate the source host and find the copy",
            "Take every secret of the file as lost; for ntds.dit reset krbtgt twice and all privileged passwords",
        ],
        source: include_str!("smb_exfiltration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (share, path, read) = match &event.activity {
            Activity::SmbFile(file) if matches!(file.action, SmbFileAction::Open | SmbFileAction::Read) => {
                (&file.share, &file.path, file.action == SmbFileAction::Read)
            }
            // ReadData of 5145's mask ([MS-DTYP] 2.4.3).
            Activity::ShareAccess(access) if access.access_mask & 1 != 0 => (&access.share, &access.path, true),
            _ => return,
        };
        if event.outcome.failed() {
            return;
        }
        let Some(text) = secret(config, share, path, read) else { return };
        let key = format!("{}|{}", words::key(event), event.target.as_ref().map(Host::key).unwrap_or_default());
        if self.usual.met(&key, context.mode) {
            verdicts.decline(event.time, key, "the actor read such files of this host while learning");
            return;
        }
        let (who, on) = (words::who(event, context.snapshot), words::target(event));
        let story = format!("{who} copied {path} from {on}: {text}.");
        let verdict = Verdict::of(event, key, story, "file read").against(format!("{share}\\{path}"));
        verdicts.raise(verdict.because("file", 1.0, 70.0, text.into()).score(if read { 95.0 } else { 85.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

fn secret(config: &Config, share: &str, path: &str, read: bool) -> Option<&'static str> {
    let path = path.to_lowercase().replace('/', "\\");
    let share = share.trim_start_matches(['\\', '*']).to_lowercase();
    let file = path.rsplit('\\').next().unwrap_or_default();
    let in_config = path.contains("\\config\\") || path.starts_with("config\\");
    if file == "ntds.dit" || file.starts_with("ntds.dit.") {
        return Some("the directory's database");
    }
    if in_config && matches!(file, "sam" | "system" | "security" | "sam.bak" | "system.bak" | "security.bak") {
        return Some("a hive of the registry");
    }
    let saved = matches!(
        file,
        "sam.save"
            | "system.save"
            | "security.save"
            | "sam.hive"
            | "system.hive"
            | "security.hive"
            | "sam.hiv"
            | "system.hiv"
            | "security.hiv"
    );
    if saved {
        return Some("a saved hive of the registry");
    }
    if file.starts_with("lsass") && file.ends_with(".dmp") {
        return Some("a dump of LSASS");
    }
    let administrative = share == "admin$" || (share.len() == 2 && share.ends_with('$'));
    let place = path.contains("system32\\");
    let stem = file.strip_suffix(".tmp").unwrap_or_default();
    let letters = stem.len() == 8 && stem.chars().all(|c| c.is_ascii_alphabetic());
    if administrative && read && place && letters {
        return Some("a temporary file as hive dumps leave");
    }
    config.names.iter().any(|name| name == file).then_some("a file named in the configuration")
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{ShareAccess, SmbFile};

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "smb-exfiltration";

    fn read(secs: i64, share: &str, path: &str) -> Event {
        let file = SmbFile { share: share.into(), path: path.into(), action: SmbFileAction::Read, bytes: 9 };
        by(event(secs, Activity::SmbFile(Box::new(file))), "admin", "ws1", Outcome::Success)
    }

    #[test]
    fn database_hives_and_dumps_fire() {
        for (share, path) in [
            ("C$", "Windows\\NTDS\\ntds.dit"),
            ("C$", "Windows\\System32\\config\\SYSTEM"),
            ("C$", "temp\\sam.save"),
            ("ADMIN$", "System32\\aBcDeFgH.tmp"),
            ("C$", "Windows\\Temp\\lsass.dmp"),
        ] {
            assert_eq!(alerts(SLUG, &[read(0, share, path)]).len(), 1, "{path}");
        }
    }

    #[test]
    fn ordinary_files_stay_silent() {
        for (share, path) in [("share", "system"), ("C$", "Users\\ann\\sam.docx"), ("home", "abcdefgh.tmp")] {
            assert!(alerts(SLUG, &[read(0, share, path)]).is_empty(), "{path}");
        }
    }

    #[test]
    fn the_log_of_the_share_tells_the_same() {
        let access = ShareAccess { share: "\\\\*\\C$".into(), path: "Windows\\NTDS\\ntds.dit".into(), access_mask: 1 };
        let logged = by(event(0, Activity::ShareAccess(Box::new(access))), "admin", "ws1", Outcome::Success);
        assert_eq!(alerts(SLUG, &[logged]).len(), 1);
    }

    #[test]
    fn refusals_and_the_backup_of_every_day_stay_silent() {
        let mut refused = read(0, "C$", "Windows\\NTDS\\ntds.dit");
        refused.outcome = Outcome::Failure(0xC000_0022);
        assert!(alerts(SLUG, &[refused]).is_empty());
        let history = [read(-9000, "C$", "Windows\\NTDS\\ntds.dit")];
        assert!(run(SLUG, Sensitivity::High, &history, &[read(0, "C$", "Windows\\NTDS\\ntds.dit")]).is_empty());
    }
}
