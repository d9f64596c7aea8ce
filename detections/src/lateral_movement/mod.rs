//! Using a credential elsewhere: one file per detection.
