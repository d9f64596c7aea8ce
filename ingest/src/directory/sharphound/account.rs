//! Users, managed and delegated service accounts, trust accounts, and groups.

use hopwatch_model::{NodeKind, Sid};
use hopwatch_wire::security_descriptor::{self as sd, Effect, SidRef};
use serde_json::{Value, json};

use super::Summary;
use super::acl;
use super::index::{Index, Item};
use super::object::{Ace, Object, Principal};
use super::principal;
use super::properties::common;

/// The bits of `userAccountControl`, `[MS-ADTS] 2.2.16`, and the properties that they become.
const CONTROL: [(u32, &str); 13] = [
    (0x1, "logonscriptenabled"),
    (0x10, "lockedout"),
    (0x20, "passwordnotreqd"),
    (0x40, "passwordcantchange"),
    (0x80, "encryptedtextpwdallowed"),
    (0x1_0000, "pwdneverexpires"),
    (0x4_0000, "smartcardrequired"),
    (UNCONSTRAINED, "unconstraineddelegation"),
    (0x10_0000, "sensitive"),
    (0x20_0000, "usedeskeyonly"),
    (0x40_0000, "dontreqpreauth"),
    (0x80_0000, "passwordexpired"),
    (0x100_0000, "trustedtoauth"),
];

/// `ADS_UF_ACCOUNT_DISABLE`.
const DISABLED: u32 = 0x2;
/// `ADS_UF_TRUSTED_FOR_DELEGATION`.
const UNCONSTRAINED: u32 = 0x8_0000;

/// The port of a database service whose name has none.
const SQL_PORT: u16 = 1433;

/// A user.
pub(super) fn user(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    account(index, item, &mut object, summary);
    let managed = entry.class("msDS-GroupManagedServiceAccount");
    object.property("gmsa", managed);
    object.property("msa", entry.class("msDS-ManagedServiceAccount"));
    object.property("hasspn", entry.has("servicePrincipalName"));
    for (property, attribute) in [
        ("displayname", "displayName"),
        ("email", "mail"),
        ("title", "title"),
        ("homedirectory", "homeDirectory"),
        ("logonscript", "scriptPath"),
        ("profilepath", "profilePath"),
        ("userprincipalname", "userPrincipalName"),
    ] {
        if let Some(text) = entry.text(attribute) {
            object.property(property, text);
        }
    }
    if let Some(descriptor) = entry.values("msDS-GroupMSAMembership").next() {
        let readers = grantees(index, descriptor, summary);
        object.aces.extend(readers.into_iter().map(|(reader, inherited)| Ace {
            principal: reader.object_identifier,
            principal_type: reader.object_type,
            right_name: "ReadGMSAPassword",
            is_inherited: inherited,
            inheritance_hash: String::new(),
            is_permission_for_owner_rights_sid: false,
            is_inherited_permission_for_owner_rights_sid: false,
        }));
    }
    object.set("SPNTargets", sql_services(index, item));
    object
}

/// What users and computers have in common.
pub(super) fn account(index: &Index<'_>, item: &Item<'_>, object: &mut Object, summary: &mut Summary) {
    let entry = item.entry;
    object.property("samaccountname", entry.text("sAMAccountName"));
    match entry.flags("userAccountControl") {
        Some(flags) => {
            object.property("useraccountcontrol", flags);
            object.property("enabled", flags & DISABLED == 0);
            CONTROL.iter().for_each(|(bit, name)| object.property(name, flags & bit != 0));
            object.set("UnconstrainedDelegation", flags & UNCONSTRAINED != 0);
        }
        None => summary.gap("accounts whose userAccountControl the account may not read"),
    }
    for (property, attribute) in
        [("lastlogon", "lastLogon"), ("lastlogontimestamp", "lastLogonTimestamp"), ("pwdlastset", "pwdLastSet")]
    {
        object.property(property, entry.filetime_secs(attribute));
    }
    for (property, attribute) in [("info", "info"), ("comment", "comment"), ("admincomment", "adminDescription")] {
        if let Some(text) = entry.text(attribute) {
            object.property(property, text);
        }
    }
    object.texts("serviceprincipalnames", entry.texts("servicePrincipalName"));
    object.property("haskeycredentiallink", entry.has("msDS-KeyCredentialLink"));
    object.texts("altsecurityidentities", entry.texts("altSecurityIdentities"));
    object.property("supportedencryptiontypes", encryption_types(entry.flags("msDS-SupportedEncryptionTypes")));
    protected(index, item, object);
    history(index, item, object);
    delegation(index, item, object, summary);
    object.set("DomainSID", index.domain_sid.to_string());
    let primary = entry.flags("primaryGroupID").and_then(|rid| index.domain_sid.child(rid));
    object.set("PrimaryGroupSID", primary.map(|sid| sid.to_string()));
}

/// `adminCount`, and whether the descriptor is the one that AdminSDHolder stamps.
fn protected(index: &Index<'_>, item: &Item<'_>, object: &mut Object) {
    object.property("admincount", item.entry.integer("adminCount").is_some_and(|count| count != 0));
    let own = item.entry.descriptor.as_deref().and_then(acl::explicit);
    object.property("adminsdholderprotected", own.is_some() && own == index.admin_sd_holder);
}

fn history(index: &Index<'_>, item: &Item<'_>, object: &mut Object) {
    let sids = item.entry.values("sIDHistory").filter_map(|value| SidRef::decode(value).ok()?.to_sid());
    let former: Vec<Principal> = sids.map(|sid| index.of_sid(&sid)).collect();
    let texts: Vec<Value> = former.iter().map(|former| former.object_identifier.clone().into()).collect();
    object.property("sidhistory", texts);
    object.set("HasSIDHistory", former);
}

/// Constrained delegation: the hosts of the services, each once.
fn delegation(index: &Index<'_>, item: &Item<'_>, object: &mut Object, summary: &mut Summary) {
    object.texts("allowedtodelegate", item.entry.texts("msDS-AllowedToDelegateTo"));
    let mut hosts = Vec::new();
    for service in item.entry.texts("msDS-AllowedToDelegateTo") {
        match host_of(service).and_then(|host| index.host(host)) {
            Some(host) => hosts.push(Principal { object_identifier: host.id.clone(), object_type: host.kind.name() }),
            None => summary.gap("services of a constrained delegation whose host is no computer of the domain"),
        }
    }
    hosts.sort_unstable();
    hosts.dedup();
    object.set("AllowedToDelegate", hosts);
}

/// The host of `class/host[:port][/name]`.
fn host_of(service: &str) -> Option<&str> {
    service.split_once('/')?.1.split(['/', ':']).next()
}

/// Whoever runs a database service can run commands through it on its host.
fn sql_services(index: &Index<'_>, item: &Item<'_>) -> Vec<Value> {
    let mut targets = Vec::new();
    for service in item.entry.texts("servicePrincipalName") {
        let sql = service.get(..8).is_some_and(|class| class.eq_ignore_ascii_case("mssqlsvc"));
        if !sql || service.contains('@') {
            continue;
        }
        let Some(host) = host_of(service).and_then(|host| index.host(host)) else { continue };
        // What follows the colon may also be the name of an instance.
        let port = service.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(SQL_PORT);
        let target = json!({ "ComputerSID": host.id, "Port": port, "Service": "SQLAdmin" });
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// Whom a descriptor in an attribute grants anything, and whether by inheritance.
pub(super) fn grantees(index: &Index<'_>, descriptor: &[u8], summary: &mut Summary) -> Vec<(Principal, bool)> {
    let Ok(descriptor) = sd::decode(descriptor) else {
        summary.gap("descriptors in attributes that are malformed");
        return Vec::new();
    };
    let mut found = Vec::new();
    for ace in descriptor.dacl.acl().into_iter().flat_map(|acl| acl.aces()).filter_map(Result::ok) {
        let Some(access) = ace.access().filter(|access| access.effect == Effect::Allow && !access.callback) else {
            continue;
        };
        let Some(sid) = access.trustee.to_sid().filter(|sid: &Sid| !principal::says_nothing(sid)) else { continue };
        let grantee = (index.of_sid(&sid), ace.flags.inherited());
        if !found.contains(&grantee) {
            found.push(grantee);
        }
    }
    found
}

/// The names of `msDS-SupportedEncryptionTypes`, `[MS-KILE] 2.2.7`.
fn encryption_types(flags: Option<u32>) -> Vec<&'static str> {
    let names = [
        (0x1, "DES-CBC-CRC"),
        (0x2, "DES-CBC-MD5"),
        (0x4, "RC4-HMAC-MD5"),
        (0x8, "AES128-CTS-HMAC-SHA1-96"),
        (0x10, "AES256-CTS-HMAC-SHA1-96"),
    ];
    let flags = flags.unwrap_or(0);
    names.into_iter().filter_map(|(bit, name)| (flags & bit != 0).then_some(name)).collect()
}

/// A group.
pub(super) fn group(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    object.property("samaccountname", entry.text("sAMAccountName"));
    protected(index, item, &mut object);
    if let Some(scope) = scope(entry.flags("groupType").unwrap_or(0)) {
        object.property("groupscope", scope);
    }
    history(index, item, &mut object);
    let mut members = Vec::new();
    for dn in entry.texts("member") {
        match index.named(dn) {
            Some(member) => members.push(member),
            None => {
                summary.gap("members that this domain does not hold or does not show, known by name only");
                let id = format!("DN={}", dn.to_uppercase());
                members.push(Principal { object_identifier: id, object_type: NodeKind::Base.name() });
            }
        }
    }
    object.set("Members", members);
    object
}

/// `groupType`, `[MS-ADTS] 2.2.12`.
fn scope(kind: u32) -> Option<&'static str> {
    [(0x2, "Global"), (0x4, "DomainLocal"), (0x8, "Universal")]
        .into_iter()
        .find_map(|(bit, scope)| (kind & bit != 0).then_some(scope))
}
