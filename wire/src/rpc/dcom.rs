//! DCOM and WMI, `[MS-DCOM]`, `[MS-WMI]`: activation and remote execution by operation. Marshalled objects (the class
//! activated, the method run) are not read.

use hopwatch_model::Guid;

use super::{Interface, Returns, no_arguments};

/// `[MS-DCOM] 3.1.2.5.1`.
pub(super) static IOBJECT_EXPORTER: Interface = Interface {
    uuid: Guid::from_u128(0x99fc_fec4_5260_101b_bbcb_00aa_0021_347a),
    name: "IObjectExporter",
    returns: Returns::Nothing,
    operations: IOBJECT_EXPORTER_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IOBJECT_EXPORTER_OPERATIONS: &[(u16, &str)] = &[
    (0, "ResolveOxid"),
    (1, "SimplePing"),
    (2, "ComplexPing"),
    (3, "ServerAlive"),
    (4, "ResolveOxid2"),
    (5, "ServerAlive2"),
];

/// `[MS-DCOM] 3.1.2.5.2.3.1`.
pub(super) static IACTIVATION: Interface = Interface {
    uuid: Guid::from_u128(0x4d9f_4ab8_7d1c_11cf_861e_0020_af6e_7c57),
    name: "IActivation",
    returns: Returns::Nothing,
    operations: IACTIVATION_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IACTIVATION_OPERATIONS: &[(u16, &str)] = &[
    (0, "RemoteActivation"),
];

/// `[MS-DCOM] 3.1.2.5.2.3`.
pub(super) static IREMOTE_SCM_ACTIVATOR: Interface = Interface {
    uuid: Guid::from_u128(0x0000_01a0_0000_0000_c000_0000_0000_0046),
    name: "IRemoteSCMActivator",
    returns: Returns::Nothing,
    operations: IREMOTE_SCM_ACTIVATOR_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IREMOTE_SCM_ACTIVATOR_OPERATIONS: &[(u16, &str)] = &[
    (3, "RemoteGetClassObject"),
    (4, "RemoteCreateInstance"),
];

/// `[MS-DCOM] 3.1.1.5.6`.
pub(super) static IREM_UNKNOWN: Interface = Interface {
    uuid: Guid::from_u128(0x0000_0131_0000_0000_c000_0000_0000_0046),
    name: "IRemUnknown",
    returns: Returns::Nothing,
    operations: IREM_UNKNOWN_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IREM_UNKNOWN_OPERATIONS: &[(u16, &str)] = &[
    (3, "RemQueryInterface"),
    (4, "RemAddRef"),
    (5, "RemRelease"),
];

/// `[MS-DCOM] 3.1.1.5.7`.
pub(super) static IREM_UNKNOWN2: Interface = Interface {
    uuid: Guid::from_u128(0x0000_0143_0000_0000_c000_0000_0000_0046),
    name: "IRemUnknown2",
    returns: Returns::Nothing,
    operations: IREM_UNKNOWN2_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IREM_UNKNOWN2_OPERATIONS: &[(u16, &str)] = &[
    (3, "RemQueryInterface"),
    (4, "RemAddRef"),
    (5, "RemRelease"),
    (6, "RemQueryInterface2"),
];

/// `[MS-OAUT] 3.1.4`: MMC20.Application, ShellWindows and other remote automation.
pub(super) static IDISPATCH: Interface = Interface {
    uuid: Guid::from_u128(0x0002_0400_0000_0000_c000_0000_0000_0046),
    name: "IDispatch",
    returns: Returns::Nothing,
    operations: IDISPATCH_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IDISPATCH_OPERATIONS: &[(u16, &str)] = &[
    (3, "GetTypeInfoCount"),
    (4, "GetTypeInfo"),
    (5, "GetIDsOfNames"),
    (6, "Invoke"),
];

/// `[MS-WMI] 3.1.4.1`.
pub(super) static IWBEM_LEVEL1_LOGIN: Interface = Interface {
    uuid: Guid::from_u128(0xf309_ad18_d86a_11d0_a075_00c0_4fb6_8820),
    name: "IWbemLevel1Login",
    returns: Returns::Nothing,
    operations: IWBEM_LEVEL1_LOGIN_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IWBEM_LEVEL1_LOGIN_OPERATIONS: &[(u16, &str)] = &[
    (3, "EstablishPosition"),
    (4, "RequestChallenge"),
    (5, "WBEMLogin"),
    (6, "NTLMLogin"),
];

/// `[MS-WMI] 3.1.4.6`.
pub(super) static IWBEM_LOGIN_CLIENT_ID: Interface = Interface {
    uuid: Guid::from_u128(0xd478_1cd6_e5d3_44df_ad94_930e_fe48_a887),
    name: "IWbemLoginClientID",
    returns: Returns::Nothing,
    operations: IWBEM_LOGIN_CLIENT_ID_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IWBEM_LOGIN_CLIENT_ID_OPERATIONS: &[(u16, &str)] = &[
    (3, "SetClientInfo"),
];

/// `[MS-WMI] 3.1.4.3`.
pub(super) static IWBEM_SERVICES: Interface = Interface {
    uuid: Guid::from_u128(0x9556_dc99_828c_11cf_a37e_00aa_0032_40c7),
    name: "IWbemServices",
    returns: Returns::Nothing,
    operations: IWBEM_SERVICES_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IWBEM_SERVICES_OPERATIONS: &[(u16, &str)] = &[
    (3, "OpenNamespace"),
    (4, "CancelAsyncCall"),
    (5, "QueryObjectSink"),
    (6, "GetObject"),
    (7, "GetObjectAsync"),
    (8, "PutClass"),
    (9, "PutClassAsync"),
    (10, "DeleteClass"),
    (11, "DeleteClassAsync"),
    (12, "CreateClassEnum"),
    (13, "CreateClassEnumAsync"),
    (14, "PutInstance"),
    (15, "PutInstanceAsync"),
    (16, "DeleteInstance"),
    (17, "DeleteInstanceAsync"),
    (18, "CreateInstanceEnum"),
    (19, "CreateInstanceEnumAsync"),
    (20, "ExecQuery"),
    (21, "ExecQueryAsync"),
    (22, "ExecNotificationQuery"),
    (23, "ExecNotificationQueryAsync"),
    (24, "ExecMethod"),
    (25, "ExecMethodAsync"),
];

/// `[MS-WMI] 3.1.4.4`.
pub(super) static IENUM_WBEM_CLASS_OBJECT: Interface = Interface {
    uuid: Guid::from_u128(0x0279_47e1_d731_11ce_a357_0000_0000_0001),
    name: "IEnumWbemClassObject",
    returns: Returns::Nothing,
    operations: IENUM_WBEM_CLASS_OBJECT_OPERATIONS,
    decode: no_arguments,
};

#[rustfmt::skip]
static IENUM_WBEM_CLASS_OBJECT_OPERATIONS: &[(u16, &str)] = &[
    (3, "Reset"),
    (4, "Next"),
    (5, "NextAsync"),
    (6, "Clone"),
    (7, "Skip"),
];
