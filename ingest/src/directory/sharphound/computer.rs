//! Computers: delegation to them, managed passwords, and that nobody asked the host itself.

use hopwatch_model::NodeKind;
use serde_json::{Value, json};

use super::Summary;
use super::account::{account, grantees};
use super::index::{Index, Item};
use super::object::{Object, Principal, not_collected};
use super::properties::common;
use super::scope::Applied;

/// `ADS_UF_SERVER_TRUST_ACCOUNT`: a domain controller that writes.
const SERVER_TRUST: u32 = 0x2000;
/// `ADS_UF_PARTIAL_SECRETS_ACCOUNT`: a read-only domain controller.
const PARTIAL_SECRETS: u32 = 0x400_0000;

/// Whether it is a domain controller.
pub(super) fn controller(item: &Item<'_>) -> bool {
    let flags = item.entry.flags("userAccountControl").unwrap_or(0);
    item.kind == NodeKind::Computer && flags & SERVER_TRUST != 0
}

/// Whether LAPS, old or new, manages its local administrator's password. The time at which it ends may be read by all.
pub(super) fn laps(item: &Item<'_>) -> bool {
    ["ms-Mcs-AdmPwdExpirationTime", "msLAPS-PasswordExpirationTime"]
        .iter()
        .any(|name| item.entry.integer(name).is_some_and(|time| time > 0))
}

/// A computer.
pub(super) fn object(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    account(index, item, &mut object, summary);
    let system = [entry.text("operatingSystem"), entry.text("operatingSystemServicePack")];
    let system = system.into_iter().flatten().collect::<Vec<_>>().join(" ");
    object.property("operatingsystem", if system.is_empty() { Value::Null } else { system.into() });
    if let Some(name) = entry.text("dNSHostName") {
        object.property("dnshostname", name);
    }
    let flags = entry.flags("userAccountControl").unwrap_or(0);
    object.property("haslaps", laps(item));
    let ends = ["ms-Mcs-AdmPwdExpirationTime", "msLAPS-PasswordExpirationTime"].map(|name| entry.filetime_secs(name));
    object.property("lapsexpires", ends[0].max(ends[1]));
    object.property("isdc", controller(item));
    object.property("isreadonlydc", flags & PARTIAL_SECRETS != 0);
    object.property("email", entry.text("mail"));
    object.set("IsDC", controller(item));
    object.set("AllowedToAct", allowed_to_act(index, item, summary));
    object.set("DumpSMSAPassword", managed_accounts(index, item));
    for name in ["Sessions", "PrivilegedSessions", "RegistrySessions"] {
        object.set(name, not_collected());
    }
    // The groups of a controller are the domain's.
    let scope = index.scope.as_ref().filter(|_| !controller(item));
    let applied = scope.map(|scope| scope.applied(index, item, summary));
    object.set("LocalGroups", applied.as_ref().map_or_else(|| json!([]), |applied| applied.local_groups(item)));
    object.set("UserRights", applied.as_ref().map_or_else(|| json!([]), Applied::user_rights));
    object.set(
        "DCRegistryData",
        json!({ "CertificateMappingMethods": null, "StrongCertificateBindingEnforcement": null }),
    );
    object.set("Status", Value::Null);
    object
}

/// Resource-based delegation: who may act as anybody here.
fn allowed_to_act(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Vec<Principal> {
    let descriptor = item.entry.values("msDS-AllowedToActOnBehalfOfOtherIdentity").next();
    let grantees = descriptor.map(|descriptor| grantees(index, descriptor, summary)).unwrap_or_default();
    let mut found: Vec<Principal> = grantees.into_iter().map(|(grantee, _)| grantee).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Standalone managed accounts that the computer has the password of.
fn managed_accounts(index: &Index<'_>, item: &Item<'_>) -> Vec<Principal> {
    item.entry.texts("msDS-HostServiceAccount").filter_map(|dn| index.named(dn)).collect()
}
