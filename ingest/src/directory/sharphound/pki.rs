//! Certification authorities, the stores that trust them, and issuance policies.

use hopwatch_model::NodeKind;
use serde_json::{Value, json};

use super::Summary;
use super::certificate::{describe, sha1_hex};
use super::index::{Index, Item};
use super::object::{Object, Principal};
use super::properties::common;

/// The bits of an enrolment service's `flags`, `[MS-WCCE] 2.2.2.11.2`.
const CA_FLAGS: [(u32, &str); 4] = [
    (0x1, "NO_TEMPLATE_SUPPORT"),
    (0x2, "SUPPORTS_NT_AUTHENTICATION"),
    (0x4, "CA_SUPPORTS_MANUAL_AUTHENTICATION"),
    (0x8, "CA_SERVERTYPE_ADVANCED"),
];

/// A root authority, an authority of the AIA container, or the store of those trusted for logon.
pub(super) fn store(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    object.set("DomainSID", index.domain_sid.to_string());
    let certificates = || entry.values("cACertificate").filter(|bytes| bytes.len() > 1);
    if item.kind == NodeKind::NTAuthStore {
        object.property("certthumbprints", certificates().map(sha1_hex).collect::<Vec<_>>());
        return object;
    }
    match certificates().next() {
        Some(bytes) => describe(index, bytes, &mut object),
        None => summary.gap("authorities without a certificate"),
    }
    if item.kind == NodeKind::AIACA {
        let pairs: Vec<String> = entry.values("crossCertificatePair").map(sha1_hex).collect();
        object.property("hascrosscertificatepair", !pairs.is_empty());
        object.property("crosscertificatepair", pairs);
    }
    object
}

/// An authority that enrols.
pub(super) fn enterprise_ca(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = store(index, item, summary);
    let name = entry.text("name").or_else(|| entry.text("cn")).unwrap_or_default();
    object.property("caname", name);
    let host = entry.text("dNSHostName").unwrap_or_default();
    object.property("dnshostname", host);
    let flags = entry.flags("flags").unwrap_or(0);
    let flags: Vec<&str> = CA_FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    object.property("flags", flags.join(", "));
    let hosting = index.host(host).map(|host| host.id.clone());
    if hosting.is_none() {
        summary.gap("authorities whose host is no computer of the domain");
    }
    object.set("HostingComputer", hosting);
    let (mut published, mut unresolved) = (Vec::new(), Vec::new());
    for name in entry.texts("certificateTemplates") {
        match template(index, name) {
            Some(template) => published.push(template),
            None => unresolved.push(name),
        }
    }
    object.property("unresolvedpublishedtemplates", unresolved);
    object.set("EnabledCertTemplates", published);
    // What the authority's own registry and web pages say takes a connection to it.
    for name in [
        "casecuritycollected",
        "enrollmentagentrestrictionscollected",
        "isuserspecifiessanenabledcollected",
        "roleseparationenabledcollected",
    ] {
        object.property(name, false);
    }
    let value = json!({ "Collected": false, "FailureReason": null, "Value": false });
    object.set(
        "CARegistryData",
        json!({
            "CASecurity": { "Collected": false, "FailureReason": null, "Data": [] },
            "EnrollmentAgentRestrictions": { "Collected": false, "FailureReason": null, "Restrictions": [] },
            "IsUserSpecifiesSanEnabled": value,
            "RoleSeparationEnabled": value,
        }),
    );
    object.set("HttpEnrollmentEndpoints", Value::Array(Vec::new()));
    object
}

/// Authorities name templates by their `cn`.
fn template(index: &Index<'_>, name: &str) -> Option<Principal> {
    let mut templates = index.items.iter().filter(|item| item.kind == NodeKind::CertTemplate);
    let found = templates.find(|item| item.entry.text("cn").is_some_and(|cn| cn.eq_ignore_ascii_case(name)))?;
    Some(Principal { object_identifier: found.id.clone(), object_type: found.kind.name() })
}

/// An issuance policy, and the group that its certificates stand for.
pub(super) fn issuance_policy(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let mut object = common(index, item, summary);
    object.property("displayname", item.entry.text("displayName"));
    object.property("certtemplateoid", item.entry.text("msPKI-Cert-Template-OID"));
    let group = item.entry.text("msDS-OIDToGroupLink");
    let linked = group.and_then(|dn| index.named(dn));
    if group.is_some() && linked.is_none() {
        summary.gap("issuance policies whose group this domain does not hold");
    }
    object.set("GroupLink", linked.unwrap_or(Principal { object_identifier: String::new(), object_type: "Base" }));
    object
}
