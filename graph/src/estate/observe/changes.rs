//! Audited changes of groups and accounts.

use hopwatch_model::event::{AccountChange, AccountChangeKind, GroupChange};
use hopwatch_model::{EdgeKind, Event, NodeKind, PropertyValue};

use super::super::{EdgeKey, Estate};
use super::directory::Write;
use crate::ids::NodeId;

impl Estate {
    /// A member came or went.
    pub(super) fn observe_group_change(&mut self, event: &Event, change: &GroupChange) -> bool {
        if event.outcome.failed() {
            return false;
        }
        let group = self.account_node(&change.group, NodeKind::Group, event.time);
        let member = self.account_node(&change.member, NodeKind::User, event.time);
        let (Some(group), Some(member)) = (group, member) else {
            self.counters.unresolved += 1;
            return false;
        };
        let key = EdgeKey { source: member.id, kind: EdgeKind::MemberOf, target: group.id };
        if change.added { self.note_attribute(group.id, key, event).is_some() } else { self.end_key(key, event.time) }
    }

    /// An account was created, changed or deleted.
    pub(super) fn observe_account_change(&mut self, event: &Event, change: &AccountChange) -> bool {
        if event.outcome.failed() {
            return false;
        }
        let Some(account) = self.account_node(&change.account, NodeKind::User, event.time) else {
            self.counters.unresolved += 1;
            return false;
        };
        let id = account.id;
        if change.kind == AccountChangeKind::Deleted {
            return self.observe_deletion(id, event);
        }
        if change.kind == AccountChangeKind::Created {
            self.revive(id, event.time);
        }
        if !self.newer_than_directory(id, event.time) {
            return false;
        }
        match change.kind {
            AccountChangeKind::Enabled => self.set(id, "enabled", PropertyValue::Bool(true)),
            AccountChangeKind::Disabled => self.set(id, "enabled", PropertyValue::Bool(false)),
            AccountChangeKind::PasswordChanged | AccountChangeKind::PasswordReset => {
                self.set(id, "pwdlastset", PropertyValue::Integer(event.time.as_secs()));
            }
            AccountChangeKind::Renamed => {
                if let Some(name) = &change.new_name {
                    self.set(id, "samaccountname", PropertyValue::Text(name.clone()));
                }
            }
            AccountChangeKind::Created
            | AccountChangeKind::Changed
            | AccountChangeKind::SidHistoryAdded
            | AccountChangeKind::Deleted
            | AccountChangeKind::LockedOut
            | AccountChangeKind::Unlocked
            | AccountChangeKind::DsrmPasswordSet => {}
        }
        for (attribute, value) in &change.attributes {
            // Event records write `-` for what did not change.
            if value != "-" && !value.is_empty() {
                self.write_attribute(event, id, attribute, Write::Replace, std::slice::from_ref(value));
            }
        }
        true
    }

    pub(super) fn observe_deletion(&mut self, id: NodeId, event: &Event) -> bool {
        let newer = self.newer_than_directory(id, event.time);
        if newer {
            self.remove_node(id, event.time);
        }
        newer
    }

    /// True where no directory has described the object after the time: what it says goes before older events.
    pub(super) fn newer_than_directory(&self, id: NodeId, time: hopwatch_model::Timestamp) -> bool {
        self.node(id).is_some_and(|node| node.described_at.is_none_or(|described| described <= time))
    }

    pub(super) fn revive(&mut self, id: NodeId, time: hopwatch_model::Timestamp) {
        if let Some(node) = self.node_mut(id) {
            node.removed_at = node.removed_at.filter(|removed| *removed > time);
        }
    }

    pub(super) fn set(&mut self, id: NodeId, name: &str, value: PropertyValue) {
        if let Some(node) = self.node_mut(id) {
            node.properties.insert(name.to_owned(), value);
        }
        self.rename(id);
    }
}
