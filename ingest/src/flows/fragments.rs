//! IP fragments put together (RFC 791 §3.2, RFC 8200 §4.5). Where pieces overlap the one that came first counts. Bounded
//! in packets, pieces and time; packets never completed are counted.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use hopwatch_model::Timestamp;
use hopwatch_wire::net::Fragment;
use rustc_hash::FxBuildHasher;

use crate::counters::Counters;

/// How long a packet may wait for its pieces: RFC 791 suggests 15 s, RFC 8200 demands 60 s, systems use 30 s.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most pieces of one packet: 64 KiB at the smallest MTU in use (576) are 120.
const MAX_PIECES: usize = 256;
/// The most bytes of a reassembled payload.
const MAX_BYTES: usize = 65_535;

/// The packets that wait for pieces.
pub(crate) struct Fragments {
    cap: usize,
    waiting: HashMap<Key, Packet, FxBuildHasher>,
    /// Keys in order of their first piece; one whose packet is gone or began later is stale.
    order: VecDeque<(Timestamp, Key)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    target: IpAddr,
    protocol: u8,
    id: u32,
}

struct Packet {
    began: Timestamp,
    /// In order of arrival.
    pieces: Vec<(usize, Box<[u8]>)>,
    /// Known once the last piece came.
    total: Option<usize>,
}

impl Fragments {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, waiting: HashMap::default(), order: VecDeque::new() }
    }

    /// Takes a piece; returns the whole payload once it is complete.
    pub(crate) fn add(&mut self, piece: &Fragment<'_>, now: Timestamp, counters: &mut Counters) -> Option<Vec<u8>> {
        self.expire(now, counters);
        let start = usize::try_from(piece.start).ok()?;
        if piece.cut || piece.payload.is_empty() || start + piece.payload.len() > MAX_BYTES {
            counters.drop("ip fragment malformed");
            return None;
        }
        let key = Key { source: piece.source, target: piece.target, protocol: piece.protocol, id: piece.id };
        let packet = self.waiting.entry(key).or_insert_with(|| {
            self.order.push_back((now, key));
            Packet { began: now, pieces: Vec::new(), total: None }
        });
        if packet.pieces.len() >= MAX_PIECES {
            counters.drop("ip fragments too many");
            return None;
        }
        packet.pieces.push((start, piece.payload.into()));
        if !piece.more && packet.total.is_none() {
            packet.total = Some(start + piece.payload.len());
        }
        let whole = packet.whole()?;
        self.waiting.remove(&key);
        Some(whole)
    }

    /// Gives up what waited too long, and the oldest where there are too many.
    fn expire(&mut self, now: Timestamp, counters: &mut Counters) {
        while let Some((began, key)) = self.order.front().copied() {
            if now.since(began) < TIMEOUT && self.waiting.len() < self.cap {
                break;
            }
            self.order.pop_front();
            if self.waiting.get(&key).is_some_and(|packet| packet.began == began) {
                self.waiting.remove(&key);
                counters.drop("ip fragments incomplete");
            }
        }
    }

    /// The capture ended: what still waits is lost.
    pub(crate) fn finish(&mut self, counters: &mut Counters) {
        for _ in self.waiting.drain() {
            counters.drop("ip fragments incomplete");
        }
        self.order.clear();
    }
}

impl Packet {
    /// The payload, where the pieces cover it all.
    fn whole(&self) -> Option<Vec<u8>> {
        let total = self.total?;
        let mut ranges: Vec<(usize, usize)> = self.pieces.iter().map(|(at, bytes)| (*at, at + bytes.len())).collect();
        ranges.sort_unstable();
        let mut covered = 0;
        for (from, to) in ranges {
            if from > covered {
                return None;
            }
            covered = covered.max(to);
        }
        if covered < total {
            return None;
        }
        let mut whole = vec![0; covered];
        // The last written is the first that came, so that it wins where pieces overlap.
        for (at, bytes) in self.pieces.iter().rev() {
            if let Some(place) = whole.get_mut(*at..*at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
        whole.truncate(total);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
        let address = IpAddr::from([10, 0, 0, 1]);
        Fragment { source: address, target: address, protocol: 17, id: 7, start, more, payload, cut: false }
    }

    /// Adds the pieces one second apart and returns what came out last, with the counters.
    fn run(pieces: &[Fragment<'_>]) -> (Option<Vec<u8>>, Counters) {
        let (mut fragments, mut counters) = (Fragments::new(4), Counters::default());
        let mut last = None;
        for (second, piece) in (0..).zip(pieces) {
            last = fragments.add(piece, Timestamp::from_secs(second), &mut counters);
        }
        fragments.finish(&mut counters);
        (last, counters)
    }

    #[test]
    fn pieces_in_any_order_become_the_packet() {
        let (first, second, third) =
            (piece(0, true, b"01234567"), piece(8, true, b"89abcdef"), piece(16, false, b"gh"));
        assert_eq!(run(&[first, second, third]).0.unwrap(), b"0123456789abcdefgh");
        assert_eq!(run(&[third, first, second]).0.unwrap(), b"0123456789abcdefgh");
    }

    #[test]
    fn the_first_of_overlapping_pieces_wins() {
        let pieces = [piece(0, true, b"aaaaaaaabbbbbbbb"), piece(8, false, b"XXXXXXXXcc")];
        assert_eq!(run(&pieces).0.unwrap(), b"aaaaaaaabbbbbbbbcc");
    }

    #[test]
    fn an_incomplete_packet_is_counted() {
        let (whole, counters) = run(&[piece(0, true, b"01234567"), piece(16, false, b"x")]);
        assert_eq!(whole, None);
        assert_eq!(counters.dropped["ip fragments incomplete"], 1);
    }

    #[test]
    fn packets_beyond_the_cap_push_out_the_oldest() {
        let (mut fragments, mut counters) = (Fragments::new(2), Counters::default());
        for id in 0..10 {
            let piece = Fragment { id, ..piece(0, true, b"01234567") };
            fragments.add(&piece, Timestamp::from_secs(1), &mut counters);
        }
        assert_eq!((fragments.waiting.len(), counters.dropped["ip fragments incomplete"]), (2, 8));
    }
}
