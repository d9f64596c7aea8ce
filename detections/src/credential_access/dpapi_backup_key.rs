//! ## What it finds
//! The domain's DPAPI backup key asked for over the network.
//!
//! ## Why it matters
//! It opens everything that any user of the domain ever protected with DPAPI, and cannot be changed in practice.
//!
//! ## Evidence it needs
//! Wire: LSARPC `LsarRetrievePrivateData` (43) and `LsarOpenSecret` (28). Events: 4662 on a `SecretObject` named
//! `BCKUPKEY`; audit policy *Directory Service Access*.
//!
//! ## How it decides
//! The name of the secret contains `BCKUPKEY`; where the stub is sealed, opnum 43 towards a controller by a host that is
//! none. The first request decides, answered or not. `BackuprKey` of MS-BKRP, which every client uses, stays silent.
//!
//! ## Blind spots
//! A key taken from a controller's memory or disk.
//!
//! ## Likely benign causes
//! A migration that exports the key under supervision.
//!
//! ## What to do
//! Take the key as lost where the request was answered: isolate the source, disable the account, plan for what DPAPI
//! protected.
//!
//! ## References
//! T1555; Defender for Identity 2020; `[MS-LSAD] 3.1.4.6.6`; `[MS-BKRP] 3.1.4.1`.

use hopwatch_model::event::RpcArguments;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether a sealed `LsarRetrievePrivateData` towards a controller counts.
    pub sealed_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { sealed_counts: true }
    }
}

/// No state: the first request decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DpapiBackupKey {}

impl Rule for DpapiBackupKey {
    const META: Meta = Meta {
        slug: "dpapi-backup-key",
        title: "The domain's DPAPI backup key asked for",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1555"],
        external_id: Some(2020),
        actions: &[
            "Isolate the source host and disable the account",
            "Take what DPAPI protects as readable where the request was answered",
        ],
        source: include_str!("dpapi_backup_key.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let controller = |host: &hopwatch_model::Host| context.shared.controllers.contains(host, context.snapshot);
        let (secret, text) = match &event.activity {
            Activity::RpcCall(call) if call.interface_name == "lsarpc" && matches!(call.opnum, 28 | 43) => {
                match &call.arguments {
                    RpcArguments::Secret { name } if backup_key(name) => (name.clone(), call.operation.clone()),
                    RpcArguments::Secret { .. } => return,
                    _ if call.opnum == 43 && config.sealed_counts && event.target.as_ref().is_some_and(controller) => {
                        (String::from("a secret whose name is sealed"), call.operation.clone())
                    }
                    _ => return,
                }
            }
            Activity::DirectoryAccess(access) if backup_key(&access.object) => {
                if event
                    .actor
                    .as_ref()
                    .is_some_and(|actor| actor.key() == "s-1-5-18" || actor.name.eq_ignore_ascii_case("system"))
                {
                    return;
                }
                (access.object.clone(), String::from("access to the secret's object"))
            }
            _ => return,
        };
        if event.source.as_ref().is_some_and(controller) {
            verdicts.decline(event.time, words::key(event), "the source is a controller");
            return;
        }
        let who = words::who(event, context.snapshot);
        let story = format!(
            "{who} asked {} for the key that opens what every user of the domain protects ({secret}){}.",
            words::target(event),
            words::answer(event)
        );
        let verdict = Verdict::of(event, words::key(event), story, &text).against(secret);
        verdicts.raise(verdict.because("secret", 1.0, 80.0, text).score(95.0));
    }

    fn entries(&self) -> usize {
        0
    }
}

fn backup_key(name: &str) -> bool {
    name.to_ascii_uppercase().contains("BCKUPKEY")
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcCall, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event, host};

    const SLUG: &str = "dpapi-backup-key";

    fn call(interface: &str, opnum: u16, arguments: RpcArguments, source: &str, target: &str) -> Event {
        let call = RpcCall {
            interface: None,
            interface_name: interface.into(),
            opnum,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments,
        };
        let event = by(event(0, Activity::RpcCall(Box::new(call))), "admin", source, Outcome::Failure(5));
        Event { target: Some(host(target)), ..event }
    }

    fn secret(name: &str) -> RpcArguments {
        RpcArguments::Secret { name: name.into() }
    }

    #[test]
    fn the_backup_key_by_name_fires_also_where_it_is_refused() {
        assert_eq!(alerts(SLUG, &[call("lsarpc", 43, secret("G$BCKUPKEY_PREFERRED"), "ws1", "dc1")]).len(), 1);
    }

    #[test]
    fn a_sealed_request_counts_towards_a_controller_alone() {
        assert_eq!(alerts(SLUG, &[call("lsarpc", 43, RpcArguments::None, "ws1", "dc1")]).len(), 1);
        assert!(alerts(SLUG, &[call("lsarpc", 43, RpcArguments::None, "ws1", "srv1")]).is_empty());
    }

    #[test]
    fn other_secrets_ordinary_backupkey_calls_and_controllers_stay_silent() {
        assert!(alerts(SLUG, &[call("lsarpc", 43, secret("DefaultPassword"), "ws1", "dc1")]).is_empty());
        assert!(alerts(SLUG, &[call("bkrp", 0, RpcArguments::None, "ws1", "dc1")]).is_empty());
        assert!(alerts(SLUG, &[call("lsarpc", 43, secret("G$BCKUPKEY_P"), "dc1", "dc1")]).is_empty());
    }
}
