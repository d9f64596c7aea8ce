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
        2 | 39 | 45 => sam_logon(opnum, &mut stub)?,
        _ => RpcArguments::None,
    })
}

/// NetrLogonSamLogon, NetrLogonSamLogonEx and NetrLogonSamLogonWithFlags, `[MS-NRPC] 3.5.4.5.1` to `3.5.4.5.3`: whose logon a
/// member passes on. Windows seals these calls; where they are clear, the account is told. LogonServer unique,
/// ComputerName unique, (without Ex: Authenticator and ReturnAuthenticator unique, 12 bytes each), LogonLevel,
/// LogonInformation: a union by LogonLevel of pointers to structures that begin with NETLOGON_LOGON_IDENTITY_INFO
/// (`2.2.1.4.15`).
fn sam_logon(opnum: u16, stub: &mut Ndr<'_>) -> Result<RpcArguments> {
    stub.unique_string()?;
    stub.unique_string()?;
    if opnum != 39 {
        for _ in 0..2 {
            if stub.pointer()? {
                stub.align(4)?;
                stub.skip(12)?;
            }
        }
    }
    let level = stub.enum16()?;
    stub.enum16()?;
    if !stub.pointer()? {
        return Ok(RpcArguments::None);
    }
    // LogonDomainName, ParameterControl 4, LogonId 4+4, UserName, Workstation.
    let domain = stub.unicode_header()?;
    stub.u32()?;
    stub.u32()?;
    stub.u32()?;
    let (user, _workstation) = (stub.unicode_header()?, stub.unicode_header()?);
    match level {
        // Interactive and service, the transitive ones too: two one-way functions of the password, `2.2.1.4.3`.
        1 | 3 | 5 | 7 => stub.skip(32)?,
        // Network: challenge 8 and two responses as STRING, `2.2.1.4.5`.
        2 | 6 => {
            stub.skip(8)?;
            stub.unicode_header()?;
            stub.unicode_header()?;
        }
        _ => return Ok(RpcArguments::None),
    }
    let domain = if domain { stub.string()? } else { String::new() };
    let user = if user { stub.string()? } else { String::new() };
    Ok(match (domain.is_empty(), user.is_empty()) {
        (_, true) => RpcArguments::None,
        (true, false) => RpcArguments::Names(vec![user]),
        (false, false) => RpcArguments::Names(vec![format!("{domain}\\{user}")]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dcerpc::NdrSyntax;

    /// A conformant varying text: maximum 4 · offset 4 · actual 4 · letters, padded to 4.
    fn text(bytes: &mut Vec<u8>, text: &str) {
        let count = u32::try_from(text.len()).unwrap();
        for number in [count, 0, count] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }

    /// The call of a member that passes on the logon of LAB\ann, its responses without bytes behind them.
    fn call(opnum: u16, level: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in ["\\\\DC1\0", "WS1\0"] {
            bytes.extend(0x2_0000_u32.to_le_bytes());
            text(&mut bytes, name);
        }
        if opnum != 39 {
            for _ in 0..2 {
                bytes.extend(0x2_0000_u32.to_le_bytes());
                bytes.extend([7; 12]);
            }
        }
        bytes.extend(level.to_le_bytes());
        bytes.extend(level.to_le_bytes());
        bytes.extend(0x2_0000_u32.to_le_bytes());
        let header = |length: u16, pointer: u32| {
            let [low, high] = length.to_le_bytes();
            [&[low, high, low, high][..], &pointer.to_le_bytes()].concat()
        };
        bytes.extend(header(6, 1));
        bytes.extend([0; 12]);
        bytes.extend(header(6, 2));
        bytes.extend(header(0, 0));
        match level {
            2 => {
                bytes.extend([9; 8]);
                bytes.extend(header(0, 0));
                bytes.extend(header(0, 0));
            }
            _ => bytes.extend([9; 32]),
        }
        text(&mut bytes, "LAB");
        text(&mut bytes, "ann");
        bytes
    }

    #[test]
    fn a_logon_that_is_passed_on_names_its_account() {
        for (opnum, level) in [(2, 2), (39, 2), (45, 2), (39, 1)] {
            let bytes = call(opnum, level);
            let read = |bytes: &[u8]| arguments(opnum, Ndr::new(bytes, NdrSyntax::Ndr, false));
            assert_eq!(read(&bytes), Ok(RpcArguments::Names(vec!["LAB\\ann".into()])), "{opnum} {level}");
            for length in 0..bytes.len() - 2 {
                assert!(read(&bytes[..length]).is_err(), "{opnum} cut to {length}");
            }
        }
    }
}
