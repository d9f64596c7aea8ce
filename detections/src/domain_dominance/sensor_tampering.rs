//! ## What it finds
//! Auditing switched off, or the services that record and protect stopped or removed.
//!
//! ## Why it matters
//! An intruder who can blinds the watch first. What then happens leaves no record.
//!
//! ## Evidence it needs
//! Events: 4719 (audit policy *Audit Policy Change*), 4688 or Sysmon 1 with command lines. Wire: SVCCTL control, change and
//! delete of services by name, where the stub is clear.
//!
//! ## How it decides
//! 4719 removes success or failure auditing of a watched subcategory; a process line clears logs, disables auditing, or stops
//! a watched service; a remote call stops, changes or deletes a watched service. An actor who did the same `usual_times`
//! while learning stays silent; the policy engine's own reapplication (an added setting) never counts.
//!
//! ## Blind spots
//! Tools that blind the sensor inside the kernel; a process without its command line.
//!
//! ## Likely benign causes
//! A change of audit policy, the update of an agent.
//!
//! ## What to do
//! Switch the recording on again, ask the actor, look at what happened on the host since.
//!
//! ## References
//! T1562.001, T1562.002; Defender for Identity (SuspectedMDITampering); event 4719; `[MS-SCMR] 3.1.4`.

use hopwatch_model::event::{ProcessStart, RpcArguments, RpcCall};
use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// SVCCTL (`[MS-SCMR] 1.9`).
const SVCCTL: Guid = Guid::from_u128(0x367a_bb81_9844_35f1_ad32_98f0_3800_1003);
/// `RControlService`, `RDeleteService`, `RChangeServiceConfigW`, `RChangeServiceConfigA` (`[MS-SCMR] 3.1.4`).
const STOPS: [u16; 4] = [1, 2, 11, 23];
/// Audit subcategories that detections read (`[MS-GPAC] 2.2.1`): logon, special logon, Kerberos authentication and service
/// tickets, credential validation, directory access and changes, account and group management, security system extension,
/// process creation, certification services, policy change.
const SUBCATEGORIES: [&str; 14] = [
    "0cce9215", "0cce921b", "0cce9242", "0cce9240", "0cce923f", "0cce923b", "0cce923c", "0cce9235", "0cce9236",
    "0cce9237", "0cce9211", "0cce922b", "0cce9221", "0cce922f",
];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Services that record or protect, by name; case does not matter.
    pub services: Vec<String>,
    /// How often the actor must have done the same while learning.
    pub usual_times: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let services = [
            "EventLog",
            "Sysmon",
            "Sysmon64",
            "WinDefend",
            "Sense",
            "MsMpSvc",
            "AATPSensor",
            "AATPSensorUpdater",
            "Wecsvc",
            "hopwatch",
            "npcap",
            "auditd",
        ];
        Self { services: services.map(String::from).into(), usual_times: Habit::preset(sensitivity).usual_times }
    }
}

/// Who changes auditing usually.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SensorTampering {
    habits: Habits,
}

impl Rule for SensorTampering {
    const META: Meta = Meta {
        slug: "sensor-tampering",
        title: "Auditing or a protecting service was switched off",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1562.001", "T1562.002"],
        external_id: None,
        actions: &[
            "Switch the auditing or the service on again",
            "Ask the actor whether it was planned",
            "Look at what happened on the host since, from other sources",
        ],
        source: include_str!("sensor_tampering.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if event.outcome.failed() {
            return;
        }
        let what = match &event.activity {
            Activity::AuditTampering(tampering) => audit_removed(&tampering.subject, &tampering.action),
            Activity::ProcessStart(process) => by_command(process, config),
            Activity::RpcCall(call) => by_call(call, config),
            _ => None,
        };
        let Some(what) = what else { return };
        let host = event.target.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
        let actor = change::actor(event, context.snapshot);
        let habit = Habit { usual_times: config.usual_times };
        if self.habits.usual(&habit, &format!("{}|{what}", actor.key), event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} {what} on {host}.");
        let text = format!("{} did not do so while learning", actor.label);
        verdicts.raise(
            Verdict::of(event, format!("{}|{host}", actor.key), story, &what)
                .against(host)
                .because("blinded", 1.0, 50.0, text)
                .score(85.0),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn audit_removed(subject: &str, action: &str) -> Option<String> {
    let action = action.to_lowercase();
    let subject = subject.to_lowercase();
    let watched = SUBCATEGORIES.iter().any(|known| subject.starts_with(known));
    (watched && action.contains("removed")).then(|| format!("switched auditing of subcategory {subject} off"))
}

fn by_command(process: &ProcessStart, config: &Config) -> Option<String> {
    let line = process.command_line.to_lowercase();
    let has = |parts: &[&str]| parts.iter().all(|part| line.contains(part));
    let auditing = has(&["auditpol", "/clear"])
        || has(&["auditpol", "/remove"])
        || (has(&["auditpol", "/set"]) && (line.contains("success:disable") || line.contains("failure:disable")));
    if auditing {
        return Some("switched auditing off by command".into());
    }
    if has(&["wevtutil", " cl "]) || has(&["wevtutil", "clear-log"]) || line.contains("clear-eventlog") {
        return Some("cleared logs by command".into());
    }
    if has(&["fltmc", "unload"]) || has(&["set-mppreference", "-disable", "true"]) {
        return Some("disarmed a protection by command".into());
    }
    let stops = [" stop ", " delete ", "stop-service", "start= disabled", "remove-service"];
    if !stops.iter().any(|verb| line.contains(verb)) {
        return None;
    }
    let words: Vec<&str> = line.split([' ', '"', '\'', '\t']).collect();
    let named = config.services.iter().find(|service| words.contains(&service.to_lowercase().as_str()));
    named.map(|service| format!("stopped or removed the service {service} by command"))
}

fn by_call(call: &RpcCall, config: &Config) -> Option<String> {
    if call.interface != Some(SVCCTL) || !STOPS.contains(&call.opnum) {
        return None;
    }
    let RpcArguments::Service { name, .. } = &call.arguments else { return None };
    let named = config.services.iter().any(|service| service.eq_ignore_ascii_case(name));
    named.then(|| format!("stopped, changed or removed the service {name} remotely"))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::AuditTampering;

    use super::*;
    use crate::testing::{alerts, by, call, event, run};

    const SLUG: &str = "sensor-tampering";

    fn policy(secs: i64, subject: &str, action: &str) -> Event {
        let tampering = AuditTampering { subject: subject.into(), action: action.into() };
        by(event(secs, Activity::AuditTampering(Box::new(tampering))), "ann", "ws1", Outcome::Success)
    }

    fn process(secs: i64, line: &str) -> Event {
        let process = ProcessStart { command_line: line.into(), ..ProcessStart::default() };
        by(event(secs, Activity::ProcessStart(Box::new(process))), "ann", "srv1", Outcome::Success)
    }

    const DIRECTORY_CHANGES: &str = "0cce923c-69ae-11d9-bed3-505054503030";

    #[test]
    fn auditing_removed_fires_and_added_does_not() {
        assert_eq!(alerts(SLUG, &[policy(0, DIRECTORY_CHANGES, "success removed, failure removed")]).len(), 1);
        assert!(alerts(SLUG, &[policy(0, DIRECTORY_CHANGES, "success added")]).is_empty());
        let plug_and_play = "0cce9248-69ae-11d9-bed3-505054503030";
        assert!(alerts(SLUG, &[policy(0, plug_and_play, "success removed")]).is_empty());
    }

    #[test]
    fn commands_that_blind_fire() {
        for line in [
            "auditpol /set /category:* /success:disable",
            "wevtutil cl Security",
            "sc stop EventLog",
            "net stop \"WinDefend\"",
        ] {
            assert_eq!(alerts(SLUG, &[process(0, line)]).len(), 1, "{line}");
        }
    }

    #[test]
    fn commands_that_only_look_stay_silent() {
        for line in [
            "auditpol /get /category:*",
            "wevtutil qe Security",
            "sc query EventLog",
            "net stop Spooler",
            "sc stop eventlogviewer",
        ] {
            assert!(alerts(SLUG, &[process(0, line)]).is_empty(), "{line}");
        }
    }

    #[test]
    fn a_remote_stop_of_a_watched_service_fires_and_of_another_does_not() {
        let stop = |name: &str| {
            let arguments = RpcArguments::Service { name: name.into(), image_path: String::new() };
            call(0, SVCCTL, 1, arguments, "ann", "ws1")
        };
        assert_eq!(alerts(SLUG, &[stop("eventlog")]).len(), 1);
        assert!(alerts(SLUG, &[stop("Spooler")]).is_empty());
    }

    #[test]
    fn the_agent_that_updates_itself_always_stays_silent() {
        let update = |secs| process(secs, "sc stop Sysmon64");
        assert!(run(SLUG, Sensitivity::High, &[update(-9000)], &[update(0)]).is_empty());
    }
}
