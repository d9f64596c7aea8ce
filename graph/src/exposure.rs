//! Exposure (who can reach an object) and impact (what an object reaches) of many objects at once: a breadth-first search
//! from 64 sets together, one bit of a word each (Then et al., VLDB 2014).
//!
//! Most of an estate hangs together through a few hubs. Whoever reaches a hub reaches everything that the hub reaches: so
//! the nodes that reach one hub are found once, and given to every set that the hub reaches; the search goes on only
//! among the others, which cannot pass the hub.

use crate::Error;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at, narrow};
use crate::limits::{Limits, MAX_DEPTH};
use crate::reach::{Reach, search_from, touch};
use crate::snapshot::{NodeFlags, Snapshot};

/// Sets that are searched together: the bits of a word.
const LANES: usize = 64;

/// Nodes whose rows are touched together.
const BATCH: usize = 32;

/// A frontier of more than this share of the nodes (1/n) is spread without asking what is known already: one access to
/// memory for an edge in place of two, and one sweep over all nodes afterwards.
const SWEEP_ABOVE: usize = 64;

/// The exposure or the impact of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Existing nodes that were reached, without the set itself.
    pub nodes: u64,
    /// Enabled users and computers that were reached, without the set itself.
    pub principals: u64,
    /// Nodes of Tier Zero that were reached, without the set itself.
    pub tier_zero: u64,
    /// Enabled users and computers that could have been reached: those outside the set.
    pub of_principals: u64,
}

impl Share {
    /// The share of the principals, 0 to 1; 0 where there are none.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        let exact = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
        if self.of_principals == 0 { 0.0 } else { exact(self.principals) / exact(self.of_principals) }
    }
}

impl Snapshot {
    /// For every set, who can reach it. A set of one node is the exposure of that node.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::Stopped`].
    pub fn exposure(&self, sets: &[&[NodeId]], filter: &Filter, limits: &Limits<'_>) -> Result<Vec<Share>, Error> {
        self.shares(sets, Direction::Inbound, filter, limits)
    }

    /// For every set, what it can reach.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::Stopped`].
    pub fn impact(&self, sets: &[&[NodeId]], filter: &Filter, limits: &Limits<'_>) -> Result<Vec<Share>, Error> {
        self.shares(sets, Direction::Outbound, filter, limits)
    }

    fn shares(
        &self,
        sets: &[&[NodeId]],
        direction: Direction,
        filter: &Filter,
        limits: &Limits<'_>,
    ) -> Result<Vec<Share>, Error> {
        let scope = Scope::new(self, filter);
        let principals = self.principal_count();
        let hub = Hub::find(self, &scope, sets.len(), direction, limits)?;
        let mut shares = Vec::with_capacity(sets.len());
        for lanes in sets.chunks(LANES) {
            for set in lanes {
                self.known(set)?;
            }
            let reached = if scope.plain {
                search::<true>(&scope, lanes, hub.as_ref(), direction, limits)?
            } else {
                search::<false>(&scope, lanes, hub.as_ref(), direction, limits)?
            };
            self.count(&reached, lanes, principals, &mut shares);
        }
        Ok(shares)
    }

    /// Enabled users and computers.
    #[must_use]
    pub fn principal_count(&self) -> u64 {
        u64::try_from(self.nodes().filter(|id| self.flags(*id).principal()).count()).unwrap_or(u64::MAX)
    }

    fn count(&self, reached: &[u64], lanes: &[&[NodeId]], principals: u64, shares: &mut Vec<Share>) {
        let count_where = |test: fn(NodeFlags) -> bool| {
            let words = reached.iter().enumerate();
            tally(
                words
                    .filter(|(index, word)| **word != 0 && test(self.flags(NodeId::from_index(*index))))
                    .map(|(_, w)| *w),
            )
        };
        let nodes = count_where(NodeFlags::exists);
        let accounts = count_where(NodeFlags::principal);
        let crown = count_where(|flags| flags.has(NodeFlags::TIER_ZERO));
        for (lane, set) in lanes.iter().enumerate() {
            let mut members: Vec<NodeId> = set.to_vec();
            members.sort_unstable();
            members.dedup();
            let own = |test: fn(NodeFlags) -> bool| {
                let started = |id: &&NodeId| reached.get(id.index()).is_some_and(|word| word >> lane & 1 == 1);
                let count = members.iter().filter(started).filter(|id| test(self.flags(**id))).count();
                u64::try_from(count).unwrap_or(u64::MAX)
            };
            let at_lane = |counts: &[u64; LANES]| counts.get(lane).copied().unwrap_or_default();
            let own_principals = own(NodeFlags::principal);
            shares.push(Share {
                nodes: at_lane(&nodes).saturating_sub(own(NodeFlags::exists)),
                principals: at_lane(&accounts).saturating_sub(own_principals),
                tier_zero: at_lane(&crown).saturating_sub(own(|flags| flags.has(NodeFlags::TIER_ZERO))),
                of_principals: principals.saturating_sub(own_principals),
            });
        }
    }
}

/// Sets from which on a hub is worth its two searches.
const HUB_FROM_SETS: usize = 8;

/// A well-connected node, and the nodes before and behind it in the direction of the search.
struct Hub {
    /// What a search from the hub reaches.
    reached: Reach,
    /// From where a search reaches the hub.
    reaching: Reach,
}

impl Hub {
    /// The node with the most edges in both directions. None where there are few sets or where depth matters, since the
    /// hub's own depth is not looked at.
    fn find(
        snapshot: &Snapshot,
        scope: &Scope<'_>,
        sets: usize,
        direction: Direction,
        limits: &Limits<'_>,
    ) -> Result<Option<Self>, Error> {
        if sets < HUB_FROM_SETS || limits.max_depth < MAX_DEPTH {
            return Ok(None);
        }
        let degree = |id: &NodeId| {
            let edges = |direction| scope.row(id.0, direction).0.len();
            edges(Direction::Inbound).min(edges(Direction::Outbound))
        };
        let Some(hub) = snapshot.nodes().filter(|id| !scope.blocked(id.0)).max_by_key(degree) else {
            return Ok(None);
        };
        let limits = Limits { stop: limits.stop, ..Limits::none() };
        Ok(Some(Self {
            reached: search_from(scope, &[hub], direction, &limits)?,
            reaching: search_from(scope, &[hub], direction.reversed(), &limits)?,
        }))
    }

    /// The lanes that reach a node through the hub.
    fn share(&self, scope: &Scope<'_>, lanes: &[&[NodeId]]) -> Vec<u64> {
        let mut seen = vec![0_u64; scope.bound()];
        let through = |set: &&[NodeId]| set.iter().any(|id| self.reaching.contains(*id));
        let shared = lanes.iter().enumerate().filter(|(_, set)| through(set)).fold(0, |all, (lane, _)| all | 1 << lane);
        if shared != 0 {
            for id in self.reached.nodes() {
                if let Some(word) = seen.get_mut(id.index()) {
                    *word = shared;
                }
            }
        }
        seen
    }
}

/// For every node the lanes that reach it.
fn search<const PLAIN: bool>(
    scope: &Scope<'_>,
    lanes: &[&[NodeId]],
    hub: Option<&Hub>,
    direction: Direction,
    limits: &Limits<'_>,
) -> Result<Vec<u64>, Error> {
    let bound = scope.bound();
    let mut seen = hub.map_or_else(|| vec![0_u64; bound], |hub| hub.share(scope, lanes));
    let mut frontier = vec![0_u64; bound];
    let mut next = vec![0_u64; bound];
    let mut active: Vec<u32> = Vec::new();
    for (lane, set) in lanes.iter().enumerate() {
        for node in set.iter().filter(|node| !scope.blocked(node.0)) {
            if let (Some(seen), Some(frontier)) = (seen.get_mut(node.index()), frontier.get_mut(node.index())) {
                let new = 1 << lane & !*seen;
                if new != 0 && *frontier == 0 {
                    active.push(node.0);
                }
                *seen |= new;
                *frontier |= new;
            }
        }
    }
    let mut depth = 0;
    while !active.is_empty() && depth < limits.max_depth {
        limits.stopped()?;
        depth += 1;
        let wide = active.len() > bound / SWEEP_ABOVE;
        let mut arrived = if wide {
            spread::<PLAIN>(scope, direction, &active, &frontier, &mut next);
            Vec::with_capacity(active.len())
        } else {
            push::<PLAIN>(scope, direction, &active, &seen, &frontier, &mut next)
        };
        for node in &active {
            if let Some(word) = frontier.get_mut(at(*node)) {
                *word = 0;
            }
        }
        if wide {
            sweep(&mut seen, &mut next, &mut arrived);
        } else {
            for node in &arrived {
                if let (Some(seen), Some(next)) = (seen.get_mut(at(*node)), next.get(at(*node))) {
                    *seen |= next;
                }
            }
        }
        std::mem::swap(&mut frontier, &mut next);
        active = arrived;
    }
    Ok(seen)
}

/// From the frontier to its neighbours; returns the nodes at which a lane is new.
fn push<const PLAIN: bool>(
    scope: &Scope<'_>,
    direction: Direction,
    active: &[u32],
    seen: &[u64],
    frontier: &[u64],
    next: &mut [u64],
) -> Vec<u32> {
    let mut arrived = Vec::new();
    for batch in active.chunks(BATCH) {
        touch(scope, batch, direction);
        for node in batch {
            let lanes = frontier.get(at(*node)).copied().unwrap_or_default();
            scope.each::<PLAIN>(*node, direction, |end, _| {
                let new = lanes & !seen.get(at(end)).copied().unwrap_or(u64::MAX);
                if new != 0
                    && let Some(word) = next.get_mut(at(end))
                {
                    if *word == 0 {
                        arrived.push(end);
                    }
                    *word |= new;
                }
            });
        }
    }
    arrived
}

/// From the frontier to its neighbours, also where the lanes are known there.
fn spread<const PLAIN: bool>(
    scope: &Scope<'_>,
    direction: Direction,
    active: &[u32],
    frontier: &[u64],
    next: &mut [u64],
) {
    for batch in active.chunks(BATCH) {
        touch(scope, batch, direction);
        for node in batch {
            let lanes = frontier.get(at(*node)).copied().unwrap_or_default();
            scope.each::<PLAIN>(*node, direction, |end, _| {
                if let Some(word) = next.get_mut(at(end)) {
                    *word |= lanes;
                }
            });
        }
    }
}

/// Leaves of what was spread only what is new.
fn sweep(seen: &mut [u64], next: &mut [u64], arrived: &mut Vec<u32>) {
    for (node, (seen, next)) in seen.iter_mut().zip(next).enumerate() {
        *next &= !*seen;
        if *next != 0 {
            *seen |= *next;
            arrived.push(narrow(node));
        }
    }
}

/// How many words have each bit set. Eight counters of a byte run beside each other in a word, and are emptied before
/// they can overflow.
fn tally(words: impl Iterator<Item = u64>) -> [u64; LANES] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut totals = [0_u64; LANES];
    let mut bytes = [0_u64; 8];
    let mut pending = 0;
    let mut flush = |bytes: &mut [u64; 8]| {
        for (bit, counters) in bytes.iter_mut().enumerate() {
            for (byte, count) in counters.to_le_bytes().into_iter().enumerate() {
                if let Some(total) = totals.get_mut(byte * 8 + bit) {
                    *total += u64::from(count);
                }
            }
            *counters = 0;
        }
    };
    for word in words {
        for (bit, counters) in bytes.iter_mut().enumerate() {
            *counters += word >> bit & ONES;
        }
        pending += 1;
        if pending == u8::MAX {
            flush(&mut bytes);
            pending = 0;
        }
    }
    flush(&mut bytes);
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_tallied_by_position() {
        let words: Vec<u64> = (0..1000_u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let totals = tally(words.iter().copied());
        for (bit, total) in totals.iter().enumerate() {
            assert_eq!(*total, words.iter().map(|word| word >> bit & 1).sum::<u64>());
        }
    }
}
