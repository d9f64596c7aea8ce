//! NTLMSSP messages, `[MS-NLMP] 2.2.1`: NEGOTIATE, CHALLENGE and AUTHENTICATE as a sensor needs them.
//!
//! Responses, challenges and session keys are never handed out: only what their lengths and shape tell (the version of
//! the response) and the attribute-value pairs that the client copied into its NTLMv2 response. Nothing is verified:
//! without the account's key a response cannot be checked.

pub mod av;
mod response;

pub use av::AvPairs;
pub use response::{ResponseKind, response_kind};

use crate::error::{Error, Result};
use crate::reader::{Reader, oem, slice, utf16};

/// The eight bytes that open every message (`[MS-NLMP] 2.2.1`).
pub const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// NTLMSSP_NEGOTIATE_UNICODE (`[MS-NLMP] 2.2.2.5` A): texts are UTF-16LE.
pub const NEGOTIATE_UNICODE: u32 = 0x0000_0001;
/// NTLMSSP_NEGOTIATE_ANONYMOUS (J): the client asks for an anonymous session.
pub const NEGOTIATE_ANONYMOUS: u32 = 0x0000_0800;
/// NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY (P).
pub const NEGOTIATE_EXTENDED_SESSIONSECURITY: u32 = 0x0008_0000;
/// NTLMSSP_NEGOTIATE_VERSION (T): the VERSION structure is filled.
pub const NEGOTIATE_VERSION: u32 = 0x0200_0000;

/// The least offset of payload in an AUTHENTICATE_MESSAGE that has both VERSION and MIC (`[MS-NLMP] 2.2.1.3`).
const AUTHENTICATE_WITH_MIC: usize = 88;

/// The product version of the sender, `[MS-NLMP] 2.2.2.10`: tools other than Windows send zeros or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// ProductMajorVersion.
    pub major: u8,
    /// ProductMinorVersion.
    pub minor: u8,
    /// ProductBuild.
    pub build: u16,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

/// NEGOTIATE_MESSAGE, `[MS-NLMP] 2.2.1.1`.
///
/// ```text
/// Signature\[8\] MessageType=1 NegotiateFlags DomainNameFields\[8\] WorkstationFields\[8\] Version\[8\] Payload
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegotiateMessage {
    /// NegotiateFlags.
    pub flags: u32,
    /// The client's domain, where supplied (always OEM).
    pub domain: String,
    /// The client's name, where supplied (always OEM).
    pub workstation: String,
    /// The client's version.
    pub version: Option<Version>,
}

/// CHALLENGE_MESSAGE, `[MS-NLMP] 2.2.1.2`.
///
/// ```text
/// Signature\[8\] MessageType=2 TargetNameFields\[8\] NegotiateFlags ServerChallenge\[8\] Reserved\[8\] TargetInfoFields\[8\]
/// Version\[8\] Payload
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChallengeMessage {
    /// TargetName: the server's domain or its own name.
    pub target_name: String,
    /// NegotiateFlags.
    pub flags: u32,
    /// TargetInfo: the server's names.
    pub target_info: AvPairs,
    /// The server's version.
    pub version: Option<Version>,
}

/// AUTHENTICATE_MESSAGE, `[MS-NLMP] 2.2.1.3`.
///
/// ```text
/// Signature\[8\] MessageType=3 LmChallengeResponseFields\[8\] NtChallengeResponseFields\[8\] DomainNameFields\[8\]
/// UserNameFields\[8\] WorkstationFields\[8\] EncryptedRandomSessionKeyFields\[8\] NegotiateFlags Version\[8\] MIC\[16\] Payload
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticateMessage {
    /// What kind of response proves the password.
    pub response: ResponseKind,
    /// The account's domain.
    pub domain: String,
    /// The account.
    pub user: String,
    /// The client's name.
    pub workstation: String,
    /// NegotiateFlags.
    pub flags: u32,
    /// The client's version.
    pub version: Option<Version>,
    /// Whether there is room for a MIC before the payload and it is not all zeros.
    pub mic: bool,
    /// The pairs inside an NTLMv2 response: the server's, and the client's own additions.
    pub client_info: AvPairs,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Type 1.
    Negotiate(NegotiateMessage),
    /// Type 2.
    Challenge(ChallengeMessage),
    /// Type 3.
    Authenticate(Box<AuthenticateMessage>),
}

/// Decodes one message.
///
/// # Errors
/// [`Error::Malformed`] without the signature or with another message type; [`Error::Incomplete`] where a field points
/// past the end.
pub fn decode(bytes: &[u8]) -> Result<Message> {
    let mut reader = Reader::new(bytes, "NTLMSSP message");
    if reader.take(SIGNATURE.len())? != SIGNATURE {
        return Err(Error::Malformed { what: "NTLMSSP signature", offset: 0 });
    }
    match reader.u32()? {
        1 => negotiate(bytes, reader).map(Message::Negotiate),
        2 => challenge(bytes, reader).map(Message::Challenge),
        3 => authenticate(bytes, reader).map(Box::new).map(Message::Authenticate),
        _ => Err(Error::Malformed { what: "NTLMSSP message type", offset: SIGNATURE.len() }),
    }
}

fn negotiate(bytes: &[u8], mut reader: Reader<'_>) -> Result<NegotiateMessage> {
    let flags = reader.u32()?;
    // The fields are optional in practice: Windows NT 4 and Samba end the message after the flags.
    if reader.remaining() < 16 {
        return Ok(NegotiateMessage { flags, ..NegotiateMessage::default() });
    }
    let domain = Field::read(&mut reader)?;
    let workstation = Field::read(&mut reader)?;
    let version = if flags & NEGOTIATE_VERSION != 0 { version(&mut reader).ok() } else { None };
    Ok(NegotiateMessage { flags, domain: oem(domain.of(bytes)?), workstation: oem(workstation.of(bytes)?), version })
}

fn challenge(bytes: &[u8], mut reader: Reader<'_>) -> Result<ChallengeMessage> {
    let target = Field::read(&mut reader)?;
    let flags = reader.u32()?;
    // ServerChallenge and Reserved.
    reader.skip(8)?;
    let info = if reader.remaining() < 16 {
        AvPairs::default()
    } else {
        reader.skip(8)?;
        AvPairs::decode(Field::read(&mut reader)?.of(bytes)?)
    };
    let version = if flags & NEGOTIATE_VERSION != 0 { version(&mut reader).ok() } else { None };
    Ok(ChallengeMessage { target_name: text(target.of(bytes)?, flags), flags, target_info: info, version })
}

fn authenticate(bytes: &[u8], mut reader: Reader<'_>) -> Result<AuthenticateMessage> {
    let lm = Field::read(&mut reader)?;
    let nt = Field::read(&mut reader)?;
    let domain = Field::read(&mut reader)?;
    let user = Field::read(&mut reader)?;
    let workstation = Field::read(&mut reader)?;
    let payload_at = [&lm, &nt, &domain, &user, &workstation].map(Field::start).into_iter().min().unwrap_or_default();
    // Clients before Windows 2000 end the header here: the payload starts where the session key field would stand.
    let (flags, version, mic) = if payload_at < reader.offset().saturating_add(12) {
        (0, None, false)
    } else {
        reader.skip(8)?;
        let flags = reader.u32()?;
        let version = if flags & NEGOTIATE_VERSION != 0 { version(&mut reader).ok() } else { None };
        let mic = payload_at >= AUTHENTICATE_WITH_MIC
            && bytes.get(72..AUTHENTICATE_WITH_MIC).is_some_and(|mic| mic.iter().any(|byte| *byte != 0));
        (flags, version, mic)
    };
    let (lm, nt) = (lm.of(bytes)?, nt.of(bytes)?);
    let user_text = text(user.of(bytes)?, flags);
    let response = response_kind(lm, nt, flags & NEGOTIATE_EXTENDED_SESSIONSECURITY != 0, user_text.is_empty());
    let client_info = if response == ResponseKind::V2 { response::client_info(nt) } else { AvPairs::default() };
    Ok(AuthenticateMessage {
        response,
        domain: text(domain.of(bytes)?, flags),
        user: user_text,
        workstation: text(workstation.of(bytes)?, flags),
        flags,
        version,
        mic,
        client_info,
    })
}

/// Length, maximal length and offset of a payload field.
struct Field {
    length: usize,
    offset: usize,
}

impl Field {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let length = usize::from(reader.u16()?);
        reader.skip(2)?;
        let offset = usize::try_from(reader.u32()?).map_err(|_| reader.malformed())?;
        Ok(Self { length, offset })
    }

    fn of<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        slice(bytes, self.offset, self.length, "NTLMSSP payload field")
    }

    /// Where its payload starts; empty fields point anywhere and say nothing.
    fn start(&self) -> usize {
        if self.length == 0 { usize::MAX } else { self.offset }
    }
}

fn version(reader: &mut Reader<'_>) -> Result<Version> {
    let version = Version { major: reader.u8()?, minor: reader.u8()?, build: reader.u16()? };
    reader.skip(4)?;
    Ok(version)
}

fn text(bytes: &[u8], flags: u32) -> String {
    if flags & NEGOTIATE_UNICODE != 0 { utf16(bytes) } else { oem(bytes) }
}

#[cfg(test)]
mod tests;
