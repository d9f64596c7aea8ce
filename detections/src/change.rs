//! Changes of directory objects as one thing, whoever reported them: an LDAP write on the wire, 5136/5137, the attribute
//! list of an account record (4720, 4738, 4742 …) or Samba's audit log. Rules ask here for a written attribute and the
//! object that it belongs to, so that the views of one write get one key.

use std::time::Duration;

use hopwatch_graph::{NodeFlags, NodeId, Snapshot};
use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{AccountChangeKind, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Guid, Host, NodeKind, Timestamp};
use serde::{Deserialize, Serialize};

/// An object of the directory as an event named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its node, where a directory source reported it.
    pub node: Option<NodeId>,
    /// What to show.
    pub label: String,
    /// What tells it from others, the same from every source where its node is known.
    pub key: String,
}

/// An attribute that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<'e> {
    /// The object.
    pub object: Object,
    /// The attribute as the source spells it.
    pub attribute: &'e str,
    /// The new values: those that were not there before, as far as the source tells.
    pub values: Vec<&'e str>,
    /// The values before, where the source tells.
    pub before: &'e [String],
    /// The object's class as the source says; empty where it does not.
    pub class: &'e str,
}

impl Written<'_> {
    /// True where the object is an account of a person or service: a user by the directory, or by the class.
    #[must_use]
    pub fn user(&self, snapshot: &Snapshot) -> bool {
        match self.object.node {
            Some(node) => snapshot.kind(node) == NodeKind::User && !self.object.label.ends_with('$'),
            None => self.class.eq_ignore_ascii_case("user") && !self.object.label.ends_with('$'),
        }
    }
}

/// The writes of the named attributes that an event reports and that were not refused; ASCII case does not matter.
#[must_use]
pub fn written<'e>(event: &'e Event, snapshot: &Snapshot, attributes: &[&str]) -> Vec<Written<'e>> {
    if event.outcome.failed() {
        return Vec::new();
    }
    let asked = |name: &str| {
        let base = name.split(';').next().unwrap_or(name);
        attributes.iter().any(|wanted| wanted.eq_ignore_ascii_case(base))
    };
    match &event.activity {
        Activity::DirectoryChange(change) if asked(&change.attribute) => {
            let adds = matches!(change.operation, ValueOperation::Add | ValueOperation::Replace);
            let new = change.values.iter().filter(|value| adds && !change.old_values.contains(value));
            vec![Written {
                object: object(snapshot, &change.object, change.guid),
                attribute: &change.attribute,
                values: new.map(String::as_str).collect(),
                before: &change.old_values,
                class: &change.class,
            }]
        }
        Activity::AccountChange(change) => {
            let shown = |value: &str| !matches!(value, "" | "-");
            let pairs = change.attributes.iter().filter(|(name, value)| asked(name) && shown(value));
            let of = |(name, value): &'e (String, String)| Written {
                object: of_account(snapshot, &change.account),
                attribute: name,
                // Records list several values one a line.
                values: value.split_whitespace().collect(),
                before: &[],
                class: "",
            };
            pairs.map(of).collect()
        }
        _ => Vec::new(),
    }
}

/// The object of a distinguished name or GUID.
#[must_use]
pub fn object(snapshot: &Snapshot, name: &str, guid: Option<Guid>) -> Object {
    let node = snapshot.lookup().object(name, guid).filter(|node| !snapshot.flags(*node).has(NodeFlags::STUB));
    named(snapshot, node, rdn(name))
}

/// The object of an account.
#[must_use]
pub fn of_account(snapshot: &Snapshot, account: &Account) -> Object {
    let label = if account.name.is_empty() { account.key() } else { rdn(&account.name) };
    named(snapshot, crate::directory::account(snapshot, account), label)
}

fn named(snapshot: &Snapshot, node: Option<NodeId>, label: String) -> Object {
    match node.and_then(|node| snapshot.node(node).map(|record| (node, record))) {
        Some((node, record)) => {
            Object { node: Some(node), label: crate::directory::label(snapshot, node), key: record.id.to_lowercase() }
        }
        None => Object { node: None, key: label.to_lowercase(), label },
    }
}

/// The value of a distinguished name's first part, unescaped; any other name as it is.
#[must_use]
pub fn rdn(name: &str) -> String {
    let typed =
        name.split_once('=').filter(|(kind, _)| kind.len() <= 8 && kind.bytes().all(|b| b.is_ascii_alphanumeric()));
    let Some((_, rest)) = typed.filter(|_| name.contains(',')) else { return name.to_owned() };
    let mut value = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    value
}

/// Who acted, as the directory names them; `someone` where no source says.
#[must_use]
pub fn actor(event: &Event, snapshot: &Snapshot) -> Object {
    match event.actor.as_ref().filter(|actor| !actor.key().is_empty()) {
        Some(account) => of_account(snapshot, account),
        None => Object { node: None, label: "Someone".into(), key: String::new() },
    }
}

/// Who acted and whence, to open a story: `ann from ws1`.
#[must_use]
pub fn who(event: &Event, snapshot: &Snapshot) -> String {
    let label = actor(event, snapshot).label;
    match event.source.as_ref().map(Host::label) {
        Some(host) => format!("{label} from {host}"),
        None => label,
    }
}

/// True for the operating system's own account: a controller's own upkeep.
#[must_use]
pub fn system(event: &Event) -> bool {
    event.actor.as_ref().is_some_and(|actor| {
        actor.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-18")
            || (actor.name.eq_ignore_ascii_case("SYSTEM")
                && actor.domain.as_deref().is_none_or(|domain| domain.eq_ignore_ascii_case("NT AUTHORITY")))
    })
}

/// True where a node belongs to Tier Zero or is marked as sensitive.
#[must_use]
pub fn privileged(snapshot: &Snapshot, node: Option<NodeId>) -> bool {
    let flags = node.map(|node| snapshot.flags(node)).unwrap_or_default();
    flags.has(NodeFlags::TIER_ZERO) || flags.has(NodeFlags::SENSITIVE)
}

/// Where the actor stands, by the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The system itself, or an account of Tier Zero.
    Administrator,
    /// An account that the directory knows and that is not of Tier Zero.
    Ordinary,
    /// No source names it, or the directory does not know it.
    Unknown,
}

/// Where the actor of an event stands.
#[must_use]
pub fn standing(event: &Event, snapshot: &Snapshot) -> Standing {
    if system(event) {
        return Standing::Administrator;
    }
    match actor(event, snapshot).node {
        Some(node) if snapshot.flags(node).has(NodeFlags::TIER_ZERO) => Standing::Administrator,
        Some(_) => Standing::Ordinary,
        None => Standing::Unknown,
    }
}

/// The most newborn objects remembered.
const NEWBORN: usize = 10_000;
/// How long an object counts as newborn: provisioning writes its attributes within minutes of its creation.
const INFANCY: Duration = Duration::from_secs(600);

/// Objects that were created lately: what is written to them belongs to their creation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Newborn {
    born: Table<Timestamp>,
}

impl Default for Newborn {
    fn default() -> Self {
        Self { born: Table::new(NEWBORN) }
    }
}

impl Newborn {
    /// Remembers the object of a creation.
    pub fn see(&mut self, event: &Event) {
        let created = match &event.activity {
            Activity::DirectoryChange(change) => change.operation == ValueOperation::Create,
            Activity::AccountChange(change) => change.kind == AccountChangeKind::Created,
            _ => false,
        };
        if created && !event.outcome.failed() {
            for key in keys(event) {
                *self.born.entry(&key, || event.time) = event.time;
            }
        }
    }

    /// True where the event's object was created within ten minutes.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        let near = |born: &Timestamp| event.time.since(*born) <= INFANCY && born.since(event.time) <= INFANCY;
        keys(event).iter().any(|key| self.born.get(key).is_some_and(near))
    }

    /// How many it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.born.len()
    }
}

/// The object's names: the full one and the first part, since records of one creation name it differently.
fn keys(event: &Event) -> Vec<String> {
    match &event.activity {
        Activity::DirectoryChange(change) => vec![change.object.to_lowercase(), rdn(&change.object).to_lowercase()],
        Activity::AccountChange(change) => {
            let name = change.account.key();
            let bare = rdn(&name).trim_end_matches('$').to_lowercase();
            vec![bare, name]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{change, snapshot};

    #[test]
    fn the_first_part_of_a_name_is_unescaped() {
        assert_eq!(rdn("CN=Smith\\, Bob,CN=Users,DC=lab"), "Smith, Bob");
        assert_eq!(rdn("OU=a,DC=b"), "a");
        assert_eq!(rdn("WS1$"), "WS1$");
    }

    #[test]
    fn a_replaced_value_that_stood_there_before_is_not_new() {
        let mut event = change(0, "CN=ann,DC=lab", "primaryGroupID", ValueOperation::Replace, &["513", "512"], "admin");
        if let Activity::DirectoryChange(change) = &mut event.activity {
            change.old_values = vec!["513".into()];
        }
        let snapshot = snapshot();
        let found = written(&event, &snapshot, &["primarygroupid"]);
        assert_eq!(found[0].values, ["512"]);
    }

    #[test]
    fn creation_is_remembered_for_ten_minutes_under_both_names() {
        let mut newborn = Newborn::default();
        newborn.see(&change(0, "CN=new,DC=lab", "", ValueOperation::Create, &[], "admin"));
        let later =
            |secs| change(secs, "CN=new,DC=lab", "servicePrincipalName", ValueOperation::Add, &["a/b"], "admin");
        assert!(newborn.holds(&later(600)));
        assert!(!newborn.holds(&later(601)));
    }
}
