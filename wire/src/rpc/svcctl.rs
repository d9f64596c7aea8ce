//! The Service Control Manager, `[MS-SCMR]`: services created, changed, started and stopped. Passwords of service
//! accounts are not read.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-SCMR] 1.9`.
pub(super) static SVCCTL: Interface = Interface {
    uuid: Guid::from_u128(0x367a_bb81_9844_35f1_ad32_98f0_3800_1003),
    name: "svcctl",
    returns: Returns::Win32,
    operations: SVCCTL_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static SVCCTL_OPERATIONS: &[(u16, &str)] = &[
    (0, "RCloseServiceHandle"),
    (1, "RControlService"),
    (2, "RDeleteService"),
    (3, "RLockServiceDatabase"),
    (4, "RQueryServiceObjectSecurity"),
    (5, "RSetServiceObjectSecurity"),
    (6, "RQueryServiceStatus"),
    (7, "RSetServiceStatus"),
    (8, "RUnlockServiceDatabase"),
    (9, "RNotifyBootConfigStatus"),
    (11, "RChangeServiceConfigW"),
    (12, "RCreateServiceW"),
    (13, "REnumDependentServicesW"),
    (14, "REnumServicesStatusW"),
    (15, "ROpenSCManagerW"),
    (16, "ROpenServiceW"),
    (17, "RQueryServiceConfigW"),
    (18, "RQueryServiceLockStatusW"),
    (19, "RStartServiceW"),
    (20, "RGetServiceDisplayNameW"),
    (21, "RGetServiceKeyNameW"),
    (23, "RChangeServiceConfigA"),
    (24, "RCreateServiceA"),
    (25, "REnumDependentServicesA"),
    (26, "REnumServicesStatusA"),
    (27, "ROpenSCManagerA"),
    (28, "ROpenServiceA"),
    (29, "RQueryServiceConfigA"),
    (30, "RQueryServiceLockStatusA"),
    (31, "RStartServiceA"),
    (32, "RGetServiceDisplayNameA"),
    (33, "RGetServiceKeyNameA"),
    (35, "REnumServiceGroupW"),
    (36, "RChangeServiceConfig2A"),
    (37, "RChangeServiceConfig2W"),
    (38, "RQueryServiceConfig2A"),
    (39, "RQueryServiceConfig2W"),
    (40, "RQueryServiceStatusEx"),
    (41, "REnumServicesStatusExA"),
    (42, "REnumServicesStatusExW"),
    (44, "RCreateServiceWOW64A"),
    (45, "RCreateServiceWOW64W"),
    (47, "RNotifyServiceStatusChange"),
    (48, "RGetNotifyResults"),
    (49, "RCloseNotifyHandle"),
    (50, "RControlServiceExA"),
    (51, "RControlServiceExW"),
    (56, "RQueryServiceConfigEx"),
    (60, "RCreateWowService"),
    (64, "ROpenSCManager2"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    let (name, image_path) = match opnum {
        // RCreateServiceW and its kin, `[MS-SCMR] 3.1.4.12`: hSCManager, lpServiceName, lpDisplayName unique,
        // dwDesiredAccess, dwServiceType, dwStartType, dwErrorControl, lpBinaryPathName.
        12 | 45 | 60 => {
            stub.handle()?;
            let name = stub.string()?;
            stub.unique_string()?;
            for _ in 0..4 {
                stub.u32()?;
            }
            (name, stub.string()?)
        }
        24 | 44 => {
            stub.handle()?;
            let name = stub.char_string()?;
            if stub.pointer()? {
                stub.char_string()?;
            }
            for _ in 0..4 {
                stub.u32()?;
            }
            (name, stub.char_string()?)
        }
        // RChangeServiceConfigW, `[MS-SCMR] 3.1.4.11`: hService, dwServiceType, dwStartType, dwErrorControl,
        // lpBinaryPathName unique.
        11 => {
            stub.handle()?;
            for _ in 0..3 {
                stub.u32()?;
            }
            (String::new(), stub.unique_string()?.unwrap_or_default())
        }
        23 => {
            stub.handle()?;
            for _ in 0..3 {
                stub.u32()?;
            }
            (String::new(), if stub.pointer()? { stub.char_string()? } else { String::new() })
        }
        // ROpenServiceW, RGetServiceKeyNameW: hSCManager, lpServiceName.
        16 => {
            stub.handle()?;
            (stub.string()?, String::new())
        }
        28 => {
            stub.handle()?;
            (stub.char_string()?, String::new())
        }
        // RControlService, RDeleteService, RStartServiceW, RChangeServiceConfig2W …: hService says which.
        1 | 2 | 5 | 19 | 31 | 36 | 37 => (String::new(), String::new()),
        _ => return Ok(RpcArguments::None),
    };
    Ok(RpcArguments::Service { name, image_path })
}
