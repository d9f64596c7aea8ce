//! From a captured frame to a TCP segment, a UDP datagram or an IP fragment, through every encapsulation that a mirror
//! port sends: 802.1Q/ad (IEEE 802.1Q), 802.1BR and VN-Tag, 802.1ah, MPLS (RFC 3032), PPPoE (RFC 2516), GRE (RFC 2784,
//! 2890, 2637), ERSPAN I–III, VXLAN (RFC 7348), GENEVE (RFC 8926), Teredo (RFC 4380), TZSP, EtherIP, IP in IP, Linux
//! cooked capture, loopback, raw IP.
//!
//! The layers are walked in a loop with a bound, not by recursion. Check sums are not verified: capture on a sending
//! host shows them before the network card has filled them in. Encrypted layers (ESP, MACsec) are named, not opened.

mod ip;
mod link;
mod transport;
mod tunnel;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use crate::error::{Error, Result};

pub use link::LinkType;

/// The most layers that are opened: a mirrored frame has four to eight; more is a loop or an attack.
pub const MAX_LAYERS: usize = 24;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram of no known tunnel.
    Udp(Udp<'a>),
    /// A piece of a fragmented IP packet: to be put together and handed to [`decode_payload`].
    Fragment(Fragment<'a>),
    /// Something that is none of our business, by name.
    Other(&'static str),
}

/// A TCP segment (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub target: SocketAddr,
    /// The sequence number of the first byte, or of the SYN.
    pub seq: u32,
    /// The acknowledgement number; meaningful with [`Tcp::ACK`].
    pub ack: u32,
    /// The flags: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from the highest bit.
    pub flags: u8,
    /// The bytes.
    pub payload: &'a [u8],
    /// How many bytes of the segment the capture cut off.
    pub cut: u32,
}

impl Tcp<'_> {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Sequence numbers start here.
    pub const SYN: u8 = 0x02;
    /// The connection is void.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;

    /// Whether all of these flags are set.
    #[must_use]
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'a> {
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub target: SocketAddr,
    /// The bytes.
    pub payload: &'a [u8],
    /// How many bytes of the datagram the capture cut off.
    pub cut: u32,
}

/// A piece of an IP packet (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The sender.
    pub source: IpAddr,
    /// The receiver.
    pub target: IpAddr,
    /// The protocol number of the whole payload.
    pub protocol: u8,
    /// The identification that the pieces share.
    pub id: u32,
    /// Where in the payload this piece belongs, in bytes.
    pub start: u32,
    /// Whether more follows.
    pub more: bool,
    /// The bytes.
    pub payload: &'a [u8],
    /// Whether the capture cut it.
    pub cut: bool,
}

/// Opens a frame down to its transport.
///
/// # Errors
/// A header that is cut off or impossible, with its offset in the frame; [`Error::Bound`] beyond [`MAX_LAYERS`].
pub fn decode(link: LinkType, frame: &[u8]) -> Result<Unit<'_>> {
    walk(Layer::Link(link), At { rest: frame, offset: 0, cut: 0 })
}

/// Opens the payload of an IP packet that was put together from fragments.
///
/// # Errors
/// As [`decode`], with offsets from the start of the payload.
pub fn decode_payload(source: IpAddr, target: IpAddr, protocol: u8, payload: &[u8]) -> Result<Unit<'_>> {
    walk(Layer::Protocol { source, target, protocol }, At { rest: payload, offset: 0, cut: 0 })
}

fn walk<'a>(mut layer: Layer, mut at: At<'a>) -> Result<Unit<'a>> {
    for _ in 0..MAX_LAYERS {
        let step = match layer {
            Layer::Link(link) => link::open(link, &mut at)?,
            Layer::EtherType(ether_type) => link::ether_type(ether_type, &mut at)?,
            Layer::Ppp => link::ppp(&mut at)?,
            Layer::Ip => ip::open(&mut at)?,
            Layer::Protocol { source, target, protocol } => ip::protocol(source, target, protocol, &mut at)?,
            Layer::Tunnel(tunnel) => tunnel::open(tunnel, &mut at)?,
        };
        match step {
            Step::Into(next) => layer = next,
            Step::Done(unit) => return Ok(unit),
        }
    }
    Err(Error::Bound { what: "encapsulation", offset: at.offset, bound: MAX_LAYERS })
}

/// What comes next in the frame.
#[derive(Clone, Copy, Debug)]
enum Layer {
    Link(LinkType),
    EtherType(u16),
    Ppp,
    /// IPv4 or IPv6, by its version nibble.
    Ip,
    Protocol {
        source: IpAddr,
        target: IpAddr,
        protocol: u8,
    },
    Tunnel(tunnel::Tunnel),
}

/// The outcome of opening one layer.
enum Step<'a> {
    Into(Layer),
    Done(Unit<'a>),
}

/// The part of a frame that is not yet opened.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    rest: &'a [u8],
    offset: usize,
    /// How many bytes the innermost length says to follow that were not captured.
    cut: u32,
}

impl<'a> At<'a> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(N);
                Ok(head)
            }
            None => Err(self.incomplete(what, N)),
        }
    }

    fn skip(&mut self, count: usize, what: &'static str) -> Result<()> {
        self.rest = self.rest.get(count..).ok_or_else(|| self.incomplete(what, count))?;
        self.offset = self.offset.saturating_add(count);
        Ok(())
    }

    /// Drops what lies behind a declared length (Ethernet padding, trailers), or notes how much of it is missing.
    fn limit(&mut self, length: usize) {
        match self.rest.get(..length) {
            Some(rest) => {
                self.rest = rest;
                self.cut = 0;
            }
            None => self.cut = u32::try_from(length.saturating_sub(self.rest.len())).unwrap_or(u32::MAX),
        }
    }

    fn incomplete(&self, what: &'static str, needed: usize) -> Error {
        Error::Incomplete { what, offset: self.offset, needed: needed.saturating_sub(self.rest.len()) }
    }

    fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed { what, offset: self.offset }
    }

    /// The version nibble of an IP header that may come next.
    fn version(&self) -> Option<u8> {
        self.rest.first().map(|byte| byte >> 4)
    }
}
