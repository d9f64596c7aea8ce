//! Which analyser a connection gets, and which way round.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hopwatch_model::{Guid, Timestamp};

use super::dispatch::{Choice, Dispatch, Opening, Protocol};
use super::{Chunk, Direction, Endpoints, Output, StreamAnalyzer};
use crate::{Counters, DigestKey};

struct Silent;

impl StreamAnalyzer for Silent {
    fn data(&mut self, chunk: Chunk<'_>, _: &mut Output<'_>) -> usize {
        chunk.bytes.len()
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Output<'_>) {}

    fn close(&mut self, _: &mut Output<'_>) {}
}

const ALL: [Protocol; 7] =
    [Protocol::Kerberos, Protocol::Ldap, Protocol::Smb, Protocol::Dcerpc, Protocol::Tls, Protocol::Http, Protocol::Rdp];

/// What the analysers wrote down.
type Log = Arc<Mutex<Vec<(Protocol, u16)>>>;

/// A dispatch whose analysers write down their protocol and server.
fn recording() -> (Dispatch, Log) {
    let log: Log = Arc::default();
    let mut dispatch = Dispatch::new();
    for protocol in ALL {
        let log = Arc::clone(&log);
        let make = move |opening: &Opening<'_>| -> Box<dyn StreamAnalyzer> {
            log.lock().unwrap().push((protocol, opening.endpoints.server.port()));
            Box::new(Silent)
        };
        dispatch = dispatch.with_stream(protocol, Box::new(make));
    }
    (dispatch, log)
}

fn endpoints(client: u16, server: u16) -> Endpoints {
    Endpoints { client: SocketAddr::from(([10, 0, 0, 1], client)), server: SocketAddr::from(([10, 0, 0, 2], server)) }
}

/// First bytes sent by the presumed client on a port; the protocol and server port that the analyser is told.
fn check(port: u16, bytes: &[u8], certain: bool, expect: Option<(Protocol, u16)>) {
    let (dispatch, log) = recording();
    let choice = dispatch.choose(endpoints(50000, port), Direction::ToServer, bytes, certain);
    assert_eq!(matches!(choice, Choice::Analyze { .. }), expect.is_some());
    assert_eq!(log.lock().unwrap().first().copied(), expect);
}

const BIND: &[u8] = &[5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0];
const BIND_ACK: &[u8] = &[5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0, 0, 0];
const CLIENT_HELLO: &[u8] = &[0x16, 3, 1, 0, 100, 1];

#[test]
fn known_ports_tell_the_protocol() {
    check(445, b"in the midst of a file", false, Some((Protocol::Smb, 445)));
    check(3268, b"?", true, Some((Protocol::Ldap, 3268)));
    check(464, b"?", true, Some((Protocol::Kerberos, 464)));
}

#[test]
fn first_bytes_tell_the_protocol_on_other_ports() {
    check(49667, BIND, true, Some((Protocol::Dcerpc, 49667)));
    check(9999, b"SSH-2.0-x", true, None);
}

#[test]
fn first_bytes_go_before_a_port_that_changed_its_protocol() {
    check(389, CLIENT_HELLO, true, Some((Protocol::Tls, 389)));
    check(443, BIND, true, Some((Protocol::Dcerpc, 443)));
}

#[test]
fn first_bytes_turn_guessed_roles_round_but_not_seen_ones() {
    check(49667, BIND_ACK, false, Some((Protocol::Dcerpc, 50000)));
    check(49667, BIND_ACK, true, Some((Protocol::Dcerpc, 49667)));
}

#[test]
fn a_port_of_the_endpoint_mapper_is_known_in_its_midst() {
    let (dispatch, log) = recording();
    let ends = endpoints(50000, 49670);
    dispatch.rpc().learn(ends.server, Guid::default());
    assert!(!dispatch.likely_client(ends.server, ends.client));
    let choice = dispatch.choose(ends, Direction::ToServer, b"sealed", false);
    assert!(matches!(choice, Choice::Analyze { swapped: false, .. }));
    assert_eq!(*log.lock().unwrap(), [(Protocol::Dcerpc, 49670)]);
}

#[test]
fn a_datagram_of_no_service_is_ignored_by_name() {
    let (mut counters, mut events) = (Counters::default(), Vec::new());
    let (key, source) = (DigestKey::one_shot(), Arc::from("test"));
    let mut out = Output { events: &mut events, counters: &mut counters, key: &key, source: &source, tap: None };
    let ends = endpoints(50000, 1812);
    let mut dispatch = Dispatch::new();
    dispatch.datagram((ends.client, SocketAddr::from(([1, 1, 1, 1], 9))), b"", (Timestamp::default(), 1), &mut out);
    assert_eq!(counters.ignored["datagram of another protocol"], 1);
}
