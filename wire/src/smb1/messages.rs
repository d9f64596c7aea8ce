//! Trees, files, pipes and transactions (`[MS-CIFS] 2.2.4`, `[MS-SMB] 2.2.4`).

use super::header::Block;
use crate::error::{Error, Result};
use crate::reader::oem;

/// NT_CREATE_ANDX or OPEN_ANDX request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// The path inside the share.
    pub name: String,
    /// DesiredAccess; 0 for OPEN_ANDX.
    pub access: u32,
    /// CreateDisposition: 0 supersede, 1 open, 2 create, 3 open_if, 4 overwrite, 5 overwrite_if.
    pub disposition: u32,
    /// CreateOptions; 0x1000 is FILE_DELETE_ON_CLOSE.
    pub options: u32,
}

/// READ_ANDX response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadResponse<'a> {
    /// The announced length in bytes.
    pub length: u32,
    /// The data, as much of it as is there.
    pub data: &'a [u8],
}

/// TRANSACTION, TRANSACTION2 and NT_TRANSACT requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRequest<'a> {
    /// The first setup word: 0x26 TransactNmPipe, 0x23 PeekNmPipe; the subcommand of TRANSACTION2.
    pub function: Option<u16>,
    /// The second setup word: the FID of a pipe.
    pub fid: Option<u16>,
    /// The name, `\PIPE\` for pipes; empty for TRANSACTION2.
    pub name: String,
    /// The data of this message, as much of it as is there.
    pub data: &'a [u8],
}

/// The UNC path of a TREE_CONNECT_ANDX request: AndX, Flags, PasswordLength; Password, Path, Service.
///
/// # Errors
/// Where the words are cut off.
pub fn tree_connect_request(block: &Block<'_>, unicode: bool) -> Result<String> {
    let mut words = block.word_reader("SMB1 TREE_CONNECT_ANDX request");
    words.skip(6)?;
    let password = usize::from(words.u16()?);
    Ok(block.texts(password, unicode).next())
}

/// Whether the service of a TREE_CONNECT_ANDX response is a pipe share; the service is always OEM.
#[must_use]
pub fn tree_connect_response(block: &Block<'_>) -> bool {
    block.texts(0, false).next_oem() == b"IPC"
}

/// Decodes an NT_CREATE_ANDX (24 words) or OPEN_ANDX (15 words) request.
///
/// # Errors
/// Where the words are cut off.
pub fn create_request(block: &Block<'_>, unicode: bool) -> Result<CreateRequest> {
    let mut words = block.word_reader("SMB1 create request");
    if block.command == super::command::OPEN_ANDX {
        // AndX, Flags, AccessMode, SearchAttrs, FileAttrs, CreationTime, OpenMode.
        words.skip(16)?;
        let disposition = match words.u16()? & 0x13 {
            0x10 | 0x11 => 3,
            0x12 => 5,
            2 => 4,
            _ => 1,
        };
        return Ok(CreateRequest { name: block.texts(0, unicode).next(), access: 0, disposition, options: 0 });
    }
    // AndX, Reserved, NameLength, Flags, RootDirectoryFID.
    words.skip(15)?;
    let access = words.u32()?;
    // AllocationSize, ExtFileAttributes, ShareAccess.
    words.skip(16)?;
    let (disposition, options) = (words.u32()?, words.u32()?);
    Ok(CreateRequest { name: block.texts(0, unicode).next(), access, disposition, options })
}

/// The FID and CreateAction of an NT_CREATE_ANDX or OPEN_ANDX response.
///
/// # Errors
/// Where the words are cut off.
pub fn create_response(block: &Block<'_>) -> Result<(u16, u32)> {
    let mut words = block.word_reader("SMB1 create response");
    words.skip(4)?;
    if block.command == super::command::OPEN_ANDX {
        let fid = words.u16()?;
        // FileAttrs, LastWriteTime, FileDataSize, AccessRights, ResourceType, NMPipeStatus.
        words.skip(16)?;
        return Ok((fid, u32::from(words.u16()? & 3)));
    }
    words.skip(1)?;
    Ok((words.u16()?, words.u32()?))
}

/// The path of a DELETE request: BufferFormat 4, then the name.
#[must_use]
pub fn delete_request(block: &Block<'_>, unicode: bool) -> String {
    block.texts(1, unicode).next()
}

/// The FID of a READ_ANDX, WRITE_ANDX (behind AndX) or CLOSE request (first word).
///
/// # Errors
/// Where the words are cut off.
pub fn fid_at(block: &Block<'_>) -> Result<u16> {
    let mut words = block.word_reader("SMB1 FID");
    if block.command != super::command::CLOSE {
        words.skip(4)?;
    }
    words.u16()
}

/// The announced length in bytes and the data of a WRITE_ANDX request: AndX, FID, Offset\[4\], Timeout\[4\], WriteMode\[2\],
/// Remaining\[2\], DataLengthHigh\[2\], DataLength\[2\], DataOffset\[2\].
///
/// # Errors
/// Where the words are cut off.
pub fn write_request<'a>(block: &Block<'a>) -> Result<(u32, &'a [u8])> {
    let mut words = block.word_reader("SMB1 WRITE_ANDX request");
    words.skip(18)?;
    let (high, low, offset) = (words.u16()?, words.u16()?, words.u16()?);
    let length = u32::from(high) << 16 | u32::from(low);
    Ok((length, block.payload(usize::from(offset), usize::try_from(length).unwrap_or(usize::MAX))))
}

/// Decodes a READ_ANDX response: AndX, Available\[2\], DataCompactionMode\[2\], Reserved\[2\], DataLength\[2\], DataOffset\[2\],
/// DataLengthHigh\[2\].
///
/// # Errors
/// Where the words are cut off.
pub fn read_response<'a>(block: &Block<'a>) -> Result<ReadResponse<'a>> {
    let mut words = block.word_reader("SMB1 READ_ANDX response");
    words.skip(10)?;
    let (low, offset, high) = (words.u16()?, words.u16()?, words.u16()?);
    let length = u32::from(high) << 16 | u32::from(low);
    let data = block.payload(usize::from(offset), usize::try_from(length).unwrap_or(usize::MAX));
    Ok(ReadResponse { length, data })
}

/// Decodes a TRANSACTION or TRANSACTION2 request: TotalParameterCount, TotalDataCount, MaxParameterCount, MaxDataCount,
/// MaxSetupCount, Reserved, Flags, Timeout\[4\], Reserved, ParameterCount, ParameterOffset, DataCount, DataOffset,
/// SetupCount, Reserved, Setup.
///
/// # Errors
/// Where the words are cut off.
pub fn transaction_request<'a>(block: &Block<'a>, unicode: bool) -> Result<TransactionRequest<'a>> {
    let mut words = block.word_reader("SMB1 transaction request");
    words.skip(22)?;
    let (count, offset) = (words.u16()?, words.u16()?);
    let setup = words.u8()?;
    words.skip(1)?;
    let function = if setup >= 1 { Some(words.u16()?) } else { None };
    let fid = if setup >= 2 { Some(words.u16()?) } else { None };
    let name = match block.command {
        super::command::TRANSACTION if unicode => block.texts(0, true).next(),
        super::command::TRANSACTION => oem(block.texts(0, false).next_oem()),
        _ => String::new(),
    };
    Ok(TransactionRequest { function, fid, name, data: block.payload(usize::from(offset), usize::from(count)) })
}

/// The data of a TRANSACTION response: TotalParameterCount, TotalDataCount, Reserved, ParameterCount, ParameterOffset,
/// ParameterDisplacement, DataCount, DataOffset, DataDisplacement.
///
/// # Errors
/// [`Error::Incomplete`] where the words are cut off (an interim response has none).
pub fn transaction_response<'a>(block: &Block<'a>) -> Result<&'a [u8]> {
    let mut words = block.word_reader("SMB1 transaction response");
    words.skip(12)?;
    let (count, offset) = (words.u16()?, words.u16()?);
    if words.remaining() < 2 {
        return Err(Error::Incomplete { what: "SMB1 transaction response", offset: block.bytes_at, needed: 2 });
    }
    Ok(block.payload(usize::from(offset), usize::from(count)))
}

/// The function of an NT_TRANSACT request: MaxSetupCount, Reserved\[2\], eight counts and offsets of four bytes, SetupCount,
/// Function.
///
/// # Errors
/// Where the words are cut off.
pub fn nt_transact_function(block: &Block<'_>) -> Result<u16> {
    let mut words = block.word_reader("SMB1 NT_TRANSACT request");
    words.skip(36)?;
    words.u16()
}
