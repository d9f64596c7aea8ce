//! Accesses: who reached which host from which, with whose credential. What every lateral scorer sees, drawn from events
//! of any source and from LANL's `auth.txt` (Kent 2015, `time,source user,destination user,source,destination,
//! authentication,logon type,orientation,success`).
//!
//! Deliberately left out: logons without a second host, ticket-granting tickets, anonymous logons, failures (they grant
//! nothing; other rules judge them).

use std::borrow::Cow;

use hopwatch_model::event::{LogonType, NtlmVersion};
use hopwatch_model::{Account, Activity, Event, Host, Timestamp};
use serde::{Deserialize, Serialize};

/// How the credential was proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Not known.
    #[default]
    Other,
    /// Kerberos.
    Kerberos,
    /// NTLM.
    Ntlm,
}

/// What was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// A service over the network.
    #[default]
    Network,
    /// A desktop from afar.
    Desktop,
    /// The host's own console: tells who its people are, and is never judged.
    Console,
}

/// One access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access<'a> {
    /// When.
    pub time: Timestamp,
    /// The credential: an account's key.
    pub user: Cow<'a, str>,
    /// The account that acted, where the source names one other than the credential's.
    pub by: Option<Cow<'a, str>>,
    /// The host from which.
    pub source: Cow<'a, str>,
    /// The host to which.
    pub target: Cow<'a, str>,
    /// How the credential was proved.
    pub proof: Proof,
    /// What was reached.
    pub reach: Reach,
}

impl<'a> Access<'a> {
    /// The access that an event shows, if it shows one.
    #[must_use]
    pub fn of(event: &'a Event) -> Option<Self> {
        if !event.outcome.succeeded() {
            return None;
        }
        let (user, target, proof, reach, by) = match &event.activity {
            Activity::Logon(logon) => {
                if logon.explicit {
                    return None;
                }
                let reach = match logon.logon_type {
                    LogonType::Network | LogonType::NetworkCleartext => Reach::Network,
                    LogonType::RemoteInteractive | LogonType::CachedRemoteInteractive => Reach::Desktop,
                    LogonType::Interactive | LogonType::Unlock | LogonType::CachedInteractive => Reach::Console,
                    _ => return None,
                };
                let proof = match (logon.kerberos(), logon.ntlm()) {
                    (true, _) => Proof::Kerberos,
                    (_, true) => Proof::Ntlm,
                    _ => Proof::Other,
                };
                (event.actor.as_ref(), host(event.target.as_ref())?, proof, reach, None)
            }
            Activity::TgsExchange(exchange) => {
                let service = &exchange.sname;
                if service.krbtgt() || exchange.for_user.is_some() {
                    return None;
                }
                let name = hopwatch_model::identity::short_name(service.host()?);
                (event.actor.as_ref(), name, Proof::Kerberos, Reach::Network, None)
            }
            Activity::TicketUse(_) => {
                (event.actor.as_ref(), host(event.target.as_ref())?, Proof::Kerberos, Reach::Network, None)
            }
            Activity::NtlmLogon(logon) => {
                // A validation at the DC names the DC as target, not the server that was reached.
                if logon.version == NtlmVersion::Anonymous || logon.carrier == "netlogon" {
                    return None;
                }
                (event.actor.as_ref(), host(event.target.as_ref())?, Proof::Ntlm, Reach::Network, None)
            }
            _ => return None,
        };
        let user = user.filter(|account| judged(account))?;
        let source = if reach == Reach::Console { target.clone() } else { host(event.source.as_ref())? };
        if source == target && reach != Reach::Console {
            return None;
        }
        Some(Self {
            time: event.time,
            user: user.key().into(),
            by,
            source: source.into(),
            target: target.into(),
            proof,
            reach,
        })
    }

    /// The access that a line of `auth.txt` shows: a successful logon between two hosts, or one at the console.
    ///
    /// # Errors
    /// [`LineError`] where the line is no record of that form.
    pub fn of_lanl(line: &'a str) -> Result<Option<Self>, LineError> {
        let mut fields = line.trim_end_matches(['\r', '\n']).split(',');
        let mut next = || fields.next().ok_or(LineError::Fields);
        let time = next()?.parse::<i64>().map_err(|_| LineError::Time)?;
        let (by, user, source, target) = (next()?, next()?, next()?, next()?);
        let (proof, kind, orientation, success) = (next()?, next()?, next()?, next()?);
        if fields.next().is_some() {
            return Err(LineError::Fields);
        }
        if orientation != "LogOn" || success != "Success" || user.is_empty() || source.is_empty() || target.is_empty() {
            return Ok(None);
        }
        let reach = match (source == target, kind) {
            (true, "Interactive" | "Unlock" | "CachedInteractive") => Reach::Console,
            (true, _) => return Ok(None),
            (false, "RemoteInteractive" | "CachedRemoteInteractive") => Reach::Desktop,
            (false, _) => Reach::Network,
        };
        let proof = match proof {
            "Kerberos" => Proof::Kerberos,
            name if name.starts_with("NTLM") => Proof::Ntlm,
            _ => Proof::Other,
        };
        Ok(Some(Self {
            time: Timestamp::from_secs(time),
            user: user.into(),
            by: (by != user && !by.is_empty() && by != "?").then(|| by.into()),
            source: source.into(),
            target: target.into(),
            proof,
            reach,
        }))
    }
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Not nine fields.
    #[error("not nine fields")]
    Fields,
    /// The first field is no number of seconds.
    #[error("the time is no number of seconds")]
    Time,
}

/// Machine accounts move by themselves all day and have no credential that people use.
fn judged(account: &Account) -> bool {
    let name = account.key();
    !name.is_empty() && !account.machine() && !name.starts_with("anonymous") && name != "s-1-5-18"
}

fn host(host: Option<&Host>) -> Option<String> {
    host.map(Host::key).filter(|key| !key.is_empty() && key != "127.0.0.1" && key != "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_lanl_becomes_an_access() {
        let access = Access::of_lanl("7,U1@DOM1,U9@DOM1,C1,C2,NTLM,Network,LogOn,Success\n").unwrap().unwrap();
        assert_eq!(access.user, "U9@DOM1");
        assert_eq!(access.by.as_deref(), Some("U1@DOM1"));
        assert_eq!((access.proof, access.reach), (Proof::Ntlm, Reach::Network));
    }

    #[test]
    fn lines_that_are_no_remote_logon_give_none() {
        for line in [
            "7,U1,U1,C1,C2,NTLM,Network,LogOff,Success",
            "7,U1,U1,C1,C2,NTLM,Network,LogOn,Fail",
            "7,U1,U1,C1,C1,NTLM,Network,LogOn,Success",
        ] {
            assert_eq!(Access::of_lanl(line), Ok(None), "{line}");
        }
    }

    #[test]
    fn broken_lines_are_refused_with_a_reason() {
        assert_eq!(Access::of_lanl("x,U1,U1,C1,C2,NTLM,Network,LogOn,Success"), Err(LineError::Time));
        assert_eq!(Access::of_lanl("1,U1,U1,C1"), Err(LineError::Fields));
        assert_eq!(Access::of_lanl("1,a,b,c,d,e,f,g,h,i"), Err(LineError::Fields));
        assert_eq!(Access::of_lanl(""), Err(LineError::Time));
    }
}
