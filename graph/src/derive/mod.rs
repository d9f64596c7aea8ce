//! Edges that no source reports, computed from raw edges and properties.

use crate::estate::{Derivation, Estate, Mode};

/// Everything that can be derived from the estate as it stands now.
#[must_use]
pub fn all(_estate: &Estate, _mode: Mode) -> Derivation {
    Derivation::default()
}
