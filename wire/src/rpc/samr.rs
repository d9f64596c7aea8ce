//! The Security Account Manager, `[MS-SAMR]`: who asks for users, groups and memberships, and who changes them.
//! Passwords and attributes handed over by the set operations are not read.

use hopwatch_model::Guid;
use hopwatch_model::event::RpcArguments;

use super::{Interface, Returns};
use crate::dcerpc::Ndr;
use crate::error::Result;

/// `[MS-SAMR] 1.9`.
pub(super) static SAMR: Interface = Interface {
    uuid: Guid::from_u128(0x1234_5778_1234_abcd_ef00_0123_4567_89ac),
    name: "samr",
    returns: Returns::NtStatus,
    operations: SAMR_OPERATIONS,
    decode: arguments,
};

#[rustfmt::skip]
static SAMR_OPERATIONS: &[(u16, &str)] = &[
    (0, "SamrConnect"),
    (1, "SamrCloseHandle"),
    (2, "SamrSetSecurityObject"),
    (3, "SamrQuerySecurityObject"),
    (5, "SamrLookupDomainInSamServer"),
    (6, "SamrEnumerateDomainsInSamServer"),
    (7, "SamrOpenDomain"),
    (8, "SamrQueryInformationDomain"),
    (9, "SamrSetInformationDomain"),
    (10, "SamrCreateGroupInDomain"),
    (11, "SamrEnumerateGroupsInDomain"),
    (12, "SamrCreateUserInDomain"),
    (13, "SamrEnumerateUsersInDomain"),
    (14, "SamrCreateAliasInDomain"),
    (15, "SamrEnumerateAliasesInDomain"),
    (16, "SamrGetAliasMembership"),
    (17, "SamrLookupNamesInDomain"),
    (18, "SamrLookupIdsInDomain"),
    (19, "SamrOpenGroup"),
    (20, "SamrQueryInformationGroup"),
    (21, "SamrSetInformationGroup"),
    (22, "SamrAddMemberToGroup"),
    (23, "SamrDeleteGroup"),
    (24, "SamrRemoveMemberFromGroup"),
    (25, "SamrGetMembersInGroup"),
    (26, "SamrSetMemberAttributesOfGroup"),
    (27, "SamrOpenAlias"),
    (28, "SamrQueryInformationAlias"),
    (29, "SamrSetInformationAlias"),
    (30, "SamrDeleteAlias"),
    (31, "SamrAddMemberToAlias"),
    (32, "SamrRemoveMemberFromAlias"),
    (33, "SamrGetMembersInAlias"),
    (34, "SamrOpenUser"),
    (35, "SamrDeleteUser"),
    (36, "SamrQueryInformationUser"),
    (37, "SamrSetInformationUser"),
    (38, "SamrChangePasswordUser"),
    (39, "SamrGetGroupsForUser"),
    (40, "SamrQueryDisplayInformation"),
    (41, "SamrGetDisplayEnumerationIndex"),
    (44, "SamrGetUserDomainPasswordInformation"),
    (45, "SamrRemoveMemberFromForeignDomain"),
    (46, "SamrQueryInformationDomain2"),
    (47, "SamrQueryInformationUser2"),
    (48, "SamrQueryDisplayInformation2"),
    (49, "SamrGetDisplayEnumerationIndex2"),
    (50, "SamrCreateUser2InDomain"),
    (51, "SamrQueryDisplayInformation3"),
    (52, "SamrAddMultipleMembersToAlias"),
    (53, "SamrRemoveMultipleMembersFromAlias"),
    (54, "SamrOemChangePasswordUser2"),
    (55, "SamrUnicodeChangePasswordUser2"),
    (56, "SamrGetDomainPasswordInformation"),
    (57, "SamrConnect2"),
    (58, "SamrSetInformationUser2"),
    (62, "SamrConnect4"),
    (64, "SamrConnect5"),
    (65, "SamrRidToSid"),
    (66, "SamrSetDSRMPassword"),
    (67, "SamrValidatePassword"),
    (73, "SamrUnicodeChangePasswordUser4"),
    (74, "SamrValidateComputerAccountReuseAttempt"),
];

fn arguments(opnum: u16, mut stub: Ndr<'_>) -> Result<RpcArguments> {
    Ok(match opnum {
        // ServerHandle, Name: RPC_UNICODE_STRING. DomainHandle, Name for the creations.
        5 | 10 | 12 | 14 | 50 => {
            stub.handle()?;
            RpcArguments::Names(vec![stub.unicode_string()?])
        }
        // ServerHandle, DesiredAccess, DomainId: RPC_SID.
        7 => {
            stub.handle()?;
            stub.u32()?;
            RpcArguments::Identifiers(stub.sid()?.iter().map(ToString::to_string).collect())
        }
        // DomainHandle, Count, Names[size_is(1000), length_is(Count)].
        17 => {
            stub.handle()?;
            stub.u32()?;
            stub.size()?;
            stub.size()?;
            let count = stub.size()?;
            RpcArguments::Names(stub.unicode_strings(count)?)
        }
        18 => lookup_ids(stub)?,
        // DomainHandle, DesiredAccess, RelativeId.
        19 | 27 | 34 => {
            stub.handle()?;
            stub.u32()?;
            RpcArguments::Identifiers(vec![stub.u32()?.to_string()])
        }
        // GroupHandle, MemberId.
        22 | 24 => {
            stub.handle()?;
            RpcArguments::Identifiers(vec![stub.u32()?.to_string()])
        }
        // AliasHandle, MemberId: RPC_SID.
        31 | 32 => {
            stub.handle()?;
            RpcArguments::Identifiers(stub.sid()?.iter().map(ToString::to_string).collect())
        }
        // Calls on an open user, group or alias: the handle says which.
        20 | 21 | 23 | 25 | 28 | 29 | 30 | 33 | 35 | 36 | 37 | 38 | 39 | 47 | 58 => RpcArguments::Identifiers(vec![]),
        // ServerName: unique RPC_UNICODE_STRING, UserName: RPC_UNICODE_STRING.
        55 => {
            if stub.pointer()? {
                stub.unicode_string()?;
            }
            RpcArguments::Names(vec![stub.unicode_string()?])
        }
        // Unused: unique RPC_UNICODE_STRING, UserId.
        66 => {
            if stub.pointer()? {
                stub.unicode_string()?;
            }
            RpcArguments::Identifiers(vec![stub.u32()?.to_string()])
        }
        _ => RpcArguments::None,
    })
}

/// SamrLookupIdsInDomain, `[MS-SAMR] 3.1.5.11.3`: DomainHandle, Count, RelativeIds[size_is(1000), length_is(Count)].
fn lookup_ids(mut stub: Ndr<'_>) -> Result<RpcArguments> {
    stub.handle()?;
    stub.u32()?;
    stub.size()?;
    stub.size()?;
    // The specification allows a thousand.
    let count = stub.size()?.min(1000);
    (0..count).map(|_| stub.u32().map(|rid| rid.to_string())).collect::<Result<_>>().map(RpcArguments::Identifiers)
}
