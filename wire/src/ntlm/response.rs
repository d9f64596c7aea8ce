//! What kind of response a client gave, told by its length and shape (`[MS-NLMP] 2.2.2.3` to `2.2.2.8`, `3.3.1`).

use super::AvPairs;
use crate::reader::Reader;

/// The kind of response that proves the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// None: both are empty, or the LM response is one zero byte (`[MS-NLMP] 3.2.5.1.2`).
    Anonymous,
    /// LM_RESPONSE alone.
    Lm,
    /// NTLM_RESPONSE of 24 bytes.
    V1,
    /// NTLM_RESPONSE of 24 bytes with a client challenge in the LM field (NTLMv1 with extended session security).
    V1Ess,
    /// NTLMv2_RESPONSE: longer than 24 bytes.
    V2,
    /// Neither: a length that no version has.
    Unknown,
}

/// The length of an LM_RESPONSE and of an NTLM_RESPONSE.
const V1_LENGTH: usize = 24;

/// Tells the kind of response. `no_user` is true where the message names no account.
#[must_use]
pub fn response_kind(lm: &[u8], nt: &[u8], extended_session_security: bool, no_user: bool) -> ResponseKind {
    match (lm.len(), nt.len()) {
        (0, 0) | (1, 0) => ResponseKind::Anonymous,
        (_, length) if length > V1_LENGTH => ResponseKind::V2,
        (lm_length, V1_LENGTH) => {
            // The client challenge: eight bytes that are not zero, and sixteen zeros (`[MS-NLMP] 3.3.1`).
            let padded = lm_length == V1_LENGTH && lm.get(8..).is_some_and(|tail| tail.iter().all(|byte| *byte == 0));
            if padded && extended_session_security { ResponseKind::V1Ess } else { ResponseKind::V1 }
        }
        (V1_LENGTH, 0) if no_user && lm.iter().all(|byte| *byte == 0) => ResponseKind::Anonymous,
        (V1_LENGTH, 0) => ResponseKind::Lm,
        _ => ResponseKind::Unknown,
    }
}

/// The pairs of an NTLMv2_CLIENT_CHALLENGE (`[MS-NLMP] 2.2.2.7`), behind NTProofStr\[16\], RespType, HiRespType,
/// Reserved1\[2\], Reserved2\[4\], TimeStamp\[8\], ChallengeFromClient\[8\] and Reserved3\[4\].
pub(super) fn client_info(nt: &[u8]) -> AvPairs {
    let mut reader = Reader::new(nt, "NTLMv2_CLIENT_CHALLENGE");
    if reader.skip(44).is_err() {
        return AvPairs::default();
    }
    AvPairs::decode(reader.rest())
}
