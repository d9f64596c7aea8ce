//! The checkpoint of a data folder: the graph, and what the detections knew when they had seen the same events. One file,
//! written whole and swapped in by name, so that a crash leaves the earlier one and the two halves never disagree about
//! which events they have seen: an event would be counted twice in the graph, or judged never.
//!
//! ```text
//! MAGIC · length of the progress in bytes (u64, little endian) · Progress as JSON · Estate::checkpoint
//! ```

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use hopwatch_graph::{Config, Estate};
use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::imported::Imported;
use crate::private;

/// The name of the checkpoint in the data folder.
const FILE: &str = "graph.checkpoint";
/// Opens the file; the number is the layout's.
const MAGIC: &[u8] = b"hopwatch checkpoint 1\n";

/// How far graph and detections have come, and what the detections know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The last arrival that both have seen.
    pub applied: i64,
    /// The states of the detections.
    pub engine: serde_json::Value,
    /// What of the events seen could not be read.
    #[serde(default)]
    pub coverage: Coverage,
    /// Which parts of directory files the graph holds.
    #[serde(default)]
    pub imported: Imported,
}

/// The estate of a data folder; empty where nothing was imported yet.
///
/// # Errors
/// As [`open`].
pub fn load(data_dir: &Path) -> Result<Estate> {
    Ok(open(data_dir)?.0)
}

/// The estate of a data folder with its progress; empty and without one where nothing was imported yet.
///
/// # Errors
/// Where the checkpoint cannot be read, or is not of this version: it is refused by name, and kept.
pub fn open(data_dir: &Path) -> Result<(Estate, Option<Progress>)> {
    let path = data_dir.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let (estate, progress) = parse(&bytes).with_context(|| format!("{} cannot be read", path.display()))?;
            Ok((estate, Some(progress)))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((Estate::new(Config::default()), None)),
        Err(error) => Err(error).with_context(|| format!("{} cannot be opened", path.display())),
    }
}

fn parse(bytes: &[u8]) -> Result<(Estate, Progress)> {
    let rest = bytes.strip_prefix(MAGIC).context("it is no checkpoint of this version")?;
    let (length, rest) = rest.split_first_chunk().context("it is cut short")?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let (progress, estate) = rest.split_at_checked(length).context("it is cut short")?;
    Ok((Estate::restore(Config::default(), estate)?, serde_json::from_slice(progress)?))
}

/// Writes estate and progress into the data folder; on return they survive a crash.
///
/// # Errors
/// Where the disk is full or the folder cannot be written; the earlier checkpoint stays.
pub fn save(data_dir: &Path, estate: &Estate, progress: &Progress) -> Result<()> {
    let path = data_dir.join(FILE);
    let write = || -> Result<()> {
        private::create_dir_all(data_dir)?;
        let progress = serde_json::to_vec(progress)?;
        let estate = estate.checkpoint()?;
        let length = u64::try_from(progress.len())?.to_le_bytes();
        write_whole(&path, &[MAGIC, &length, &progress, &estate])?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a file whole under another name, readable by the service's own account alone, swaps it in, and makes the swap
/// durable.
///
/// # Errors
/// Where the disk is full or the folder cannot be written.
pub fn write_whole(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = private::create(&fresh)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_cut_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let progress = Progress {
            applied: 7,
            engine: serde_json::json!({ "a": 1 }),
            coverage: Coverage::default(),
            imported: Imported::default(),
        };
        save(folder.path(), &Estate::new(Config::default()), &progress).unwrap();
        let (_, read) = open(folder.path()).unwrap();
        assert_eq!(read.unwrap().applied, 7);
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(open(folder.path()).is_err(), "{length} of {} bytes", whole.len());
        }
    }
}
