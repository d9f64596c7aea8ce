//! ## What it finds
//! Code run on another host over its management interfaces: services, scheduled tasks, WMI, DCOM, PowerShell remoting.
//!
//! ## Why it matters
//! It is how an intruder with an administrator's credential moves on; towards a controller it ends the story.
//!
//! ## Evidence it needs
//! Wire: SVCCTL, TSCH, ATSVC and `IWbemServices` calls (opnums are clear where stubs are sealed), the pipes `atsvc` and
//! those of known execution services, `IDispatch` calls, tickets and NTLM for port 5985 or 5986. Events: 5145 for these pipes; 4697
//! and 4698 in a session from another host (joined by logon id with 4624); 4688 or Sysmon 1.
//!
//! ## How it decides
//! A call that makes or starts something: `RCreateService*`, `RStartService*`, `RChangeServiceConfig*`;
//! `SchRpcRegisterTask`, `SchRpcRun`, `NetrJobAdd`; `IWbemServices::ExecMethod`; the pipe `atsvc`, which today's own tools
//! no longer open; a pipe of PsExec and its kin; `pipe_opens` of `svcctl` within ten minutes, where each is one call;
//! `IDispatch::Invoke` between hosts; a session of a user with port 5985 or 5986; a service or task registered in a network
//! session; `wsmprovhost` started for a user; a command under WMI's provider host or the service manager whose output goes to a
//! share of its own host. The target is another host than the source. What an actor did to a
//! target from a source while learning is spared, as are hosts of `managers`. Reading calls (open, query, enumerate)
//! stay silent. The first call decides; High where the target is a controller or of Tier Zero.
//!
//! ## Blind spots
//! What a PowerShell session does; encrypted SMB.
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

use std::time::Duration;

use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::event::{LogonType, ProcessStart, SmbFileAction};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::execution::{REMOTING, executes, pipe, remotely_started, tool};
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Hosts that manage others by design: short names.
    pub managers: Vec<String>,
    /// Opens of the service manager's pipe within ten minutes, where the log does not show the calls.
    pub pipe_opens: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let pipe_opens = match sensitivity {
            Sensitivity::High => 30,
            Sensitivity::Medium => 15,
            Sensitivity::Low => 5,
        };
        Self { managers: Vec::new(), pipe_opens }
    }
}

/// The most actors whose sessions and pipes are followed.
const ACTORS: usize = 20_000;
/// The window of pipe opens.
const WINDOW: Duration = Duration::from_secs(600);

/// Who managed what from where while learning; who sits at a host over remote desktop; opens of the service manager's pipe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemoteExecution {
    usual: Usual,
    desktops: Table<Timestamp>,
    /// Hosts on which an execution was told from the network's side.
    told: Table<Timestamp>,
    opens: Table<Sliding<u64>>,
}

impl Default for RemoteExecution {
    fn default() -> Self {
        Self {
            usual: Usual::default(),
            desktops: Table::new(ACTORS),
            told: Table::new(ACTORS),
            opens: Table::new(ACTORS),
        }
    }
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
            Activity::Logon(logon) if logon.logon_type == LogonType::RemoteInteractive => {
                self.desktops.entry(&pair(event), || event.time);
                return;
            }
            Activity::ProcessStart(process) => return self.on_process(process, event, context, verdicts),
            // The log gives the source of the session in which it happened. At a remote desktop one works as if there.
            Activity::ServiceInstall(install) if self.desktops.get(&pair(event)).is_none() => {
                Some(("the service manager", format!("the service {} ({})", install.name, install.image_path)))
            }
            Activity::TaskRegistration(task) if self.desktops.get(&pair(event)).is_none() => {
                Some(("the task scheduler", format!("the task {} ({})", task.name, task.command)))
            }
            Activity::TicketUse(usage) if usage.carrier == "http" && remoting(event) => session_of_a_user(event),
            Activity::NtlmLogon(logon) if logon.carrier == "http" && remoting(event) => session_of_a_user(event),
            Activity::RpcCall(call) => executes(call),
            Activity::SmbFile(file) if matches!(file.action, SmbFileAction::Create | SmbFileAction::Write) => {
                tool(&file.path)
            }
            Activity::SmbFile(file)
                if file.share.eq_ignore_ascii_case("ipc$") && file.action == SmbFileAction::Open =>
            {
                pipe(&file.path)
            }
            Activity::ShareAccess(access) if access.share.to_lowercase().ends_with("ipc$") => {
                pipe(&access.path).or_else(|| self.opens(config, &access.path, event))
            }
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
        *self.told.entry(&target, || event.time) = event.time;
        let (who, on) = (words::who(event, context.snapshot), words::target(event));
        let story = format!("{who} ran {what} on {on} by {how}{}.", words::answer(event));
        let text = format!("{how}; the actor never did so on {on} while learning");
        let severity = if high { Severity::High } else { Severity::Medium };
        let verdict = Verdict::of(event, key, story, how).because("call", 1.0, 60.0, text).against(what);
        verdicts.raise(verdict.severity(severity).score(if high { 90.0 } else { 75.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries() + self.desktops.len() + self.told.len() + self.opens.len()
    }
}

impl RemoteExecution {
    /// One more open of the service manager's pipe: a log that shows no calls shows at least how many there were.
    fn opens(&mut self, config: &Config, path: &str, event: &Event) -> Option<(&'static str, String)> {
        if !path.trim_start_matches('\\').eq_ignore_ascii_case("svcctl") {
            return None;
        }
        let seen = self.opens.entry(&pair(event), Sliding::new);
        seen.push(event.time, event.provenance.digest, WINDOW, config.pipe_opens);
        let count = seen.len();
        (count >= config.pipe_opens).then(|| ("the service manager", format!("{count} calls within ten minutes")))
    }

    /// A process that only remote execution starts; the log of processes does not tell from where.
    fn on_process(&mut self, process: &ProcessStart, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(how) = remotely_started(process) else { return };
        // Subscriptions and clusters use the same host program under machine accounts.
        let named = event.actor.as_ref().is_some_and(|actor| !actor.machine() && !actor.key().is_empty());
        let by_tool = how != REMOTING;
        if !named && !by_tool {
            return;
        }
        let on = words::target(event);
        let key = format!("{}|{}", words::key(event), on.to_lowercase());
        let told = event.target.as_ref().and_then(|target| self.told.get(&target.key()));
        if told.is_some_and(|told| *told + WINDOW >= event.time) {
            verdicts.decline(event.time, key, "the same execution was told from the network's side");
            return;
        }
        if self.usual.met(&format!("{key}|{how}"), context.mode) {
            verdicts.decline(event.time, key, format!("the actor used {how} on this host while learning"));
            return;
        }
        let what = if process.command_line.is_empty() { &process.image } else { &process.command_line };
        let who = words::who(event, context.snapshot);
        let story = format!("{who} ran a command on {on} by {how}: {what}");
        let text = format!("{how}; the actor never did so on {on} while learning");
        let verdict = Verdict::of(event, key, story, how).against(what.clone());
        verdicts.raise(verdict.because("process", 1.0, 50.0, text).score(if by_tool { 85.0 } else { 65.0 }));
    }
}

/// WinRM's ports (`[MS-WSMV] 2.1`).
fn remoting(event: &Event) -> bool {
    event.target.as_ref().and_then(|target| target.port).is_some_and(|port| matches!(port, 5985 | 5986))
}

/// A session with WinRM by a user. Event subscriptions run under machine accounts.
fn session_of_a_user(event: &Event) -> Option<(&'static str, String)> {
    let machine = event.actor.as_ref().is_some_and(|actor| actor.machine() || actor.name.trim().is_empty());
    (!machine && event.outcome.succeeded()).then(|| (REMOTING, String::from("a session")))
}

/// The actor, the source and the target.
fn pair(event: &Event) -> String {
    format!("{}|{}", words::key(event), event.target.as_ref().map(Host::key).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall, RpcTransport, SmbFile};

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

    fn process(image: &str, parent: &str, line: &str, actor: &str) -> Event {
        let process = ProcessStart {
            image: image.into(),
            parent: parent.into(),
            command_line: line.into(),
            ..ProcessStart::default()
        };
        let started = by(event(0, Activity::ProcessStart(Box::new(process))), actor, "", Outcome::Success);
        Event { source: None, target: Some(host("srv1")), ..started }
    }

    #[test]
    fn processes_that_a_remote_caller_starts_fire_and_ordinary_ones_do_not() {
        let fetched = "cmd.exe /Q /c whoami 1> \\\\127.0.0.1\\ADMIN$\\__16 2>&1";
        let host_program = "C:\\Windows\\System32\\wsmprovhost.exe";
        for event in [
            process("C:\\Windows\\System32\\cmd.exe", "C:\\Windows\\System32\\wbem\\WmiPrvSE.exe", fetched, "ann"),
            process("C:\\Windows\\System32\\cmd.exe", "C:\\Windows\\System32\\services.exe", fetched, "SYSTEM"),
            process(host_program, "svchost.exe", "wsmprovhost.exe -Embedding", "ann"),
        ] {
            assert_eq!(alerts(SLUG, &[event]).len(), 1);
        }
        for event in [
            process("C:\\Windows\\System32\\cmd.exe", "WmiPrvSE.exe", "cmd.exe /c inventory.bat", "ann"),
            process("C:\\Windows\\System32\\cmd.exe", "explorer.exe", "cmd.exe", "ann"),
            process(host_program, "svchost.exe", "wsmprovhost.exe -Embedding", "SRV1$"),
        ] {
            assert!(alerts(SLUG, &[event]).is_empty());
        }
    }

    #[test]
    fn thirty_opens_of_the_service_managers_pipe_fire_and_twenty_nine_do_not() {
        let opens = |count: i64| -> Vec<Event> {
            let access =
                hopwatch_model::event::ShareAccess { share: "IPC$".into(), path: "svcctl".into(), access_mask: 3 };
            let open =
                |i| by(event(i, Activity::ShareAccess(Box::new(access.clone()))), "ann", "ws1", Outcome::Success);
            (0..count).map(open).collect()
        };
        assert_eq!(alerts(SLUG, &opens(60)).len(), 1);
        assert!(alerts(SLUG, &opens(29)).is_empty());
    }

    #[test]
    fn a_task_registered_from_another_host_fires_and_at_a_remote_desktop_does_not() {
        let task = hopwatch_model::event::TaskRegistration { name: "\\Updater".into(), ..Default::default() };
        let made = |secs| {
            let event =
                by(event(secs, Activity::TaskRegistration(Box::new(task.clone()))), "ann", "ws1", Outcome::Success);
            Event { target: Some(host("srv1")), ..event }
        };
        assert_eq!(alerts(SLUG, &[made(0)]).len(), 1);
        let logon = hopwatch_model::event::Logon { logon_type: LogonType::RemoteInteractive, ..Default::default() };
        let desktop = by(event(-60, Activity::Logon(Box::new(logon))), "ann", "ws1", Outcome::Success);
        let desktop = Event { target: Some(host("srv1")), ..desktop };
        assert!(alerts(SLUG, &[desktop, made(0)]).is_empty());
    }
}
