//! Kerberos inside GSS-API: initial tokens (RFC 2743 §3.1, RFC 4121 §4.1) and per-message tokens of signed but unsealed
//! data (RFC 4121 §4.2, RFC 4757 §7.3).

use super::{ApReq, Message};
use crate::ber::{Class, Reader};
use crate::error::{Error, Result};

/// Reads the Kerberos message of a security token: an AP-REQ, AP-REP or KRB-ERROR, bare or with the frame of an OID and
/// a token id in front.
///
/// # Errors
/// [`Error::Malformed`] where the token is not Kerberos; else as [`Message::decode`].
pub fn decode_token(bytes: &[u8]) -> Result<Message<'_>> {
    let what = "GSS-API Kerberos token";
    if bytes.first() != Some(&0x60) {
        return Message::decode(bytes);
    }
    let frame = Reader::new(bytes).element()?;
    let mut inner = frame.children(what)?;
    let mechanism = inner.element()?.oid(what)?;
    match inner.rest().split_first_chunk::<2>() {
        Some(([1..=3, 0], message)) if mechanism.kerberos() => Message::decode(message),
        _ => Err(Error::Malformed { what, offset: inner.offset() }),
    }
}

/// Reads the AP-REQ of a security token.
///
/// # Errors
/// As [`decode_token`], and where the message is another one.
pub fn decode_ap_req(bytes: &[u8]) -> Result<ApReq<'_>> {
    match decode_token(bytes)? {
        Message::ApReq(request) => Ok(request),
        _ => Err(Error::Malformed { what: "AP-REQ", offset: 0 }),
    }
}

/// What a per-message token holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrapToken {
    /// Signed only: the data in the clear.
    Clear(Vec<u8>),
    /// Sealed.
    Sealed,
}

/// Looks into a Wrap token of Kerberos: the data where it is only signed.
///
/// # Errors
/// [`Error::Malformed`] where the bytes are no Wrap token.
pub fn unwrap_clear(bytes: &[u8]) -> Result<WrapToken> {
    match bytes {
        [5, 4, rest @ ..] => unwrap_rfc4121(rest),
        [0x60, ..] => unwrap_rfc4757(bytes),
        _ => Err(Error::Malformed { what: "Wrap token", offset: 0 }),
    }
}

/// ```text
/// TOK_ID 05 04 | flags | ff | EC (2) | RRC (2) | SND_SEQ (8) | data
/// ```
/// Unsealed data is the plain text and a checksum of EC octets, the whole rotated right by RRC octets.
fn unwrap_rfc4121(after_id: &[u8]) -> Result<WrapToken> {
    let malformed = Error::Malformed { what: "Wrap token", offset: 2 };
    let (header, data) = after_id.split_first_chunk::<14>().ok_or(malformed)?;
    let [flags, 0xff, ec_high, ec_low, rrc_high, rrc_low, ..] = *header else { return Err(malformed) };
    if flags & 2 != 0 {
        return Ok(WrapToken::Sealed);
    }
    let checksum = usize::from(u16::from_be_bytes([ec_high, ec_low]));
    let rotation = usize::from(u16::from_be_bytes([rrc_high, rrc_low]));
    let plain_len = data.len().checked_sub(checksum).ok_or(malformed)?;
    let (front, back) = data.split_at_checked(rotation.checked_rem(data.len()).unwrap_or(0)).ok_or(malformed)?;
    Ok(WrapToken::Clear(back.iter().chain(front).copied().take(plain_len).collect()))
}

/// ```text
/// 60 length OID | TOK_ID 02 01 | SGN_ALG (2) | SEAL_ALG (2) | ff ff | SND_SEQ (8) | SGN_CKSUM (8) | confounder (8) | data | pad
/// ```
/// The length covers the header alone in some implementations, so that everything after the OID is taken.
fn unwrap_rfc4757(bytes: &[u8]) -> Result<WrapToken> {
    let what = "RC4 Wrap token";
    let malformed = Error::Malformed { what, offset: 0 };
    let oid_at = bytes.windows(2).take(8).position(|pair| pair == [6, 9]).ok_or(malformed)?;
    let mut reader = Reader::new(bytes.get(oid_at..).ok_or(malformed)?);
    let oid = reader.element()?;
    if oid.class != Class::Universal || !oid.oid(what)?.kerberos() {
        return Err(malformed);
    }
    match reader.rest() {
        [2, 1, _, _, 0xff, 0xff, rest @ ..] => {
            rest.get(26..).map(|data| WrapToken::Clear(data.to_vec())).ok_or(malformed)
        }
        [2, 1, ..] => Ok(WrapToken::Sealed),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_token_is_rotated_back() {
        // flags 05: acceptor subkey, sent by acceptor, not sealed; EC 4; RRC 4; checksum first by rotation
        let mut token = vec![5, 4, 5, 0xff, 0, 4, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1];
        token.extend_from_slice(b"SUM!plain");
        assert_eq!(unwrap_clear(&token), Ok(WrapToken::Clear(b"plain".to_vec())));
        token[2] = 7;
        assert_eq!(unwrap_clear(&token), Ok(WrapToken::Sealed));
    }

    #[test]
    fn a_short_wrap_token_is_malformed() {
        let token = [5, 4, 5, 0xff, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        for end in 0..=token.len() {
            assert!(unwrap_clear(&token[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_token_of_another_mechanism_is_refused() {
        // 60 06: OID 1.3.6.1 in place of Kerberos
        assert!(decode_token(&[0x60, 7, 6, 3, 0x2b, 6, 1, 1, 0]).is_err());
    }
}
