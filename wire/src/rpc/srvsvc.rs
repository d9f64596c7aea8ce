//! Server and workstation services, `[MS-SRVS]` and `[MS-WKST]`: sessions, shares and logged-on users.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns, no_arguments};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-SRVS] 1.9`.
pub(super) static SRVSVC: Interface = Interface {
    uuid: Guid::from_u128(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188),
    name: "srvsvc",
    returns: Returns::Win32,
    operations: SRVSVC_OPERATIONS,
    decode: srvsvc_arguments,
};

#[rustfmt::skip]
static SRVSVC_OPERATIONS: &[(u16, &str)] = &[
    (8, "NetrConnectionEnum"),
    (9, "NetrFileEnum"),
    (10, "NetrFileGetInfo"),
    (11, "NetrFileClose"),
    (12, "NetrSessionEnum"),
    (13, "NetrSessionDel"),
    (14, "NetrShareAdd"),
    (15, "NetrShareEnum"),
    (16, "NetrShareGetInfo"),
    (17, "NetrShareSetInfo"),
    (18, "NetrShareDel"),
    (19, "NetrShareDelSticky"),
    (20, "NetrShareCheck"),
    (21, "NetrServerGetInfo"),
    (22, "NetrServerSetInfo"),
    (23, "NetrServerDiskEnum"),
    (24, "NetrServerStatisticsGet"),
    (25, "NetrServerTransportAdd"),
    (26, "NetrServerTransportEnum"),
    (27, "NetrServerTransportDel"),
    (28, "NetrRemoteTOD"),
    (30, "NetprPathType"),
    (31, "NetprPathCanonicalize"),
    (32, "NetprPathCompare"),
    (33, "NetprNameValidate"),
    (34, "NetprNameCanonicalize"),
    (35, "NetprNameCompare"),
    (36, "NetrShareEnumSticky"),
    (37, "NetrShareDelStart"),
    (38, "NetrShareDelCommit"),
    (39, "NetrpGetFileSecurity"),
    (40, "NetrpSetFileSecurity"),
    (41, "NetrServerTransportAddEx"),
    (43, "NetrDfsGetVersion"),
    (44, "NetrDfsCreateLocalPartition"),
    (45, "NetrDfsDeleteLocalPartition"),
    (46, "NetrDfsSetLocalVolumeState"),
    (48, "NetrDfsCreateExitPoint"),
    (49, "NetrDfsDeleteExitPoint"),
    (50, "NetrDfsModifyPrefix"),
    (51, "NetrDfsFixLocalVolume"),
    (52, "NetrDfsManagerReportSiteInfo"),
    (53, "NetrServerTransportDelEx"),
    (54, "NetrServerAliasAdd"),
    (55, "NetrServerAliasEnum"),
    (56, "NetrServerAliasDel"),
    (57, "NetrShareDelEx"),
];
/// `[MS-WKST] 1.9`.
pub(super) static WKSSVC: Interface = Interface {
    uuid: Guid::from_u128(0x6bff_d098_a112_3610_9833_46c3_f87e_345a),
    name: "wkssvc",
    returns: Returns::Win32,
    operations: WKSSVC_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static WKSSVC_OPERATIONS: &[(u16, &str)] = &[
    (0, "NetrWkstaGetInfo"),
    (1, "NetrWkstaSetInfo"),
    (2, "NetrWkstaUserEnum"),
    (5, "NetrWkstaTransportEnum"),
    (6, "NetrWkstaTransportAdd"),
    (8, "NetrUseAdd"),
    (9, "NetrUseGetInfo"),
    (10, "NetrUseDel"),
    (11, "NetrUseEnum"),
    (13, "NetrWorkstationStatisticsGet"),
    (20, "NetrGetJoinInformation"),
    (22, "NetrJoinDomain2"),
    (23, "NetrUnjoinDomain2"),
    (24, "NetrRenameMachineInDomain2"),
    (25, "NetrValidateName2"),
    (26, "NetrGetJoinableOUs2"),
    (27, "NetrAddAlternateComputerName"),
    (28, "NetrRemoveAlternateComputerName"),
    (29, "NetrSetPrimaryComputerName"),
    (30, "NetrEnumerateComputerNames"),
];

fn srvsvc_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // NetrSessionEnum, `[MS-SRVS] 3.1.4.5`: ServerName, ClientName, UserName, all unique; the last two narrow the
        // search.
        12 => {
            stub.unique_string()?;
            let narrowed = [stub.unique_string()?, stub.unique_string()?];
            let names: Vec<String> = narrowed.into_iter().flatten().filter(|name| !name.is_empty()).collect();
            if names.is_empty() { RpcArguments::None } else { RpcArguments::Names(names) }
        }
        // NetrShareGetInfo, NetrShareDel: ServerName unique, NetName.
        16 | 18 => {
            stub.unique_string()?;
            RpcArguments::Names(vec![stub.string()?])
        }
        // NetrpGetFileSecurity, NetrpSetFileSecurity: ServerName, ShareName unique, lpFileName.
        39 | 40 => {
            stub.unique_string()?;
            let share = stub.unique_string()?.unwrap_or_default();
            RpcArguments::Path(format!("{share}\\{}", stub.string()?.trim_start_matches('\\')))
        }
        _ => RpcArguments::None,
    })
}
