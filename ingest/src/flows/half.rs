//! One direction of a TCP connection (RFC 9293 §3.4): segments in any order, repeated and overlapping, become bytes in
//! order. What came first counts; a hole is waited for until it is known that it will not be filled.

use std::time::Duration;

use hopwatch_model::Timestamp;

use super::Caps;

/// How far from the expected number a segment may lie and still belong to the stream: several times the largest window
/// in use. What lies farther is of another connection whose opening was not seen.
const MAX_JUMP: u32 = 1 << 26;
/// After so many segments in a row that belong elsewhere the stream starts anew at theirs.
const MAX_STRANGERS: u8 = 4;
/// How long a hole is waited for after the receiver acknowledged it: a mirror port may reorder the two directions.
const ACKNOWLEDGED_WAIT: Duration = Duration::from_millis(100);
/// How long a hole is waited for without a word from the receiver (one-sided capture): several retransmissions.
const SILENT_WAIT: Duration = Duration::from_secs(10);

/// A segment of this direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) seq: u32,
    pub(super) payload: &'a [u8],
    /// Bytes that the capture cut off.
    pub(super) cut: u32,
    pub(super) time: Timestamp,
    pub(super) frame: u64,
}

/// What comes out, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Bytes {
        bytes: &'a [u8],
        time: Timestamp,
        frame: u64,
    },
    /// So many bytes are lost; 0 where the number is not known.
    Gap(u64),
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Taken,
    /// All of it was there before.
    Repeated,
    /// It lies too far off to belong to this stream.
    Stranger,
}

/// The state of the direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The sequence number that comes next; `None` before the first segment.
    next: Option<u32>,
    /// How many bytes came before `next`, holes included.
    offset: u64,
    /// What came early: sorted, without overlap.
    ahead: Vec<Block>,
    ahead_bytes: usize,
    /// Where the sender ended the stream.
    end: Option<u64>,
    strangers: u8,
}

#[derive(Debug)]
struct Block {
    start: u64,
    bytes: Box<[u8]>,
    time: Timestamp,
    frame: u64,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + length(&self.bytes)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

impl Half {
    /// Sets the number of the first byte, where nothing is known yet.
    pub(super) fn start(&mut self, seq: u32) {
        self.next.get_or_insert(seq);
    }

    pub(super) fn started(&self) -> bool {
        self.next.is_some()
    }

    /// Whether `seq` is the number at which this stream began: a repeated SYN, not a new connection.
    pub(super) fn began_at(&self, seq: u32) -> bool {
        let low = u32::try_from(self.offset & u64::from(u32::MAX)).unwrap_or(0);
        self.next.is_none_or(|next| next.wrapping_sub(low) == seq)
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.ahead_bytes
    }

    /// Takes a segment.
    pub(super) fn push(&mut self, segment: Segment<'_>, mut deliver: impl FnMut(Piece<'_>)) -> Pushed {
        let next = *self.next.get_or_insert(segment.seq);
        let distance = segment.seq.wrapping_sub(next).cast_signed();
        if distance.unsigned_abs() > MAX_JUMP {
            self.strangers += 1;
            if self.strangers < MAX_STRANGERS {
                return Pushed::Stranger;
            }
            self.restart(segment.seq, &mut deliver);
            return self.push(segment, deliver);
        }
        self.strangers = 0;
        let skip = usize::try_from(distance.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let Some(fresh) = segment.payload.get(skip..).filter(|fresh| !fresh.is_empty()) else {
            return Pushed::Repeated;
        };
        if distance <= 0 && self.ahead.is_empty() {
            deliver(Piece::Bytes { bytes: fresh, time: segment.time, frame: segment.frame });
            self.advance(length(fresh));
            if segment.cut > 0 {
                deliver(Piece::Gap(segment.cut.into()));
                self.advance(segment.cut.into());
            }
            return Pushed::Taken;
        }
        let start = self.offset + u64::from(distance.max(0).unsigned_abs());
        self.insert(start, fresh, segment.time, segment.frame);
        self.drain(&mut deliver);
        Pushed::Taken
    }

    /// The sender ended the stream at this number.
    pub(super) fn finish_at(&mut self, seq: u32) {
        let next = *self.next.get_or_insert(seq);
        let distance = seq.wrapping_sub(next).cast_signed();
        if (0..=MAX_JUMP.cast_signed()).contains(&distance) {
            self.end = Some(self.offset + u64::from(distance.unsigned_abs()));
        } else if distance < 0 {
            self.end = Some(self.offset);
        }
    }

    /// Whether all bytes up to the sender's end came.
    pub(super) fn finished(&self) -> bool {
        self.end.is_some_and(|end| self.offset >= end)
    }

    /// Whether the hole before what came early will not be filled any more. `acknowledged`: the receiver's latest
    /// number; `answered`: it came with data, so the receiver has read on.
    pub(super) fn stuck(&self, now: Timestamp, acknowledged: Option<(u32, Answered)>, caps: &Caps) -> bool {
        let (Some(first), Some(next)) = (self.ahead.first(), self.next) else { return false };
        if self.ahead.len() > caps.ahead_segments || self.ahead_bytes > caps.ahead_bytes {
            return true;
        }
        let waited = now.since(first.time);
        let covered = acknowledged.and_then(|(number, answered)| {
            let distance = number.wrapping_sub(next).cast_signed();
            let beyond = u64::try_from(distance).is_ok_and(|distance| self.offset + distance >= first.start);
            beyond.then_some(answered)
        });
        match covered {
            Some(Answered::WithData) => true,
            Some(Answered::Bare) => waited >= ACKNOWLEDGED_WAIT,
            None => waited >= SILENT_WAIT,
        }
    }

    /// Gives up the first hole and delivers what lies behind it.
    pub(super) fn skip_hole(&mut self, deliver: &mut impl FnMut(Piece<'_>)) {
        if let Some(first) = self.ahead.first() {
            let hole = first.start - self.offset;
            deliver(Piece::Gap(hole));
            self.advance(hole);
            self.drain(deliver);
        }
    }

    /// Gives up every hole: the connection ends.
    pub(super) fn flush(&mut self, deliver: &mut impl FnMut(Piece<'_>)) {
        while !self.ahead.is_empty() {
            self.skip_hole(deliver);
        }
        self.ahead = Vec::new();
    }

    fn restart(&mut self, seq: u32, deliver: &mut impl FnMut(Piece<'_>)) {
        self.flush(deliver);
        deliver(Piece::Gap(0));
        self.next = Some(seq);
        self.strangers = 0;
        self.end = None;
    }

    fn advance(&mut self, count: u64) {
        let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0);
        self.next = self.next.map(|next| next.wrapping_add(low));
        self.offset += count;
    }

    /// Keeps those bytes of a segment that nothing else covers.
    fn insert(&mut self, start: u64, bytes: &[u8], time: Timestamp, frame: u64) {
        let end = start + length(bytes);
        let mut from = start;
        let mut at = self.ahead.partition_point(|block| block.end() <= start);
        while from < end {
            let to = match self.ahead.get(at) {
                Some(block) if block.start <= from => {
                    from = block.end();
                    at += 1;
                    continue;
                }
                Some(block) => end.min(block.start),
                None => end,
            };
            let range = usize::try_from(from - start).unwrap_or(0)..usize::try_from(to - start).unwrap_or(0);
            let bytes: Box<[u8]> = bytes.get(range).unwrap_or_default().into();
            self.ahead_bytes += bytes.len();
            self.ahead.insert(at, Block { start: from, bytes, time, frame });
            at += 1;
            from = to;
        }
    }

    /// Delivers the blocks that are next in order.
    fn drain(&mut self, deliver: &mut impl FnMut(Piece<'_>)) {
        let mut count = 0;
        while let Some(block) = self.ahead.get(count).filter(|block| block.start == self.offset) {
            deliver(Piece::Bytes { bytes: &block.bytes, time: block.time, frame: block.frame });
            let size = block.bytes.len();
            self.ahead_bytes -= size;
            self.advance(u64::try_from(size).unwrap_or(0));
            count += 1;
        }
        self.ahead.drain(..count);
    }
}

/// How the receiver acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Bare,
    WithData,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(seq: u32, payload: &[u8]) -> Segment<'_> {
        Segment { seq, payload, cut: 0, time: Timestamp::default(), frame: 1 }
    }

    /// What comes out of segments that start at `first`, with the rest flushed: bytes, and gaps as `-` each.
    fn run(first: u32, segments: &[(u32, &[u8])]) -> Vec<u8> {
        let (mut half, mut out) = (Half::default(), Vec::new());
        half.start(first);
        let mut deliver = |piece: Piece<'_>| match piece {
            Piece::Bytes { bytes, .. } => out.extend_from_slice(bytes),
            Piece::Gap(count) => out.extend(std::iter::repeat_n(b'-', usize::try_from(count).unwrap())),
        };
        for (seq, payload) in segments {
            half.push(segment(*seq, payload), &mut deliver);
        }
        half.flush(&mut deliver);
        assert_eq!((half.held(), half.ahead.len()), (0, 0));
        out
    }

    #[test]
    fn segments_come_out_in_order() {
        assert_eq!(run(1, &[(1, b"ab"), (5, b"ef"), (3, b"cd"), (7, b"g")]), b"abcdefg");
    }

    #[test]
    fn the_numbers_wrap() {
        assert_eq!(run(u32::MAX - 1, &[(u32::MAX - 1, b"ab"), (2, b"ef"), (0, b"cd")]), b"abcdef");
    }

    #[test]
    fn the_first_of_overlapping_segments_wins() {
        assert_eq!(run(0, &[(2, b"XX"), (0, b"abcdef")]), b"abXXef");
        assert_eq!(run(0, &[(0, b"abcd"), (2, b"XXef")]), b"abcdef");
        assert_eq!(run(0, &[(1, b"X"), (3, b"Y"), (0, b"abcde")]), b"aXcYe");
    }

    #[test]
    fn a_hole_is_a_gap() {
        assert_eq!(run(0, &[(0, b"ab"), (4, b"ef")]), b"ab--ef");
    }

    #[test]
    fn a_cut_segment_is_followed_by_a_gap() {
        let (mut half, mut pieces) = (Half::default(), 0);
        half.push(Segment { cut: 7, ..segment(10, b"abc") }, |piece| match piece {
            Piece::Bytes { bytes, .. } => pieces += bytes.len(),
            Piece::Gap(count) => assert_eq!(count, 7),
        });
        assert_eq!((pieces, half.next, half.offset), (3, Some(20), 10));
    }

    #[test]
    fn a_hole_that_the_receiver_has_read_past_is_given_up() {
        let (mut half, caps) = (Half::default(), Caps::default());
        half.push(segment(0, b"ab"), |_| {});
        half.push(segment(4, b"ef"), |_| {});
        let (now, later) = (Timestamp::default(), Timestamp::from_micros(150_000));
        assert!(!half.stuck(now, Some((2, Answered::WithData)), &caps), "asks for the hole");
        assert!(!half.stuck(now, Some((6, Answered::Bare)), &caps));
        assert!(half.stuck(later, Some((6, Answered::Bare)), &caps));
        assert!(half.stuck(now, Some((6, Answered::WithData)), &caps));
        assert!(!half.stuck(later, None, &caps));
        assert!(half.stuck(Timestamp::from_secs(11), None, &caps));
    }

    #[test]
    fn a_foreign_number_is_refused_until_it_persists() {
        let (mut half, mut out) = (Half::default(), Vec::new());
        half.push(segment(0, b"ab"), |_| {});
        for turn in 0..4u32 {
            let pushed = half.push(segment(0x6000_0000 + turn, b"x"), |piece| out.push(format!("{piece:?}")));
            assert_eq!(pushed == Pushed::Taken, turn == 3);
        }
        assert_eq!(out.len(), 2, "{out:?}");
    }

    /// The obvious way: every byte has a place; the first that claims it has it.
    fn reference(length: usize, segments: &[(usize, Vec<u8>)]) -> Vec<u8> {
        let mut places: Vec<Option<u8>> = vec![None; length];
        for (start, bytes) in segments {
            for (place, byte) in places[*start..].iter_mut().zip(bytes) {
                place.get_or_insert(*byte);
            }
        }
        let end = places.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        places[..end].iter().map(|place| place.unwrap_or(b'-')).collect()
    }

    proptest! {
        /// Random pieces of random content: order, overlap, repetition and holes as they come.
        #[test]
        fn reassembly_agrees_with_the_obvious_reference(
            first: u32,
            segments in prop::collection::vec((0usize..120, prop::collection::vec(1u8..=255, 1..30)), 0..40),
        ) {
            let wire: Vec<(u32, &[u8])> = segments
                .iter()
                .map(|(start, bytes)| (first.wrapping_add(u32::try_from(*start).unwrap()), bytes.as_slice()))
                .collect();
            prop_assert_eq!(run(first, &wire), reference(200, &segments));
        }
    }
}
