//! A count that fades: half of it is gone after [`HALF_LIFE_DAYS`], so that what an account did once long ago stops
//! being its habit. Kept in 16 bytes, brought up to date only when touched.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::hash::Hash;

/// Days after which a count is worth half. Short, and monthly habits look new; long, and a mover stays known where he
/// left. 14–30 days are in use; this is the upper end.
pub const HALF_LIFE_DAYS: f32 = 30.0;

/// Minutes since 1970.
pub type Minute = u32;

const HALF_LIFE_MINUTES: f32 = HALF_LIFE_DAYS * 1440.0;

/// A fading count with its first and last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    weight: f32,
    /// The first time.
    pub first: Minute,
    /// The last time.
    pub last: Minute,
    /// How often, without fading.
    pub times: u32,
}

impl Tally {
    /// The faded count at a time; a time before the last touch counts as that.
    #[must_use]
    pub fn at(&self, now: Minute) -> f32 {
        self.weight * fade(now.saturating_sub(self.last))
    }

    /// The count where it is older than a day, else an empty one: what came up today is not yet a habit, or the second hop
    /// of an intruder would be excused by the first.
    #[must_use]
    pub fn habit(self, now: Minute) -> Self {
        if now.saturating_sub(self.first) < 1440 { Self::default() } else { self }
    }

    /// One more.
    pub fn add(&mut self, now: Minute) {
        if self.times == 0 {
            self.first = now;
        }
        self.weight = self.at(now) + 1.0;
        self.first = self.first.min(now);
        self.last = self.last.max(now);
        self.times = self.times.saturating_add(1);
    }
}

fn fade(minutes: u32) -> f32 {
    // Within an hour the fading is under a thousandth: not worth an exponential.
    if minutes < 60 {
        return 1.0;
    }
    let days = f32::from(u16::try_from(minutes / 64).unwrap_or(u16::MAX)) * 64.0;
    (-days / HALF_LIFE_MINUTES).exp2()
}

/// Fading counts by key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<(K, Tally)>", from = "Vec<(K, Tally)>")]
#[serde(bound(
    serialize = "K: Serialize + Hash + Ord + Copy",
    deserialize = "K: Deserialize<'de> + Hash + Ord + Copy"
))]
pub struct Tallies<K: Hash + Ord + Copy>(FxHashMap<K, Tally>);

impl<K: Hash + Ord + Copy> Default for Tallies<K> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Hash + Ord + Copy> From<Tallies<K>> for Vec<(K, Tally)> {
    fn from(tallies: Tallies<K>) -> Self {
        let mut all: Self = tallies.0.into_iter().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

impl<K: Hash + Ord + Copy> From<Vec<(K, Tally)>> for Tallies<K> {
    fn from(all: Vec<(K, Tally)>) -> Self {
        Self(all.into_iter().collect())
    }
}

impl<K: Hash + Ord + Copy> Tallies<K> {
    /// The count of a key; an empty one where it was never seen.
    #[must_use]
    pub fn get(&self, key: K) -> Tally {
        self.0.get(&key).copied().unwrap_or_default()
    }

    /// One more of a key; true where it is the first.
    pub fn add(&mut self, key: K, now: Minute) -> bool {
        let tally = self.0.entry(key).or_default();
        tally.add(now);
        tally.times == 1
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps what `keep` says, and hands the keys that went to `gone`.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &Tally) -> bool, mut gone: impl FnMut(&K)) {
        self.0.retain(|key, tally| {
            let kept = keep(key, tally);
            if !kept {
                gone(key);
            }
            kept
        });
    }

    /// All keys with their counts, in no order: sort before it reaches anyone.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Tally)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_gone_after_the_half_life() {
        let mut tally = Tally::default();
        tally.add(1000);
        let later = 1000 + 30 * 1440;
        assert!((tally.at(later) - 0.5).abs() < 0.01, "{}", tally.at(later));
        assert_eq!(tally.at(0), 1.0, "a late event changes nothing");
    }

    #[test]
    fn what_came_up_today_is_no_habit() {
        let mut tally = Tally::default();
        tally.add(5000);
        assert_eq!(tally.habit(5000 + 1439), Tally::default());
        assert_eq!(tally.habit(5000 + 1440), tally);
    }

    #[test]
    fn equal_tables_are_equal_bytes() {
        let mut a = Tallies::<(u32, u32)>::default();
        let mut b = Tallies::<(u32, u32)>::default();
        for key in 0..100 {
            a.add((key, 1), 5);
            b.add((99 - key, 1), 5);
        }
        assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
    }
}
