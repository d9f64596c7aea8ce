//! A bounded map that forgets its oldest entry first.

use std::collections::BTreeMap;
use std::hash::Hash;

use hopwatch_model::Timestamp;
use rustc_hash::FxHashMap;

/// A map of at most `cap` entries, in order of insertion. What is pushed out is handed back: it is the caller's to emit.
#[derive(Debug)]
pub(crate) struct Aging<K, V> {
    cap: usize,
    next: u64,
    index: FxHashMap<K, u64>,
    entries: BTreeMap<u64, (K, Timestamp, V)>,
}

impl<K: Clone + Eq + Hash, V> Aging<K, V> {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, next: 0, index: FxHashMap::default(), entries: BTreeMap::new() }
    }

    /// Inserts as the youngest; returns the entry that had the key, or else the oldest where the map was full.
    pub(crate) fn insert(&mut self, key: K, time: Timestamp, value: V) -> Option<V> {
        let replaced = self.remove(&key);
        let evicted = if self.entries.len() >= self.cap { self.pop_oldest() } else { None };
        self.index.insert(key.clone(), self.next);
        self.entries.insert(self.next, (key, time, value));
        self.next += 1;
        replaced.or(evicted)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let number = self.index.remove(key)?;
        self.entries.remove(&number).map(|(_, _, value)| value)
    }

    pub(crate) fn get(&self, key: &K) -> Option<(Timestamp, &V)> {
        let (_, time, value) = self.entries.get(self.index.get(key)?)?;
        Some((*time, value))
    }

    /// Takes out every entry that was inserted before `limit`, oldest first.
    pub(crate) fn expire(&mut self, limit: Timestamp) -> Vec<V> {
        let mut expired = Vec::new();
        while self.entries.first_key_value().is_some_and(|(_, (_, time, _))| *time < limit) {
            expired.extend(self.pop_oldest());
        }
        expired
    }

    /// Takes out everything, oldest first.
    pub(crate) fn drain(&mut self) -> Vec<V> {
        self.index.clear();
        std::mem::take(&mut self.entries).into_values().map(|(_, _, value)| value).collect()
    }

    fn pop_oldest(&mut self) -> Option<V> {
        let (_, (key, _, value)) = self.entries.pop_first()?;
        self.index.remove(&key);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_makes_room_and_is_handed_back() {
        let mut map = Aging::new(2);
        let at = Timestamp::from_secs;
        assert_eq!(map.insert("a", at(1), 1), None);
        assert_eq!(map.insert("b", at(2), 2), None);
        assert_eq!(map.insert("a", at(3), 3), Some(1));
        assert_eq!(map.insert("c", at(4), 4), Some(2));
        assert_eq!(map.expire(at(4)), [3]);
        assert_eq!(map.get(&"c"), Some((at(4), &4)));
        assert_eq!(map.drain(), [4]);
        assert_eq!(map.remove(&"c"), None);
    }
}
