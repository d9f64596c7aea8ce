//! ## What it finds
//! Group policy preferences searched for the passwords that they hold (`cpassword`).
//!
//! ## Why it matters
//! The key that seals them is published: whoever reads the file has the password, commonly of a local administrator
//! everywhere.
//!
//! ## Evidence it needs
//! Wire: SMB reads in SYSVOL. Events: 5145 on SYSVOL; audit policy *Detailed File Share*.
//!
//! ## How it decides
//! A preference file that can hold a password (`Groups.xml`, `Services.xml`, `ScheduledTasks.xml`, `DataSources.xml`,
//! `Drives.xml`, `Printers.xml`) is read, and the reader is no client that applies its policies: it opened the
//! folders of `policies` or more policies within `window_secs` before, and listed the folder that holds all policies; or it read
//! such files of `policies` or more policies. Machine accounts, which apply computer policies, are judged by the second
//! count alone.
//!
//! ## Blind spots
//! One file read by its known name.
//!
//! ## Likely benign causes
//! Administrators' consoles and reports over all policies, backups of SYSVOL: spared where seen while learning.
//!
//! ## What to do
//! Remove the passwords from the policies (MS14-025) and change them.
//!
//! ## References
//! T1552.006; `[MS-GPPREF] 2.2.1.1.4`; MS14-025.

use std::time::Duration;

use hopwatch_model::event::SmbFileAction;
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use crate::usual::Usual;
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most readers watched, and policies remembered of one.
const READERS: usize = 20_000;
const POLICIES: usize = 500;
/// Files that can hold `cpassword`.
const FILES: &[&str] =
    &["groups.xml", "services.xml", "scheduledtasks.xml", "datasources.xml", "drives.xml", "printers.xml"];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct policies.
    pub policies: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let policies = match sensitivity {
            Sensitivity::High => 3,
            Sensitivity::Medium => 2,
            Sensitivity::Low => 1,
        };
        Self { window_secs: 600, policies }
    }
}

/// What a reader opened lately.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Reader {
    opened: Sliding<String>,
    read: Sliding<String>,
    listed: Option<hopwatch_model::Timestamp>,
}

/// Readers of policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GppPasswordRead {
    readers: Table<Reader>,
    usual: Usual,
}

impl Default for GppPasswordRead {
    fn default() -> Self {
        Self { readers: Table::new(READERS), usual: Usual::default() }
    }
}

impl Rule for GppPasswordRead {
    const META: Meta = Meta {
        slug: "gpp-password-read",
        title: "Group policy preferences searched for passwords",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1552.006"],
        external_id: None,
        actions: &[
            "Remove passwords from group policy preferences and change them",
            "Look at what the reader did next with the accounts that the files name",
        ],
        source: include_str!("gpp_password_read.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (share, path, reads) = match &event.activity {
            Activity::SmbFile(file) => {
                (&file.share, &file.path, matches!(file.action, SmbFileAction::Read | SmbFileAction::Open))
            }
            Activity::ShareAccess(access) => (&access.share, &access.path, true),
            _ => return,
        };
        let sysvol = share.trim_start_matches(['\\', '*']).eq_ignore_ascii_case("sysvol");
        if !sysvol || !reads || event.outcome.failed() {
            return;
        }
        let path = path.to_lowercase().replace('/', "\\");
        let key = words::key(event);
        let window = Duration::from_secs(config.window_secs);
        let reader = self.readers.entry(&key, Reader::default);
        if path.trim_end_matches('\\').ends_with("\\policies") || path == "policies" {
            reader.listed = Some(event.time);
        }
        let Some(policy) = policy(&path) else { return };
        reader.opened.push(event.time, policy.to_owned(), window, POLICIES);
        if !path.rsplit('\\').next().is_some_and(|file| FILES.contains(&file)) {
            return;
        }
        reader.read.push(event.time, policy.to_owned(), window, POLICIES);
        let machine = event.actor.as_ref().is_some_and(Account::machine);
        let listed = reader.listed.is_some_and(|listed| event.time.since(listed) <= window);
        let (opened, read) = (reader.opened.distinct().len(), reader.read.distinct().len());
        let searched = !machine && listed && opened >= config.policies;
        let habit = self.usual.met(&key, context.mode);
        if habit || !(searched || read >= config.policies) {
            verdicts.decline(
                event.time,
                key,
                format!("{opened} policies opened, files of {read} read; habit: {habit}"),
            );
            return;
        }
        let who = words::who(event, context.snapshot);
        let story = format!("{who} went through {opened} group policies and read files that can hold passwords.");
        let text = format!(
            "{opened} policies within {} minutes; the threshold is {}",
            config.window_secs / 60,
            config.policies
        );
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let verdict = Verdict::of(event, format!("{key}|{host}"), story, "preference file read").against(path);
        verdicts.raise(verdict.because("policies", as_f64(opened), 60.0, text));
    }

    fn entries(&self) -> usize {
        self.readers.len() + self.usual.entries()
    }
}

/// The policy's folder of a path: `…\policies\{guid}\…`.
fn policy(path: &str) -> Option<&str> {
    let rest = path.split("policies\\").nth(1)?;
    let folder = rest.split('\\').next()?;
    (folder.starts_with('{') && folder.ends_with('}')).then_some(folder)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::SmbFile;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "gpp-password-read";

    fn open(secs: i64, path: &str, actor: &str) -> Event {
        let file = SmbFile { share: "SYSVOL".into(), path: path.into(), action: SmbFileAction::Open, bytes: 0 };
        by(event(secs, Activity::SmbFile(Box::new(file))), actor, "ws1", Outcome::Success)
    }

    fn sweep(actor: &str, policies: i64, listed: bool) -> Vec<Event> {
        let mut events: Vec<Event> =
            (0..policies).map(|i| open(i + 1, &format!("lab\\Policies\\{{{i}}}"), actor)).collect();
        if listed {
            events.insert(0, open(0, "lab\\Policies", actor));
        }
        events.push(open(60, "lab\\Policies\\{0}\\MACHINE\\Preferences\\Groups\\Groups.xml", actor));
        events
    }

    #[test]
    fn a_search_through_three_policies_fires_and_two_do_not() {
        assert_eq!(alerts(SLUG, &sweep("ann", 3, true)).len(), 1);
        assert!(alerts(SLUG, &sweep("ann", 2, true)).is_empty());
    }

    #[test]
    fn a_client_that_applies_its_policies_stays_silent() {
        assert!(alerts(SLUG, &sweep("ann", 8, false)).is_empty());
        assert!(alerts(SLUG, &sweep("WS1$", 8, true)).is_empty());
    }

    #[test]
    fn a_console_seen_while_learning_stays_silent() {
        let history: Vec<Event> = sweep("ann", 3, true)
            .into_iter()
            .map(|mut event| {
                event.time = event.time - Duration::from_secs(9000);
                event.provenance.digest ^= 1;
                event
            })
            .collect();
        assert!(run(SLUG, Sensitivity::High, &history, &sweep("ann", 4, true)).is_empty());
    }
}
