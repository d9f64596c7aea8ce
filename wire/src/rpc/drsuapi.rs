//! Directory replication, `[MS-DRSR]`. Honest clients and tools alike seal it, so that the operation is most of what a sensor
//! sees; clear stubs give the naming context.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns, no_arguments};
use crate::dcerpc::Ndr;
use crate::error::Result;
use crate::reader::utf16;

/// drsuapi, `[MS-DRSR] 1.9`.
pub(super) static DRSUAPI: Interface = Interface {
    uuid: Guid::from_u128(0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2),
    name: "drsuapi",
    returns: Returns::Win32,
    operations: DRSUAPI_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static DRSUAPI_OPERATIONS: &[(u16, &str)] = &[
    (0, "IDL_DRSBind"),
    (1, "IDL_DRSUnbind"),
    (2, "IDL_DRSReplicaSync"),
    (3, "IDL_DRSGetNCChanges"),
    (4, "IDL_DRSUpdateRefs"),
    (5, "IDL_DRSReplicaAdd"),
    (6, "IDL_DRSReplicaDel"),
    (7, "IDL_DRSReplicaModify"),
    (8, "IDL_DRSVerifyNames"),
    (9, "IDL_DRSGetMemberships"),
    (10, "IDL_DRSInterDomainMove"),
    (11, "IDL_DRSGetNT4ChangeLog"),
    (12, "IDL_DRSCrackNames"),
    (13, "IDL_DRSWriteSPN"),
    (14, "IDL_DRSRemoveDsServer"),
    (15, "IDL_DRSRemoveDsDomain"),
    (16, "IDL_DRSDomainControllerInfo"),
    (17, "IDL_DRSAddEntry"),
    (18, "IDL_DRSExecuteKCC"),
    (19, "IDL_DRSGetReplInfo"),
    (20, "IDL_DRSAddSidHistory"),
    (21, "IDL_DRSGetMemberships2"),
    (22, "IDL_DRSReplicaVerifyObjects"),
    (23, "IDL_DRSGetObjectExistence"),
    (24, "IDL_DRSQuerySitesByCost"),
    (25, "IDL_DRSInitDemotion"),
    (26, "IDL_DRSReplicaDemotion"),
    (27, "IDL_DRSFinishDemotion"),
    (28, "IDL_DRSAddCloneDC"),
    (29, "IDL_DRSWriteNgcKey"),
    (30, "IDL_DRSReadNgcKey"),
];
/// dsaop, `[MS-DRSR] 1.9`.
pub(super) static DSAOP: Interface = Interface {
    uuid: Guid::from_u128(0x7c44_d7d4_31d5_424c_bd5e_2b3e_1f32_3d22),
    name: "dsaop",
    returns: Returns::Win32,
    operations: DSAOP_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static DSAOP_OPERATIONS: &[(u16, &str)] = &[
    (0, "IDL_DSAPrepareScript"),
    (1, "IDL_DSAExecuteScript"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    if !matches!(opnum, 2 | 3 | 4 | 5 | 12) {
        return Ok(RpcArguments::None);
    }
    // hDrs, dwVersion, and the union's own copy of the version.
    stub.handle()?;
    let version = stub.u32()?;
    stub.u32()?;
    match (opnum, version) {
        (3, 5 | 8 | 10) => changes(stub, version),
        // DRS_MSG_UPDREFS_V1: pNC, pszDsaDest, uuidDsaObjDest, ulOptions.
        (4, 1) => replication(stub, 2, 20),
        // DRS_MSG_REPADD_V1: pNC, pszDsaSrc, rtSchedule[84], ulOptions.
        (5, 1) => replication(stub, 2, 88),
        // DRS_MSG_REPADD_V2: pNC, pSourceDsaDN, pTransportDN, pszSourceDsaAddress, rtSchedule[84], ulOptions.
        (5, 2) => replication(stub, 4, 88),
        (12, 1) => crack_names(stub),
        _ => Ok(RpcArguments::None),
    }
}

/// DRS_MSG_GETCHGREQ_V5, V8 and V10, `[MS-DRSR] 4.1.10.2`: uuidDsaObjDest, uuidInvocIdSrc, pNC, usnvecFrom (three hypers),
/// pUpToDateVecDest, ulFlags, cMaxObjects, cMaxBytes, ulExtendedOp, liFsmoInfo; V8 adds pPartialAttrSet,
/// pPartialAttrSetEx and PrefixTableDest, V10 ulMoreFlags.
fn changes(mut stub: Ndr<'_>, version: u32) -> Result<RpcArguments> {
    stub.align(8)?;
    stub.guid()?;
    stub.guid()?;
    let named = stub.pointer()?;
    for _ in 0..3 {
        stub.u64()?;
    }
    stub.pointer()?;
    for _ in 0..3 {
        stub.u32()?;
    }
    let extended_op = stub.u32()?;
    stub.u64()?;
    if version >= 8 {
        stub.pointer()?;
        stub.pointer()?;
        stub.align_pointer()?;
        stub.u32()?;
        stub.pointer()?;
    }
    if version >= 10 {
        stub.u32()?;
    }
    let object = if named { dsname(&mut stub)? } else { String::new() };
    Ok(RpcArguments::Replication { object, extended_op })
}

/// A message that begins with pNC: its pointers, then bytes of no interest, then the deferred DSNAME.
fn replication(mut stub: Ndr<'_>, pointers: usize, inline_bytes: usize) -> Result<RpcArguments> {
    stub.align_pointer()?;
    let named = stub.pointer()?;
    for _ in 1..pointers {
        stub.pointer()?;
    }
    stub.skip(inline_bytes)?;
    let object = if named { dsname(&mut stub)? } else { String::new() };
    Ok(RpcArguments::Replication { object, extended_op: 0 })
}

/// DSNAME, `[MS-DRSR] 5.50`: structLen, SidLen, Guid, Sid\[28\], NameLen, StringName\[NameLen + 1\], as a conformant
/// structure. An object named by GUID alone gives the GUID.
fn dsname(stub: &mut Ndr<'_>) -> Result<String> {
    stub.size()?;
    stub.align_pointer()?;
    stub.u32()?;
    stub.u32()?;
    let guid = stub.guid()?;
    stub.skip(28)?;
    let length = usize::try_from(stub.u32()?).unwrap_or(usize::MAX);
    let name = utf16(stub.bytes(length.saturating_mul(2))?);
    Ok(if name.is_empty() && !guid.nil() { guid.to_string() } else { name })
}

/// DRS_MSG_CRACKREQ_V1, `[MS-DRSR] 4.1.4.1.2`: CodePage, LocaleId, dwFlags, formatOffered, formatDesired, cNames,
/// rpNames.
fn crack_names(mut stub: Ndr<'_>) -> Result<RpcArguments> {
    stub.align_pointer()?;
    for _ in 0..6 {
        stub.u32()?;
    }
    if !stub.pointer()? {
        return Ok(RpcArguments::None);
    }
    // The specification allows 10,000; a thousand tell enough.
    let count = stub.size()?.min(1000);
    let present: Vec<bool> = (0..count).map(|_| stub.pointer()).collect::<Result<_>>()?;
    let names = present.into_iter().filter(|present| *present).map(|_| stub.string()).collect::<Result<_>>()?;
    Ok(RpcArguments::Names(names))
}
