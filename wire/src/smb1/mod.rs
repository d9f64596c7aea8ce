//! SMB 1, `[MS-CIFS]` and `[MS-SMB]`: who sets up a session, opens a file or a pipe, and what goes through pipes.
//!
//! Passwords and challenge responses are classified by their shape and dropped. Searches, locks, printing and the core
//! commands before NT LM 0.12 are not read.

mod header;
mod messages;
mod session;

pub use header::{Block, Header, blocks, header};
pub use messages::{
    CreateRequest, ReadResponse, TransactionRequest, create_request, create_response, delete_request, fid_at,
    nt_transact_function, read_response, transaction_request, transaction_response, tree_connect_request,
    tree_connect_response, write_request,
};
pub use session::{
    NegotiateResponse, SessionCredentials, SessionSetupRequest, SessionSetupResponse, negotiate_dialects,
    negotiate_response, session_setup_request, session_setup_response,
};

/// Command codes, `[MS-CIFS] 2.2.2.1`.
pub mod command {
    /// SMB_COM_CLOSE.
    pub const CLOSE: u8 = 0x04;
    /// SMB_COM_DELETE.
    pub const DELETE: u8 = 0x06;
    /// SMB_COM_TRANSACTION.
    pub const TRANSACTION: u8 = 0x25;
    /// SMB_COM_OPEN_ANDX.
    pub const OPEN_ANDX: u8 = 0x2D;
    /// SMB_COM_READ_ANDX.
    pub const READ_ANDX: u8 = 0x2E;
    /// SMB_COM_WRITE_ANDX.
    pub const WRITE_ANDX: u8 = 0x2F;
    /// SMB_COM_TRANSACTION2.
    pub const TRANSACTION2: u8 = 0x32;
    /// SMB_COM_TREE_DISCONNECT.
    pub const TREE_DISCONNECT: u8 = 0x71;
    /// SMB_COM_NEGOTIATE.
    pub const NEGOTIATE: u8 = 0x72;
    /// SMB_COM_SESSION_SETUP_ANDX.
    pub const SESSION_SETUP_ANDX: u8 = 0x73;
    /// SMB_COM_LOGOFF_ANDX.
    pub const LOGOFF_ANDX: u8 = 0x74;
    /// SMB_COM_TREE_CONNECT_ANDX.
    pub const TREE_CONNECT_ANDX: u8 = 0x75;
    /// SMB_COM_NT_TRANSACT.
    pub const NT_TRANSACT: u8 = 0xA0;
    /// SMB_COM_NT_CREATE_ANDX.
    pub const NT_CREATE_ANDX: u8 = 0xA2;
}

/// Every decoder on the same bytes, for the fuzzer.
pub(crate) fn decode_all(bytes: &[u8]) {
    for block in blocks(bytes).unwrap_or_default() {
        for unicode in [false, true] {
            let _ = negotiate_dialects(&block);
            let _ = negotiate_response(&block, unicode);
            let _ = session_setup_request(&block, unicode);
            let _ = session_setup_response(&block, unicode);
            let _ = tree_connect_request(&block, unicode);
            let _ = create_request(&block, unicode);
            let _ = delete_request(&block, unicode);
            let _ = transaction_request(&block, unicode);
        }
        let _ = tree_connect_response(&block);
        let _ = create_response(&block);
        let _ = fid_at(&block);
        let _ = nt_transact_function(&block);
        let _ = write_request(&block);
        let _ = read_response(&block);
        let _ = transaction_response(&block);
    }
}

#[cfg(test)]
mod tests;
