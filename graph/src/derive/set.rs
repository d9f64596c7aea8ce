//! Sets of nodes as bits.

use crate::ids::NodeId;

/// A set of nodes below a bound; adding one beyond it grows the set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    /// The set of some nodes.
    pub(super) fn of(ids: impl IntoIterator<Item = NodeId>) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }

    /// Adds a node; true where it is new.
    pub(super) fn insert(&mut self, id: NodeId) -> bool {
        let (word, bit) = place(id);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let Some(slot) = self.0.get_mut(word) else { return false };
        let new = *slot & bit == 0;
        *slot |= bit;
        new
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, id: NodeId) {
        let (word, bit) = place(id);
        if let Some(slot) = self.0.get_mut(word) {
            *slot &= !bit;
        }
    }

    /// Adds a node that is not there, takes out one that is.
    pub(super) fn toggle(&mut self, id: NodeId) {
        if !self.insert(id) {
            self.remove(id);
        }
    }

    /// Whether it holds a node.
    pub(super) fn contains(&self, id: NodeId) -> bool {
        let (word, bit) = place(id);
        self.0.get(word).is_some_and(|slot| slot & bit != 0)
    }

    /// Keeps what the other holds too.
    pub(super) fn intersect(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        for (word, theirs) in self.0.iter_mut().zip(&other.0) {
            *word &= theirs;
        }
    }

    /// Adds what the other holds.
    pub(super) fn unite(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, theirs) in self.0.iter_mut().zip(&other.0) {
            *word |= theirs;
        }
    }

    /// The nodes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| NodeId::from_index(index * 64 + bit))
        })
    }
}

fn place(id: NodeId) -> (usize, u64) {
    (id.index() / 64, 1 << (id.index() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_different_length_meet_and_join() {
        let mut small = Set::of([NodeId(1), NodeId(63)]);
        let large = Set::of([NodeId(63), NodeId(64), NodeId(200)]);
        let mut met = large.clone();
        met.intersect(&small);
        assert_eq!(met.iter().collect::<Vec<_>>(), [NodeId(63)]);
        small.unite(&large);
        assert_eq!(small.iter().collect::<Vec<_>>(), [NodeId(1), NodeId(63), NodeId(64), NodeId(200)]);
        small.toggle(NodeId(1));
        small.toggle(NodeId(2));
        assert!(!small.contains(NodeId(1)) && small.contains(NodeId(2)) && !Set::default().contains(NodeId(9)));
    }
}
