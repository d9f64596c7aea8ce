//! Security tokens inside SMB, LDAP, RPC and HTTP become logons: the legs of one security context (RFC 4178, `[MS-NLMP]
//! 3.1`, RFC 4121) make one `NtlmLogon` or one `TicketUse`, once the carrier knows how it ended.
//!
//! Names that either side gives itself make `NameObserved`. Kerberos hides who presents the ticket: the account is then
//! unknown here, and the ledger of issued tickets knows it. Session keys and responses never leave this file.

use std::net::IpAddr;

use hopwatch_model::event::{NameObserved, NtlmLogon, NtlmVersion, TicketUse};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Activity, Certainty, Outcome, Resolution, Timestamp};
use hopwatch_wire::ntlm::{AuthenticateMessage, ChallengeMessage, Message, ResponseKind};
use hopwatch_wire::spnego::{self, Inner, NegState};
use hopwatch_wire::{krb5, ntlm};

use super::{Draft, Endpoints, Output, Told};

/// Where and when something was seen.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The connection.
    pub endpoints: Endpoints,
    /// The time.
    pub time: Timestamp,
    /// The frame.
    pub frame: u64,
}

impl At {
    /// The place of a chunk.
    #[must_use]
    pub fn of(chunk: &super::Chunk<'_>) -> Self {
        Self { endpoints: chunk.endpoints, time: chunk.time, frame: chunk.frame }
    }
}

/// The legs of one security context.
#[derive(Debug)]
pub struct GssContext {
    carrier: &'static str,
    server_name: Option<String>,
    account: Option<Account>,
    pending: Option<Pending>,
    rejected: bool,
}

/// A logon whose outcome is not known yet.
#[derive(Debug)]
struct Pending {
    at: At,
    actor: Option<Account>,
    /// A keyed digest of the token: the token itself holds the response.
    digest: [u8; 8],
    activity: Activity,
}

impl GssContext {
    /// A context in a protocol: `smb`, `ldap`, `rpc`, `http`.
    #[must_use]
    pub fn new(carrier: &'static str) -> Self {
        Self { carrier, server_name: None, account: None, pending: None, rejected: false }
    }

    /// The account that NTLM named, also before the outcome is known. `None` for anonymous, for Kerberos, and after a
    /// failure.
    #[must_use]
    pub fn account(&self) -> Option<Account> {
        self.account.clone()
    }

    /// Whether a logon waits for its outcome.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether the acceptor said `reject`.
    #[must_use]
    pub fn rejected(&self) -> bool {
        self.rejected
    }

    /// Takes a token of either side; what cannot be read is counted.
    pub fn token(&mut self, bytes: &[u8], at: At, out: &mut Output<'_>) {
        if bytes.is_empty() {
            return;
        }
        let Ok(token) = spnego::decode(bytes) else { return out.counters.drop("gss: token malformed") };
        self.rejected |= token.state == Some(NegState::Reject);
        match token.inner {
            Inner::Ntlm(message) => match read_ntlm(message, at, out) {
                Ok(Message::Negotiate(_)) => {}
                Ok(Message::Challenge(challenge)) => self.challenge(&challenge, at, out),
                Ok(Message::Authenticate(message)) => self.authenticate(&message, bytes, at, out),
                Err(_) => out.counters.drop("gss: NTLM message malformed"),
            },
            Inner::Kerberos(message) => self.kerberos(message, at, out),
            Inner::Empty => {}
            // `[MS-NEGOEX] 2.2.6`: the offers of mechanisms that Windows' own logons do not use.
            Inner::Other(message) if message.starts_with(b"NEGOEXTS") => out.counters.ignore("gss: NEGOEX message"),
            Inner::Other(_) => out.counters.ignore("gss: other mechanism"),
        }
    }

    /// The context ended, or the carrier's answer says how: the logon is emitted. Returns whether there was one.
    pub fn finish(&mut self, outcome: Outcome, out: &mut Output<'_>) -> bool {
        if outcome.failed() {
            self.account = None;
        }
        let Some(Pending { at, actor, digest, activity }) = self.pending.take() else { return false };
        let draft = Draft { endpoints: at.endpoints, time: at.time, frame: at.frame, actor, outcome, content: &digest };
        out.emit(draft, activity);
        true
    }

    fn challenge(&mut self, challenge: &ChallengeMessage, at: At, out: &mut Output<'_>) {
        let computer = challenge.target_info.computer();
        if let Some(name) = computer {
            observe(name, at.endpoints.server.ip(), ResolutionMethod::Ntlm, at, out);
        }
        let name = computer.unwrap_or(&challenge.target_name);
        self.server_name = Some(name.to_owned()).filter(|name| !name.is_empty());
    }

    fn authenticate(&mut self, message: &AuthenticateMessage, token: &[u8], at: At, out: &mut Output<'_>) {
        let workstation = message.workstation.trim_start_matches('\\');
        if !workstation.is_empty() {
            observe(workstation, at.endpoints.client.ip(), ResolutionMethod::Ntlm, at, out);
        }
        let version = version(message.response);
        let account = (version != NtlmVersion::Anonymous && !message.user.is_empty())
            .then(|| Account::named(&message.user).in_domain(&message.domain));
        let v2 = message.response == ResponseKind::V2;
        let logon = NtlmLogon {
            version,
            workstation: Some(workstation.to_owned()).filter(|name| !name.is_empty()),
            carrier: self.carrier.into(),
            flags: message.flags,
            mic: Some(message.mic),
            av_flags: if v2 { message.client_info.flags } else { None },
            target_name: message.client_info.target_name.clone(),
            client_version: message.version.map(|version| version.to_string()),
            server_name: self.server_name.clone().or_else(|| message.client_info.computer().map(str::to_owned)),
        };
        self.account.clone_from(&account);
        self.wait(at, account, token, Activity::NtlmLogon(Box::new(logon)), out);
    }

    fn kerberos(&mut self, message: &[u8], at: At, out: &mut Output<'_>) {
        let decoded = krb5::decode_token(message);
        if let Ok(message) = &decoded {
            out.tell(at.frame, Told::Kerberos(message));
        }
        match decoded {
            Ok(krb5::Message::ApReq(request)) => {
                let ticket = request.ticket.event(|cipher| out.key.digest("ticket", cipher));
                let used = TicketUse { ticket, carrier: self.carrier.into(), ap_options: request.ap_options };
                self.wait(at, None, message, Activity::TicketUse(Box::new(used)), out);
            }
            // AP-REP, and KRB-ERROR, after which the carrier tells the outcome.
            Ok(_) => {}
            // IAKERB and user-to-user requests have a frame and another mechanism or token id.
            Err(_) if message.first() == Some(&0x60) => out.counters.ignore("gss: other Kerberos token"),
            Err(_) => out.counters.drop("gss: Kerberos message malformed"),
        }
    }

    /// A logon begins; one that still waited is emitted as it stands.
    fn wait(&mut self, at: At, actor: Option<Account>, token: &[u8], activity: Activity, out: &mut Output<'_>) {
        let account = self.account.take();
        self.finish(Outcome::Unseen, out);
        self.account = account;
        let digest = out.key.digest("token", token).to_le_bytes();
        self.pending = Some(Pending { at, actor, digest, activity });
    }
}

fn read_ntlm(bytes: &[u8], at: At, out: &mut Output<'_>) -> hopwatch_wire::error::Result<Message> {
    let message = ntlm::decode(bytes)?;
    out.tell(at.frame, Told::Ntlm(&message));
    Ok(message)
}

fn version(kind: ResponseKind) -> NtlmVersion {
    match kind {
        ResponseKind::Anonymous => NtlmVersion::Anonymous,
        ResponseKind::Lm => NtlmVersion::Lm,
        ResponseKind::V1 => NtlmVersion::V1,
        ResponseKind::V1Ess => NtlmVersion::V1Ess,
        ResponseKind::V2 => NtlmVersion::V2,
        ResponseKind::Unknown => NtlmVersion::Unknown,
    }
}

/// The event of a logon without a security token: SMB1's basic session setup and passed-through logons.
pub(super) fn ntlm_logon(response: ResponseKind, carrier: &str) -> NtlmLogon {
    NtlmLogon { version: version(response), carrier: carrier.into(), ..NtlmLogon::default() }
}

/// Tells the resolution table of a name that a side gave itself.
pub(super) fn observe(name: &str, address: IpAddr, method: ResolutionMethod, at: At, out: &mut Output<'_>) {
    let resolution = Resolution { certainty: Certainty::Medium, method };
    let observed = NameObserved { name: name.into(), address: address.to_canonical(), resolution };
    let draft = Draft {
        endpoints: at.endpoints,
        time: at.time,
        frame: at.frame,
        actor: None,
        outcome: Outcome::Success,
        content: name.as_bytes(),
    };
    out.emit(draft, Activity::NameObserved(Box::new(observed)));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, chunk};
    use super::*;
    use crate::analyzers::Direction;

    /// An AUTHENTICATE_MESSAGE without MIC: OEM texts behind a header of 64 bytes.
    fn authenticate(lm: &[u8], nt: &[u8], user: &str, flags: u32) -> Vec<u8> {
        let mut head = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut payload: Vec<u8> = Vec::new();
        for part in [lm, nt, b"LAB", user.as_bytes(), b"WS1", b""] {
            let length = u16::try_from(part.len()).unwrap().to_le_bytes();
            head.extend(length);
            head.extend(length);
            head.extend(u32::try_from(64 + payload.len()).unwrap().to_le_bytes());
            payload.extend(part);
        }
        head.extend(flags.to_le_bytes());
        head.extend(payload);
        head
    }

    fn at() -> At {
        At::of(&chunk(&[], Direction::ToServer, (50_000, 445), 7))
    }

    #[test]
    fn a_failed_logon_is_one_event_with_the_carriers_status() {
        let mut bench = Bench::new();
        let mut context = GssContext::new("smb");
        context.token(&authenticate(&[1; 24], &[2; 60], "ann", 0), at(), &mut bench.out());
        assert_eq!(context.account().unwrap().name, "ann");
        assert!(context.finish(Outcome::Failure(0xc000_006a), &mut bench.out()));
        assert!(!context.finish(Outcome::Unseen, &mut bench.out()), "one logon, one event");
        assert_eq!(context.account(), None);
        let [named, logon] = &bench.events[..] else { panic!("{:?}", bench.events) };
        assert!(matches!(&named.activity, Activity::NameObserved(seen) if seen.name == "WS1"));
        assert_eq!(logon.outcome, Outcome::Failure(0xc000_006a));
        assert_eq!(logon.actor.as_ref().unwrap().domain.as_deref(), Some("LAB"));
        assert!(
            matches!(&logon.activity, Activity::NtlmLogon(l) if l.version == NtlmVersion::V2 && l.carrier == "smb")
        );
    }

    #[test]
    fn an_anonymous_logon_has_no_account() {
        let mut bench = Bench::new();
        let mut context = GssContext::new("rpc");
        context.token(&authenticate(&[0], &[], "", 0x800), at(), &mut bench.out());
        assert_eq!(context.account(), None);
        context.finish(Outcome::Success, &mut bench.out());
        let logon = bench.events.last().unwrap();
        assert!(matches!(&logon.activity, Activity::NtlmLogon(l) if l.version == NtlmVersion::Anonymous));
    }

    #[test]
    fn rubbish_is_counted() {
        let mut bench = Bench::new();
        GssContext::new("smb").token(&[1, 2, 3], at(), &mut bench.out());
        assert_eq!(bench.counters.dropped.get("gss: token malformed"), Some(&1));
    }

    #[test]
    fn responses_never_reach_an_event() {
        let mut bench = Bench::new();
        let mut context = GssContext::new("smb");
        context.token(&authenticate(b"CANARYCANARYCANARYCANARY", &[0x5a; 60], "ann", 0), at(), &mut bench.out());
        context.finish(Outcome::Success, &mut bench.out());
        let json = serde_json::to_string(&bench.events).unwrap();
        assert!(!json.contains("CANARY") && !json.contains("ZZZZ") && !json.contains("5a5a"));
    }
}
