//! Self-supervised logistic regression: real accesses against simulated ones (linfa-logistic, L-BFGS).
//!
//! Model card. Inputs: rows of features, standardised by the training rows. Output: log-odds of simulated. Linear: its
//! score comes apart exactly into one term a feature, which makes it the explaining model. Known failure: stealth, where
//! each feature alone is ordinary.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::{Error, LEAST};
use crate::features::{COUNT, Row};
use crate::number::{real, single};

/// The penalty on weights.
const ALPHA: f64 = 3.0;
/// The most steps of the solver.
const STEPS: u64 = 60;
/// Beyond so many standard deviations a value counts no more.
const CLIP: f32 = 6.0;

/// The model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    means: Vec<f32>,
    scales: Vec<f32>,
    weights: Vec<f32>,
    intercept: f32,
}

impl Logistic {
    /// Trains on rows; `simulated` says which of them are no real accesses.
    ///
    /// # Errors
    /// [`Error::TooFew`], [`Error::Solver`].
    pub fn train(rows: &[Row], simulated: &[bool]) -> Result<Self, Error> {
        let positive = simulated.iter().filter(|label| **label).count();
        let negative = rows.len().saturating_sub(positive);
        if positive < LEAST || negative < LEAST || rows.len() != simulated.len() {
            return Err(Error::TooFew { real: negative, simulated: positive });
        }
        let (means, scales) = moments(rows);
        let mut model = Self { means, scales, weights: vec![0.0; COUNT], intercept: 0.0 };
        let standard = |row: &Row| model.standard(row).map(f64::from);
        let flat: Vec<f64> = rows.iter().flat_map(standard).collect();
        let records = Array2::from_shape_vec((rows.len(), COUNT), flat)
            .map_err(|error| Error::Solver { reason: error.to_string() })?;
        let targets: Array1<bool> = simulated.iter().copied().collect();
        let solver = LogisticRegression::default().alpha(ALPHA).max_iterations(STEPS).gradient_tolerance(1e-3);
        let fitted =
            solver.fit(&Dataset::new(records, targets)).map_err(|error| Error::Solver { reason: error.to_string() })?;
        // linfa orders the classes as it likes: the sign is turned so that simulated is positive.
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        model.weights = fitted.params().iter().map(|weight| single(sign * *weight)).collect();
        model.intercept = single(sign * fitted.intercept());
        if model.weights.iter().chain([&model.intercept]).any(|weight| !weight.is_finite()) {
            return Err(Error::Solver { reason: String::from("a weight is no number") });
        }
        Ok(model)
    }

    /// The log-odds that a row is no real access.
    #[must_use]
    pub fn score(&self, row: &Row) -> f32 {
        self.intercept + self.parts(row).iter().sum::<f32>()
    }

    /// What each feature adds to the score, beside the intercept.
    #[must_use]
    pub fn parts(&self, row: &Row) -> Row {
        let mut parts = self.standard(row);
        parts.iter_mut().zip(&self.weights).for_each(|(part, weight)| *part *= weight);
        parts
    }

    fn standard(&self, row: &Row) -> Row {
        let mut out = [0.0; COUNT];
        for (((out, value), mean), scale) in out.iter_mut().zip(row).zip(&self.means).zip(&self.scales) {
            let z = (value - mean) * scale;
            *out = if z.is_nan() { 0.0 } else { z.clamp(-CLIP, CLIP) };
        }
        out
    }
}

/// Mean and inverse standard deviation of every feature; a constant feature gets 0 and so no say.
fn moments(rows: &[Row]) -> (Vec<f32>, Vec<f32>) {
    let count = real(rows.len());
    (0..COUNT)
        .map(|feature| {
            let column = || rows.iter().filter_map(|row| row.get(feature)).copied().map(f64::from);
            let mean = column().sum::<f64>() / count;
            let variance = column().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let scale = if variance > 1e-9 { variance.sqrt().recip() } else { 0.0 };
            (single(mean), single(scale))
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn rows(seed: u64) -> (Vec<Row>, Vec<bool>) {
        let mut random = Random::new(seed);
        (0..2000)
            .map(|_| {
                let mut row = [0.0; COUNT];
                row.iter_mut().take(5).for_each(|value| *value = single(random.unit()));
                let label = row[0] + single(0.2 * random.unit()) > 0.6;
                (row, label)
            })
            .unzip()
    }

    #[test]
    fn a_line_is_learned_and_comes_apart() {
        let (train, labels) = rows(1);
        let model = Logistic::train(&train, &labels).unwrap();
        let (test, labels) = rows(2);
        let right = test.iter().zip(&labels).filter(|(row, label)| (model.score(row) > 0.0) == **label).count();
        assert!(right > 1750, "{right} of 2000");
        let parts = model.parts(&test[0]);
        assert!((parts.iter().sum::<f32>() + model.intercept - model.score(&test[0])).abs() < 1e-4);
        assert!(parts.iter().skip(5).all(|part| *part == 0.0), "constant features have no say");
    }

    #[test]
    fn training_twice_gives_equal_bytes() {
        let (train, labels) = rows(3);
        let bytes = || serde_json::to_string(&Logistic::train(&train, &labels).unwrap()).unwrap();
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn extreme_rows_score_finite() {
        let (train, labels) = rows(4);
        let model = Logistic::train(&train, &labels).unwrap();
        for value in [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY] {
            assert!(model.score(&[value; COUNT]).is_finite());
        }
    }
}
