//! ## What it finds
//! One Kerberos ticket, told by the digest of its cipher text, presented from two hosts.
//!
//! ## Why it matters
//! A ticket belongs to the memory of the host for which it was issued. Elsewhere it was copied, and with it everything
//! that its owner may do, until it ends.
//!
//! ## Evidence it needs
//! Wire: the ticket in AS and TGS replies (issue), in TGS requests, and in AP requests inside SMB, LDAP, RPC or HTTP
//! (use). Event logs do not carry the ticket.
//!
//! ## How it decides
//! The host that presents a ticket differs from the host to which it was issued, or from another that presented it: both
//! names resolved and different, or both addresses known and different, where no name says that it is one host. Two
//! addresses of one name are one host (two interfaces, DHCP). A host that may delegate (unconstrained, or `delegators`)
//! is entitled to forwarded tickets. An address in `shared_subnets` (NAT, VPN, terminal servers) proves nothing. Tickets
//! presented to a service by a host that got them by S4U2proxy or forwarding bear the evidence of the issue to that host.
//!
//! ## Blind spots
//! A ticket whose issue and first use were not seen; use on the host from which it was stolen.
//!
//! ## Likely benign causes
//! An address that DHCP or a VPN gave to another host within the ticket's life; clusters that share a keytab cache;
//! Remote Credential Guard.
//!
//! ## What to do
//! Isolate the host that used it, log the owner off everywhere, reset the owner's password; for a Tier-Zero owner reset
//! `krbtgt` twice.
//!
//! ## References
//! T1550.003; Defender for Identity 2018; RFC 4120 §3.3, §5.5.1.

use hopwatch_graph::Snapshot;
use hopwatch_model::event::Ticket;
use hopwatch_model::{Activity, Certainty, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::exclusion::within;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use hopwatch_ml::bounded::Table;

/// The most tickets remembered as reported.
const REPORTED: usize = 10_000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Subnets in which several hosts share addresses, in prefix notation.
    pub shared_subnets: Vec<String>,
    /// Hosts that present tickets of others by design: short names.
    pub delegators: Vec<String>,
    /// Whether a bare address, with nothing known of its host, may decide.
    pub unresolved_counts: bool,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { shared_subnets: Vec::new(), delegators: Vec::new(), unresolved_counts: true }
    }
}

/// Tickets already reported, with the pair of hosts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassTheTicket {
    reported: Table<Timestamp>,
}

impl Default for PassTheTicket {
    fn default() -> Self {
        Self { reported: Table::new(REPORTED) }
    }
}

impl Rule for PassTheTicket {
    const META: Meta = Meta {
        slug: "pass-the-ticket",
        title: "A Kerberos ticket used from a host to which it was not issued",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1550.003"],
        external_id: Some(2018),
        actions: &[
            "Isolate the host that used the ticket",
            "Log the ticket's owner off everywhere and reset the password",
            "Search the host to which it was issued for credential theft",
            "Reset krbtgt twice if the owner is of Tier Zero",
        ],
        source: include_str!("pass_the_ticket.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let ticket = match &event.activity {
            // User-to-user and S4U2proxy present another's ticket beside the own TGT by design: only the TGT is judged.
            Activity::TgsExchange(exchange) => exchange.tgt.as_ref(),
            Activity::TicketUse(usage) => Some(&usage.ticket),
            _ => None,
        };
        if let (Some(ticket), Some(host)) = (ticket, &event.source) {
            self.judge(config, event, ticket, host, context, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.reported.len()
    }
}

impl PassTheTicket {
    fn judge(
        &mut self,
        config: &Config,
        event: &Event,
        ticket: &Ticket,
        host: &Host,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let Some(record) = context.shared.ledger.get(ticket.digest) else { return };
        let issue = record
            .issued
            .as_ref()
            .and_then(|issue| issue.host.as_ref().map(|host| (host, issue.time, "issued", &issue.provenance)));
        let uses = record.uses.iter().map(|seen| (&seen.host, seen.first, "used", &seen.provenance));
        for (other, time, how, provenance) in issue.into_iter().chain(uses) {
            match compare(host, other, config) {
                Hosts::Same => continue,
                Hosts::Unclear(reason) => {
                    verdicts.decline(event.time, host.label(), reason);
                    continue;
                }
                Hosts::Different => {}
            }
            if delegates(host, config, context.snapshot) || delegates(other, config, context.snapshot) {
                verdicts.decline(event.time, host.label(), "a host that may delegate");
                continue;
            }
            let pair = format!("{:016x}|{}", ticket.digest.0, host.key());
            let first = self.reported.get(&pair).is_none();
            self.reported.entry(&pair, || event.time);
            if first {
                let evidence =
                    Evidence { provenance: provenance.clone(), time, note: format!("{how} to {}", other.label()) };
                let owner = record.issued.as_ref().map(|issue| issue.client.clone());
                verdicts.raise(verdict(event, ticket, host, other, owner, evidence));
            }
            return;
        }
    }
}

fn verdict(
    event: &Event,
    ticket: &Ticket,
    host: &Host,
    other: &Host,
    owner: Option<hopwatch_model::Account>,
    evidence: Evidence,
) -> Verdict {
    let whose = owner.as_ref().map_or_else(|| String::from("another account"), |owner| owner.name.clone());
    let kind = if ticket.sname.krbtgt() { "ticket-granting ticket" } else { "service ticket" };
    let story = format!("{} used a {kind} of {whose} that was issued to {}.", host.label(), other.label());
    let key = format!("{}|{}|{}", whose.to_lowercase(), host.key(), other.key());
    let sure = [host, other].iter().all(|host| host.resolution.certainty >= Certainty::Medium);
    let text = format!(
        "{} and {} are two hosts ({})",
        host.label(),
        other.label(),
        if sure { "resolved" } else { "by address" }
    );
    let mut verdict = Verdict::of(event, key, story, "presented here").against(ticket.sname.name.clone());
    verdict.actor = owner.or(verdict.actor);
    verdict.because("two-hosts", 2.0, 60.0, text).score(if sure { 95.0 } else { 85.0 }).with_evidence([evidence])
}

enum Hosts {
    Same,
    Different,
    Unclear(String),
}

/// Whether two sights are of two hosts.
fn compare(a: &Host, b: &Host, config: &Config) -> Hosts {
    if a.key() == b.key() || (a.address.is_some() && a.address == b.address) {
        return Hosts::Same;
    }
    let shared = |host: &Host| {
        host.address.is_some_and(|address| config.shared_subnets.iter().any(|subnet| within(address, subnet)))
    };
    if shared(a) || shared(b) {
        return Hosts::Unclear("an address in a shared subnet".into());
    }
    if [a, b].iter().any(|host| host.address.is_some_and(|address| address.is_loopback() || address.is_unspecified())) {
        return Hosts::Unclear("a loopback address".into());
    }
    let named = |host: &Host| host.name.is_some() && host.resolution.certainty >= Certainty::Low;
    if named(a) && named(b) {
        return Hosts::Different;
    }
    // The two families of one host have no common form: 10.0.0.5 and fe80::5 may be one.
    let families = a.address.zip(b.address).is_none_or(|(a, b)| a.is_ipv4() != b.is_ipv4());
    if families || !config.unresolved_counts {
        return Hosts::Unclear("hosts that are not resolved".into());
    }
    Hosts::Different
}

/// True where the host may present tickets of others: unconstrained delegation, or by configuration.
fn delegates(host: &Host, config: &Config, snapshot: &Snapshot) -> bool {
    if config.delegators.iter().any(|name| hopwatch_model::identity::short_name(name) == host.key()) {
        return true;
    }
    let node = snapshot.lookup().host(host).and_then(|node| snapshot.node(node));
    node.is_some_and(|node| node.flag("unconstraineddelegation").unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AsExchange, Principal, TgsExchange};

    use super::*;
    use crate::testing::{alerts, by, event, ticket, ticket_use};

    const SLUG: &str = "pass-the-ticket";

    fn issue(secs: i64, number: u64, source: &str) -> Event {
        let cname = Principal { name: "ann".into(), realm: "LAB.EXAMPLE".into(), ..Principal::default() };
        let ticket = Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18));
        let exchange = AsExchange { cname, ticket, padata: vec![2], ..AsExchange::default() };
        by(event(secs, Activity::AsExchange(Box::new(exchange))), "ann", source, Outcome::Success)
    }

    fn request(secs: i64, number: u64, source: &str) -> Event {
        let exchange = TgsExchange { tgt: Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18)), ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "", source, Outcome::Success)
    }

    #[test]
    fn a_ticket_used_from_another_host_fires_and_names_its_owner() {
        let found =
            alerts(SLUG, &[issue(0, 1, "ws1"), request(10, 1, "ws1"), request(99, 1, "ws2"), request(100, 1, "ws2")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].actor.as_ref().unwrap().name, "ann");
        assert_eq!(found[0].evidence.len(), 2);
    }

    #[test]
    fn two_uses_without_the_issue_fire() {
        assert_eq!(alerts(SLUG, &[request(0, 1, "10.0.0.1"), request(9, 1, "10.0.0.2")]).len(), 1);
    }

    #[test]
    fn each_host_with_its_own_ticket_stays_silent() {
        let events = [issue(0, 1, "ws1"), request(1, 1, "ws1"), issue(2, 2, "ws2"), request(3, 2, "ws2")];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn two_families_of_one_host_prove_nothing() {
        assert!(alerts(SLUG, &[request(0, 1, "10.0.0.1"), request(9, 1, "fe80::1")]).is_empty());
    }

    #[test]
    fn the_evidence_ticket_of_s4u2proxy_is_not_judged() {
        let used = ticket_use(5, ticket(7, "http/srv1.lab.example", 18), "ws1");
        let exchange = TgsExchange {
            tgt: Some(ticket(2, "krbtgt/LAB.EXAMPLE", 18)),
            additional_ticket: Some(ticket(7, "http/srv1.lab.example", 18)),
            kdc_options: 0x0002_0000,
            ..TgsExchange::default()
        };
        let proxy = by(event(9, Activity::TgsExchange(Box::new(exchange))), "", "srv1", Outcome::Success);
        assert!(alerts(SLUG, &[used, proxy]).is_empty());
    }

    #[test]
    fn late_issue_after_the_use_still_tells_two_hosts() {
        assert_eq!(alerts(SLUG, &[request(10, 1, "ws2"), issue(0, 1, "ws1"), request(20, 1, "ws2")]).len(), 1);
    }
}
