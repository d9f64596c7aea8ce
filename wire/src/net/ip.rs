//! IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200 §4), AH (RFC 4302) and the dispatch on protocol numbers.
//! A total length of zero is a packet that the network card was to cut (segmentation offload): all captured bytes count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tunnel::Tunnel;
use super::{At, Fragment, Layer, LinkType, Step, Unit, transport};
use crate::error::Result;

/// The most extension headers of one packet: the standard knows six kinds.
const MAX_EXTENSIONS: usize = 16;

pub(super) fn open<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    match at.version() {
        Some(4) => version_4(at),
        Some(6) => version_6(at),
        Some(_) => Err(at.malformed("IP version")),
        None => Err(at.incomplete("IP header", 1)),
    }
}

/// version/IHL 1 · DSCP 1 · total length 2 · id 2 · flags/offset 2 · TTL 1 · protocol 1 · check sum 2 · source 4 · target 4
fn version_4<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<20>("IPv4 header")?;
    let header_length = usize::from(header[0] & 0x0f).saturating_mul(4);
    let Some(options) = header_length.checked_sub(20) else {
        return Err(at.malformed("IPv4 header length"));
    };
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    match total {
        0 => at.cut = 0,
        _ => at.limit(total.checked_sub(20).ok_or_else(|| at.malformed("IPv4 total length"))?),
    }
    at.skip(options, "IPv4 options")?;
    let [_, _, _, _, id_high, id_low, flags_high, flags_low, ..] = *header;
    let source = IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15]));
    let target = IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19]));
    let protocol = header[9];
    let flags = u16::from_be_bytes([flags_high, flags_low]);
    let (more, start) = (flags & 0x2000 != 0, u32::from(flags & 0x1fff).saturating_mul(8));
    if more || start != 0 {
        let id = u32::from(u16::from_be_bytes([id_high, id_low]));
        return Ok(Step::Done(Unit::Fragment(Fragment {
            source,
            target,
            protocol,
            id,
            start,
            more,
            payload: at.rest,
            cut: at.cut > 0,
        })));
    }
    protocol_step(source, target, protocol)
}

/// version/class/label 4 · payload length 2 · next header 1 · hop limit 1 · source 16 · target 16
fn version_6<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<40>("IPv6 header")?;
    match usize::from(u16::from_be_bytes([header[4], header[5]])) {
        0 => at.cut = 0,
        length => at.limit(length),
    }
    let (addresses, _) = header[8..].as_chunks::<16>();
    let [source, target] = *addresses else { return Err(at.malformed("IPv6 header")) };
    let (source, target) = (IpAddr::V6(Ipv6Addr::from(source)), IpAddr::V6(Ipv6Addr::from(target)));
    let mut next = header[6];
    for _ in 0..MAX_EXTENSIONS {
        match next {
            // Hop-by-hop, routing, destination options, mobility, HIP, shim6: next 1 · length in 8 bytes beyond the first 8.
            0 | 43 | 60 | 135 | 139 | 140 => {
                let [following, length] = *at.take::<2>("IPv6 extension header")?;
                at.skip(usize::from(length).saturating_mul(8).saturating_add(6), "IPv6 extension header")?;
                next = following;
            }
            44 => {
                let header = at.take::<8>("IPv6 fragment header")?;
                let field = u16::from_be_bytes([header[2], header[3]]);
                let (start, more) = (u32::from(field & 0xfff8), field & 1 != 0);
                next = header[0];
                // An atomic fragment (RFC 6946) is a whole packet.
                if start != 0 || more {
                    return Ok(Step::Done(Unit::Fragment(Fragment {
                        source,
                        target,
                        protocol: next,
                        id: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
                        start,
                        more,
                        payload: at.rest,
                        cut: at.cut > 0,
                    })));
                }
            }
            _ => return protocol_step(source, target, next),
        }
    }
    Err(at.malformed("IPv6 extension headers"))
}

fn protocol_step<'a>(source: IpAddr, target: IpAddr, protocol: u8) -> Result<Step<'a>> {
    Ok(Step::Into(Layer::Protocol { source, target, protocol }))
}

pub(super) fn protocol<'a>(source: IpAddr, target: IpAddr, protocol: u8, at: &mut At<'a>) -> Result<Step<'a>> {
    match protocol {
        6 => transport::tcp(source, target, at),
        17 => transport::udp(source, target, at),
        4 | 41 => Ok(Step::Into(Layer::Ip)),
        47 => Ok(Step::Into(Layer::Tunnel(Tunnel::Gre))),
        // AH: next 1 · length in 4 bytes beyond the first 8 · reserved 2 · SPI 4 · sequence 4 · check value.
        51 => {
            let [next, length, ..] = *at.take::<8>("authentication header")?;
            at.skip(usize::from(length).saturating_mul(4), "authentication header")?;
            protocol_step(source, target, next)
        }
        // A reassembled IPv6 payload may start with destination options.
        60 => {
            let [next, length] = *at.take::<2>("IPv6 extension header")?;
            at.skip(usize::from(length).saturating_mul(8).saturating_add(6), "IPv6 extension header")?;
            protocol_step(source, target, next)
        }
        97 => {
            at.take::<2>("EtherIP header")?;
            Ok(Step::Into(Layer::Link(LinkType::ETHERNET)))
        }
        137 => Ok(Step::Into(Layer::EtherType(0x8847))),
        1 | 58 => Ok(Step::Done(Unit::Other("icmp"))),
        2 => Ok(Step::Done(Unit::Other("igmp"))),
        50 => Ok(Step::Done(Unit::Other("esp"))),
        132 => Ok(Step::Done(Unit::Other("sctp"))),
        _ => Ok(Step::Done(Unit::Other("other ip protocol"))),
    }
}
