//! SMB 2 and 3, `[MS-SMB2] 2.2`: headers, compounds, transforms and the messages that say who opened what.
//!
//! Reads of file content are not kept: READ and WRITE hand out the bytes that are there, for named pipes. Negotiate
//! contexts, create contexts, locks, leases and directory listings are not read.

mod header;
mod messages;

pub use header::{Header, Packet, Transform, packets};
pub use messages::{
    CreateRequest, CreateResponse, FileId, IoctlRequest, IoctlResponse, NegotiateRequest, NegotiateResponse,
    ReadRequest, SessionSetupRequest, SessionSetupResponse, SetInfo, WriteRequest, close_request, create_request,
    create_response, ioctl_request, ioctl_response, negotiate_request, negotiate_response, read_request, read_response,
    session_setup_request, session_setup_response, set_info_request, tree_connect_request, tree_connect_response,
    write_request, write_response,
};

/// Command codes, `[MS-SMB2] 2.2.1.2`.
pub mod command {
    /// NEGOTIATE.
    pub const NEGOTIATE: u16 = 0;
    /// SESSION_SETUP.
    pub const SESSION_SETUP: u16 = 1;
    /// LOGOFF.
    pub const LOGOFF: u16 = 2;
    /// TREE_CONNECT.
    pub const TREE_CONNECT: u16 = 3;
    /// TREE_DISCONNECT.
    pub const TREE_DISCONNECT: u16 = 4;
    /// CREATE.
    pub const CREATE: u16 = 5;
    /// CLOSE.
    pub const CLOSE: u16 = 6;
    /// READ.
    pub const READ: u16 = 8;
    /// WRITE.
    pub const WRITE: u16 = 9;
    /// IOCTL.
    pub const IOCTL: u16 = 11;
    /// SET_INFO.
    pub const SET_INFO: u16 = 17;
}

/// FSCTL_PIPE_TRANSCEIVE (`[MS-FSCC] 2.3`): writes to a pipe and reads its answer.
pub const FSCTL_PIPE_TRANSCEIVE: u32 = 0x0011_C017;

/// The dialect of a DialectRevision as people write it; `2.x` for the wildcard of multi-protocol negotiation.
#[must_use]
pub fn dialect_name(revision: u16) -> Option<&'static str> {
    match revision {
        0x0202 => Some("2.0.2"),
        0x0210 => Some("2.1"),
        0x0300 => Some("3.0"),
        0x0302 => Some("3.0.2"),
        0x0311 => Some("3.1.1"),
        0x02FF => Some("2.x"),
        _ => None,
    }
}

/// Every decoder on the same bytes, for the fuzzer.
pub(crate) fn decode_all(bytes: &[u8]) {
    for packet in packets(bytes) {
        let Ok(Packet::Message(_, message)) = packet else { continue };
        let _ = negotiate_request(message);
        let _ = negotiate_response(message);
        let _ = session_setup_request(message);
        let _ = session_setup_response(message);
        let _ = tree_connect_request(message);
        let _ = tree_connect_response(message);
        let _ = create_request(message);
        let _ = create_response(message);
        let _ = close_request(message);
        let _ = read_request(message);
        let _ = read_response(message);
        let _ = write_request(message);
        let _ = write_response(message);
        let _ = ioctl_request(message);
        let _ = ioctl_response(message);
        let _ = set_info_request(message);
    }
}

#[cfg(test)]
mod tests;
