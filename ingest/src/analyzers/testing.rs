//! What the tests of analysers share: an encoder of BER, an [`Output`] to write to, and a reader of the lab's captures
//! that is as simple as can be (classic pcap, Ethernet, IPv4, segments in order), so that an analyser can be tested
//! without the flow table.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hopwatch_model::{Event, Timestamp};

use super::{Chunk, DatagramAnalyzer, Direction, Endpoints, Output, StreamAnalyzer};
use crate::{Counters, DigestKey};

/// An element: tag octet, length, content.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    match content.len() {
        0..0x80 => [&[tag, u8::try_from(content.len()).unwrap()], &content[..]].concat(),
        long => [&[tag, 0x82], &u16::try_from(long).unwrap().to_be_bytes()[..], &content[..]].concat(),
    }
}

/// Where an analyser under test writes.
pub(crate) struct Bench {
    pub(crate) events: Vec<Event>,
    pub(crate) counters: Counters,
    key: DigestKey,
    source: Arc<str>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            events: Vec::new(),
            counters: Counters::default(),
            key: DigestKey::one_shot(),
            source: Arc::from("test"),
        }
    }

    pub(crate) fn out(&mut self) -> Output<'_> {
        Output {
            events: &mut self.events,
            counters: &mut self.counters,
            key: &self.key,
            source: &self.source,
            tap: None,
        }
    }
}

/// A chunk from 10.0.0.1 to a port of 10.0.0.9, or back.
pub(crate) fn chunk(bytes: &[u8], direction: Direction, ports: (u16, u16), secs: i64) -> Chunk<'_> {
    let client = SocketAddr::from(([10, 0, 0, 1], ports.0));
    let server = SocketAddr::from(([10, 0, 0, 9], ports.1));
    Chunk { endpoints: Endpoints { client, server }, direction, bytes, time: Timestamp::from_secs(secs), frame: 1 }
}

/// A capture of the lab's, from the fixtures.
pub(crate) fn lab_capture(name: &str) -> Vec<u8> {
    let path = format!("{}/../tests/fixtures/lab/{name}.pcap.gz", env!("CARGO_MANIFEST_DIR"));
    let mut pcap = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut pcap).unwrap();
    pcap
}

type Stream = (Box<dyn StreamAnalyzer>, [Vec<u8>; 2], [Option<u32>; 2]);

/// Replays a capture through the analysers of the servers at `ports`.
pub(crate) fn replay(
    pcap: &[u8],
    ports: &[u16],
    mut stream: impl FnMut() -> Box<dyn StreamAnalyzer>,
    mut datagrams: Box<dyn DatagramAnalyzer>,
) -> Bench {
    let mut bench = Bench::new();
    let mut streams: BTreeMap<(SocketAddr, SocketAddr), Stream> = BTreeMap::new();
    for (number, (time, frame)) in (1..).zip(frames(pcap)) {
        let Some((udp, from, to, payload, (seq, flags))) = segment(frame) else { continue };
        let direction = if ports.contains(&to.port()) {
            Direction::ToServer
        } else if ports.contains(&from.port()) {
            Direction::ToClient
        } else {
            continue;
        };
        let (client, server) = if direction == Direction::ToServer { (from, to) } else { (to, from) };
        let endpoints = Endpoints { client, server };
        let make = |bytes| Chunk { endpoints, direction, bytes, time, frame: number };
        if udp {
            datagrams.datagram(make(payload), &mut bench.out());
            datagrams.tick(time, &mut bench.out());
            continue;
        }
        let (analyzer, buffers, next) =
            streams.entry((client, server)).or_insert_with(|| (stream(), Default::default(), [None; 2]));
        let side = usize::from(direction == Direction::ToClient);
        let syn = flags & 2 != 0;
        if syn {
            next[side] = Some(seq.wrapping_add(1));
            continue;
        }
        let overlap = usize::try_from(next[side].get_or_insert(seq).wrapping_sub(seq)).unwrap();
        let Some(fresh) = payload.get(overlap..) else { continue };
        next[side] = Some(seq.wrapping_add(u32::try_from(payload.len()).unwrap()));
        buffers[side].extend_from_slice(fresh);
        let consumed = analyzer.data(make(&buffers[side]), &mut bench.out());
        buffers[side].drain(..consumed);
    }
    for (mut analyzer, _, _) in streams.into_values() {
        analyzer.close(&mut bench.out());
    }
    datagrams.close(&mut bench.out());
    bench
}

/// The records of a little-endian classic pcap.
fn frames(pcap: &[u8]) -> Vec<(Timestamp, &[u8])> {
    let number = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    let mut at = 24;
    while at + 16 <= pcap.len() {
        let size = usize::try_from(number(at + 8)).unwrap();
        let micros = i64::from(number(at)) * 1_000_000 + i64::from(number(at + 4));
        frames.push((Timestamp::from_micros(micros), &pcap[at + 16..at + 16 + size]));
        at += 16 + size;
    }
    frames
}

type Segment<'a> = (bool, SocketAddr, SocketAddr, &'a [u8], (u32, u8));

fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    let ip = frame.get(14..).filter(|_| frame[12..14] == [8, 0])?;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let header = usize::from(ip[0] & 15) * 4;
    let body = ip.get(header..total)?;
    let address = |at: usize, port: usize| {
        let octets: [u8; 4] = ip[at..at + 4].try_into().unwrap();
        SocketAddr::new(IpAddr::V4(Ipv4Addr::from(octets)), u16::from_be_bytes([body[port], body[port + 1]]))
    };
    match ip[9] {
        17 => Some((true, address(12, 0), address(16, 2), &body[8..], (0, 0))),
        6 => {
            let seq = u32::from_be_bytes(body[4..8].try_into().unwrap());
            Some((false, address(12, 0), address(16, 2), &body[usize::from(body[12] >> 4) * 4..], (seq, body[13])))
        }
        _ => None,
    }
}
