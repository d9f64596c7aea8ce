//! ## What it finds
//! An NTLM authentication whose message integrity code was cut off on the way (CVE-2019-1040, "drop the MIC").
//!
//! ## Why it matters
//! The code protects the negotiated flags. Without it a relay may remove the demand for signing, and carry a logon from
//! SMB to LDAP.
//!
//! ## Evidence it needs
//! Wire: NTLM AUTHENTICATE messages with an NTLMv2 response.
//!
//! ## How it decides
//! MsvAvFlags inside the response promises the code (bit 1), and the message has none. The response protects the flags, so
//! that the client did promise it: no count, no learning. A logon that succeeded makes it surer.
//!
//! ## Blind spots
//! A client that never promises the code; NTLMv1.
//!
//! ## Likely benign causes
//! None by the protocol; a middlebox or library that rebuilds messages wrongly.
//!
//! ## What to do
//! Isolate the source, install the update on the target, require signing and channel binding.
//!
//! ## References
//! T1557, T1068; Defender for Identity 2039; CVE-2019-1040; `[MS-NLMP] 2.2.2.1`, `3.1.5.1.2`.

use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// MsvAvFlags: the AUTHENTICATE message has a MIC (`[MS-NLMP] 2.2.2.1`).
const PROMISES_MIC: u32 = 0x2;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether refused logons count.
    pub refused_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { refused_counts: true }
    }
}

/// No state: the message decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NtlmTampering {}

impl Rule for NtlmTampering {
    const META: Meta = Meta {
        slug: "ntlm-tampering",
        title: "NTLM message changed on the way (CVE-2019-1040)",
        phase: Phase::CredentialAccess,
        severity: Severity::Medium,
        techniques: &["T1557", "T1068"],
        external_id: Some(2039),
        actions: &[
            "Isolate the source: it relays logons of others",
            "Install the update for CVE-2019-1040 on the target",
            "Require signing for SMB and LDAP, and channel binding",
        ],
        source: include_str!("ntlm_tampering.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::NtlmLogon(logon) = &event.activity else { return };
        let promised = logon.av_flags.is_some_and(|flags| flags & PROMISES_MIC != 0);
        if !promised || logon.mic != Some(false) || (event.outcome.failed() && !config.refused_counts) {
            return;
        }
        let source = event.source.as_ref().map(Host::label).unwrap_or_default();
        let target = event.target.as_ref().map(Host::label).unwrap_or_default();
        let account = change::actor(event, context.snapshot);
        let story = format!(
            "A logon of {} came to {target} from {source} without the integrity code that its client had promised.",
            account.label
        );
        let severity = if event.outcome.succeeded() { Severity::High } else { Severity::Medium };
        verdicts.raise(
            Verdict::of(event, format!("{}|{source}|{target}", account.key), story, "integrity code missing")
                .against(format!("{} over {}", target, logon.carrier))
                .because("mic-dropped", 1.0, 60.0, "MsvAvFlags promises a MIC, the message has none".into())
                .severity(severity)
                .score(if event.outcome.succeeded() { 92.0 } else { 80.0 }),
        );
    }

    fn entries(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, ntlm};

    const SLUG: &str = "ntlm-tampering";

    fn logon(secs: i64, flags: Option<u32>, mic: Option<bool>, outcome: Outcome) -> Event {
        let mut event = ntlm(secs, "ann", "ws1", "dc1", outcome);
        event.provenance.digest ^= u64::from(flags.unwrap_or(99)) << 8;
        if let Activity::NtlmLogon(logon) = &mut event.activity {
            (logon.av_flags, logon.mic) = (flags, mic);
        }
        event
    }

    #[test]
    fn a_promised_code_that_is_missing_fires_once_a_pair() {
        let events =
            [logon(0, Some(2), Some(false), Outcome::Success), logon(1, Some(6), Some(false), Outcome::Success)];
        let found = alerts(SLUG, &events);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
    }

    #[test]
    fn a_kept_promise_and_none_stay_silent() {
        let events = [
            logon(0, Some(2), Some(true), Outcome::Success),
            logon(1, Some(1), Some(false), Outcome::Success),
            logon(2, Some(0), Some(false), Outcome::Success),
            logon(3, None, Some(false), Outcome::Success),
            logon(4, Some(2), None, Outcome::Success),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_refused_one_is_medium() {
        assert_eq!(
            alerts(SLUG, &[logon(0, Some(2), Some(false), Outcome::Failure(0xC000_006D))])[0].severity,
            Severity::Medium
        );
    }
}
