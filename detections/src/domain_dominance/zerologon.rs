//! ## What it finds
//! Netlogon authentication with a credential of zeros (CVE-2020-1472, *Zerologon*).
//!
//! ## Why it matters
//! On a controller without the update one in 256 tries succeeds, and the attacker sets the controller's own password.
//!
//! ## Evidence it needs
//! Wire: NRPC `NetrServerReqChallenge`, `NetrServerAuthenticate2/3`, `NetrServerPasswordSet2`. Samba: `NETLOGON`
//! authentication records. Events: 4742, a machine account's password set by ANONYMOUS LOGON.
//!
//! ## How it decides
//! (a) A zero credential that was accepted; or `attempts` of them within `window_secs` from one source. (b) Where the
//! credential is not shown (logs), `failures` refused authentications of one controller's account by one source within
//! the window. (c) Where the calls are sealed, `failures` of them from one source: a member authenticates once per
//! channel, and before the channel stands there is nothing to seal it with but the anonymous account. (d) The password of
//! a controller's account set by the anonymous account, or reset by any other account than its own.
//!
//! ## Blind spots
//! An attempt that succeeds at once, on the wire without its challenge.
//!
//! ## Likely benign causes
//! Vulnerability scanners: few attempts. A member whose machine password is out of step fails for its own account.
//!
//! ## What to do
//! Patch; compare the controller's password in the directory with the one in its registry; isolate the source.
//!
//! ## References
//! T1210, T1068; Defender for Identity 2411; CVE-2020-1472; `[MS-NRPC] 3.5.4.4.2`, `3.1.4.4.2`.

use std::time::Duration;

use hopwatch_model::event::{AccountChange, AccountChangeKind, RpcArguments};
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched, and attempts remembered of one.
const SOURCES: usize = 10_000;
const ATTEMPTS: usize = 1000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Zero credentials from one source.
    pub attempts: usize,
    /// Refusals of one controller's account from one source, where the credential is not shown.
    pub failures: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (attempts, failures) = match sensitivity {
            Sensitivity::High => (5, 20),
            Sensitivity::Medium => (3, 10),
            Sensitivity::Low => (1, 5),
        };
        Self { window_secs: 600, attempts, failures }
    }
}

/// Attempts by source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Zerologon {
    zeros: Table<Sliding<u64>>,
    failures: Table<Sliding<u64>>,
}

impl Default for Zerologon {
    fn default() -> Self {
        Self { zeros: Table::new(SOURCES), failures: Table::new(SOURCES) }
    }
}

impl Rule for Zerologon {
    const META: Meta = Meta {
        slug: "zerologon",
        title: "Netlogon authentication with a credential of zeros (Zerologon)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1210", "T1068"],
        external_id: Some(2411),
        actions: &[
            "Check that every controller has the update and enforces secure channels",
            "Isolate the source host",
            "Where it succeeded: reset the controller's password on both sides, and krbtgt twice",
        ],
        source: include_str!("zerologon.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::RpcCall(call) if call.interface_name == "netlogon" => match &call.arguments {
                RpcArguments::NetlogonAuthenticate { account, zero_credential, .. } => {
                    self.on_authenticate(config, account, *zero_credential, call.opnum, event, context, verdicts);
                }
                _ if AUTHENTICATE.contains(&call.opnum) => self.on_sealed(config, event, verdicts),
                _ => {}
            },
            Activity::AccountChange(change) => on_change(change, event, context, verdicts),
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.zeros.len() + self.failures.len()
    }
}

/// `NetrServerReqChallenge`.
const CHALLENGE: u16 = 4;
/// `NetrServerAuthenticate`, `NetrServerAuthenticate2`, `NetrServerAuthenticate3` (`[MS-NRPC] 3.5.4.4`).
const AUTHENTICATE: [u16; 3] = [5, 15, 26];

impl Zerologon {
    #[expect(clippy::too_many_arguments, reason = "the parts of one call beside the frame's own four")]
    fn on_authenticate(
        &mut self,
        config: &Config,
        account: &str,
        zero: bool,
        opnum: u16,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let Some(source) = event.source.as_ref().map(Host::key) else { return };
        let window = Duration::from_secs(config.window_secs);
        let (table, least, what) = if zero {
            (&mut self.zeros, config.attempts, "credentials of zeros")
        } else {
            // A member that is out of step fails for its own account; nobody else speaks for a controller.
            let controller = context.shared.controllers.contains(&Host::reported(account), context.snapshot);
            if opnum == CHALLENGE || !event.outcome.failed() || !controller {
                return;
            }
            (&mut self.failures, config.failures, "refused authentications as a controller")
        };
        if opnum == CHALLENGE {
            return;
        }
        let seen = table.entry(&source, Sliding::new);
        seen.push(event.time, event.provenance.digest, window, ATTEMPTS);
        let count = seen.len();
        let accepted = zero && event.outcome.succeeded();
        if count < least && !accepted {
            verdicts.decline(event.time, source, format!("{count} of {least} {what}"));
            return;
        }
        let who = event.source.as_ref().map(Host::label).unwrap_or_default();
        let success = if accepted { ", and one was accepted" } else { "" };
        let story = format!("{who} sent {} {count} {what} for {account}{success}.", words::target(event));
        let text = format!("{count} within {} minutes; the threshold is {least}", config.window_secs / 60);
        let verdict = Verdict::of(event, source, story, what).against(account.to_owned());
        let score = if accepted { 99.0 } else { 90.0 };
        verdicts.raise(verdict.because("attempts", as_f64(count), 70.0, text).score(score));
    }
}

impl Zerologon {
    /// A call whose content is sealed: only how often it is made can tell.
    fn on_sealed(&mut self, config: &Config, event: &Event, verdicts: &mut Verdicts) {
        let Some(source) = event.source.as_ref().map(Host::key) else { return };
        let window = Duration::from_secs(config.window_secs);
        let seen = self.failures.entry(&source, Sliding::new);
        seen.push(event.time, event.provenance.digest, window, ATTEMPTS);
        let count = seen.len();
        if count < config.failures {
            verdicts.decline(event.time, source, format!("{count} of {} sealed authentications", config.failures));
            return;
        }
        let (who, minutes) = (event.source.as_ref().map(Host::label).unwrap_or_default(), config.window_secs / 60);
        let story = format!(
            "{who} authenticated to the Netlogon service of {} {count} times within {minutes} minutes, sealed: a member \
             does so once.",
            words::target(event)
        );
        let text = format!("{count} within {minutes} minutes; the threshold is {}", config.failures);
        let verdict = Verdict::of(event, source, story, "sealed Netlogon authentication");
        verdicts.raise(verdict.because("attempts", as_f64(count), 60.0, text).score(85.0));
    }
}

/// A controller's password is its own business.
fn on_change(change: &AccountChange, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    let anonymous = event.actor.as_ref().is_some_and(|actor| {
        actor.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-7")
            || actor.name.eq_ignore_ascii_case("anonymous logon")
    });
    let set = match change.kind {
        AccountChangeKind::PasswordReset | AccountChangeKind::PasswordChanged => true,
        AccountChangeKind::Changed => change.attributes.iter().any(|(name, _)| name.eq_ignore_ascii_case("pwdLastSet")),
        _ => false,
    };
    if !set || !change.account.machine() || event.outcome.failed() {
        return;
    }
    // Another account that resets a controller's password does what follows the attack: putting it back.
    let another = change.kind == AccountChangeKind::PasswordReset
        && event.actor.as_ref().is_some_and(|actor| !actor.machine() && !actor.name.is_empty() && !system(actor));
    if !anonymous && !another {
        return;
    }
    // A machine that joins sets its first password so; a controller is not joined.
    let host = Host::reported(&change.account.name);
    let logs_it = event.target.as_ref().is_some_and(|target| target.key() == host.key());
    if !logs_it && !context.shared.controllers.contains(&host, context.snapshot) {
        verdicts.decline(event.time, change.account.key(), "no controller's account");
        return;
    }
    let name = words::account(&change.account, context.snapshot);
    let (by, score) = if anonymous {
        (String::from("the anonymous account"), 95.0)
    } else {
        (words::who(event, context.snapshot), 75.0)
    };
    let story = format!("The password of the domain controller {name} was set by {by}.");
    let verdict = Verdict::of(event, name.to_lowercase(), story, "a controller's password set").against(name);
    let text = "a machine sets its password by its own account".into();
    verdicts.raise(verdict.because("not-its-own", 1.0, 80.0, text).score(score));
}

/// The local system, by which the directory service itself acts.
fn system(account: &Account) -> bool {
    account.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-18") || account.name.eq_ignore_ascii_case("system")
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcCall, RpcTransport};

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "zerologon";

    fn authenticate(secs: i64, account: &str, zero: bool, outcome: Outcome) -> Event {
        let call = RpcCall {
            interface: None,
            interface_name: "netlogon".into(),
            opnum: 26,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments: RpcArguments::NetlogonAuthenticate {
                account: account.into(),
                computer: "WS1".into(),
                zero_credential: zero,
            },
        };
        by(event(secs, Activity::RpcCall(Box::new(call))), "", "ws1", outcome)
    }

    fn many(count: i64, account: &str, zero: bool) -> Vec<Event> {
        (0..count).map(|i| authenticate(i, account, zero, Outcome::Failure(0xC000_0022))).collect()
    }

    #[test]
    fn five_zero_credentials_fire_once_and_four_do_not() {
        assert_eq!(alerts(SLUG, &many(5, "DC1$", true)).len(), 1);
        assert!(alerts(SLUG, &many(4, "DC1$", true)).is_empty());
        assert_eq!(alerts(SLUG, &many(200, "DC1$", true)).len(), 1);
    }

    #[test]
    fn one_that_is_accepted_fires() {
        assert_eq!(alerts(SLUG, &[authenticate(0, "DC1$", true, Outcome::Success)]).len(), 1);
    }

    #[test]
    fn refusals_in_a_log_fire_for_a_controller_and_not_for_a_member_out_of_step() {
        assert_eq!(alerts(SLUG, &many(20, "DC1$", false)).len(), 1);
        assert!(alerts(SLUG, &many(19, "DC1$", false)).is_empty());
        assert!(alerts(SLUG, &many(60, "WS1$", false)).is_empty());
    }

    #[test]
    fn a_machine_password_set_by_nobody_fires() {
        let change = AccountChange {
            kind: AccountChangeKind::PasswordReset,
            account: Account::named("DC1$"),
            new_name: None,
            attributes: vec![],
        };
        let activity = Activity::AccountChange(Box::new(change));
        let anonymous = by(event(0, activity.clone()), "ANONYMOUS LOGON", "ws1", Outcome::Success);
        assert_eq!(alerts(SLUG, &[anonymous]).len(), 1);
        assert!(alerts(SLUG, &[by(event(0, activity), "DC1$", "dc1", Outcome::Success)]).is_empty());
    }

    #[test]
    fn twenty_sealed_authentications_fire_and_nineteen_or_spread_over_hours_do_not() {
        let sealed = |step: i64, count: i64| -> Vec<Event> {
            let call = |i: i64| {
                let mut event = authenticate(i * step, "", false, Outcome::Success);
                if let Activity::RpcCall(call) = &mut event.activity {
                    (call.arguments, call.opnum) = (RpcArguments::None, 15);
                }
                event
            };
            (0..count).map(call).collect()
        };
        assert_eq!(alerts(SLUG, &sealed(1, 40)).len(), 1);
        assert!(alerts(SLUG, &sealed(1, 19)).is_empty());
        assert!(alerts(SLUG, &sealed(120, 60)).is_empty());
    }

    #[test]
    fn a_controllers_password_put_back_by_an_administrator_fires_and_a_workstations_does_not() {
        let reset = |machine: &str| {
            let change = AccountChange {
                kind: AccountChangeKind::PasswordReset,
                account: Account::named(machine),
                new_name: None,
                attributes: vec![],
            };
            by(event(0, Activity::AccountChange(Box::new(change))), "admin", "ws1", Outcome::Success)
        };
        assert_eq!(alerts(SLUG, &[reset("DC1$")]).len(), 1);
        assert!(alerts(SLUG, &[reset("WS1$")]).is_empty());
    }
}
