//! Looking around: one file per detection.

pub mod account_enumeration;
