//! Authentication attempts: AS exchanges, NTLM authentications, logons and simple binds seen as one thing, so that brute
//! force, spray and enumeration are judged alike from packets, event logs and audit logs.
//!
//! One attempt is often reported twice: on the wire and by the log, or by a validation (4776) and the logon it served
//! (4625). [`Attempts`] tells the second view of an attempt from a second attempt.

use std::collections::VecDeque;
use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{BindMethod, NtlmVersion};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Outcome, Timestamp};
use serde::{Deserialize, Serialize};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The name exists and the credential was right.
    Accepted,
    /// The name exists, the credential was wrong.
    WrongPassword,
    /// The name does not exist.
    UnknownName,
    /// The name exists, but is locked, disabled, expired or restricted.
    Blocked,
    /// The name exists and no credential was tried (pre-authentication required, never followed up).
    Probed,
    /// Refused without saying whether the name or the password was wrong.
    Refused,
}

impl Verdict {
    /// True where a credential was tried and not accepted.
    #[must_use]
    pub fn failed(self) -> bool {
        matches!(self, Self::WrongPassword | Self::UnknownName | Self::Blocked | Self::Refused)
    }
}

/// One attempt to authenticate.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The account tried.
    pub account: Account,
    /// The key of the source host, empty where unknown.
    pub source: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The protocol: `kerberos`, `ntlm`, `ldap`, `logon`.
    pub protocol: &'static str,
    /// The digest of the password, where the protocol shows it (simple bind).
    pub password: Option<u64>,
    /// When.
    pub time: Timestamp,
}

impl Attempt {
    /// The attempt that an event reports; `None` where it reports none, or of a machine account or nobody.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (account, verdict, protocol, password) = match &event.activity {
            Activity::AsExchange(exchange) => {
                (exchange.cname.account(), kerberos(event.outcome, exchange.preauthenticated())?, "kerberos", None)
            }
            Activity::NtlmLogon(logon) if logon.version != NtlmVersion::Anonymous => {
                // Within LDAP the server answers by LDAP's own code.
                let verdict = ntstatus(event.outcome)
                    .or_else(|| (logon.carrier == "ldap").then(|| ldap(event.outcome)).flatten())?;
                (event.actor.clone()?, verdict, "ntlm", None)
            }
            Activity::Logon(logon) if !logon.explicit => {
                (event.actor.clone()?, ntstatus(event.outcome)?, "logon", None)
            }
            Activity::LdapBind(bind) => match bind.method {
                BindMethod::Simple { password_digest } => {
                    let account = event.actor.clone().unwrap_or_else(|| Account::named(&bind.name));
                    (account, ldap(event.outcome)?, "ldap", Some(password_digest))
                }
                BindMethod::Anonymous | BindMethod::Sasl(_) | BindMethod::Sicily => return None,
            },
            _ => return None,
        };
        if account.machine() || account.key().is_empty() {
            return None;
        }
        let source = event.source.as_ref().map(hopwatch_model::Host::key).unwrap_or_default();
        Some(Self { account, source, verdict, protocol, password, time: event.time })
    }
}

/// Kerberos error codes (RFC 4120 §7.5.9).
fn kerberos(outcome: Outcome, preauthenticated: bool) -> Option<Verdict> {
    match outcome {
        Outcome::Success => Some(Verdict::Accepted),
        Outcome::Failure(6) => Some(Verdict::UnknownName),
        Outcome::Failure(24) => Some(Verdict::WrongPassword),
        // 12 policy, 18 revoked (locked or disabled), 23 key expired.
        Outcome::Failure(12 | 18 | 23) => Some(Verdict::Blocked),
        Outcome::Failure(25) if !preauthenticated => Some(Verdict::Probed),
        Outcome::Failure(_) | Outcome::Unseen => None,
    }
}

/// NTSTATUS of NTLM and logons (`[MS-ERREF] 2.3.1`).
fn ntstatus(outcome: Outcome) -> Option<Verdict> {
    match outcome {
        Outcome::Success => Some(Verdict::Accepted),
        Outcome::Failure(0xC000_0064) => Some(Verdict::UnknownName),
        Outcome::Failure(0xC000_006A) => Some(Verdict::WrongPassword),
        Outcome::Failure(0xC000_006D) => Some(Verdict::Refused),
        // Restriction, hours, workstation, expired, disabled, account expired, locked, must change.
        Outcome::Failure(
            0xC000_006E | 0xC000_006F | 0xC000_0070 | 0xC000_0071 | 0xC000_0072 | 0xC000_0193 | 0xC000_0234
            | 0xC000_0224,
        ) => Some(Verdict::Blocked),
        Outcome::Failure(_) | Outcome::Unseen => None,
    }
}

/// LDAP result codes (RFC 4511 §4.1.9).
fn ldap(outcome: Outcome) -> Option<Verdict> {
    match outcome {
        Outcome::Success => Some(Verdict::Accepted),
        Outcome::Failure(49) => Some(Verdict::Refused),
        Outcome::Failure(_) | Outcome::Unseen => None,
    }
}

/// How far apart the two views of one attempt may be: clocks of a sensor and a DC differ by less, people retry slower.
const VIEWS: Duration = Duration::from_secs(2);
/// The most accounts of which attempts are remembered for telling second views.
const RECENT: usize = 4096;
/// The most attempts remembered of one account.
const OF_ONE: usize = 256;

/// The latest attempts of each account, by who reported them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempts {
    recent: Table<VecDeque<Recent>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { recent: Table::new(RECENT) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recent {
    time: Timestamp,
    protocol: String,
    kind: SourceKind,
    accepted: bool,
    matched: bool,
}

impl Attempts {
    /// The attempt of an event, where it is not the second view of one that another source or another layer of the same
    /// logon already reported.
    pub fn fresh(&mut self, event: &Event) -> Option<Attempt> {
        let attempt = Attempt::of(event)?;
        let accepted = attempt.verdict == Verdict::Accepted;
        let kind = event.provenance.kind;
        let close = |seen: &Recent| {
            let gap =
                if seen.time > attempt.time { seen.time.since(attempt.time) } else { attempt.time.since(seen.time) };
            gap <= VIEWS && seen.accepted == accepted
        };
        let other_view = |seen: &Recent| seen.kind != kind || seen.protocol != attempt.protocol;
        let recent = self.recent.entry(&attempt.account.key(), VecDeque::new);
        // Events come nearly in order of time: what lies further back than a few windows cannot match.
        while recent.front().is_some_and(|seen| seen.time + VIEWS * 8 < attempt.time) || recent.len() >= OF_ONE {
            recent.pop_front();
        }
        if let Some(first) = recent.iter_mut().rev().find(|seen| !seen.matched && close(seen) && other_view(seen)) {
            first.matched = true;
            return None;
        }
        let protocol = attempt.protocol.to_owned();
        recent.push_back(Recent { time: attempt.time, protocol, kind, accepted, matched: false });
        Some(attempt)
    }
}
