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
        let fresh = built_at(&binary).is_some_and(|built| newest_source(&binary).is_some_and(|newest| newest <= built));
        if !fresh {
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

/// When one of the files that the binary was made of last changed: those of cargo's own list beside it, so that a change of
/// a test alone builds nothing. `None` without the list.
fn newest_source(binary: &Path) -> Option<SystemTime> {
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let (_, files) = list.split_once(": ")?;
    // A space inside a path is escaped.
    let files = files.replace("\\ ", "\0");
    files.split_whitespace().filter_map(|file| built_at(Path::new(&file.replace('\0', " ")))).max()
}
