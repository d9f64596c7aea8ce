//! An isolation forest (Liu, Ting and Zhou 2008): how few random cuts part a row from the others.
//!
//! Model card. Inputs: rows of any width, no labels. Output: 2^(−mean depth / c(ψ)), 0–1, higher = more isolated. Trees of
//! at most 8 levels on samples of 256 rows, as the paper has it. Known failure: many features that say nothing hide the
//! one that says all; alone it is clearly worse than the self-supervised models, and stands beside them as their check.
//!
//! A tree is a heap of fixed depth, so that scoring is a walk without bounds to look up.

use serde::{Deserialize, Serialize};

use crate::number::{real, single};
use crate::random::Random;

/// Rows of a tree's sample.
const SAMPLE: usize = 256;
/// Levels: ⌈log2 256⌉.
const DEPTH: usize = 8;
/// Inner nodes.
const SPLITS: usize = (1 << DEPTH) - 1;
/// Places of the last level.
const LEAVES: usize = 1 << DEPTH;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    limit: f32,
    feature: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    /// Inner nodes; above a leaf that ends early all rows go left.
    splits: Vec<Split>,
    /// The depth at which a row that ends here was isolated, with the expected rest for rows left together.
    depths: Vec<f32>,
}

/// The forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    trees: Vec<Tree>,
    scale: f32,
}

impl Forest {
    /// Trains on rows of equal width, with so many trees and a seed. An empty set of rows gives a forest that scores ½.
    #[must_use]
    pub fn train<R: AsRef<[f32]>>(rows: &[R], trees: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sample = SAMPLE.min(rows.len());
        let grown = (0..if sample < 2 { 0 } else { trees }).map(|_| {
            let mut part: Vec<&[f32]> = Vec::with_capacity(sample);
            // Floyd's sampling without replacement.
            let mut chosen = std::collections::BTreeSet::new();
            for top in rows.len() - sample..rows.len() {
                let index = random.below(top + 1);
                let index = if chosen.insert(index) { index } else { top };
                chosen.insert(index);
            }
            part.extend(chosen.iter().filter_map(|index| rows.get(*index)).map(AsRef::as_ref));
            let mut tree =
                Tree { splits: vec![Split { limit: f32::MAX, feature: 0 }; SPLITS], depths: vec![0.0; LEAVES] };
            grow(&mut tree, 0, 0, part, &mut random);
            tree
        });
        let trees: Vec<Tree> = grown.collect();
        let scale = single(1.0 / (average_path(sample) * real(trees.len().max(1))));
        Self { trees, scale: if scale.is_finite() { scale } else { 0.0 } }
    }

    /// How isolated a row is, 0–1.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> f32 {
        if self.trees.is_empty() {
            return 0.5;
        }
        let depth: f32 = self.trees.iter().map(|tree| tree.depth(row)).sum();
        (-depth * self.scale).exp2()
    }
}

impl Tree {
    #[inline]
    fn depth(&self, row: &[f32]) -> f32 {
        let mut node = 0;
        for _ in 0..DEPTH {
            let split = self.splits.get(node).copied().unwrap_or(Split { limit: f32::MAX, feature: 0 });
            let value = row.get(crate::store::names::index(split.feature)).copied().unwrap_or(0.0);
            node = 2 * node + 1 + usize::from(value > split.limit);
        }
        self.depths.get(node - SPLITS).copied().unwrap_or(0.0)
    }
}

fn grow(tree: &mut Tree, node: usize, depth: usize, part: Vec<&[f32]>, random: &mut Random) {
    let varied = |feature: usize| {
        let column = part.iter().filter_map(|row| row.get(feature).copied()).filter(|value| value.is_finite());
        let (low, high) = column.fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)));
        (low < high).then_some((feature, low, high))
    };
    let width = part.first().map_or(0, |row| row.len());
    // A constant feature parts nothing: choose among those that vary.
    let choices: Vec<_> =
        if part.len() > 1 && depth < DEPTH { (0..width).filter_map(varied).collect() } else { Vec::new() };
    let Some((feature, low, high)) = random.pick(&choices).copied() else {
        let place = ((node + 1) << (DEPTH - depth)) - 1 - SPLITS;
        if let Some(leaf) = tree.depths.get_mut(place) {
            *leaf = single(real(depth) + average_path(part.len()));
        }
        return;
    };
    let limit = single(f64::from(low) + (f64::from(high) - f64::from(low)) * random.unit());
    let limit = if limit < high { limit } else { low };
    if let Some(split) = tree.splits.get_mut(node) {
        *split = Split { limit, feature: u32::try_from(feature).unwrap_or(0) };
    }
    let right = |row: &&[f32]| row.get(feature).is_some_and(|value| *value > limit);
    let (right, left): (Vec<_>, Vec<_>) = part.into_iter().partition(right);
    grow(tree, 2 * node + 1, depth + 1, left, random);
    grow(tree, 2 * node + 2, depth + 1, right, random);
}

/// The average depth of an unsuccessful search in a binary search tree of `count` rows: c(n) of the paper.
fn average_path(count: usize) -> f64 {
    match count {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = real(count);
            2.0 * ((n - 1.0).ln() + 0.577_215_664_901_532_9) - 2.0 * (n - 1.0) / n
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(seed: u64, count: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(seed);
        (0..count).map(|_| (0..6).map(|_| single(random.unit() + random.unit())).collect()).collect()
    }

    #[test]
    fn a_row_far_off_is_more_isolated_than_every_other() {
        let rows = cloud(1, 1000);
        let forest = Forest::train(&rows, 100, 7);
        let far = forest.score(&[4.0, -2.0, 4.0, 4.0, -2.0, 4.0]);
        let most = rows.iter().map(|row| forest.score(row)).fold(0.0, f32::max);
        assert!(far > most, "{far} against {most}");
    }

    #[test]
    fn a_seed_fixes_the_bytes() {
        let rows = cloud(2, 500);
        let bytes = |seed| serde_json::to_string(&Forest::train(&rows, 10, seed)).unwrap();
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn odd_rows_score_finite() {
        let forest = Forest::train(&cloud(3, 300), 20, 1);
        for value in [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY] {
            assert!(forest.score(&[value; 6]).is_finite());
        }
        assert_eq!(Forest::train(&Vec::<Vec<f32>>::new(), 10, 1).score(&[1.0]), 0.5);
    }

    #[test]
    fn the_expected_path_is_the_papers() {
        assert!((average_path(256) - 10.244).abs() < 0.01, "{}", average_path(256));
    }
}
