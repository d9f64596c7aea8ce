//! The Local Security Authority, `[MS-LSAD]` and `[MS-LSAT]`: secrets by name, and look-ups of names and SIDs. Values of
//! secrets are never read.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-LSAD] 1.9`.
pub(super) static LSARPC: Interface = Interface {
    uuid: Guid::from_u128(0x1234_5778_1234_abcd_ef00_0123_4567_89ab),
    name: "lsarpc",
    returns: Returns::NtStatus,
    operations: LSARPC_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static LSARPC_OPERATIONS: &[(u16, &str)] = &[
    (0, "LsarClose"),
    (2, "LsarEnumeratePrivileges"),
    (3, "LsarQuerySecurityObject"),
    (4, "LsarSetSecurityObject"),
    (6, "LsarOpenPolicy"),
    (7, "LsarQueryInformationPolicy"),
    (8, "LsarSetInformationPolicy"),
    (10, "LsarCreateAccount"),
    (11, "LsarEnumerateAccounts"),
    (12, "LsarCreateTrustedDomain"),
    (13, "LsarEnumerateTrustedDomains"),
    (14, "LsarLookupNames"),
    (15, "LsarLookupSids"),
    (16, "LsarCreateSecret"),
    (17, "LsarOpenAccount"),
    (18, "LsarEnumeratePrivilegesAccount"),
    (19, "LsarAddPrivilegesToAccount"),
    (20, "LsarRemovePrivilegesFromAccount"),
    (23, "LsarGetSystemAccessAccount"),
    (24, "LsarSetSystemAccessAccount"),
    (25, "LsarOpenTrustedDomain"),
    (26, "LsarQueryInfoTrustedDomain"),
    (27, "LsarSetInformationTrustedDomain"),
    (28, "LsarOpenSecret"),
    (29, "LsarSetSecret"),
    (30, "LsarQuerySecret"),
    (31, "LsarLookupPrivilegeValue"),
    (32, "LsarLookupPrivilegeName"),
    (33, "LsarLookupPrivilegeDisplayName"),
    (34, "LsarDeleteObject"),
    (35, "LsarEnumerateAccountsWithUserRight"),
    (36, "LsarEnumerateAccountRights"),
    (37, "LsarAddAccountRights"),
    (38, "LsarRemoveAccountRights"),
    (39, "LsarQueryTrustedDomainInfo"),
    (40, "LsarSetTrustedDomainInfo"),
    (41, "LsarDeleteTrustedDomain"),
    (42, "LsarStorePrivateData"),
    (43, "LsarRetrievePrivateData"),
    (44, "LsarOpenPolicy2"),
    (45, "LsarGetUserName"),
    (46, "LsarQueryInformationPolicy2"),
    (47, "LsarSetInformationPolicy2"),
    (48, "LsarQueryTrustedDomainInfoByName"),
    (49, "LsarSetTrustedDomainInfoByName"),
    (50, "LsarEnumerateTrustedDomainsEx"),
    (51, "LsarCreateTrustedDomainEx"),
    (53, "LsarQueryDomainInformationPolicy"),
    (54, "LsarSetDomainInformationPolicy"),
    (55, "LsarOpenTrustedDomainByName"),
    (57, "LsarLookupSids2"),
    (58, "LsarLookupNames2"),
    (59, "LsarCreateTrustedDomainEx2"),
    (68, "LsarLookupNames3"),
    (73, "LsarQueryForestTrustInformation"),
    (74, "LsarSetForestTrustInformation"),
    (76, "LsarLookupSids3"),
    (77, "LsarLookupNames4"),
    (129, "LsarCreateTrustedDomainEx3"),
    (130, "LsarOpenPolicy3"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // PolicyHandle, SecretName or KeyName: RPC_UNICODE_STRING.
        16 | 28 | 42 | 43 => {
            stub.handle()?;
            RpcArguments::Secret { name: stub.unicode_string()? }
        }
        // SecretHandle.
        29 | 30 => RpcArguments::Secret { name: String::new() },
        // PolicyHandle, Count, Names[size_is(Count)]; LsarLookupNames4 has no handle.
        14 | 58 | 68 | 77 => {
            if opnum != 77 {
                stub.handle()?;
            }
            stub.u32()?;
            let count = stub.size()?;
            RpcArguments::Names(stub.unicode_strings(count)?)
        }
        // PolicyHandle, SidEnumBuffer; LsarLookupSids3 has no handle.
        15 | 57 | 76 => {
            if opnum != 76 {
                stub.handle()?;
            }
            sids(stub)?
        }
        _ => RpcArguments::None,
    })
}

/// LSAPR_SID_ENUM_BUFFER, `[MS-LSAT] 2.2.18`: Entries, SidInfo[size_is(Entries)] of pointers to RPC_SID.
fn sids(mut stub: Ndr<'_>) -> Result<RpcArguments> {
    stub.align_pointer()?;
    stub.u32()?;
    if !stub.pointer()? {
        return Ok(RpcArguments::Identifiers(vec![]));
    }
    // The bound of `[MS-LSAT] 2.2.18` is 20480; a thousand tell enough.
    let count = stub.size()?.min(1000);
    let present: Vec<bool> = (0..count).map(|_| stub.pointer()).collect::<Result<_>>()?;
    let mut found = Vec::new();
    for _ in present.into_iter().filter(|present| *present) {
        found.extend(stub.sid()?.map(|sid| sid.to_string()));
    }
    Ok(RpcArguments::Identifiers(found))
}
