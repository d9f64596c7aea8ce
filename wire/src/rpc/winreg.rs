//! The remote registry, `[MS-RRP]`: keys opened, written and saved. Values are not read.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-RRP] 1.9`.
pub(super) static WINREG: Interface = Interface {
    uuid: Guid::from_u128(0x338c_d001_2244_31f1_aaaa_9000_3800_1003),
    name: "winreg",
    returns: Returns::Win32,
    operations: WINREG_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static WINREG_OPERATIONS: &[(u16, &str)] = &[
    (0, "OpenClassesRoot"),
    (1, "OpenCurrentUser"),
    (2, "OpenLocalMachine"),
    (3, "OpenPerformanceData"),
    (4, "OpenUsers"),
    (5, "BaseRegCloseKey"),
    (6, "BaseRegCreateKey"),
    (7, "BaseRegDeleteKey"),
    (8, "BaseRegDeleteValue"),
    (9, "BaseRegEnumKey"),
    (10, "BaseRegEnumValue"),
    (11, "BaseRegFlushKey"),
    (12, "BaseRegGetKeySecurity"),
    (13, "BaseRegLoadKey"),
    (15, "BaseRegOpenKey"),
    (16, "BaseRegQueryInfoKey"),
    (17, "BaseRegQueryValue"),
    (18, "BaseRegReplaceKey"),
    (19, "BaseRegRestoreKey"),
    (20, "BaseRegSaveKey"),
    (21, "BaseRegSetKeySecurity"),
    (22, "BaseRegSetValue"),
    (23, "BaseRegUnLoadKey"),
    (26, "BaseRegGetVersion"),
    (27, "OpenCurrentConfig"),
    (29, "BaseRegQueryMultipleValues"),
    (31, "BaseRegSaveKeyEx"),
    (32, "OpenPerformanceText"),
    (33, "OpenPerformanceNlsText"),
    (34, "BaseRegQueryMultipleValues2"),
    (35, "BaseRegDeleteKeyEx"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    let path = match opnum {
        0 => "HKCR".to_owned(),
        1 => "HKCU".to_owned(),
        2 => "HKLM".to_owned(),
        3 => "HKPD".to_owned(),
        4 => "HKU".to_owned(),
        27 => "HKCC".to_owned(),
        // hKey, then lpSubKey, lpValueName: RRP_UNICODE_STRING.
        6 | 7 | 8 | 15 | 17 | 22 | 35 => {
            stub.handle()?;
            stub.unicode_string()?
        }
        // BaseRegSaveKey and Ex, BaseRegRestoreKey, BaseRegGetKeySecurity, BaseRegEnumKey …: hKey says which.
        9 | 10 | 12 | 16 | 19 | 20 | 21 | 31 => String::new(),
        _ => return Ok(RpcArguments::None),
    };
    Ok(RpcArguments::RegistryKey(path))
}
