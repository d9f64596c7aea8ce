//! Interfaces that take a path and go there with the machine account: `[MS-EFSR]`, `[MS-DFSNM]`, `[MS-FSRVP]`.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-EFSR] 2.1`: the interface of the pipe `efsrpc`.
pub(super) static EFSRPC: Interface = Interface {
    uuid: Guid::from_u128(0xdf19_41c5_fe89_4e79_bf10_4636_57ac_f44d),
    name: "efsrpc",
    returns: Returns::Win32,
    operations: EFSRPC_OPERATIONS,
    decode: efsrpc_arguments,
};

#[rustfmt::skip]
static EFSRPC_OPERATIONS: &[(u16, &str)] = &[
    (0, "EfsRpcOpenFileRaw"),
    (1, "EfsRpcReadFileRaw"),
    (2, "EfsRpcWriteFileRaw"),
    (3, "EfsRpcCloseRaw"),
    (4, "EfsRpcEncryptFileSrv"),
    (5, "EfsRpcDecryptFileSrv"),
    (6, "EfsRpcQueryUsersOnFile"),
    (7, "EfsRpcQueryRecoveryAgents"),
    (8, "EfsRpcRemoveUsersFromFile"),
    (9, "EfsRpcAddUsersToFile"),
    (11, "EfsRpcNotSupported"),
    (12, "EfsRpcFileKeyInfo"),
    (13, "EfsRpcDuplicateEncryptionInfoFile"),
    (15, "EfsRpcAddUsersToFileEx"),
    (16, "EfsRpcFileKeyInfoEx"),
    (18, "EfsRpcGetEncryptedFileMetadata"),
    (19, "EfsRpcSetEncryptedFileMetadata"),
    (20, "EfsRpcFlushEfsCache"),
    (21, "EfsRpcEncryptFileExSrv"),
    (22, "EfsRpcQueryProtectors"),
];

/// The same interface as older Windows offers it on the pipes of LSASS, `[MS-EFSR] 2.1`.
pub(super) static EFSRPC_LSARPC: Interface = Interface {
    uuid: Guid::from_u128(0xc681_d488_d850_11d0_8c52_00c0_4fd9_0f7e),
    name: "efsrpc",
    returns: Returns::Win32,
    operations: EFSRPC_OPERATIONS,
    decode: efsrpc_arguments,
};

/// `[MS-DFSNM] 2.1`: the pipe `netdfs`.
pub(super) static DFSNM: Interface = Interface {
    uuid: Guid::from_u128(0x4fc7_42e0_4a10_11cf_8273_00aa_004a_e673),
    name: "dfsnm",
    returns: Returns::Win32,
    operations: DFSNM_OPERATIONS,
    decode: dfsnm_arguments,
};

#[rustfmt::skip]
static DFSNM_OPERATIONS: &[(u16, &str)] = &[
    (0, "NetrDfsManagerGetVersion"),
    (1, "NetrDfsAdd"),
    (2, "NetrDfsRemove"),
    (3, "NetrDfsSetInfo"),
    (4, "NetrDfsGetInfo"),
    (5, "NetrDfsEnum"),
    (6, "NetrDfsMove"),
    (10, "NetrDfsAddFtRoot"),
    (11, "NetrDfsRemoveFtRoot"),
    (12, "NetrDfsAddStdRoot"),
    (13, "NetrDfsRemoveStdRoot"),
    (14, "NetrDfsManagerInitialize"),
    (15, "NetrDfsAddStdRootForced"),
    (16, "NetrDfsGetDcAddress"),
    (17, "NetrDfsSetDcAddress"),
    (18, "NetrDfsFlushFtTable"),
    (19, "NetrDfsAdd2"),
    (20, "NetrDfsRemove2"),
    (21, "NetrDfsEnumEx"),
    (22, "NetrDfsSetInfo2"),
    (23, "NetrDfsAddRootTarget"),
    (24, "NetrDfsRemoveRootTarget"),
    (25, "NetrDfsGetSupportedNamespaceVersion"),
];

/// `[MS-FSRVP] 2.1`: the pipe `FssagentRpc`.
pub(super) static FSRVP: Interface = Interface {
    uuid: Guid::from_u128(0xa8e0_653c_2744_4389_a61d_7373_df8b_2292),
    name: "fsrvp",
    returns: Returns::Hresult,
    operations: FSRVP_OPERATIONS,
    decode: fsrvp_arguments,
};

#[rustfmt::skip]
static FSRVP_OPERATIONS: &[(u16, &str)] = &[
    (0, "GetSupportedVersion"),
    (1, "SetContext"),
    (2, "StartShadowCopySet"),
    (3, "AddToShadowCopySet"),
    (4, "CommitShadowCopySet"),
    (5, "ExposeShadowCopySet"),
    (6, "RecoveryCompleteShadowCopySet"),
    (7, "AbortShadowCopySet"),
    (8, "IsPathSupported"),
    (9, "IsPathShadowCopied"),
    (10, "GetShareMapping"),
    (11, "DeleteShareMapping"),
    (12, "PrepareShadowCopySet"),
];

fn efsrpc_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // FileName comes first (`[MS-EFSR] 3.1.4.2`).
        0 | 4..=9 | 12 | 13 | 18 | 19 | 21 | 22 => RpcArguments::Path(stub.string()?),
        // Flags, Reserved: unique EFS_RPC_BLOB, FileName. A blob would have to be passed over; no client sends one.
        15 | 16 => {
            stub.u32()?;
            if stub.pointer()? { RpcArguments::None } else { RpcArguments::Path(stub.string()?) }
        }
        _ => RpcArguments::None,
    })
}

fn dfsnm_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // DfsEntryPath (`[MS-DFSNM] 3.1.4.1`).
        1..=4 | 6 => RpcArguments::Path(stub.string()?),
        // ServerName, [DcName, [DfsName]] RootShare or FtDfsName: the server is where the machine account goes.
        10..=13 | 15 => {
            let server = stub.string()?;
            let next = stub.string()?;
            RpcArguments::Path(format!("\\\\{}\\{next}", server.trim_start_matches('\\')))
        }
        _ => RpcArguments::None,
    })
}

fn fsrvp_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // ClientShadowCopyId, ShadowCopySetId, ShareName.
        3 => {
            stub.guid()?;
            stub.guid()?;
            RpcArguments::Path(stub.string()?)
        }
        // ShareName.
        8 | 9 => RpcArguments::Path(stub.string()?),
        _ => RpcArguments::None,
    })
}
