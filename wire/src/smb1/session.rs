//! NEGOTIATE and SESSION_SETUP_ANDX (`[MS-CIFS] 2.2.4.52, 2.2.4.53`, `[MS-SMB] 2.2.4.5, 2.2.4.6`).

use super::header::Block;
use crate::error::{Error, Result};
use crate::ntlm::{ResponseKind, response_kind};
use crate::reader::oem;

/// NEGOTIATE response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateResponse<'a> {
    /// The index of the chosen dialect in the request's list; `None` where the server takes none (0xFFFF).
    pub dialect_index: Option<u16>,
    /// SecurityMode: signing is required (8).
    pub signing_required: bool,
    /// SecurityMode: passwords are sent as challenge responses (2); otherwise in clear text.
    pub challenge_response: bool,
    /// The security token of extended security.
    pub token: &'a [u8],
    /// DomainName and ServerName of servers without extended security.
    pub names: Option<(String, String)>,
}

/// How a client proves itself without extended security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCredentials {
    /// What kind of response was sent.
    pub response: ResponseKind,
    /// AccountName.
    pub account: String,
    /// PrimaryDomain.
    pub domain: String,
}

/// SESSION_SETUP_ANDX request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSetupRequest<'a> {
    /// The security token of extended security.
    pub token: Option<&'a [u8]>,
    /// The credentials without it.
    pub credentials: Option<SessionCredentials>,
    /// NativeOS.
    pub native_os: String,
    /// NativeLanMan.
    pub native_lan_man: String,
}

/// SESSION_SETUP_ANDX response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSetupResponse<'a> {
    /// Action bit 0: logged on as guest.
    pub guest: bool,
    /// The security token of extended security.
    pub token: &'a [u8],
    /// NativeOS.
    pub native_os: String,
    /// NativeLanMan.
    pub native_lan_man: String,
}

/// The dialects of a NEGOTIATE request, in order; at most 64.
#[must_use]
pub fn negotiate_dialects(block: &Block<'_>) -> Vec<String> {
    // Each: BufferFormat 2, then the name with its NUL.
    let names = block.bytes.split(|byte| *byte == 0).take(64);
    names.filter_map(|name| name.strip_prefix(&[2])).map(oem).collect()
}

/// Decodes a NEGOTIATE response.
///
/// # Errors
/// Where the words are cut off.
pub fn negotiate_response<'a>(block: &Block<'a>, unicode: bool) -> Result<NegotiateResponse<'a>> {
    let mut words = block.word_reader("SMB1 NEGOTIATE response");
    let index = words.u16()?;
    let mut response = NegotiateResponse {
        dialect_index: (index != 0xffff).then_some(index),
        signing_required: false,
        challenge_response: true,
        token: &[],
        names: None,
    };
    // Dialects before NT LM 0.12 answer with fewer words.
    if block.word_count() < 17 {
        return Ok(response);
    }
    let mode = words.u8()?;
    response.signing_required = mode & 8 != 0;
    response.challenge_response = mode & 2 != 0;
    // MaxMpxCount, MaxNumberVcs, MaxBufferSize, MaxRawSize, SessionKey.
    words.skip(16)?;
    let extended_security = words.u32()? & 0x8000_0000 != 0;
    words.skip(10)?;
    let challenge = usize::from(words.u8()?);
    if extended_security {
        // ServerGUID, then the token.
        response.token = block.bytes.get(16..).unwrap_or_default();
    } else {
        let mut texts = block.texts(challenge, unicode);
        response.names = Some((texts.next(), texts.next()));
    }
    Ok(response)
}

/// Decodes a SESSION_SETUP_ANDX request.
///
/// # Errors
/// Where the words are of no known form, or the passwords reach past the bytes.
pub fn session_setup_request<'a>(block: &Block<'a>, unicode: bool) -> Result<SessionSetupRequest<'a>> {
    let mut words = block.word_reader("SMB1 SESSION_SETUP_ANDX request");
    // AndX, MaxBufferSize, MaxMpxCount, VcNumber, SessionKey.
    words.skip(14)?;
    let first = usize::from(words.u16()?);
    let malformed = Error::Malformed { what: "SMB1 SESSION_SETUP_ANDX request", offset: block.bytes_at };
    match block.word_count() {
        // Extended security: SecurityBlobLength, Reserved[4], Capabilities[4].
        12 => {
            let token = block.bytes.get(..first).ok_or(malformed)?;
            let mut texts = block.texts(first, unicode);
            let (native_os, native_lan_man) = (texts.next(), texts.next());
            Ok(SessionSetupRequest { token: Some(token), credentials: None, native_os, native_lan_man })
        }
        // NT LM 0.12: OEMPasswordLen, UnicodePasswordLen, Reserved[4], Capabilities[4]; before: PasswordLength,
        // Reserved[4].
        count @ (10 | 13) => {
            let second = if count == 13 { usize::from(words.u16()?) } else { 0 };
            let (lm, rest) = block.bytes.split_at_checked(first).ok_or(malformed)?;
            let nt = rest.get(..second).ok_or(malformed)?;
            let mut texts = block.texts(first.saturating_add(second), unicode && count == 13);
            let (account, domain, native_os, native_lan_man) = (texts.next(), texts.next(), texts.next(), texts.next());
            let response = response_kind(lm, nt, false, account.is_empty());
            let credentials = Some(SessionCredentials { response, account, domain });
            Ok(SessionSetupRequest { token: None, credentials, native_os, native_lan_man })
        }
        _ => Err(malformed),
    }
}

/// Decodes a SESSION_SETUP_ANDX response.
///
/// # Errors
/// Where the words are cut off or the token reaches past the bytes.
pub fn session_setup_response<'a>(block: &Block<'a>, unicode: bool) -> Result<SessionSetupResponse<'a>> {
    let mut words = block.word_reader("SMB1 SESSION_SETUP_ANDX response");
    words.skip(4)?;
    let guest = words.u16()? & 1 != 0;
    let length = if block.word_count() >= 4 { usize::from(words.u16()?) } else { 0 };
    let token = block
        .bytes
        .get(..length)
        .ok_or(Error::Malformed { what: "SMB1 SESSION_SETUP_ANDX response", offset: block.bytes_at })?;
    let mut texts = block.texts(length, unicode);
    Ok(SessionSetupResponse { guest, token, native_os: texts.next(), native_lan_man: texts.next() })
}
