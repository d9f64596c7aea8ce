//! From outside into an account: one file per detection.
