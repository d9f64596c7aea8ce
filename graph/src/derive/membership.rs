//! Who is in which group: the membership edges as adjacency in both directions, and their closure on demand.

use hopwatch_model::{EdgeKind, NodeKind};

use super::set::Set;
use super::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::{NodeId, at};

/// One direction of adjacency in rows of one array.
struct Rows {
    starts: Vec<u32>,
    ends: Vec<(NodeId, EdgeKind)>,
}

impl Rows {
    /// From edges by the end that the row belongs to.
    fn new(bound: usize, edges: &[(NodeId, NodeId, EdgeKind)]) -> Self {
        let mut starts = vec![0_u32; bound + 1];
        for (row, _, _) in edges {
            if let Some(slot) = starts.get_mut(row.index() + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        let mut ends = vec![(NodeId(0), EdgeKind::MemberOf); edges.len()];
        for (row, other, kind) in edges {
            if let Some(slot) = next.get_mut(row.index()) {
                if let Some(end) = ends.get_mut(at(*slot)) {
                    *end = (*other, *kind);
                }
                *slot += 1;
            }
        }
        Self { starts, ends }
    }

    fn of(&self, id: NodeId) -> &[(NodeId, EdgeKind)] {
        let bounds = (self.starts.get(id.index()), self.starts.get(id.index() + 1));
        match bounds {
            (Some(start), Some(end)) => self.ends.get(at(*start)..at(*end)).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// The membership of the estate, the links of well-known groups included.
pub(super) struct Membership {
    members: Rows,
    groups: Rows,
    is_group: Set,
    special: Set,
    /// The special groups, and every group in which one of them is.
    holds_special: Set,
}

impl Membership {
    /// From raw and synthetic membership.
    pub(super) fn new(work: &Work<'_>) -> Self {
        let kinds = [EdgeKind::MemberOf, EdgeKind::MemberOfLocalGroup];
        let raw = kinds.iter().flat_map(|kind| work.raw(*kind)).copied();
        let all: Vec<EdgeKey> = raw.chain(work.made(EdgeKind::MemberOf)).collect();
        let down: Vec<_> = all.iter().map(|key| (key.target, key.source, key.kind)).collect();
        let up: Vec<_> = all.iter().map(|key| (key.source, key.target, key.kind)).collect();
        let groups = [NodeKind::Group, NodeKind::ADLocalGroup];
        let is_group = Set::of(groups.iter().flat_map(|kind| work.nodes(*kind)));
        let special: Set = Set::of(work.nodes(NodeKind::Group).into_iter().filter(|id| is_special(work.id(*id))));
        let mut membership = Self {
            members: Rows::new(work.bound(), &down),
            groups: Rows::new(work.bound(), &up),
            is_group,
            special: special.clone(),
            holds_special: Set::default(),
        };
        membership.holds_special = special;
        let holders = membership.reached(membership.special.iter(), &membership.groups);
        membership.holds_special.unite(&holders);
        membership
    }

    /// Whether it is a group of the directory or of a computer.
    pub(super) fn is_group(&self, id: NodeId) -> bool {
        self.is_group.contains(id)
    }

    /// Whether everyone is in it: Authenticated Users or Everyone, or a group that holds them.
    pub(super) fn holds_everyone(&self, id: NodeId) -> bool {
        self.holds_special.contains(id)
    }

    /// Whether Authenticated Users or Everyone are it or are its direct members.
    pub(super) fn names_everyone(&self, id: NodeId) -> bool {
        self.special.contains(id) || self.members.of(id).iter().any(|(member, _)| self.special.contains(*member))
    }

    /// The direct members.
    pub(super) fn direct(&self, group: NodeId) -> impl Iterator<Item = NodeId> {
        self.members.of(group).iter().map(|(member, _)| *member)
    }

    /// Some principals and everyone who is in one of them.
    pub(super) fn unrolled(&self, principals: &[NodeId]) -> Set {
        let mut set = self.reached(principals.iter().copied(), &self.members);
        for id in principals {
            set.insert(*id);
        }
        set
    }

    /// Everyone who is in a group; the group itself only where it is in itself.
    pub(super) fn members(&self, group: NodeId) -> Set {
        self.reached([group], &self.members)
    }

    /// Some principals without the groups among them, whose members come in their place.
    pub(super) fn accounts(&self, principals: &[NodeId]) -> Set {
        let unrolled = self.unrolled(principals);
        Set::of(unrolled.iter().filter(|id| !self.is_group(*id)))
    }

    fn reached(&self, from: impl IntoIterator<Item = NodeId>, rows: &Rows) -> Set {
        let mut set = Set::default();
        let mut open: Vec<NodeId> = from.into_iter().collect();
        while let Some(id) = open.pop() {
            for (next, _) in rows.of(id) {
                if set.insert(*next) {
                    open.push(*next);
                }
            }
        }
        set
    }

    /// The memberships by which a principal is in the nearest of some groups, itself included (then there are none), and
    /// that group; `None` where it is in none of them.
    pub(super) fn chain(&self, principal: NodeId, wanted: &Set) -> Option<(NodeId, Vec<EdgeKey>)> {
        if wanted.contains(principal) {
            return Some((principal, Vec::new()));
        }
        let mut came: rustc_hash::FxHashMap<NodeId, EdgeKey> = rustc_hash::FxHashMap::default();
        let mut queue = std::collections::VecDeque::from([principal]);
        while let Some(id) = queue.pop_front() {
            for (group, kind) in self.groups.of(id) {
                if *group == principal || came.contains_key(group) {
                    continue;
                }
                came.insert(*group, EdgeKey { source: id, kind: *kind, target: *group });
                if wanted.contains(*group) {
                    let mut chain = Vec::new();
                    let mut end = *group;
                    while let Some(key) = came.get(&end) {
                        chain.push(*key);
                        end = key.source;
                    }
                    return Some((*group, chain));
                }
                queue.push_back(*group);
            }
        }
        None
    }
}

/// Whether it is Authenticated Users or Everyone.
fn is_special(id: &str) -> bool {
    id.ends_with("-S-1-5-11") || id.ends_with("-S-1-1-0")
}

/// Takes the users out where a template puts a DNS name into the certificate: users have none. Managed service accounts
/// are users of the graph that do have one; BloodHound takes them out too.
pub(super) fn without_users(work: &Work<'_>, set: &mut Set) {
    let users: Vec<NodeId> = set.iter().filter(|id| work.kind(*id) == NodeKind::User).collect();
    for id in users {
        let managed = work.flag(id, "gmsa") == Some(true) || work.flag(id, "msa") == Some(true);
        if work.mode() == Mode::BloodHound || !managed {
            set.remove(id);
        }
    }
}
