//! Audited changes of directory objects, attribute by attribute, where they map to a property or an edge.
//!
//! Blind spots: a changed security descriptor is not read here, since its rights depend on the schema: the next directory
//! sync brings them. Objects that are created bring no SID in their record and wait for the sync too.

use std::sync::Arc;

use hopwatch_model::event::{DirectoryChange, ValueOperation};
use hopwatch_model::{Account, EdgeKind, Event, NodeKind, PropertyValue, Sid};

use super::super::{EdgeKey, Estate};
use crate::ids::NodeId;

/// What is done with the values of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// They are added.
    Add,
    /// They are taken away.
    Delete,
    /// They take the place of all former ones.
    Replace,
}

/// `userAccountControl` bits (`[MS-ADTS] 2.2.16`) with the properties that show them, and whether the bit sets or clears.
const ACCOUNT_CONTROL: &[(i64, &str, bool)] = &[
    (0x2, "enabled", false),
    (0x20, "passwordnotreqd", true),
    (0x1_0000, "pwdneverexpires", true),
    (0x8_0000, "unconstraineddelegation", true),
    (0x10_0000, "sensitive", true),
    (0x40_0000, "dontreqpreauth", true),
    (0x100_0000, "trustedtoauth", true),
];

/// Attributes that are kept as text under their lower-case name.
const TEXTS: &[&str] = &[
    "samaccountname",
    "userprincipalname",
    "dnshostname",
    "displayname",
    "title",
    "mail",
    "description",
    "scriptpath",
    "operatingsystem",
    "dsheuristics",
];

impl Estate {
    pub(super) fn observe_directory_change(&mut self, event: &Event, change: &DirectoryChange) -> bool {
        if event.outcome.failed() {
            return false;
        }
        let Some(id) = self.lookup().object(&change.object, change.guid) else {
            self.counters.unresolved += 1;
            return false;
        };
        let write = match change.operation {
            ValueOperation::Add => Write::Add,
            ValueOperation::Delete => Write::Delete,
            ValueOperation::Replace => Write::Replace,
            ValueOperation::Remove => return self.observe_deletion(id, event),
            ValueOperation::Create | ValueOperation::Restore => {
                self.revive(id, event.time);
                return true;
            }
            ValueOperation::Move => {
                let moved = change.new_object.as_ref().filter(|_| self.newer_than_directory(id, event.time));
                if let Some(name) = moved {
                    self.set(id, "distinguishedname", PropertyValue::Text(name.to_uppercase()));
                    self.move_object(event, id, name);
                }
                return moved.is_some();
            }
        };
        self.write_attribute(event, id, &change.attribute, write, &change.values)
    }

    /// Applies a change of one attribute of an object; returns whether it is one that the graph shows.
    pub(super) fn write_attribute(
        &mut self,
        event: &Event,
        id: NodeId,
        attribute: &str,
        write: Write,
        values: &[String],
    ) -> bool {
        let attribute = attribute.to_lowercase();
        match attribute.as_str() {
            "member" => self.write_members(event, id, write, values),
            "primarygroupid" => self.write_primary_group(event, id, write, values),
            "sidhistory" => self.write_edges_from(event, id, EdgeKind::HasSIDHistory, write, &sids(values)),
            "msds-allowedtoactonbehalfofotheridentity" => self.write_allowed_to_act(event, id, write, values),
            "msds-allowedtodelegateto" => self.write_delegation(event, id, write, values),
            "gplink" => self.write_policies(event, id, write, values),
            _ => self.write_property(event, id, &attribute, write, values),
        }
    }

    fn write_property(&mut self, event: &Event, id: NodeId, attribute: &str, write: Write, values: &[String]) -> bool {
        if !self.newer_than_directory(id, event.time) {
            return false;
        }
        match attribute {
            "useraccountcontrol" => {
                // A record shows the new value as added, or as `%%` codes, which are no number and are left out.
                let bits = values.last().and_then(|value| number(value)).filter(|_| write != Write::Delete);
                if let Some(bits) = bits {
                    self.set(id, attribute, PropertyValue::Integer(bits));
                    for (bit, name, sets) in ACCOUNT_CONTROL {
                        self.set(id, name, PropertyValue::Bool((bits & bit != 0) == *sets));
                    }
                }
                bits.is_some()
            }
            "serviceprincipalname" => {
                let names = self.node(id).map(|node| node.list("serviceprincipalnames").to_vec()).unwrap_or_default();
                let names = written(names, write, values);
                self.set(id, "hasspn", PropertyValue::Bool(!names.is_empty()));
                self.set(id, "serviceprincipalnames", PropertyValue::List(names));
                true
            }
            "msds-keycredentiallink" => {
                self.set(id, "haskeycredentiallink", PropertyValue::Bool(write != Write::Delete && !values.is_empty()));
                true
            }
            _ if TEXTS.contains(&attribute) => {
                if let Some(value) = values.last().filter(|_| write != Write::Delete) {
                    self.set(id, attribute, PropertyValue::Text(value.clone()));
                }
                true
            }
            _ => false,
        }
    }

    fn write_members(&mut self, event: &Event, group: NodeId, write: Write, values: &[String]) -> bool {
        let mut members = Vec::new();
        for value in values {
            let account = match value.parse::<Sid>() {
                Ok(sid) => Account { sid: Some(sid), ..Account::default() },
                Err(_) => Account::named(value),
            };
            match self.lookup().account(&account) {
                Some(member) => members.push(member),
                None => self.counters.unresolved += 1,
            }
        }
        let key = |member| EdgeKey { source: member, kind: EdgeKind::MemberOf, target: group };
        if write == Write::Replace {
            for (edge, member) in self.held_into(group, EdgeKind::MemberOf) {
                let primary = self.edge(edge).is_some_and(|edge| edge.flag("isprimarygroup"));
                if !primary && !members.contains(&member) {
                    self.end_edge(edge, event.time);
                }
            }
        }
        for member in &members {
            if write == Write::Delete {
                self.end_key(key(*member), event.time);
            } else {
                self.note_attribute(group, key(*member), event);
            }
        }
        !members.is_empty() || write == Write::Replace
    }

    fn write_primary_group(&mut self, event: &Event, account: NodeId, write: Write, values: &[String]) -> bool {
        let rid = values.last().and_then(|value| number(value)).filter(|_| write != Write::Delete);
        let Some((rid, domain)) = rid.zip(self.domain_sid(account)) else {
            return false;
        };
        let Some(group) = self.reference(&format!("{domain}-{rid}"), event.time) else {
            return false;
        };
        for (edge, former) in self.held_from(account, EdgeKind::MemberOf) {
            if former != group && self.edge(edge).is_some_and(|edge| edge.flag("isprimarygroup")) {
                self.end_edge(edge, event.time);
            }
        }
        let key = EdgeKey { source: account, kind: EdgeKind::MemberOf, target: group };
        let Some(edge) = self.note_attribute(account, key, event) else {
            return false;
        };
        if let Some(record) = self.edges.get_mut(edge.index()) {
            let properties = Arc::make_mut(record.properties.get_or_insert_default());
            properties.insert("isprimarygroup".to_owned(), PropertyValue::Bool(true));
        }
        true
    }

    /// The value is one security descriptor: its allowed trustees may act. As SDDL they are read here; in any other form
    /// only that the attribute is set is kept, and the gap is named.
    fn write_allowed_to_act(&mut self, event: &Event, computer: NodeId, write: Write, values: &[String]) -> bool {
        let trustees: Vec<String> = values.iter().flat_map(|value| allowed_trustees(value)).collect();
        if write != Write::Delete && trustees.is_empty() && !values.is_empty() {
            let label = self.node(computer).map(|node| node.label().to_owned()).unwrap_or_default();
            self.note_gap(&format!("who may act on behalf of others on {label} changed in a form that is not read"));
        }
        let write = if write == Write::Delete { Write::Delete } else { Write::Replace };
        if self.newer_than_directory(computer, event.time) {
            let set = write != Write::Delete && !values.is_empty();
            self.set(computer, "hasallowedtoact", PropertyValue::Bool(set));
        }
        for (edge, _) in self.held_into(computer, EdgeKind::AllowedToAct) {
            self.end_edge(edge, event.time);
        }
        if write == Write::Replace {
            for trustee in trustees {
                if let Some(source) = self.reference(&trustee, event.time) {
                    let key = EdgeKey { source, kind: EdgeKind::AllowedToAct, target: computer };
                    self.note_attribute(computer, key, event);
                }
            }
        }
        true
    }

    fn write_delegation(&mut self, event: &Event, account: NodeId, write: Write, values: &[String]) -> bool {
        let former = self.node(account).map(|node| node.list("allowedtodelegate").to_vec()).unwrap_or_default();
        let services = written(former, write, values);
        let hosts: Vec<NodeId> = services.iter().filter_map(|service| self.service_host(service)).collect();
        if self.newer_than_directory(account, event.time) {
            self.set(account, "allowedtodelegate", PropertyValue::List(services));
        }
        for (edge, host) in self.held_from(account, EdgeKind::AllowedToDelegate) {
            if !hosts.contains(&host) {
                self.end_edge(edge, event.time);
            }
        }
        for host in hosts {
            let key = EdgeKey { source: account, kind: EdgeKind::AllowedToDelegate, target: host };
            self.note_attribute(account, key, event);
        }
        true
    }

    fn write_policies(&mut self, event: &Event, container: NodeId, write: Write, values: &[String]) -> bool {
        let links: Vec<NodeId> =
            values.iter().flat_map(|value| linked(value)).filter_map(|name| self.lookup().object(name, None)).collect();
        for (edge, policy) in self.held_into(container, EdgeKind::GPLink) {
            let ends = if write == Write::Delete { links.contains(&policy) } else { !links.contains(&policy) };
            if ends {
                self.end_edge(edge, event.time);
            }
        }
        if write != Write::Delete {
            for source in links {
                self.note_attribute(container, EdgeKey { source, kind: EdgeKind::GPLink, target: container }, event);
            }
        }
        true
    }

    fn write_edges_from(
        &mut self,
        event: &Event,
        source: NodeId,
        kind: EdgeKind,
        write: Write,
        ids: &[String],
    ) -> bool {
        let targets: Vec<NodeId> = ids.iter().filter_map(|id| self.reference(id, event.time)).collect();
        if write == Write::Replace {
            for (edge, target) in self.held_from(source, kind) {
                if !targets.contains(&target) {
                    self.end_edge(edge, event.time);
                }
            }
        }
        for target in &targets {
            let key = EdgeKey { source, kind, target: *target };
            if write == Write::Delete {
                self.end_key(key, event.time);
            } else {
                self.note_attribute(source, key, event);
            }
        }
        !targets.is_empty()
    }

    /// Moves an object under the container that its new name says.
    fn move_object(&mut self, event: &Event, id: NodeId, name: &str) {
        let parent = parent_name(name).and_then(|parent| self.lookup().object(parent, None));
        for (edge, container) in self.held_into(id, EdgeKind::Contains) {
            if Some(container) != parent {
                self.end_edge(edge, event.time);
            }
        }
        if let Some(parent) = parent {
            self.note_attribute(id, EdgeKey { source: parent, kind: EdgeKind::Contains, target: id }, event);
        }
    }

    fn service_host(&self, service: &str) -> Option<NodeId> {
        let host = service.split('/').nth(1)?;
        let host = host.split(':').next().unwrap_or(host);
        let found = self.lookup().host_name(host)?;
        self.node(found).filter(|node| node.kind == NodeKind::Computer).map(|_| found)
    }

    fn domain_sid(&self, account: NodeId) -> Option<String> {
        let node = self.node(account)?;
        let own = node.id.parse::<Sid>().ok().and_then(|sid| sid.domain()).map(|sid| sid.to_string());
        own.or_else(|| node.text("domainsid").map(ToOwned::to_owned))
    }
}

fn written(former: Vec<String>, write: Write, values: &[String]) -> Vec<String> {
    let same = |one: &String, other: &String| one.eq_ignore_ascii_case(other);
    match write {
        Write::Replace => values.to_vec(),
        Write::Delete => former.into_iter().filter(|old| !values.iter().any(|value| same(old, value))).collect(),
        Write::Add => {
            let mut all = former;
            for value in values {
                if !all.iter().any(|old| same(old, value)) {
                    all.push(value.clone());
                }
            }
            all
        }
    }
}

fn sids(values: &[String]) -> Vec<String> {
    let parsed = values.iter().filter_map(|value| value.trim_matches(['%', '{', '}']).parse::<Sid>().ok());
    parsed.map(|sid| sid.to_string()).collect()
}

/// A number as records write it: decimal or `0x` hexadecimal.
fn number(value: &str) -> Option<i64> {
    let value = value.trim();
    match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    }
}

/// The trustees of the allowing entries of an SDDL text, `[MS-DTYP] 2.5.1`: `(A;flags;rights;;;SID)`.
fn allowed_trustees(sddl: &str) -> Vec<String> {
    let entries = sddl.split('(').skip(1).filter_map(|entry| entry.split(')').next());
    let allowed = entries.filter_map(|entry| {
        let fields: Vec<&str> = entry.split(';').collect();
        let kind = fields.first()?;
        (kind.eq_ignore_ascii_case("A") || kind.eq_ignore_ascii_case("OA")).then(|| fields.get(5).copied()).flatten()
    });
    allowed.filter_map(|sid| sid.parse::<Sid>().ok()).map(|sid| sid.to_string()).collect()
}

/// The names of the policies of a `gPLink` value, `[MS-GPOL] 2.2.2`: `[LDAP://cn={…},cn=policies,…;options]`, of which
/// option bit 0 disables the link.
fn linked(value: &str) -> Vec<&str> {
    let links = value.split('[').skip(1).filter_map(|link| link.split(']').next());
    let active = links.filter_map(|link| {
        let (path, options) = link.rsplit_once(';')?;
        let enabled = options.trim().parse::<u32>().ok()? & 1 == 0;
        let name = path.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("ldap://")).and_then(|_| path.get(7..));
        name.filter(|_| enabled)
    });
    active.collect()
}

/// The name of the parent: what follows the first comma that no backslash escapes (RFC 4514 §2.4).
fn parent_name(name: &str) -> Option<&str> {
    let mut escaped = false;
    for (place, byte) in name.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => return name.get(place + 1..),
            _ => {}
        }
    }
    None
}
