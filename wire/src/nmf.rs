//! The framing of .NET messages (`[MC-NMF] 2.2.3`) and of their security negotiation (`[MS-NNS] 2.2`), in which Active
//! Directory Web Services (port 9389) speak: preamble records, then handshake messages with security tokens, then data
//! whose content is sealed. The SOAP messages themselves are not read.

use crate::error::Result;
use crate::reader::Reader;

/// The longest address of a preamble.
const MAX_VIA: usize = 2048;

/// A record before the data begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A record of the preamble that tells nothing of use: version, mode, encoding, end, acknowledgement.
    Preamble,
    /// `ViaRecord`: the address that the client asks for, `net.tcp://dc1.lab.example:9389/ActiveDirectoryWebServices/…`.
    Via(&'a [u8]),
    /// `UpgradeRequestRecord` or `UpgradeResponseRecord`: handshake messages follow.
    Upgrade,
    /// `FaultRecord`.
    Fault,
    /// A handshake message of `[MS-NNS] 2.2.1` with its token.
    Handshake(Handshake, &'a [u8]),
}

/// What a handshake message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// `HandshakeInProgress`: another leg follows.
    InProgress,
    /// `HandshakeDone`.
    Done,
    /// `HandshakeError`.
    Error,
}

/// Reads one record; returns it with the bytes that it takes.
///
/// # Errors
/// [`crate::Error::Incomplete`] where more must come, else where it is no record.
pub fn record(bytes: &[u8]) -> Result<(Record<'_>, usize)> {
    let mut at = Reader::new(bytes, "NMF record");
    let record = match at.u8()? {
        // VersionRecord: major 1, minor 1. ModeRecord and KnownEncodingRecord: 1.
        0x00 => {
            at.skip(2)?;
            Record::Preamble
        }
        0x01 | 0x03 => {
            at.skip(1)?;
            Record::Preamble
        }
        0x02 => Record::Via(text(&mut at)?),
        // ExtensibleEncodingRecord, FaultRecord, UpgradeRequestRecord: a text.
        0x04 => {
            text(&mut at)?;
            Record::Preamble
        }
        0x08 => {
            text(&mut at)?;
            Record::Fault
        }
        0x09 => {
            text(&mut at)?;
            Record::Upgrade
        }
        0x0a => Record::Upgrade,
        // EndRecord, PreambleAckRecord, PreambleEndRecord.
        0x07 | 0x0b | 0x0c => Record::Preamble,
        kind @ 0x14..=0x16 => {
            // major 1 · minor 1 · length 2, all in network order.
            if at.u16_be()? >> 8 != 1 {
                return Err(at.malformed());
            }
            let length = at.u16_be()?;
            let kind = match kind {
                0x14 => Handshake::Done,
                0x15 => Handshake::Error,
                _ => Handshake::InProgress,
            };
            Record::Handshake(kind, at.take(length.into())?)
        }
        _ => return Err(at.malformed()),
    };
    Ok((record, at.offset()))
}

/// A length of 7 bits a byte (`[MC-NMF] 2.2.2.1`), then that many bytes.
fn text<'a>(at: &mut Reader<'a>) -> Result<&'a [u8]> {
    let mut length = 0_usize;
    for shift in [0_u32, 7, 14] {
        let byte = at.u8()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            if length > MAX_VIA {
                return Err(at.bound(MAX_VIA));
            }
            return at.take(length);
        }
    }
    Err(at.malformed())
}

/// The host of a `net.tcp` address.
#[must_use]
pub fn host(via: &[u8]) -> Option<&str> {
    let address = std::str::from_utf8(via).ok()?.strip_prefix("net.tcp://")?;
    let end = address.find([':', '/']).unwrap_or(address.len());
    address.get(..end).filter(|host| !host.is_empty())
}

/// All decoders of this module, for the fuzzer.
pub fn decode_everything(bytes: &[u8]) {
    if let Ok((Record::Via(via), _)) = record(bytes) {
        let _ = host(via);
    }
}

/// Whether bytes begin like a connection's preamble: version 1.0, then a mode.
#[must_use]
pub fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [0x00, 1, 0, 1, 1..=4, 2, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_preamble_is_read_record_by_record() {
        let mut bytes = vec![0, 1, 0, 1, 2, 2, 20];
        bytes.extend(b"net.tcp://dc1:9389/x");
        bytes.extend([3, 8, 9, 3, b'a', b'/', b'n', 0x16, 1, 0, 0, 2, 0x60, 0x28]);
        assert!(begins(&bytes));
        let (mut at, mut seen) = (0, Vec::new());
        while at < bytes.len() {
            let (record, size) = record(&bytes[at..]).unwrap();
            seen.push(record);
            at += size;
        }
        let Record::Via(via) = seen[2] else { panic!("{seen:?}") };
        assert_eq!(host(via), Some("dc1"));
        assert_eq!(seen[4], Record::Upgrade);
        assert_eq!(seen[5], Record::Handshake(Handshake::InProgress, &[0x60, 0x28]));
        for length in 0..7 {
            assert!(matches!(record(&bytes[at - 7..at - 7 + length]), Err(Error::Incomplete { .. })));
        }
    }

    #[test]
    fn lengths_without_end_are_refused() {
        assert!(matches!(record(&[2, 0xff, 0xff, 0xff, 1]), Err(Error::Malformed { .. })));
        assert!(matches!(record(&[2, 0xff, 0x7f]), Err(Error::Bound { .. })));
        assert!(record(&[0x55]).is_err());
    }
}
