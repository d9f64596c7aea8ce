//! Logons played over one or several connections, and the lab's captures.

use hopwatch_model::event::{AsExchange, TgsExchange};
use hopwatch_model::{Activity, Certainty, Event, Outcome};

use super::super::testing::{Bench, chunk, lab_capture, replay, tlv};
use super::*;

fn field(number: u8, element: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, &[element])
}

fn int(value: u8) -> Vec<u8> {
    tlv(2, &[&[0, value]])
}

fn name(parts: &[&str]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|part| tlv(0x1b, &[part.as_bytes()])).collect();
    tlv(0x30, &[&field(0, &int(1)), &field(1, &tlv(0x30, &[&parts]))])
}

fn encrypted(cipher: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&field(0, &int(18)), &field(2, &tlv(4, &[cipher]))])
}

fn padata(kind: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&field(1, &int(kind)), &field(2, &tlv(4, &[value]))])
}

fn realm() -> Vec<u8> {
    tlv(0x1b, &[b"LAB.EXAMPLE"])
}

fn as_req(cname: &str, nonce: u8, proof: bool) -> Vec<u8> {
    let data = if proof { padata(2, &encrypted(b"now")) } else { padata(149, &[]) };
    let body = tlv(
        0x30,
        &[
            &field(0, &tlv(3, &[&[0, 0x40, 0, 0, 0]])),
            &field(1, &name(&[cname])),
            &field(2, &realm()),
            &field(3, &name(&["krbtgt", "LAB.EXAMPLE"])),
            &field(7, &int(nonce)),
            &field(8, &tlv(0x30, &[&int(18), &int(23)])),
        ],
    );
    tlv(0x6a, &[&tlv(0x30, &[&field(3, &tlv(0x30, &[&data])), &field(4, &body)])])
}

fn as_rep(cname: &str) -> Vec<u8> {
    let ticket = tlv(
        0x61,
        &[&tlv(
            0x30,
            &[
                &field(1, &realm()),
                &field(2, &name(&["krbtgt", "LAB.EXAMPLE"])),
                &field(3, &encrypted(cname.as_bytes())),
            ],
        )],
    );
    let parts = [field(3, &realm()), field(4, &name(&[cname])), field(5, &ticket), field(6, &encrypted(b"reply"))];
    tlv(0x6b, &[&tlv(0x30, &[&parts.concat()])])
}

fn krb_error(code: u8) -> Vec<u8> {
    let entry = tlv(0x30, &[&field(0, &int(18))]);
    let offer = tlv(0x30, &[&padata(19, &tlv(0x30, &[&entry]))]);
    let parts =
        [field(6, &int(code)), field(9, &realm()), field(10, &name(&["krbtgt"])), field(12, &tlv(4, &[&offer]))];
    tlv(0x7e, &[&tlv(0x30, &[&parts.concat()])])
}

fn on_tcp(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// A question and its answer over one TCP connection from a port.
fn ask_tcp(family: &Kerberos, bench: &mut Bench, port: u16, secs: i64, question: &[u8], answer: &[u8]) {
    let mut stream = family.stream();
    let (question, answer) = (on_tcp(question), on_tcp(answer));
    assert_eq!(stream.data(chunk(&question, Direction::ToServer, (port, 88), secs), &mut bench.out()), question.len());
    assert_eq!(stream.data(chunk(&answer, Direction::ToClient, (port, 88), secs), &mut bench.out()), answer.len());
    stream.close(&mut bench.out());
}

fn as_exchanges(events: &[Event]) -> Vec<(&AsExchange, Outcome)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::AsExchange(exchange) => Some((&**exchange, event.outcome)),
            _ => None,
        })
        .collect()
}

fn tgs_exchanges(events: &[Event]) -> Vec<(&TgsExchange, &Event)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::TgsExchange(exchange) => Some((&**exchange, event)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_logon_over_udp_and_tcp_is_one_exchange() {
    let (family, mut bench) = (Kerberos::default(), Bench::new());
    let mut udp = family.datagrams();
    for (port, bytes, direction) in [
        (1001, as_req("ann", 1, false), Direction::ToServer),
        (1001, krb_error(25), Direction::ToClient),
        (1002, as_req("ann", 2, true), Direction::ToServer),
        (1002, as_req("ann", 2, true), Direction::ToServer),
        (1002, krb_error(52), Direction::ToClient),
    ] {
        udp.datagram(chunk(&bytes, direction, (port, 88), 100), &mut bench.out());
    }
    ask_tcp(&family, &mut bench, 1003, 101, &as_req("ann", 2, true), &as_rep("ann"));
    udp.close(&mut bench.out());
    let exchanges = as_exchanges(&bench.events);
    assert_eq!(exchanges.len(), 1, "{:?}", bench.events);
    let (exchange, outcome) = exchanges[0];
    assert_eq!((outcome, exchange.requests), (Outcome::Success, 4));
    assert_eq!((&exchange.offered_etypes[..], exchange.timestamp_etype), (&[18][..], Some(18)));
    assert_eq!(bench.events[0].actor.as_ref().unwrap().domain.as_deref(), Some("LAB.EXAMPLE"));
}

#[test]
fn a_name_tried_without_proof_is_a_failure_once_the_window_is_over() {
    let (family, mut bench) = (Kerberos::default(), Bench::new());
    let mut udp = family.datagrams();
    ask_tcp(&family, &mut bench, 1001, 100, &as_req("ann", 1, false), &krb_error(25));
    udp.tick(Timestamp::from_secs(104), &mut bench.out());
    assert!(bench.events.is_empty());
    udp.tick(Timestamp::from_secs(106), &mut bench.out());
    assert_eq!(as_exchanges(&bench.events)[0].1, Outcome::Failure(25));
}

#[test]
fn asking_again_without_proof_continues_nothing() {
    let (family, mut bench) = (Kerberos::default(), Bench::new());
    for nonce in 1..=3 {
        ask_tcp(&family, &mut bench, 1000 + u16::from(nonce), 100, &as_req("ann", nonce, false), &krb_error(25));
    }
    ask_tcp(&family, &mut bench, 2000, 101, &as_req("bob", 9, false), &krb_error(6));
    family.datagrams().close(&mut bench.out());
    let codes: Vec<_> = as_exchanges(&bench.events).iter().map(|(_, outcome)| outcome.code().unwrap()).collect();
    assert_eq!(codes, [25, 25, 6, 25]);
}

#[test]
fn a_wrong_password_is_one_failure_with_24() {
    let (family, mut bench) = (Kerberos::default(), Bench::new());
    ask_tcp(&family, &mut bench, 1001, 100, &as_req("ann", 1, false), &krb_error(25));
    ask_tcp(&family, &mut bench, 1002, 100, &as_req("ann", 2, true), &krb_error(24));
    family.datagrams().close(&mut bench.out());
    let exchanges = as_exchanges(&bench.events);
    assert_eq!((exchanges.len(), exchanges[0].1, exchanges[0].0.requests), (1, Outcome::Failure(24), 2));
}

#[test]
fn a_machine_names_its_address_once_an_hour_and_only_with_proof() {
    let (family, mut bench) = (Kerberos::default(), Bench::new());
    for (secs, proof) in [(0, false), (10, true), (20, true), (3700, true)] {
        ask_tcp(&family, &mut bench, 1001, secs, &as_req("WS1$", 1, proof), &as_rep("WS1$"));
    }
    let names: Vec<_> = bench
        .events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::NameObserved(name) => Some((event.time.as_secs(), &name.name[..], name.resolution.certainty)),
            _ => None,
        })
        .collect();
    assert_eq!(names, [(10, "WS1", Certainty::High), (3700, "WS1", Certainty::High)]);
}

#[test]
fn records_are_found_whole_split_and_after_a_gap() {
    let stream_bytes = [on_tcp(&as_req("ann", 1, true)), on_tcp(&as_req("bob", 2, true))].concat();
    for split in 1..stream_bytes.len() {
        let mut bench = Bench::new();
        let mut stream = stream();
        let first = chunk(&stream_bytes[..split], Direction::ToServer, (1001, 88), 1);
        let consumed = stream.data(first, &mut bench.out());
        let rest = chunk(&stream_bytes[consumed..], Direction::ToServer, (1001, 88), 1);
        assert_eq!(consumed + stream.data(rest, &mut bench.out()), stream_bytes.len());
        stream.close(&mut bench.out());
        assert_eq!(as_exchanges(&bench.events).len(), 2, "{split}");
        assert!(bench.counters.dropped.is_empty());
    }
    let mut bench = Bench::new();
    let mut stream = stream();
    stream.gap(Direction::ToServer, 40, &mut bench.out());
    let damaged = &stream_bytes[40..];
    let consumed = stream.data(chunk(damaged, Direction::ToServer, (1001, 88), 1), &mut bench.out());
    stream.close(&mut bench.out());
    assert_eq!((consumed, as_exchanges(&bench.events).len()), (damaged.len(), 1));
}

#[test]
fn an_answer_without_its_question_still_shows_the_ticket() {
    let mut bench = Bench::new();
    let mut udp = datagrams();
    for _ in 0..2 {
        udp.datagram(chunk(&as_rep("ann"), Direction::ToServer, (88, 1001), 1), &mut bench.out());
    }
    let exchanges = as_exchanges(&bench.events);
    assert_eq!(exchanges.len(), 1);
    assert!(exchanges[0].0.ticket.is_some());
    assert_eq!(bench.events[0].source.as_ref().unwrap().port, Some(1001));
}

#[test]
fn noise_is_counted_and_limited() {
    let mut bench = Bench::new();
    let mut udp = datagrams();
    for port in 0..500 {
        udp.datagram(chunk(&[0x6a, 3, 1, 2, 3], Direction::ToServer, (1000 + port, 88), 1), &mut bench.out());
    }
    assert_eq!(bench.counters.dropped["kerberos.malformed"], 500);
    assert_eq!(bench.events.len(), 20);
    let mut stream = stream();
    let noise = b"GET / HTTP/1.1\r\nHost: dc1\r\n\r\n".repeat(40);
    assert!(stream.data(chunk(&noise, Direction::ToServer, (1, 88), 1), &mut bench.out()) > noise.len() - 16);
}

fn lab(name: &str) -> Bench {
    let family = Kerberos::default();
    replay(&lab_capture(name), &[88, 464], || family.stream(), family.datagrams())
}

#[test]
fn the_labs_enumeration_is_80_unknown_names_and_40_known() {
    let bench = lab("recon-kerberos-user-enum");
    let exchanges = as_exchanges(&bench.events);
    let count = |wanted: Outcome| exchanges.iter().filter(|(_, outcome)| *outcome == wanted).count();
    assert_eq!((count(Outcome::Failure(6)), exchanges.len()), (80, 120), "{:?}", bench.counters);
    assert!(bench.counters.dropped.is_empty());
}

#[test]
fn the_labs_mistyped_password_is_a_failure_and_a_success() {
    let bench = lab("mistyped-password");
    let shown: Vec<_> = as_exchanges(&bench.events).iter().map(|(e, outcome)| (*outcome, e.requests)).collect();
    assert_eq!(shown, [(Outcome::Failure(24), 2), (Outcome::Success, 3)]);
}

#[test]
fn the_labs_delegation_abuse_shows_s4u2self_and_s4u2proxy() {
    let bench = lab("constrained-delegation-abuse");
    let exchanges = tgs_exchanges(&bench.events);
    assert!(exchanges.iter().any(|(tgs, _)| tgs.for_user.is_some()), "{exchanges:?}");
    assert!(exchanges.iter().any(|(tgs, _)| tgs.s4u2proxy() && tgs.additional_ticket.is_some()));
    assert!(exchanges.iter().all(|(_, event)| event.actor.is_some() == event.outcome.succeeded()));
}
