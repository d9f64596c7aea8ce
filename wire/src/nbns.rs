//! NetBIOS name service (RFC 1002 §4.2): the DNS message form with encoded names and two record types of its own.

use std::net::Ipv4Addr;

use crate::dns::{Content, Record, record_type};

/// Opcodes (RFC 1002 §4.2.1.1).
pub mod opcode {
    /// A query.
    pub const QUERY: u8 = 0;
    /// A host claims a name.
    pub const REGISTRATION: u8 = 5;
    /// A host keeps a name.
    pub const REFRESH: u8 = 8;
    /// The same, as some systems number it.
    pub const REFRESH_ALTERNATE: u8 = 9;
    /// A host with several addresses claims a name.
    pub const MULTI_HOMED: u8 = 15;
}

/// The suffix of a host's own name: the workstation service.
pub const WORKSTATION: u8 = 0x00;
/// The suffix of a host's own name: the file server service.
pub const SERVER: u8 = 0x20;

/// A NetBIOS name: up to 15 bytes and a suffix that tells the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetbiosName {
    /// The name without its padding.
    pub name: String,
    /// The sixteenth byte.
    pub suffix: u8,
}

impl NetbiosName {
    /// Undoes the first-level encoding (RFC 1001 §14.1): 32 letters A–P, two for each byte; a scope may follow.
    #[must_use]
    pub fn decode(encoded: &str) -> Option<Self> {
        let letters = encoded.split('.').next()?.as_bytes();
        if letters.len() != 32 {
            return None;
        }
        let nibble = |letter: &u8| letter.to_ascii_uppercase().checked_sub(b'A').filter(|value| *value < 16);
        let mut bytes = Vec::with_capacity(16);
        for pair in letters.chunks_exact(2) {
            let (high, low) = (nibble(pair.first()?)?, nibble(pair.get(1)?)?);
            bytes.push(high << 4 | low);
        }
        Self::of_bytes(&bytes)
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (suffix, name) = bytes.split_last()?;
        let end = name.iter().rposition(|byte| *byte != b' ' && *byte != 0)?.checked_add(1)?;
        let name = name.get(..end)?;
        let text = std::str::from_utf8(name).ok()?;
        (!text.chars().any(char::is_control)).then(|| Self { name: text.to_owned(), suffix: *suffix })
    }

    /// Whether it is the name of the host itself, not of a group, user or role.
    #[must_use]
    pub fn host(&self) -> bool {
        matches!(self.suffix, WORKSTATION | SERVER)
    }
}

/// The addresses of an NB record that belong to a unique name: `flags 2 (bit 15: group) · address 4`, repeated.
#[must_use]
pub fn addresses(record: &Record<'_>) -> Vec<Ipv4Addr> {
    let Content::Other(data) = record.content else { return Vec::new() };
    if record.rtype != record_type::NB {
        return Vec::new();
    }
    let unique = |entry: &&[u8]| entry.first().is_some_and(|flags| flags & 0x80 == 0);
    let address = |entry: &[u8]| entry.get(2..6).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(Ipv4Addr::from);
    data.chunks_exact(6).filter(unique).filter_map(address).collect()
}

/// The unique names of a node status answer (RFC 1002 §4.2.18): `count 1 · (name 16 · flags 2)… · statistics`.
#[must_use]
pub fn node_names(record: &Record<'_>) -> Vec<NetbiosName> {
    let Content::Other([count, entries @ ..]) = record.content else { return Vec::new() };
    if record.rtype != record_type::SRV {
        return Vec::new();
    }
    let unique = |entry: &&[u8]| entry.get(16).is_some_and(|flags| flags & 0x80 == 0);
    let name = |entry: &[u8]| entry.get(..16).and_then(NetbiosName::of_bytes);
    entries.chunks_exact(18).take(usize::from(*count)).filter(unique).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1001_is_decoded() {
        let name = NetbiosName::decode("EGFCEFEECACACACACACACACACACACACA.NETBIOS.COM").unwrap();
        assert_eq!(name, NetbiosName { name: "FRED".into(), suffix: b' ' });
        assert!(name.host());
    }

    #[test]
    fn other_text_is_no_netbios_name() {
        for text in ["", "EGFC", "ZZFCEFEECACACACACACACACACACACACA", "CACACACACACACACACACACACACACACACA"] {
            assert_eq!(NetbiosName::decode(text), None, "{text}");
        }
    }

    fn record(rtype: u16, data: &[u8]) -> Record<'_> {
        Record { name: String::new(), rtype, class: 1, ttl_secs: 0, content: Content::Other(data) }
    }

    #[test]
    fn group_addresses_are_left_out() {
        let data = [0x60, 0, 10, 0, 0, 5, 0xe0, 0, 10, 0, 0, 6, 1, 2];
        assert_eq!(addresses(&record(32, &data)), [Ipv4Addr::new(10, 0, 0, 5)]);
    }

    #[test]
    fn a_node_status_lists_unique_names_whatever_its_count_says() {
        let data = [&[9][..], b"WS1            \x00", &[4, 0], b"LAB            \x00", &[0x84, 0], &[0; 10]].concat();
        assert_eq!(node_names(&record(33, &data)), [NetbiosName { name: "WS1".into(), suffix: 0 }]);
    }
}
