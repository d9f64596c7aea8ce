//! Applies events: logons become sessions and logon edges, authentications connections, audited changes memberships and
//! properties. What an event does not show is left as it is.

mod changes;
mod directory;
mod logons;
mod resolve;

#[cfg(test)]
mod tests;

use hopwatch_model::edge::Origin;
use hopwatch_model::{Activity, EdgeKind, Event, Timestamp};

use super::{EdgeKey, Estate};
use crate::ids::{EdgeId, NodeId};

impl Estate {
    /// Applies an event.
    pub fn observe(&mut self, event: &Event) {
        self.counters.events += 1;
        self.passed(event.time);
        if let Some(latest) = self.latest() {
            self.tick(latest);
        }
        let used = match &event.activity {
            Activity::Logon(logon) => self.observe_logon(event, logon),
            Activity::Logoff(logoff) => self.observe_logoff(event, logoff),
            Activity::NtlmLogon(ntlm) => self.observe_ntlm(event, ntlm),
            Activity::TicketUse(_) | Activity::SmbSession(_) | Activity::LdapBind(_) => self.observe_connection(event),
            Activity::AsExchange(exchange) => self.observe_as_exchange(event, exchange),
            Activity::TgsExchange(_) => self.observe_kdc(event),
            Activity::NameObserved(name) => self.observe_name(event, name),
            Activity::GroupChange(change) => self.observe_group_change(event, change),
            Activity::AccountChange(change) => self.observe_account_change(event, change),
            Activity::DirectoryChange(change) => self.observe_directory_change(event, change),
            _ => false,
        };
        self.counters.events_used += u64::from(used);
    }

    /// Notes an edge that an event shows.
    fn note(&mut self, key: EdgeKey, event: &Event, confidence: u8) -> Option<EdgeId> {
        if key.source == key.target {
            return None;
        }
        let source = self.source_id(&event.provenance.source);
        let id = self.upsert_edge(key, Origin::Raw, event.time)?;
        self.confirm_edge(id, event.time, source, confidence);
        Some(id)
    }

    /// Notes an edge that an attribute of a directory object gives. Where the directory gave the object whole at a later
    /// time without this edge, the edge ended by then.
    fn note_attribute(&mut self, owner: NodeId, key: EdgeKey, event: &Event) -> Option<EdgeId> {
        let held = self.edge_of(key).is_some_and(|(_, edge)| edge.held(None));
        let described = self.node(owner).and_then(|node| node.described_at);
        let id = self.note(key, event, 100)?;
        if let Some(described) = described.filter(|described| !held && *described > event.time) {
            self.end_edge(id, described);
        }
        Some(id)
    }

    fn end_key(&mut self, key: EdgeKey, time: Timestamp) -> bool {
        let found = self.edge_of(key).filter(|(_, edge)| edge.held(None)).map(|(id, _)| id);
        if let Some(id) = found {
            self.end_edge(id, time);
        }
        found.is_some()
    }

    /// The edges of a kind to a node that hold now.
    fn held_into(&self, target: NodeId, kind: EdgeKind) -> Vec<(EdgeId, NodeId)> {
        let edges = self.incoming(target).filter(|(_, edge)| edge.key.kind == kind);
        edges.map(|(id, edge)| (id, edge.key.source)).collect()
    }

    /// The edges of a kind from a node that hold now.
    fn held_from(&self, source: NodeId, kind: EdgeKind) -> Vec<(EdgeId, NodeId)> {
        let edges = self.outgoing(source).filter(|(_, edge)| edge.key.kind == kind);
        edges.map(|(id, edge)| (id, edge.key.target)).collect()
    }
}
