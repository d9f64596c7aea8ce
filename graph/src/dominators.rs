//! Dominators: the nodes through which every path between a node and a set must pass. Cooper, Harvey and Kennedy's
//! iteration (2001) over breadth-first numbers: paths of an estate are short, so the walks to a common dominator are
//! short too.

use crate::Error;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at, narrow};
use crate::limits::Limits;
use crate::snapshot::Snapshot;

/// The number of the root above the set.
pub(crate) const ROOT: u32 = 0;
/// A node that was not reached, or whose dominator is not known yet.
const NONE: u32 = u32::MAX;

/// The dominator tree of the nodes that reach a set (inbound) or that it reaches (outbound). Above the members of the
/// set stands a root that is no node.
#[derive(Clone, Debug)]
pub struct Dominators {
    /// Node of a number; the root's is no node.
    pub(crate) order: Vec<u32>,
    /// Number of a node.
    pub(crate) number: Vec<u32>,
    /// Immediate dominator of a number, as a number; always a lower one.
    pub(crate) parent: Vec<u32>,
}

impl Dominators {
    /// The nearest node through which every path between the node and the set passes; `None` for the members of the set,
    /// for nodes with paths that share none, and for nodes that were not reached.
    #[must_use]
    pub fn immediate(&self, id: NodeId) -> Option<NodeId> {
        let parent = *self.parent.get(at(self.number_of(id.0)?))?;
        (parent != ROOT).then(|| self.order.get(at(parent)).copied().map(NodeId)).flatten()
    }

    /// Every node through which all paths between the node and the set pass, nearest first.
    pub fn chain(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.immediate(id), |id| self.immediate(*id))
    }

    /// True where the node reaches the set, or is a member.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.number_of(id.0).is_some()
    }

    pub(crate) fn number_of(&self, node: u32) -> Option<u32> {
        self.number.get(at(node)).copied().filter(|number| *number != NONE)
    }

    /// For every number the sum of `weight` over the tree below it and itself.
    pub(crate) fn sums(&self, weight: impl Fn(NodeId) -> u32) -> Vec<u32> {
        let mut sums: Vec<u32> = vec![0; self.order.len()];
        for (number, node) in self.order.iter().enumerate().skip(1).rev() {
            let own = weight(NodeId(*node));
            let Some(sum) = sums.get_mut(number) else {
                continue;
            };
            *sum += own;
            let total = *sum;
            if let Some(above) = self.parent.get(number).and_then(|parent| sums.get_mut(at(*parent))) {
                *above += total;
            }
        }
        sums
    }

    /// For every number its place in a preorder walk and the size of its tree: a dominates b where b's place lies within
    /// a's tree.
    pub(crate) fn preorder(&self) -> (Vec<u32>, Vec<u32>) {
        let mut sizes = self.sums(|_| 1);
        if let Some(root) = sizes.first_mut() {
            *root += 1;
        }
        let mut place = vec![0_u32; self.order.len()];
        let mut next = vec![1_u32; self.order.len()];
        for number in 1..self.order.len() {
            let size = sizes.get(number).copied().unwrap_or_default();
            let parent = self.parent.get(number).copied().map_or(0, at);
            if let Some(free) = next.get_mut(parent) {
                let mine = std::mem::replace(free, *free + size);
                if let (Some(place), Some(next)) = (place.get_mut(number), next.get_mut(number)) {
                    (*place, *next) = (mine, mine + 1);
                }
            }
        }
        (place, sizes)
    }
}

impl Snapshot {
    /// The dominator tree of what reaches a set (inbound) or what it reaches (outbound).
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::EmptySet`], [`Error::LimitReached`], [`Error::Stopped`].
    pub fn dominators(
        &self,
        set: &[NodeId],
        direction: Direction,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Dominators, Error> {
        if set.is_empty() {
            return Err(Error::EmptySet { what: "the set of targets" });
        }
        let reach = self.reach(set, direction, filter, limits)?;
        let mut order = Vec::with_capacity(reach.len() + 1);
        order.push(NONE);
        order.extend(reach.nodes().map(|id| id.0));
        let mut number = vec![NONE; self.node_bound()];
        for (index, node) in order.iter().enumerate().skip(1) {
            if let Some(cell) = number.get_mut(at(*node)) {
                *cell = narrow(index);
            }
        }
        let mut tree = Dominators { parent: vec![NONE; order.len()], order, number };
        let members = reach.nodes().take_while(|id| reach.depth(*id) == Some(0)).count();
        for cell in tree.parent.iter_mut().take(members + 1) {
            *cell = ROOT;
        }
        let scope = Scope::new(self, filter);
        let mut changed = true;
        while changed {
            limits.stopped()?;
            changed = if scope.plain {
                pass::<true>(&scope, direction.reversed(), &mut tree, members)
            } else {
                pass::<false>(&scope, direction.reversed(), &mut tree, members)
            };
        }
        Ok(tree)
    }
}

/// One pass over all nodes in breadth-first order; true where a dominator moved.
fn pass<const PLAIN: bool>(scope: &Scope<'_>, back: Direction, tree: &mut Dominators, members: usize) -> bool {
    let mut changed = false;
    let Dominators { order, number, parent } = tree;
    for (index, node) in order.iter().enumerate().skip(members + 1) {
        let mut found = NONE;
        scope.any::<PLAIN>(*node, back, |end, _| {
            let before = number.get(at(end)).copied().unwrap_or(NONE);
            if before != NONE && parent.get(at(before)).is_some_and(|above| *above != NONE) {
                found = if found == NONE { before } else { common(parent, found, before) };
            }
            found == ROOT
        });
        if let Some(cell) = parent.get_mut(index).filter(|cell| **cell != found) {
            *cell = found;
            changed = true;
        }
    }
    changed
}

/// The nearest common ancestor of two numbers in the tree so far.
#[inline]
fn common(parent: &[u32], mut one: u32, mut other: u32) -> u32 {
    while one != other {
        while one > other {
            one = parent.get(at(one)).copied().unwrap_or(ROOT);
        }
        while other > one {
            other = parent.get(at(other)).copied().unwrap_or(ROOT);
        }
    }
    one
}
