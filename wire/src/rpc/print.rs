//! The print spooler, `[MS-RPRN]` and `[MS-PAR]`: change notifications that make a server call back, and drivers that it
//! is told to load.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-RPRN] 2.1`: the pipe `spoolss`.
pub(super) static RPRN: Interface = Interface {
    uuid: Guid::from_u128(0x1234_5678_1234_abcd_ef00_0123_4567_89ab),
    name: "rprn",
    returns: Returns::Win32,
    operations: RPRN_OPERATIONS,
    decode: rprn_arguments,
};

#[rustfmt::skip]
static RPRN_OPERATIONS: &[(u16, &str)] = &[
    (0, "RpcEnumPrinters"),
    (1, "RpcOpenPrinter"),
    (2, "RpcSetJob"),
    (3, "RpcGetJob"),
    (4, "RpcEnumJobs"),
    (5, "RpcAddPrinter"),
    (6, "RpcDeletePrinter"),
    (7, "RpcSetPrinter"),
    (8, "RpcGetPrinter"),
    (9, "RpcAddPrinterDriver"),
    (10, "RpcEnumPrinterDrivers"),
    (11, "RpcGetPrinterDriver"),
    (12, "RpcGetPrinterDriverDirectory"),
    (13, "RpcDeletePrinterDriver"),
    (14, "RpcAddPrintProcessor"),
    (15, "RpcEnumPrintProcessors"),
    (16, "RpcGetPrintProcessorDirectory"),
    (17, "RpcStartDocPrinter"),
    (18, "RpcStartPagePrinter"),
    (19, "RpcWritePrinter"),
    (20, "RpcEndPagePrinter"),
    (21, "RpcAbortPrinter"),
    (22, "RpcReadPrinter"),
    (23, "RpcEndDocPrinter"),
    (24, "RpcAddJob"),
    (25, "RpcScheduleJob"),
    (26, "RpcGetPrinterData"),
    (27, "RpcSetPrinterData"),
    (28, "RpcWaitForPrinterChange"),
    (29, "RpcClosePrinter"),
    (30, "RpcAddForm"),
    (31, "RpcDeleteForm"),
    (32, "RpcGetForm"),
    (33, "RpcSetForm"),
    (34, "RpcEnumForms"),
    (35, "RpcEnumPorts"),
    (36, "RpcEnumMonitors"),
    (39, "RpcDeletePort"),
    (40, "RpcCreatePrinterIC"),
    (41, "RpcPlayGdiScriptOnPrinterIC"),
    (42, "RpcDeletePrinterIC"),
    (46, "RpcAddMonitor"),
    (47, "RpcDeleteMonitor"),
    (48, "RpcDeletePrintProcessor"),
    (52, "RpcResetPrinter"),
    (53, "RpcGetPrinterDriver2"),
    (56, "RpcFindClosePrinterChangeNotification"),
    (58, "RpcReplyOpenPrinter"),
    (59, "RpcRouterReplyPrinter"),
    (60, "RpcReplyClosePrinter"),
    (61, "RpcAddPortEx"),
    (62, "RpcRemoteFindFirstPrinterChangeNotification"),
    (65, "RpcRemoteFindFirstPrinterChangeNotificationEx"),
    (66, "RpcRouterReplyPrinterEx"),
    (67, "RpcRouterRefreshPrinterChangeNotification"),
    (69, "RpcOpenPrinterEx"),
    (70, "RpcAddPrinterEx"),
    (71, "RpcSetPort"),
    (72, "RpcEnumPrinterData"),
    (73, "RpcDeletePrinterData"),
    (77, "RpcSetPrinterDataEx"),
    (78, "RpcGetPrinterDataEx"),
    (79, "RpcEnumPrinterDataEx"),
    (80, "RpcEnumPrinterKey"),
    (81, "RpcDeletePrinterDataEx"),
    (82, "RpcDeletePrinterKey"),
    (84, "RpcDeletePrinterDriverEx"),
    (85, "RpcAddPerMachineConnection"),
    (86, "RpcDeletePerMachineConnection"),
    (87, "RpcEnumPerMachineConnections"),
    (88, "RpcXcvData"),
    (89, "RpcAddPrinterDriverEx"),
    (102, "RpcGetCorePrinterDrivers"),
    (104, "RpcGetPrinterDriverPackagePath"),
];

/// `[MS-PAR] 2.1`.
pub(super) static PAR: Interface = Interface {
    uuid: Guid::from_u128(0x76f0_3f96_cdfd_44fc_a22c_6495_0a00_1209),
    name: "par",
    returns: Returns::Win32,
    operations: PAR_OPERATIONS,
    decode: par_arguments,
};

#[rustfmt::skip]
static PAR_OPERATIONS: &[(u16, &str)] = &[
    (0, "RpcAsyncOpenPrinter"),
    (1, "RpcAsyncAddPrinter"),
    (20, "RpcAsyncClosePrinter"),
    (38, "RpcAsyncEnumPrinters"),
    (39, "RpcAsyncAddPrinterDriver"),
    (40, "RpcAsyncEnumPrinterDrivers"),
    (41, "RpcAsyncGetPrinterDriverDirectory"),
];

fn rprn_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    let path = match opnum {
        // pPrinterName unique.
        1 | 69 => stub.unique_string()?,
        // hPrinter, fdwFlags, fdwOptions, pszLocalMachine unique: where the server calls back.
        62 | 65 => {
            stub.handle()?;
            stub.u32()?;
            stub.u32()?;
            stub.unique_string()?
        }
        // pName unique, DRIVER_CONTAINER.
        9 | 89 => {
            stub.unique_string()?;
            driver(stub)?
        }
        _ => None,
    };
    Ok(path.map_or(RpcArguments::None, RpcArguments::Path))
}

fn par_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    let path = match opnum {
        0 => stub.unique_string()?,
        39 => {
            stub.unique_string()?;
            driver(stub)?
        }
        _ => None,
    };
    Ok(path.map_or(RpcArguments::None, RpcArguments::Path))
}

/// DRIVER_CONTAINER, `[MS-RPRN] 2.2.1.2.3`: Level, union of pointers to DRIVER_INFO_n, which all begin with cVersion,
/// pName, pEnvironment, pDriverPath, pDataFile and pConfigFile; levels 2 to 4 are read. The path told is the first that names another host, else
/// the driver's own.
fn driver(mut stub: Ndr<'_>) -> Result<Option<String>> {
    stub.align_pointer()?;
    let level = stub.u32()?;
    stub.u32()?;
    if !(2..=4).contains(&level) || !stub.pointer()? {
        return Ok(None);
    }
    stub.align_pointer()?;
    stub.u32()?;
    // All pointers of the structure come before the strings; levels above 2 have more of both behind these.
    let own = (0..5).map(|_| stub.pointer()).collect::<Result<Vec<_>>>()?;
    skip_level_tail(&mut stub, level)?;
    let mut paths = Vec::new();
    for (index, present) in own.into_iter().enumerate() {
        if present {
            let text = stub.string()?;
            if index >= 2 {
                paths.push(text);
            }
        }
    }
    let remote = paths.iter().find(|path| path.starts_with("\\\\")).cloned();
    Ok(remote.or_else(|| paths.into_iter().next()))
}

/// The fixed part of DRIVER_INFO_3 and 4 behind pConfigFile, `[MS-RPRN] 2.2.1.5`: pHelpFile, pMonitorName,
/// pDefaultDataType, cchDependentFiles, pDependentFiles; level 4 adds cchPreviousNames, pszzPreviousNames.
fn skip_level_tail(stub: &mut Ndr<'_>, level: u32) -> Result<()> {
    if level >= 3 {
        for _ in 0..3 {
            stub.pointer()?;
        }
        stub.u32()?;
        stub.pointer()?;
    }
    if level >= 4 {
        stub.u32()?;
        stub.pointer()?;
    }
    Ok(())
}
