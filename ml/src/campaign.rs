//! Campaigns: suspicious accesses of a day grouped into what one analyst would look at as one, ranked within a budget.
//!
//! Two specialists, each with its own slice of the daily budget, since one score would starve the other: *moves* groups by
//! source host and takes the strongest accesses with a little of the next; *slow* watches one account that keeps reaching
//! new hosts with its own credential, against its own rate. Each score is put on one scale by how many groups a day were
//! at least as high over the last month: −ln(expected number a day / slice).
//!
//! Nothing here learns from the accesses; it only counts how high days usually score.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::number::{real, single};
use crate::scorer::Score;
use crate::store::Move;

/// Days over which scores are compared: a month has every weekday and the month's end.
const HISTORY_DAYS: i64 = 30;
/// Groups of a day and specialist that are remembered for comparison.
const REMEMBERED: usize = 20;
/// Accesses of a group that are kept.
const HOPS: usize = 40;
/// Groups of a day that are kept; the lowest goes.
const GROUPS: usize = 2000;
/// Days for which an account that was reported as slow is not reported again.
const SLOW_SILENCE: i64 = 5;

/// Campaigns of a day among which chains are joined.
const JOINED: usize = 40;
/// Log-odds from which a hop may join two campaigns.
const SURE: f32 = 1.0;
/// Days for which an access that was reported adds nothing to a new campaign.
const TOLD_DAYS: i64 = 14;
/// Reported accesses remembered.
const TOLD: usize = 20_000;
/// Campaigns of a day that count as reported.
const REPORTED: usize = 5;

/// Which specialist found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Specialist {
    /// Improbable accesses from one host.
    Moves,
    /// One account that reaches one new host after another.
    Slow,
}

/// The daily budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Groups a day for improbable accesses.
    pub moves: f64,
    /// Groups a day for slow accounts.
    pub slow: f64,
    /// Days of comparison before anything is reported.
    pub learning_days: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { moves: 5.0, slow: 0.005, learning_days: 3 }
    }
}

/// One access of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// The access.
    pub seen: Move,
    /// Who seems to act.
    pub cause: Option<u32>,
    /// How suspicious.
    pub value: f32,
}

/// A group of accesses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Who found it.
    pub specialist: Specialist,
    /// The source host's id, or the account's for a slow one.
    pub key: u32,
    /// The specialist's own score.
    pub raw: f32,
    /// On the common scale: 0 = as rare as the budget allows, each unit e times rarer.
    pub score: f64,
    /// The accesses, the most telling first.
    pub hops: Vec<Hop>,
}

/// Scores of earlier days.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Past {
    days: VecDeque<(i64, Vec<f32>)>,
}

impl Past {
    fn add(&mut self, day: i64, mut scores: Vec<f32>) {
        scores.sort_by(|a, b| b.total_cmp(a));
        scores.truncate(REMEMBERED);
        self.days.push_back((day, scores));
        while self.days.front().is_some_and(|(first, _)| *first <= day - HISTORY_DAYS) {
            self.days.pop_front();
        }
    }

    /// How many groups a day are expected to score at least this.
    fn expected(&self, score: f32) -> f64 {
        let days = real(self.days.len().max(1));
        let mut all: Vec<f32> = self.days.iter().flat_map(|(_, scores)| scores).copied().collect();
        all.sort_by(|a, b| b.total_cmp(a));
        // The score that one group a day reaches, and how far those beyond it lie on average: an exponential tail.
        let Some(once) = all.get(self.days.len().saturating_sub(1)).or(all.last()).copied() else { return 1.0 };
        if score <= once {
            return real(all.iter().filter(|other| **other >= score).count().max(1)) / days;
        }
        let beyond: Vec<f32> = all.iter().copied().filter(|other| *other > once).collect();
        let excess = beyond.iter().map(|other| f64::from(other - once)).sum::<f64>() / real(beyond.len().max(1));
        (-f64::from(score - once) / excess.max(0.5)).exp()
    }
}

/// Groups of the present day and what earlier days scored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Campaigns {
    budget: Budget,
    day: Option<i64>,
    groups: BTreeMap<Specialist, BTreeMap<u32, Campaign>>,
    past: BTreeMap<Specialist, Past>,
    /// Accounts reported as slow, with the day.
    reported: BTreeMap<u32, i64>,
    /// Accesses reported, with the day.
    #[serde(with = "pairs")]
    told: BTreeMap<(u32, u32, u32), i64>,
}

/// Maps whose keys are no text, as lists of pairs: JSON knows no other keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Map = BTreeMap<(u32, u32, u32), i64>;

    pub(super) fn serialize<S: Serializer>(map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
        Ok(Vec::<((u32, u32, u32), i64)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl Campaigns {
    /// With a budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Sets the budget; what was compared stays.
    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }

    /// Takes in a score; returns the ranked campaigns of the day before, where this one begins a new day.
    pub fn observe(&mut self, score: &Score) -> Option<(i64, Vec<Campaign>)> {
        let day = score.seen.time.div_euclid(86_400);
        let ended = self.roll(day);
        let told = self.told.contains_key(&(score.seen.user, score.seen.source, score.seen.target));
        if let Some(value) = score.suspicion().filter(|_| !told) {
            self.take(Specialist::Moves, score.seen.source, Hop { seen: score.seen, cause: score.sight.cause, value });
        }
        if let Some(value) = score.slow() {
            let silent = self.reported.get(&score.seen.user).is_some_and(|reported| day - reported < SLOW_SILENCE);
            if !silent {
                let hop = Hop { seen: score.seen, cause: score.sight.cause, value };
                self.take(Specialist::Slow, score.seen.user, hop);
            }
        }
        ended
    }

    /// The last day, ranked: at the end of a recording.
    pub fn finish(&mut self) -> Option<(i64, Vec<Campaign>)> {
        self.roll(i64::MAX)
    }

    /// The campaign of a key as it stands now, on the common scale; `None` while days are still being compared.
    #[must_use]
    pub fn current(&self, specialist: Specialist, key: u32) -> Option<Campaign> {
        if self.learning() {
            return None;
        }
        self.groups.get(&specialist)?.get(&key).map(|campaign| self.scaled(campaign))
    }

    /// True until enough days were compared.
    #[must_use]
    pub fn learning(&self) -> bool {
        self.past.get(&Specialist::Moves).is_none_or(|past| past.days.len() < self.budget.learning_days)
    }

    /// An account was reported: it is not reported as slow again for some days.
    pub fn report(&mut self, user: u32, day: i64) {
        self.reported.retain(|_, reported| day - *reported < SLOW_SILENCE);
        self.reported.insert(user, day);
    }

    /// Groups held.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.groups.values().map(BTreeMap::len).sum::<usize>() + self.reported.len()
    }

    fn roll(&mut self, day: i64) -> Option<(i64, Vec<Campaign>)> {
        let before = *self.day.get_or_insert(day);
        // A late access belongs to the present day: its own is closed.
        if day <= before {
            return None;
        }
        self.day = Some(day);
        let ranked = self.ranked();
        for (specialist, groups) in std::mem::take(&mut self.groups) {
            let scores = groups.into_values().map(|group| group.raw).collect();
            self.past.entry(specialist).or_default().add(before, scores);
        }
        self.told.retain(|_, day| before - *day < TOLD_DAYS);
        for campaign in ranked.iter().take(REPORTED) {
            if campaign.specialist == Specialist::Slow {
                self.report(campaign.key, before);
            }
            for hop in &campaign.hops {
                if self.told.len() < TOLD {
                    self.told.insert((hop.seen.user, hop.seen.source, hop.seen.target), before);
                }
            }
        }
        Some((before, ranked))
    }

    /// The day's campaigns, the most suspicious first. What one chain of hops joins is one campaign.
    fn ranked(&self) -> Vec<Campaign> {
        let mut all: Vec<Campaign> =
            self.groups.values().flat_map(BTreeMap::values).map(|campaign| self.scaled(campaign)).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        let mut kept: Vec<Campaign> = Vec::new();
        for campaign in all {
            // Only the strongest are looked at by anyone; joining all with all would cost their square.
            let joined = kept.iter_mut().take(JOINED).find(|other| linked(other, &campaign));
            match joined {
                Some(other) => {
                    other.hops.extend(campaign.hops);
                    other.hops.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.seen.time.cmp(&b.seen.time)));
                    other.hops.dedup();
                    other.hops.truncate(HOPS);
                }
                None => kept.push(campaign),
            }
        }
        kept
    }

    fn scaled(&self, campaign: &Campaign) -> Campaign {
        let slice = match campaign.specialist {
            Specialist::Moves => self.budget.moves,
            Specialist::Slow => self.budget.slow,
        };
        let expected = self.past.get(&campaign.specialist).map_or(1.0, |past| past.expected(campaign.raw));
        Campaign { score: -(expected / slice).ln(), ..campaign.clone() }
    }

    fn take(&mut self, specialist: Specialist, key: u32, hop: Hop) {
        let groups = self.groups.entry(specialist).or_default();
        if groups.len() >= GROUPS && !groups.contains_key(&key) {
            let lowest = groups.iter().min_by(|a, b| a.1.raw.total_cmp(&b.1.raw)).map(|(key, group)| (*key, group.raw));
            match lowest {
                Some((lowest, raw)) if raw < hop.value => groups.remove(&lowest),
                _ => return,
            };
        }
        let fresh = || Campaign { specialist, key, raw: 0.0, score: 0.0, hops: Vec::new() };
        let group = groups.entry(key).or_insert_with(fresh);
        let place = group.hops.partition_point(|other| other.value >= hop.value);
        group.hops.insert(place, hop);
        group.hops.truncate(HOPS);
        let strongest = group.hops.first().map_or(0.0, |hop| hop.value);
        let rest: f32 = group.hops.iter().skip(1).take(4).map(|hop| hop.value.max(0.0)).sum();
        group.raw = strongest + if specialist == Specialist::Moves { 0.1 * rest } else { 0.0 };
    }
}

/// True where two campaigns are one: they start from the same host, or a suspicious hop of one reaches the host from which
/// the other goes on.
fn linked(a: &Campaign, b: &Campaign) -> bool {
    let source = |campaign: &Campaign| campaign.hops.first().map(|hop| hop.seen.source);
    if source(a) == source(b) {
        return true;
    }
    let leads = |from: &Campaign, to: &Campaign| {
        from.hops.iter().filter(|hop| hop.value > SURE).any(|hop| {
            let follows = |next: &Hop| {
                next.value > SURE && next.seen.source == hop.seen.target && next.seen.time >= hop.seen.time
            };
            to.hops.iter().any(follows)
        })
    };
    leads(a, b) || leads(b, a)
}

/// −ln of the chance that an account makes at least `recent` first-time accesses in `window` days, when it made `before`
/// in `days`: the tail of the negative binomial with a Gamma(½, 6 days) prior.
#[must_use]
pub fn excess(recent: u32, window: f64, before: f64, days: f64) -> f32 {
    let (shape, rate) = (before + 0.5, days + 6.0);
    let p = rate / (rate + window);
    let mut term = shape * p.ln();
    let mut below = 0.0;
    for count in 0..recent.min(64) {
        below += term.exp();
        let k = f64::from(count);
        term += ((shape + k) / (k + 1.0) * (1.0 - p)).ln();
    }
    // Beyond the precision of the difference, the first term of the tail stands for all.
    let tail = (1.0 - below).max(term.exp());
    single(-tail.max(1e-300).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_one_for_none_and_falls_with_more() {
        assert_eq!(excess(0, 10.0, 2.0, 10.0), 0.0);
        let tails: Vec<f32> = (1..30).map(|recent| excess(recent, 10.0, 2.0, 10.0)).collect();
        assert!(tails.windows(2).all(|pair| pair[0] < pair[1] && pair[1].is_finite()), "{tails:?}");
        assert!(excess(4, 10.0, 0.0, 20.0) > excess(4, 10.0, 8.0, 20.0), "who does it often surprises less");
    }

    #[test]
    fn what_days_often_score_is_worth_little() {
        let mut past = Past::default();
        for day in 0..10 {
            past.add(day, vec![1.0, 2.0, 3.0]);
        }
        assert!((past.expected(2.0) - 2.0).abs() < 1e-9);
        assert!(past.expected(9.0) < past.expected(5.0) && past.expected(5.0) < 1.0);
    }
}
