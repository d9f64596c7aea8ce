//! ## What it finds
//! Code run on another host over its management interfaces: services, scheduled tasks, WMI.
//!
//! ## Why it matters
//! It is how an intruder with an administrator's credential moves on; towards a controller it ends the story.
//!
//! ## Evidence it needs
//! Wire: SVCCTL, TSCH, ATSVC and `IWbemServices` calls (opnums are clear where stubs are sealed), the pipes `atsvc` and
//! those of known execution services. Events: 5145 for these pipes.
//!
//! ## How it decides
//! A call that makes or starts something: `RCreateService*`, `RStartService*`, `RChangeServiceConfig*`;
//! `SchRpcRegisterTask`, `SchRpcRun`, `NetrJobAdd`; `IWbemServices::ExecMethod`; the pipe `atsvc`, which today's own tools
//! no longer open; a pipe of PsExec and its kin. The target is another host than the source. What an actor did to a
//! target from a source while learning is spared, as are hosts of `managers`. Reading calls (open, query, enumerate)
//! stay silent. The first call decides; High where the target is a controller or of Tier Zero.
//!
//! ## Blind spots
//! WinRM and DCOM objects other than WMI's, whose calls cannot be told from administration; encrypted SMB.
//!
//! ## Likely benign causes
//! Software distribution, monitoring and vulnerability scanners: name them as `managers`, or let them be learned.
//!
//! ## What to do
//! Ask the actor; look at the service, task or process on the target; isolate both hosts if nobody knows of it.
//!
//! ## References
//! T1021.002, T1047, T1053.005, T1569.002; Defender for Identity 2019; `[MS-SCMR] 3.1.4`, `[MS-TSCH] 3.2.5`, `[MS-WMI]
//! 3.1.4.3.22`.

use hopwatch_model::event::{RpcArguments, RpcCall, SmbFileAction};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Pipes of remote execution services, by the beginning of their names.
const PIPES: &[(&str, &str)] = &[
    ("psexesvc", "PsExec"),
    ("paexec", "PAExec"),
    ("remcom_", "RemCom"),
    ("csexecsvc", "CSExec"),
    ("winexesvc", "winexe"),
    ("atsvc", "the task scheduler (ATSVC)"),
];

/// Programs of remote execution services.
const PROGRAMS: &[(&str, &str)] = &[
    ("psexesvc.exe", "PsExec"),
    ("remcomsvc.exe", "RemCom"),
    ("paexec.exe", "PAExec"),
    ("csexecsvc.exe", "CSExec"),
    ("winexesvc.exe", "winexe"),
];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Hosts that manage others by design: short names.
    pub managers: Vec<String>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { managers: Vec::new() }
    }
}

/// Who managed what from where while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RemoteExecution {
    usual: Usual,
}

impl Rule for RemoteExecution {
    const META: Meta = Meta {
        slug: "remote-execution",
        title: "Code run on another host",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1021.002", "T1047", "T1053.005", "T1569.002"],
        external_id: Some(2019),
        actions: &[
            "Ask the actor whether they did it",
            "Look at the service, task or process on the target",
            "Isolate source and target if nobody knows of it",
        ],
        source: include_str!("remote_execution.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let found = match &event.activity {
            Activity::RpcCall(call) => executes(call),
            Activity::SmbFile(file) if matches!(file.action, SmbFileAction::Create | SmbFileAction::Write) => {
                tool(&file.path)
            }
            Activity::SmbFile(file)
                if file.share.eq_ignore_ascii_case("ipc$") && file.action == SmbFileAction::Open =>
            {
                pipe(&file.path)
            }
            Activity::ShareAccess(access) if access.share.to_lowercase().ends_with("ipc$") => pipe(&access.path),
            // WriteData of 5145's mask.
            Activity::ShareAccess(access) if access.access_mask & 2 != 0 => tool(&access.path),
            _ => None,
        };
        let Some((how, what)) = found else { return };
        let source = event.source.as_ref().map(Host::key).unwrap_or_default();
        let target = event.target.as_ref().map(Host::key).unwrap_or_default();
        if source.is_empty() || source == target {
            return;
        }
        let key = format!("{}|{target}", words::key(event));
        if config.managers.iter().any(|manager| short_name(manager) == source) {
            verdicts.decline(event.time, key, "a managing host");
            return;
        }
        if self.usual.met(&format!("{key}|{how}"), context.mode) {
            verdicts.decline(event.time, key, format!("the actor used {how} on this host while learning"));
            return;
        }
        let high = event.target.as_ref().is_some_and(|target| {
            let node = context.snapshot.lookup().host(target);
            context.shared.controllers.contains(target, context.snapshot)
                || node.is_some_and(|node| directory::sensitive(context.snapshot, node))
        });
        let (who, on) = (words::who(event, context.snapshot), words::target(event));
        let story = format!("{who} ran {what} on {on} by {how}{}.", words::answer(event));
        let text = format!("{how}; the actor never did so on {on} while learning");
        let severity = if high { Severity::High } else { Severity::Medium };
        let verdict = Verdict::of(event, key, story, how).because("call", 1.0, 60.0, text).against(what);
        verdicts.raise(verdict.severity(severity).score(if high { 90.0 } else { 75.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

/// How a call executes, and what.
fn executes(call: &RpcCall) -> Option<(&'static str, String)> {
    let what = |fallback: &str| match &call.arguments {
        RpcArguments::Service { name, image_path } if image_path.is_empty() => format!("the service {name}"),
        RpcArguments::Service { name, image_path } => format!("the service {name} ({image_path})"),
        RpcArguments::Task { path, .. } => format!("the task {path}"),
        _ => fallback.to_owned(),
    };
    match (call.interface_name.as_str(), call.opnum) {
        // RCreateServiceW, A, WOW64A, WOW64W; RStartServiceW, A; RChangeServiceConfigW, A.
        ("svcctl", 12 | 24 | 44 | 45 | 60 | 19 | 31 | 11 | 23) => Some(("the service manager", what("a service"))),
        // SchRpcRegisterTask, SchRpcRun.
        ("tsch", 1 | 12) => Some(("the task scheduler", what("a task"))),
        // NetrJobAdd.
        ("atsvc", 0) => Some(("the task scheduler (ATSVC)", what("a task"))),
        // ExecMethod, ExecMethodAsync.
        ("IWbemServices", 24 | 25) => Some(("WMI", String::from("a method"))),
        _ => None,
    }
}

/// The program of an execution service, written to a share.
fn tool(path: &str) -> Option<(&'static str, String)> {
    let file = path.rsplit('\\').next()?.to_lowercase();
    let (_, how) = PROGRAMS.iter().find(|(name, _)| file == *name)?;
    Some((how, format!("the program {file}")))
}

fn pipe(path: &str) -> Option<(&'static str, String)> {
    let name = path.trim_start_matches('\\').to_lowercase();
    // PsExec names its streams so, whatever its service is renamed to.
    if name.ends_with("-stdin") || name.ends_with("-stdout") || name.ends_with("-stderr") {
        return Some(("PsExec", format!("something over the pipe {name}")));
    }
    let (_, how) = PIPES.iter().find(|(start, _)| name.starts_with(start))?;
    Some((how, format!("something over the pipe {name}")))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcTransport, SmbFile};

    use super::*;
    use crate::testing::{alerts, by, event, host, run};

    const SLUG: &str = "remote-execution";

    fn call(secs: i64, interface: &str, opnum: u16, target: &str) -> Event {
        let call = RpcCall {
            interface: None,
            interface_name: interface.into(),
            opnum,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::Privacy,
            bind_seen: true,
            arguments: RpcArguments::None,
        };
        let event = by(event(secs, Activity::RpcCall(Box::new(call))), "ann", "ws1", Outcome::Success);
        Event { target: Some(host(target)), ..event }
    }

    #[test]
    fn creating_starting_scheduling_and_wmi_fire() {
        for (interface, opnum) in [("svcctl", 12), ("svcctl", 19), ("tsch", 1), ("atsvc", 0), ("IWbemServices", 24)] {
            assert_eq!(alerts(SLUG, &[call(0, interface, opnum, "srv1")]).len(), 1, "{interface} {opnum}");
        }
        assert_eq!(alerts(SLUG, &[call(0, "svcctl", 12, "dc1")])[0].severity, Severity::High);
    }

    #[test]
    fn reading_calls_stay_silent() {
        for opnum in [0, 6, 14, 15, 16, 17] {
            assert!(alerts(SLUG, &[call(0, "svcctl", opnum, "srv1")]).is_empty());
        }
    }

    #[test]
    fn the_pipe_of_the_old_scheduler_fires_and_others_do_not() {
        let open = |path: &str| {
            let file = SmbFile { share: "IPC$".into(), path: path.into(), action: SmbFileAction::Open, bytes: 0 };
            by(event(0, Activity::SmbFile(Box::new(file))), "ann", "ws1", Outcome::Failure(0xC000_0034))
        };
        assert_eq!(alerts(SLUG, &[open("atsvc")]).len(), 1);
        assert!(alerts(SLUG, &[open("srvsvc"), open("samr"), open("svcctl")]).is_empty());
    }

    #[test]
    fn the_own_host_and_the_habit_stay_silent() {
        assert!(alerts(SLUG, &[call(0, "svcctl", 12, "ws1")]).is_empty());
        let history = [call(-9000, "svcctl", 12, "srv1")];
        assert!(run(SLUG, Sensitivity::High, &history, &[call(0, "svcctl", 19, "srv1")]).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[call(0, "svcctl", 19, "ws2")]).len(), 1);
    }
}
