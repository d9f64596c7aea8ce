//! The directory service's audit: 5136 (attribute), 5137 (created), 5138 (restored), 5139 (moved), 5141 (deleted), 4662
//! (access with a right), and 1644 of the *Directory Service* log (expensive searches, with field engineering at 5).

use hopwatch_model::event::{DirectoryAccess, DirectoryChange, LdapSearch, ValueOperation};
use hopwatch_model::{Account, Activity, Guid, Host, Outcome};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{audited, bounded, computer, guid, number, number32, parse_address, string, subject, text};
use super::{Made, Maker};
use crate::sources::secret_attributes::is_secret;

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        5136 => Some(attribute_changed),
        5137 | 5138 | 5139 | 5141 => Some(object_changed),
        4662 => Some(accessed),
        _ => None,
    }
}

pub(super) fn service_maker(id: u32) -> Option<Maker> {
    match id {
        1644 => Some(expensive_search),
        _ => None,
    }
}

/// 5136: `ObjectDN`, `ObjectGUID`, `ObjectClass`, `AttributeLDAPDisplayName`, `AttributeValue`, `OperationType`
/// (`%%14674` added, `%%14675` deleted), `Subject…`. A replacement is two records, deleted then added.
fn attribute_changed(record: &EventRecord<'_>) -> Option<Made> {
    let attribute = text(record, "AttributeLDAPDisplayName")?;
    let operation = match text(record, "OperationType").unwrap_or_default() {
        "%%14675" | "Value Deleted" => ValueOperation::Delete,
        _ => ValueOperation::Add,
    };
    let value = record.field("AttributeValue").filter(|_| !is_secret(attribute));
    let values: Vec<String> = value.map(bounded).into_iter().collect();
    let (values, old_values) =
        if operation == ValueOperation::Delete { (Vec::new(), values) } else { (values, Vec::new()) };
    Some(changed(record, DirectoryChange { values, old_values, ..change(record, "ObjectDN", operation, attribute)? }))
}

/// 5137, 5141: `ObjectDN`, `ObjectGUID`, `ObjectClass`; 5138, 5139: `OldObjectDN`, `NewObjectDN`.
fn object_changed(record: &EventRecord<'_>) -> Option<Made> {
    let (operation, dn) = match record.event_id {
        5137 => (ValueOperation::Create, "ObjectDN"),
        5138 => (ValueOperation::Restore, "OldObjectDN"),
        5139 => (ValueOperation::Move, "OldObjectDN"),
        _ => (ValueOperation::Remove, "ObjectDN"),
    };
    let new_object = text(record, "NewObjectDN").map(str::to_owned);
    Some(changed(record, DirectoryChange { new_object, ..change(record, dn, operation, "")? }))
}

fn change(record: &EventRecord<'_>, dn: &str, operation: ValueOperation, attribute: &str) -> Option<DirectoryChange> {
    Some(DirectoryChange {
        object: text(record, dn)?.to_owned(),
        guid: guid(record, "ObjectGUID"),
        class: string(record, "ObjectClass"),
        operation,
        attribute: attribute.to_owned(),
        values: Vec::new(),
        old_values: Vec::new(),
        new_object: None,
    })
}

fn changed(record: &EventRecord<'_>, change: DirectoryChange) -> Made {
    Made {
        actor: subject(record),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::DirectoryChange(Box::new(change)),
        session: number(record, "SubjectLogonId"),
    }
}

/// 4662: `Subject…`, `ObjectServer`, `ObjectType` (`%{schemaIDGUID}`), `ObjectName`, `AccessMask`, `Properties` (access,
/// then GUIDs of rights, property sets and attributes).
fn accessed(record: &EventRecord<'_>) -> Option<Made> {
    let actor = subject(record)?;
    let logon_id = number(record, "SubjectLogonId");
    let class = text(record, "ObjectType").unwrap_or_default().trim_start_matches('%');
    let access = DirectoryAccess {
        object: string(record, "ObjectName"),
        class: class.parse::<Guid>().map_or_else(|_| class.to_owned(), class_name),
        access_mask: number32(record, "AccessMask").unwrap_or(0),
        properties: guids(record.field("Properties").unwrap_or_default()),
        logon_id,
    };
    Some(Made {
        actor: Some(actor),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::DirectoryAccess(Box::new(access)),
        session: logon_id,
    })
}

/// The most GUIDs that one access lists; a read of a whole user lists under 100.
const MAX_PROPERTIES: usize = 256;

/// The GUIDs in braces of a property list.
fn guids(list: &str) -> Vec<Guid> {
    list.split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next()?.parse().ok())
        .filter(|guid: &Guid| !guid.nil())
        .take(MAX_PROPERTIES)
        .collect()
}

/// `schemaIDGUID` and LDAP name of the classes that matter (`[MS-ADSC]`).
const CLASSES: &[(Guid, &str)] = &[
    (Guid::from_u128(0x1919_5a5b_6da0_11d0_afd3_00c0_4fd9_30c9), "domainDNS"),
    (Guid::from_u128(0xbf96_7aba_0de6_11d0_a285_00aa_0030_49e2), "user"),
    (Guid::from_u128(0xbf96_7a86_0de6_11d0_a285_00aa_0030_49e2), "computer"),
    (Guid::from_u128(0xbf96_7a9c_0de6_11d0_a285_00aa_0030_49e2), "group"),
    (Guid::from_u128(0xbf96_7aa5_0de6_11d0_a285_00aa_0030_49e2), "organizationalUnit"),
    (Guid::from_u128(0xbf96_7a8b_0de6_11d0_a285_00aa_0030_49e2), "container"),
    (Guid::from_u128(0xbf96_7aae_0de6_11d0_a285_00aa_0030_49e2), "secret"),
    (Guid::from_u128(0xf30e_3bc2_9ff0_11d1_b603_0000_f803_67c1), "groupPolicyContainer"),
    (Guid::from_u128(0x7b8b_558a_93a5_4af7_adca_c017_e67f_1057), "msDS-GroupManagedServiceAccount"),
    (Guid::from_u128(0xce20_6244_5827_4a86_ba1c_1c0c_386c_1b64), "msDS-ManagedServiceAccount"),
    (Guid::from_u128(0xe0fa_1e8c_9b45_11d0_afdd_00c0_4fd9_30c9), "dnsNode"),
    (Guid::from_u128(0xf0f8_ffab_1191_11d0_a060_00aa_006c_33ed), "nTDSDSA"),
];

/// The LDAP name of a well-known class, else the GUID.
fn class_name(class: Guid) -> String {
    CLASSES.iter().find(|(guid, _)| *guid == class).map_or_else(|| class.to_string(), |(_, name)| (*name).to_owned())
}

/// 1644: classic data without names, in this order: 0 base, 1 filter, 2 visited, 3 returned, 4 client (`address:port`), 5
/// scope, 6 attributes, 7 controls, … 16 user (Windows Server 2012 R2 and later; older ones end earlier).
fn expensive_search(record: &EventRecord<'_>) -> Option<Made> {
    let value = |index| record.unnamed(index).map(str::trim);
    let filter = value(1)?;
    let client = value(4).unwrap_or_default();
    let (address, port) = client.rsplit_once(':').unwrap_or((client, ""));
    let scope = match value(5).unwrap_or_default().to_ascii_lowercase().as_str() {
        "base" => 0,
        "onelevel" | "one level" | "1" => 1,
        _ => 2,
    };
    let list = |text: &str| -> Vec<String> {
        text.split([',', ';', ' ']).filter(|part| !part.is_empty() && *part != "[all]").map(str::to_owned).collect()
    };
    Some(Made {
        actor: value(16).filter(|user| !matches!(*user, "" | "-")).map(Account::named),
        source: parse_address(address).map(|address| Host { port: port.parse().ok(), ..Host::at(address) }),
        target: computer(record),
        outcome: Outcome::Success,
        activity: Activity::LdapSearch(Box::new(LdapSearch {
            base: bounded(value(0).unwrap_or_default()),
            scope,
            filter: bounded(filter),
            attributes: list(value(6).unwrap_or_default().trim_matches(['[', ']'])),
            controls: list(value(7).unwrap_or_default()),
            entries: value(3).and_then(|count| count.parse().ok()),
            carrier: "ldap".into(),
            truncated: false,
        })),
        session: None,
    })
}
