//! A set of node ids as one bit each: for a million nodes it fits the second-level cache, where a byte each does not.

use crate::ids::at;

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)] }
    }

    #[inline]
    pub(crate) fn has(&self, id: u32) -> bool {
        self.words.get(at(id >> 6)).is_some_and(|word| word >> (id & 63) & 1 == 1)
    }

    /// Adds an id; true where it was new.
    #[inline]
    pub(crate) fn add(&mut self, id: u32) -> bool {
        let Some(word) = self.words.get_mut(at(id >> 6)) else {
            return false;
        };
        let bit = 1 << (id & 63);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(word) = self.words.get_mut(at(id >> 6)) {
            *word &= !(1 << (id & 63));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}
