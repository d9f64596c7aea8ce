//! `[[sources]]` of kind `folder`: a folder into which others drop files. Each file is read once, when it has stopped
//! growing, and again where it changed; the files stay where they are.
//!
//! What was read is kept in the data folder, so that a restart does not read all of it again. Were that list lost, nothing
//! would be counted twice: events bear digests, and parts of directories are told by their content.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use hopwatch_detections::Mode;

use crate::config::SourceForm;
use crate::estate_file::write_whole;
use crate::feed::{Feed, Spool, Upload};
use crate::private;
use crate::state::State;
use crate::store::SourceStatus;

/// How often a folder is looked at.
const POLL: Duration = Duration::from_secs(5);
/// The deepest folder below the one that is named.
const DEPTH: usize = 8;
/// The most files of a folder that are remembered; what lies beyond is told on the health page.
const FILES: usize = 100_000;
/// The folder, in the data folder, of the lists of what was read.
const LISTS: &str = "folders";

/// What tells one state of a file from another: its size, and when it was written in nanoseconds since 1970.
type Stamp = (u64, u128);

/// Starts a task per folder; they end with the runtime.
pub fn start(state: &State, feed: &Feed) {
    for source in &state.config.sources {
        let SourceForm::Folder { path } = &source.form else { continue };
        let (mut folder, state, feed) =
            (Folder::new(state.store.data_dir(), &source.name, path), State::clone(state), feed.clone());
        tokio::spawn(async move {
            while feed.alive() {
                folder.look(&state, &feed).await;
                tokio::time::sleep(POLL).await;
            }
        });
    }
}

/// A folder that is watched.
#[derive(Debug)]
pub struct Folder {
    name: String,
    path: PathBuf,
    list: PathBuf,
    /// What was read, once the list was opened.
    read: Option<BTreeMap<String, Stamp>>,
    /// What was seen the last time and not read yet.
    growing: BTreeMap<String, Stamp>,
    fault: Option<String>,
}

impl Folder {
    /// A folder that keeps its list in a data folder.
    #[must_use]
    pub fn new(data_dir: &Path, name: &str, path: &Path) -> Self {
        let digest = blake3::hash(name.as_bytes()).to_hex();
        let list = data_dir.join(LISTS).join(format!("{}.json", digest.get(..16).unwrap_or_default()));
        let (name, path) = (name.to_owned(), path.to_owned());
        Self { name, path, list, read: None, growing: BTreeMap::new(), fault: None }
    }

    /// Looks once, and notes on the health page what cannot be read.
    pub async fn look(&mut self, state: &State, feed: &Feed) {
        let fault = self.take(feed).await.err().map(|error| format!("{error:#}"));
        if fault == self.fault {
            return;
        }
        self.fault.clone_from(&fault);
        let status =
            SourceStatus { name: self.name.clone(), kind: "folder".into(), error: fault, ..SourceStatus::default() };
        if let Some(error) = &status.error {
            tracing::warn!(source.name = self.name, error, "a folder was not read");
        }
        if let Err(error) = state.store.put_source(&status).await {
            tracing::error!(%error, "the standing of a folder was not noted");
        }
    }

    /// Reads every file that is new or changed and lay still since the last look.
    ///
    /// # Errors
    /// Where the folder or the list cannot be read or written, or the pipeline fails. A bad file is no error: its own
    /// standing says so.
    pub async fn take(&mut self, feed: &Feed) -> Result<()> {
        let mut read = match self.read.take() {
            Some(read) => read,
            None => opened(&self.list)?,
        };
        let found = files(&self.path).with_context(|| format!("{} cannot be read", self.path.display()))?;
        let still: Vec<(String, Stamp)> = found
            .iter()
            .filter(|(name, stamp)| read.get(*name) != Some(stamp) && self.growing.get(*name) == Some(stamp))
            .map(|(name, stamp)| (name.clone(), *stamp))
            .collect();
        let waits = |(name, stamp): &(&String, &Stamp)| read.get(*name) != Some(stamp);
        self.growing = found.iter().filter(waits).map(|(name, stamp)| (name.clone(), *stamp)).collect();
        read.retain(|name, _| found.contains_key(name));
        let mut result = Ok(());
        for (name, stamp) in still {
            result = self.file(feed, &name, stamp.0).await;
            if result.is_err() {
                break;
            }
            read.insert(name, stamp);
            result = save(&self.list, &read);
        }
        self.read = Some(read);
        result
    }

    async fn file(&self, feed: &Feed, name: &str, bytes: u64) -> Result<()> {
        let path = self.path.join(name);
        let spool = Spool::new(feed.incoming());
        tokio::fs::copy(&path, spool.path()).await.with_context(|| format!("{} cannot be copied", path.display()))?;
        let name = path.display().to_string();
        feed.file(Upload { spool, bytes, name, beside: true, mode: Mode::Judging }).await?;
        Ok(())
    }
}

/// The files of a folder and of those below it, by their names in it.
fn files(top: &Path) -> Result<BTreeMap<String, Stamp>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            }
            if !kind.is_file() {
                continue;
            }
            anyhow::ensure!(found.len() < FILES, "it holds more than {FILES} files; move away what was read");
            let about = entry.metadata()?;
            let written = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            let path = entry.path();
            let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
            found.insert(name, (about.len(), written));
        }
    }
    Ok(found)
}

fn opened(list: &Path) -> Result<BTreeMap<String, Stamp>> {
    match fs::read(list) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is no list of files", list.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", list.display())),
    }
}

fn save(list: &Path, read: &BTreeMap<String, Stamp>) -> Result<()> {
    let write = || -> Result<()> {
        list.parent().map_or(Ok(()), private::create_dir_all)?;
        Ok(write_whole(list, &[&serde_json::to_vec(read)?])?)
    };
    write().with_context(|| format!("{} cannot be written", list.display()))
}
