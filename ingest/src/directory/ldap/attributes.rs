//! What is asked for, and nothing else: no attribute that holds a secret is on the list. Whether a computer's password
//! is managed is told by the time at which it ends, not by the password.

/// Every attribute of objects that is asked for, in the spelling of the schema.
pub(crate) const ALL: &[&str] = &[
    "adminCount",
    "adminDescription",
    "altSecurityIdentities",
    "cACertificate",
    "certificateTemplates",
    "cn",
    "comment",
    "crossCertificatePair",
    "dNSHostName",
    "dSHeuristics",
    "description",
    "displayName",
    "distinguishedName",
    "flags",
    "gPCFileSysPath",
    "gPLink",
    "gPOptions",
    "groupType",
    "homeDirectory",
    "info",
    "lastLogon",
    "lastLogonTimestamp",
    "lockOutObservationWindow",
    "lockoutDuration",
    "lockoutThreshold",
    "mail",
    "maxPwdAge",
    "member",
    "minPwdAge",
    "minPwdLength",
    "ms-DS-MachineAccountQuota",
    "ms-Mcs-AdmPwdExpirationTime",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "msDS-AllowedToDelegateTo",
    "msDS-Behavior-Version",
    "msDS-ExpirePasswordsOnSmartCardOnlyAccounts",
    "msDS-GroupMSAMembership",
    "msDS-HostServiceAccount",
    "msDS-KeyCredentialLink",
    "msDS-OIDToGroupLink",
    "msDS-SupportedEncryptionTypes",
    "msLAPS-PasswordExpirationTime",
    "msPKI-Cert-Template-OID",
    "msPKI-Certificate-Application-Policy",
    "msPKI-Certificate-Name-Flag",
    "msPKI-Certificate-Policy",
    "msPKI-Enrollment-Flag",
    "msPKI-Private-Key-Flag",
    "msPKI-RA-Application-Policies",
    "msPKI-RA-Policies",
    "msPKI-RA-Signature",
    "msPKI-Template-Schema-Version",
    "nCName",
    "nETBIOSName",
    "nTSecurityDescriptor",
    "name",
    "objectClass",
    "objectGUID",
    "objectSid",
    "operatingSystem",
    "operatingSystemServicePack",
    "pKIExpirationPeriod",
    "pKIExtendedKeyUsage",
    "pKIOverlapPeriod",
    "primaryGroupID",
    "profilePath",
    "pwdHistoryLength",
    "pwdLastSet",
    "pwdProperties",
    "sAMAccountName",
    "sAMAccountType",
    "sIDHistory",
    "scriptPath",
    "securityIdentifier",
    "servicePrincipalName",
    "title",
    "trustAttributes",
    "trustDirection",
    "trustPartner",
    "trustType",
    "userAccountControl",
    "userPrincipalName",
    "whenCreated",
];

/// What is asked of the schema and of extended rights.
pub(super) const OF_SCHEMA: &[&str] = &["lDAPDisplayName", "schemaIDGUID", "attributeSecurityGUID"];

/// What is asked of the root DSE.
pub(super) const OF_ROOT: &[&str] = &[
    "configurationNamingContext",
    "defaultNamingContext",
    "dnsHostName",
    "domainControllerFunctionality",
    "dsServiceName",
    "highestCommittedUSN",
    "rootDomainNamingContext",
    "schemaNamingContext",
];

/// What is asked of the controller's own settings (`nTDSDSA`).
pub(super) const OF_SERVICE: &[&str] = &["invocationId"];

/// The static spelling of a name that may come in an answer.
pub(super) fn known(name: &str) -> Option<&'static str> {
    let all = [ALL, OF_SCHEMA, OF_ROOT, OF_SERVICE];
    all.iter().flat_map(|list| list.iter()).find(|known| known.eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_with_a_secret_is_asked_for() {
        let secrets = [
            "unicodePwd",
            "ms-Mcs-AdmPwd",
            "msLAPS-Password",
            "msLAPS-EncryptedPassword",
            "msDS-ManagedPassword",
            "userPassword",
            "unixUserPassword",
            "supplementalCredentials",
            "ntPwdHistory",
            "trustAuthOutgoing",
            "msFVE-RecoveryPassword",
        ];
        for secret in secrets {
            assert_eq!(known(secret), None, "{secret}");
        }
    }
}
