//! Security tokens as SMB, LDAP, RPC and HTTP carry them: SPNEGO (RFC 4178, `[MS-SPNG]`), a Kerberos token in its GSS
//! frame (RFC 4121 §4.1), or a bare NTLMSSP message.
//!
//! ```text
//! NegTokenInit ::= SEQUENCE {                NegTokenInit2 ::= SEQUENCE {
//!     mechTypes   [0] MechTypeList,              mechTypes   [0] MechTypeList,
//!     reqFlags    [1] ContextFlags OPTIONAL,     reqFlags    [1] ContextFlags OPTIONAL,
//!     mechToken   [2] OCTET STRING OPTIONAL,     mechToken   [2] OCTET STRING OPTIONAL,
//!     mechListMIC [3] OCTET STRING OPTIONAL }    negHints    [3] NegHints OPTIONAL,
//!                                                mechListMIC [4] OCTET STRING OPTIONAL }
//! NegTokenResp ::= SEQUENCE {
//!     negState      [0] ENUMERATED OPTIONAL,  supportedMech [1] MechType OPTIONAL,
//!     responseToken [2] OCTET STRING OPTIONAL,  mechListMIC [3] OCTET STRING OPTIONAL }
//! ```
//! NEGOEX tokens are named and not read (`[MS-NEGOEX]`): no protocol of interest is negotiated by them alone.

use crate::ber::{Element, Oid, Reader};
use crate::error::{Error, Result};
use crate::ntlm;

/// A mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Kerberos in any of its spellings.
    Kerberos,
    /// NTLMSSP.
    Ntlm,
    /// NEGOEX.
    Negoex,
    /// Another.
    Other,
}

/// negState (RFC 4178 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegState {
    /// 0 accept-completed.
    AcceptCompleted,
    /// 1 accept-incomplete.
    AcceptIncomplete,
    /// 2 reject.
    Reject,
    /// 3 request-mic.
    RequestMic,
}

/// What a token carries inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner<'a> {
    /// Nothing.
    Empty,
    /// An NTLMSSP message.
    Ntlm(&'a [u8]),
    /// A Kerberos message, with its GSS frame where it has one.
    Kerberos(&'a [u8]),
    /// A token of another mechanism.
    Other(&'a [u8]),
}

/// A token taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The mechanisms offered, in order of preference (NegTokenInit), at most [`MAX_MECHANISMS`].
    pub mechanisms: Vec<Mechanism>,
    /// The mechanism that the acceptor chose (NegTokenResp).
    pub chosen: Option<Mechanism>,
    /// The state of the negotiation (NegTokenResp).
    pub state: Option<NegState>,
    /// What it carries.
    pub inner: Inner<'a>,
}

/// The most mechanisms that are listed.
pub const MAX_MECHANISMS: usize = 16;

/// Takes a token apart.
///
/// # Errors
/// Where the token is neither SPNEGO, a GSS frame, an NTLMSSP message nor a Kerberos message.
pub fn decode(bytes: &[u8]) -> Result<Token<'_>> {
    if bytes.starts_with(ntlm::SIGNATURE) {
        return Ok(Token { mechanisms: vec![], chosen: None, state: None, inner: Inner::Ntlm(bytes) });
    }
    let token = Reader::new(bytes).element()?;
    // [APPLICATION 0] IMPLICIT SEQUENCE { thisMech OID, innerContextToken } (RFC 2743 §3.1).
    if token.application(0) {
        let mut inside = token.children("GSS token")?;
        let mechanism = inside.element()?.oid("GSS mechanism")?;
        if mechanism == Oid::SPNEGO {
            return negotiation(inside.element()?);
        }
        let inner = if mechanism.kerberos() { Inner::Kerberos(bytes) } else { Inner::Other(bytes) };
        return Ok(Token { mechanisms: vec![kind(mechanism)], chosen: None, state: None, inner });
    }
    // AP-REQ and AP-REP without a frame: DCE style (RFC 4757 §7.3, `[MS-KILE] 3.4.5.1`).
    if token.application(14) || token.application(15) {
        return Ok(Token { mechanisms: vec![], chosen: None, state: None, inner: Inner::Kerberos(bytes) });
    }
    negotiation(token)
}

fn negotiation(token: Element<'_>) -> Result<Token<'_>> {
    match token.tag {
        0 if token.context(0) => init(token),
        1 if token.context(1) => response(token),
        _ => Err(Error::Malformed { what: "SPNEGO NegotiationToken", offset: token.offset }),
    }
}

fn init(token: Element<'_>) -> Result<Token<'_>> {
    let mut fields = token.inner_sequence("NegTokenInit")?;
    let mut mechanisms = Vec::new();
    let mut first = None;
    let mut inner = &[][..];
    while let Some(field) = fields.next_element()? {
        if field.context(0) {
            let mut list = field.inner_sequence("MechTypeList")?;
            while let Some(mechanism) = list.next_element()? {
                if mechanisms.len() == MAX_MECHANISMS {
                    return Err(Error::Bound { what: "MechTypeList", offset: mechanism.offset, bound: MAX_MECHANISMS });
                }
                mechanisms.push(kind(mechanism.oid("MechType")?));
            }
            first = mechanisms.first().copied();
        } else if field.context(2) {
            inner = field.inner("mechToken")?.octets("mechToken")?;
        }
    }
    Ok(Token { inner: classify(inner, first), mechanisms, chosen: None, state: None })
}

fn response(token: Element<'_>) -> Result<Token<'_>> {
    let mut fields = token.inner_sequence("NegTokenResp")?;
    let (mut chosen, mut state, mut inner) = (None, None, &[][..]);
    while let Some(field) = fields.next_element()? {
        if field.context(0) {
            state = neg_state(field.inner("negState")?.content);
        } else if field.context(1) {
            chosen = Some(kind(field.inner("supportedMech")?.oid("supportedMech")?));
        } else if field.context(2) {
            inner = field.inner("responseToken")?.octets("responseToken")?;
        }
    }
    Ok(Token { mechanisms: vec![], chosen, state, inner: classify(inner, chosen) })
}

/// The token speaks for itself where it can: after a fallback the list's first mechanism is not the one in use.
fn classify(inner: &[u8], mechanism: Option<Mechanism>) -> Inner<'_> {
    match inner.first() {
        None => Inner::Empty,
        Some(_) if inner.starts_with(ntlm::SIGNATURE) => Inner::Ntlm(inner),
        Some(0x60 | 0x6e | 0x6f) => Inner::Kerberos(inner),
        Some(_) if mechanism == Some(Mechanism::Kerberos) => Inner::Kerberos(inner),
        Some(_) => Inner::Other(inner),
    }
}

fn kind(oid: Oid<'_>) -> Mechanism {
    if oid.kerberos() {
        Mechanism::Kerberos
    } else if oid == Oid::NTLMSSP {
        Mechanism::Ntlm
    } else if oid == Oid::NEGOEX {
        Mechanism::Negoex
    } else {
        Mechanism::Other
    }
}

fn neg_state(content: &[u8]) -> Option<NegState> {
    match content {
        [0] => Some(NegState::AcceptCompleted),
        [1] => Some(NegState::AcceptIncomplete),
        [2] => Some(NegState::Reject),
        [3] => Some(NegState::RequestMic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// NegTokenInit with mechanisms Kerberos and NTLMSSP and an NTLMSSP token of 12 bytes.
    fn init_token() -> Vec<u8> {
        let mut bytes = vec![0x60, 0x3b, 0x06, 0x06, 0x2b, 6, 1, 5, 5, 2];
        // [0] NegTokenInit { SEQUENCE { [0] mechTypes, [2] mechToken } }
        bytes.extend([0xa0, 0x31, 0x30, 0x2f]);
        bytes.extend([0xa0, 0x19, 0x30, 0x17]);
        bytes.extend([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2]);
        bytes.extend([0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a]);
        bytes.extend([0xa2, 0x12, 0x04, 0x10]);
        bytes.extend(b"NTLMSSP\0\x01\0\0\0\x07\x82\0\0");
        bytes
    }

    #[test]
    fn the_token_tells_its_mechanism_though_the_list_prefers_another() {
        let bytes = init_token();
        let token = decode(&bytes).unwrap();
        assert_eq!(token.mechanisms, [Mechanism::Kerberos, Mechanism::Ntlm]);
        assert!(matches!(token.inner, Inner::Ntlm(message) if message.len() == 16));
    }

    #[test]
    fn a_response_gives_state_and_choice() {
        // a1 { 30 { a0 { 0a 01 00 } a1 { OID NTLMSSP } } }
        let mut bytes = vec![0xa1, 0x15, 0x30, 0x13, 0xa0, 3, 0x0a, 1, 0, 0xa1, 0x0c];
        bytes.extend([0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a]);
        let token = decode(&bytes).unwrap();
        assert_eq!(token.state, Some(NegState::AcceptCompleted));
        assert_eq!(token.chosen, Some(Mechanism::Ntlm));
        assert_eq!(token.inner, Inner::Empty);
    }

    #[test]
    fn bare_messages_are_taken_as_they_are() {
        assert!(matches!(decode(b"NTLMSSP\0rest").unwrap().inner, Inner::Ntlm(_)));
        assert!(matches!(decode(&[0x6e, 2, 0x30, 0]).unwrap().inner, Inner::Kerberos(_)));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = init_token();
        for end in 0..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), at in 0usize..70, byte: u8) {
            let _ = decode(&bytes);
            let mut token = init_token();
            if let Some(slot) = token.get_mut(at) {
                *slot = byte;
            }
            let _ = decode(&token);
        }
    }
}
