//! ## What it finds
//! Protocols in use that are broken: NTLMv1 and LM, SMBv1, DES and RC4 in Kerberos, LDAP binds that neither sign nor seal.
//!
//! ## Why it matters
//! They are what relaying, cracking and the worms of the last decade live on.
//!
//! ## Evidence it needs
//! Wire: NTLM responses, SMB sessions, AS exchanges, LDAP binds. Events: 4624 (`LmPackageName`). Samba: the password
//! type of `Authentication` records.
//!
//! ## How it decides
//! (a) An NTLM response of NTLMv1, with or without extended session security, or LM; anonymous NTLM is none of these, though Windows
//! logs `NTLM V1` for it. (b) A session of SMB1: a negotiation that ends in SMB2 is none, and a session over NetBIOS (port
//! 139) counts from a share other than `IPC$` on, since the browse list of a network has no other way. (c) A timestamp or
//! ticket of one's own under DES, or RC4. (d) SASL binds
//! without signing or sealing. One finding per kind, client and server.
//!
//! ## Blind spots
//! What is negotiated and then not used.
//!
//! ## Likely benign causes
//! None: it is a weakness also where nobody means harm.
//!
//! ## What to do
//! Find the client; set `LmCompatibilityLevel` 5; remove SMB1; give the accounts AES keys; require LDAP signing.
//!
//! ## References
//! T1557, T1110.002; `[MS-NLMP] 3.3.1`; `[MS-CIFS]`; RFC 8429; RFC 6649; `[MS-ADTS] 5.1.1.1`.

use hopwatch_model::event::{BindMethod, Logon, NtlmVersion, SmbFileAction};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most NetBIOS sessions remembered.
const SESSIONS: usize = 10_000;
/// The NetBIOS session service.
const NETBIOS: u16 = 139;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether RC4 in Kerberos counts, beside DES.
    pub rc4: bool,
    /// Whether unsigned SASL binds count.
    pub unsigned_ldap: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { rc4: true, unsigned_ldap: true }
    }
}

/// SMB1 sessions over NetBIOS that no share was used through yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WeakProtocol {
    sessions: Table<bool>,
}

impl Default for WeakProtocol {
    fn default() -> Self {
        Self { sessions: Table::new(SESSIONS) }
    }
}

impl Rule for WeakProtocol {
    const META: Meta = Meta {
        slug: "weak-protocol",
        title: "A broken protocol is in use",
        phase: Phase::Posture,
        severity: Severity::Low,
        techniques: &["T1557"],
        external_id: None,
        actions: &[
            "Find the client and move it to NTLMv2 or Kerberos, SMB 3, AES, signed LDAP",
            "Forbid the protocol once no client needs it",
        ],
        source: include_str!("weak_protocol.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let found = match &event.activity {
            Activity::NtlmLogon(logon) => match logon.version {
                NtlmVersion::V1 | NtlmVersion::V1Ess => Some(("NTLMv1", Severity::Medium)),
                NtlmVersion::Lm => Some(("the LM response", Severity::Medium)),
                NtlmVersion::V2 | NtlmVersion::Anonymous | NtlmVersion::Unknown => None,
            },
            Activity::Logon(logon) if ntlmv1(logon, event) => Some(("NTLMv1", Severity::Medium)),
            Activity::Logon(logon) => smb1_logged(logon, event).then_some(("SMBv1", Severity::Medium)),
            Activity::SmbSession(_) | Activity::SmbFile(_) => self.smb1(event).then_some(("SMBv1", Severity::Medium)),
            Activity::AsExchange(exchange) => kerberos(exchange.timestamp_etype.or(exchange.reply_etype), config),
            Activity::LdapBind(bind) if config.unsigned_ldap && bind.sealed == Some(false) && !bind.tls => {
                let sasl = matches!(&bind.method, BindMethod::Sasl(name) if !name.eq_ignore_ascii_case("EXTERNAL"));
                (sasl || bind.method == BindMethod::Sicily).then_some(("LDAP without signing", Severity::Low))
            }
            _ => None,
        };
        let Some((what, severity)) = found.filter(|_| !event.outcome.failed()) else { return };
        let from = words::who(event, context.snapshot);
        let on = words::target(event);
        let story = format!("{from} uses {what} with {on}.");
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let verdict = Verdict::of(event, format!("{what}|{host}|{on}"), story, what).against(what).severity(severity);
        verdicts.raise(verdict.because("protocol", 1.0, 100.0, format!("{what} is broken")).score(100.0));
    }

    fn entries(&self) -> usize {
        self.sessions.len()
    }
}

impl WeakProtocol {
    /// An SMB1 session in use.
    fn smb1(&mut self, event: &Event) -> bool {
        let Some(source) = &event.source else { return false };
        let flow = format!("{}:{}", source.key(), source.port.unwrap_or(0));
        let netbios = event.target.as_ref().and_then(|target| target.port) == Some(NETBIOS);
        match &event.activity {
            Activity::SmbSession(session) if session.dialect == "1" => {
                if netbios {
                    self.sessions.entry(&flow, || true);
                }
                !netbios
            }
            Activity::SmbFile(file) => {
                let share = file.action == SmbFileAction::Connect && !file.share.eq_ignore_ascii_case("ipc$");
                share && self.sessions.get(&flow).is_some()
            }
            _ => false,
        }
    }
}

/// 4624 by NTLMv1, whose account is someone.
fn ntlmv1(logon: &Logon, event: &Event) -> bool {
    let old = logon.package_variant.as_deref().is_some_and(|name| matches!(name.trim(), "NTLM V1" | "LM"));
    let someone = event.actor.as_ref().is_some_and(|actor| {
        let anonymous = actor.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-7");
        !anonymous && !actor.name.is_empty() && actor.name != "-" && !actor.name.eq_ignore_ascii_case("anonymous logon")
    });
    old && someone
}

/// Samba names the service of a session `SMB` where it is SMB1, else `SMB2`.
fn smb1_logged(logon: &Logon, event: &Event) -> bool {
    let port = event.target.as_ref().and_then(|target| target.port);
    event.provenance.kind == SourceKind::SambaAudit && logon.service.as_deref() == Some("SMB") && port != Some(NETBIOS)
}

fn kerberos(etype: Option<i32>, config: &Config) -> Option<(&'static str, Severity)> {
    match etype? {
        1..=3 => Some(("DES in Kerberos", Severity::Medium)),
        23 | 24 | -133 | -128 | -135 if config.rc4 => Some(("RC4 in Kerberos", Severity::Low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{SmbFile, SmbSession};

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, host, ntlm};

    const SLUG: &str = "weak-protocol";

    fn version(version: NtlmVersion) -> usize {
        let mut event = ntlm(0, "ann", "ws1", "srv1", Outcome::Success);
        if let Activity::NtlmLogon(logon) = &mut event.activity {
            logon.version = version;
        }
        alerts(SLUG, &[event]).len()
    }

    fn smb(activity: Activity, port: u16) -> Event {
        let mut target = host("srv1");
        target.port = Some(port);
        Event { target: Some(target), ..by(event(0, activity), "ann", "ws1", Outcome::Success) }
    }

    fn session(dialect: &str, port: u16) -> Event {
        smb(Activity::SmbSession(Box::new(SmbSession { dialect: dialect.into(), ..SmbSession::default() })), port)
    }

    fn share(name: &str, port: u16) -> Event {
        let file = SmbFile { share: name.into(), path: String::new(), action: SmbFileAction::Connect, bytes: 0 };
        smb(Activity::SmbFile(Box::new(file)), port)
    }

    #[test]
    fn ntlmv1_and_lm_are_found_and_anonymous_is_neither() {
        assert_eq!(version(NtlmVersion::V1) + version(NtlmVersion::V1Ess) + version(NtlmVersion::Lm), 3);
        assert_eq!(version(NtlmVersion::Anonymous) + version(NtlmVersion::V2) + version(NtlmVersion::Unknown), 0);
    }

    #[test]
    fn windows_words_for_anonymous_are_not_believed() {
        let logon = |actor: &str| {
            let logon = Logon { package: "NTLM".into(), package_variant: Some("NTLM V1".into()), ..Logon::default() };
            by(event(0, Activity::Logon(Box::new(logon))), actor, "ws1", Outcome::Success)
        };
        assert_eq!(alerts(SLUG, &[logon("ann")]).len(), 1);
        assert!(alerts(SLUG, &[logon("ANONYMOUS LOGON")]).is_empty());
    }

    #[test]
    fn smb1_is_found_and_a_browse_list_is_not() {
        assert_eq!(alerts(SLUG, &[session("1", 445)]).len(), 1);
        assert!(alerts(SLUG, &[session("1", 139), share("IPC$", 139)]).is_empty());
        assert_eq!(alerts(SLUG, &[session("1", 139), share("data", 139)]).len(), 1);
        assert!(alerts(SLUG, &[session("3.1.1", 445), share("data", 445)]).is_empty());
    }

    #[test]
    fn des_and_rc4_timestamps_are_found() {
        for (etype, count) in [(3, 1), (23, 1), (18, 0)] {
            let mut event = as_exchange(0, "ann", "ws1", Outcome::Success);
            if let Activity::AsExchange(exchange) = &mut event.activity {
                exchange.timestamp_etype = Some(etype);
            }
            assert_eq!(alerts(SLUG, &[event]).len(), count);
        }
    }
}
