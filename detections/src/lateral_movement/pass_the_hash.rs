//! ## What it finds
//! NTLM used with a stolen hash: an account that appears from a host that is not its own, by a client that is no
//! system's; or a logon session made for the purpose.
//!
//! ## Why it matters
//! NTLM proves the hash, not the password: whoever took it from memory or a backup is its owner everywhere.
//!
//! ## Evidence it needs
//! Wire: NTLM authentications (workstation, version, MIC). Events: 4624 type 9 by `seclogo`, type 3 with NTLM and
//! `KeyLength` 0; 4776. Samba: `Authentication` records. History: from where the account is used.
//!
//! ## How it decides
//! (a) *Use*: NTLM of a user account succeeded from a host outside its history (which must hold one host at least), and
//! the client names neither workstation nor version nor sends a MIC, as every system does and tools leave out; in
//! 4624, `KeyLength` 0. The verdict waits `hold_secs`: where the same session turns out to be something that has a detection
//! of its own (execution, replication, secrets, enumeration of sessions or accounts), that one speaks, and where its
//! content is encrypted, nothing is said of it. (b) *Making*: a session with new credentials (type 9) by the process `seclogo` whose outbound
//! account is another than its own; where the record does not say for whom, one that gets `SeDebugPrivilege` (4672).
//!
//! ## Blind spots
//! Tools that imitate a system's client; accounts never seen before; the account's own host.
//!
//! ## Likely benign causes
//! A user's first logon from an appliance, printer or script host.
//!
//! ## What to do
//! Ask the owner; isolate the source; reset the password; find where the hash was stolen.
//!
//! ## References
//! T1550.002; Defender for Identity 2017; `[MS-NLMP] 2.2.1.3, 3.3`.

use std::time::Duration;

use hopwatch_model::event::{Logon, LogonType, NtlmLogon, NtlmVersion, PrivilegeAssignment};
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most sessions that wait for a verdict.
const PENDING: usize = 10_000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long a use waits for what the session does, in seconds.
    pub hold_secs: u64,
    /// Hosts from which an account must be known.
    pub known_hosts: usize,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { hold_secs: 60, known_hosts: 1 }
    }
}

/// A use that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    event: Event,
    known: Vec<String>,
    privileged: bool,
    name: String,
    /// What explains it better.
    explained: Option<String>,
}

/// Uses that wait, by account and source; sessions with new credentials that do not say whose, by host and logon id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassTheHash {
    pending: Table<Pending>,
    reported: Table<Timestamp>,
    sessions: Table<Evidence>,
}

impl Default for PassTheHash {
    fn default() -> Self {
        Self { pending: Table::new(PENDING), reported: Table::new(PENDING), sessions: Table::new(PENDING) }
    }
}

impl Rule for PassTheHash {
    const META: Meta = Meta {
        slug: "pass-the-hash",
        title: "NTLM with a stolen hash (pass-the-hash)",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1550.002"],
        external_id: Some(2017),
        actions: &[
            "Ask the owner whether they used the account from this host",
            "Isolate the source host and reset the account's password",
            "Find the host from which the hash was taken",
        ],
        source: include_str!("pass_the_hash.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::NtlmLogon(logon) if bare(logon) => self.on_use(config, event, context, verdicts),
            Activity::Logon(logon) if keyless(logon, event) => self.on_use(config, event, context, verdicts),
            Activity::Logon(logon) => self.on_session(logon, event, context, verdicts),
            Activity::PrivilegeAssignment(given) => self.on_privileges(given, event, context, verdicts),
            _ => self.explain(event),
        }
    }

    fn tick(&mut self, config: &Config, now: Timestamp, _: &Context<'_>, verdicts: &mut Verdicts) {
        self.decide(now, Duration::from_secs(config.hold_secs), verdicts);
    }

    fn entries(&self) -> usize {
        self.pending.len() + self.reported.len() + self.sessions.len()
    }
}

impl PassTheHash {
    fn on_use(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(account) = event.actor.as_ref().filter(|account| !account.machine() && !account.name.is_empty())
        else {
            return;
        };
        let Some(source) = event.source.as_ref().filter(|_| event.outcome.succeeded()) else { return };
        let known = context.shared.baseline.account(account).map(|known| &known.hosts);
        let Some(known) = known.filter(|hosts| hosts.len() >= config.known_hosts) else {
            verdicts.decline(event.time, account.key(), "no history of the account");
            return;
        };
        let address = source.address.map(|address| address.to_string());
        if known.contains_key(&source.key()) || address.is_some_and(|address| known.contains_key(&address)) {
            verdicts.decline(event.time, account.key(), "the account is used from this host");
            return;
        }
        let key = session(account, source);
        if self.reported.get(&key).is_some() {
            return;
        }
        let known: Vec<String> = known.keys().take(5).cloned().collect();
        let privileged = directory::privileged(context.snapshot, account);
        let name = words::account(account, context.snapshot);
        self.pending.entry(&key, || Pending { event: event.clone(), known, privileged, name, explained: None });
    }

    /// 4624 type 9: new credentials for the network, by the secondary logon service.
    fn on_session(&mut self, logon: &Logon, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let made =
            logon.logon_type == LogonType::NewCredentials && logon.process.trim().eq_ignore_ascii_case("seclogo");
        if !made {
            return;
        }
        let said = |account: &&Account| !account.name.is_empty() && account.name != "-";
        let Some(outbound) = logon.outbound.as_ref().filter(said) else {
            // Older records do not say for whom: what the session may do has to tell.
            if let Some(id) = logon.logon_id {
                let record = evidence(event, "logon type 9");
                self.sessions.entry(&session_key(event, id), || record);
            }
            return;
        };
        if event.actor.as_ref().is_some_and(|actor| directory::same(context.snapshot, actor, outbound)) {
            verdicts.decline(event.time, outbound.key(), "the session's own account");
            return;
        }
        let who = words::who(event, context.snapshot);
        let host = words::target(event);
        let story = format!(
            "{who} made a session on {host} that acts on the network as {}, as tools do that pass a stolen hash.",
            outbound.name
        );
        let key = format!("{}|{host}", outbound.key());
        let text = format!("logon type 9 by seclogo with the credentials of {}", outbound.name);
        let verdict = Verdict::of(event, key, story, "new credentials by seclogo").against(outbound.name.clone());
        verdicts.raise(verdict.because("new-credentials", 1.0, 50.0, text).score(70.0));
    }

    /// 4672 of such a session: a tool that writes a hash into LSASS holds `SeDebugPrivilege`.
    fn on_privileges(
        &mut self,
        given: &PrivilegeAssignment,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let Some(id) = given.logon_id else { return };
        if !given.privileges.iter().any(|name| name == "SeDebugPrivilege") {
            return;
        }
        let Some(record) = self.sessions.remove(&session_key(event, id)) else { return };
        let who =
            event.actor.as_ref().map_or_else(|| "someone".into(), |actor| words::account(actor, context.snapshot));
        let host = words::target(event);
        let story =
            format!("{who} made a session on {host} with new credentials for the network and the right to debug.");
        let text = "logon type 9 by seclogo, elevated: what pass-the-hash tools make".into();
        let key = format!("{}|{host}", who.to_lowercase());
        let verdict = Verdict::of(event, key, story, "privileges of the session").severity(Severity::Medium);
        verdicts.raise(verdict.because("new-credentials", 1.0, 40.0, text).with_evidence([record]).score(60.0));
    }

    /// Another act of a session that waits: does it have a detection of its own?
    fn explain(&mut self, event: &Event) {
        let Some(source) = &event.source else { return };
        let Some(reason) = explanation(&event.activity) else { return };
        let by_flow = |pending: &Pending| {
            pending
                .event
                .source
                .as_ref()
                .is_some_and(|other| other.key() == source.key() || other.address == source.address)
        };
        match &event.actor {
            Some(actor) => {
                if let Some(pending) = self.pending.get_mut(&session(actor, source)) {
                    pending.explained.get_or_insert(reason);
                }
            }
            // Encrypted content names nobody: the host has to do.
            None => self.pending.retain(|_, pending| {
                if by_flow(pending) {
                    pending.explained.get_or_insert(reason.clone());
                }
                true
            }),
        }
    }

    /// Decides what has waited long enough.
    fn decide(&mut self, now: Timestamp, hold: Duration, verdicts: &mut Verdicts) {
        let waiting = self.pending.sorted().into_iter().filter(|(_, pending)| pending.event.time + hold <= now);
        let ready: Vec<(String, Pending)> = waiting.map(|(key, pending)| (key.to_owned(), pending.clone())).collect();
        for (key, pending) in ready {
            self.pending.remove(&key);
            if let Some(reason) = pending.explained {
                verdicts.decline(pending.event.time, key, reason);
                continue;
            }
            self.reported.entry(&key, || pending.event.time);
            verdicts.raise(verdict(key, &pending));
        }
    }
}

fn verdict(key: String, pending: &Pending) -> Verdict {
    let from = pending.event.source.as_ref().map(Host::label).unwrap_or_default();
    let name = &pending.name;
    let story = format!(
        "{name} logged on to {} by NTLM from {from}, where it was never used, with a client that hides what it is.",
        words::target(&pending.event)
    );
    let text = format!("{from} is new to {name}, which is used from {}", pending.known.join(", "));
    let verdict = Verdict::of(&pending.event, key, story, "NTLM without workstation, version and MIC");
    let verdict = verdict.because("new-host", 1.0, 40.0, text);
    let text = "neither workstation nor version nor MIC, which every system sends".into();
    let verdict = verdict.because("client", 1.0, 30.0, text);
    verdict.score(if pending.privileged { 90.0 } else { 75.0 })
}

fn session(account: &Account, source: &Host) -> String {
    let host = source.address.map_or_else(|| source.key(), |address| address.to_string());
    format!("{}|{host}", account.key())
}

/// A client that says nothing of itself. What a DC validates for a member (`netlogon`) shows the member's words, and
/// 4776 shows a workstation or nothing at all.
fn bare(logon: &NtlmLogon) -> bool {
    let said = logon.workstation.as_ref().is_some_and(|name| !name.is_empty());
    let version = logon.client_version.as_ref().is_some_and(|version| !version.starts_with("0.0"));
    !said
        && !version
        && logon.mic != Some(true)
        && logon.version != NtlmVersion::Anonymous
        && logon.version != NtlmVersion::Unknown
        && logon.carrier != "netlogon"
}

/// 4624: a network logon by NTLM without a session key.
fn keyless(logon: &Logon, event: &Event) -> bool {
    let named = event.actor.as_ref().is_some_and(|actor| !actor.name.eq_ignore_ascii_case("anonymous logon"));
    logon.logon_type == LogonType::Network
        && logon.ntlm()
        && logon.key_length == Some(0)
        && named
        && logon.process.trim().eq_ignore_ascii_case("ntlmssp")
}

/// What has a detection of its own, or hides what it is.
fn explanation(activity: &Activity) -> Option<String> {
    let own = |what: &str| Some(format!("the session is {what}, which has a detection of its own"));
    match activity {
        Activity::RpcCall(call) => match (call.interface_name.as_str(), call.opnum) {
            ("svcctl", 11 | 12 | 19 | 23 | 24 | 31 | 44 | 45)
            | ("tsch", 1 | 12)
            | ("atsvc", _)
            | ("IWbemServices", 24 | 25) => own("remote execution"),
            ("drsuapi", 3) => own("replication"),
            ("lsarpc", 28 | 43) => own("a request for secrets"),
            ("srvsvc", 12) | ("wkssvc", 2) => own("enumeration of sessions"),
            ("samr", 11 | 13 | 15 | 25 | 33 | 40 | 48 | 51) => own("enumeration of accounts"),
            ("efsrpc" | "dfsnm" | "fsrvp", _) => own("coercion"),
            _ => None,
        },
        Activity::SmbFile(file) if file.path.eq_ignore_ascii_case("atsvc") => own("remote execution"),
        Activity::Opaque(opaque) if opaque.protocol == hopwatch_model::event::OpaqueProtocol::Smb => {
            Some("the session is encrypted: what it did cannot be seen".into())
        }
        _ => None,
    }
}

fn session_key(event: &Event, logon_id: u64) -> String {
    format!("{}|{logon_id}", words::target(event))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event, ntlm, run};

    const SLUG: &str = "pass-the-hash";

    fn history() -> Vec<Event> {
        vec![ntlm(-9000, "ann", "ws1", "srv1", Outcome::Success)]
    }

    fn fires(events: &[Event]) -> usize {
        run(SLUG, Sensitivity::High, &history(), events).len()
    }

    fn later(secs: i64) -> Event {
        ntlm(secs, "someone", "ws9", "srv1", Outcome::Success)
    }

    #[test]
    fn a_bare_client_on_a_new_host_fires_once_after_the_hold() {
        let events = [
            ntlm(0, "ann", "ws2", "srv1", Outcome::Success),
            ntlm(1, "ann", "ws2", "dc1", Outcome::Success),
            later(300),
        ];
        assert_eq!(fires(&events), 1);
    }

    #[test]
    fn the_own_host_a_systems_client_and_a_failure_stay_silent() {
        assert_eq!(fires(&[ntlm(0, "ann", "ws1", "srv1", Outcome::Success), later(300)]), 0);
        assert_eq!(fires(&[ntlm(0, "ann", "ws2", "srv1", Outcome::Failure(0xC000_006D)), later(300)]), 0);
        let mut own = ntlm(0, "ann", "ws2", "srv1", Outcome::Success);
        if let Activity::NtlmLogon(logon) = &mut own.activity {
            logon.workstation = Some("WS2".into());
        }
        assert_eq!(fires(&[own, later(300)]), 0);
    }

    #[test]
    fn a_cold_start_stays_silent() {
        assert!(alerts(SLUG, &[ntlm(0, "ann", "ws2", "srv1", Outcome::Success), later(300)]).is_empty());
    }

    #[test]
    fn a_session_with_a_detection_of_its_own_is_left_to_it() {
        let call = RpcCall {
            interface: None,
            interface_name: "svcctl".into(),
            opnum: 12,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments: RpcArguments::None,
        };
        let service = by(event(5, Activity::RpcCall(Box::new(call))), "ann", "ws2", Outcome::Success);
        assert_eq!(fires(&[ntlm(0, "ann", "ws2", "srv1", Outcome::Success), service, later(300)]), 0);
    }

    #[test]
    fn a_session_made_for_anothers_credentials_fires() {
        let logon = |outbound: &str| {
            let logon = Logon {
                logon_type: LogonType::NewCredentials,
                process: "seclogo".into(),
                outbound: Some(Account::named(outbound)),
                ..Logon::default()
            };
            by(event(0, Activity::Logon(Box::new(logon))), "ann", "ws1", Outcome::Success)
        };
        assert_eq!(alerts(SLUG, &[logon("admin")]).len(), 1);
        assert!(alerts(SLUG, &[logon("ann")]).is_empty());
    }
}
