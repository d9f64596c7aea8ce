//! Remote procedure calls (C706, `[MS-RPCE]`) over TCP and named pipes. The failure code is the fault status or the
//! call's own return value.

use serde::{Deserialize, Serialize};

use crate::Guid;

/// What carried a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RpcTransport {
    /// `ncacn_ip_tcp`.
    Tcp,
    /// `ncacn_np`: a named pipe over SMB, by its name without `\PIPE\`.
    Pipe(String),
    /// `ncadg_ip_udp`, `ncacn_http`.
    Other(String),
}

/// The authentication level of a connection (`[MS-RPCE] 2.2.1.1.8`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthLevel {
    /// No authentication seen.
    #[default]
    None,
    /// 2 connect.
    Connect,
    /// 3 call, 4 packet.
    Packet,
    /// 5 integrity.
    Integrity,
    /// 6 privacy: the stub is sealed.
    Privacy,
}

/// What a call's clear stub said, where it matters to a judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RpcArguments {
    /// Nothing decoded: sealed, fragmented, or of no interest.
    #[default]
    None,
    /// SVCCTL create, change or start (`[MS-SCMR] 3.1.4`).
    Service {
        /// The service's name.
        name: String,
        /// The image path, for create and change.
        image_path: String,
    },
    /// TSCH or ATSVC registration (`[MS-TSCH] 3.2.5.4.2`).
    Task {
        /// The task's path.
        path: String,
        /// Its XML or command.
        definition: String,
    },
    /// LSARPC secret or private data by name (`[MS-LSAD] 3.1.4.6`).
    Secret {
        /// The secret's name, e.g. `G$BCKUPKEY_…`.
        name: String,
    },
    /// SAMR or LSAT look-up by names.
    Names(Vec<String>),
    /// SAMR or LSAT look-up by relative identifiers or SIDs.
    Identifiers(Vec<String>),
    /// SAMR `SamrAddMemberToGroup` or `SamrAddMemberToAlias` (`[MS-SAMR] 3.1.5.8`), with the handle resolved.
    Membership {
        /// The group's SID, or its RID where the domain's handle was not seen.
        group: String,
        /// The member's SID or RID.
        member: String,
    },
    /// DRSUAPI replication (`[MS-DRSR] 4.1.10.2`).
    Replication {
        /// The naming context or object asked for.
        object: String,
        /// The extended operation, 0 where none.
        extended_op: u32,
    },
    /// NETLOGON authentication (`[MS-NRPC] 3.5.4.4`).
    NetlogonAuthenticate {
        /// The account that authenticates.
        account: String,
        /// The computer's name.
        computer: String,
        /// Whether the challenge or credential was all zeros (CVE-2020-1472).
        zero_credential: bool,
    },
    /// A path or UNC name handed over: EFSR, DFSNM, RPRN, FSRVP coercion, printer drivers.
    Path(String),
    /// A registry key.
    RegistryKey(String),
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcCall {
    /// The interface's UUID; `None` where the BIND was not seen and no endpoint mapper told it.
    pub interface: Option<Guid>,
    /// The interface's protocol name: `drsuapi`, `samr`, `lsarpc`, `svcctl`, `srvsvc` …; empty where unknown.
    #[serde(default)]
    pub interface_name: String,
    /// The operation number.
    pub opnum: u16,
    /// The operation's name as its specification spells it; empty where unknown.
    #[serde(default)]
    pub operation: String,
    /// The carrier.
    pub transport: RpcTransport,
    /// The authentication level.
    #[serde(default)]
    pub auth_level: AuthLevel,
    /// Whether the BIND was seen.
    pub bind_seen: bool,
    /// What the stub said.
    #[serde(default)]
    pub arguments: RpcArguments,
}
