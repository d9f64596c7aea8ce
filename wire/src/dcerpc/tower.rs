//! Protocol towers of the endpoint mapper (C706 appendix L, I): where an interface listens.
//!
//! ```text
//! floor_count\[2\], then per floor: lhs_length\[2\] lhs rhs_length\[2\] rhs
//! floor 1: 0x0d interface-uuid\[16\] major\[2\] | minor\[2\]      floor 2: 0x0d transfer-syntax … | minor
//! floor 3: 0x0b | 0 (connection-oriented)                   floor 4: 0x07 | TCP port (network order)
//! floor 5: 0x09 | IPv4 address (network order)
//! ```

use std::net::Ipv4Addr;

use hopwatch_model::Guid;

use super::{Ndr, NdrSyntax};
use crate::error::{Error, Result};
use crate::reader::Reader;

/// The most towers that are read of one answer.
const MAX_TOWERS: u64 = 500;

/// Where an interface listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tower {
    /// The interface.
    pub interface: Guid,
    /// Its TCP port, where it listens on TCP.
    pub tcp_port: Option<u16>,
    /// Its address, where given and not 0.0.0.0.
    pub address: Option<Ipv4Addr>,
}

/// Decodes a tower.
///
/// # Errors
/// Where it is cut off or its first floor names no interface.
pub fn decode_tower(bytes: &[u8]) -> Result<Tower> {
    let mut reader = Reader::new(bytes, "protocol tower");
    let floors = reader.u16()?;
    let mut interface = None;
    let mut tower = Tower { interface: Guid::NIL, tcp_port: None, address: None };
    // Seven floors are the most that any protocol sequence has.
    for floor in 0..floors.min(8) {
        let left = usize::from(reader.u16()?);
        let left = reader.take(left)?;
        let right = usize::from(reader.u16()?);
        let right = reader.take(right)?;
        match (floor, left.split_first()) {
            (0, Some((0x0d, id))) => interface = Reader::new(id, "protocol tower").guid().ok(),
            (_, Some((0x07, _))) => tower.tcp_port = right.first_chunk().map(|port| u16::from_be_bytes(*port)),
            (_, Some((0x09, _))) => {
                let address = right.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets));
                tower.address = address.filter(|address| !address.is_unspecified());
            }
            _ => {}
        }
    }
    tower.interface = interface.ok_or(Error::Malformed { what: "protocol tower", offset: 2 })?;
    Ok(tower)
}

/// The towers of an `ept_map` response (C706 appendix O): entry_handle, num_towers, and a varying array of pointers to
/// `twr_t`. Towers that do not decode are left out.
///
/// # Errors
/// Where the stub is cut off.
pub fn ept_map_towers(stub: &[u8], syntax: NdrSyntax, big_endian: bool) -> Result<Vec<Tower>> {
    let mut ndr = Ndr::new(stub, syntax, big_endian);
    ndr.handle()?;
    ndr.u32()?;
    // Max count, offset, actual count.
    ndr.size()?;
    ndr.size()?;
    let count = ndr.size()?.min(MAX_TOWERS);
    let mut present = Vec::new();
    for _ in 0..count {
        present.push(ndr.pointer()?);
    }
    let mut towers = Vec::new();
    for _ in present.into_iter().filter(|present| *present) {
        ndr.size()?;
        let length = usize::try_from(ndr.u32()?).unwrap_or(usize::MAX);
        towers.extend(decode_tower(ndr.bytes(length)?));
    }
    Ok(towers)
}
