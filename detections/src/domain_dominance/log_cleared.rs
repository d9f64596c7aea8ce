//! ## What it finds
//! An event log cleared.
//!
//! ## Why it matters
//! Nobody clears the security log of a server in daily work: it hides what was done before.
//!
//! ## Evidence it needs
//! Events: 1102 (security log), 104 (any other). Wire: `ElfrClearELFW` (EVEN opnum 0) and `EvtRpcClearLog` (EVEN6 opnum 6).
//!
//! ## How it decides
//! Each clearing of the security log fires high, of another log in `logs` medium, of the rest not. Both views of one act
//! join by host. Nothing is learned: a habit of clearing the security log is a finding itself.
//!
//! ## Blind spots
//! Single records removed from the file; a stopped log service (sensor-tampering).
//!
//! ## Likely benign causes
//! Preparing a machine image.
//!
//! ## What to do
//! Ask the actor; restore the records from the collector; look at the hour before on the same host.
//!
//! ## References
//! T1070.001; events 1102, 104; `[MS-EVEN] 3.1.4.1`, `[MS-EVEN6] 3.1.4.16`.

use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// EVEN (`[MS-EVEN] 1.9`).
const EVEN: Guid = Guid::from_u128(0x82273fdc_e32a_18c3_3f78_827929dc23ea);
/// EVEN6 (`[MS-EVEN6] 1.9`).
const EVEN6: Guid = Guid::from_u128(0xf6beaff7_1e19_4fbb_9f8f_b89e2018337c);

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Logs beside the security log whose clearing counts: parts of their names, case does not matter.
    pub logs: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let mut logs: Vec<String> =
            ["System", "Directory Service", "PowerShell", "Sysmon", "TaskScheduler"].map(String::from).into();
        if sensitivity == Sensitivity::Low {
            // The empty text is part of every name.
            logs.push(String::new());
        }
        Self { logs }
    }
}

/// No state: each clearing decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogCleared {}

impl Rule for LogCleared {
    const META: Meta = Meta {
        slug: "log-cleared",
        title: "Event log cleared",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1070.001"],
        external_id: None,
        actions: &[
            "Ask the actor why the log was cleared",
            "Look at the hour before on the same host, from the records collected elsewhere",
        ],
        source: include_str!("log_cleared.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(log) = cleared(event) else { return };
        let host = event.target.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
        let security = log.eq_ignore_ascii_case("Security");
        let lower = log.to_lowercase();
        if !security && !config.logs.iter().any(|part| lower.contains(&part.to_lowercase())) {
            verdicts.decline(event.time, host, format!("the log {log} is not watched"));
            return;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} cleared the log {log} of {host}.");
        let (severity, score) = if security { (Severity::High, 85.0) } else { (Severity::Medium, 70.0) };
        verdicts.raise(
            Verdict::of(event, host.clone(), story, "log cleared")
                .against(format!("log {log} of {host}"))
                .because("cleared", 1.0, 50.0, "logs roll over by themselves: clearing only hides".into())
                .severity(severity)
                .score(score),
        );
    }

    fn entries(&self) -> usize {
        0
    }
}

/// The log that was cleared; over RPC the handle's name is not known, and the security log is assumed of none.
fn cleared(event: &Event) -> Option<String> {
    if event.outcome.failed() {
        return None;
    }
    match &event.activity {
        Activity::AuditTampering(tampering) if tampering.action == "cleared" => Some(tampering.subject.clone()),
        Activity::RpcCall(call)
            if (call.interface == Some(EVEN) && call.opnum == 0)
                || (call.interface == Some(EVEN6) && call.opnum == 6) =>
        {
            Some("System or another".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuditTampering, RpcArguments};

    use super::*;
    use crate::testing::{alerts, by, call, event};

    const SLUG: &str = "log-cleared";

    fn record(secs: i64, log: &str, action: &str) -> Event {
        let tampering = AuditTampering { subject: log.into(), action: action.into() };
        by(event(secs, Activity::AuditTampering(Box::new(tampering))), "ann", "ws1", Outcome::Success)
    }

    #[test]
    fn the_security_log_fires_high_and_the_call_joins() {
        let found =
            alerts(SLUG, &[call(0, EVEN6, 6, RpcArguments::None, "ann", "ws1"), record(1, "Security", "cleared")]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
    }

    #[test]
    fn a_log_of_no_interest_and_a_policy_change_stay_silent() {
        assert!(alerts(SLUG, &[record(0, "Setup", "cleared"), record(1, "Security", "success removed")]).is_empty());
    }

    #[test]
    fn reading_a_log_remotely_stays_silent() {
        let events =
            [call(0, EVEN6, 5, RpcArguments::None, "ann", "ws1"), call(1, EVEN, 10, RpcArguments::None, "ann", "ws1")];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_refused_call_stays_silent() {
        let refused = Event { outcome: Outcome::Failure(5), ..call(0, EVEN, 0, RpcArguments::None, "ann", "ws1") };
        assert!(alerts(SLUG, &[refused]).is_empty());
    }
}
