//! Kerberos V5 messages: RFC 4120, with the extensions of RFC 6113 (FAST), RFC 4556 (PKINIT), `[MS-KILE]` and `[MS-SFU]`.
//!
//! What is read is what travels in the clear. Encrypted parts are kept as borrowed cipher text for a digest and never
//! opened; PKINIT's CMS and FAST's inner request stay closed. Fields that the RFC demands but implementations omit are
//! optional here, unknown fields are stepped over.

mod gss;
mod kpasswd;
mod messages;
mod padata;
mod types;

pub use gss::{WrapToken, decode_ap_req, decode_token, unwrap_clear};
pub use kpasswd::Kpasswd;
pub use messages::{ApReq, KdcRep, KdcReq, KdcReqBody, KrbError};
pub use padata::{FastArmor, PaData, kind};
pub use types::{EncryptedData, Ticket};

use crate::ber::{self, Class, Reader};
use crate::error::{Error, Result};

/// The longest record that is waited for on TCP, in bytes. Windows' largest ticket is 64 KiB (`MaxTokenSize`); a request
/// may carry two and authorization data, and nothing real comes near four times that.
pub const MAX_RECORD: usize = 512 * 1024;

/// The most entries of any list of a message: padata, etypes, addresses, tickets. Real messages stay below 32.
pub(crate) const MAX_LIST: usize = 256;

/// A Kerberos message, by its application tag (RFC 4120 §5.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// AS-REQ, tag 10.
    AsReq(KdcReq<'a>),
    /// AS-REP, tag 11.
    AsRep(KdcRep<'a>),
    /// TGS-REQ, tag 12.
    TgsReq(KdcReq<'a>),
    /// TGS-REP, tag 13.
    TgsRep(KdcRep<'a>),
    /// AP-REQ, tag 14.
    ApReq(ApReq<'a>),
    /// AP-REP, tag 15: sealed but for its etype.
    ApRep(EncryptedData<'a>),
    /// KRB-SAFE, tag 20; not looked into.
    Safe,
    /// KRB-PRIV, tag 21.
    Priv(EncryptedData<'a>),
    /// KRB-CRED, tag 22; not looked into.
    Cred,
    /// KRB-ERROR, tag 30.
    Error(KrbError<'a>),
}

impl<'a> Message<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where bytes are missing at the end, else where it is no Kerberos message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let what = "Kerberos message";
        let element = Reader::new(bytes).element()?;
        if element.class != Class::Application {
            return Err(Error::Malformed { what, offset: 0 });
        }
        let body = element.inner_sequence(what)?;
        Ok(match element.tag {
            10 => Self::AsReq(KdcReq::decode(body)?),
            11 => Self::AsRep(KdcRep::decode(body)?),
            12 => Self::TgsReq(KdcReq::decode(body)?),
            13 => Self::TgsRep(KdcRep::decode(body)?),
            14 => Self::ApReq(ApReq::decode(body)?),
            15 => Self::ApRep(types::sealed_part(body, 2, "AP-REP")?),
            20 => Self::Safe,
            21 => Self::Priv(types::sealed_part(body, 3, "KRB-PRIV")?),
            22 => Self::Cred,
            30 => Self::Error(KrbError::decode(body)?),
            _ => return Err(Error::Malformed { what, offset: 0 }),
        })
    }

    /// The message type, which is also its tag.
    #[must_use]
    pub fn msg_type(&self) -> u8 {
        match self {
            Self::AsReq(_) => 10,
            Self::AsRep(_) => 11,
            Self::TgsReq(_) => 12,
            Self::TgsRep(_) => 13,
            Self::ApReq(_) => 14,
            Self::ApRep(_) => 15,
            Self::Safe => 20,
            Self::Priv(_) => 21,
            Self::Cred => 22,
            Self::Error(_) => 30,
        }
    }
}

/// A record of a TCP stream: the message, and the bytes that it takes with its length in front (RFC 4120 §7.2.2).
///
/// # Errors
/// [`Error::Incomplete`] where more must come, [`Error::Malformed`] where the high bit of the length is set (an
/// extension of RFC 5021 that nobody sends), [`Error::Bound`] beyond [`MAX_RECORD`].
pub fn record(stream: &[u8]) -> Result<(&[u8], usize)> {
    let what = "Kerberos record";
    let Some((length, rest)) = stream.split_first_chunk::<4>() else {
        return Err(Error::Incomplete { what, offset: 0, needed: 4_usize.saturating_sub(stream.len()) });
    };
    if length.first().is_some_and(|octet| octet & 0x80 != 0) {
        return Err(Error::Malformed { what, offset: 0 });
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_RECORD {
        return Err(Error::Bound { what, offset: 0, bound: MAX_RECORD });
    }
    match rest.get(..length) {
        Some(message) => Ok((message, length.saturating_add(4))),
        None => Err(Error::Incomplete { what, offset: 4, needed: length.saturating_sub(rest.len()) }),
    }
}

/// True where a record of Kerberos plausibly begins: a length, an application tag of a message, and an element of just
/// that length. Finds the way back into a stream of which bytes were lost.
#[must_use]
pub fn record_begins(stream: &[u8]) -> bool {
    let Some((length, rest)) = stream.split_first_chunk::<4>() else { return false };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    length <= MAX_RECORD
        && rest.first().is_some_and(|first| matches!(first, 0x6a..=0x6f | 0x74..=0x76 | 0x7e))
        && ber::announced_size(rest) == Some(length)
}

/// Reads bytes as every kind of message there is, and every part of it that is read on demand: for the fuzzer.
pub fn decode_everything(bytes: &[u8]) {
    let _ = (record(bytes), record_begins(bytes), Kpasswd::decode(bytes), unwrap_clear(bytes));
    let Ok(message) = decode_token(bytes) else { return };
    let padata = match &message {
        Message::AsReq(request) | Message::TgsReq(request) => {
            let _ = request.tgs_ap_req();
            request.padata.clone()
        }
        Message::AsRep(reply) | Message::TgsRep(reply) => reply.padata.clone(),
        Message::Error(error) => error.method_data(),
        _ => Vec::new(),
    };
    for data in padata {
        let _ = (data.encrypted_data(), data.etype_info(), data.pac_request(), data.pac_options());
        let _ = (data.for_user(), data.s4u_x509_user(), data.fast_armor());
    }
}

#[cfg(test)]
mod tests;
