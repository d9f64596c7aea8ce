//! Names become numbers: a bounded two-way table of account or host names and dense ids.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A two-way table. Ids of forgotten names are given out again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(into = "Saved", from = "Saved")]
pub struct Names {
    ids: FxHashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
    free: Vec<u32>,
}

/// The saved form: names in the order of their ids.
#[derive(Serialize, Deserialize)]
struct Saved(Vec<Box<str>>, Vec<u32>);

impl From<Names> for Saved {
    fn from(names: Names) -> Self {
        Self(names.names, names.free)
    }
}

impl From<Saved> for Names {
    fn from(Saved(names, free): Saved) -> Self {
        let live = |index: &u32| !free.contains(index);
        let numbered = names.iter().zip(0_u32..).filter(|(name, index)| !name.is_empty() || live(index));
        let ids = numbered.map(|(name, index)| (name.clone(), index)).collect();
        Self { ids, names, free }
    }
}

impl Names {
    /// The id of a known name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u32> {
        self.ids.get(name).copied()
    }

    /// The id of a name, given now where it has none; the second is true where it is new.
    pub fn id(&mut self, name: &str) -> (u32, bool) {
        if let Some(id) = self.ids.get(name) {
            return (*id, false);
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.names.push("".into());
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(slot) = self.names.get_mut(index(id)) {
            *slot = name.into();
        }
        self.ids.insert(name.into(), id);
        (id, true)
    }

    /// The name of an id; empty where it was forgotten.
    #[must_use]
    pub fn name(&self, id: u32) -> &str {
        self.names.get(index(id)).map_or("", |name| name)
    }

    /// Forgets an id and its name.
    pub fn forget(&mut self, id: u32) {
        if let Some(slot) = self.names.get_mut(index(id)).filter(|slot| !slot.is_empty()) {
            self.ids.remove(slot);
            *slot = "".into();
            self.free.push(id);
        }
    }

    /// Names held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// An id as an index.
#[must_use]
pub fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_id_is_given_out_again() {
        let mut names = Names::default();
        assert_eq!(names.id("a"), (0, true));
        assert_eq!(names.id("b"), (1, true));
        names.forget(0);
        assert_eq!((names.get("a"), names.name(0)), (None, ""));
        assert_eq!(names.id("c"), (0, true));
        assert_eq!(names.id("b"), (1, false));
    }
}
