//! The models over rows of features. All are trained on rows, seeded, serialisable, and give a finite score to any row.

pub mod factors;
pub mod forest;
pub mod logistic;
pub mod residual;
pub mod rows;
pub mod trees;

pub use factors::Factors;
pub use forest::Forest;
pub use logistic::Logistic;
pub use residual::{Day, Residual};
pub use rows::Rows;
pub use trees::Trees;

use serde::{Deserialize, Serialize};

/// Why a model could not be trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few rows of one class.
    #[error("{real} real and {simulated} simulated accesses are too few to learn from")]
    TooFew {
        /// Real rows.
        real: usize,
        /// Simulated rows.
        simulated: usize,
    },
    /// The solver did not end well.
    #[error("the solver failed: {reason}")]
    Solver {
        /// In its words.
        reason: String,
    },
}

/// The fewest rows of each class from which a model is trained.
pub(crate) const LEAST: usize = 200;
