//! The attributes whose values are secrets: a change is reported, its values never are.

/// LDAP names, lower case (`[MS-ADA1]`–`[MS-ADA3]`, LAPS and BitLocker schemas).
const SECRET: &[&str] = &[
    "clearpassword",
    "currentvalue",
    "dbcspwd",
    "initialauthincoming",
    "initialauthoutgoing",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "ms-mcs-admpwdhistory",
    "msds-executescriptpassword",
    "msds-managedpassword",
    "msfve-keypackage",
    "msfve-recoverypassword",
    "mskds-rootkeydata",
    "mslaps-encrypteddsrmpassword",
    "mslaps-encrypteddsrmpasswordhistory",
    "mslaps-encryptedpassword",
    "mslaps-encryptedpasswordhistory",
    "mslaps-password",
    "mspki-credentialroamingtokens",
    "mspkiaccountcredentials",
    "mspkidpapimasterkeys",
    "mstpm-ownerinformation",
    "ntpwdhistory",
    "peklist",
    "priorvalue",
    "sambalmpassword",
    "sambantpassword",
    "supplementalcredentials",
    "trustauthincoming",
    "trustauthoutgoing",
    "unicodepwd",
    "unixuserpassword",
    "userpassword",
];

/// Whether an attribute's values are secrets.
#[must_use]
pub fn is_secret(attribute: &str) -> bool {
    let attribute = attribute.to_ascii_lowercase();
    SECRET.binary_search(&attribute.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_found_in_any_case() {
        assert!(SECRET.is_sorted());
        assert!(is_secret("unicodePwd") && is_secret("ms-Mcs-AdmPwd") && !is_secret("member"));
    }
}
