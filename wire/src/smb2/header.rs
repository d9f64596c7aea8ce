//! The packet header, compounds and the transform headers (`[MS-SMB2] 2.2.1`, `2.2.41`, `2.2.42`, `3.2.4.1.4`).

use crate::error::{Error, Result};
use crate::reader::Reader;

/// The size of the header.
pub(super) const HEADER_SIZE: usize = 64;

/// The most messages of one compound: Windows refuses longer chains long before.
const MAX_COMPOUND: usize = 64;

/// Flags: the message is a response.
const FLAG_RESPONSE: u32 = 0x0000_0001;
/// Flags: the message is asynchronous; AsyncId stands in place of Reserved and TreeId.
const FLAG_ASYNC: u32 = 0x0000_0002;
/// Flags: the ids of a compound are those of the message before.
const FLAG_RELATED: u32 = 0x0000_0004;
/// Flags: the message is signed.
const FLAG_SIGNED: u32 = 0x0000_0008;

/// SMB2 Packet Header, `[MS-SMB2] 2.2.1`.
///
/// ```text
/// ProtocolId\[4\]=FE'SMB' StructureSize=64 CreditCharge Status\[4\] Command CreditRequest Flags\[4\] NextCommand\[4\]
/// MessageId\[8\] (Reserved\[4\] TreeId\[4\] | AsyncId\[8\]) SessionId\[8\] Signature\[16\]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Status (response) or channel sequence (request).
    pub status: u32,
    /// Command.
    pub command: u16,
    /// Whether it is a response.
    pub response: bool,
    /// Whether its ids are those of the message before it in the compound.
    pub related: bool,
    /// Whether it is signed.
    pub signed: bool,
    /// MessageId: equal in request and response.
    pub message_id: u64,
    /// TreeId; `None` for asynchronous messages.
    pub tree_id: Option<u32>,
    /// SessionId.
    pub session_id: u64,
}

/// SMB2 TRANSFORM_HEADER, `[MS-SMB2] 2.2.41`: what follows is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// SessionId.
    pub session_id: u64,
    /// OriginalMessageSize in bytes.
    pub size_bytes: u32,
}

/// What stands at the start of an SMB2 frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A message: its header, and all its bytes from the header on.
    Message(Header, &'a [u8]),
    /// An encrypted message.
    Encrypted(Transform),
    /// A compressed message (`[MS-SMB2] 2.2.42`).
    Compressed {
        /// OriginalCompressedSegmentSize in bytes.
        original_bytes: u32,
        /// Offset or Length.
        offset: u32,
        /// Whether `original_bytes` and `offset` overflow 32 bits together, which no honest sender makes
        /// (CVE-2020-0796).
        overflows: bool,
    },
}

/// The packets of one frame: a transform, or the messages of a compound in order. A broken chain keeps what stood before;
/// the error is then the last item.
pub fn packets(frame: &[u8]) -> Vec<Result<Packet<'_>>> {
    match frame.first_chunk::<4>() {
        Some(b"\xfdSMB") => vec![transform(frame).map(Packet::Encrypted)],
        Some(b"\xfcSMB") => vec![compression(frame)],
        _ => compound(frame),
    }
}

fn compound(frame: &[u8]) -> Vec<Result<Packet<'_>>> {
    let mut found = Vec::new();
    let mut rest = frame;
    loop {
        let (header, next) = match header(rest) {
            Ok(header) => header,
            Err(error) => {
                found.push(Err(error));
                return found;
            }
        };
        let message = if next == 0 { rest } else { rest.get(..next).unwrap_or(rest) };
        found.push(Ok(Packet::Message(header, message)));
        match rest.get(next..) {
            Some(following) if next != 0 && !following.is_empty() => rest = following,
            _ => return found,
        }
        if found.len() >= MAX_COMPOUND {
            found.push(Err(Error::Bound { what: "SMB2 compound", offset: 0, bound: MAX_COMPOUND }));
            return found;
        }
    }
}

/// The header and NextCommand.
fn header(bytes: &[u8]) -> Result<(Header, usize)> {
    let mut reader = Reader::new(bytes, "SMB2 header");
    if reader.take(4)? != b"\xfeSMB" || usize::from(reader.u16()?) != HEADER_SIZE {
        return Err(Error::Malformed { what: "SMB2 header", offset: 0 });
    }
    reader.skip(2)?;
    let status = reader.u32()?;
    let command = reader.u16()?;
    reader.skip(2)?;
    let flags = reader.u32()?;
    let next = usize::try_from(reader.u32()?).map_err(|_| reader.malformed())?;
    if next != 0 && next < HEADER_SIZE {
        return Err(reader.malformed());
    }
    let message_id = reader.u64()?;
    let tree_id = if flags & FLAG_ASYNC != 0 {
        reader.skip(8)?;
        None
    } else {
        reader.skip(4)?;
        Some(reader.u32()?)
    };
    let session_id = reader.u64()?;
    reader.skip(16)?;
    let header = Header {
        status,
        command,
        response: flags & FLAG_RESPONSE != 0,
        related: flags & FLAG_RELATED != 0,
        signed: flags & FLAG_SIGNED != 0,
        message_id,
        tree_id,
        session_id,
    };
    Ok((header, next))
}

fn transform(bytes: &[u8]) -> Result<Transform> {
    let mut reader = Reader::new(bytes, "SMB2 TRANSFORM_HEADER");
    // ProtocolId, Signature[16], Nonce[16].
    reader.skip(36)?;
    let size_bytes = reader.u32()?;
    // Reserved, Flags or EncryptionAlgorithm.
    reader.skip(4)?;
    Ok(Transform { session_id: reader.u64()?, size_bytes })
}

fn compression(bytes: &[u8]) -> Result<Packet<'_>> {
    let mut reader = Reader::new(bytes, "SMB2 COMPRESSION_TRANSFORM_HEADER");
    reader.skip(4)?;
    let original_bytes = reader.u32()?;
    // CompressionAlgorithm, Flags.
    reader.skip(2)?;
    let chained = reader.u16()? & 1 != 0;
    let offset = reader.u32()?;
    let overflows = !chained && original_bytes.checked_add(offset).is_none();
    Ok(Packet::Compressed { original_bytes, offset, overflows })
}
