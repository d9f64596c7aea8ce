//! What if: the exposure of a set before and after edges and nodes are removed or edges are added, without changing the
//! estate.

use crate::Error;
use crate::exposure::Share;
use crate::filter::{Direction, Filter};
use crate::ids::NodeId;
use crate::limits::Limits;
use crate::reach::Reach;
use crate::snapshot::{NodeFlags, Snapshot};

/// What a change of the graph would do to the exposure of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// The exposure as it is.
    pub before: Share,
    /// The exposure after the change.
    pub after: Share,
    /// Enabled users and computers that would no longer reach the set.
    pub cut_off: Vec<NodeId>,
    /// Enabled users and computers that would newly reach it.
    pub newly_exposed: Vec<NodeId>,
    /// True where a list was cut to the limit of nodes.
    pub truncated: bool,
}

impl Snapshot {
    /// What the change that tells `changed` from `filter` does to the exposure of a set. The lists hold at most
    /// `limits.max_nodes` each.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::Stopped`].
    pub fn what_if(
        &self,
        set: &[NodeId],
        filter: &Filter,
        changed: &Filter,
        limits: &Limits<'_>,
    ) -> Result<WhatIf, Error> {
        if set.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        for edge in &changed.with_edges {
            self.known(&[edge.source, edge.target])?;
        }
        let unbounded = Limits { max_nodes: usize::MAX, ..*limits };
        let before = self.reach(set, Direction::Inbound, filter, &unbounded)?;
        let after = self.reach(set, Direction::Inbound, changed, &unbounded)?;
        let (cut_off, more_cut) = self.difference(&before, &after, set, limits.max_nodes);
        let (newly_exposed, more_new) = self.difference(&after, &before, set, limits.max_nodes);
        Ok(WhatIf {
            before: self.share_of(&before, set),
            after: self.share_of(&after, set),
            cut_off,
            newly_exposed,
            truncated: more_cut || more_new,
        })
    }

    /// The principals of one search outside the set that the other did not reach, by id.
    fn difference(&self, one: &Reach, other: &Reach, set: &[NodeId], most: usize) -> (Vec<NodeId>, bool) {
        let only = |id: &NodeId| self.flags(*id).principal() && !other.contains(*id) && !set.contains(id);
        let mut found: Vec<NodeId> = one.nodes().filter(only).collect();
        found.sort_unstable();
        let truncated = found.len() > most;
        found.truncate(most);
        (found, truncated)
    }

    fn share_of(&self, reach: &Reach, set: &[NodeId]) -> Share {
        let members: std::collections::BTreeSet<NodeId> = set.iter().copied().collect();
        let count = |test: &dyn Fn(NodeFlags) -> bool| {
            let reached = reach.nodes().filter(|id| test(self.flags(*id)) && !members.contains(id)).count();
            u64::try_from(reached).unwrap_or(u64::MAX)
        };
        let own = members.iter().filter(|id| self.flags(**id).principal() && reach.contains(**id)).count();
        Share {
            nodes: count(&NodeFlags::exists),
            principals: count(&NodeFlags::principal),
            tier_zero: count(&|flags| flags.has(NodeFlags::TIER_ZERO)),
            of_principals: self.principal_count().saturating_sub(u64::try_from(own).unwrap_or(u64::MAX)),
        }
    }
}
