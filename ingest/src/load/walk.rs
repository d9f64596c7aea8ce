//! Which files there are: folders are walked in the order of names; links to folders are not followed, so that no loop
//! holds the walk.

use std::path::{Path, PathBuf};

use super::report::{FileReport, Report};
use crate::error::Error;

/// A file to load.
#[derive(Debug)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether the user named it, rather than a folder around it.
    pub named: bool,
}

impl Found {
    /// The name that its records bear: its path.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }
}

/// The files of the given paths, in their order; what cannot be opened or listed goes into the report.
pub fn files(paths: &[PathBuf], report: &mut Report) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => folder(path, &mut found, report),
            Ok(metadata) => found.push(Found { path: path.clone(), bytes: metadata.len(), named: true }),
            Err(error) => {
                report.files.push(FileReport::failed(path.to_string_lossy().into_owned(), Error::Open(error)))
            }
        }
    }
    found
}

fn folder(root: &Path, found: &mut Vec<Found>, report: &mut Report) {
    let mut pending = vec![root.to_path_buf()];
    while let Some(path) = pending.pop() {
        let kind = match std::fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) => {
                report.files.push(FileReport::failed(path.to_string_lossy().into_owned(), Error::Open(error)));
                continue;
            }
        };
        if kind.is_dir() || path == root {
            match std::fs::read_dir(&path) {
                Ok(entries) => {
                    let mut children: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                    children.sort_by(|a, b| b.cmp(a));
                    pending.extend(children);
                }
                Err(error) => {
                    report.files.push(FileReport::failed(path.to_string_lossy().into_owned(), Error::Open(error)));
                }
            }
        } else if let Ok(metadata) = std::fs::metadata(&path)
            && metadata.is_file()
        {
            found.push(Found { path, bytes: metadata.len(), named: false });
        }
    }
}
