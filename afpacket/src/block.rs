//! A block of the ring and the frames in it (`struct tpacket_block_desc`, `struct tpacket3_hdr` of
//! `linux/if_packet.h`): plain bytes, read with checked offsets. Numbers are of the machine's own order.

use crate::sys::Memory;

/// Offsets in a block's head: version 4 · private 4 · status 4 · frames 4 · offset of the first 4 · …
const FRAMES: usize = 12;
const FIRST: usize = 16;
/// Offsets in a frame's head: next 4 · seconds 4 · nanoseconds 4 · captured 4 · length 4 · status 4 · start 2 · …
const SECONDS: usize = 4;
const NANOSECONDS: usize = 8;
const CAPTURED: usize = 12;
const LENGTH: usize = 16;
const START: usize = 24;

/// A frame in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'b> {
    /// Seconds since 1970, UTC.
    pub seconds: u32,
    /// Nanoseconds beside them.
    pub nanoseconds: u32,
    /// The length on the wire.
    pub length: u32,
    /// The bytes from the link layer on.
    pub bytes: &'b [u8],
}

/// A block that is ours until it is dropped.
#[derive(Debug)]
pub struct Block<'r> {
    memory: &'r mut Memory,
    offset: usize,
    bytes: usize,
}

impl<'r> Block<'r> {
    pub(crate) fn new(memory: &'r mut Memory, offset: usize, bytes: usize) -> Self {
        Self { memory, offset, bytes }
    }

    /// The frames, in order of arrival.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        packets(self.memory.bytes(self.offset, self.bytes))
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.memory.give_back(self.offset);
    }
}

/// The frames of a block's bytes. A head that points outside the block ends it.
fn packets(block: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut left = number(block, FRAMES).unwrap_or(0);
    let mut at = number(block, FIRST).and_then(offset);
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let head = block.get(at?..)?;
        let start = usize::from(u16::from_ne_bytes(*head.get(START..)?.first_chunk()?));
        let captured = offset(number(head, CAPTURED)?)?;
        let packet = Packet {
            seconds: number(head, SECONDS)?,
            nanoseconds: number(head, NANOSECONDS)?,
            length: number(head, LENGTH)?,
            bytes: head.get(start..start.checked_add(captured)?)?,
        };
        let next = offset(number(head, 0)?)?;
        at = at?.checked_add(next).filter(|_| next > 0);
        Some(packet)
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn offset(value: u32) -> Option<usize> {
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with two frames of three and four bytes, their heads of 32 bytes at 48 and 96.
    fn block() -> Vec<u8> {
        let mut block = vec![0; 256];
        let mut put = |at: usize, value: u32| block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        put(FRAMES, 2);
        put(FIRST, 48);
        for (at, next, captured) in [(48, 48, 3), (96, 0, 4)] {
            put(at, next);
            put(at + SECONDS, 7);
            put(at + CAPTURED, captured);
            put(at + LENGTH, 60);
            put(at + START, 32);
        }
        block[48 + 32..48 + 35].copy_from_slice(b"abc");
        block[96 + 32..96 + 36].copy_from_slice(b"defg");
        block
    }

    #[test]
    fn frames_are_found_by_their_heads() {
        let block = block();
        let found: Vec<_> = packets(&block).map(|packet| (packet.seconds, packet.length, packet.bytes)).collect();
        assert_eq!(found, [(7, 60, &b"abc"[..]), (7, 60, b"defg")]);
    }

    #[test]
    fn no_value_of_any_byte_leads_outside_the_block() {
        let whole = block();
        for at in 0..160 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                assert!(packets(&damaged).take(1000).count() <= 1000);
            }
        }
        for length in 0..whole.len() {
            assert!(packets(&whole[..length]).count() <= 2);
        }
    }
}
