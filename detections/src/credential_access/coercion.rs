//! ## What it finds
//! A server that is made to authenticate to a host of the caller's choice: PetitPotam, DFSCoerce, ShadowCoerce, the
//! printer bug.
//!
//! ## Why it matters
//! The machine account of a controller, relayed to a certificate service or LDAP, gives the domain.
//!
//! ## Evidence it needs
//! Wire: calls of EFSR, DFSNM, FSRVP and RPRN that take a path; opnums are clear where stubs are sealed. Events: 5145 for
//! the pipe `efsrpc`.
//!
//! ## How it decides
//! (a) An EFSR, DFSNM or FSRVP call that takes a path, where the path names another host than the one called, or, where
//! the path is sealed, where a domain controller is called. (b) `RpcRemoteFindFirstPrinterChangeNotification(Ex)`, which
//! makes the spooler call back to the client that it names, towards a controller, or naming a host that is not the
//! caller. (c) A printer opened on a controller whose name is a server again (`\\dc1\\\other`), as the printer bug's first
//! step is. Pairs of source and target seen while learning are spared. Refusals count.
//!
//! ## Blind spots
//! Coercion by WebDAV or by files that users open; sealed calls to member servers.
//!
//! ## Likely benign causes
//! EFS on file servers, DFS administration from an administrator's host; print servers that are controllers too.
//!
//! ## What to do
//! Look for a logon of the target's machine account elsewhere; turn the spooler and the EFS service off on controllers;
//! require signing and channel binding.
//!
//! ## References
//! T1187; Defender for Identity 2416, 2426; CVE-2021-36942; `[MS-EFSR] 3.1.4.2`, `[MS-DFSNM] 3.1.4`, `[MS-FSRVP] 3.1.4`,
//! `[MS-RPRN] 3.1.4.10`.

use hopwatch_model::event::{RpcArguments, RpcCall};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether sealed calls to controllers count.
    pub sealed_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { sealed_counts: true }
    }
}

/// Pairs of caller and interface seen while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Coercion {
    usual: Usual,
}

impl Rule for Coercion {
    const META: Meta = Meta {
        slug: "coercion",
        title: "A server coerced to authenticate elsewhere",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1187"],
        external_id: Some(2416),
        actions: &[
            "Look for logons of the target's machine account on other hosts, certificate services first",
            "Isolate the source host",
            "Turn the Print Spooler and EFS services off on controllers; require signing and channel binding",
        ],
        source: include_str!("coercion.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let found = match &event.activity {
            Activity::RpcCall(call) => coerces(config, call, event, context),
            Activity::ShareAccess(access) if access.path.eq_ignore_ascii_case("efsrpc") => {
                Some(String::from("the pipe efsrpc was opened"))
            }
            _ => None,
        };
        let Some(text) = found else { return };
        let source = event.source.as_ref().map(Host::key).unwrap_or_default();
        let target = event.target.as_ref().map(Host::key).unwrap_or_default();
        if !source.is_empty() && source == target {
            return;
        }
        let key = format!("{source}|{target}");
        if self.usual.met(&key, context.mode) {
            verdicts.decline(event.time, key, "the source calls the target so by habit");
            return;
        }
        let (who, on) = (words::who(event, context.snapshot), words::target(event));
        let story = format!("{who} tried to make {on} authenticate to another host{}.", words::answer(event));
        let sealed = matches!(&event.activity, Activity::RpcCall(call) if call.arguments == RpcArguments::None);
        let severity = if sealed { Severity::Medium } else { Severity::High };
        let verdict = Verdict::of(event, key, story, &text).because("call", 1.0, 60.0, text.clone());
        verdicts.raise(verdict.against(on).severity(severity).score(if sealed { 70.0 } else { 90.0 }));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

fn coerces(config: &Config, call: &RpcCall, event: &Event, context: &Context<'_>) -> Option<String> {
    let controller =
        event.target.as_ref().is_some_and(|target| context.shared.controllers.contains(target, context.snapshot));
    let path = match &call.arguments {
        RpcArguments::Path(path) => Some(path.as_str()),
        _ => None,
    };
    let name = format!("{} {}", call.interface_name, call.operation);
    let takes_path = match call.interface_name.as_str() {
        "efsrpc" => matches!(call.opnum, 0 | 4..=9 | 12 | 13 | 15 | 16 | 18 | 19 | 21 | 22),
        // NetrDfsAdd, Remove, GetInfo are administration; the root calls name a server (`[MS-DFSNM] 3.1.4.4`).
        "dfsnm" => matches!(call.opnum, 1 | 12 | 13 | 15),
        "fsrvp" => matches!(call.opnum, 8 | 9),
        _ => false,
    };
    if takes_path {
        return match path {
            Some(path) if elsewhere(path, event) => Some(format!("{name} with the path {path}")),
            Some(_) => None,
            None => (controller && config.sealed_counts).then(|| format!("{name}, sealed, towards a controller")),
        };
    }
    if call.interface_name != "rprn" {
        return None;
    }
    match (call.opnum, path) {
        (62 | 65, Some(path)) if controller || elsewhere(path, event) => Some(format!("{name} back to {path}")),
        (62 | 65, None) if controller && config.sealed_counts => Some(format!("{name}, sealed, towards a controller")),
        (1 | 69, Some(path)) if controller && nested(path) => Some(format!("{name} of {path}")),
        _ => None,
    }
}

/// The host of a UNC path, where it has one.
fn host_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("\\\\").or_else(|| path.strip_prefix("//"))?;
    rest.split(['\\', '/', '@']).find(|part| !part.is_empty() && *part != "?" && *part != "UNC")
}

/// The path names a host that is not the one called.
fn elsewhere(path: &str, event: &Event) -> bool {
    let Some(host) = host_of(path) else { return false };
    let is = |other: &Host| {
        other.key() == short_name(host) || other.address.is_some_and(|address| address.to_string() == host)
    };
    !matches!(short_name(host).as_str(), "localhost" | "127.0.0.1" | ".") && !event.target.as_ref().is_some_and(is)
}

/// `\\server\` followed by a server again.
fn nested(path: &str) -> bool {
    let rest = path.trim_start_matches('\\');
    path.starts_with("\\\\")
        && rest.find('\\').is_some_and(|end| rest.get(end + 1..).is_some_and(|tail| tail.starts_with("\\\\")))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event, host, run};

    const SLUG: &str = "coercion";

    fn call(secs: i64, interface: &str, opnum: u16, path: Option<&str>, target: &str) -> Event {
        let call = RpcCall {
            interface: None,
            interface_name: interface.into(),
            opnum,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments: path.map_or(RpcArguments::None, |path| RpcArguments::Path(path.into())),
        };
        let event = by(event(secs, Activity::RpcCall(Box::new(call))), "ann", "ws1", Outcome::Failure(5));
        Event { target: Some(host(target)), ..event }
    }

    #[test]
    fn calls_that_name_another_host_fire() {
        for (interface, opnum) in [("efsrpc", 0), ("dfsnm", 13), ("fsrvp", 8), ("rprn", 65)] {
            assert_eq!(alerts(SLUG, &[call(0, interface, opnum, Some("\\\\10.9.9.9\\x"), "dc1")]).len(), 1);
        }
    }

    #[test]
    fn a_server_opened_as_a_printer_of_a_controller_fires() {
        assert_eq!(alerts(SLUG, &[call(0, "rprn", 69, Some("\\\\dc1\\\\\\ws1"), "dc1")]).len(), 1);
        assert!(alerts(SLUG, &[call(0, "rprn", 69, Some("\\\\dc1\\office"), "dc1")]).is_empty());
    }

    #[test]
    fn own_files_and_ordinary_printing_stay_silent() {
        assert!(alerts(SLUG, &[call(0, "efsrpc", 4, Some("\\\\srv1\\share\\a"), "srv1")]).is_empty());
        assert!(
            alerts(SLUG, &[call(0, "rprn", 1, Some("\\\\srv1"), "srv1"), call(1, "rprn", 0, None, "dc1")]).is_empty()
        );
        assert!(alerts(SLUG, &[call(0, "efsrpc", 0, None, "srv1")]).is_empty(), "sealed, towards a member");
    }

    #[test]
    fn sealed_calls_to_a_controller_fire_and_habits_do_not() {
        assert_eq!(alerts(SLUG, &[call(0, "efsrpc", 0, None, "dc1")])[0].severity, Severity::Medium);
        let history = [call(-9000, "efsrpc", 0, None, "dc1")];
        assert!(run(SLUG, Sensitivity::High, &history, &[call(0, "efsrpc", 0, None, "dc1")]).is_empty());
    }
}
