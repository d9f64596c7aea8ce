//! The password-change protocol of port 464 (RFC 3244 §2): a header, an AP-REQ or its answer, and a sealed KRB-PRIV.

use super::Message;
use crate::error::{Error, Result};

/// ```text
/// message length (2) | protocol version (2) | AP length (2) | AP-REQ, AP-REP or nothing | KRB-PRIV or KRB-ERROR
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kpasswd<'a> {
    /// 0xff80 for a request that may name another principal (RFC 3244), 1 for the older one and for answers.
    pub version: u16,
    /// The AP-REQ of a request, the AP-REP of an answer; none where the answer is an error.
    pub ap: Option<Message<'a>>,
    /// The KRB-PRIV, or the KRB-ERROR of a refusal.
    pub body: Message<'a>,
}

impl<'a> Kpasswd<'a> {
    /// Reads one message; on TCP, without the record's length in front.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the header does not fit the message; else as [`Message::decode`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let what = "kpasswd message";
        let malformed = Error::Malformed { what, offset: 0 };
        let (header, rest) = bytes.split_first_chunk::<6>().ok_or(malformed)?;
        let [l1, l2, v1, v2, a1, a2] = *header;
        if usize::from(u16::from_be_bytes([l1, l2])) != bytes.len() {
            return Err(malformed);
        }
        let ap_len = usize::from(u16::from_be_bytes([a1, a2]));
        let (ap, body) = rest.split_at_checked(ap_len).ok_or(malformed)?;
        let ap = if ap.is_empty() { None } else { Some(Message::decode(ap)?) };
        Ok(Self { version: u16::from_be_bytes([v1, v2]), ap, body: Message::decode(body)? })
    }
}
