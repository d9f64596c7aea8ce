//! Bindings over time.

use hopwatch_model::identity::ResolutionMethod::{Dhcp, Dns, Kerberos, Ntlm};
use hopwatch_model::{Activity, Certainty, Outcome, Record};

use super::*;
use crate::Sink;
use crate::sink::Collected;

const HOUR: i64 = 3600;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn resolver(rows: &[(i64, &str, Certainty, ResolutionMethod)]) -> Resolver {
    let mut resolver = Resolver::default();
    for (secs, name, certainty, method) in rows {
        resolver.learn(ip(5), name, at(*secs), Resolution { certainty: *certainty, method: *method });
    }
    resolver
}

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

/// Name, certainty and method of 10.0.0.5 at a time.
fn check(resolver: &Resolver, secs: i64, expect: Option<(&str, Certainty, ResolutionMethod)>) {
    let found = resolver.host(ip(5), at(secs)).map(|(name, r)| (name, r.certainty, r.method));
    assert_eq!(found, expect, "after {secs} s");
}

#[test]
fn a_binding_holds_from_shortly_before_it_was_seen_and_fades() {
    let resolver = resolver(&[(0, "ws1.lab.example", Certainty::High, Dhcp)]);
    check(&resolver, -601, None);
    check(&resolver, -599, Some(("ws1.lab.example", Certainty::High, Dhcp)));
    check(&resolver, 8 * HOUR, Some(("ws1.lab.example", Certainty::High, Dhcp)));
    check(&resolver, 9 * HOUR, Some(("ws1.lab.example", Certainty::Medium, Dhcp)));
    check(&resolver, 40 * HOUR, Some(("ws1.lab.example", Certainty::Low, Dhcp)));
}

#[test]
fn short_and_full_names_are_one_host() {
    let resolver = resolver(&[(0, "WS1$", Certainty::High, Kerberos), (5, "ws1.lab.example", Certainty::Medium, Dns)]);
    check(&resolver, 9, Some(("ws1.lab.example", Certainty::High, Kerberos)));
}

#[test]
fn two_hosts_on_one_address_within_minutes_lower_the_certainty() {
    let resolver = resolver(&[(0, "ws1", Certainty::High, Dhcp), (300, "ws2", Certainty::High, Dhcp)]);
    check(&resolver, 310, Some(("ws2", Certainty::Medium, Dhcp)));
    check(&resolver, 2 * HOUR, Some(("ws2", Certainty::High, Dhcp)));
}

#[test]
fn a_weaker_name_does_not_contest_a_stronger_one() {
    let resolver = resolver(&[(0, "srv1", Certainty::High, Kerberos), (1, "www.lab.example", Certainty::Medium, Dns)]);
    check(&resolver, 2, Some(("srv1", Certainty::High, Kerberos)));
}

#[test]
fn a_lease_that_moved_is_resolved_by_time() {
    let resolver = resolver(&[(0, "ws1", Certainty::High, Dhcp), (20 * HOUR, "ws2", Certainty::High, Dhcp)]);
    check(&resolver, 10, Some(("ws1", Certainty::High, Dhcp)));
    check(&resolver, 20 * HOUR + 1000, Some(("ws2", Certainty::High, Dhcp)));
}

#[test]
fn the_domains_own_name_is_no_host() {
    let mut resolver = resolver(&[(0, "lab.example", Certainty::Medium, Dns)]);
    check(&resolver, 0, Some(("lab.example", Certainty::Medium, Dns)));
    resolver.learn(ip(9), "ws9.lab.example", at(0), Resolution { certainty: Certainty::Low, method: Dns });
    check(&resolver, 0, None);
    resolver.learn(ip(5), "dc1.lab.example", at(0), Resolution { certainty: Certainty::Medium, method: Dns });
    check(&resolver, 0, Some(("dc1.lab.example", Certainty::Medium, Dns)));
}

#[test]
fn a_computer_of_the_directory_goes_before_another_name() {
    let mut resolver =
        resolver(&[(0, "srv1.lab.example", Certainty::Medium, Dns), (60, "www.lab.example", Certainty::Medium, Dns)]);
    resolver.know_computer("SRV1$");
    check(&resolver, 100, Some(("srv1.lab.example", Certainty::Low, Dns)));
}

#[test]
fn addresses_of_no_single_host_never_resolve() {
    let mut resolver = Resolver::default();
    for address in ["127.0.0.1", "::1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "169.254.1.1"] {
        let address = address.parse().unwrap();
        resolver.learn(address, "ws1", at(0), Resolution { certainty: Certainty::High, method: Dhcp });
        assert_eq!(resolver.host(address, at(0)), None);
    }
    assert!(resolver.addresses.is_empty());
}

#[test]
fn texts_that_are_no_host_names_are_refused() {
    for name in ["", "-", "10.0.0.1", "a b", "localhost", "fe80::1", "x\u{7}", "\\\\"] {
        check(&resolver(&[(0, name, Certainty::High, Ntlm)]), 0, None);
    }
}

#[test]
fn the_address_not_seen_for_longest_is_pushed_out() {
    let mut resolver = Resolver::new(Config { addresses: 2, ..Config::default() });
    let low = Resolution { certainty: Certainty::Low, method: Dns };
    for (secs, last) in [(0, 1), (1, 2), (2, 1), (3, 3)] {
        resolver.learn(ip(last), "ws1", at(secs), low);
    }
    let known = [1, 2, 3].map(|last| resolver.host(ip(last), at(3)).is_some());
    assert_eq!((known, resolver.evicted()), ([true, false, true], 1));
}

fn event(secs: i64, activity: Activity) -> Event {
    Event {
        time: at(secs),
        provenance: hopwatch_model::Provenance {
            kind: hopwatch_model::provenance::SourceKind::Capture,
            source: "test".into(),
            record: Record::Frame(1),
            digest: 0,
            event_id: None,
            reporter: None,
        },
        actor: Some(hopwatch_model::Account::named("WS1$")),
        source: Some(Host::at(ip(5))),
        target: Some(Host::at(ip(9))),
        outcome: Outcome::Success,
        activity,
    }
}

#[test]
fn a_machines_own_logon_names_its_address_and_earlier_events_of_it() {
    let (mut resolver, mut sink) = (Resolver::default(), Collected::default());
    let mut resolving = Resolving::new(&mut resolver, &mut sink);
    resolving.event(event(10, Activity::DnsQuery(Box::default())));
    resolving.event(event(20, Activity::AsExchange(Box::default())));
    resolving.event(event(15, Activity::DnsQuery(Box::default())));
    resolving.finish();
    let seen: Vec<_> = sink
        .events
        .iter()
        .map(|event| {
            (event.time, event.source.as_ref().unwrap().name.as_deref(), event.target.as_ref().unwrap().name.as_deref())
        })
        .collect();
    assert_eq!(seen, [10, 15, 20].map(|secs| (at(secs), Some("WS1"), None)));
}

#[test]
fn a_failed_exchange_names_nothing() {
    let mut resolver = Resolver::default();
    resolver.observe(&Event { outcome: Outcome::Failure(25), ..event(0, Activity::AsExchange(Box::default())) });
    check(&resolver, 0, None);
}

#[test]
fn events_leave_the_window_in_order_of_time() {
    let (mut resolver, mut sink) = (Resolver::default(), Collected::default());
    let mut resolving = Resolving::new(&mut resolver, &mut sink);
    for secs in [5, 3, 9, 100, 80, 90, 200] {
        resolving.event(event(secs, Activity::DnsQuery(Box::default())));
    }
    resolving.finish();
    let times: Vec<i64> = sink.events.iter().map(|event| event.time.as_secs() - 1_700_000_000).collect();
    assert_eq!(times, [3, 5, 9, 80, 90, 100, 200]);
}
