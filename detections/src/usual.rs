//! What is usual: keys that were seen while learning, bounded. A detection that would fire on the first sight of an act
//! asks here whether the same actor did the same before judging began.

use hopwatch_ml::bounded::Table;
use serde::{Deserialize, Serialize};

use crate::frame::Mode;

/// The most keys remembered by one detection; the one unused for longest goes.
const KEYS: usize = 50_000;

/// Keys seen while learning, with how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Usual {
    seen: Table<u32>,
}

impl Default for Usual {
    fn default() -> Self {
        Self { seen: Table::new(KEYS) }
    }
}

impl Usual {
    /// True where the key was seen while learning. While learning, every key is taken in, and is usual.
    pub fn met(&mut self, key: &str, mode: Mode) -> bool {
        if mode == Mode::Learning {
            let count = self.seen.entry(key, || 0);
            *count = count.saturating_add(1);
            return true;
        }
        self.knows(key)
    }

    /// True where the key was seen while learning; learns nothing.
    #[must_use]
    pub fn knows(&self, key: &str) -> bool {
        self.seen.get(key).is_some()
    }

    /// How many keys it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_usual_only_where_it_was_learned() {
        let mut usual = Usual::default();
        assert!(!usual.met("a", Mode::Judging));
        assert!(!usual.met("a", Mode::Judging), "judging teaches nothing");
        assert!(usual.met("a", Mode::Learning));
        assert!(usual.met("a", Mode::Judging));
    }

    #[test]
    fn the_table_is_capped() {
        let mut usual = Usual::default();
        (0..KEYS + 1000).for_each(|i| {
            usual.met(&i.to_string(), Mode::Learning);
        });
        assert!(usual.entries() <= KEYS);
    }
}
