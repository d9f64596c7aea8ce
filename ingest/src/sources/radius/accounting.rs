//! RADIUS accounting as packets (RFC 2866): the request's authenticator is checked against the shared secret, the answer is made,
//! and the attributes become those of a logged packet. RADIUS authentication is not served.

use std::net::IpAddr;

use hopwatch_model::{Record, Timestamp};
use hopwatch_wire::radius::{self as wire, attribute};
use md5::{Digest, Md5};

use super::{Packet, emit};
use crate::sources::Context;

/// Accounting-Request and Accounting-Response (RFC 2866 §4).
const REQUEST: u8 = 4;
const RESPONSE: u8 = 5;
/// Code, identifier, length, authenticator.
const HEADER_BYTES: usize = 20;
/// Proxy-State (RFC 2865 §5.33): goes back as it came, in its order.
const PROXY_STATE: u8 = 33;

/// Why a datagram is no request that is answered. RFC 2866 §3 has such packets silently discarded: they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read.
    Malformed,
    /// It is readable and no Accounting-Request.
    OtherCode,
    /// The authenticator was made with another secret.
    WrongSecret,
}

impl Refusal {
    /// The reason for the counters.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "RADIUS packet malformed",
            Self::OtherCode => "RADIUS packet is no accounting request",
            Self::WrongSecret => "RADIUS authenticator does not match the shared secret",
        }
    }
}

/// Checks a request (RFC 2866 §3: MD5 over code, identifier, length, 16 zero octets, attributes and secret) and gives the
/// Accounting-Response.
///
/// # Errors
/// Why it is discarded.
pub fn answer(datagram: &[u8], secret: &[u8]) -> Result<Vec<u8>, Refusal> {
    let packet = wire::decode(datagram).map_err(|_| Refusal::Malformed)?;
    if packet.code != wire::Code::AccountingRequest {
        return Err(Refusal::OtherCode);
    }
    let [_, identifier, high, low, ..] = datagram else { return Err(Refusal::Malformed) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let attributes = datagram.get(HEADER_BYTES..length).ok_or(Refusal::Malformed)?;
    let sum = digest(&[&[REQUEST, *identifier, *high, *low], &[0; 16], attributes, secret]);
    if !same(&sum, &packet.authenticator) {
        return Err(Refusal::WrongSecret);
    }
    let mut states = Vec::new();
    for (number, value) in packet.attributes.iter().filter(|(number, _)| *number == PROXY_STATE) {
        states.push(*number);
        states.push(u8::try_from(value.len() + 2).map_err(|_| Refusal::Malformed)?);
        states.extend_from_slice(value);
    }
    let size = u16::try_from(HEADER_BYTES + states.len()).map_err(|_| Refusal::Malformed)?.to_be_bytes();
    let head = [RESPONSE, *identifier, size[0], size[1]];
    let sum = digest(&[&head, &packet.authenticator, &states, secret]);
    Ok([&head[..], &sum, &states].concat())
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Compares without telling by the time where the first difference is.
fn same(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// Makes the event of a request that was found genuine.
pub(in crate::sources) fn read(datagram: &[u8], place: Record, context: &mut Context<'_>) {
    let Ok(packet) = wire::decode(datagram) else { return context.counters.drop("RADIUS packet malformed") };
    emit(&attributes(&packet, context.now), place, datagram, context);
}

/// The texts of attributes by their numbers.
const TEXTS: &[(u8, &str)] = &[
    (attribute::USER_NAME, "User-Name"),
    (attribute::CALLED_STATION_ID, "Called-Station-Id"),
    (attribute::CALLING_STATION_ID, "Calling-Station-Id"),
    (attribute::NAS_IDENTIFIER, "NAS-Identifier"),
    (attribute::ACCT_SESSION_ID, "Acct-Session-Id"),
    (attribute::TUNNEL_CLIENT_ENDPOINT, "Tunnel-Client-Endpoint"),
];
/// The addresses.
const ADDRESSES: &[(u8, &str)] = &[
    (attribute::NAS_IP_ADDRESS, "NAS-IP-Address"),
    (attribute::NAS_IPV6_ADDRESS, "NAS-IP-Address"),
    (attribute::FRAMED_IP_ADDRESS, "Framed-IP-Address"),
];

/// A packet of the wire in the form of a logged one. `now` is when it came; the sender's own clock and delay count where it
/// names them.
pub(crate) fn attributes(wire: &wire::Packet<'_>, now: Timestamp) -> Packet {
    let stamp = wire.number(attribute::EVENT_TIMESTAMP).filter(|secs| *secs > 0);
    let delay = wire.number(attribute::ACCT_DELAY_TIME).filter(|secs| *secs < 86_400).unwrap_or(0);
    let sent = now.shifted(-i64::from(delay) * 1_000_000);
    let mut packet =
        Packet { time: Some(stamp.map_or(sent, |secs| Timestamp::from_secs(i64::from(secs)))), ..Packet::default() };
    let code = match wire.code {
        wire::Code::AccessRequest => "1",
        wire::Code::AccessAccept => "2",
        wire::Code::AccessReject => "3",
        wire::Code::AccountingRequest => "4",
        wire::Code::AccountingResponse | wire::Code::AccessChallenge | wire::Code::Other(_) => "0",
    };
    packet.push("Packet-Type", code);
    for (number, name) in TEXTS {
        if let Some(text) = wire.text(*number) {
            packet.push(name, text);
        }
    }
    for (number, name) in ADDRESSES {
        let unset = |address: &IpAddr| address.is_unspecified();
        if let Some(address) = wire.address(*number).filter(|address| !unset(address)) {
            packet.push(name, &address.to_string());
        }
    }
    if let Some(status) = wire.number(attribute::ACCT_STATUS_TYPE) {
        packet.push("Acct-Status-Type", &status.to_string());
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Accounting-Request of ann with Proxy-State "p1", signed with `secret`.
    fn request(secret: &[u8]) -> Vec<u8> {
        let attributes = b"\x01\x05ann\x28\x06\0\0\0\x01\x1f\x0d203.0.113.7\x21\x04p1";
        let size = u16::try_from(20 + attributes.len()).unwrap().to_be_bytes();
        let head = [4, 9, size[0], size[1]];
        let sum = digest(&[&head, &[0; 16], attributes, secret]);
        [&head[..], &sum, attributes].concat()
    }

    #[test]
    fn a_genuine_request_is_answered_with_its_proxy_state() {
        let request = request(b"s3cret");
        let answer = answer(&request, b"s3cret").unwrap();
        assert_eq!((&answer[..4], &answer[20..]), (&[5, 9, 0, 24][..], &b"\x21\x04p1"[..]));
        let sum = digest(&[&answer[..4], &request[4..20], &answer[20..], b"s3cret"]);
        assert_eq!(answer[4..20], sum);
    }

    /// RFC 2866 §7.1's example packet cannot be used, since its secret is not printed; a known MD5 pins the construction.
    #[test]
    fn the_authenticator_is_md5_over_packet_and_secret() {
        assert_eq!(digest(&[b"a", b"bc"]), *b"\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72");
    }

    #[test]
    fn a_wrong_secret_another_code_and_every_truncation_are_refused() {
        let mut packet = request(b"s3cret");
        assert_eq!(answer(&packet, b"other"), Err(Refusal::WrongSecret));
        for end in 0..packet.len() {
            assert!(answer(&packet[..end], b"s3cret").is_err(), "{end}");
        }
        let last = packet.len() - 1;
        packet[last] ^= 1;
        assert_eq!(answer(&packet, b"s3cret"), Err(Refusal::WrongSecret));
        packet[0] = 1;
        assert_eq!(answer(&packet, b"s3cret"), Err(Refusal::OtherCode));
    }
}
