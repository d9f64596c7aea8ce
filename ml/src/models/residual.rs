//! The residual of an account's day after its principal components (Jackson and Mudholkar 1979): how far the day lies from
//! the few ways in which days usually differ.
//!
//! Model card. Inputs: an account's day as [`Day`], standardised. Output: the squared rest after the leading components,
//! as a multiple of what such days leave on average. Retrained with the other models. Known failure: an intruder whose
//! day has the usual proportions; it stands beside the scorers of single accesses, not above them.

use serde::{Deserialize, Serialize};

use crate::number::{real, single};

/// Numbers of a day.
pub const WIDTH: usize = 8;
/// The share of the variance that the leading components keep.
const KEPT: f64 = 0.8;
/// Days from which the components are computed, at least.
const LEAST: usize = 100;
/// Sweeps of the rotation; eight by eight converges in six.
const SWEEPS: usize = 12;
/// Beyond so many standard deviations a number counts no more.
const CLIP: f32 = 8.0;

type Matrix = [[f64; WIDTH]; WIDTH];

/// An account's day so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// Accesses.
    pub accesses: f32,
    /// Those to a target that was new.
    pub novel: f32,
    /// Those from a source that was new.
    pub from_new: f32,
    /// Those by NTLM.
    pub ntlm: f32,
    /// Those to a desktop.
    pub desktop: f32,
    /// Those under another's hands.
    pub switched: f32,
    /// Those at an hour that is rare for the account.
    pub odd_hours: f32,
    /// The sum of their rarities.
    pub rarity: f32,
}

impl Day {
    /// The numbers that are compared.
    #[must_use]
    pub fn row(&self) -> [f32; WIDTH] {
        let share = |part: f32| part / self.accesses.max(1.0);
        [
            self.accesses.ln_1p(),
            self.novel.ln_1p(),
            self.from_new.ln_1p(),
            share(self.ntlm),
            share(self.desktop),
            share(self.switched),
            share(self.odd_hours),
            share(self.rarity),
        ]
    }
}

/// The components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    means: [f32; WIDTH],
    scales: [f32; WIDTH],
    leading: Vec<[f32; WIDTH]>,
    /// The mean of the squared rest of the training days.
    usual: f32,
}

impl Residual {
    /// Computes the components of days; `None` for too few.
    #[must_use]
    pub fn train(days: &[[f32; WIDTH]]) -> Option<Self> {
        if days.len() < LEAST {
            return None;
        }
        let count = real(days.len());
        let column = |at: usize| days.iter().filter_map(move |day| day.get(at)).copied().map(f64::from);
        let means: [f64; WIDTH] = std::array::from_fn(|at| column(at).sum::<f64>() / count);
        let scales: [f32; WIDTH] = std::array::from_fn(|at| {
            let mean = means.get(at).copied().unwrap_or(0.0);
            let variance = column(at).map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            if variance > 1e-9 { single(variance.sqrt().recip()) } else { 0.0 }
        });
        let mut model = Self { means: means.map(single), scales, leading: Vec::new(), usual: 1.0 };
        let mut covariance: Matrix = [[0.0; WIDTH]; WIDTH];
        for day in days {
            let z = model.standard(day).map(f64::from);
            for (row, a) in covariance.iter_mut().zip(&z) {
                row.iter_mut().zip(&z).for_each(|(cell, b)| *cell += a * b / count);
            }
        }
        let mut pairs = eigen(covariance);
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all: f64 = pairs.iter().map(|(value, _)| value).sum();
        let mut kept = 0.0;
        for (value, vector) in pairs {
            if kept >= KEPT * all {
                break;
            }
            kept += value;
            model.leading.push(vector.map(single));
        }
        let rest: f64 = days.iter().map(|day| f64::from(model.rest(day))).sum();
        model.usual = single((rest / count).max(1e-3));
        Some(model)
    }

    /// How many times the usual rest a day leaves.
    #[must_use]
    pub fn score(&self, day: &[f32; WIDTH]) -> f32 {
        self.rest(day) / self.usual
    }

    fn rest(&self, day: &[f32; WIDTH]) -> f32 {
        let mut z = self.standard(day);
        for component in &self.leading {
            let along: f32 = z.iter().zip(component).map(|(a, b)| a * b).sum();
            z.iter_mut().zip(component).for_each(|(value, part)| *value -= along * part);
        }
        z.iter().map(|value| value * value).sum()
    }

    fn standard(&self, day: &[f32; WIDTH]) -> [f32; WIDTH] {
        let mut z = *day;
        for ((value, mean), scale) in z.iter_mut().zip(&self.means).zip(&self.scales) {
            let standard = (*value - mean) * scale;
            *value = if standard.is_nan() { 0.0 } else { standard.clamp(-CLIP, CLIP) };
        }
        z
    }
}

/// Eigenvalues and vectors of a symmetric matrix by Jacobi's rotations.
fn eigen(mut a: Matrix) -> Vec<(f64, [f64; WIDTH])> {
    let mut v: Matrix = [[0.0; WIDTH]; WIDTH];
    (0..WIDTH).for_each(|i| v[i][i] = 1.0);
    for _ in 0..SWEEPS {
        for p in 0..WIDTH {
            for q in p + 1..WIDTH {
                if a[p][q].abs() < 1e-12 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                let turned = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
                for row in a.iter_mut().chain(v.iter_mut()) {
                    (row[p], row[q]) = turned(row[p], row[q]);
                }
                let (upper, lower) = (a[p], a[q]);
                a[p] = std::array::from_fn(|k| turned(upper[k], lower[k]).0);
                a[q] = std::array::from_fn(|k| turned(upper[k], lower[k]).1);
            }
        }
    }
    (0..WIDTH).map(|i| (a[i][i], std::array::from_fn(|k| v[k][i]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Days in which the second number follows the first.
    fn days() -> Vec<[f32; WIDTH]> {
        let mut random = Random::new(8);
        (0..500)
            .map(|_| {
                let one = single(random.unit() * 3.0);
                std::array::from_fn(|k| match k {
                    0 => one,
                    1 => one * 2.0 + single(0.05 * random.unit()),
                    _ => 0.0,
                })
            })
            .collect()
    }

    #[test]
    fn a_day_that_breaks_the_proportion_leaves_much() {
        let model = Residual::train(&days()).unwrap();
        let usual = model.score(&[1.5, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let odd = model.score(&[1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(odd > 20.0 * usual.max(0.5), "{odd} against {usual}");
    }

    #[test]
    fn few_or_odd_days_do_no_harm() {
        assert!(Residual::train(&days()[..20]).is_none());
        let model = Residual::train(&days()).unwrap();
        for value in [f32::NAN, f32::INFINITY, f32::MIN] {
            assert!(model.score(&[value; WIDTH]).is_finite());
        }
    }

    #[test]
    fn the_eigenvalues_of_a_known_matrix() {
        let mut matrix: Matrix = [[0.0; WIDTH]; WIDTH];
        (0..WIDTH).for_each(|i| matrix[i][i] = 1.0);
        (matrix[0][1], matrix[1][0]) = (0.5, 0.5);
        let mut values: Vec<f64> = eigen(matrix).into_iter().map(|(value, _)| value).collect();
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 0.5).abs() < 1e-9 && (values[WIDTH - 1] - 1.5).abs() < 1e-9);
    }
}
