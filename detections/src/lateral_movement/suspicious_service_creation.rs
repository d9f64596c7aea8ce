//! ## What it finds
//! A service whose program is what intruders install: an interpreter, an encoded command, a file from a share or a
//! temporary folder, a name made by chance.
//!
//! ## Why it matters
//! A service runs as the system. Remote execution tools and many backdoors are one, for a moment or for good.
//!
//! ## Evidence it needs
//! Events: 7045 (System log) or 4697 (audit policy *Security System Extension*). Wire: SVCCTL `RCreateService*` and
//! `RChangeServiceConfig*` whose stub is clear.
//!
//! ## How it decides
//! The image path is weighed: interpreter or shell, encoded or downloading command, output redirected to a share, a path
//! on a share or in a temporary or user's folder, known tools' names: 2 each; a program directly in the Windows folder
//! or the share's root with a name that looks made by chance, a service name of that kind: 1 each; installed over the
//! network (SVCCTL): 1; a program without any folder: 2. The sum must reach `weight`. Of drivers only those count that lie
//! outside of the system's and the programs' folders (2), or are a known tool's. Per-user services and a pair of name and path seen while
//! learning are spared.
//!
//! ## Blind spots
//! A well-named program in *Program Files*; changes in the registry.
//!
//! ## Likely benign causes
//! Installers that unpack into temporary folders; management agents that install a service per job.
//!
//! ## What to do
//! Look at the program and who installed it; delete the service; look for the same name on other hosts.
//!
//! ## References
//! T1543.003, T1569.002; Defender for Identity 2026; `[MS-SCMR] 3.1.4.12`.

use std::time::Duration;

use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::event::RpcArguments;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The sum of weights.
    pub weight: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let weight = match sensitivity {
            Sensitivity::High | Sensitivity::Medium => 2.0,
            Sensitivity::Low => 1.0,
        };
        Self { weight }
    }
}

/// The most hosts of which suspicious services are remembered, for how long, and how many make one alert of all.
const HOSTS: usize = 10_000;
const WINDOW: Duration = Duration::from_secs(900);
const MANY: usize = 3;

/// Services seen while learning, suspicious ones lately by host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SuspiciousServiceCreation {
    usual: Usual,
    lately: Table<Sliding<String>>,
}

impl Default for SuspiciousServiceCreation {
    fn default() -> Self {
        Self { usual: Usual::default(), lately: Table::new(HOSTS) }
    }
}

impl Rule for SuspiciousServiceCreation {
    const META: Meta = Meta {
        slug: "suspicious-service-creation",
        title: "A service as intruders install it",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1543.003", "T1569.002"],
        external_id: Some(2026),
        actions: &[
            "Look at the service's program and at who installed it",
            "Delete the service and look for the same name on other hosts",
        ],
        source: include_str!("suspicious_service_creation.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (name, path, remote) = match &event.activity {
            Activity::ServiceInstall(install) if driver(&install.service_type) && !stray(&install.image_path) => return,
            Activity::ServiceInstall(install) => (&install.name, &install.image_path, false),
            Activity::RpcCall(call)
                if call.interface_name == "svcctl" && matches!(call.opnum, 11 | 12 | 23 | 24 | 44 | 45 | 60) =>
            {
                match &call.arguments {
                    RpcArguments::Service { name, image_path } if !image_path.is_empty() => (name, image_path, true),
                    _ => return,
                }
            }
            _ => return,
        };
        let host = words::target(event);
        if self.usual.met(&format!("{}|{}", name.to_lowercase(), path.to_lowercase()), context.mode) {
            verdicts.decline(event.time, name.as_str(), "the service was installed so while learning");
            return;
        }
        let mut reasons = reasons(name, path);
        if matches!(&event.activity, Activity::ServiceInstall(install) if driver(&install.service_type)) {
            reasons.push(("driver", 2.0, "a driver outside of the folders of the system and of programs".into()));
        }
        if remote && !reasons.is_empty() {
            reasons.push(("remote", 1.0, "installed over the network".into()));
        }
        let sum: f64 = reasons.iter().map(|(_, weight, _)| weight).sum();
        if sum < config.weight {
            verdicts.decline(event.time, name.as_str(), format!("weight {sum} of {}", config.weight));
            return;
        }
        let who = words::who(event, context.snapshot);
        let by =
            if event.actor.is_some() || remote { format!("{who} installed") } else { "There was installed".into() };
        let story = format!("{by} the service {name} on {host}{}: {path}", words::answer(event));
        // A tool that installs a service per command is one alert.
        let lately = self.lately.entry(&host.to_lowercase(), Sliding::new);
        lately.push(event.time, name.to_lowercase(), WINDOW, MANY);
        let key = match lately.distinct().len() {
            MANY => format!("{host}|several"),
            _ => format!("{host}|{}", name.to_lowercase()),
        };
        let mut verdict = Verdict::of(event, key, story, "service installed").against(format!("{name}: {path}"));
        for (name, weight, text) in reasons {
            verdict = verdict.because(name, weight, weight * 20.0, text);
        }
        verdicts.raise(verdict.score((50.0 + 15.0 * sum).min(95.0)));
    }

    fn entries(&self) -> usize {
        self.usual.entries() + self.lately.len()
    }
}

/// Kernel and file system drivers, whose paths are the system's business.
fn driver(service_type: &str) -> bool {
    let text = service_type.to_lowercase();
    text.contains("driver") || matches!(text.as_str(), "0x1" | "0x2" | "0x8")
}

/// A driver that lies where neither the system nor an installer puts one.
fn stray(path: &str) -> bool {
    let lower = path.to_lowercase().replace('"', "");
    let rooted = lower.trim_start_matches("\\??\\").get(1..3) == Some(":\\");
    let homes = [":\\windows\\", "\\program files", ":\\programdata\\microsoft\\", "\\systemroot\\"];
    (rooted && !homes.iter().any(|home| lower.contains(home))) || lower.contains("mimidrv")
}

/// What speaks against a service, with its weight.
fn reasons(name: &str, path: &str) -> Vec<(&'static str, f64, String)> {
    let lower = path.to_lowercase().replace('"', "");
    let has = |parts: &[&'static str]| parts.iter().copied().find(|part| lower.contains(part));
    let mut found = Vec::new();
    let mut add = |name, weight, text: String| found.push((name, weight, text));
    let shells = [
        "cmd.exe",
        "%comspec%",
        "powershell",
        "pwsh",
        "mshta",
        "wscript",
        "cscript",
        "rundll32",
        "regsvr32",
        "cmd /",
        "bash -c",
    ];
    if let Some(shell) = has(&shells) {
        add("interpreter", 2.0, format!("the program is an interpreter: {shell}"));
    }
    if has(&["-enc", "frombase64", "iex", "downloadstring", "invoke-", "-nop", "hidden"]).is_some() {
        add("command", 2.0, "the command is encoded, hidden or loads code".into());
    }
    if has(&["\\\\127.0.0.1\\", "\\\\localhost\\", "admin$", "\\pipe\\", "> \\\\"]).is_some() {
        add("redirected", 2.0, "it writes to a share or a pipe of its own host".into());
    } else if lower.starts_with("\\\\") && !lower.starts_with("\\\\?\\") {
        add("share", 2.0, "the program lies on a share".into());
    }
    if has(&[
        "\\temp\\",
        "\\tmp\\",
        "\\appdata\\",
        "\\users\\public\\",
        "\\perflogs\\",
        "$recycle",
        "\\windows\\debug\\",
    ])
    .is_some()
    {
        add("folder", 2.0, "the program lies in a folder where anyone writes".into());
    }
    if has(&["psexesvc", "paexec", "remcomsvc", "winexesvc", "csexecsvc", "meterpreter", "mimidrv", "cobaltstrike"])
        .is_some()
    {
        add("tool", 2.0, "the name of a remote execution tool".into());
    }
    if chance(name) {
        add("service-name", 1.0, format!("the name {name} looks made by chance"));
    }
    if !lower.contains(['\\', '%', '/']) && !lower.is_empty() && has(&shells).is_none() {
        add("no-folder", 2.0, "the program is named without a folder".into());
    }
    let file = lower.split_whitespace().next().unwrap_or_default();
    let folder = file.rsplit_once('\\').map(|(folder, _)| folder).unwrap_or_default();
    let bare =
        matches!(folder, "%systemroot%" | "c:\\windows" | "\\systemroot" | "%windir%" | "c:") || folder.is_empty();
    // The name as written: case is one of the signs.
    let stem = path.trim_matches('"').rsplit('\\').next().unwrap_or_default().split('.').next().unwrap_or_default();
    if bare && chance(stem) {
        add("file-name", 1.0, format!("the program {stem} lies at the root of a share or of Windows"));
    }
    found
}

/// Letters without sense: upper and lower case mixed inside, or long without vowels.
fn chance(name: &str) -> bool {
    let letters = name.len() >= 4 && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !letters || name.len() > 32 {
        return false;
    }
    let pairs = || name.chars().zip(name.chars().skip(1));
    let turns = pairs().filter(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase()).count();
    let runs = pairs().filter(|(a, b)| a.is_ascii_uppercase() && b.is_ascii_uppercase()).count();
    let vowels = name.chars().filter(|c| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')).count();
    let mixed = turns >= 1 && runs >= 1 && !name.chars().next().is_some_and(|c| c.is_ascii_uppercase() && runs == 1);
    let starts_low = name.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && runs >= 1;
    (mixed || starts_low || (name.len() >= 7 && vowels * 6 <= name.len()))
        && name.chars().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcCall, RpcTransport, ServiceInstall};

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "suspicious-service-creation";

    fn install(secs: i64, name: &str, path: &str, kind: &str) -> Event {
        let install = ServiceInstall {
            name: name.into(),
            image_path: path.into(),
            service_type: kind.into(),
            ..ServiceInstall::default()
        };
        by(event(secs, Activity::ServiceInstall(Box::new(install))), "admin", "srv1", Outcome::Success)
    }

    fn created(name: &str, path: &str) -> Event {
        let call = RpcCall {
            interface: None,
            interface_name: "svcctl".into(),
            opnum: 12,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments: RpcArguments::Service { name: name.into(), image_path: path.into() },
        };
        by(event(0, Activity::RpcCall(Box::new(call))), "admin", "ws1", Outcome::Success)
    }

    #[test]
    fn interpreters_shares_and_temporary_folders_fire() {
        for path in [
            "%COMSPEC% /Q /c echo whoami ^> \\\\127.0.0.1\\C$\\__output",
            "powershell.exe -nop -enc SQBFAFgA",
            "\\\\10.0.0.9\\share\\a.exe",
            "C:\\Windows\\Temp\\a.exe",
        ] {
            assert_eq!(alerts(SLUG, &[install(0, "Updater", path, "user mode service")]).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_name_made_by_chance_fires_where_it_came_over_the_network() {
        assert_eq!(alerts(SLUG, &[created("lYGO", "%systemroot%\\hqtXmrBM.exe")]).len(), 1);
    }

    #[test]
    fn ordinary_services_and_drivers_stay_silent() {
        for (name, path) in [
            ("MSSQLSERVER", "\"C:\\Program Files\\Microsoft SQL Server\\sqlservr.exe\" -sMSSQLSERVER"),
            ("gupdate", "\"C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe\" /svc"),
            ("WinDefend", "\"C:\\ProgramData\\Microsoft\\Windows Defender\\MsMpEng.exe\""),
            ("CDPUserSvc_1a2b3", "C:\\Windows\\system32\\svchost.exe -k UnistackSvcGroup"),
        ] {
            assert!(alerts(SLUG, &[install(0, name, path, "user mode service")]).is_empty(), "{name}");
        }
        assert!(alerts(SLUG, &[install(0, "x", "C:\\Windows\\Temp\\x.sys", "kernel mode driver")]).is_empty());
    }

    #[test]
    fn a_service_known_from_learning_stays_silent() {
        let history = [install(-9000, "Agent", "C:\\Windows\\Temp\\agent.exe", "")];
        let events = [install(0, "Agent", "C:\\Windows\\Temp\\agent.exe", "")];
        assert!(run(SLUG, Sensitivity::High, &history, &events).is_empty());
    }

    #[test]
    fn drivers_outside_of_the_systems_folders_fire_and_updates_of_the_scanner_do_not() {
        let driver = |path: &str| install(0, "drv", path, "0x1");
        assert_eq!(alerts(SLUG, &[driver("C:\\Tools\\kit\\drv.sys")]).len(), 1);
        for path in ["system32\\drivers\\e1d.sys", "\\SystemRoot\\System32\\drivers\\x.sys", "C:\\Windows\\Temp\\x.sys"]
        {
            assert!(alerts(SLUG, &[driver(path)]).is_empty(), "{path}");
        }
        let update = "C:\\ProgramData\\Microsoft\\Windows Defender\\Definition Updates\\{1}\\MpKslDrv.sys";
        assert!(alerts(SLUG, &[driver(update)]).is_empty());
    }

    #[test]
    fn a_service_per_command_is_one_alert_from_the_third_on() {
        let flood: Vec<Event> =
            (0..200).map(|i| install(i, &format!("svc{i}"), "cmd.exe /c echo part", "user mode service")).collect();
        assert_eq!(alerts(SLUG, &flood).len(), 3);
    }
}
