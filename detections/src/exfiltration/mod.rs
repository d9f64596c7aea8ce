//! Taking data out: one file per detection.
