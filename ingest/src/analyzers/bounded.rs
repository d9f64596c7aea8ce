//! A map with a cap: beyond it the oldest entry goes, and whoever inserted learns of it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use rustc_hash::FxBuildHasher;

/// A map that holds at most `cap` entries, evicted in the order in which they were inserted.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    entries: HashMap<K, (u64, V), FxBuildHasher>,
    /// Keys with the sequence number of their insertion; numbers that no longer match are stale.
    order: VecDeque<(u64, K)>,
    next: u64,
    cap: usize,
}

impl<K: Copy + Eq + Hash, V> Bounded<K, V> {
    /// An empty map for at most `cap` entries.
    pub(crate) fn new(cap: usize) -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), next: 0, cap }
    }

    /// Puts an entry in; returns the one that it replaced or pushed out.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.next += 1;
        self.order.push_back((self.next, key));
        if let Some((_, replaced)) = self.entries.insert(key, (self.next, value)) {
            self.compact();
            return Some(replaced);
        }
        if self.entries.len() <= self.cap {
            self.compact();
            return None;
        }
        while let Some((number, key)) = self.order.pop_front() {
            if self.entries.get(&key).is_some_and(|(current, _)| *current == number) {
                return self.entries.remove(&key).map(|(_, value)| value);
            }
        }
        None
    }

    /// The entry of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The entry of a key, to change.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// All entries, to change, in no order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|(_, value)| value)
    }

    /// Takes all entries out, in the order in which they were inserted.
    pub(crate) fn drain(&mut self) -> Vec<V> {
        self.order.clear();
        let mut all: Vec<(u64, V)> = self.entries.drain().map(|(_, entry)| entry).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, value)| value).collect()
    }

    /// Stale order entries never outnumber the live ones by more than the cap.
    fn compact(&mut self) {
        if self.order.len() > self.cap.saturating_mul(2) {
            let entries = &self.entries;
            self.order.retain(|(number, key)| entries.get(key).is_some_and(|(current, _)| current == number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_a_repeated_key_counts_as_new() {
        let mut map = Bounded::new(2);
        assert_eq!(map.insert(1, 'a'), None);
        assert_eq!(map.insert(2, 'b'), None);
        assert_eq!(map.insert(1, 'c'), Some('a'));
        assert_eq!(map.insert(3, 'd'), Some('b'));
        assert_eq!(map.drain(), ['c', 'd']);
    }

    #[test]
    fn insertion_and_removal_keep_the_order_bounded() {
        let mut map = Bounded::new(4);
        for key in 0..10_000 {
            map.insert(key, ());
            map.remove(&key);
        }
        assert!(map.order.len() <= 9);
        assert!(map.drain().is_empty());
    }
}
