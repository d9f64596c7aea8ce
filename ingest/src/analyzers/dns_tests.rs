//! DNS exchanges through the analysers, from messages written out byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;

use hopwatch_model::event::DnsQuery;
use hopwatch_model::{Activity, Event, Outcome, Timestamp};

use super::dns::{DnsDatagrams, DnsStream};
use super::names::{DhcpDatagrams, MulticastNames, NbnsDatagrams};
use super::{Chunk, DatagramAnalyzer, Direction, Endpoints, Output, StreamAnalyzer};
use crate::{Counters, DigestKey};

/// Events and counters of one run.
#[derive(Default)]
struct Bench {
    events: Vec<Event>,
    counters: Counters,
}

impl Bench {
    fn with(&mut self, run: impl FnOnce(&mut Output<'_>)) {
        let (key, source) = (DigestKey::one_shot(), Arc::from("test"));
        run(&mut Output {
            events: &mut self.events,
            counters: &mut self.counters,
            key: &key,
            source: &source,
            tap: None,
        });
    }

    /// Queries as `time name qtype answers outcome`, names as `name=address certainty method`.
    fn summary(&self) -> Vec<String> {
        let line = |event: &Event| match &event.activity {
            Activity::DnsQuery(query) => {
                let DnsQuery { name, qtype, answers, update, .. } = &**query;
                let outcome = match event.outcome {
                    Outcome::Unseen => "unseen".into(),
                    Outcome::Success => "ok".into(),
                    Outcome::Failure(code) => code.to_string(),
                };
                let update = if *update { " update" } else { "" };
                format!("{} {name} {qtype} {answers} {outcome}{update}", event.time.as_secs())
            }
            Activity::NameObserved(seen) => {
                format!("{}={} {:?} {:?}", seen.name, seen.address, seen.resolution.certainty, seen.resolution.method)
            }
            other => panic!("{other:?}"),
        };
        self.events.iter().map(line).collect()
    }
}

const CLIENT: [u8; 4] = [10, 0, 0, 5];
const SERVER: [u8; 4] = [10, 0, 0, 2];

fn chunk(bytes: &[u8], direction: Direction, secs: i64, port: u16) -> Chunk<'_> {
    let endpoints = Endpoints { client: SocketAddr::from((CLIENT, 40000)), server: SocketAddr::from((SERVER, port)) };
    Chunk { endpoints, direction, bytes, time: Timestamp::from_secs(secs), frame: 1 }
}

/// Messages in time order: (second, from the client, bytes).
fn check_udp(messages: &[(i64, bool, Vec<u8>)], expect: &[&str]) -> Counters {
    let (mut bench, mut analyzer) = (Bench::default(), DnsDatagrams::default());
    for (secs, by_client, bytes) in messages {
        let direction = if *by_client { Direction::ToServer } else { Direction::ToClient };
        bench.with(|out| {
            analyzer.tick(Timestamp::from_secs(*secs), out);
            analyzer.datagram(chunk(bytes, direction, *secs, 53), out);
        });
    }
    bench.with(|out| analyzer.close(out));
    assert_eq!(bench.summary(), expect);
    bench.counters
}

/// A label sequence.
fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> =
        labels.flat_map(|label| std::iter::once(u8::try_from(label.len()).unwrap()).chain(label.bytes())).collect();
    out.push(0);
    out
}

fn record(owner: &str, rtype: u8, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap();
    [&name(owner)[..], &[0, rtype, 0, 1, 0, 0, 0, 60, 0, length], data].concat()
}

/// id, flags, question, answers, authorities
fn message(id: u8, flags: [u8; 2], question: (&str, u8), answers: &[Vec<u8>], authorities: &[Vec<u8>]) -> Vec<u8> {
    let count = |list: &[Vec<u8>]| u8::try_from(list.len()).unwrap();
    let mut out = vec![0, id, flags[0], flags[1], 0, 1, 0, count(answers), 0, count(authorities), 0, 0];
    out.extend(name(question.0));
    out.extend([0, question.1, 0, 1]);
    out.extend(answers.concat());
    out.extend(authorities.concat());
    out
}

const ASK: [u8; 2] = [0x01, 0];
const OK: [u8; 2] = [0x85, 0x80];
const NXDOMAIN: [u8; 2] = [0x85, 0x83];

#[test]
fn a_query_and_its_answer_are_one_event_at_the_time_of_the_query() {
    let answer = message(7, OK, ("WS1.lab.example", 1), &[record("ws1.lab.example", 1, &[10, 0, 0, 9])], &[]);
    check_udp(
        &[(3, true, message(7, ASK, ("WS1.lab.example", 1), &[], &[])), (4, false, answer)],
        &["ws1.lab.example=10.0.0.9 Medium Dns", "3 ws1.lab.example 1 1 ok"],
    );
}

#[test]
fn a_refusal_bears_its_code() {
    let ask = message(7, ASK, ("nix", 16), &[], &[]);
    check_udp(
        &[(3, true, ask.clone()), (3, true, ask), (4, false, message(7, NXDOMAIN, ("nix", 16), &[], &[]))],
        &["3 nix 16 0 3"],
    );
}

#[test]
fn a_query_without_answer_is_emitted_after_its_patience_and_a_late_answer_alone() {
    check_udp(
        &[
            (3, true, message(7, ASK, ("a", 1), &[], &[])),
            (30, true, message(8, ASK, ("b", 1), &[], &[])),
            (31, false, message(9, OK, ("c", 1), &[], &[])),
        ],
        &["3 a 1 0 unseen", "31 c 1 0 ok", "30 b 1 0 unseen"],
    );
}

#[test]
fn an_update_is_named_by_what_it_changes() {
    let change = record("ws1.lab.example", 1, &CLIENT);
    let update = message(7, [0x28, 0], ("lab.example", 6), &[], std::slice::from_ref(&change));
    let done = message(7, [0xa8, 0], ("lab.example", 6), &[], &[change]);
    check_udp(
        &[(3, true, update), (4, false, done)],
        &["ws1.lab.example=10.0.0.5 Medium Dns", "3 ws1.lab.example 1 0 ok update"],
    );
}

#[test]
fn several_addresses_of_one_name_and_reverse_names_are_weak() {
    let pair = [record("lab.example", 1, &[10, 0, 0, 2]), record("lab.example", 1, &[10, 0, 0, 3])];
    let reverse = record("9.0.0.10.in-addr.arpa", 12, &name("ws1.lab.example"));
    check_udp(
        &[
            (1, false, message(7, OK, ("lab.example", 1), &pair, &[])),
            (2, false, message(8, OK, ("9.0.0.10.in-addr.arpa", 12), &[reverse], &[])),
        ],
        &[
            "lab.example=10.0.0.2 Low Dns",
            "lab.example=10.0.0.3 Low Dns",
            "1 lab.example 1 2 ok",
            "ws1.lab.example=10.0.0.9 Low Dns",
            "2 9.0.0.10.in-addr.arpa 12 1 ok",
        ],
    );
}

#[test]
fn the_same_binding_is_reported_once() {
    let answer = |id| message(id, OK, ("a.b", 1), &[record("a.b", 1, &[10, 0, 0, 9])], &[]);
    let expect = ["a.b=10.0.0.9 Medium Dns", "1 a.b 1 1 ok", "2 a.b 1 1 ok"];
    check_udp(&[(1, false, answer(1)), (2, false, answer(2))], &expect);
}

#[test]
fn broken_messages_are_counted() {
    let counters = check_udp(&[(1, true, vec![1, 2, 3]), (1, true, vec![0; 12])], &[]);
    assert_eq!(counters.dropped["dns message malformed"], 1);
    assert_eq!(counters.ignored["dns without question"], 1);
}

/// The bytes of each direction in pieces of `step`, each piece handed over with what was left before it.
fn check_tcp(messages: &[(bool, Vec<u8>)], step: usize, expect: &[&str]) {
    let (mut bench, mut analyzer) = (Bench::default(), DnsStream::default());
    for (by_client, bytes) in messages {
        let direction = if *by_client { Direction::ToServer } else { Direction::ToClient };
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let mut pending = Vec::new();
        for piece in [&length[..], bytes].concat().chunks(step) {
            pending.extend_from_slice(piece);
            bench.with(|out| {
                let done = analyzer.data(chunk(&pending, direction, 5, 53), out);
                pending.drain(..done);
            });
        }
        assert!(pending.is_empty());
    }
    bench.with(|out| analyzer.close(out));
    assert_eq!(bench.summary(), expect);
}

#[test]
fn a_zone_transfer_of_several_messages_is_one_event() {
    let soa = record("lab.example", 6, b"..");
    let first = [soa.clone(), record("lab.example", 2, &name("dc1.lab.example"))];
    let second = [record("ws1.lab.example", 1, &[10, 0, 0, 9]), soa];
    let exchange = [
        (true, message(7, ASK, ("lab.example", 252), &[], &[])),
        (false, message(7, OK, ("lab.example", 252), &first, &[])),
        (false, message(7, OK, ("lab.example", 252), &second, &[])),
    ];
    for step in [1, 2, 7, 10_000] {
        check_tcp(&exchange, step, &["ws1.lab.example=10.0.0.9 Medium Dns", "5 lab.example 252 4 ok"]);
    }
    check_tcp(&exchange[..2], 9, &["5 lab.example 252 2 ok"]);
}

#[test]
fn a_refused_transfer_is_a_failure() {
    let ask = (true, message(7, ASK, ("lab.example", 252), &[], &[]));
    check_tcp(&[ask, (false, message(7, [0x80, 5], ("lab.example", 252), &[], &[]))], 99, &["5 lab.example 252 0 5"]);
}

#[test]
fn a_lease_names_its_host_surely() {
    let dhcp = |kind: u8, yiaddr: [u8; 4], options: &[u8]| {
        let mut bytes = vec![0; 236];
        bytes[16..20].copy_from_slice(&yiaddr);
        bytes.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
        bytes.extend(options);
        bytes
    };
    let (mut bench, mut analyzer) = (Bench::default(), DhcpDatagrams::default());
    bench.with(|out| {
        analyzer.datagram(chunk(&dhcp(3, [0; 4], b"\x0c\x03WS7"), Direction::ToServer, 1, 67), out);
        analyzer.datagram(chunk(&dhcp(5, [10, 0, 0, 7], b""), Direction::ToClient, 1, 67), out);
    });
    assert_eq!(bench.summary(), ["WS7=10.0.0.7 High Dhcp"]);
}

#[test]
fn a_registration_of_its_own_name_is_surer_than_an_answer() {
    let encoded = "FHFDDBCACACACACACACACACACACACAAA"; // WS1<00>
    let record = record(encoded, 32, &[0, 0, 10, 0, 0, 5]);
    let mut claim = message(7, [0x29, 0x10], (encoded, 32), &[], &[]);
    claim[11] = 1;
    claim.extend(&record);
    let answer = message(8, [0x85, 0], (encoded, 32), &[record], &[]);
    for (bytes, direction, expect) in [
        (claim, Direction::ToServer, "WS1=10.0.0.5 Medium Netbios"),
        (answer, Direction::ToClient, "WS1=10.0.0.5 Low Netbios"),
    ] {
        let (mut bench, mut analyzer) = (Bench::default(), NbnsDatagrams::default());
        bench.with(|out| analyzer.datagram(chunk(&bytes, direction, 1, 137), out));
        assert_eq!(bench.summary(), [expect]);
    }
}

#[test]
fn a_multicast_answer_is_weak() {
    let answer = message(0, [0x84, 0], ("printer.local", 1), &[record("printer.local", 1, &[10, 0, 0, 8])], &[]);
    let (mut bench, mut analyzer) = (Bench::default(), MulticastNames::default());
    bench.with(|out| analyzer.datagram(chunk(&answer, Direction::ToClient, 1, 5353), out));
    assert_eq!(bench.summary(), ["printer=10.0.0.8 Low Netbios"]);
}
