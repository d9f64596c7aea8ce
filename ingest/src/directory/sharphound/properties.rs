//! What every object has: names, times, its access control.

use hopwatch_model::NodeKind;
use serde_json::{Map, Value};

use super::Summary;
use super::acl::{self, Target};
use super::index::{Index, Item, upper};
use super::object::Object;

/// An object with everything that does not depend on its kind.
pub(super) fn common(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("domain", index.domain.clone().into());
    set("name", name(index, item).into());
    set("distinguishedname", entry.dn.to_uppercase().into());
    set("domainsid", index.domain_sid.to_string().into());
    if let Some(guid) = entry.guid("objectGUID") {
        set("objectguid", upper(&guid).into());
    }
    set("description", entry.text("description").map_or(Value::Null, Value::from));
    if let Some(created) = entry.time_secs("whenCreated") {
        set("whencreated", created.into());
    }
    let access = match &entry.descriptor {
        Some(descriptor) => acl::read(index, &Target::of(index, item), descriptor, summary),
        None => {
            summary.gap("objects whose security descriptor the account may not read");
            acl::Read::default()
        }
    };
    set("isaclprotected", access.protected.into());
    set("doesanyacegrantownerrights", access.owner_rights.into());
    set("doesanyinheritedacegrantownerrights", access.inherited_owner_rights.into());
    let mut object = Object {
        properties,
        members: Map::new(),
        aces: access.aces,
        object_identifier: item.id.clone(),
        is_deleted: false,
        is_acl_protected: access.protected,
        contained_by: index.contained_by(item),
    };
    if matches!(item.kind, NodeKind::Domain | NodeKind::OU | NodeKind::Container) {
        object.set("InheritanceHashes", access.pushed);
    }
    object
}

/// The name that BloodHound shows.
fn name(index: &Index<'_>, item: &Item<'_>) -> String {
    let entry = item.entry;
    let account = || entry.text("sAMAccountName").or_else(|| entry.text("name")).unwrap_or_default();
    let name = match item.kind {
        NodeKind::Domain => return index.domain.clone(),
        NodeKind::Computer => match entry.text("dNSHostName") {
            Some(host) => return host.to_uppercase(),
            None => return format!("{}.{}", account().trim_end_matches('$'), index.domain).to_uppercase(),
        },
        NodeKind::User | NodeKind::Group => account(),
        NodeKind::GPO | NodeKind::IssuancePolicy => {
            entry.text("displayName").or_else(|| entry.text("name")).unwrap_or_default()
        }
        _ => entry.text("name").or_else(|| entry.text("cn")).unwrap_or_default(),
    };
    format!("{name}@{}", index.domain).to_uppercase()
}
