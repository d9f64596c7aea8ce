//! ## What it finds
//! A host that asks a server who is connected to it or logged on to it.
//!
//! ## Why it matters
//! The answer tells an intruder where the administrators are, and so on which host to steal their credentials. Path
//! mappers ask every server.
//!
//! ## Evidence it needs
//! Wire: SRVSVC `NetrSessionEnum` (opnum 12), WKSSVC `NetrWkstaUserEnum` (opnum 2), where SMB3 does not encrypt them
//! (then the *opaque* coverage metric rises). Events: 5145 on `IPC$` for the pipes `srvsvc` and `wkssvc`; audit policy
//! *Detailed File Share*. A pipe alone does not tell the call, so that events count hosts.
//!
//! ## How it decides
//! The call itself decides, refused or not, towards any host but the caller's own. From events: one source opens the
//! pipes of `hosts` distinct hosts within `window_secs`. Sources that did so while learning stay silent.
//!
//! ## Blind spots
//! Encrypted SMB without the events of the target.
//!
//! ## Likely benign causes
//! Inventory and monitoring tools, firewalls that map users to addresses: exclude them by host.
//!
//! ## What to do
//! Find out who runs it on the source; restrict the call on servers (*SrvsvcSessionInfo*).
//!
//! ## References
//! T1049; Defender for Identity 2012; `[MS-SRVS] 3.1.4.5`; `[MS-WKST] 3.2.4.3`.

use std::collections::BTreeSet;
use std::time::Duration;

use hopwatch_model::event::{RpcCall, ShareAccess};
use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// SRVSVC (`[MS-SRVS] 1.9`).
const SRVSVC: Guid = Guid::from_u128(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188);
/// WKSSVC (`[MS-WKST] 1.9`).
const WKSSVC: Guid = Guid::from_u128(0x6bff_d098_a112_3610_9833_46c3_f87e_345a);
/// `NetrSessionEnum` (`[MS-SRVS] 3.1.4.5`).
const SESSION_ENUM: u16 = 12;
/// `NetrWkstaUserEnum` (`[MS-WKST] 3.2.4.3`).
const USER_ENUM: u16 = 2;
/// The most sources watched at a time.
const SOURCES: usize = 20_000;
/// The most pipes remembered for a source.
const PIPES: usize = 500;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window for events, in seconds.
    pub window_secs: u64,
    /// Distinct hosts whose pipes one source opens within the window.
    pub hosts: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let hosts = match sensitivity {
            Sensitivity::High => 8,
            Sensitivity::Medium => 5,
            Sensitivity::Low => 3,
        };
        Self { window_secs: 600, hosts }
    }
}

/// Callers seen while learning, and pipes opened by source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SmbSessionEnumeration {
    usual: BTreeSet<String>,
    pipes: Table<Sliding<String>>,
}

impl Default for SmbSessionEnumeration {
    fn default() -> Self {
        Self { usual: BTreeSet::new(), pipes: Table::new(SOURCES) }
    }
}

impl Rule for SmbSessionEnumeration {
    const META: Meta = Meta {
        slug: "smb-session-enumeration",
        title: "Sessions of a server enumerated",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1049"],
        external_id: Some(2012),
        actions: &[
            "Find out who runs it on the source host",
            "Look for logons of the source to the hosts that it asked about",
            "Restrict NetrSessionEnum on the server (SrvsvcSessionInfo)",
        ],
        source: include_str!("smb_session_enumeration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(source) = &event.source else { return };
        match &event.activity {
            Activity::RpcCall(call) => self.on_call(call, source, event, context, verdicts),
            Activity::ShareAccess(access) if pipe(&access.share, &access.path) => {
                self.on_pipe(config, access, source, event, context, verdicts);
            }
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.usual.len() + self.pipes.len()
    }
}

impl SmbSessionEnumeration {
    fn on_call(
        &mut self,
        call: &RpcCall,
        source: &Host,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let sessions = call.interface == Some(SRVSVC) && call.opnum == SESSION_ENUM;
        let users = call.interface == Some(WKSSVC) && call.opnum == USER_ENUM;
        let own = event.target.as_ref().is_some_and(|target| target.key() == source.key());
        if !(sessions || users) || own {
            return;
        }
        if !self.unusual(source, event, context, verdicts) {
            return;
        }
        let name = if sessions { "NetrSessionEnum" } else { "NetrWkstaUserEnum" };
        let target = event.target.as_ref().map(Host::label).unwrap_or_default();
        let answer = if event.outcome.failed() { " and was refused" } else { "" };
        let who = event
            .actor
            .as_ref()
            .map_or_else(|| source.label(), |actor| format!("{} on {}", actor.name, source.label()));
        let story = format!("{who} asked {target} who is connected to it ({name}){answer}.");
        let verdict = Verdict::of(event, source.key(), story, name);
        let text = format!("{name} was called; {} never did while learning", source.label());
        verdicts.raise(verdict.because("call", 1.0, 60.0, text));
    }

    fn on_pipe(
        &mut self,
        config: &Config,
        access: &ShareAccess,
        source: &Host,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let Some(target) = &event.target else { return };
        let window = Duration::from_secs(config.window_secs);
        let pipes = self.pipes.entry(&source.key(), Sliding::new);
        pipes.push(event.time, target.key(), window, PIPES);
        let hosts = pipes.distinct().len();
        if hosts < config.hosts || !self.unusual(source, event, context, verdicts) {
            return;
        }
        let who = source.label();
        let minutes = config.window_secs / 60;
        let story = format!("{who} opened the session pipes of {hosts} hosts within {minutes} minutes.");
        let text = format!("{hosts} hosts within {minutes} minutes; the threshold is {}", config.hosts);
        let note = format!("pipe {}", access.path);
        let verdict = Verdict::of(event, source.key(), story, &note).because("hosts", as_f64(hosts), 50.0, text);
        verdicts.raise(verdict);
    }

    fn unusual(&mut self, source: &Host, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) -> bool {
        if context.mode == Mode::Learning {
            if self.usual.len() < SOURCES {
                self.usual.insert(source.key());
            }
            return false;
        }
        let usual = self.usual.contains(&source.key());
        if usual {
            verdicts.decline(event.time, source.key(), "the source did so while learning");
        }
        !usual
    }
}

fn pipe(share: &str, path: &str) -> bool {
    let name = path.trim_start_matches('\\').to_ascii_lowercase();
    share.eq_ignore_ascii_case("IPC$") && matches!(name.as_str(), "srvsvc" | "wkssvc")
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcArguments, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "smb-session-enumeration";

    fn call(secs: i64, interface: Guid, opnum: u16) -> Event {
        let call = RpcCall {
            interface: Some(interface),
            interface_name: "srvsvc".into(),
            opnum,
            operation: String::new(),
            transport: RpcTransport::Pipe("srvsvc".into()),
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments: RpcArguments::None,
        };
        by(event(secs, Activity::RpcCall(Box::new(call))), "ann", "ws1", Outcome::Success)
    }

    fn open(secs: i64, target: &str, path: &str) -> Event {
        let access = ShareAccess { share: "IPC$".into(), path: path.into(), access_mask: 0x12019f };
        let opened = by(event(secs, Activity::ShareAccess(Box::new(access))), "ann", "ws1", Outcome::Success);
        Event { target: Some(Host::reported(target)), ..opened }
    }

    #[test]
    fn a_session_enumeration_fires_refused_or_not() {
        assert_eq!(alerts(SLUG, &[call(0, SRVSVC, 12)]).len(), 1);
        let refused = Event { outcome: Outcome::Failure(5), ..call(0, SRVSVC, 12) };
        assert!(alerts(SLUG, &[refused])[0].explanation.contains("refused"));
    }

    #[test]
    fn other_calls_of_the_interface_stay_silent() {
        assert!(alerts(SLUG, &[call(0, SRVSVC, 15), call(1, SRVSVC, 21), call(2, WKSSVC, 0)]).is_empty());
    }

    #[test]
    fn a_source_that_always_did_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &[call(-9, SRVSVC, 12)], &[call(0, SRVSVC, 12)]).is_empty());
    }

    #[test]
    fn pipes_of_many_hosts_fire_and_of_few_do_not() {
        let sweep = |count: i64| (0..count).map(|i| open(i, &format!("srv{i}"), "srvsvc")).collect::<Vec<_>>();
        assert_eq!(alerts(SLUG, &sweep(8)).len(), 1);
        assert!(alerts(SLUG, &sweep(7)).is_empty());
    }
}
