//! Datagrams that a mirror port shows twice: it copies a frame where it enters and where it leaves, or from two
//! interfaces. TCP sorts that out by itself; for UDP the same bytes between the same ends within moments are one.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use hopwatch_model::Timestamp;
use rustc_hash::FxBuildHasher;

/// How far apart two copies may be: they differ by the switch's own delay. A client repeats itself after a second.
const WINDOW: Duration = Duration::from_millis(20);
/// How many datagrams are remembered; more within the window than this go unrecognised.
const REMEMBERED: usize = 64;
/// Longer datagrams are not compared: none of the services that are read sends longer ones.
const MAX_BYTES: usize = 4096;

/// The latest datagrams.
#[derive(Default)]
pub(crate) struct Duplicates {
    ring: Vec<Seen>,
    next: usize,
}

struct Seen {
    hash: u64,
    ends: (SocketAddr, SocketAddr),
    time: Timestamp,
    bytes: Vec<u8>,
}

impl Duplicates {
    /// Whether the same datagram was seen just now; remembers it where it was not.
    pub(crate) fn repeated(&mut self, ends: (SocketAddr, SocketAddr), bytes: &[u8], time: Timestamp) -> bool {
        if bytes.len() > MAX_BYTES {
            return false;
        }
        let hash = FxBuildHasher.hash_one((ends, bytes));
        // The bytes decide: a hash alone could be forged to hide a datagram.
        let same = |seen: &Seen| {
            seen.hash == hash && seen.ends == ends && time.since(seen.time) <= WINDOW && seen.bytes == bytes
        };
        if self.ring.iter().any(same) {
            return true;
        }
        match self.ring.get_mut(self.next) {
            Some(seen) => {
                (seen.hash, seen.ends, seen.time) = (hash, ends, time);
                seen.bytes.clear();
                seen.bytes.extend_from_slice(bytes);
            }
            None => self.ring.push(Seen { hash, ends, time, bytes: bytes.to_vec() }),
        }
        self.next = (self.next + 1) % REMEMBERED;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_within_moments_are_recognised_and_later_ones_are_not() {
        let ends = (SocketAddr::from(([10, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 2], 53)));
        let at = Timestamp::from_micros;
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.repeated(ends, b"a", at(0)));
        assert!(duplicates.repeated(ends, b"a", at(20_000)));
        assert!(!duplicates.repeated(ends, b"b", at(0)));
        assert!(!duplicates.repeated((ends.1, ends.0), b"a", at(0)));
        assert!(!duplicates.repeated(ends, b"a", at(20_001)));
        for n in 0..200u32 {
            assert!(!duplicates.repeated(ends, &n.to_be_bytes(), at(30_000)));
        }
        assert_eq!(duplicates.ring.len(), REMEMBERED);
    }
}
