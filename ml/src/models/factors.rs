//! Hierarchical Poisson factorisation of who reaches what (Gopalan, Hofman and Blei 2015; on authentication Turcotte et al.
//! 2016, Sanna Passino et al. 2022): accounts and hosts as small non-negative vectors whose product is the expected count.
//!
//! Model card. Inputs: fading counts of credential and target. Output: −ln of the chance of at least one access, in nats.
//! Retrained with the other models, by coordinate ascent that touches only what was seen. Cold start: an account or host
//! without counts is judged by the prior. Known failure: sparse estates, where one new pair is like another.

use serde::{Deserialize, Serialize};

use crate::number::{real, single};
use crate::random::Random;
use crate::store::Store;
use crate::store::names::index;
use crate::store::tally::Minute;

/// Factors of a vector.
const FACTORS: usize = 12;
/// Passes over the counts; the likelihood hardly moves after them.
const PASSES: usize = 12;
/// The prior's shape: below 1, so that vectors are sparse.
const SHAPE: f64 = 0.3;
/// Pseudo-shape of the entity's own activity.
const ACTIVITY: f64 = 0.3;
/// Pairs of counts that are used at most: beyond it the heaviest accounts' are enough.
const PAIRS: usize = 2_000_000;

type Vector = [f64; FACTORS];

/// The factorisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    users: Vec<[f32; FACTORS]>,
    places: Vec<[f32; FACTORS]>,
    /// The mean vectors, for who is not known.
    any_user: [f32; FACTORS],
    any_place: [f32; FACTORS],
}

/// One side of the factorisation in the making: shapes and rates of every entity's Gamma distributions.
struct Side {
    shapes: Vec<Vector>,
    rates: Vec<Vector>,
    activity: Vec<f64>,
}

impl Side {
    fn new(len: usize, random: &mut Random) -> Self {
        let noisy = |random: &mut Random| std::array::from_fn(|_| SHAPE + 0.2 * random.unit());
        Self {
            shapes: (0..len).map(|_| noisy(random)).collect(),
            rates: vec![[1.0; FACTORS]; len],
            activity: vec![1.0; len],
        }
    }

    fn expected(&self) -> impl Iterator<Item = Vector> {
        self.shapes.iter().zip(&self.rates).map(|(shape, rate)| std::array::from_fn(|k| ratio(shape, rate, k)))
    }

    /// The geometric means, exp(E ln x).
    fn geometric(&self) -> Vec<Vector> {
        let of = |(shape, rate): (&Vector, &Vector)| {
            let mut out = *shape;
            out.iter_mut().zip(rate).for_each(|(value, rate)| *value = digamma(*value).exp() / rate);
            out
        };
        self.shapes.iter().zip(&self.rates).map(of).collect()
    }

    fn sum(&self) -> Vector {
        self.expected().fold([0.0; FACTORS], |sum, one| std::array::from_fn(|k| at(&sum, k) + at(&one, k)))
    }

    /// Takes up the shapes of a pass, and the other side's sum as rate.
    fn update(&mut self, shapes: Vec<Vector>, other: &Vector) {
        self.shapes = shapes;
        for (rate, activity) in self.rates.iter_mut().zip(&self.activity) {
            rate.iter_mut().zip(other).for_each(|(rate, other)| *rate = activity + other);
        }
        let sums: Vec<f64> = self.expected().map(|one| one.iter().sum()).collect();
        let shape = ACTIVITY + SHAPE * real(FACTORS);
        self.activity.iter_mut().zip(sums).for_each(|(activity, sum)| *activity = shape / (ACTIVITY + sum));
    }

    fn finish(&self) -> (Vec<[f32; FACTORS]>, [f32; FACTORS]) {
        let all: Vec<[f32; FACTORS]> = self.expected().map(|one| one.map(single)).collect();
        let mean = self.sum().map(|sum| single(sum / real(all.len().max(1))));
        (all, mean)
    }
}

impl Factors {
    /// Factorises the counts of a store as of a time.
    #[must_use]
    pub fn of_store(store: &Store, now: Minute, seed: u64) -> Self {
        let mut counts: Vec<((u32, u32), f64)> = store
            .user_target
            .iter()
            .map(|(pair, tally)| (*pair, f64::from(tally.at(now).ln_1p())))
            .filter(|(_, weight)| *weight > 0.05)
            .collect();
        counts.sort_unstable_by_key(|(pair, _)| *pair);
        counts.truncate(PAIRS);
        Self::train(&counts, seed)
    }

    /// Factorises counts of (row, column).
    #[must_use]
    pub fn train(counts: &[((u32, u32), f64)], seed: u64) -> Self {
        let rows = counts.iter().map(|((row, _), _)| index(*row) + 1).max().unwrap_or(0);
        let columns = counts.iter().map(|((_, column), _)| index(*column) + 1).max().unwrap_or(0);
        let mut random = Random::new(seed);
        let (mut left, mut right) = (Side::new(rows, &mut random), Side::new(columns, &mut random));
        for _ in 0..PASSES {
            let (a, b) = (left.geometric(), right.geometric());
            let mut shapes = (vec![[SHAPE; FACTORS]; rows], vec![[SHAPE; FACTORS]; columns]);
            for ((row, column), count) in counts {
                let (Some(x), Some(y)) = (a.get(index(*row)), b.get(index(*column))) else { continue };
                let mut share: Vector = std::array::from_fn(|k| at(x, k) * at(y, k));
                let scale = count / share.iter().sum::<f64>().max(1e-300);
                share.iter_mut().for_each(|part| *part *= scale);
                for shape in [shapes.0.get_mut(index(*row)), shapes.1.get_mut(index(*column))].into_iter().flatten() {
                    shape.iter_mut().zip(&share).for_each(|(shape, part)| *shape += part);
                }
            }
            let sum = right.sum();
            left.update(shapes.0, &sum);
            let sum = left.sum();
            right.update(shapes.1, &sum);
        }
        let ((users, any_user), (places, any_place)) = (left.finish(), right.finish());
        Self { users, places, any_user, any_place }
    }

    /// How improbable any access of an account to a host is, in nats.
    #[must_use]
    pub fn score(&self, user: u32, target: u32) -> f32 {
        let user = self.users.get(index(user)).unwrap_or(&self.any_user);
        let place = self.places.get(index(target)).unwrap_or(&self.any_place);
        let rate: f32 = user.iter().zip(place).map(|(a, b)| a * b).sum();
        -(-(-rate.clamp(1e-12, 80.0)).exp_m1()).max(1e-12).ln()
    }
}

fn at(vector: &Vector, k: usize) -> f64 {
    vector.get(k).copied().unwrap_or(0.0)
}

fn ratio(shape: &Vector, rate: &Vector, k: usize) -> f64 {
    at(shape, k) / at(rate, k).max(1e-300)
}

/// The derivative of ln Γ: recurrence up to 6, then the asymptotic series (Abramowitz and Stegun 6.3.18).
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 6.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    x.ln() - 0.5 / x - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0)) - below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of accounts, each with its own hosts.
    fn blocks() -> Vec<((u32, u32), f64)> {
        let mut random = Random::new(4);
        let mut all = Vec::new();
        for user in 0..60 {
            for _ in 0..8 {
                let host = u32::try_from(random.below(20)).unwrap() + if user < 30 { 0 } else { 20 };
                if !all.iter().any(|(pair, _)| *pair == (user, host)) {
                    all.push(((user, host), 2.0));
                }
            }
        }
        all.sort_unstable_by_key(|(pair, _)| *pair);
        all
    }

    #[test]
    fn the_other_groups_hosts_surprise_more_than_new_ones_of_the_own() {
        let counts = blocks();
        let factors = Factors::train(&counts, 1);
        let new = |user: u32, host: u32| !counts.iter().any(|(pair, _)| *pair == (user, host));
        let mean = |hosts: std::ops::Range<u32>| {
            let pairs: Vec<(u32, u32)> = (0..30).flat_map(|u| hosts.clone().map(move |h| (u, h))).collect();
            let pairs: Vec<_> = pairs.into_iter().filter(|(u, h)| new(*u, *h)).collect();
            pairs.iter().map(|(u, h)| f64::from(factors.score(*u, *h))).sum::<f64>() / real(pairs.len())
        };
        assert!(mean(20..40) > mean(0..20) + 0.8, "{} against {}", mean(20..40), mean(0..20));
    }

    #[test]
    fn a_seed_fixes_the_bytes_and_strangers_score_finite() {
        let bytes = || serde_json::to_string(&Factors::train(&blocks(), 3)).unwrap();
        assert_eq!(bytes(), bytes());
        assert!(Factors::train(&blocks(), 3).score(9999, 9999).is_finite());
        assert!(Factors::default().score(0, 0).is_finite());
    }

    #[test]
    fn the_digamma_is_the_tables() {
        assert!((digamma(1.0) + 0.577_215_664_9).abs() < 1e-7);
        assert!((digamma(0.3) + 3.502_524_222).abs() < 1e-6, "{}", digamma(0.3));
    }
}
