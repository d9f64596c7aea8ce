//! ## What it finds
//! A ticket-granting ticket that no KDC here issued: forged with the key of `krbtgt`, also with its AES key.
//!
//! ## Why it matters
//! Such a ticket names any account with any group, and outlives every password but that of `krbtgt`.
//!
//! ## Evidence it needs
//! Wire: all AS and TGS exchanges of the domain's controllers. Events: 4769, which does not show the ticket but the realm
//! that is written in it.
//!
//! ## How it decides
//! A TGT of the own realm is accepted that no AS or TGS reply issued while we watched, by a host that got TGTs while we
//! watched. Either exchanges were watched for the longest life of a ticket (`lifetime_secs`), which leaves no other
//! origin; or at least `signs` of these speak against it: the request is no system's (RC4 or DES before AES, as forging
//! tools write it); the account belongs to Tier Zero; the account never logged on from this host; the ticket's length
//! lies outside those issued (more than `size_bytes` away, at least five seen). In 4769, a realm in another spelling than
//! the upper case in which every controller writes its own.
//!
//! ## Blind spots
//! A forged ticket in the first hours of watching, presented by a system's own client for an ordinary account; a host
//! that never logged on while we watched; controllers that are not watched hide the issue of real tickets
//! (`watch every controller`).
//!
//! ## Likely benign causes
//! A controller without sensor; tickets older than the recording; capture loss.
//!
//! ## What to do
//! Isolate the source, reset `krbtgt` twice, find out how its key was lost.
//!
//! ## References
//! T1558.001; Defender for Identity 2032; RFC 4120 §5.3, §3.3.

use std::time::Duration;

use hopwatch_model::event::{TgsExchange, Ticket};
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most hosts remembered as having logged on while we watched.
const HOSTS: usize = 50_000;
/// Lengths that must have been seen before one can be odd.
const SIZES: u32 = 5;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The longest life of a ticket with its renewals counted as issues, in seconds: ten hours by the default policy.
    pub lifetime_secs: u64,
    /// Signs needed where the watch is younger than that.
    pub signs: usize,
    /// How far a ticket's length may lie outside those issued, in bytes.
    pub size_bytes: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let signs = match sensitivity {
            Sensitivity::High => 2,
            Sensitivity::Medium | Sensitivity::Low => 1,
        };
        Self { lifetime_secs: 36_000, signs, size_bytes: 200 }
    }
}

/// Lengths of the TGTs issued, and the accounts that logged on by host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GoldenTicketAnomaly {
    shortest: u32,
    longest: u32,
    issued: u32,
    /// Hosts that got a TGT while we watched.
    hosts: Table<u32>,
}

impl Default for GoldenTicketAnomaly {
    fn default() -> Self {
        Self { shortest: u32::MAX, longest: 0, issued: 0, hosts: Table::new(HOSTS) }
    }
}

impl Rule for GoldenTicketAnomaly {
    const META: Meta = Meta {
        slug: "golden-ticket-anomaly",
        title: "A golden ticket: a TGT that no controller issued",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1558.001"],
        external_id: Some(2032),
        actions: &[
            "Check that every domain controller is watched",
            "Isolate the source host",
            "Reset krbtgt twice, at least ten hours apart",
        ],
        source: include_str!("golden_ticket_anomaly.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::AsExchange(exchange) => {
                if let Some(ticket) = exchange.ticket.as_ref().filter(|ticket| ticket.sname.krbtgt()) {
                    self.learn(ticket, event);
                }
            }
            Activity::TgsExchange(exchange) if event.outcome.succeeded() => {
                if exchange.tgt.is_none() {
                    judge_realm(exchange, event, context, verdicts);
                }
                if let Some(tgt) = exchange.tgt.as_ref().filter(|tgt| own(tgt)) {
                    self.judge(config, exchange, tgt, event, context, verdicts);
                }
            }
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.hosts.len()
    }
}

/// 4769 of an account of the directory, in a realm spelt as no controller spells it: a KDC writes its own spelling into
/// every ticket that it issues. A name that the directory does not know is golden-ticket-nonexistent-account's.
fn judge_realm(exchange: &TgsExchange, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    let (realm, account) = (&exchange.cname.realm, exchange.cname.account());
    let forged = realm.contains('.') && *realm != realm.to_uppercase() && !account.machine();
    if !forged || event.provenance.event_id.is_none() || directory::account(context.snapshot, &account).is_none() {
        return;
    }
    let from = event.source.as_ref().map(Host::label).unwrap_or_default();
    let (name, service) = (&account.name, &exchange.sname.name);
    let story = format!(
        "{name} used a ticket on {from} for {service} that spells the realm {realm}, as no controller writes it."
    );
    let text = format!("a controller writes {} into the tickets that it issues", realm.to_uppercase());
    let verdict = Verdict::of(event, format!("{from}|{}", account.key()), story, "ticket in a realm spelt otherwise");
    verdicts.raise(verdict.against(service.clone()).because("realm", 1.0, 60.0, text).score(80.0));
}

impl GoldenTicketAnomaly {
    fn learn(&mut self, ticket: &Ticket, event: &Event) {
        self.issued = self.issued.saturating_add(1);
        self.shortest = self.shortest.min(ticket.cipher_bytes);
        self.longest = self.longest.max(ticket.cipher_bytes);
        for host in hosts(event.source.as_ref()) {
            let count = self.hosts.entry(&host, || 0);
            *count = count.saturating_add(1);
        }
    }

    fn judge(
        &mut self,
        config: &Config,
        exchange: &TgsExchange,
        tgt: &Ticket,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let ledger = &context.shared.ledger;
        if ledger.get(tgt.digest).is_some_and(|record| record.issued.is_some()) {
            return;
        }
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        if !hosts(event.source.as_ref()).iter().any(|host| self.hosts.get(host).is_some()) {
            verdicts.decline(
                event.time,
                host,
                "no logon of this host was seen: its tickets may be older than the watch",
            );
            return;
        }
        let watched = ledger.watching_since().map_or(Duration::ZERO, |since| event.time.since(since));
        let signs = self.signs(config, exchange, tgt, event, context);
        let covered = watched >= Duration::from_secs(config.lifetime_secs);
        if !covered && signs.len() < config.signs {
            verdicts.decline(event.time, host, format!("watched for {} s, {} signs", watched.as_secs(), signs.len()));
            return;
        }
        let name = exchange.cname.account().name;
        let from = event.source.as_ref().map(Host::label).unwrap_or_default();
        let story = format!("{name} used a ticket-granting ticket on {from} that no controller issued.");
        let key = format!("{host}|{:016x}", tgt.digest.0);
        let text = match covered {
            true => {
                format!("no reply issued it in the last {} hours, longer than a ticket lives", watched.as_secs() / 3600)
            }
            false => format!("no reply issued it in the {} since the watch began", words::span(watched)),
        };
        let score = if covered { 90.0 } else { 60.0 + 10.0 * crate::number::as_f64(signs.len()) };
        let mut verdict =
            Verdict::of(event, key, story, "TGS request with an unknown TGT").against(exchange.sname.name.clone());
        verdict.actor = Some(exchange.cname.account());
        verdict = verdict.because("not-issued", 1.0, 40.0, text).score(score);
        for (name, text) in signs {
            verdict = verdict.because(name, 1.0, 15.0, text);
        }
        verdicts.raise(verdict);
    }

    fn signs(
        &self,
        config: &Config,
        exchange: &TgsExchange,
        tgt: &Ticket,
        event: &Event,
        context: &Context<'_>,
    ) -> Vec<(&'static str, String)> {
        let mut signs = Vec::new();
        if forged_shape(&exchange.etypes) {
            signs.push(("request", format!("the request offers etypes {:?}, as tools do", exchange.etypes)));
        }
        let account = exchange.cname.account();
        if privileged(&account, context) {
            signs.push(("account", format!("{} belongs to Tier Zero", account.name)));
        }
        let known = context.shared.baseline.account(&account);
        let here = |host: &String| known.is_some_and(|known| known.hosts.contains_key(host));
        if !hosts(event.source.as_ref()).iter().any(here) {
            signs.push(("host", format!("{} was never seen to log on here", account.name)));
        }
        let (least, most) = (self.shortest.saturating_sub(config.size_bytes), self.longest + config.size_bytes);
        if self.issued >= SIZES && !(least..=most).contains(&tgt.cipher_bytes) {
            let text = format!(
                "{} bytes long, where those issued have {} to {}",
                tgt.cipher_bytes, self.shortest, self.longest
            );
            signs.push(("size", text));
        }
        signs
    }
}

/// Name and address, since the host of a logon and of a request may be resolved differently.
fn hosts(host: Option<&Host>) -> Vec<String> {
    let Some(host) = host else { return Vec::new() };
    let address = host.address.map(|address| address.to_string());
    let mut all: Vec<String> = address.into_iter().chain([host.key()]).filter(|key| !key.is_empty()).collect();
    all.dedup();
    all
}

/// A TGT of the realm to which it is presented, no referral.
fn own(tgt: &Ticket) -> bool {
    tgt.sname.krbtgt() && tgt.sname.host().is_some_and(|realm| realm.eq_ignore_ascii_case(&tgt.sname.realm))
}

/// Systems offer their strongest etype first; forging tools write RC4 or DES before AES.
fn forged_shape(etypes: &[i32]) -> bool {
    let weak = etypes.iter().position(|etype| matches!(etype, 23 | 16 | 3 | 1));
    let strong = etypes.iter().position(|etype| matches!(etype, 17..=20));
    matches!((weak, strong), (Some(weak), Some(strong)) if weak < strong)
}

/// By the directory, else by the name that every domain has.
fn privileged(account: &Account, context: &Context<'_>) -> bool {
    directory::privileged(context.snapshot, account) || account.name.eq_ignore_ascii_case("administrator")
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::Principal;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, ticket};

    const SLUG: &str = "golden-ticket-anomaly";

    fn issue(secs: i64, number: u64, account: &str, source: &str) -> Event {
        let mut event = as_exchange(secs, account, source, Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.ticket = Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18));
        }
        event
    }

    fn request(secs: i64, number: u64, account: &str, source: &str, etypes: &[i32]) -> Event {
        let cname = Principal { name: account.into(), realm: "LAB.EXAMPLE".into(), ..Principal::default() };
        let tgt = Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18));
        let exchange = TgsExchange { cname, tgt, etypes: etypes.to_vec(), ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), account, source, Outcome::Success)
    }

    #[test]
    fn an_unknown_ticket_of_tier_zero_in_a_tools_request_fires() {
        let events = [issue(0, 1, "ann", "ws1"), request(60, 9, "admin", "ws1", &[23, 16, 3, 18])];
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }

    #[test]
    fn one_sign_is_too_few_before_the_watch_covers_a_tickets_life() {
        let events = [issue(0, 1, "bob", "ws1"), request(60, 9, "ann", "ws1", &[18, 17, 23])];
        assert!(alerts(SLUG, &events).is_empty());
        let late = [issue(0, 1, "bob", "ws1"), request(36_000, 9, "ann", "ws1", &[18, 17, 23])];
        assert_eq!(alerts(SLUG, &late).len(), 1);
    }

    #[test]
    fn an_issued_ticket_and_a_host_never_seen_to_log_on_stay_silent() {
        let events = [issue(0, 1, "admin", "ws1"), request(60, 1, "admin", "ws1", &[23, 16, 3, 18])];
        assert!(alerts(SLUG, &events).is_empty());
        let events = [issue(0, 1, "bob", "ws1"), request(60, 9, "admin", "ws2", &[23, 16, 3, 18])];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_ticket_got_by_renewal_is_issued() {
        let mut renewal = request(60, 1, "ann", "ws1", &[18]);
        if let Activity::TgsExchange(exchange) = &mut renewal.activity {
            exchange.ticket = Some(ticket(2, "krbtgt/LAB.EXAMPLE", 18));
        }
        let events = [issue(0, 1, "ann", "ws1"), renewal, request(40_000, 2, "ann", "ws1", &[18])];
        assert!(alerts(SLUG, &events).is_empty());
    }
}
