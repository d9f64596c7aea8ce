//! Looking around: one file per detection.
