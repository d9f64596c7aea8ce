//! pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with their own link type, clock
//! resolution and offset; enhanced, simple and the obsolete packet blocks. Name resolution, statistics and decryption
//! secrets blocks are passed over: they are the capturing tool's knowledge, not the network's.

use hopwatch_model::Timestamp;
use hopwatch_wire::net::LinkType;

use super::order::Order;
use super::pcap::MAX_FRAME_BYTES;
use super::reader::{Next, Place};
use super::window::Window;

/// The first bytes of every pcapng file: the block type of a section header, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// The most interfaces of one section; a live capture on `any` has one, merged captures have dozens.
const MAX_INTERFACES: usize = 4096;

/// The most bytes of a block that is looked into: the largest packet with its options.
const MAX_BLOCK_BYTES: usize = MAX_FRAME_BYTES + 65536;

/// Block types.
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// One interface of the section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
}

/// How the interface counts time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Ticks per second.
    rate: u64,
    /// Seconds to add.
    offset_secs: i64,
}

impl Clock {
    /// Where the interface does not say: microseconds.
    const DEFAULT: Self = Self { rate: 1_000_000, offset_secs: 0 };

    /// `if_tsresol`: a negative power of ten, or of two where the highest bit is set.
    fn set_resolution(&mut self, value: u8) {
        let (base, power): (u64, u8) = if value & 0x80 == 0 { (10, value) } else { (2, value & 0x7f) };
        if let Some(rate) = base.checked_pow(u32::from(power)) {
            self.rate = rate;
        }
    }

    fn time(self, ticks: u64) -> Timestamp {
        let (secs, fraction) = (ticks / self.rate, ticks % self.rate);
        let micros = u128::from(fraction) * 1_000_000 / u128::from(self.rate);
        let secs = i64::try_from(secs).unwrap_or(i64::MAX).saturating_add(self.offset_secs);
        Timestamp::from_secs(secs).shifted(i64::try_from(micros).unwrap_or(0))
    }
}

/// The state of reading a pcapng file.
pub(super) struct PcapNg {
    order: Order,
    interfaces: Vec<Interface>,
    /// Simple packets have no time of their own: they take that of the packet before.
    last: Timestamp,
}

impl PcapNg {
    /// Before the first section header.
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new(), last: Timestamp::default() }
    }

    /// The next packet, or the end. type 4 · length 4 · body, padded to 4 · length 4
    pub(super) fn next(&mut self, window: &mut Window<'_>) -> Next {
        loop {
            let head = window.fill(12);
            if head.is_empty() {
                return Next::End;
            }
            if head.len() < 12 {
                return Next::Truncated;
            }
            if head.starts_with(&SECTION_HEADER) {
                self.order = match head[8..12] {
                    [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
                    [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
                    _ => return Next::Malformed,
                };
                self.interfaces.clear();
            }
            let (Some(kind), Some(total)) = (self.order.u32(head, 0), self.order.u32(head, 4)) else {
                return Next::Truncated;
            };
            // Some writers leave the padding out of the length.
            let Some(total) = usize::try_from(total).ok().filter(|length| *length >= 12) else {
                return Next::Malformed;
            };
            let total = total.next_multiple_of(4);
            if !matches!(kind, INTERFACE | PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
                if !window.skip(u64::try_from(total).unwrap_or(u64::MAX)) {
                    return Next::Truncated;
                }
                continue;
            }
            if total > MAX_BLOCK_BYTES {
                return Next::Malformed;
            }
            if window.fill(total).len() < total {
                return Next::Truncated;
            }
            let block = &window.bytes()[..total - 4];
            match self.block(kind, block) {
                Block::Frame(place) => return Next::Frame(Place { total, ..place }),
                Block::Interface => window.consume(total),
                Block::Malformed => {
                    window.consume(total);
                    return Next::Skipped;
                }
            }
        }
    }

    fn block(&mut self, kind: u32, block: &[u8]) -> Block {
        let parsed = match kind {
            INTERFACE => self.interface(block).map(|()| Block::Interface),
            PACKET => self.packet(block).map(Block::Frame),
            SIMPLE_PACKET => self.simple(block).map(Block::Frame),
            _ => self.enhanced(block).map(Block::Frame),
        };
        parsed.unwrap_or(Block::Malformed)
    }

    /// link type 2 · reserved 2 · snaplen 4 · options
    fn interface(&mut self, block: &[u8]) -> Option<()> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return None;
        }
        let link = LinkType(u32::from(self.order.u16(block, 8)?));
        let snaplen = self.order.u32(block, 12)?;
        let mut clock = Clock::DEFAULT;
        let mut at = 16;
        // code 2 · length 2 · value, padded to 4
        while let (Some(code), Some(length)) = (self.order.u16(block, at), self.order.u16(block, at + 2)) {
            match code {
                0 => break,
                9 => clock.set_resolution(*block.get(at + 4)?),
                14 => clock.offset_secs = self.order.i64(block, at + 4)?,
                _ => {}
            }
            at += 4 + usize::from(length).next_multiple_of(4);
        }
        self.interfaces.push(Interface { link, snaplen, clock });
        Some(())
    }

    /// interface 4 · time high 4 · time low 4 · captured 4 · length 4 · packet · options
    fn enhanced(&mut self, block: &[u8]) -> Option<Place> {
        let interface = self.order.u32(block, 8)?;
        self.timed(block, interface)
    }

    /// interface 2 · drops 2 · time high 4 · time low 4 · captured 4 · length 4 · packet · options
    fn packet(&mut self, block: &[u8]) -> Option<Place> {
        let interface = self.order.u16(block, 8)?;
        self.timed(block, u32::from(interface))
    }

    fn timed(&mut self, block: &[u8], interface: u32) -> Option<Place> {
        let interface = *self.interfaces.get(usize::try_from(interface).ok()?)?;
        let ticks = u64::from(self.order.u32(block, 12)?) << 32 | u64::from(self.order.u32(block, 16)?);
        let length = usize::try_from(self.order.u32(block, 20)?).ok()?;
        self.last = interface.clock.time(ticks);
        place(block, 28, length, self.last, interface.link)
    }

    /// length 4 · packet, as much as the first interface's snaplen lets be
    fn simple(&mut self, block: &[u8]) -> Option<Place> {
        let interface = self.interfaces.first()?;
        let length = self.order.u32(block, 8)?;
        let length = if interface.snaplen == 0 { length } else { length.min(interface.snaplen) };
        place(block, 12, usize::try_from(length).ok()?, self.last, interface.link)
    }
}

/// What a block turned out to be.
enum Block {
    Frame(Place),
    Interface,
    Malformed,
}

fn place(block: &[u8], start: usize, length: usize, time: Timestamp, link: LinkType) -> Option<Place> {
    block.get(start..start.checked_add(length)?)?;
    Some(Place { time, link, start, length, total: 0 })
}
