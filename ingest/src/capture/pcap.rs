//! The classic capture file (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds, and the variant with
//! the longer record header that old Linux distributions wrote (magic `a1b2cd34`).

use hopwatch_model::Timestamp;
use hopwatch_wire::net::LinkType;

use super::order::Order;
use super::reader::{Next, Place};
use super::window::Window;

/// Longer records are no packets: libpcap itself refuses more than 256 KiB; loopback captures with large offload stay below.
pub(super) const MAX_FRAME_BYTES: usize = 1 << 20;

/// The state of reading a classic file, beyond its header.
pub(super) struct Pcap {
    order: Order,
    nanoseconds: bool,
    record_header: usize,
    link: LinkType,
}

/// The length of the file header: magic 4 · version 2+2 · zone 4 · sigfigs 4 · snaplen 4 · link type 4
const FILE_HEADER: usize = 24;

impl Pcap {
    /// Reads the file header; `None` where the magic is another's or the header is cut off.
    pub(super) fn open(window: &mut Window<'_>) -> Option<Self> {
        let header = window.fill(FILE_HEADER);
        let magic = *header.first_chunk::<4>()?;
        let (order, nanoseconds, record_header) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, false, 16),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, false, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, true, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, true, 16),
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, false, 24),
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, false, 24),
            _ => return None,
        };
        // The upper bits hold the length of the frame check sequence.
        let link = LinkType(order.u32(header, 20)? & 0x03ff_ffff);
        window.consume(FILE_HEADER);
        Some(Self { order, nanoseconds, record_header, link })
    }

    /// The next record. seconds 4 · fraction 4 · captured 4 · length 4 (· interface 4, protocol 2, type 1, padding 1)
    pub(super) fn next(&self, window: &mut Window<'_>) -> Next {
        let header = window.fill(self.record_header);
        if header.is_empty() {
            return Next::End;
        }
        if header.len() < self.record_header {
            return Next::Truncated;
        }
        let field = |offset| self.order.u32(header, offset).unwrap_or_default();
        let (secs, fraction) = (field(0), field(4));
        let Some(length) = usize::try_from(field(8)).ok().filter(|length| *length <= MAX_FRAME_BYTES) else {
            return Next::Malformed;
        };
        let micros = if self.nanoseconds { fraction / 1000 } else { fraction };
        let total = self.record_header + length;
        if window.fill(total).len() < total {
            return Next::Truncated;
        }
        Next::Frame(Place {
            time: Timestamp::from_micros(i64::from(secs) * 1_000_000 + i64::from(micros)),
            link: self.link,
            start: self.record_header,
            length,
            total,
        })
    }
}
