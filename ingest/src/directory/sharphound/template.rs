//! Certificate templates, `[MS-CRTD] 2`.

use serde_json::Value;

use super::Summary;
use super::container::span;
use super::index::{Index, Item};
use super::object::Object;
use super::properties::common;

/// `msPKI-Enrollment-Flag`, `[MS-CRTD] 2.26`.
const ENROLLMENT: [(u32, &str); 17] = [
    (0x1, "INCLUDE_SYMMETRIC_ALGORITHMS"),
    (PEND_ALL_REQUESTS, "PEND_ALL_REQUESTS"),
    (0x4, "PUBLISH_TO_KRA_CONTAINER"),
    (0x8, "PUBLISH_TO_DS"),
    (0x10, "AUTO_ENROLLMENT_CHECK_USER_DS_CERTIFICATE"),
    (0x20, "AUTO_ENROLLMENT"),
    (0x40, "PREVIOUS_APPROVAL_VALIDATE_REENROLLMENT"),
    (0x100, "USER_INTERACTION_REQUIRED"),
    (0x400, "REMOVE_INVALID_CERTIFICATE_FROM_PERSONAL_STORE"),
    (0x800, "ALLOW_ENROLL_ON_BEHALF_OF"),
    (0x1000, "ADD_OCSP_NOCHECK"),
    (0x2000, "ENABLE_KEY_REUSE_ON_NT_TOKEN_KEYSET_STORAGE_FULL"),
    (0x4000, "NOREVOCATIONINFOINISSUEDCERTS"),
    (0x8000, "INCLUDE_BASIC_CONSTRAINTS_FOR_EE_CERTS"),
    (0x1_0000, "ALLOW_PREVIOUS_APPROVAL_KEYBASEDRENEWAL_VALIDATE_REENROLLMENT"),
    (0x2_0000, "ISSUANCE_POLICIES_FROM_REQUEST"),
    (NO_SECURITY_EXTENSION, "NO_SECURITY_EXTENSION"),
];

/// Requests wait for a manager's approval.
const PEND_ALL_REQUESTS: u32 = 0x2;
/// Certificates do not carry the requester's SID.
const NO_SECURITY_EXTENSION: u32 = 0x8_0000;

/// `msPKI-Certificate-Name-Flag`, `[MS-CRTD] 2.28`, and the property of each bit that has one.
const NAMES: [(u32, &str, &str); 13] = [
    (0x1, "ENROLLEE_SUPPLIES_SUBJECT", "enrolleesuppliessubject"),
    (0x8, "OLD_CERT_SUPPLIES_SUBJECT_AND_ALT_NAME", ""),
    (0x1_0000, "ENROLLEE_SUPPLIES_SUBJECT_ALT_NAME", ""),
    (0x40_0000, "SUBJECT_ALT_REQUIRE_DOMAIN_DNS", "subjectaltrequiredomaindns"),
    (0x80_0000, "SUBJECT_ALT_REQUIRE_SPN", "subjectaltrequirespn"),
    (0x100_0000, "SUBJECT_ALT_REQUIRE_DIRECTORY_GUID", ""),
    (0x200_0000, "SUBJECT_ALT_REQUIRE_UPN", "subjectaltrequireupn"),
    (0x400_0000, "SUBJECT_ALT_REQUIRE_EMAIL", "subjectaltrequireemail"),
    (0x800_0000, "SUBJECT_ALT_REQUIRE_DNS", "subjectaltrequiredns"),
    (0x1000_0000, "SUBJECT_REQUIRE_DNS_AS_CN", ""),
    (0x2000_0000, "SUBJECT_REQUIRE_EMAIL", "subjectrequireemail"),
    (0x4000_0000, "SUBJECT_REQUIRE_COMMON_NAME", ""),
    (0x8000_0000, "SUBJECT_REQUIRE_DIRECTORY_PATH", ""),
];

/// Usages with which Kerberos lets a certificate log on: client authentication, PKINIT, smart card logon, any.
const LOGON: [&str; 4] = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.2.3.4", "1.3.6.1.4.1.311.20.2.2", "2.5.29.37.0"];
/// Usages with which Schannel does: client authentication, any.
const SCHANNEL: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/// A template.
pub(super) fn object(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    let version = entry.integer("msPKI-Template-Schema-Version").unwrap_or(1);
    object.property("schemaversion", version);
    object.property("displayname", entry.text("displayName"));
    object.property("oid", entry.text("msPKI-Cert-Template-OID"));
    object.property("validityperiod", span(period(entry.values("pKIExpirationPeriod").next())));
    object.property("renewalperiod", span(period(entry.values("pKIOverlapPeriod").next())));
    let enrollment = entry.flags("msPKI-Enrollment-Flag").unwrap_or(0);
    let set = ENROLLMENT.iter().filter(|(bit, _)| enrollment & bit != 0).map(|(_, name)| *name);
    object.property("enrollmentflag", set.collect::<Vec<_>>().join(", "));
    object.property("requiresmanagerapproval", enrollment & PEND_ALL_REQUESTS != 0);
    object.property("nosecurityextension", enrollment & NO_SECURITY_EXTENSION != 0);
    let names = entry.flags("msPKI-Certificate-Name-Flag").unwrap_or(0);
    let set = NAMES.iter().filter(|(bit, ..)| names & bit != 0).map(|(_, name, _)| *name);
    object.property("certificatenameflag", set.collect::<Vec<_>>().join(", "));
    for (bit, _, property) in NAMES.iter().filter(|(.., property)| !property.is_empty()) {
        object.property(property, names & bit != 0);
    }
    object.property("authorizedsignatures", entry.integer("msPKI-RA-Signature").unwrap_or(0));
    object.texts("issuancepolicies", entry.texts("msPKI-RA-Policies"));
    object.texts("certificatepolicy", entry.texts("msPKI-Certificate-Policy"));
    let applications = entry.texts("msPKI-RA-Application-Policies").flat_map(application_policies);
    object.texts("applicationpolicies", applications);
    usages(item, version, &mut object);
    object
}

/// What certificates may be used for, and so whether they log on.
fn usages(item: &Item<'_>, version: i64, object: &mut Object) {
    let extended: Vec<&str> = item.entry.texts("pKIExtendedKeyUsage").collect();
    let application: Vec<&str> = item.entry.texts("msPKI-Certificate-Application-Policy").collect();
    // Version 1 knows no application policies; where it has any they are remains.
    let effective = if version == 1 && !extended.is_empty() { &extended } else { &application };
    let any = |of: &[&str]| effective.is_empty() || effective.iter().any(|usage| of.contains(usage));
    object.property("authenticationenabled", any(&LOGON));
    object.property("schannelauthenticationenabled", any(&SCHANNEL));
    object.texts("effectiveekus", effective.iter().copied());
    object.texts("ekus", extended.iter().copied());
    object.property("certificateapplicationpolicy", application.into_iter().map(Value::from).collect::<Vec<_>>());
}

/// The policies that a request's signatures must have. Newer templates write all their settings in one value, as
/// name`type`value` triples (`[MS-CRTD] 2.23`).
fn application_policies(value: &str) -> Vec<&str> {
    if !value.contains('`') {
        return vec![value];
    }
    let parts: Vec<&str> = value.split('`').collect();
    let (triples, _) = parts.as_chunks::<3>();
    let policies = triples.iter().filter(|[name, ..]| *name == "msPKI-RA-Application-Policies");
    policies.flat_map(|[_, _, value]| value.split(',')).collect()
}

/// A negative number of 100 ns ticks in eight bytes, `[MS-CRTD] 2.11`, in seconds.
fn period(bytes: Option<&[u8]>) -> Option<i64> {
    let ticks = i64::from_le_bytes(bytes?.try_into().ok()?);
    (ticks != i64::MIN).then(|| ticks.saturating_abs() / 10_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_policies_are_found_in_both_forms() {
        assert_eq!(application_policies("1.3.6.1.4.1.311.20.2.1"), ["1.3.6.1.4.1.311.20.2.1"]);
        let text = "msPKI-Asymmetric-Algorithm`PZPWSTR`RSA`msPKI-RA-Application-Policies`PZPWSTR`1.2,1.3`";
        assert_eq!(application_policies(text), ["1.2", "1.3"]);
    }

    #[test]
    fn periods_are_negative_ticks() {
        let year = (-315_360_000_000_000_i64).to_le_bytes();
        assert_eq!(span(period(Some(&year))), "1 year");
        assert_eq!(period(Some(&[1, 2])), None);
    }
}
