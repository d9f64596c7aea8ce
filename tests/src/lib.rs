//! What the cross-crate suites share: where input lies, and how a skipped test says why.

pub mod binary;
pub mod recording;
pub mod truth;

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// A folder of input that is not part of the repository: `variable`, else `fallback` beside the root. `None` and a
/// printed reason where it is absent, so that a skipped test is seen.
#[must_use]
pub fn external(variable: &str, fallback: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map_or_else(|| root().join(fallback), PathBuf::from);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: no {variable} (looked in {})", folder.display());
    None
}

/// Real input that others made (see `HOPWATCH_CORPUS`).
#[must_use]
pub fn corpus() -> Option<PathBuf> {
    external("HOPWATCH_CORPUS", "../shared/corpus")
}

/// Captures, logs and directories of the lab's fixtures, which are part of the repository.
#[must_use]
pub fn lab() -> PathBuf {
    root().join("tests/fixtures/lab")
}

/// The shipped sample estate.
#[must_use]
pub fn sample() -> PathBuf {
    root().join("server/sample")
}
