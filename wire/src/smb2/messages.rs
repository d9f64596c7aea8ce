//! The bodies of messages (`[MS-SMB2] 2.2.3` to `2.2.40`). Offsets in them count from the start of the header, so every
//! decoder takes the whole message.

use hopwatch_model::Timestamp;

use super::header::HEADER_SIZE;
use crate::error::{Error, Result};
use crate::reader::{Reader, slice, utf16};

/// SMB2_FILEID, `[MS-SMB2] 2.2.14.1`: persistent and volatile part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(pub [u8; 16]);

impl FileId {
    /// The id that stands for "the file that this compound opened" (`[MS-SMB2] 3.2.4.1.4`).
    #[must_use]
    pub fn related(self) -> bool {
        self.0 == [0xff; 16]
    }
}

/// NEGOTIATE request, `[MS-SMB2] 2.2.3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateRequest {
    /// SecurityMode bit 1: the client requires signing.
    pub signing_required: bool,
    /// ClientGuid: stable per client host in Windows, random in tools.
    pub client_guid: [u8; 16],
    /// Dialects, at most 64.
    pub dialects: Vec<u16>,
}

/// NEGOTIATE response, `[MS-SMB2] 2.2.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiateResponse<'a> {
    /// SecurityMode bit 1: the server requires signing.
    pub signing_required: bool,
    /// DialectRevision.
    pub dialect: u16,
    /// SystemTime of the server.
    pub system_time: Option<Timestamp>,
    /// The security token that opens the negotiation.
    pub token: &'a [u8],
}

/// SESSION_SETUP request, `[MS-SMB2] 2.2.5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSetupRequest<'a> {
    /// Flags bit 0: binds another channel to a session that exists.
    pub binding: bool,
    /// The security token.
    pub token: &'a [u8],
}

/// SESSION_SETUP response, `[MS-SMB2] 2.2.6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSetupResponse<'a> {
    /// SessionFlags: guest (1) or null session (2).
    pub guest: bool,
    /// SessionFlags: encryption is required (4).
    pub encrypted: bool,
    /// The security token.
    pub token: &'a [u8],
}

/// CREATE request, `[MS-SMB2] 2.2.13`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRequest {
    /// DesiredAccess.
    pub access: u32,
    /// CreateDisposition: 0 supersede, 1 open, 2 create, 3 open_if, 4 overwrite, 5 overwrite_if.
    pub disposition: u32,
    /// CreateOptions; 0x1000 is FILE_DELETE_ON_CLOSE, 0x1 FILE_DIRECTORY_FILE.
    pub options: u32,
    /// The path inside the share.
    pub name: String,
}

/// CREATE response, `[MS-SMB2] 2.2.14`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateResponse {
    /// CreateAction: 0 superseded, 1 opened, 2 created, 3 overwritten.
    pub action: u32,
    /// EndofFile in bytes.
    pub size_bytes: u64,
    /// FileId.
    pub file_id: FileId,
}

/// READ request, `[MS-SMB2] 2.2.19`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest {
    /// FileId.
    pub file_id: FileId,
}

/// WRITE request, `[MS-SMB2] 2.2.21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRequest<'a> {
    /// FileId.
    pub file_id: FileId,
    /// Length in bytes as announced.
    pub length: u32,
    /// The data, as much of it as is there.
    pub data: &'a [u8],
}

/// IOCTL request, `[MS-SMB2] 2.2.31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlRequest<'a> {
    /// CtlCode.
    pub code: u32,
    /// FileId.
    pub file_id: FileId,
    /// The input buffer, as much of it as is there.
    pub input: &'a [u8],
}

/// IOCTL response, `[MS-SMB2] 2.2.32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlResponse<'a> {
    /// CtlCode.
    pub code: u32,
    /// FileId.
    pub file_id: FileId,
    /// The output buffer, as much of it as is there.
    pub output: &'a [u8],
}

/// The SET_INFO requests that end a file or move it, `[MS-SMB2] 2.2.39`, `[MS-FSCC] 2.4.11, 2.4.37`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetInfo {
    /// FileDispositionInformation: delete on close.
    Delete,
    /// FileRenameInformation: the new path inside the share.
    Rename(String),
    /// Another information class.
    Other,
}

/// A reader behind the header, with the body's StructureSize checked.
fn body<'a>(message: &'a [u8], structure_size: u16, what: &'static str) -> Result<Reader<'a>> {
    let mut reader = Reader::new(message, what);
    reader.skip(HEADER_SIZE)?;
    let size = reader.u16()?;
    if size == structure_size { Ok(reader) } else { Err(Error::Malformed { what, offset: HEADER_SIZE }) }
}

fn buffer<'a>(message: &'a [u8], offset: u16, length: u16, what: &'static str) -> Result<&'a [u8]> {
    slice(message, usize::from(offset), usize::from(length), what)
}

/// A payload that may be cut short by the capture.
fn payload(message: &[u8], offset: u32, length: u32) -> &[u8] {
    let mut reader = Reader::new(message, "SMB2 payload");
    match (usize::try_from(offset), usize::try_from(length)) {
        (Ok(offset), Ok(length)) if length > 0 && reader.seek(offset).is_ok() => reader.take_up_to(length),
        _ => &[],
    }
}

fn file_id(reader: &mut Reader<'_>) -> Result<FileId> {
    reader.array().map(FileId)
}

/// Decodes a NEGOTIATE request.
///
/// # Errors
/// As [`Reader`] and for a wrong StructureSize; so do all decoders of this file.
pub fn negotiate_request(message: &[u8]) -> Result<NegotiateRequest> {
    let mut reader = body(message, 36, "SMB2 NEGOTIATE request")?;
    let count = usize::from(reader.u16()?);
    if count > 64 {
        return Err(reader.bound(64));
    }
    let mode = reader.u16()?;
    reader.skip(6)?;
    let client_guid = reader.array()?;
    reader.skip(8)?;
    let dialects = (0..count).map(|_| reader.u16()).collect::<Result<_>>()?;
    Ok(NegotiateRequest { signing_required: mode & 2 != 0, client_guid, dialects })
}

/// Decodes a NEGOTIATE response.
///
/// # Errors
/// As [`negotiate_request`].
pub fn negotiate_response(message: &[u8]) -> Result<NegotiateResponse<'_>> {
    let mut reader = body(message, 65, "SMB2 NEGOTIATE response")?;
    let mode = reader.u16()?;
    let dialect = reader.u16()?;
    // NegotiateContextCount, ServerGuid, Capabilities, MaxTransactSize, MaxReadSize, MaxWriteSize.
    reader.skip(34)?;
    let system_time = Timestamp::from_filetime(reader.u64()?);
    reader.skip(8)?;
    let (offset, length) = (reader.u16()?, reader.u16()?);
    let token = buffer(message, offset, length, "SMB2 NEGOTIATE security buffer")?;
    Ok(NegotiateResponse { signing_required: mode & 2 != 0, dialect, system_time, token })
}

/// Decodes a SESSION_SETUP request.
///
/// # Errors
/// As [`negotiate_request`].
pub fn session_setup_request(message: &[u8]) -> Result<SessionSetupRequest<'_>> {
    let mut reader = body(message, 25, "SMB2 SESSION_SETUP request")?;
    let flags = reader.u8()?;
    // SecurityMode, Capabilities, Channel.
    reader.skip(9)?;
    let (offset, length) = (reader.u16()?, reader.u16()?);
    let token = buffer(message, offset, length, "SMB2 SESSION_SETUP security buffer")?;
    Ok(SessionSetupRequest { binding: flags & 1 != 0, token })
}

/// Decodes a SESSION_SETUP response.
///
/// # Errors
/// As [`negotiate_request`]: an error response has another structure.
pub fn session_setup_response(message: &[u8]) -> Result<SessionSetupResponse<'_>> {
    let mut reader = body(message, 9, "SMB2 SESSION_SETUP response")?;
    let flags = reader.u16()?;
    let (offset, length) = (reader.u16()?, reader.u16()?);
    let token = buffer(message, offset, length, "SMB2 SESSION_SETUP security buffer")?;
    Ok(SessionSetupResponse { guest: flags & 3 != 0, encrypted: flags & 4 != 0, token })
}

/// The UNC path of a TREE_CONNECT request, `[MS-SMB2] 2.2.9`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn tree_connect_request(message: &[u8]) -> Result<String> {
    let mut reader = body(message, 9, "SMB2 TREE_CONNECT request")?;
    let extension = reader.u16()? & 4 != 0;
    let (offset, length) = (reader.u16()?, reader.u16()?);
    let path = buffer(message, offset, length, "SMB2 TREE_CONNECT path")?;
    if extension && length == 0 {
        return Err(reader.malformed());
    }
    Ok(utf16(path))
}

/// Whether the tree of a TREE_CONNECT response is a pipe share, `[MS-SMB2] 2.2.10`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn tree_connect_response(message: &[u8]) -> Result<bool> {
    let mut reader = body(message, 16, "SMB2 TREE_CONNECT response")?;
    Ok(reader.u8()? == 2)
}

/// Decodes a CREATE request.
///
/// # Errors
/// As [`negotiate_request`].
pub fn create_request(message: &[u8]) -> Result<CreateRequest> {
    let mut reader = body(message, 57, "SMB2 CREATE request")?;
    // SecurityFlags, RequestedOplockLevel, ImpersonationLevel, SmbCreateFlags, Reserved.
    reader.skip(22)?;
    let access = reader.u32()?;
    // FileAttributes, ShareAccess.
    reader.skip(8)?;
    let disposition = reader.u32()?;
    let options = reader.u32()?;
    let (offset, length) = (reader.u16()?, reader.u16()?);
    let name = utf16(buffer(message, offset, length, "SMB2 CREATE name")?);
    Ok(CreateRequest { access, disposition, options, name })
}

/// Decodes a CREATE response.
///
/// # Errors
/// As [`negotiate_request`].
pub fn create_response(message: &[u8]) -> Result<CreateResponse> {
    let mut reader = body(message, 89, "SMB2 CREATE response")?;
    reader.skip(2)?;
    let action = reader.u32()?;
    // CreationTime, LastAccessTime, LastWriteTime, ChangeTime, AllocationSize.
    reader.skip(40)?;
    let size_bytes = reader.u64()?;
    // FileAttributes, Reserved2.
    reader.skip(8)?;
    Ok(CreateResponse { action, size_bytes, file_id: file_id(&mut reader)? })
}

/// The file of a CLOSE request, `[MS-SMB2] 2.2.15`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn close_request(message: &[u8]) -> Result<FileId> {
    let mut reader = body(message, 24, "SMB2 CLOSE request")?;
    reader.skip(6)?;
    file_id(&mut reader)
}

/// Decodes a READ request.
///
/// # Errors
/// As [`negotiate_request`].
pub fn read_request(message: &[u8]) -> Result<ReadRequest> {
    let mut reader = body(message, 49, "SMB2 READ request")?;
    // Padding, Flags, Length, Offset.
    reader.skip(14)?;
    Ok(ReadRequest { file_id: file_id(&mut reader)? })
}

/// The announced length in bytes and the data of a READ response, `[MS-SMB2] 2.2.20`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn read_response(message: &[u8]) -> Result<(u32, &[u8])> {
    let mut reader = body(message, 17, "SMB2 READ response")?;
    let offset = u32::from(reader.u8()?);
    reader.skip(1)?;
    let length = reader.u32()?;
    Ok((length, payload(message, offset, length)))
}

/// Decodes a WRITE request.
///
/// # Errors
/// As [`negotiate_request`].
pub fn write_request(message: &[u8]) -> Result<WriteRequest<'_>> {
    let mut reader = body(message, 49, "SMB2 WRITE request")?;
    let offset = u32::from(reader.u16()?);
    let length = reader.u32()?;
    reader.skip(8)?;
    let file_id = file_id(&mut reader)?;
    Ok(WriteRequest { file_id, length, data: payload(message, offset, length) })
}

/// The bytes that a WRITE response says were written, `[MS-SMB2] 2.2.22`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn write_response(message: &[u8]) -> Result<u32> {
    let mut reader = body(message, 17, "SMB2 WRITE response")?;
    reader.skip(2)?;
    reader.u32()
}

/// Decodes an IOCTL request.
///
/// # Errors
/// As [`negotiate_request`].
pub fn ioctl_request(message: &[u8]) -> Result<IoctlRequest<'_>> {
    let mut reader = body(message, 57, "SMB2 IOCTL request")?;
    reader.skip(2)?;
    let code = reader.u32()?;
    let file_id = file_id(&mut reader)?;
    let (offset, length) = (reader.u32()?, reader.u32()?);
    Ok(IoctlRequest { code, file_id, input: payload(message, offset, length) })
}

/// Decodes an IOCTL response.
///
/// # Errors
/// As [`negotiate_request`].
pub fn ioctl_response(message: &[u8]) -> Result<IoctlResponse<'_>> {
    let mut reader = body(message, 49, "SMB2 IOCTL response")?;
    reader.skip(2)?;
    let code = reader.u32()?;
    let file_id = file_id(&mut reader)?;
    // InputOffset, InputCount.
    reader.skip(8)?;
    let (offset, length) = (reader.u32()?, reader.u32()?);
    Ok(IoctlResponse { code, file_id, output: payload(message, offset, length) })
}

/// The file and the change of a SET_INFO request, `[MS-SMB2] 2.2.39`.
///
/// # Errors
/// As [`negotiate_request`].
pub fn set_info_request(message: &[u8]) -> Result<(FileId, SetInfo)> {
    const INFO_FILE: u8 = 1;
    let mut reader = body(message, 33, "SMB2 SET_INFO request")?;
    let (info_type, class) = (reader.u8()?, reader.u8()?);
    let length = reader.u32()?;
    let offset = reader.u16()?;
    // Reserved, AdditionalInformation.
    reader.skip(6)?;
    let file_id = file_id(&mut reader)?;
    let data = payload(message, u32::from(offset), length);
    let change = match (info_type, class) {
        // FileDispositionInformation, FileDispositionInformationEx: the lowest bit asks for deletion.
        (INFO_FILE, 13 | 64) if data.first().is_some_and(|flags| flags & 1 != 0) => SetInfo::Delete,
        // FileRenameInformation: ReplaceIfExists, Reserved[7], RootDirectory[8], FileNameLength[4], FileName.
        (INFO_FILE, 10 | 65) => {
            let mut rename = Reader::new(data, "FileRenameInformation");
            rename.skip(16)?;
            let length = usize::try_from(rename.u32()?).map_err(|_| rename.malformed())?;
            SetInfo::Rename(utf16(rename.take(length)?))
        }
        _ => SetInfo::Other,
    };
    Ok((file_id, change))
}
