//! Getting a credential: one file per detection.
