//! Evaluation as a product feature.

pub mod metrics;
