//! Gradient-boosted decision trees of fixed depth on histograms (Friedman 2001; Ke et al. 2017 for the histograms), for
//! the logistic loss.
//!
//! Model card. Inputs: rows of features, real (0) against simulated (1) accesses. Output: log-odds of simulated.
//! Trained every third day on a reservoir of the last days. Cold start: none below [`super::LEAST`] rows a class. Known failure:
//! it interpolates badly where simulated attacks are unlike real ones; read its score beside the rarity.
//!
//! A tree is a heap: node i has children 2i+1 and 2i+2; a leaf above the last level repeats itself below.

use serde::{Deserialize, Serialize};

use super::{Error, LEAST};
use crate::features::{COUNT, Row};
use crate::number::{real, sigmoid, single};
use crate::random::Random;

/// Levels of splits. Five let "this credential, from here, after such an inbound hop, at a rare hour" be one leaf.
const DEPTH: usize = 5;
/// Inner nodes of a tree.
const SPLITS: usize = (1 << DEPTH) - 1;
/// Leaves of a tree.
const LEAVES: usize = 1 << DEPTH;
/// Trees. More gain little and cost time on every access.
const TREES: usize = 100;
/// How far each tree goes.
const RATE: f64 = 0.1;
/// Weight of the penalty on leaves.
const LAMBDA: f64 = 2.0;
/// The least sum of second derivatives of a child, about 15 undecided rows.
const LEAST_WEIGHT: f64 = 4.0;
/// The share of the rows on which a tree is grown (Friedman 2002): three times as fast, and the trees differ more.
const SAMPLE: f64 = 0.35;
/// Fixes the samples.
const SEED: u64 = 0x7ee5;
/// Bins of a feature.
const BINS: usize = 48;

/// A split: rows whose feature exceeds the limit go right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    limit: f32,
    feature: u16,
}

/// Splits that send every row left.
const STOP: Split = Split { limit: f32::MAX, feature: 0 };

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    splits: Vec<Split>,
    leaves: Vec<f32>,
}

/// The boosted trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trees {
    base: f32,
    trees: Vec<Tree>,
}

impl Trees {
    /// Trains on rows; `simulated` says which of them are no real accesses.
    ///
    /// # Errors
    /// [`Error::TooFew`].
    pub fn train(rows: &[Row], simulated: &[bool]) -> Result<Self, Error> {
        let positive = simulated.iter().filter(|label| **label).count();
        let negative = rows.len().saturating_sub(positive);
        if positive < LEAST || negative < LEAST || rows.len() != simulated.len() {
            return Err(Error::TooFew { real: negative, simulated: positive });
        }
        let limits = limits(rows);
        let bins = binned(rows, &limits);
        // Both classes weigh the same whatever their number: only the order of scores matters.
        let weight = real(negative) / real(positive);
        let mut margins = vec![0.0_f64; rows.len()];
        let mut trees = Vec::with_capacity(TREES);
        let mut slopes = vec![(0.0_f32, 0.0_f32); rows.len()];
        let mut random = Random::new(SEED);
        for _ in 0..TREES {
            for ((slope, margin), label) in slopes.iter_mut().zip(&margins).zip(simulated) {
                let p = sigmoid(*margin);
                let (truth, weight) = if *label { (1.0, weight) } else { (0.0, 1.0) };
                *slope = (single(weight * (p - truth)), single(weight * p * (1.0 - p)));
            }
            let sample: Vec<u32> = (0_u32..).take(rows.len()).filter(|_| random.chance(SAMPLE)).collect();
            let tree = grow(sample, &bins, &slopes, &limits);
            for (margin, row) in margins.iter_mut().zip(rows) {
                *margin += f64::from(tree.score(row));
            }
            trees.push(tree);
        }
        Ok(Self { base: 0.0, trees })
    }

    /// The log-odds that a row is no real access.
    #[must_use]
    pub fn score(&self, row: &Row) -> f32 {
        self.base + self.trees.iter().map(|tree| tree.score(row)).sum::<f32>()
    }
}

impl Tree {
    #[inline]
    fn score(&self, row: &Row) -> f32 {
        let mut node = 0;
        for _ in 0..DEPTH {
            let split = self.splits.get(node).copied().unwrap_or(STOP);
            let value = row.get(usize::from(split.feature)).copied().unwrap_or(0.0);
            node = 2 * node + 1 + usize::from(value > split.limit);
        }
        self.leaves.get(node - SPLITS).copied().unwrap_or(0.0)
    }
}

/// Quantiles of each feature, `(COUNT, < BINS)`, as limits of bins.
fn limits(rows: &[Row]) -> Vec<Vec<f32>> {
    let step = (rows.len() / 20_000).max(1);
    (0..COUNT)
        .map(|feature| {
            let column = rows.iter().step_by(step).filter_map(|row| row.get(feature).copied());
            let mut column: Vec<f32> = column.collect();
            column.sort_unstable_by(f32::total_cmp);
            let at = |bin: usize| column.get(bin * column.len() / BINS).copied();
            let mut limits: Vec<f32> = (1..BINS).filter_map(at).collect();
            // The values of rare events lie in the last quantile: cut it, too.
            let tail = |share: usize| column.get(column.len() - 1 - column.len() / share).copied();
            limits.extend([200, 1000].into_iter().filter_map(tail));
            limits.sort_unstable_by(f32::total_cmp);
            limits.dedup();
            limits
        })
        .collect()
}

/// The bins of a row.
type Bins = [u8; COUNT];

fn binned(rows: &[Row], limits: &[Vec<f32>]) -> Vec<Bins> {
    let bin = |value: f32, limits: &[f32]| u8::try_from(limits.partition_point(|limit| *limit < value)).unwrap_or(0);
    let of = |row: &Row| {
        let mut bins = [0; COUNT];
        bins.iter_mut().zip(row).zip(limits).for_each(|((slot, value), limits)| *slot = bin(*value, limits));
        bins
    };
    rows.iter().map(of).collect()
}

/// Sums of first and second derivatives, `(COUNT, WIDTH)` flat: one pass over the rows fills those of all features.
#[derive(Clone)]
struct Histogram(Vec<(f32, f32)>);

/// Places of a feature in a histogram: its bins and two more for the cut tail, rounded up.
const WIDTH: usize = 64;

impl Histogram {
    fn of(part: &[u32], bins: &[Bins], slopes: &[(f32, f32)]) -> Self {
        let mut sums = vec![(0.0_f32, 0.0_f32); COUNT * WIDTH];
        for row in part {
            let (Some(bins), Some(slope)) = (bins.get(at(*row)), slopes.get(at(*row))) else { continue };
            for (column, bin) in sums.chunks_exact_mut(WIDTH).zip(bins) {
                if let Some(sum) = column.get_mut(usize::from(*bin)) {
                    sum.0 += slope.0;
                    sum.1 += slope.1;
                }
            }
        }
        Self(sums)
    }

    /// What is left of the parent's when one child's is taken off: the other child's, without a pass over its rows.
    fn without(mut self, child: &Self) -> Self {
        for (sum, other) in self.0.iter_mut().zip(&child.0) {
            sum.0 -= other.0;
            sum.1 -= other.1;
        }
        self
    }

    /// The split that gains most and its bin; `None` where nothing gains.
    fn best(&self, limits: &[Vec<f32>]) -> Option<(Split, usize)> {
        let first = self.0.get(..WIDTH)?.iter();
        let all = first.fold((0.0, 0.0), |sum, part| (sum.0 + f64::from(part.0), sum.1 + f64::from(part.1)));
        let value = |(g, h): (f64, f64)| g * g / (h + LAMBDA);
        let mut best: Option<(f64, Split, usize)> = None;
        for ((feature, column), limits) in (0_u16..).zip(self.0.chunks_exact(WIDTH)).zip(limits) {
            let mut left = (0.0, 0.0);
            for ((bin, sum), limit) in column.iter().enumerate().zip(limits) {
                left = (left.0 + f64::from(sum.0), left.1 + f64::from(sum.1));
                let right = (all.0 - left.0, all.1 - left.1);
                if left.1 < LEAST_WEIGHT || right.1 < LEAST_WEIGHT {
                    continue;
                }
                let gain = value(left) + value(right) - value(all);
                if gain > 1e-6 && best.as_ref().is_none_or(|(most, ..)| gain > *most) {
                    best = Some((gain, Split { limit: *limit, feature }, bin));
                }
            }
        }
        best.map(|(_, split, bin)| (split, bin))
    }
}

/// Rows that reach a node, with their histogram where the node may still be split.
type Part = (Vec<u32>, Option<Histogram>);

/// Grows a tree on a sample of the rows, level by level.
fn grow(sample: Vec<u32>, bins: &[Bins], slopes: &[(f32, f32)], limits: &[Vec<f32>]) -> Tree {
    let mut tree = Tree { splits: vec![STOP; SPLITS], leaves: vec![0.0; LEAVES] };
    let histogram = Histogram::of(&sample, bins, slopes);
    let mut parts: Vec<Part> = vec![(sample, Some(histogram))];
    for level in 0..DEPTH {
        let mut next = Vec::with_capacity(parts.len() * 2);
        for (place, (rows, histogram)) in parts.into_iter().enumerate() {
            let split = histogram.as_ref().and_then(|histogram| histogram.best(limits));
            let (Some((split, bin)), Some(histogram)) = (split, histogram) else {
                next.extend([(rows, None), (Vec::new(), None)]);
                continue;
            };
            let feature = usize::from(split.feature);
            let goes_right = |row: &u32| {
                bins.get(at(*row)).and_then(|bins| bins.get(feature)).is_some_and(|value| usize::from(*value) > bin)
            };
            let (right, left): (Vec<u32>, Vec<u32>) = rows.into_iter().partition(goes_right);
            if let Some(slot) = tree.splits.get_mut((1 << level) - 1 + place) {
                *slot = split;
            }
            next.extend(children(left, right, histogram, level + 1 == DEPTH, bins, slopes));
        }
        parts = next;
    }
    for (leaf, (part, _)) in parts.iter().enumerate() {
        let sum = total(part, slopes);
        if let Some(value) = tree.leaves.get_mut(leaf) {
            *value = single(-RATE * sum.0 / (sum.1 + LAMBDA));
        }
    }
    tree
}

/// The two halves of a node. The histogram of the smaller is counted, the other's is what remains of their parent's.
fn children(
    left: Vec<u32>,
    right: Vec<u32>,
    parent: Histogram,
    last: bool,
    bins: &[Bins],
    slopes: &[(f32, f32)],
) -> [Part; 2] {
    if last {
        return [(left, None), (right, None)];
    }
    if left.len() <= right.len() {
        let counted = Histogram::of(&left, bins, slopes);
        let rest = parent.without(&counted);
        [(left, Some(counted)), (right, Some(rest))]
    } else {
        let counted = Histogram::of(&right, bins, slopes);
        let rest = parent.without(&counted);
        [(left, Some(rest)), (right, Some(counted))]
    }
}

fn at(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

fn total(part: &[u32], slopes: &[(f32, f32)]) -> (f64, f64) {
    part.iter()
        .filter_map(|row| slopes.get(at(*row)))
        .fold((0.0, 0.0), |sum, slope| (sum.0 + f64::from(slope.0), sum.1 + f64::from(slope.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose class is the exclusive or of two features: no linear model can tell them apart.
    fn exclusive_or(seed: u64, count: usize) -> (Vec<Row>, Vec<bool>) {
        let mut random = Random::new(seed);
        (0..count)
            .map(|_| {
                let mut row = [0.0; COUNT];
                row.iter_mut().for_each(|value| *value = single(random.unit()));
                let label = (row[3] > 0.5) != (row[7] > 0.3);
                (row, label)
            })
            .unzip()
    }

    #[test]
    fn trees_learn_what_no_line_divides() {
        let (rows, labels) = exclusive_or(1, 4000);
        let trees = Trees::train(&rows, &labels).unwrap();
        let (rows, labels) = exclusive_or(2, 2000);
        let right = rows.iter().zip(&labels).filter(|(row, label)| (trees.score(row) > 0.0) == **label).count();
        assert!(right > 1900, "{right} of 2000");
    }

    #[test]
    fn training_twice_gives_equal_bytes() {
        let (rows, labels) = exclusive_or(3, 1000);
        let bytes = || serde_json::to_string(&Trees::train(&rows, &labels).unwrap()).unwrap();
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn too_few_rows_are_refused() {
        let (rows, labels) = exclusive_or(4, 100);
        assert!(matches!(Trees::train(&rows, &labels), Err(Error::TooFew { .. })));
    }

    #[test]
    fn extreme_rows_score_finite() {
        let (rows, labels) = exclusive_or(5, 1000);
        let trees = Trees::train(&rows, &labels).unwrap();
        for value in [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY] {
            assert!(trees.score(&[value; COUNT]).is_finite());
        }
    }
}
