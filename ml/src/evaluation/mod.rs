//! Evaluation as a product feature: the lateral scorers and the travel scorer on labelled records, streamed score-then-
//! learn, measured by what an analyst has: a budget of alerts a day.

pub mod lateral;
pub mod metrics;
pub mod table;
pub mod travel;
pub mod truth;
