//! The graph of a data folder: a checkpoint file, written whole and swapped in by name, so that a crash leaves the earlier
//! one.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use hopwatch_graph::{Config, Estate};

/// The name of the checkpoint in the data folder.
const FILE: &str = "graph.checkpoint";

/// The estate of a data folder; empty where nothing was imported yet.
///
/// # Errors
/// Where the checkpoint cannot be read, or is not of this version: it is refused by name, and kept.
pub fn load(data_dir: &Path) -> Result<Estate> {
    let path = data_dir.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            Estate::restore(Config::default(), &bytes).with_context(|| format!("{} cannot be read", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Estate::new(Config::default())),
        Err(error) => Err(error).with_context(|| format!("{} cannot be opened", path.display())),
    }
}

/// Writes the estate into the data folder; on return it survives a crash.
///
/// # Errors
/// Where the disk is full or the folder cannot be written; the earlier checkpoint stays.
pub fn save(data_dir: &Path, estate: &Estate) -> Result<()> {
    let path = data_dir.join(FILE);
    let fresh = data_dir.join(format!("{FILE}.new"));
    let write = || -> Result<()> {
        fs::create_dir_all(data_dir)?;
        let bytes = estate.checkpoint()?;
        let mut file = File::create(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(data_dir)?.sync_all()?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
