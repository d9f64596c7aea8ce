//! The header and the blocks of words and bytes, chained by AndX (`[MS-CIFS] 2.2.3`).
//!
//! ```text
//! Protocol\[4\]=FF'SMB' Command Status\[4\] Flags Flags2\[2\] PIDHigh\[2\] SecurityFeatures\[8\] Reserved\[2\] TID\[2\] PIDLow\[2\]
//! UID\[2\] MID\[2\]   WordCount Words[2*n]   ByteCount\[2\] Bytes[n]
//! ```

use crate::error::{Error, Result};
use crate::reader::{Reader, oem, utf16};

/// The size of the header.
const HEADER_SIZE: usize = 32;

/// The most blocks of one chain; no client chains more than four.
const MAX_BLOCKS: usize = 8;

/// The header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Command of the first block.
    pub command: u8,
    /// Status as NTSTATUS; the old error classes are translated.
    pub status: u32,
    /// Whether it is a response.
    pub response: bool,
    /// Whether texts are UTF-16LE.
    pub unicode: bool,
    /// TID: the tree.
    pub tid: u16,
    /// PIDLow: the client's process.
    pub pid: u16,
    /// UID: the session.
    pub uid: u16,
    /// MID: with the PID equal in request and response.
    pub mid: u16,
}

/// One block of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its command.
    pub command: u8,
    /// Its words, as bytes.
    pub words: &'a [u8],
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where its bytes begin in the message: texts are aligned to two from the start of the message.
    pub bytes_at: usize,
    /// The whole message: offsets in words count from its start.
    pub message: &'a [u8],
}

/// Decodes the header.
///
/// # Errors
/// Where it is cut off or is another protocol's.
pub fn header(message: &[u8]) -> Result<Header> {
    let mut reader = Reader::new(message, "SMB1 header");
    if reader.take(4)? != b"\xffSMB" {
        return Err(Error::Malformed { what: "SMB1 header", offset: 0 });
    }
    let command = reader.u8()?;
    let status = reader.u32()?;
    let response = reader.u8()? & 0x80 != 0;
    let flags2 = reader.u16()?;
    let unicode = flags2 & 0x8000 != 0;
    // SMB_FLAGS2_NT_STATUS: without it the field is an error class and code.
    let status = if flags2 & 0x4000 == 0 { dos_status(status) } else { status };
    // PIDHigh, SecurityFeatures, Reserved.
    reader.skip(12)?;
    let (tid, pid, uid, mid) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    Ok(Header { command, status, response, unicode, tid, pid, uid, mid })
}

/// The NTSTATUS of an error class and code (`[MS-CIFS] 2.2.2.4`), as far as a judgement may ask for it; other errors are
/// STATUS_UNSUCCESSFUL.
fn dos_status(status: u32) -> u32 {
    let [class, _, low, high] = status.to_le_bytes();
    match (class, u16::from_le_bytes([low, high])) {
        (0, _) => 0,
        // ERRDOS: ERRbadfile and ERRbadpath, ERRnoaccess, ERRmoredata.
        (1, 2) => 0xC000_0034,
        (1, 3) => 0xC000_003A,
        (1, 5) => 0xC000_0022,
        (1, 234) => 0x8000_0005,
        // ERRSRV: ERRbadpw, ERRaccess, ERRinvnetname.
        (2, 2) => 0xC000_006D,
        (2, 4) => 0xC000_0022,
        (2, 6) => 0xC000_00CC,
        _ => 0xC000_0001,
    }
}

/// The blocks of a message in order. A broken chain keeps what stood before; the last block's bytes may be cut short by
/// the capture.
///
/// # Errors
/// Where not even the first block is there.
pub fn blocks(message: &[u8]) -> Result<Vec<Block<'_>>> {
    let mut command = header(message)?.command;
    let mut at = HEADER_SIZE;
    let mut found: Vec<Block<'_>> = Vec::new();
    while found.len() < MAX_BLOCKS {
        let block = match block(message, command, at) {
            Ok(block) => block,
            Err(error) if found.is_empty() => return Err(error),
            Err(_) => break,
        };
        found.push(block);
        let Some((next, offset)) = andx(&block) else { break };
        // Chains only go forward: an offset that goes back would loop.
        if offset <= at {
            break;
        }
        (command, at) = (next, offset);
    }
    Ok(found)
}

fn block(message: &[u8], command: u8, at: usize) -> Result<Block<'_>> {
    let mut reader = Reader::new(message, "SMB1 block");
    reader.seek(at)?;
    let words = usize::from(reader.u8()?);
    let words = reader.take(words.saturating_mul(2))?;
    let count = usize::from(reader.u16()?);
    let bytes_at = reader.offset();
    Ok(Block { command, words, bytes: reader.take_up_to(count), bytes_at, message })
}

/// AndXCommand and AndXOffset of the commands that have them (`[MS-CIFS] 2.2.3.4`).
fn andx(block: &Block<'_>) -> Option<(u8, usize)> {
    if !matches!(block.command, 0x24 | 0x2D | 0x2E | 0x2F | 0x73 | 0x74 | 0x75 | 0xA2) {
        return None;
    }
    let [next, _, low, high, ..] = block.words else { return None };
    (*next != 0xff).then(|| (*next, usize::from(u16::from_le_bytes([*low, *high]))))
}

impl<'a> Block<'a> {
    /// A reader of the words.
    pub(super) fn word_reader(&self, what: &'static str) -> Reader<'a> {
        Reader::new(self.words, what)
    }

    /// The number of words.
    pub(super) fn word_count(&self) -> usize {
        self.words.len() >> 1
    }

    /// A reader of texts, from `skip` bytes into the bytes on.
    pub(super) fn texts(&self, skip: usize, unicode: bool) -> Texts<'a> {
        Texts { bytes: self.bytes, at: skip, bytes_at: self.bytes_at, unicode }
    }

    /// The payload of `length` bytes at an offset of the message, as much of it as is there.
    pub(super) fn payload(&self, offset: usize, length: usize) -> &'a [u8] {
        let mut reader = Reader::new(self.message, "SMB1 payload");
        if length == 0 || reader.seek(offset).is_err() { &[] } else { reader.take_up_to(length) }
    }
}

/// NUL-terminated texts behind one another; UTF-16 ones aligned to two from the start of the message.
pub(super) struct Texts<'a> {
    bytes: &'a [u8],
    at: usize,
    bytes_at: usize,
    unicode: bool,
}

impl<'a> Texts<'a> {
    /// The next text; empty at the end. A missing terminator ends it at the end of the bytes.
    pub(super) fn next(&mut self) -> String {
        if !self.unicode {
            let raw = self.next_oem();
            return oem(raw);
        }
        if self.bytes_at.saturating_add(self.at) & 1 == 1 {
            self.at = self.at.saturating_add(1);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let units = rest.as_chunks::<2>().0;
        let length = units.iter().position(|unit| *unit == [0, 0]).unwrap_or(units.len());
        let text = utf16(rest.get(..length.saturating_mul(2)).unwrap_or_default());
        self.at = self.at.saturating_add(length.saturating_add(1).saturating_mul(2));
        text
    }

    /// The next text as OEM bytes, whatever the message says of Unicode.
    pub(super) fn next_oem(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        self.at = self.at.saturating_add(length).saturating_add(1);
        rest.get(..length).unwrap_or_default()
    }
}
