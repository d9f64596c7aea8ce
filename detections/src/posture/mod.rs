//! Weaknesses seen in use, and findings of the directory: one file per detection.
