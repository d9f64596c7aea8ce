//! SMB sessions and files (`[MS-SMB2]`, `[MS-CIFS]`). The failure code is an NTSTATUS.

use serde::{Deserialize, Serialize};

/// A session that was set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmbSession {
    /// The dialect: `1`, `2.0.2`, `2.1`, `3.0`, `3.0.2`, `3.1.1`.
    pub dialect: String,
    /// Whether the server requires signing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_required: Option<bool>,
    /// Whether the server let the client in as guest or with a null session.
    #[serde(default)]
    pub guest: bool,
    /// The native operating system and LAN manager of SMB1, the sole fingerprint that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmbFileAction {
    /// Opened for reading or asked for its attributes.
    Open,
    /// Created or overwritten.
    Create,
    /// Read.
    Read,
    /// Written.
    Write,
    /// Deleted.
    Delete,
    /// A tree was connected (the path is the share alone).
    Connect,
}

/// A file, pipe or share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmbFile {
    /// The share as in `\\srv1\SYSVOL`, without the host: `SYSVOL`, `C$`, `IPC$`; empty where the tree connect was not seen.
    pub share: String,
    /// The path inside the share with backslashes, without leading one.
    pub path: String,
    /// The action.
    pub action: SmbFileAction,
    /// Bytes read or written so far by this open.
    #[serde(default)]
    pub bytes: u64,
}
