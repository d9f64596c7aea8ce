//! Link layers by their number in the capture file (the tcpdump.org list of link-layer header types), and the chain of
//! EtherTypes (IEEE 802) behind them.

use super::tunnel::Tunnel;
use super::{At, Layer, Step, Unit};
use crate::error::Result;

/// A link-layer header type, as capture files number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: a four-byte address family.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet, without the Ethernet header.
    pub const PPP_ETHER: Self = Self(51);
    /// IPv4 or IPv6 without any header.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const C_HDLC: Self = Self(104);
    /// OpenBSD loopback.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4 without any header.
    pub const IPV4: Self = Self(228);
    /// IPv6 without any header.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// Numbers that operating systems used for raw IP before there was one for all.
const RAW_ALIASES: [u32; 2] = [12, 14];

pub(super) fn open<'a>(link: LinkType, at: &mut At<'a>) -> Result<Step<'a>> {
    match link {
        LinkType::ETHERNET => ethernet(at),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Ok(Step::Into(Layer::Ip)),
        // The family's byte order and its number for IPv6 differ by system; the version nibble behind it does not.
        LinkType::NULL | LinkType::LOOP => {
            at.take::<4>("loopback header")?;
            Ok(Step::Into(Layer::Ip))
        }
        LinkType::LINUX_SLL => {
            // packet type 2 · ARPHRD 2 · address length 2 · address 8 · protocol 2
            let header = at.take::<16>("cooked header")?;
            cooked(u16::from_be_bytes([header[2], header[3]]), u16::from_be_bytes([header[14], header[15]]))
        }
        LinkType::LINUX_SLL2 => {
            // protocol 2 · reserved 2 · interface 4 · ARPHRD 2 · packet type 1 · address length 1 · address 8
            let header = at.take::<20>("cooked header")?;
            cooked(u16::from_be_bytes([header[8], header[9]]), u16::from_be_bytes([header[0], header[1]]))
        }
        LinkType::PPP | LinkType::PPP_HDLC => Ok(Step::Into(Layer::Ppp)),
        LinkType::PPP_ETHER => pppoe(at),
        LinkType::C_HDLC => {
            let header = at.take::<4>("HDLC header")?;
            Ok(Step::Into(Layer::EtherType(u16::from_be_bytes([header[2], header[3]]))))
        }
        LinkType::FDDI => {
            at.take::<13>("FDDI header")?;
            llc(at)
        }
        LinkType(other) if RAW_ALIASES.contains(&other) => Ok(Step::Into(Layer::Ip)),
        LinkType(_) => Ok(Step::Done(Unit::Other("link type not supported"))),
    }
}

fn ethernet<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<14>("Ethernet header")?;
    Ok(Step::Into(Layer::EtherType(u16::from_be_bytes([header[12], header[13]]))))
}

/// The cooked header's protocol is an EtherType, except on links that have none: there the ARPHRD tells.
fn cooked<'a>(arphrd: u16, protocol: u16) -> Result<Step<'a>> {
    /// ARPHRD of a netlink monitor and of 802.11 with radiotap, whose "protocol" is no EtherType.
    const NETLINK: u16 = 824;
    const RADIOTAP: u16 = 803;
    Ok(match arphrd {
        NETLINK | RADIOTAP => Step::Done(Unit::Other("cooked link without EtherType")),
        _ => Step::Into(Layer::EtherType(protocol)),
    })
}

pub(super) fn ether_type<'a>(ether_type: u16, at: &mut At<'a>) -> Result<Step<'a>> {
    match ether_type {
        0x0800 | 0x86dd => Ok(Step::Into(Layer::Ip)),
        // 802.1Q, 802.1ad and their older numbers; Cisco MetaData has the same length. TCI 2 · EtherType 2.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => tag::<4>(at, "VLAN tag"),
        // VN-Tag and, behind its own header, the EtherType: tag 4 · EtherType 2.
        0x8926 => tag::<6>(at, "VN-Tag"),
        // 802.1BR E-tag: tag 6 · EtherType 2.
        0x893f => tag::<8>(at, "E-tag"),
        // Cisco MetaData: version, length, options 6 · EtherType 2.
        0x8909 => tag::<8>(at, "Cisco MetaData"),
        // 802.1ah: I-TCI 4, then the customer's whole frame.
        0x88e7 => {
            at.take::<4>("I-tag")?;
            Ok(Step::Into(Layer::Link(LinkType::ETHERNET)))
        }
        0x6558 => Ok(Step::Into(Layer::Link(LinkType::ETHERNET))),
        0x8847 | 0x8848 => mpls(at),
        0x8864 => pppoe(at),
        0x880b => Ok(Step::Into(Layer::Ppp)),
        0x88be => Ok(Step::Into(Layer::Tunnel(Tunnel::ErspanTwo))),
        0x22eb => Ok(Step::Into(Layer::Tunnel(Tunnel::ErspanThree))),
        0x0806 => Ok(Step::Done(Unit::Other("arp"))),
        0x88cc => Ok(Step::Done(Unit::Other("lldp"))),
        0x8863 => Ok(Step::Done(Unit::Other("pppoe discovery"))),
        0x88e5 => Ok(Step::Done(Unit::Other("macsec"))),
        // Up to 1500 it is a length (IEEE 802.3); 4 is Linux' own number for 802.2 frames.
        0..=1500 => llc(at),
        _ => Ok(Step::Done(Unit::Other("other ether type"))),
    }
}

/// A tag of `N` bytes that ends in the next EtherType.
fn tag<'a, const N: usize>(at: &mut At<'a>, what: &'static str) -> Result<Step<'a>> {
    let tag = at.take::<N>(what)?;
    let next = tag.last_chunk::<2>().map_or(0, |bytes| u16::from_be_bytes(*bytes));
    Ok(Step::Into(Layer::EtherType(next)))
}

/// IEEE 802.2 with SNAP: `AA AA 03`, organisation 3, EtherType 2. Other LLC carries no IP that we know.
fn llc<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let Some((&[0xaa, 0xaa, 0x03, ..], _)) = at.rest.split_first_chunk::<8>() else {
        return Ok(Step::Done(Unit::Other("llc")));
    };
    tag::<8>(at, "SNAP header")
}

/// MPLS (RFC 3032): label 20 · class 3 · bottom of stack 1 · TTL 8, until the bottom. What follows is told by its first
/// nibble: IP, or a pseudowire with (RFC 4448 §4.6, nibble 0) or without control word.
fn mpls<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    while at.take::<4>("MPLS label")?[2] & 1 == 0 {}
    match at.version() {
        Some(4 | 6) => return Ok(Step::Into(Layer::Ip)),
        Some(0) => at.skip(4, "pseudowire control word")?,
        _ => {}
    }
    Ok(Step::Into(Layer::Link(LinkType::ETHERNET)))
}

/// PPPoE session (RFC 2516 §4): version/type 1 · code 1 · session 2 · length 2.
fn pppoe<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<6>("PPPoE header")?;
    if header[1] != 0 {
        return Ok(Step::Done(Unit::Other("pppoe discovery")));
    }
    Ok(Step::Into(Layer::Ppp))
}

/// PPP (RFC 1661): the HDLC address and control `FF 03` may be there; a protocol with an odd first byte is compressed.
pub(super) fn ppp<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    if at.rest.starts_with(&[0xff, 0x03]) {
        at.skip(2, "PPP address")?;
    }
    let [first] = *at.take::<1>("PPP protocol")?;
    let protocol = match first & 1 {
        1 => u16::from(first),
        _ => u16::from_be_bytes([first, at.take::<1>("PPP protocol")?[0]]),
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Step::Into(Layer::Ip)),
        0x0281 | 0x0283 => mpls(at),
        _ => Ok(Step::Done(Unit::Other("ppp control"))),
    }
}
