//! The real binary, as a user calls it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

use assert_cmd::cargo::cargo_bin;

/// A call of `hopwatch`. `cargo test --workspace` has built it; where a single suite runs, an older or missing binary is
/// built anew, so that no suite ever judges a former one.
///
/// # Panics
/// Where it cannot be built.
#[must_use]
pub fn hopwatch() -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let binary = BINARY.get_or_init(|| {
        let binary = cargo_bin("hopwatch");
        if built_at(&binary).is_none_or(|built| newest_source() > Some(built)) {
            build();
        }
        binary
    });
    Command::new(binary)
}

/// Runs `hopwatch` to its end.
///
/// # Panics
/// Where it cannot be started.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a helper of tests fails as tests do")]
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    hopwatch().args(arguments).output().unwrap()
}

/// What a call wrote to stderr.
#[must_use]
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a call wrote to stdout.
#[must_use]
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[expect(clippy::unwrap_used, reason = "a helper of tests fails as tests do")]
fn build() {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(crate::root());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    assert!(command.status().unwrap().success(), "the binary does not build");
}

fn built_at(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// When a source of the binary last changed.
fn newest_source() -> Option<SystemTime> {
    let mut newest = None;
    let mut folders: Vec<PathBuf> = ["model", "wire", "ingest", "graph", "ml", "detections", "server"]
        .iter()
        .map(|room| crate::root().join(room).join("src"))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                newest = newest.max(built_at(&path));
            }
        }
    }
    newest
}
