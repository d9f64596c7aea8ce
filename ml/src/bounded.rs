//! Bounded tables for states: a keyed table with a cap that evicts the entry unused for longest, and a sliding window of
//! distinct values. Both count what they evict.

use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use hopwatch_model::Timestamp;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A table from key to value with a cap. Where it is full, the eighth of the entries that was touched longest ago goes,
/// so that touching costs one hash look-up and evicting is paid for by the insertions before it.
///
/// Keys are names, or numbers where what is kept has one (`Table<V, u64>`): those cost no text for every look-up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "V: Serialize + Clone, K: Key", deserialize = "V: Deserialize<'de>, K: Key"))]
#[serde(into = "Saved<V, K>", from = "Saved<V, K>")]
pub struct Table<V: Clone, K: Key = String> {
    cap: usize,
    entries: FxHashMap<K, Slot<V>>,
    clock: u64,
    evicted: u64,
}

/// What an entry is found by.
pub trait Key: Clone + Ord + Hash + Serialize + DeserializeOwned {
    /// The form in which it is told.
    type Shown: Ord + ?Sized;

    /// That form.
    fn shown(&self) -> &Self::Shown;
}

impl Key for String {
    type Shown = str;

    fn shown(&self) -> &str {
        self
    }
}

impl Key for u64 {
    type Shown = Self;

    fn shown(&self) -> &Self {
        self
    }
}

#[derive(Clone, Debug)]
struct Slot<V> {
    touched: u64,
    value: V,
}

/// The saved form: entries by key, so that equal tables are equal bytes.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "V: Serialize, K: Key", deserialize = "V: Deserialize<'de>, K: Key"))]
struct Saved<V, K> {
    cap: usize,
    clock: u64,
    evicted: u64,
    entries: BTreeMap<K, (u64, V)>,
}

impl<V: Clone, K: Key> From<Table<V, K>> for Saved<V, K> {
    fn from(table: Table<V, K>) -> Self {
        let entries = table.entries.into_iter().map(|(key, slot)| (key, (slot.touched, slot.value))).collect();
        Self { cap: table.cap, clock: table.clock, evicted: table.evicted, entries }
    }
}

impl<V: Clone, K: Key> From<Saved<V, K>> for Table<V, K> {
    fn from(saved: Saved<V, K>) -> Self {
        let entries = saved.entries.into_iter().map(|(key, (touched, value))| (key, Slot { touched, value })).collect();
        Self { cap: saved.cap, entries, clock: saved.clock, evicted: saved.evicted }
    }
}

impl<V: Clone, K: Key> Table<V, K> {
    /// A table of at most `cap` entries.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { cap: cap.max(1), entries: FxHashMap::default(), clock: 0, evicted: 0 }
    }

    /// The entry of a key, made where it is missing, and touched.
    pub fn entry<Q>(&mut self, key: &Q, make: impl FnOnce() -> V) -> &mut V
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
    {
        self.clock += 1;
        let clock = self.clock;
        // Most keys are known: only a new one is copied.
        if !self.entries.contains_key(key) {
            if self.entries.len() >= self.cap {
                self.evict();
            }
            let fresh = self.entries.entry(key.to_owned()).insert_entry(Slot { touched: clock, value: make() });
            return &mut fresh.into_mut().value;
        }
        // INVARIANT: the key was found above, and nothing was taken out since.
        #[expect(clippy::expect_used, reason = "the map has no way to look up by a borrowed key and insert at once")]
        let slot = self.entries.get_mut(key).expect("the key was found above");
        slot.touched = clock;
        &mut slot.value
    }

    fn evict(&mut self) {
        let mut stamps: Vec<u64> = self.entries.values().map(|slot| slot.touched).collect();
        let last = (stamps.len() / 8).min(stamps.len().saturating_sub(1));
        let (_, limit, _) = stamps.select_nth_unstable(last);
        let limit = *limit;
        let before = self.entries.len();
        self.entries.retain(|_, slot| slot.touched > limit);
        self.evicted += u64::try_from(before - self.entries.len()).unwrap_or(0);
    }

    /// The value of a key, untouched.
    #[must_use]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|slot| &slot.value)
    }

    /// The value of a key to change, untouched.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).map(|slot| &mut slot.value)
    }

    /// Takes an entry out.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.entries.remove(key).map(|slot| slot.value)
    }

    /// All entries, sorted by key: for ticks and reports, not for every event.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&K::Shown, &V)> {
        let mut all: Vec<_> = self.entries.iter().map(|(key, slot)| (key.shown(), &slot.value)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Keeps the entries for which `keep` says so; the order of the calls is not defined.
    pub fn retain(&mut self, mut keep: impl FnMut(&K::Shown, &mut V) -> bool) {
        self.entries.retain(|key, slot| keep(key.shown(), &mut slot.value));
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries were evicted for the cap.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Which of its two lanes a sliding window shows: what is judged, or what is only learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Activity that is judged.
    #[default]
    Judged,
    /// History.
    Learned,
}

thread_local! {
    static LANE: Cell<Lane> = const { Cell::new(Lane::Judged) };
}

/// Does some work during which every sliding window of this thread shows and fills one lane. Whoever drives the rules says
/// once what they are driven for, so that no rule can count history towards an alert by oversight.
pub fn in_lane<T>(lane: Lane, work: impl FnOnce() -> T) -> T {
    let before = LANE.replace(lane);
    let done = work();
    LANE.set(before);
    done
}

/// Values seen in a sliding window of event time, each with the times at which it was seen. Late events count where they
/// still fall into the window.
///
/// It has two lanes, see [`in_lane`]: what history put into a window is not there when live activity is judged, and
/// history that is learned beside live activity neither fills nor ends the live windows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sliding<T> {
    items: VecDeque<(Timestamp, T)>,
    #[serde(default = "VecDeque::new", skip_serializing_if = "VecDeque::is_empty")]
    learned: VecDeque<(Timestamp, T)>,
}

impl<T> Default for Sliding<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), learned: VecDeque::new() }
    }
}

impl<T: Clone + Ord> Sliding<T> {
    /// An empty window.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, and forgets what is older than `span` before the newest, and the oldest beyond `cap`.
    pub fn push(&mut self, time: Timestamp, value: T, span: Duration, cap: usize) {
        let items = self.lane_mut();
        // Events come nearly in order of time.
        if items.back().is_none_or(|(newest, _)| *newest <= time) {
            items.push_back((time, value));
        } else {
            let place = items.partition_point(|(t, _)| *t <= time);
            items.insert(place, (time, value));
        }
        let newest = items.back().map_or(time, |(t, _)| *t);
        while items.front().is_some_and(|(t, _)| *t < newest - span) || items.len() > cap.max(1) {
            items.pop_front();
        }
        while self.learned.front().is_some_and(|(t, _)| *t < newest - span) {
            self.learned.pop_front();
        }
    }

    /// How many values there are, repeated ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lane().len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lane().is_empty()
    }

    /// The distinct values, sorted.
    #[must_use]
    pub fn distinct(&self) -> BTreeSet<&T> {
        self.lane().iter().map(|(_, value)| value).collect()
    }

    /// All values in time order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &(Timestamp, T)> {
        self.lane().iter()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.lane_mut().clear();
    }

    fn lane(&self) -> &VecDeque<(Timestamp, T)> {
        match LANE.get() {
            Lane::Judged => &self.items,
            Lane::Learned => &self.learned,
        }
    }

    fn lane_mut(&mut self) -> &mut VecDeque<(Timestamp, T)> {
        match LANE.get() {
            Lane::Judged => &mut self.items,
            Lane::Learned => &mut self.learned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_unused_for_longest_goes_first() {
        let mut table = Table::new(2);
        *table.entry("a", || 0) += 1;
        *table.entry("b", || 0) += 1;
        *table.entry("a", || 0) += 1;
        *table.entry("c", || 0) += 1;
        assert_eq!(table.sorted(), [("a", &2), ("c", &1)]);
        assert_eq!(table.evicted(), 1);
    }

    #[test]
    fn a_late_value_counts_while_its_window_is_open() {
        let mut window = Sliding::new();
        let at = Timestamp::from_secs;
        let span = Duration::from_secs(60);
        window.push(at(100), "a", span, 10);
        window.push(at(50), "late", span, 10);
        window.push(at(30), "too late", span, 10);
        assert_eq!(window.distinct().into_iter().copied().collect::<Vec<_>>(), ["a", "late"]);
    }

    #[test]
    fn history_is_not_in_the_window_of_what_is_judged() {
        let mut window = Sliding::new();
        let (at, span) = (Timestamp::from_secs, Duration::from_secs(60));
        in_lane(Lane::Learned, || {
            window.push(at(100), "old", span, 10);
            window.push(at(101), "old", span, 10);
            assert_eq!(window.len(), 2);
        });
        assert!(window.is_empty());
        window.push(at(102), "new", span, 10);
        assert_eq!(window.distinct().into_iter().copied().collect::<Vec<_>>(), ["new"]);
        in_lane(Lane::Learned, || assert_eq!(window.len(), 2));
        // Judged time that has left the history behind lets it go.
        window.push(at(300), "new", span, 10);
        in_lane(Lane::Learned, || assert!(window.is_empty()));
    }
}
