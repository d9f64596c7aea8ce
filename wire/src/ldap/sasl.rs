//! Frames of a SASL security layer (RFC 4422 §3.7): four octets of length, then a token that signs or seals LDAP messages
//! (RFC 4752 for Kerberos; `[MS-NLMP] 2.2.2.9` for NTLM's signature).

use super::message_begins;
use crate::error::{Error, Result};

/// The longest frame, in octets: RFC 4752 §3.3 limits it to what 24 bits count.
const MAX_FRAME: usize = 0xff_ffff;

/// What stands next in a stream that may have a security layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer<'a> {
    /// An LDAP message without a layer.
    Plain,
    /// A frame: its token, and the size with its length in front.
    Frame(&'a [u8], usize),
}

/// Tells a frame from a plain message: a message begins with 0x30, a frame with the zero octet of its length.
///
/// # Errors
/// [`Error::Incomplete`] where more must come, [`Error::Malformed`] where it is neither.
pub fn layer(stream: &[u8]) -> Result<Layer<'_>> {
    let what = "SASL frame";
    match stream {
        [0x30, ..] => Ok(Layer::Plain),
        [0, a, b, c, rest @ ..] => {
            let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(MAX_FRAME);
            match rest.get(..length) {
                Some([]) => Err(Error::Malformed { what, offset: 0 }),
                Some(token) => Ok(Layer::Frame(token, length.saturating_add(4))),
                None => Err(Error::Incomplete { what, offset: 4, needed: length.saturating_sub(rest.len()) }),
            }
        }
        [] | [0, ..] => Err(Error::Incomplete { what, offset: 0, needed: 4_usize.saturating_sub(stream.len()) }),
        _ => Err(Error::Malformed { what, offset: 0 }),
    }
}

/// The clear data behind NTLM's signature of 16 octets (version 1, checksum, sequence number) or before DIGEST-MD5's;
/// `None` where it is sealed. NTLM does not say which; a message of LDAP at its begin does.
#[must_use]
pub fn ntlm_clear(token: &[u8]) -> Option<&[u8]> {
    let data = match token.split_first_chunk::<16>() {
        Some(([1, 0, 0, 0, ..], data)) => data,
        _ => token,
    };
    message_begins(data).then_some(data)
}
