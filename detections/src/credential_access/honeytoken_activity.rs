//! ## What it finds
//! Any use of an account that nobody has reason to use: a decoy set out to be found.
//!
//! ## Why it matters
//! There is no honest explanation: whoever touches it looks for accounts to steal.
//!
//! ## Evidence it needs
//! Wire and events alike: AS and TGS exchanges, NTLM, binds, logons, changes of the account, queries for it by name. The
//! directory tells which accounts are decoys.
//!
//! ## How it decides
//! An account is a decoy where `accounts` names it, or where its description, `info` or `adminComment` in the directory
//! calls it one (`words`: honeytoken, honey token, honeypot, decoy account, canary account); so the mark lives where administrators
//! see it and intruders, who read descriptions as well, cannot profit from it. Signs: an authentication of it, right or
//! wrong; a ticket issued for a service that it runs; a change of it or of its groups; an LDAP search for it by name (Low). A
//! pre-authentication probe or a wrong password within `sweep` other accounts tried by the same source is that sweep's alert, not this
//! one's. No learning.
//!
//! ## Blind spots
//! Reads of the account among all others.
//!
//! ## Likely benign causes
//! Synchronisation of the directory that changes it; someone who tests the alarm.
//!
//! ## What to do
//! Treat the source as compromised.
//!
//! ## References
//! T1087.002, T1078; Defender for Identity 2014, 2427, 2428, 2429.

use std::time::Duration;

use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::attempt::Attempt;
use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched for sweeps, and accounts remembered of one.
const SOURCES: usize = 20_000;
const ACCOUNTS: usize = 200;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Decoys by `sAMAccountName`.
    pub accounts: Vec<String>,
    /// Words that make a description the mark of a decoy, lower case.
    pub words: Vec<String>,
    /// Other accounts that a source failed with within ten minutes, from which on a failure is part of a sweep.
    pub sweep: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let words = ["honeytoken", "honey token", "honeypot", "decoy account", "canary account"];
        let sweep = if sensitivity == Sensitivity::Low { usize::MAX } else { 5 };
        Self { accounts: Vec::new(), words: words.map(String::from).into(), sweep }
    }
}

/// Accounts that sources failed with lately.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HoneytokenActivity {
    failed: Table<Sliding<String>>,
}

impl Default for HoneytokenActivity {
    fn default() -> Self {
        Self { failed: Table::new(SOURCES) }
    }
}

impl Rule for HoneytokenActivity {
    const META: Meta = Meta {
        slug: "honeytoken-activity",
        title: "A decoy account was used",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1087.002", "T1078"],
        external_id: Some(2014),
        actions: &["Treat the source host as compromised and isolate it", "Look at what else the source did"],
        source: include_str!("honeytoken_activity.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let attempt = Attempt::of(event);
        let source = || event.source.as_ref().map(Host::key).unwrap_or_default();
        let mut sweeps = false;
        if let Some(attempt) = attempt.as_ref().filter(|attempt| attempt.verdict != crate::attempt::Verdict::Accepted) {
            let seen = self.failed.entry(&source(), Sliding::new);
            seen.push(event.time, attempt.account.key(), Duration::from_secs(600), ACCOUNTS);
            sweeps = seen.distinct().len() > config.sweep;
        }
        let Some((account, how, severity)) = touched(event, attempt.as_ref(), config, context) else { return };
        let Some(name) = decoy(config, &account, context) else { return };
        if sweeps {
            verdicts.decline(event.time, account.key(), "one of many accounts that the source tried");
            return;
        }
        let from = event.source.as_ref().map_or_else(|| "an unknown host".into(), Host::label);
        let own = event.actor.as_ref().is_some_and(|actor| directory::same(context.snapshot, actor, &account));
        let by = if own || event.actor.is_none() { from } else { words::who(event, context.snapshot) };
        let story = match how {
            TICKET => format!("{by} asked for a ticket of the decoy account {name}{}.", words::answer(event)),
            _ => format!("The decoy account {name} was {how} from {by}{}.", words::answer(event)),
        };
        let key = format!("{}|{}", name.to_lowercase(), source());
        let text = format!("{name} is a decoy: nobody has reason to use it");
        let verdict = Verdict::of(event, key, story, how).against(name).severity(severity);
        let score = if severity == Severity::Low { 60.0 } else { 99.0 };
        verdicts.raise(verdict.because("decoy", 1.0, 90.0, text).score(score));
    }

    fn entries(&self) -> usize {
        self.failed.len()
    }
}

/// The account that an event touches, and how.
fn touched(
    event: &Event,
    attempt: Option<&Attempt>,
    config: &Config,
    context: &Context<'_>,
) -> Option<(Account, &'static str, Severity)> {
    match &event.activity {
        Activity::TgsExchange(exchange) if event.outcome.succeeded() => {
            let service = directory::service(context.snapshot, &exchange.sname.name);
            let service =
                service.and_then(|node| context.snapshot.node(node)).and_then(|node| node.text("samaccountname"));
            let service = service.map(Account::named).or_else(|| exchange.service.clone());
            Some((service?, TICKET, Severity::Medium))
        }
        Activity::AccountChange(change) => Some((change.account.clone(), "changed", Severity::High)),
        Activity::GroupChange(change) => Some((change.member.clone(), "put into or out of a group", Severity::High)),
        Activity::DirectoryChange(change) if !bookkeeping(&change.attribute) => {
            Some((Account::named(&change.object), "changed", Severity::High))
        }
        Activity::LdapSearch(search) => {
            let account = named_in(&search.filter, config, context)?;
            Some((account, "searched for", Severity::Low))
        }
        Activity::RpcCall(_) | Activity::TicketUse(_) | Activity::SmbFile(_) | Activity::SmbSession(_) => None,
        _ => attempt.map(|attempt| (attempt.account.clone(), "used to log on", Severity::High)),
    }
}

/// A ticket of a service that the decoy seems to run.
const TICKET: &str = "asked for by its service";

/// What the directory itself writes at a logon.
fn bookkeeping(attribute: &str) -> bool {
    const OWN: &[&str] =
        &["lastLogon", "lastLogonTimestamp", "badPwdCount", "badPasswordTime", "logonCount", "lockoutTime"];
    OWN.iter().any(|own| own.eq_ignore_ascii_case(attribute))
}

/// The account that a filter seeks by its name.
fn named_in(filter: &str, config: &Config, context: &Context<'_>) -> Option<Account> {
    let parts = filter.split('(').filter_map(|part| part.split(')').next());
    let names = parts.filter_map(|part| part.split_once('=')).filter(|(key, value)| {
        !value.contains('*')
            && (key.eq_ignore_ascii_case("samaccountname") || key.eq_ignore_ascii_case("userprincipalname"))
    });
    names.map(|(_, value)| Account::named(value)).find(|account| decoy(config, account, context).is_some())
}

/// The name of an account that is a decoy.
fn decoy(config: &Config, account: &Account, context: &Context<'_>) -> Option<String> {
    let node = directory::account(context.snapshot, account);
    if config.accounts.iter().any(|name| name.eq_ignore_ascii_case(&account.name)) {
        return Some(node.map_or_else(|| account.name.clone(), |node| directory::label(context.snapshot, node)));
    }
    let node = node?;
    let properties = context.snapshot.node(node)?;
    let mut texts = ["description", "info", "admincomment"].iter().filter_map(|name| properties.text(name));
    let marked = |text: &str| {
        let text = text.to_lowercase();
        config.words.iter().any(|word| text.contains(word))
    };
    texts.any(marked).then(|| directory::label(context.snapshot, node))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::engine::{Engine, Settings};
    use crate::frame::Mode;
    use crate::testing::{as_exchange, ntlm, snapshot};

    fn fires(events: &[Event]) -> usize {
        let disabled =
            crate::ALL.iter().map(|factory| factory.meta().slug).filter(|slug| *slug != "honeytoken-activity");
        let mut settings = Settings { disabled: disabled.map(String::from).collect(), ..Settings::default() };
        let accounts = serde_json::json!({ "accounts": ["bob"] });
        settings.thresholds.insert("honeytoken-activity".into(), accounts.as_object().unwrap().clone());
        let mut engine = Engine::new(&settings).unwrap();
        let snapshot = snapshot();
        for event in events {
            engine.observe(event, &snapshot, Mode::Judging);
        }
        engine.alerts().len()
    }

    #[test]
    fn any_logon_of_a_decoy_fires_right_or_wrong() {
        assert_eq!(fires(&[as_exchange(0, "bob", "ws1", Outcome::Success)]), 1);
        assert_eq!(fires(&[as_exchange(0, "BOB", "ws1", Outcome::Failure(24))]), 1);
        assert_eq!(fires(&[ntlm(0, "bob", "ws1", "srv1", Outcome::Failure(0xC000_006A))]), 1);
    }

    #[test]
    fn other_accounts_stay_silent() {
        assert_eq!(fires(&[as_exchange(0, "ann", "ws1", Outcome::Success)]), 0);
    }

    #[test]
    fn a_failure_within_a_sweep_is_the_sweeps() {
        let mut events: Vec<Event> =
            (0..6).map(|i| as_exchange(i, &format!("user{i}"), "ws1", Outcome::Failure(24))).collect();
        events.push(as_exchange(9, "bob", "ws1", Outcome::Failure(24)));
        assert_eq!(fires(&events), 0);
        events.push(as_exchange(10, "bob", "ws1", Outcome::Success));
        assert_eq!(fires(&events), 1);
    }
}
