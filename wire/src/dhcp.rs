//! DHCPv4 messages (RFC 2131 §2, RFC 2132): who got which address under which name. DHCPv6 is not read.

use std::net::Ipv4Addr;

use crate::error::{Error, Result};

/// Message types (RFC 2132 §9.6).
pub mod message_type {
    /// The client asks for an address, or to keep it.
    pub const REQUEST: u8 = 3;
    /// The server grants it.
    pub const ACK: u8 = 5;
    /// The client gives it back.
    pub const RELEASE: u8 = 7;
    /// The client has an address and asks for the rest.
    pub const INFORM: u8 = 8;
}

/// A message.
///
/// ```text
/// op 1 · htype 1 · hlen 1 · hops 1 · xid 4 · secs 2 · flags 2 · ciaddr 4 · yiaddr 4 · siaddr 4 · giaddr 4 · chaddr 16
/// · sname 64 · file 128 · cookie 4 · options
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpMessage {
    /// The number that request and answer share.
    pub xid: u32,
    /// The type, option 53; 0 for plain BOOTP.
    pub message_type: u8,
    /// The address that the client has.
    pub ciaddr: Ipv4Addr,
    /// The address that the client is given.
    pub yiaddr: Ipv4Addr,
    /// The client's hardware address, as far as six bytes go.
    pub chaddr: [u8; 6],
    /// The client's name: option 81 (RFC 4702) where it has one, else option 12.
    pub name: Option<String>,
    /// The lease time, option 51.
    pub lease_secs: Option<u32>,
}

/// Decodes a message.
///
/// # Errors
/// Where it is shorter than its fixed part or lacks the cookie. Options that break off end the options.
pub fn decode(bytes: &[u8]) -> Result<DhcpMessage> {
    let what = "DHCP message";
    let Some((fixed, options)) = bytes.split_first_chunk::<240>() else {
        return Err(Error::Incomplete { what, offset: bytes.len(), needed: 240usize.saturating_sub(bytes.len()) });
    };
    if fixed[236..] != [0x63, 0x82, 0x53, 0x63] {
        return Err(Error::Malformed { what: "DHCP cookie", offset: 236 });
    }
    let mut chaddr = [0; 6];
    chaddr.copy_from_slice(&fixed[28..34]);
    let mut message = DhcpMessage {
        xid: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        message_type: 0,
        ciaddr: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]),
        yiaddr: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]),
        chaddr,
        name: None,
        lease_secs: None,
    };
    let mut fqdn = None;
    for (code, value) in (Options { rest: options }) {
        match code {
            12 => message.name = text(value),
            51 => message.lease_secs = <[u8; 4]>::try_from(value).ok().map(u32::from_be_bytes),
            53 => message.message_type = value.first().copied().unwrap_or(0),
            81 => fqdn = client_fqdn(value),
            _ => {}
        }
    }
    message.name = fqdn.or(message.name);
    Ok(message)
}

/// RFC 4702 §2: `flags 1 (bit 2: wire form) · rcode 1 · rcode 1 · name`
fn client_fqdn(value: &[u8]) -> Option<String> {
    let (header, name) = value.split_first_chunk::<3>()?;
    if header[0] & 0x04 == 0 {
        return text(name);
    }
    // A partial name may lack its final zero.
    let terminated = [name, &[0]].concat();
    crate::dns::read_name(&terminated, 0).ok().map(|(name, _)| name).filter(|name| !name.is_empty())
}

/// A name as text, without final dot or zero; `None` for what is no host name.
fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_end_matches(['\0', '.']);
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    plain.then(|| text.to_owned())
}

/// Options: 0 padding, 255 end, else code 1 · length 1 · value.
struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rest {
                [0, rest @ ..] => self.rest = rest,
                [255, ..] | [] | [_] => return None,
                [code, length, rest @ ..] => {
                    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                    self.rest = rest;
                    return Some((*code, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 236];
        bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
        bytes[16..20].copy_from_slice(&[10, 0, 0, 9]);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        bytes.extend([0x63, 0x82, 0x53, 0x63]);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn an_ack_gives_address_name_and_lease() {
        let bytes = message(b"\x35\x01\x05\0\x33\x04\0\0\x0e\x10\x0c\x03ws1\xff");
        let ack = decode(&bytes).unwrap();
        assert_eq!((ack.xid, ack.message_type, ack.yiaddr), (0x0102_0304, 5, Ipv4Addr::new(10, 0, 0, 9)));
        assert_eq!((ack.name.as_deref(), ack.lease_secs), (Some("ws1"), Some(3600)));
    }

    #[test]
    fn the_full_name_goes_before_the_short_one() {
        let wire = decode(&message(b"\x51\x13\x04\0\0\x03ws1\x03lab\x07example\x0c\x03ws1")).unwrap();
        assert_eq!(wire.name.as_deref(), Some("ws1.lab.example"));
        let ascii = decode(&message(b"\x0c\x03ws1\x51\x12\0\0\0ws1.lab.example")).unwrap();
        assert_eq!(ascii.name.as_deref(), Some("ws1.lab.example"));
    }

    #[test]
    fn a_message_cut_anywhere_is_an_error_or_has_fewer_options() {
        let bytes = message(b"\x35\x01\x05\x33\x04\0\0\x0e\x10\x0c\x03ws1");
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]).is_ok(), length >= 240, "cut to {length}");
        }
    }

    #[test]
    fn a_name_that_is_no_name_is_none() {
        assert_eq!(decode(&message(b"\x0c\x03a\x07b")).unwrap().name, None);
        assert_eq!(decode(&message(b"\x51\x04\x04\0\0\xc0")).unwrap().name, None);
    }
}
