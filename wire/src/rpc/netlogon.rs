//! The Netlogon channel, `[MS-NRPC]`: how machine accounts prove themselves to a DC (CVE-2020-1472). Credentials are looked
//! at for zeros and dropped.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-NRPC] 1.9`.
pub(super) static NETLOGON: Interface = Interface {
    uuid: Guid::from_u128(0x1234_5678_1234_abcd_ef00_0123_4567_cffb),
    name: "netlogon",
    returns: Returns::NtStatus,
    operations: NETLOGON_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static NETLOGON_OPERATIONS: &[(u16, &str)] = &[
    (0, "NetrLogonUasLogon"),
    (1, "NetrLogonUasLogoff"),
    (2, "NetrLogonSamLogon"),
    (3, "NetrLogonSamLogoff"),
    (4, "NetrServerReqChallenge"),
    (5, "NetrServerAuthenticate"),
    (6, "NetrServerPasswordSet"),
    (7, "NetrDatabaseDeltas"),
    (8, "NetrDatabaseSync"),
    (9, "NetrAccountDeltas"),
    (10, "NetrAccountSync"),
    (11, "NetrGetDCName"),
    (12, "NetrLogonControl"),
    (13, "NetrGetAnyDCName"),
    (14, "NetrLogonControl2"),
    (15, "NetrServerAuthenticate2"),
    (16, "NetrDatabaseSync2"),
    (17, "NetrDatabaseRedo"),
    (18, "NetrLogonControl2Ex"),
    (19, "NetrEnumerateTrustedDomains"),
    (20, "DsrGetDcName"),
    (21, "NetrLogonGetCapabilities"),
    (22, "NetrLogonSetServiceBits"),
    (23, "NetrLogonGetTrustRid"),
    (24, "NetrLogonComputeServerDigest"),
    (25, "NetrLogonComputeClientDigest"),
    (26, "NetrServerAuthenticate3"),
    (27, "DsrGetDcNameEx"),
    (28, "DsrGetSiteName"),
    (29, "NetrLogonGetDomainInfo"),
    (30, "NetrServerPasswordSet2"),
    (31, "NetrServerPasswordGet"),
    (32, "NetrLogonSendToSam"),
    (33, "DsrAddressToSiteNamesW"),
    (34, "DsrGetDcNameEx2"),
    (35, "NetrLogonGetTimeServiceParentDomain"),
    (36, "NetrEnumerateTrustedDomainsEx"),
    (37, "DsrAddressToSiteNamesExW"),
    (38, "DsrGetDcSiteCoverageW"),
    (39, "NetrLogonSamLogonEx"),
    (40, "DsrEnumerateDomainTrusts"),
    (41, "DsrDeregisterDnsHostRecords"),
    (42, "NetrServerTrustPasswordsGet"),
    (43, "DsrGetForestTrustInformation"),
    (44, "NetrGetForestTrustInformation"),
    (45, "NetrLogonSamLogonWithFlags"),
    (46, "NetrServerGetTrustInfo"),
    (48, "DsrUpdateReadOnlyServerDnsRecords"),
    (49, "NetrChainSetClientAttributes"),
    (59, "NetrServerAuthenticateKerberos"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // NetrServerReqChallenge, `[MS-NRPC] 3.5.4.4.1`: PrimaryName unique, ComputerName, ClientChallenge[8].
        4 => {
            stub.unique_string()?;
            let computer = stub.string()?;
            let zero_credential = stub.array::<8>()? == [0; 8];
            RpcArguments::NetlogonAuthenticate { account: String::new(), computer, zero_credential }
        }
        // NetrServerAuthenticate, 2 and 3, `[MS-NRPC] 3.5.4.4.2`: PrimaryName unique, AccountName, SecureChannelType,
        // ComputerName, ClientCredential[8]. NetrServerPasswordSet and 2, NetrServerPasswordGet (`3.5.4.4.5`) and
        // NetrServerTrustPasswordsGet: the same with the credential of an authenticator.
        5 | 6 | 15 | 26 | 30 | 31 | 42 => {
            stub.unique_string()?;
            let account = stub.string()?;
            stub.enum16()?;
            let computer = stub.string()?;
            let zero_credential = stub.array::<8>()? == [0; 8];
            RpcArguments::NetlogonAuthenticate { account, computer, zero_credential }
        }
        _ => RpcArguments::None,
    })
}
