//! ## What it finds
//! Service tickets collected for accounts whose passwords people chose, to crack them offline.
//!
//! ## Why it matters
//! Any account may ask for a ticket of any service. The ticket is sealed with the service account's password; RC4
//! (etype 23) is cracked at billions of guesses a second, without one failed logon.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges (etype of the *ticket*, not of the reply). Events: 4769; audit policy *Kerberos Service Ticket
//! Operations*. LDAP searches for accounts with a `servicePrincipalName` beforehand make it sure. The directory tells
//! which services a user account runs.
//!
//! ## How it decides
//! Per requester within `window_secs`, over distinct services that a *user* account runs and that the requester did not
//! use while learning: each counts 2 where the request offered nothing better than RC4, 1.5 where the ticket is weak
//! (RC4 or DES), 0.7 otherwise. Where neither the directory nor the record tells whose service it is, a weak ticket given
//! for an AES-sealed TGT is taken for a user's: hosts of a domain that has AES have it themselves; requests for a service account by its bare name (`DOMAIN\svc`) count 1.5 also where they
//! are refused. The sum must reach `weight`, over `services` at least; half of both suffices within an hour of an LDAP
//! search for service accounts by the same host.
//!
//! ## Blind spots
//! One AES ticket a day; services of unknown accounts (directory not loaded) on the wire.
//!
//! ## Likely benign causes
//! Monitoring that checks every service; a portal that connects to many databases at start.
//!
//! ## What to do
//! Give each of the accounts a new long password (or a managed account), and look at what the requester did next.
//!
//! ## References
//! T1558.003; Defender for Identity 2410; RFC 4120 §3.3; RFC 4757.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_model::event::{LdapSearch, Principal, TgsExchange};
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::Table;

/// The most requesters watched at a time.
const REQUESTERS: usize = 50_000;
/// The most services remembered for a requester.
const SERVICES: usize = 200;
/// KDC_ERR_S_PRINCIPAL_UNKNOWN (RFC 4120 §7.5.9).
const SERVICE_UNKNOWN: u32 = 7;
/// NT-MS-PRINCIPAL, a service account named as `DOMAIN\account` (`[MS-KILE] 3.1.5.14`), and NT-MS-PRINCIPAL-AND-ID.
const MS_PRINCIPAL: [i32; 2] = [-128, -129];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// The sum of weights.
    pub weight: f64,
    /// The fewest distinct services.
    pub services: usize,
    /// How long an LDAP search for service accounts makes requests suspicious, in seconds.
    pub after_search_secs: u64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (weight, services) = match sensitivity {
            Sensitivity::High => (4.0, 3),
            Sensitivity::Medium => (3.0, 2),
            Sensitivity::Low => (2.0, 1),
        };
        Self { window_secs: 600, weight, services, after_search_secs: 3600 }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Requester {
    /// Services asked for lately: when, weight, record.
    asked: BTreeMap<String, (Timestamp, f64, Evidence)>,
    learned: BTreeSet<String>,
    reported: usize,
}

/// Services asked for, by requester; searches for service accounts, by host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kerberoasting {
    requesters: Table<Requester>,
    searches: Table<Evidence>,
}

impl Default for Kerberoasting {
    fn default() -> Self {
        Self { requesters: Table::new(REQUESTERS), searches: Table::new(REQUESTERS) }
    }
}

impl Rule for Kerberoasting {
    const META: Meta = Meta {
        slug: "kerberoasting",
        title: "Service tickets collected for offline cracking (Kerberoasting)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1558.003"],
        external_id: Some(2410),
        actions: &[
            "Change the passwords of the service accounts that were asked for",
            "Isolate the source host and look at what the requester did next",
            "Turn RC4 off for the accounts, or make them managed accounts",
        ],
        source: include_str!("kerberoasting.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(source) = &event.source else { return };
        match &event.activity {
            Activity::LdapSearch(search) if seeks_services(search) => {
                let found = evidence(event, "LDAP search for accounts with a service principal name");
                self.searches.entry(&source.key(), || found.clone()).clone_from(&found);
            }
            Activity::TgsExchange(exchange) => self.on_request(config, exchange, source, event, context, verdicts),
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.requesters.len() + self.searches.len()
    }
}

impl Kerberoasting {
    fn on_request(
        &mut self,
        config: &Config,
        exchange: &TgsExchange,
        source: &Host,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        // S4U and renewals are delegation's business.
        if exchange.for_user.is_some() || exchange.s4u2proxy() || exchange.renewal {
            return;
        }
        let Some((service, weight)) = weigh(exchange, event, context) else { return };
        let who = event.actor.as_ref().filter(|actor| !actor.name.is_empty());
        if who.is_some_and(Account::machine) {
            return;
        }
        let key = who.map_or_else(|| source.key(), Account::key);
        let requester = self.requesters.entry(&key, Requester::default);
        if context.mode == Mode::Learning {
            if requester.learned.len() < SERVICES {
                requester.learned.insert(service);
            }
            return;
        }
        if requester.learned.contains(&service) {
            verdicts.decline(event.time, key, format!("{service} is among the requester's services"));
            return;
        }
        let note = format!("ticket for {}, etype {}", exchange.sname.name, etype(exchange).unwrap_or(0));
        if requester.asked.len() < SERVICES || requester.asked.contains_key(&service) {
            requester.asked.insert(service, (event.time, weight, evidence(event, &note)));
        }
        let window = Duration::from_secs(config.window_secs);
        requester.asked.retain(|_, (time, ..)| *time + window >= event.time);
        let searched = self
            .searches
            .get(&source.key())
            .filter(|search| event.time.since(search.time) <= Duration::from_secs(config.after_search_secs));
        judge(config, requester, searched, event, &key, verdicts);
    }
}

/// The service account that a request is for, and what the request weighs; `None` where it weighs nothing.
fn weigh(exchange: &TgsExchange, event: &Event, context: &Context<'_>) -> Option<(String, f64)> {
    let by_account = names_an_account(&exchange.sname);
    if event.outcome.failed() && !(by_account && event.outcome.code() == Some(SERVICE_UNKNOWN)) {
        return None;
    }
    let node = directory::user_of_service(context.snapshot, &exchange.sname.name);
    let service = match (node, &exchange.service) {
        (Some(node), _) => directory::label(context.snapshot, node).to_lowercase(),
        (None, Some(service)) if !service.machine() && !service.name.eq_ignore_ascii_case("krbtgt") => {
            // A log names the account where the directory is not loaded; a host's own account ends in `$`.
            if directory::account(context.snapshot, service).is_some() && !by_account {
                return None;
            }
            service.key()
        }
        (None, None) if weak_beside_aes(exchange) && !directory::loaded(context.snapshot, 1) => {
            exchange.sname.name.to_lowercase()
        }
        _ => return None,
    };
    if service == "krbtgt" {
        return None;
    }
    let weak_only = !exchange.etypes.is_empty() && exchange.etypes.iter().all(|etype| weak(*etype));
    let weight = match () {
        () if weak_only => 2.0,
        () if etype(exchange).is_some_and(weak) || by_account => 1.5,
        () => 0.7,
    };
    Some((service, weight))
}

/// A weak ticket of a domain whose own key and whose client know AES.
fn weak_beside_aes(exchange: &TgsExchange) -> bool {
    let aes = |etype: i32| matches!(etype, 17..=20);
    let sealed = exchange.tgt.as_ref().is_some_and(|tgt| aes(tgt.etype));
    sealed && exchange.etypes.iter().any(|etype| aes(*etype)) && etype(exchange).is_some_and(weak)
}

/// The etype of the issued ticket.
fn etype(exchange: &TgsExchange) -> Option<i32> {
    exchange.ticket.as_ref().map(|ticket| ticket.etype).or(exchange.ticket_etype)
}

/// RC4 and DES (RFC 4757, RFC 3961): crackable at speed.
fn weak(etype: i32) -> bool {
    matches!(etype, 23 | 24 | 1 | 2 | 3 | -133 | -128 | -135)
}

/// True where the service is asked for by its account's name instead of a service principal name, as roasting tools do.
fn names_an_account(sname: &Principal) -> bool {
    MS_PRINCIPAL.contains(&sname.name_type) || sname.name.contains('\\')
}

/// True where a filter asks for accounts that have any service principal name.
fn seeks_services(search: &LdapSearch) -> bool {
    search.filter.to_ascii_lowercase().replace(' ', "").contains("(serviceprincipalname=*")
}

fn judge(
    config: &Config,
    requester: &mut Requester,
    searched: Option<&Evidence>,
    event: &Event,
    key: &str,
    verdicts: &mut Verdicts,
) {
    let count = requester.asked.len();
    let sum: f64 = requester.asked.values().map(|(_, weight, _)| weight).sum();
    let (weight, services) = match searched {
        Some(_) => (config.weight / 2.0, config.services.div_ceil(2)),
        None => (config.weight, config.services),
    };
    if sum < weight || count < services {
        verdicts.decline(event.time, key, format!("weight {sum:.1} of {weight:.1} over {count} services"));
        return;
    }
    if count <= requester.reported {
        return;
    }
    requester.reported = count;
    let names: Vec<&str> = requester.asked.keys().map(String::as_str).take(12).collect();
    let names = names.join(", ");
    let who = event.actor.as_ref().map_or_else(|| key.to_owned(), |actor| actor.name.clone());
    let host = event.source.as_ref().map(Host::label).unwrap_or_default();
    let before = if searched.is_some() { ", after a search for service accounts" } else { "" };
    let story = format!("{who} collected tickets of {count} service accounts from {host}{before}: {names}.");
    let minutes = config.window_secs / 60;
    let text =
        format!("{count} new service accounts within {minutes} minutes, weight {sum:.1}; the threshold is {weight:.1}");
    let records: Vec<Evidence> = requester.asked.values().map(|(_, _, record)| record.clone()).collect();
    let verdict = Verdict::of(event, key.to_owned(), story, "latest ticket").against(names);
    verdicts.raise(
        verdict.because("services", as_f64(count), 60.0, text).with_evidence(records).with_evidence(searched.cloned()),
    );
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{by, event, run, ticket};

    const SLUG: &str = "kerberoasting";

    fn request(secs: i64, service: &str, etype: i32, etypes: &[i32]) -> Event {
        let sname = Principal { name_type: 2, name: service.into(), realm: "LAB.EXAMPLE".into() };
        let ticket = Some(ticket(secs.unsigned_abs() + 9, service, etype));
        let service = Some(Account::named(service));
        let exchange = TgsExchange { sname, ticket, etypes: etypes.to_vec(), service, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "ann@LAB.EXAMPLE", "ws1", Outcome::Success)
    }

    fn roast(etype: i32, etypes: &[i32], count: i64) -> Vec<Event> {
        (0..count).map(|i| request(i, &format!("svc_unlisted{i}"), etype, etypes)).collect()
    }

    fn search(secs: i64) -> Event {
        let filter = "(&(servicePrincipalName=*)(!(objectCategory=computer)))".into();
        let search = LdapSearch { filter, ..LdapSearch::default() };
        by(event(secs, Activity::LdapSearch(Box::new(search))), "ann", "ws1", Outcome::Success)
    }

    fn fires(events: &[Event]) -> bool {
        !run(SLUG, Sensitivity::High, &[], events).is_empty()
    }

    #[test]
    fn three_rc4_tickets_of_service_accounts_fire() {
        assert!(fires(&roast(23, &[23], 3)));
    }

    #[test]
    fn two_rc4_tickets_stay_silent_unless_searched_for() {
        assert!(!fires(&roast(23, &[23], 2)));
        let mut events = vec![search(-60)];
        events.extend(roast(23, &[23], 2));
        assert!(fires(&events));
    }

    #[test]
    fn five_aes_tickets_stay_silent_and_six_fire() {
        assert!(!fires(&roast(18, &[18, 17, 23], 5)));
        assert!(fires(&roast(18, &[18, 17, 23], 6)));
    }

    #[test]
    fn tickets_of_hosts_stay_silent() {
        let hosts = ["cifs/dc1.lab.example", "cifs/srv1.lab.example", "http/ws1.lab.example", "ldap/dc1.lab.example"];
        let events: Vec<Event> = (0..)
            .zip(hosts)
            .map(|(i, host)| {
                let mut asked = request(i, host, 23, &[23]);
                if let Activity::TgsExchange(exchange) = &mut asked.activity {
                    exchange.service = Some(Account::named("SRV1$"));
                }
                asked
            })
            .collect();
        assert!(!fires(&events));
    }

    #[test]
    fn services_used_while_learning_stay_silent() {
        let history: Vec<Event> = (0..6).map(|i| request(i - 9000, &format!("svc_unlisted{i}"), 23, &[23])).collect();
        assert!(run(SLUG, Sensitivity::High, &history, &roast(23, &[23], 6)).is_empty());
    }

    #[test]
    fn without_a_directory_weak_tickets_beside_an_aes_tgt_count_and_those_of_an_old_domain_do_not() {
        let asked = |tgt: i32| -> Vec<Event> {
            let one = |i: i64| {
                let mut event = request(i, &format!("MSSQL/host{i}.lab.example"), 23, &[18, 17, 23]);
                if let Activity::TgsExchange(exchange) = &mut event.activity {
                    (exchange.service, exchange.tgt) = (None, Some(ticket(1, "krbtgt/LAB.EXAMPLE", tgt)));
                }
                event
            };
            (0..4).map(one).collect()
        };
        assert_eq!(crate::testing::blind(SLUG, &asked(18)).len(), 1);
        assert!(crate::testing::blind(SLUG, &asked(18)[..2]).is_empty());
        assert!(crate::testing::blind(SLUG, &asked(23)).is_empty());
    }
}
