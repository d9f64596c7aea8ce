//! RADIUS packets (RFC 2865 §3, RFC 2866 §3): code, identifier, length, authenticator, and the attributes as they stand.
//!
//! Deliberately not done: authenticators are not verified (that takes the shared secret, which belongs to the listener),
//! and hidden passwords are not uncovered. The values of password attributes are not handed out at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Bytes before the attributes.
const HEADER_BYTES: usize = 20;
/// The largest packet (RFC 2865 §3).
pub const MAX_PACKET_BYTES: usize = 4096;

/// Attribute numbers (RFC 2865 §5, RFC 2866 §5, RFC 2868 §3, RFC 2869 §5, RFC 3162 §2).
pub mod attribute {
    /// User-Name.
    pub const USER_NAME: u8 = 1;
    /// User-Password: hidden, never handed out.
    pub const USER_PASSWORD: u8 = 2;
    /// CHAP-Password: never handed out.
    pub const CHAP_PASSWORD: u8 = 3;
    /// NAS-IP-Address.
    pub const NAS_IP_ADDRESS: u8 = 4;
    /// Framed-IP-Address: the inside address that was assigned.
    pub const FRAMED_IP_ADDRESS: u8 = 8;
    /// Called-Station-Id.
    pub const CALLED_STATION_ID: u8 = 30;
    /// Calling-Station-Id: the outside address for most VPN servers.
    pub const CALLING_STATION_ID: u8 = 31;
    /// NAS-Identifier.
    pub const NAS_IDENTIFIER: u8 = 32;
    /// Acct-Status-Type.
    pub const ACCT_STATUS_TYPE: u8 = 40;
    /// Acct-Delay-Time in seconds.
    pub const ACCT_DELAY_TIME: u8 = 41;
    /// Acct-Session-Id.
    pub const ACCT_SESSION_ID: u8 = 44;
    /// Event-Timestamp in Unix seconds.
    pub const EVENT_TIMESTAMP: u8 = 55;
    /// NAS-Port-Type: 5 is virtual, as VPN servers send it.
    pub const NAS_PORT_TYPE: u8 = 61;
    /// Tunnel-Client-Endpoint: the outside address as text.
    pub const TUNNEL_CLIENT_ENDPOINT: u8 = 66;
    /// Tunnel-Password: never handed out.
    pub const TUNNEL_PASSWORD: u8 = 69;
    /// NAS-IPv6-Address.
    pub const NAS_IPV6_ADDRESS: u8 = 95;
}

/// What a packet is (RFC 2865 §3, RFC 2866 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 1.
    AccessRequest,
    /// 2.
    AccessAccept,
    /// 3.
    AccessReject,
    /// 4.
    AccountingRequest,
    /// 5.
    AccountingResponse,
    /// 11.
    AccessChallenge,
    /// Any other.
    Other(u8),
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub code: Code,
    /// Joins an answer to its request.
    pub identifier: u8,
    /// The request or response authenticator.
    pub authenticator: [u8; 16],
    /// Numbers and values in order, those of passwords left out.
    pub attributes: Vec<(u8, &'a [u8])>,
}

/// Reads a datagram; bytes behind the stated length are padding (RFC 2865 §3).
///
/// # Errors
/// [`Error::Incomplete`] where it is shorter than it says, [`Error::Malformed`] where a length makes no sense.
pub fn decode(datagram: &[u8]) -> Result<Packet<'_>> {
    let what = "RADIUS packet";
    let [code, identifier, high, low, ..] = datagram else {
        return Err(Error::Incomplete {
            what,
            offset: datagram.len(),
            needed: HEADER_BYTES.saturating_sub(datagram.len()),
        });
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !(HEADER_BYTES..=MAX_PACKET_BYTES).contains(&length) {
        return Err(Error::Malformed { what, offset: 2 });
    }
    let body = datagram.get(HEADER_BYTES..length).ok_or(Error::Incomplete {
        what,
        offset: datagram.len(),
        needed: length.saturating_sub(datagram.len()),
    })?;
    let mut authenticator = [0; 16];
    authenticator.iter_mut().zip(datagram.iter().skip(4)).for_each(|(to, from)| *to = *from);
    Ok(Packet { code: Code::from_number(*code), identifier: *identifier, authenticator, attributes: attributes(body)? })
}

fn attributes(mut body: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    let whole = body.len();
    let mut attributes = Vec::new();
    while let [number, length, rest @ ..] = body {
        let offset = HEADER_BYTES.saturating_add(whole).saturating_sub(body.len());
        let malformed = Error::Malformed { what: "RADIUS attribute", offset };
        let size = usize::from(*length).checked_sub(2).ok_or(malformed)?;
        let (value, rest) = rest.split_at_checked(size).ok_or(malformed)?;
        if !matches!(*number, attribute::USER_PASSWORD | attribute::CHAP_PASSWORD | attribute::TUNNEL_PASSWORD) {
            attributes.push((*number, value));
        }
        body = rest;
    }
    if body.is_empty() {
        Ok(attributes)
    } else {
        Err(Error::Malformed { what: "RADIUS attribute", offset: HEADER_BYTES })
    }
}

impl Code {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::AccessRequest,
            2 => Self::AccessAccept,
            3 => Self::AccessReject,
            4 => Self::AccountingRequest,
            5 => Self::AccountingResponse,
            11 => Self::AccessChallenge,
            other => Self::Other(other),
        }
    }
}

impl<'a> Packet<'a> {
    /// The first value of an attribute.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<&'a [u8]> {
        self.attributes.iter().find(|(known, _)| *known == number).map(|(_, value)| *value)
    }

    /// A text attribute (RFC 2865 §5); the tag of tunnel attributes (RFC 2868 §3.1) is cut.
    #[must_use]
    pub fn text(&self, number: u8) -> Option<&'a str> {
        let value = self.get(number)?;
        let value = match value {
            [tag, rest @ ..] if number == attribute::TUNNEL_CLIENT_ENDPOINT && *tag <= 0x1f => rest,
            whole => whole,
        };
        std::str::from_utf8(value).ok().map(|text| text.trim_end_matches('\0'))
    }

    /// A 32-bit attribute.
    #[must_use]
    pub fn number(&self, number: u8) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(number)?.try_into().ok()?))
    }

    /// An address attribute of 4 or 16 bytes, or an address as text.
    #[must_use]
    pub fn address(&self, number: u8) -> Option<IpAddr> {
        let value = self.get(number)?;
        if let Ok(octets) = <[u8; 4]>::try_from(value) {
            return Some(Ipv4Addr::from(octets).into());
        }
        if let Ok(octets) = <[u8; 16]>::try_from(value)
            && number == attribute::NAS_IPV6_ADDRESS
        {
            return Some(Ipv6Addr::from(octets).into());
        }
        self.text(number)?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Accounting-Request: User-Name "ann", User-Password, Acct-Status-Type 1, Framed-IP-Address 10.9.8.7,
    /// Tunnel-Client-Endpoint with tag 1 and "203.0.113.7".
    fn sample() -> Vec<u8> {
        let mut packet = vec![4, 7, 0, 0];
        packet.extend([9; 16]);
        packet.extend(b"\x01\x05ann\x02\x04xx\x28\x06\x00\x00\x00\x01\x08\x06\x0a\x09\x08\x07\x42\x0e\x01203.0.113.7");
        packet[3] = u8::try_from(packet.len()).unwrap();
        packet
    }

    #[test]
    fn an_accounting_request_is_read() {
        let bytes = sample();
        let packet = decode(&bytes).unwrap();
        assert_eq!((packet.code, packet.identifier, packet.authenticator), (Code::AccountingRequest, 7, [9; 16]));
        assert_eq!(packet.text(attribute::USER_NAME), Some("ann"));
        assert_eq!(packet.get(attribute::USER_PASSWORD), None);
        assert_eq!(packet.number(attribute::ACCT_STATUS_TYPE), Some(1));
        assert_eq!(packet.address(attribute::FRAMED_IP_ADDRESS), Some("10.9.8.7".parse().unwrap()));
        assert_eq!(packet.address(attribute::TUNNEL_CLIENT_ENDPOINT), Some("203.0.113.7".parse().unwrap()));
    }

    #[test]
    fn padding_is_passed_over_and_every_truncation_is_an_error() {
        let mut bytes = sample();
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
        bytes.extend([0; 5]);
        assert!(decode(&bytes).is_ok());
    }

    #[test]
    fn impossible_lengths_are_malformed() {
        let mut bytes = sample();
        bytes[21] = 1;
        assert!(matches!(decode(&bytes), Err(Error::Malformed { .. })));
        bytes[21] = 255;
        assert!(matches!(decode(&bytes), Err(Error::Malformed { .. })));
        bytes[2] = 0xff;
        assert!(matches!(decode(&bytes), Err(Error::Malformed { offset: 2, .. })));
    }
}
