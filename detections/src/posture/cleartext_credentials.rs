//! ## What it finds
//! Passwords sent in clear text: LDAP simple binds without TLS, SMB1 plain passwords, network logons in clear text.
//!
//! ## Why it matters
//! Whoever sees the wire, on any hop, has the password.
//!
//! ## Evidence it needs
//! Wire: LDAP binds, SMB1 session set-ups. Samba: `Authentication` records. Events: 4624 type 8.
//!
//! ## How it decides
//! A simple bind with a name, without TLS, that was not refused; an SMB1 password in clear; a logon of type 8 from
//! another host. One finding per account and server. Binds under TLS and SASL stay silent, as do anonymous ones.
//!
//! ## Blind spots
//! Protocols that are not read: POP, IMAP, HTTP basic to other servers.
//!
//! ## Likely benign causes
//! None: it is a weakness also where nobody means harm. Type 8 comes from IIS with basic authentication, commonly under TLS.
//!
//! ## What to do
//! Move the client to LDAPS, StartTLS or SASL; change the password; require LDAP signing.
//!
//! ## References
//! T1552, T1040; RFC 4513 §5.1.3, §6.3.1; Defender for Identity *clear text* assessment.

use hopwatch_model::event::{BindMethod, LogonType};
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Whether network logons in clear text (type 8) count.
    pub network_cleartext: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { network_cleartext: true }
    }
}

/// No state: one finding per account and server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CleartextCredentials {}

impl Rule for CleartextCredentials {
    const META: Meta = Meta {
        slug: "cleartext-credentials",
        title: "A password was sent in clear text",
        phase: Phase::Posture,
        severity: Severity::Low,
        techniques: &["T1552", "T1040"],
        external_id: None,
        actions: &[
            "Move the client to LDAPS, StartTLS or SASL",
            "Change the password of the account",
            "Require LDAP signing and channel binding on the controllers",
        ],
        source: include_str!("cleartext_credentials.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (account, how) = match &event.activity {
            Activity::LdapBind(bind) if matches!(bind.method, BindMethod::Simple { .. }) && !bind.tls => {
                let named = (!bind.name.is_empty()).then(|| Account::named(&bind.name));
                let Some(account) = event.actor.clone().or(named) else { return };
                (Some(account), "an LDAP simple bind without TLS")
            }
            Activity::Anomaly(anomaly) if anomaly.protocol == "smb1" && anomaly.reason.contains("clear text") => {
                (event.actor.clone(), "an SMB1 password in clear text")
            }
            Activity::Logon(logon) if logon.logon_type == LogonType::NetworkCleartext && config.network_cleartext => {
                (event.actor.clone(), "a network logon in clear text (type 8)")
            }
            _ => return,
        };
        if event.outcome.failed() {
            return;
        }
        let name =
            account.as_ref().map_or_else(|| "an account".into(), |account| words::account(account, context.snapshot));
        let from = event.source.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
        let on = words::target(event);
        let story = format!("{from} sent the password of {name} to {on} by {how}.");
        let privileged = account.as_ref().is_some_and(|account| directory::privileged(context.snapshot, account));
        let key = format!("{}|{on}|{how}", name.to_lowercase());
        let severity = if privileged { Severity::Medium } else { Severity::Low };
        let verdict = Verdict::of(event, key, story, how).against(name).severity(severity).score(100.0);
        verdicts.raise(verdict.because(
            "cleartext",
            1.0,
            100.0,
            format!("{how}: the password can be read on the wire"),
        ));
    }

    fn entries(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::LdapBind;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "cleartext-credentials";

    fn bind(account: &str, method: BindMethod, tls: bool, outcome: Outcome) -> Event {
        let bind = LdapBind { name: account.into(), method, tls, sealed: None };
        by(event(0, Activity::LdapBind(Box::new(bind))), account, "ws1", outcome)
    }

    const SIMPLE: BindMethod = BindMethod::Simple { password_digest: 7 };

    #[test]
    fn a_simple_bind_without_tls_is_found() {
        assert_eq!(alerts(SLUG, &[bind("ann", SIMPLE, false, Outcome::Success)])[0].severity, Severity::Low);
        assert_eq!(alerts(SLUG, &[bind("admin", SIMPLE, false, Outcome::Success)])[0].severity, Severity::Medium);
    }

    #[test]
    fn tls_sasl_anonymous_and_refused_binds_stay_silent() {
        assert!(alerts(SLUG, &[bind("ann", SIMPLE, true, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[bind("ann", BindMethod::Sasl("GSSAPI".into()), false, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[bind("", BindMethod::Anonymous, false, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[bind("ann", SIMPLE, false, Outcome::Failure(49))]).is_empty());
    }
}
