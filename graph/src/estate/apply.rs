//! Applies directory deltas: objects and raw edges, as additions or as whole objects.
//!
//! A kind is never downgraded: a reference of which only the id is known becomes the real object when that comes, never
//! the other way round. A host or account that traffic named first becomes the directory object of the same name.

use std::collections::BTreeSet;
use std::sync::Arc;

use hopwatch_model::directory::DeltaKind;
use hopwatch_model::edge::Origin;
use hopwatch_model::{DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, NodeKind, Timestamp};
use rustc_hash::FxHashSet;

use super::{Edge, EdgeKey, Entered, Estate, Intervals, SourceSet};
use crate::ids::{EdgeId, NodeId};

impl Estate {
    /// Applies what a directory source said.
    pub fn apply(&mut self, delta: &DirectoryDelta) {
        self.absorb(delta.clone());
    }

    /// As [`Self::apply`], and takes over what the delta holds instead of copying it.
    pub fn absorb(&mut self, delta: DirectoryDelta) {
        let DirectoryDelta { time, source, kind, nodes, edges, removed, gaps } = delta;
        self.counters.deltas += 1;
        self.passed(time);
        let source = self.source_id(&source);
        let mut whole = Vec::new();
        for object in nodes {
            let described = object.kind != NodeKind::Base;
            if let Some(id) = self.apply_node(object, time)
                && described
            {
                whole.push(id);
            }
        }
        self.merge_stubs(&whole);
        let mut repeated = Repeated::default();
        // The entries of an access control list come one after another and share their target.
        let mut last = None;
        for edge in edges {
            let id = self.apply_edge(edge, time, source, &mut last);
            if let Some(id) = id.filter(|_| kind == DeltaKind::Replace) {
                repeated.note(id, self.edge(id));
            }
        }
        if kind == DeltaKind::Replace {
            for id in whole {
                self.end_unrepeated(id, &repeated, time);
            }
        }
        for object_id in &removed {
            if let Some(id) = self.find(object_id) {
                self.remove_node(id, time);
            }
        }
        for gap in &gaps {
            self.note_gap(gap);
        }
    }

    /// A node as a reference: found, or made as [`NodeKind::Base`].
    pub(crate) fn reference(&mut self, object_id: &str, time: Timestamp) -> Option<NodeId> {
        match self.find(object_id) {
            Some(id) => Some(id),
            None => self.create_node(object_id, NodeKind::Base, time),
        }
    }

    pub(crate) fn apply_node(&mut self, object: DirectoryNode, time: Timestamp) -> Option<NodeId> {
        let id = self.reference(&object.id, time)?;
        let node = self.node_mut(id)?;
        let kind = upgraded(node.kind, &object);
        let renamed = kind != node.kind || !object.properties.is_empty();
        node.kind = kind;
        if object.kind != NodeKind::Base {
            node.described_at = node.described_at.max(Some(time));
        }
        node.first_seen = node.first_seen.min(time);
        if time >= node.last_seen {
            node.last_seen = time;
            node.removed_at = node.removed_at.filter(|removed| *removed > time);
            if node.properties.is_empty() {
                node.properties = object.properties;
            } else {
                node.properties.extend(object.properties);
            }
        } else {
            for (name, value) in object.properties {
                node.properties.entry(name).or_insert(value);
            }
        }
        if renamed {
            self.rename(id);
        }
        Some(id)
    }

    /// Joins the stubs of traffic with the directory objects that just came. A domain's head may be what tells its
    /// NetBIOS name, so with one of those every object is tried again.
    fn merge_stubs(&mut self, objects: &[NodeId]) {
        if self.stubs == 0 {
            return;
        }
        let head = objects.iter().any(|id| self.node(*id).is_some_and(|node| node.kind == NodeKind::Domain));
        let all: Vec<NodeId> = if head { self.nodes().map(|(id, _)| id).collect() } else { objects.to_vec() };
        for id in all {
            for stub in self.stubs_like(id) {
                self.merge(stub, id);
            }
        }
    }

    /// `last` is the target of the edge before, and its node.
    fn apply_edge(
        &mut self,
        edge: DirectoryEdge,
        time: Timestamp,
        source: u16,
        last: &mut Option<(String, NodeId)>,
    ) -> Option<EdgeId> {
        let from = self.reference(&edge.source, time)?;
        let target = match last.as_ref().filter(|(known, _)| *known == edge.target) {
            Some((_, id)) => *id,
            None => {
                let id = self.reference(&edge.target, time)?;
                *last = Some((edge.target, id));
                id
            }
        };
        let key = EdgeKey { source: from, kind: edge.kind, target };
        let properties = self.shared(edge.properties);
        let mut sources = SourceSet::default();
        sources.insert(source);
        let record = Edge {
            key,
            origin: Origin::Raw,
            confidence: 100,
            count: 1,
            first_seen: time,
            last_seen: time,
            intervals: Intervals::since(time),
            sources,
            properties,
            composition: Box::default(),
        };
        let (id, repeated) = match self.enter_edge(key, record)? {
            Entered::New(id) => return Some(id),
            Entered::Known(id, record) => (id, record.properties),
        };
        self.confirm_edge(id, time, source, 100);
        let record = self.edges.get_mut(id.index())?;
        record.origin = Origin::Raw;
        if let Some(repeated) = repeated {
            match &mut record.properties {
                Some(known) if *known != repeated => {
                    let all = repeated.iter().map(|(name, value)| (name.clone(), value.clone()));
                    Arc::make_mut(known).extend(all);
                }
                Some(_) => {}
                none => *none = Some(repeated),
            }
        }
        Some(id)
    }

    /// Ends the raw edges that a whole object gives by its own attributes and did not repeat.
    fn end_unrepeated(&mut self, id: NodeId, repeated: &Repeated, time: Timestamp) {
        let ended: Vec<EdgeId> = self
            .outgoing(id)
            .filter(|(_, edge)| owned_by_source(edge))
            .chain(self.incoming(id).filter(|(_, edge)| owned_by_target(edge)))
            .filter(|(edge_id, edge)| {
                edge.origin == Origin::Raw
                    && edge.last_seen <= time
                    && !repeated.edges.contains(edge_id)
                    && (!collected_from_host(edge.key.kind) || repeated.owners.contains(&(id, edge.key.kind)))
            })
            .map(|(edge_id, _)| edge_id)
            .collect();
        for edge in ended {
            self.end_edge(edge, time);
        }
    }

    /// Marks a node as gone and ends its edges.
    pub(crate) fn remove_node(&mut self, id: NodeId, time: Timestamp) {
        for edge in self.edges_at(id) {
            self.end_edge(edge, time);
        }
        if let Some(node) = self.node_mut(id) {
            node.removed_at = Some(time);
        }
    }
}

/// The edges that a delta holds, and which kinds it gives for which end.
#[derive(Default)]
struct Repeated {
    edges: FxHashSet<EdgeId>,
    owners: BTreeSet<(NodeId, EdgeKind)>,
}

impl Repeated {
    fn note(&mut self, id: EdgeId, edge: Option<&Edge>) {
        self.edges.insert(id);
        if let Some(edge) = edge.filter(|edge| collected_from_host(edge.key.kind)) {
            self.owners.insert((edge.key.source, edge.key.kind));
            self.owners.insert((edge.key.target, edge.key.kind));
        }
    }
}

/// The later report of a whole object wins over an earlier one. A report without properties is a reference, whose kind
/// is what the referrer took the object for: a session's gMSA for a user, a local group for a group. It counts only
/// while nothing better is known.
fn upgraded(known: NodeKind, reported: &DirectoryNode) -> NodeKind {
    let reference = reported.properties.is_empty() && known != NodeKind::Base;
    if reported.kind == NodeKind::Base || reference { known } else { reported.kind }
}

/// Kinds that no attribute of the directory gives: a collector asked the host itself. They end only where a delta gives
/// others of the kind for the same host, since a directory sync never repeats them.
fn collected_from_host(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::HasSession
            | EdgeKind::LocalToComputer
            | EdgeKind::MemberOfLocalGroup
            | EdgeKind::RemoteInteractiveLogonRight
            | EdgeKind::ManageCA
            | EdgeKind::ManageCertificates
            | EdgeKind::DelegatedEnrollmentAgent
    )
}

/// True where an attribute of the source gives the edge: `primaryGroupID`, `sIDHistory`, `msDS-AllowedToDelegateTo`,
/// `userAccountControl`, `servicePrincipalName`, `msDS-HostServiceAccount`, `msDS-OIDToGroupLink`, a trust's object.
fn owned_by_source(edge: &Edge) -> bool {
    match edge.key.kind {
        EdgeKind::MemberOf => edge.flag("isprimarygroup"),
        EdgeKind::HasSession
        | EdgeKind::AllowedToDelegate
        | EdgeKind::CoerceToTGT
        | EdgeKind::DCFor
        | EdgeKind::HasSIDHistory
        | EdgeKind::DumpSMSAPassword
        | EdgeKind::SQLAdmin
        | EdgeKind::OIDGroupLink
        | EdgeKind::RootCAFor
        | EdgeKind::NTAuthStoreFor => true,
        kind => trust(kind),
    }
}

/// True where an attribute of the target gives the edge: `member`, `nTSecurityDescriptor`, `gPLink`, its own DN,
/// `certificateTemplates`, `msDS-AllowedToActOnBehalfOfOtherIdentity`, `msDS-GroupMSAMembership`.
fn owned_by_target(edge: &Edge) -> bool {
    match edge.key.kind {
        EdgeKind::MemberOf => !edge.flag("isprimarygroup"),
        EdgeKind::Contains
        | EdgeKind::GPLink
        | EdgeKind::AllowedToAct
        | EdgeKind::ReadGMSAPassword
        | EdgeKind::PublishedTo
        | EdgeKind::HostsCAService
        | EdgeKind::LocalToComputer
        | EdgeKind::MemberOfLocalGroup
        | EdgeKind::RemoteInteractiveLogonRight
        | EdgeKind::DelegatedEnrollmentAgent => true,
        kind => trust(kind) || access_control(kind),
    }
}

fn trust(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::SameForestTrust
            | EdgeKind::CrossForestTrust
            | EdgeKind::SpoofSIDHistory
            | EdgeKind::AbuseTGTDelegation
    )
}

fn access_control(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::ReadLAPSPassword
            | EdgeKind::GenericAll
            | EdgeKind::GenericWrite
            | EdgeKind::WriteDacl
            | EdgeKind::WriteOwner
            | EdgeKind::WriteOwnerRaw
            | EdgeKind::WriteOwnerLimitedRights
            | EdgeKind::Owns
            | EdgeKind::OwnsRaw
            | EdgeKind::OwnsLimitedRights
            | EdgeKind::AllExtendedRights
            | EdgeKind::ForceChangePassword
            | EdgeKind::AddMember
            | EdgeKind::AddSelf
            | EdgeKind::WriteSPN
            | EdgeKind::AddAllowedToAct
            | EdgeKind::WriteAccountRestrictions
            | EdgeKind::AddKeyCredentialLink
            | EdgeKind::WriteGPLink
            | EdgeKind::WriteAltSecurityIdentities
            | EdgeKind::WritePublicInformation
            | EdgeKind::GetChanges
            | EdgeKind::GetChangesAll
            | EdgeKind::GetChangesInFilteredSet
            | EdgeKind::ManageCA
            | EdgeKind::ManageCertificates
            | EdgeKind::Enroll
            | EdgeKind::WritePKIEnrollmentFlag
            | EdgeKind::WritePKINameFlag
    )
}
