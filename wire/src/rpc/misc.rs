//! Interfaces of few operations, or of which the name is all that matters.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns, no_arguments};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// The endpoint mapper, C706 appendix O.
pub(super) static EPM: Interface = Interface {
    uuid: Guid::from_u128(0xe1af_8308_5d1f_11c9_91a4_0800_2b14_a0fa),
    name: "epm",
    returns: Returns::Nothing,
    operations: EPM_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static EPM_OPERATIONS: &[(u16, &str)] = &[
    (0, "ept_insert"),
    (1, "ept_delete"),
    (2, "ept_lookup"),
    (3, "ept_map"),
    (4, "ept_lookup_handle_free"),
    (5, "ept_inq_object"),
    (6, "ept_mgmt_delete"),
];

/// Remote management, C706 appendix Q.
pub(super) static MGMT: Interface = Interface {
    uuid: Guid::from_u128(0xafa8_bd80_7d8a_11c9_bef4_0800_2b10_2989),
    name: "mgmt",
    returns: Returns::Nothing,
    operations: MGMT_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static MGMT_OPERATIONS: &[(u16, &str)] = &[
    (0, "rpc__mgmt_inq_if_ids"),
    (1, "rpc__mgmt_inq_stats"),
    (2, "rpc__mgmt_is_server_listening"),
    (3, "rpc__mgmt_stop_server_listening"),
    (4, "rpc__mgmt_inq_princ_name"),
];

/// Key backup, `[MS-BKRP] 1.9`.
pub(super) static BKRP: Interface = Interface {
    uuid: Guid::from_u128(0x3dde_7c30_165d_11d1_ab8f_0080_5f14_db40),
    name: "bkrp",
    returns: Returns::Win32,
    operations: BKRP_OPERATIONS,
    decode: bkrp_arguments,
};

#[rustfmt::skip]
static BKRP_OPERATIONS: &[(u16, &str)] = &[
    (0, "BackuprKey"),
];

/// Domain roles, `[MS-DSSP] 1.9`.
pub(super) static DSSETUP: Interface = Interface {
    uuid: Guid::from_u128(0x3919_286a_b10c_11d0_9ba8_00c0_4fd9_2ef5),
    name: "dssetup",
    returns: Returns::Win32,
    operations: DSSETUP_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static DSSETUP_OPERATIONS: &[(u16, &str)] = &[
    (0, "DsRolerGetPrimaryDomainInformation"),
];

/// The event log, `[MS-EVEN] 1.9`.
pub(super) static EVEN: Interface = Interface {
    uuid: Guid::from_u128(0x8227_3fdc_e32a_18c3_3f78_8279_29dc_23ea),
    name: "even",
    returns: Returns::NtStatus,
    operations: EVEN_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static EVEN_OPERATIONS: &[(u16, &str)] = &[
    (0, "ElfrClearELFW"),
    (1, "ElfrBackupELFW"),
    (2, "ElfrCloseEL"),
    (4, "ElfrNumberOfRecords"),
    (5, "ElfrOldestRecord"),
    (7, "ElfrOpenELW"),
    (8, "ElfrRegisterEventSourceW"),
    (9, "ElfrOpenBELW"),
    (10, "ElfrReadELW"),
    (11, "ElfrReportEventW"),
];

/// The event log since Vista, `[MS-EVEN6] 1.9`.
pub(super) static EVEN6: Interface = Interface {
    uuid: Guid::from_u128(0xf6be_aff7_1e19_4fbb_9f8f_b89e_2018_337c),
    name: "even6",
    returns: Returns::Win32,
    operations: EVEN6_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static EVEN6_OPERATIONS: &[(u16, &str)] = &[
    (0, "EvtRpcRegisterRemoteSubscription"),
    (2, "EvtRpcRemoteSubscriptionNext"),
    (4, "EvtRpcRegisterControllableOperation"),
    (5, "EvtRpcRegisterLogQuery"),
    (6, "EvtRpcClearLog"),
    (7, "EvtRpcExportLog"),
    (11, "EvtRpcQueryNext"),
    (12, "EvtRpcQuerySeek"),
    (13, "EvtRpcClose"),
    (17, "EvtRpcOpenLogHandle"),
    (19, "EvtRpcGetChannelList"),
];

/// DNS management, `[MS-DNSP] 1.9`.
pub(super) static DNSSERVER: Interface = Interface {
    uuid: Guid::from_u128(0x50ab_c2a4_574d_40b3_9d66_ee4f_d5fb_a076),
    name: "dnsserver",
    returns: Returns::Win32,
    operations: DNSSERVER_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static DNSSERVER_OPERATIONS: &[(u16, &str)] = &[
    (0, "R_DnssrvOperation"),
    (1, "R_DnssrvQuery"),
    (2, "R_DnssrvComplexOperation"),
    (3, "R_DnssrvEnumRecords"),
    (4, "R_DnssrvUpdateRecord"),
    (5, "R_DnssrvOperation2"),
    (6, "R_DnssrvQuery2"),
    (7, "R_DnssrvComplexOperation2"),
    (8, "R_DnssrvEnumRecords2"),
    (9, "R_DnssrvUpdateRecord2"),
];

/// Certificate requests over RPC, `[MS-ICPR] 1.9`.
pub(super) static ICPR: Interface = Interface {
    uuid: Guid::from_u128(0x91ae_6020_9e3c_11cf_8d7c_00aa_00c0_91be),
    name: "icpr",
    returns: Returns::Hresult,
    operations: ICPR_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static ICPR_OPERATIONS: &[(u16, &str)] = &[
    (0, "CertServerRequest"),
];

/// Certificate requests over DCOM, `[MS-WCCE] 1.9`.
pub(super) static ICERTREQUESTD: Interface = Interface {
    uuid: Guid::from_u128(0xd99e_6e70_fc88_11d0_b498_00a0_c903_12f3),
    name: "ICertRequestD",
    returns: Returns::Hresult,
    operations: ICERTREQUESTD_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static ICERTREQUESTD_OPERATIONS: &[(u16, &str)] = &[
    (3, "Request"),
    (4, "GetCACert"),
    (5, "Ping"),
];

/// Group key distribution, `[MS-GKDI] 1.9`.
pub(super) static ISDKEY: Interface = Interface {
    uuid: Guid::from_u128(0xb978_5960_524f_11df_8b6d_83dc_ded7_2085),
    name: "gkdi",
    returns: Returns::Hresult,
    operations: ISDKEY_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static ISDKEY_OPERATIONS: &[(u16, &str)] = &[
    (0, "GetKey"),
];

/// Remote shutdown, `[MS-RSP] 1.9`.
pub(super) static INITSHUTDOWN: Interface = Interface {
    uuid: Guid::from_u128(0x894d_e0c0_0d55_11d3_a322_00c0_4fa3_21a1),
    name: "initshutdown",
    returns: Returns::Win32,
    operations: INITSHUTDOWN_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static INITSHUTDOWN_OPERATIONS: &[(u16, &str)] = &[
    (0, "BaseInitiateShutdown"),
    (1, "BaseAbortShutdown"),
    (2, "BaseInitiateShutdownEx"),
];

/// The remote interface of the tool mimikatz: nothing else offers it.
pub(super) static MIMICOM: Interface = Interface {
    uuid: Guid::from_u128(0x17fc_11e9_c258_4b8d_8d07_2f41_2515_6244),
    name: "mimicom",
    returns: Returns::Nothing,
    operations: MIMICOM_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static MIMICOM_OPERATIONS: &[(u16, &str)] = &[
];

fn bkrp_arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    // BackuprKey, `[MS-BKRP] 3.1.4.1`: pguidActionAgent says whether a key is asked for, wrapped or unwrapped.
    Ok(if opnum == 0 { RpcArguments::Identifiers(vec![stub.guid()?.to_string()]) } else { RpcArguments::None })
}
