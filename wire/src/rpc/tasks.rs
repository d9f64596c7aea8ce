//! The task scheduler in its three interfaces, `[MS-TSCH]`: ITaskSchedulerService, ATSvc and SASec.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns, no_arguments};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// ITaskSchedulerService, `[MS-TSCH] 1.9`.
pub(super) static TSCH: Interface = Interface {
    uuid: Guid::from_u128(0x86d3_5949_83c9_4044_b424_db36_3231_fd0c),
    name: "tsch",
    returns: Returns::Hresult,
    operations: TSCH_OPERATIONS,
    decode: tsch_arguments,
};

#[rustfmt::skip]
static TSCH_OPERATIONS: &[(u16, &str)] = &[
    (0, "SchRpcHighestVersion"),
    (1, "SchRpcRegisterTask"),
    (2, "SchRpcRetrieveTask"),
    (3, "SchRpcCreateFolder"),
    (4, "SchRpcSetSecurity"),
    (5, "SchRpcGetSecurity"),
    (6, "SchRpcEnumFolders"),
    (7, "SchRpcEnumTasks"),
    (8, "SchRpcEnumInstances"),
    (9, "SchRpcGetInstanceInfo"),
    (10, "SchRpcStopInstance"),
    (11, "SchRpcStop"),
    (12, "SchRpcRun"),
    (13, "SchRpcDelete"),
    (14, "SchRpcRename"),
    (15, "SchRpcScheduledRuntimes"),
    (16, "SchRpcGetLastRunInfo"),
    (17, "SchRpcGetTaskInfo"),
    (18, "SchRpcGetNumberOfMissedRuns"),
    (19, "SchRpcEnableTask"),
];
/// ATSvc, `[MS-TSCH] 1.9`.
pub(super) static ATSVC: Interface = Interface {
    uuid: Guid::from_u128(0x1ff7_0682_0a51_30e8_076d_740b_e8ce_e98b),
    name: "atsvc",
    returns: Returns::Win32,
    operations: ATSVC_OPERATIONS,
    decode: atsvc_arguments,
};

#[rustfmt::skip]
static ATSVC_OPERATIONS: &[(u16, &str)] = &[
    (0, "NetrJobAdd"),
    (1, "NetrJobDel"),
    (2, "NetrJobEnum"),
    (3, "NetrJobGetInfo"),
];
/// SASec, `[MS-TSCH] 1.9`.
pub(super) static SASEC: Interface = Interface {
    uuid: Guid::from_u128(0x378e_52b0_c0a9_11cf_822d_00aa_0051_e40f),
    name: "sasec",
    returns: Returns::Hresult,
    operations: SASEC_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static SASEC_OPERATIONS: &[(u16, &str)] = &[
    (0, "SASetAccountInformation"),
    (1, "SASetNSAccountInformation"),
    (2, "SAGetNSAccountInformation"),
    (3, "SAGetAccountInformation"),
];

fn tsch_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    let (path, definition) = match opnum {
        // SchRpcRegisterTask, `[MS-TSCH] 3.2.5.4.2`: path unique, xml, flags, sddl, logonType, credentials.
        1 => (stub.unique_string()?.unwrap_or_default(), stub.string()?),
        // SchRpcRetrieveTask, SchRpcCreateFolder, SchRpcRun, SchRpcDelete, SchRpcEnableTask: path.
        2 | 3 | 12 | 13 | 19 => (stub.string()?, String::new()),
        _ => return Ok(RpcArguments::None),
    };
    Ok(RpcArguments::Task { path, definition })
}

fn atsvc_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    if opnum != 0 {
        return Ok(RpcArguments::None);
    }
    // NetrJobAdd, `[MS-TSCH] 3.2.5.2.1`: ServerName unique, AT_INFO { JobTime, DaysOfMonth, DaysOfWeek, Flags, Command }.
    stub.unique_string()?;
    stub.align_pointer()?;
    stub.size()?;
    stub.u32()?;
    stub.u8()?;
    stub.u8()?;
    stub.align_pointer()?;
    let definition = stub.unique_string()?.unwrap_or_default();
    Ok(RpcArguments::Task { path: String::new(), definition })
}
