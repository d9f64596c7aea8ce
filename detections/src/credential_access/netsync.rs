//! ## What it finds
//! The password hash of a machine or trust account asked of a controller through Netlogon (NetSync).
//!
//! ## Why it matters
//! `NetrServerTrustPasswordsGet` answers with the current and the former hash of an account. With the hash of one
//! controller an intruder gets any machine's, without a replication that anybody watches for.
//!
//! ## Evidence it needs
//! Wire: NRPC opnum 42 (`NetrServerTrustPasswordsGet`) or 31 (`NetrServerPasswordGet`); the opnum is clear even where the
//! stub is sealed. RPC audit by opnum.
//!
//! ## How it decides
//! The caller's host is no controller, neither by the directory nor seen at work as one. No count, no learning.
//!
//! ## Blind spots
//! The call from a controller itself.
//!
//! ## Likely benign causes
//! A controller just promoted; an NT 4.0 backup controller.
//!
//! ## What to do
//! Isolate the source, change the password of the machine account that was named, look for silver tickets of it.
//!
//! ## References
//! T1003.006; Defender for Identity (PossibleNetsyncAttack); `[MS-NRPC] 3.5.4.4.8`, `3.5.4.4.9`.

use hopwatch_model::event::RpcArguments;
use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// NRPC (`[MS-NRPC] 1.9`).
const NETLOGON: Guid = Guid::from_u128(0x1234_5678_1234_abcd_ef00_0123_4567_cffb);
/// `NetrServerPasswordGet` and `NetrServerTrustPasswordsGet`.
const PASSWORD_GET: [u16; 2] = [31, 42];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether refused calls count.
    pub refused_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { refused_counts: true }
    }
}

/// No state: the first call decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Netsync {}

impl Rule for Netsync {
    const META: Meta = Meta {
        slug: "netsync",
        title: "Machine account's hash asked through Netlogon (NetSync)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1003.006"],
        external_id: None,
        actions: &[
            "Isolate the source host",
            "Change the password of the account that was asked for",
            "Look for service tickets of that account that the KDC did not issue",
        ],
        source: include_str!("netsync.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::RpcCall(call) = &event.activity else { return };
        if call.interface != Some(NETLOGON) || !PASSWORD_GET.contains(&call.opnum) {
            return;
        }
        let Some(source) = &event.source else { return };
        if context.shared.controllers.contains(source, context.snapshot) {
            verdicts.decline(event.time, source.key(), "the source is a domain controller");
            return;
        }
        if event.outcome.failed() && !config.refused_counts {
            return;
        }
        let account = match &call.arguments {
            RpcArguments::NetlogonAuthenticate { account, .. } if !account.is_empty() => account.clone(),
            _ => "an account".into(),
        };
        let who = change::who(event, context.snapshot);
        let whom = event.target.as_ref().map_or_else(|| "a controller".into(), Host::label);
        let refused = if event.outcome.failed() { ", which refused" } else { "" };
        let story = format!("{who} asked {whom} for the password hash of {account} through Netlogon{refused}.");
        let score = if event.outcome.failed() { 80.0 } else { 95.0 };
        verdicts.raise(
            Verdict::of(event, source.key(), story, &format!("Netlogon opnum {}", call.opnum))
                .against(account)
                .because("not-a-controller", 1.0, 60.0, "only controllers ask for the passwords of others".into())
                .score(score),
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
    use crate::testing::{alerts, call};

    const SLUG: &str = "netsync";

    fn ask(secs: i64, opnum: u16, source: &str) -> Event {
        let arguments = RpcArguments::NetlogonAuthenticate {
            account: "SRV1$".into(),
            computer: "DC1".into(),
            zero_credential: false,
        };
        call(secs, NETLOGON, opnum, arguments, "", source)
    }

    #[test]
    fn a_workstation_asking_for_a_hash_fires_once() {
        let found = alerts(SLUG, &[ask(0, 42, "ws1"), ask(5, 31, "ws1")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("SRV1$"), "{}", found[0].explanation);
    }

    #[test]
    fn a_controller_and_ordinary_channel_calls_stay_silent() {
        let events = [ask(0, 42, "dc1"), ask(1, 26, "ws1"), ask(2, 30, "ws1"), ask(3, 41, "ws1")];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_refused_attempt_fires_with_a_lower_score() {
        let refused = Event { outcome: Outcome::Failure(0xC000_0022), ..ask(0, 42, "ws1") };
        assert!(alerts(SLUG, &[refused])[0].score < 90.0);
    }
}
