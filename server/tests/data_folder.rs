//! The data folder as others see it: what only the service may read, and what a second import of the same file changes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by a panic that it fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use hopwatch::estate_file;

fn lab(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lab").join(file)
}

fn import(data_dir: &Path, file: &Path) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("hopwatch"));
    let output = command.arg("import").arg(file).arg("--data-dir").arg(data_dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every edge by name, with how often and when it was reported.
fn edges(data_dir: &Path) -> Vec<String> {
    let estate = estate_file::load(data_dir).unwrap();
    let name = |id| estate.node(id).unwrap().id.clone();
    let line = |edge: &hopwatch_graph::Edge| {
        let (source, target) = (name(edge.key.source), name(edge.key.target));
        format!("{source} {} {target} {} {} {}", edge.key.kind.name(), edge.count, edge.first_seen, edge.last_seen)
    };
    estate.edges().map(|(_, edge)| line(edge)).collect()
}

#[test]
fn a_directory_imported_again_changes_no_edge() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    import(&data_dir, &lab("directory.zip"));
    let once = edges(&data_dir);
    assert!(once.len() > 100, "{} edges", once.len());
    let renamed = folder.path().join("again.zip");
    std::fs::copy(lab("directory.zip"), &renamed).unwrap();
    import(&data_dir, &lab("directory.zip"));
    import(&data_dir, &renamed);
    let again = edges(&data_dir);
    let changed: Vec<_> = once.iter().zip(&again).filter(|(before, after)| before != after).take(5).collect();
    assert!(changed.is_empty() && once.len() == again.len(), "{changed:?}");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_data_folder_nor_a_secret_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let open = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o077;
    let folder = tempfile::tempdir().unwrap();
    // A folder that is there already, and open to others: its files are secret all the same.
    let wide = folder.path().join("wide");
    std::fs::create_dir(&wide).unwrap();
    std::fs::set_permissions(&wide, std::fs::Permissions::from_mode(0o755)).unwrap();
    let fresh = folder.path().join("fresh");
    for data_dir in [&wide, &fresh] {
        import(data_dir, &lab("directory.zip"));
        for secret in ["digest.key", "hopwatch.db", "graph.checkpoint"] {
            assert_eq!(open(&data_dir.join(secret)), 0, "{secret} in {}", data_dir.display());
        }
    }
    assert_eq!((open(&wide), open(&fresh)), (0o055, 0), "the administrator's mode stays");
}

#[cfg(unix)]
#[test]
fn a_private_file_is_private_before_the_first_byte_is_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = hopwatch::private::create(&folder.path().join("key")).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file.metadata().unwrap().len(), 0);
}
