//! ## What it finds
//! Exploits and tools by the way they speak a protocol: the EternalBlue family and DoublePulsar, SMBGhost, Metasploit and
//! Nmap by their SMB1 names.
//!
//! ## Why it matters
//! A system's client does not speak so by chance: someone attacks, or tests.
//!
//! ## Evidence it needs
//! Wire: anomalies that the SMB analyser reports, SMB1 session set-ups (native OS and LAN manager).
//!
//! ## How it decides
//! (a) A message that no client sends: `TRANS2_SESSION_SETUP` (DoublePulsar), `NT_TRANSACT_RENAME` (MS17-010), a compressed
//! message whose length overflows (CVE-2020-0796). (b) A native name of SMB1 that tools put there: Nmap's own, or Windows
//! 2000's from a host that the directory does not know as one. The first decides; what a host did while learning is
//! spared for (b).
//!
//! ## Blind spots
//! Tools over SMB2 and Kerberos whose requests are legal, if unlike a system's.
//!
//! ## Likely benign causes
//! Vulnerability scanners; a Windows 2000 that is still alive.
//!
//! ## What to do
//! Isolate source and target; check the target for MS17-010 and what followed.
//!
//! ## References
//! T1210; Defender for Identity 2033, 2034, 2035, 2406; MS17-010; CVE-2020-0796; `[MS-CIFS] 2.2.4.53`.

use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Native names of SMB1 that give a tool away: parts, lower case, with the tool's name.
    pub natives: Vec<(String, String)>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        let natives = [("nmap", "Nmap"), ("windows 2000 2195 / windows 2000 5.0", "Metasploit"), ("hydra", "Hydra")];
        Self { natives: natives.map(|(part, tool)| (part.into(), tool.into())).into() }
    }
}

/// Natives seen while learning, by host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UnusualProtocol {
    usual: Usual,
}

impl Rule for UnusualProtocol {
    const META: Meta = Meta {
        slug: "unusual-protocol",
        title: "A protocol spoken as exploits and tools do",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1210"],
        external_id: Some(2034),
        actions: &["Isolate the source host", "Check the target for the patch and for what followed", "Turn SMB1 off"],
        source: include_str!("unusual_protocol.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (what, severity, exploit) = match &event.activity {
            Activity::Anomaly(anomaly) if exploit(&anomaly.protocol, &anomaly.reason) => {
                (anomaly.reason.clone(), Severity::High, true)
            }
            Activity::SmbSession(session) => {
                let native = session.native.as_deref().unwrap_or_default().to_lowercase();
                let Some((_, tool)) = config.natives.iter().find(|(part, _)| native.contains(part)) else { return };
                if tool == "Metasploit" && is_windows_2000(event, context) {
                    return;
                }
                (format!("SMB1 with the native name that {tool} gives"), Severity::Medium, false)
            }
            _ => return,
        };
        let key = format!("{}|{}", words::key(event), words::target(event));
        if !exploit && self.usual.met(&format!("{key}|{what}"), context.mode) {
            verdicts.decline(event.time, key, "the source spoke so while learning");
            return;
        }
        let story = format!(
            "{} spoke to {} as no system does: {what}.",
            words::who(event, context.snapshot),
            words::target(event)
        );
        let verdict = Verdict::of(event, key, story, &what).against(words::target(event)).severity(severity);
        verdicts.raise(verdict.because("message", 1.0, 70.0, what.clone()).score(if exploit { 95.0 } else { 70.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

fn exploit(protocol: &str, reason: &str) -> bool {
    protocol.starts_with("smb")
        && ["DoublePulsar", "MS17-010", "CVE-2020-0796", "SMBGhost", "overflow"]
            .iter()
            .any(|sign| reason.contains(sign))
}

/// The directory knows the source as Windows 2000.
fn is_windows_2000(event: &Event, context: &Context<'_>) -> bool {
    let node = event.source.as_ref().and_then(|source| context.snapshot.lookup().host(source));
    let node = node.and_then(|node| context.snapshot.node(node));
    node.and_then(|node| node.text("operatingsystem")).is_some_and(|system| system.to_lowercase().contains("2000"))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{Anomaly, SmbSession};

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "unusual-protocol";

    fn anomaly(protocol: &str, reason: &str) -> Event {
        let anomaly = Anomaly { protocol: protocol.into(), reason: reason.into() };
        by(event(0, Activity::Anomaly(Box::new(anomaly))), "", "ws1", Outcome::Unseen)
    }

    fn session(secs: i64, native: &str) -> Event {
        let session = SmbSession { dialect: "1".into(), native: Some(native.into()), ..SmbSession::default() };
        by(event(secs, Activity::SmbSession(Box::new(session))), "", "ws1", Outcome::Success)
    }

    #[test]
    fn messages_that_no_client_sends_fire() {
        assert_eq!(
            alerts(SLUG, &[anomaly("smb1", "TRANS2_SESSION_SETUP, which no client sends (DoublePulsar)")]).len(),
            1
        );
    }

    #[test]
    fn a_broken_message_is_no_exploit() {
        assert!(alerts(SLUG, &[anomaly("smb1", "truncated"), anomaly("kerberos", "length overflows")]).is_empty());
    }

    #[test]
    fn natives_of_tools_fire_and_of_systems_do_not() {
        assert_eq!(alerts(SLUG, &[session(0, "Windows 2000 2195 / Windows 2000 5.0")]).len(), 1);
        assert!(
            alerts(SLUG, &[session(0, "Unix / Samba"), session(1, "Windows 7 Professional 7601 / Windows 7 6.1")])
                .is_empty()
        );
    }

    #[test]
    fn the_habit_of_a_scanner_stays_silent() {
        let history = [session(-9000, "Nmap / Native Lanman")];
        assert!(run(SLUG, Sensitivity::High, &history, &[session(0, "Nmap / Native Lanman")]).is_empty());
    }
}
