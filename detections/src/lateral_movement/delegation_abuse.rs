//! ## What it finds
//! A service that impersonates a user towards a domain controller or another host of Tier Zero, or that impersonates an
//! account of Tier Zero, by constrained delegation (S4U2self, S4U2proxy).
//!
//! ## Why it matters
//! Whoever has the key of an account with delegation rights writes itself a ticket in the name of an administrator,
//! and changes the service class in it at will (`ldap` to `cifs`).
//!
//! ## Evidence it needs
//! Wire: TGS exchanges with the option *cname-in-addl-tkt* and an evidence ticket. Events: 4769 with `TransitedServices`.
//! The directory tells Tier Zero.
//!
//! ## How it decides
//! S4U2proxy that succeeded, for a service of a controller or a Tier-Zero host, or in the name of a Tier-Zero account.
//! The pair of requesting host and service is spared where it was seen while learning. S4U2self alone, which many
//! services use to read groups, stays silent.
//!
//! ## Blind spots
//! Delegation towards hosts of lower tiers; impersonation by a service that does it every day.
//!
//! ## Likely benign causes
//! A newly installed portal or file cluster that delegates to a controller; mark its account, and question the right.
//!
//! ## What to do
//! Remove the delegation right, change the account's key, put administrators into *Protected Users*.
//!
//! ## References
//! T1558, T1550.003; `[MS-SFU] 3.2.5.2`; Defender for Identity (suspicious delegation).

use hopwatch_model::event::TgsExchange;
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::usual::Usual;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Accounts that delegate to Tier Zero by right: `sAMAccountName`s.
    pub delegates: Vec<String>,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { delegates: Vec::new() }
    }
}

/// Pairs of requester and service seen while learning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DelegationAbuse {
    usual: Usual,
}

impl Rule for DelegationAbuse {
    const META: Meta = Meta {
        slug: "delegation-abuse",
        title: "Delegation used to impersonate towards Tier Zero",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1558", "T1550.003"],
        external_id: None,
        actions: &[
            "Remove the delegation right from the account and change its key",
            "Look at what was done with the ticket on the target",
            "Put the impersonated account into Protected Users",
        ],
        source: include_str!("delegation_abuse.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::TgsExchange(exchange) = &event.activity else { return };
        if !exchange.s4u2proxy() || !event.outcome.succeeded() {
            return;
        }
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let service = requester(exchange, context);
        let by = service.as_ref().map_or_else(|| host.clone(), |account| account.name.clone());
        let key = format!("{}|{}", by.to_lowercase(), exchange.sname.name.to_lowercase());
        if self.usual.met(&key, context.mode) || config.delegates.iter().any(|name| name.eq_ignore_ascii_case(&by)) {
            verdicts.decline(event.time, key, "the service delegates so by habit");
            return;
        }
        let user = exchange.cname.account();
        let towards = tier_zero_service(exchange, context);
        let privileged = directory::privileged(context.snapshot, &user);
        let text = match (towards, privileged) {
            (true, _) => format!("{} is a service of Tier Zero", exchange.sname.name),
            (false, true) => format!("{} belongs to Tier Zero", user.name),
            (false, false) => {
                verdicts.decline(event.time, key, "neither the service nor the user belongs to Tier Zero");
                return;
            }
        };
        let story = format!("{by} took a ticket for {} in the name of {}.", exchange.sname.name, user.name);
        let mut verdict = Verdict::of(event, key, story, "S4U2proxy").against(exchange.sname.name.clone());
        verdict.actor = service.or(verdict.actor);
        let score = if towards && privileged { 95.0 } else { 80.0 };
        verdicts.raise(verdict.because("delegation", 1.0, 60.0, text).score(score));
    }

    fn entries(&self) -> usize {
        self.usual.entries()
    }
}

/// The account that delegates: to which the TGT was issued, else the first of the transited services.
fn requester(exchange: &TgsExchange, context: &Context<'_>) -> Option<Account> {
    let owner = exchange.tgt.as_ref().and_then(|tgt| context.shared.ledger.owner(tgt)).cloned();
    let transited = exchange.transited.as_deref().filter(|chain| !chain.is_empty() && *chain != "-");
    owner.or_else(|| transited.map(|chain| Account::named(chain.split([' ', ',']).next().unwrap_or(chain))))
}

/// The service runs on a controller or a host of Tier Zero.
fn tier_zero_service(exchange: &TgsExchange, context: &Context<'_>) -> bool {
    let by_name = context.snapshot.lookup().service(&exchange.sname.name);
    let by_host = exchange.sname.host().and_then(|host| context.snapshot.lookup().host_name(host));
    let named = exchange.service.as_ref().and_then(|service| directory::account(context.snapshot, service));
    let sensitive = |node| directory::sensitive(context.snapshot, node);
    if by_name.into_iter().chain(by_host).chain(named).any(sensitive) {
        return true;
    }
    exchange
        .sname
        .host()
        .is_some_and(|host| context.shared.controllers.contains(&Host::reported(host), context.snapshot))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::Principal;

    use super::*;
    use crate::testing::{alerts, by, event, run, ticket};

    const SLUG: &str = "delegation-abuse";

    fn proxy(secs: i64, user: &str, service: &str, outcome: Outcome) -> Event {
        let cname = Principal { name: user.into(), realm: "LAB.EXAMPLE".into(), ..Principal::default() };
        let sname = Principal { name: service.into(), realm: "LAB.EXAMPLE".into(), name_type: 2 };
        let exchange = TgsExchange {
            cname,
            sname,
            kdc_options: 0x0002_0000,
            additional_ticket: Some(ticket(7, "http/srv1.lab.example", 18)),
            ..TgsExchange::default()
        };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "", "srv1", outcome)
    }

    #[test]
    fn impersonation_towards_a_controller_fires() {
        assert_eq!(alerts(SLUG, &[proxy(0, "ann", "ldap/dc1.lab.example", Outcome::Success)]).len(), 1);
    }

    #[test]
    fn impersonation_of_tier_zero_fires_anywhere() {
        assert_eq!(alerts(SLUG, &[proxy(0, "admin", "http/ws1.lab.example", Outcome::Success)]).len(), 1);
    }

    #[test]
    fn ordinary_delegation_and_refusals_stay_silent() {
        assert!(alerts(SLUG, &[proxy(0, "ann", "http/ws1.lab.example", Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[proxy(0, "admin", "ldap/dc1.lab.example", Outcome::Failure(13))]).is_empty());
    }

    #[test]
    fn the_habit_of_a_service_stays_silent() {
        let history = [proxy(-9000, "ann", "ldap/dc1.lab.example", Outcome::Success)];
        let events = [proxy(0, "bob", "ldap/dc1.lab.example", Outcome::Success)];
        assert!(run(SLUG, Sensitivity::High, &history, &events).is_empty());
    }
}
