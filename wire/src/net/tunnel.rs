//! Tunnels in IP and UDP: GRE (RFC 2784, 2890; version 1: RFC 2637), ERSPAN I–III (draft-foschiano-erspan), VXLAN
//! (RFC 7348) and VXLAN-GPE, GENEVE (RFC 8926), Teredo (RFC 4380 §5.1.1), TZSP.

use super::{At, Layer, LinkType, Step, Unit};
use crate::error::Result;

/// A tunnel whose header comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tunnel {
    Gre,
    ErspanTwo,
    ErspanThree,
    Vxlan,
    VxlanGpe,
    Geneve,
    Teredo,
    Tzsp,
}

impl Tunnel {
    /// By the UDP ports: tunnels send to the assigned port from any; Teredo's server also sends from it.
    pub(super) fn by_port(source: u16, target: u16) -> Option<Self> {
        match (source, target) {
            (_, 4789 | 8472) => Some(Self::Vxlan),
            (_, 4790) => Some(Self::VxlanGpe),
            (_, 6081) => Some(Self::Geneve),
            (_, 37008) => Some(Self::Tzsp),
            (3544, _) | (_, 3544) => Some(Self::Teredo),
            _ => None,
        }
    }
}

/// Whether a datagram on a tunnel's port can be that tunnel: other services may use the port.
pub(super) fn plausible(tunnel: Tunnel, bytes: &[u8]) -> bool {
    match (tunnel, bytes.first_chunk::<8>()) {
        // The I bit must be set, the reserved byte at the end zero; flags beside I belong to group policy extensions.
        (Tunnel::Vxlan, Some(header)) => header[0] & 0x08 != 0 && header[7] == 0,
        (Tunnel::VxlanGpe, Some(header)) => header[0] & 0xc8 == 0x08,
        (Tunnel::Geneve, Some(header)) => header[0] >> 6 == 0,
        (Tunnel::Tzsp, Some(header)) => header[0] == 1,
        (Tunnel::Teredo, Some(header)) => header[0] >> 4 == 6 || (header[0] == 0 && header[1] < 2),
        _ => false,
    }
}

pub(super) fn open<'a>(tunnel: Tunnel, at: &mut At<'a>) -> Result<Step<'a>> {
    const ETHERNET: Layer = Layer::Link(LinkType::ETHERNET);
    match tunnel {
        Tunnel::Gre => gre(at),
        // version 4 bits, VLAN 12 · class, truncation, session 2 · index 4
        Tunnel::ErspanTwo => {
            at.take::<8>("ERSPAN header")?;
            Ok(Step::Into(ETHERNET))
        }
        // version, VLAN 2 · session 2 · time stamp 4 · group tag 2 · P, frame type, …, O 2 · (O: platform header 8)
        Tunnel::ErspanThree => {
            let header = at.take::<12>("ERSPAN header")?;
            if header[11] & 1 != 0 {
                at.skip(8, "ERSPAN platform header")?;
            }
            Ok(Step::Into(ETHERNET))
        }
        Tunnel::Vxlan => {
            at.take::<8>("VXLAN header")?;
            Ok(Step::Into(ETHERNET))
        }
        Tunnel::VxlanGpe => {
            let header = at.take::<8>("VXLAN-GPE header")?;
            Ok(match header[3] {
                1 | 2 => Step::Into(Layer::Ip),
                3 => Step::Into(ETHERNET),
                5 => Step::Into(Layer::EtherType(0x8847)),
                _ => Step::Done(Unit::Other("other tunnel payload")),
            })
        }
        // version 2 bits, option length in 4 bytes 6 bits · flags 1 · EtherType 2 · VNI 3 · reserved 1 · options
        Tunnel::Geneve => {
            let header = at.take::<8>("GENEVE header")?;
            at.skip(usize::from(header[0] & 0x3f).saturating_mul(4), "GENEVE options")?;
            Ok(Step::Into(Layer::EtherType(u16::from_be_bytes([header[2], header[3]]))))
        }
        Tunnel::Teredo => teredo(at),
        Tunnel::Tzsp => tzsp(at),
    }
}

/// flags, version 2 · EtherType 2 · (C or R: check sum, offset 4) · (K: key 4) · (S: sequence 4) · (version 1, A: 4)
fn gre<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<4>("GRE header")?;
    let (flags, version) = (header[0], header[1] & 0x07);
    let ether_type = u16::from_be_bytes([header[2], header[3]]);
    let (check_sum, routing, key, sequence) = (flags & 0x80, flags & 0x40, flags & 0x20, flags & 0x10);
    if version > 1 || (version == 1 && ether_type != 0x880b) {
        return Err(at.malformed("GRE version"));
    }
    let acknowledgement = if version == 1 { header[1] & 0x80 } else { 0 };
    let words = [check_sum | routing, key, sequence, acknowledgement].iter().filter(|flag| **flag != 0).count();
    at.skip(words.saturating_mul(4), "GRE options")?;
    if routing != 0 {
        // Source route entries (RFC 1701): family 2 · offset 1 · length 1 · address; a null entry ends them.
        loop {
            let entry = at.take::<4>("GRE routing")?;
            if *entry == [0; 4] {
                break;
            }
            at.skip(usize::from(entry[3]), "GRE routing")?;
        }
    }
    match ether_type {
        // ERSPAN I has no header of its own and sends no sequence numbers; II always does.
        0x88be if sequence == 0 => Ok(Step::Into(Layer::Link(LinkType::ETHERNET))),
        // WCCP version 2 puts four bytes of redirect header before the packet.
        0x883e => {
            if at.version() != Some(4) {
                at.skip(4, "WCCP redirect header")?;
            }
            Ok(Step::Into(Layer::Ip))
        }
        // An acknowledgement alone, or a keep-alive.
        _ if at.rest.is_empty() => Ok(Step::Done(Unit::Other("empty tunnel packet"))),
        _ => Ok(Step::Into(Layer::EtherType(ether_type))),
    }
}

/// Optional authentication (`00 01`, client id length 1, value length 1, both, nonce 8, confirmation 1) and origin
/// (`00 00`, port 2, address 4), then IPv6.
fn teredo<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    if at.rest.starts_with(&[0, 1]) {
        let header = at.take::<4>("Teredo authentication")?;
        let ids = usize::from(header[2]).saturating_add(usize::from(header[3]));
        at.skip(ids.saturating_add(9), "Teredo authentication")?;
    }
    if at.rest.starts_with(&[0, 0]) {
        at.take::<8>("Teredo origin")?;
    }
    Ok(Step::Into(Layer::Ip))
}

/// version 1 · type 1 · protocol 2 · tags (0 padding, 1 end, else length 1 and value)
fn tzsp<'a>(at: &mut At<'a>) -> Result<Step<'a>> {
    let header = at.take::<4>("TZSP header")?;
    loop {
        match at.take::<1>("TZSP tag")? {
            [0] => {}
            [1] => break,
            _ => {
                let [length] = *at.take::<1>("TZSP tag")?;
                at.skip(usize::from(length), "TZSP tag")?;
            }
        }
    }
    Ok(match u16::from_be_bytes([header[2], header[3]]) {
        1 => Step::Into(Layer::Link(LinkType::ETHERNET)),
        _ => Step::Done(Unit::Other("other tunnel payload")),
    })
}
