//! ## What it finds
//! An account's password reset by someone else, who then uses the account from the same host.
//!
//! ## Why it matters
//! The right to reset a password (`ForceChangePassword`) is an edge of the attack graph: whoever walks it becomes the
//! other account.
//!
//! ## Evidence it needs
//! Resets: 4724; Samba `passwordChange`; LDAP modify of `unicodePwd`; SAMR `SamrSetInformationUser(2)`. Uses: AS
//! exchanges, NTLM, logons, binds.
//!
//! ## How it decides
//! A reset by another account, and within `window_secs` a success of the account that was reset, from the host of the
//! reset. An account that was created within an hour before is new, not taken over. High where the account belongs
//! to Tier Zero.
//!
//! ## Blind spots
//! A reset from one host and the use from another; a reset whose host is not known.
//!
//! ## Likely benign causes
//! A help desk that logs on as the user on its own host to test the new password.
//!
//! ## What to do
//! Ask the actor; reset the account again; take the right away.
//!
//! ## References
//! T1098, T1078; `[MS-SAMR] 3.1.5.6.4`; `[MS-ADTS] 5.1.3.2.1` User-Force-Change-Password.

use std::time::Duration;

use hopwatch_model::event::{AccountChangeKind, RpcArguments, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::{self, Attempt};
use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most resets and new accounts remembered.
const RESETS: usize = 10_000;
/// For how long an account is new.
const NEW: Duration = Duration::from_secs(3600);
/// `SamrCreateUser2InDomain` and its kin are followed by a reset that is the first password.
const CREATE: [u16; 2] = [12, 50];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// From the reset to the use, in seconds.
    pub window_secs: u64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        Self { window_secs: if sensitivity == Sensitivity::Low { 86_400 } else { 3600 } }
    }
}

/// A reset.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reset {
    time: Timestamp,
    by: Option<Account>,
    host: Host,
    record: Evidence,
}

/// Resets by account; what was created by host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordResetByAcl {
    resets: Table<Reset>,
    created: Table<Timestamp>,
}

impl Default for PasswordResetByAcl {
    fn default() -> Self {
        Self { resets: Table::new(RESETS), created: Table::new(RESETS) }
    }
}

impl Rule for PasswordResetByAcl {
    const META: Meta = Meta {
        slug: "password-reset-by-acl",
        title: "An account taken over by resetting its password",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1098", "T1078"],
        external_id: None,
        actions: &[
            "Ask who reset the password why they used the account",
            "Reset the account again and end its sessions",
            "Take the right to reset it away where nobody needs it",
        ],
        source: include_str!("password_reset_by_acl.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.on_creation(event);
        if let Some(account) = reset_of(event, context).filter(|_| !event.outcome.failed()) {
            self.on_reset(&account, event, context);
        } else if let Some(attempt) = Attempt::of(event).filter(|attempt| attempt.verdict == attempt::Verdict::Accepted)
        {
            self.on_use(config, &attempt, event, context, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.resets.len() + self.created.len()
    }
}

impl PasswordResetByAcl {
    fn on_creation(&mut self, event: &Event) {
        let key = match &event.activity {
            Activity::DirectoryChange(change) if change.operation == ValueOperation::Create => {
                change.object.to_lowercase()
            }
            Activity::AccountChange(change) if change.kind == AccountChangeKind::Created => change.account.key(),
            Activity::RpcCall(call) if call.interface_name == "samr" && CREATE.contains(&call.opnum) => {
                event.source.as_ref().map(|host| format!("host {}", host.key())).unwrap_or_default()
            }
            _ => return,
        };
        self.created.entry(&key, || event.time);
    }

    fn on_reset(&mut self, account: &Account, event: &Event, context: &Context<'_>) {
        let Some(host) = &event.source else { return };
        let own = event.actor.as_ref().is_some_and(|actor| directory::same(context.snapshot, actor, account));
        let recently = |key: &str| self.created.get(key).is_some_and(|time| event.time.since(*time) <= NEW);
        let object = match &event.activity {
            Activity::DirectoryChange(change) => change.object.to_lowercase(),
            Activity::AccountChange(change) => {
                let dn = change.attributes.iter().find(|(name, _)| name == "distinguishedName");
                dn.map(|(_, dn)| dn.to_lowercase()).unwrap_or_default()
            }
            _ => format!("host {}", host.key()),
        };
        if own || recently(&object) || recently(&account.key()) {
            return;
        }
        let name = known_as(account, context);
        let record = evidence(event, &format!("password of {name} reset"));
        let reset = Reset { time: event.time, by: event.actor.clone(), host: host.clone(), record };
        self.resets.entry(&name.to_lowercase(), || reset.clone()).clone_from(&reset);
    }

    fn on_use(
        &mut self,
        config: &Config,
        attempt: &Attempt,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let name = known_as(&attempt.account, context);
        let key = name.to_lowercase();
        let Some(reset) = self.resets.get(&key).cloned() else { return };
        let Some(host) = &event.source else { return };
        let late = event.time < reset.time || event.time.since(reset.time) > Duration::from_secs(config.window_secs);
        let same = host.key() == reset.host.key() || (host.address.is_some() && host.address == reset.host.address);
        if late || !same {
            verdicts.decline(event.time, key, "used later, or from another host than that of the reset");
            return;
        }
        self.resets.remove(&key);
        let by = reset.by.as_ref().map_or_else(|| "someone".into(), |by| words::account(by, context.snapshot));
        let later = words::span(event.time.since(reset.time));
        let story =
            format!("{by} reset the password of {name} and used the account from {} {later} later.", host.label());
        let privileged = directory::privileged(context.snapshot, &attempt.account);
        let severity = if privileged { Severity::High } else { Severity::Medium };
        let mut verdict =
            Verdict::of(event, format!("{}|{key}", by.to_lowercase()), story, "the account was used").against(name);
        verdict.actor = reset.by;
        let text = format!("the reset and the use came from {}", host.label());
        let verdict = verdict.because("same-host", 1.0, 60.0, text).with_evidence([reset.record]);
        verdicts.raise(verdict.severity(severity).score(if privileged { 90.0 } else { 80.0 }));
    }
}

/// The account whose password an event resets.
fn reset_of(event: &Event, context: &Context<'_>) -> Option<Account> {
    match &event.activity {
        Activity::AccountChange(change) if change.kind == AccountChangeKind::PasswordReset => {
            let dn = change
                .attributes
                .iter()
                .find(|(name, _)| name == "distinguishedName")
                .map(|(_, dn)| Account::named(dn));
            Some(
                dn.filter(|dn| directory::account(context.snapshot, dn).is_some())
                    .unwrap_or_else(|| change.account.clone()),
            )
        }
        Activity::DirectoryChange(change)
            if matches!(change.operation, ValueOperation::Replace)
                && ["unicodePwd", "clearTextPassword", "userPassword"]
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&change.attribute)) =>
        {
            Some(Account::named(&change.object))
        }
        // SamrSetInformationUser, SamrSetInformationUser2 ([MS-SAMR] 3.1.5.6.4): other attributes too, hence the use that must follow.
        Activity::RpcCall(call) if call.interface_name == "samr" && matches!(call.opnum, 37 | 58) => match &call
            .arguments
        {
            RpcArguments::Identifiers(ids) => Some(Account { sid: ids.first()?.parse().ok(), ..Account::default() }),
            _ => None,
        },
        _ => None,
    }
}

/// The name by which all sources know the account: the directory's, else its own.
fn known_as(account: &Account, context: &Context<'_>) -> String {
    match directory::account(context.snapshot, account) {
        Some(node) => directory::label(context.snapshot, node),
        None => account.key(),
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::AccountChange;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event};

    const SLUG: &str = "password-reset-by-acl";

    fn change(secs: i64, kind: AccountChangeKind, account: &str, actor: &str, source: &str) -> Event {
        let change = AccountChange { kind, account: Account::named(account), new_name: None, attributes: vec![] };
        by(event(secs, Activity::AccountChange(Box::new(change))), actor, source, Outcome::Success)
    }

    fn reset(secs: i64, account: &str, actor: &str) -> Event {
        change(secs, AccountChangeKind::PasswordReset, account, actor, "ws1")
    }

    #[test]
    fn a_reset_and_the_use_from_the_same_host_fire_once() {
        let events = [
            reset(0, "bob", "ann"),
            as_exchange(60, "bob", "ws1", Outcome::Success),
            as_exchange(90, "bob", "ws1", Outcome::Success),
        ];
        let found = alerts(SLUG, &events);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].actor.as_ref().unwrap().name, "ann");
    }

    #[test]
    fn another_host_a_failure_or_an_hour_later_stay_silent() {
        for logon in [
            as_exchange(60, "bob", "ws2", Outcome::Success),
            as_exchange(60, "bob", "ws1", Outcome::Failure(24)),
            as_exchange(3601, "bob", "ws1", Outcome::Success),
            as_exchange(-60, "bob", "ws1", Outcome::Success),
        ] {
            assert!(alerts(SLUG, &[reset(0, "bob", "ann"), logon]).is_empty());
        }
    }

    #[test]
    fn the_first_password_of_a_new_account_and_the_own_reset_stay_silent() {
        let created = change(-5, AccountChangeKind::Created, "bob", "ann", "ws1");
        let used = as_exchange(60, "bob", "ws1", Outcome::Success);
        assert!(alerts(SLUG, &[created, reset(0, "bob", "ann"), used.clone()]).is_empty());
        assert!(alerts(SLUG, &[reset(0, "bob", "bob"), used]).is_empty());
    }
}
