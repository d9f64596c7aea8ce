//! `[[sources]]` of kind `ldap`: a directory that is read by the clock. The first read is whole, later ones bring what
//! changed; what was read lies in the data folder, so that a restart goes on from there.
//!
//! A read that fails changes nothing: graph and file stay what they were, and the health page says why. A change is
//! noted in the file only once the graph has it, so that a crash between the two delivers it again.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hopwatch_ingest::Counters;
use hopwatch_ingest::directory::ldap::{self, Config, Login, Password, Snapshot, Trust, Upgrade, ldif};
use hopwatch_ingest::directory::{sync, sysvol};
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{DirectoryDelta, Timestamp};

use crate::clock;
use crate::config::{Ldap, SourceForm};
use crate::feed::Feed;
use crate::private;
use crate::scheduler;
use crate::state::State;
use crate::store::SourceStatus;

/// The folder, in the data folder, of what was read last.
const FOLDER: &str = "directories";

/// Entries per page; Windows gives no more.
const PAGE_SIZE: u16 = 1000;
/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a lost connection is made again before the next server is asked.
const RECONNECTS: u8 = 3;

/// Starts a task per directory; they end with the runtime. One that was never read is read at once.
pub fn start(state: &State, feed: &Feed) {
    for source in &state.config.sources {
        let SourceForm::Ldap(settings) = &source.form else { continue };
        let mut directory = Directory {
            name: source.name.clone(),
            settings: settings.clone(),
            path: path(state.store.data_dir(), &source.name),
            known: None,
        };
        let (state, feed) = (State::clone(state), feed.clone());
        tokio::spawn(async move {
            if !directory.path.exists() {
                directory.run(&state, &feed).await;
            }
            while scheduler::wait_for(&directory.settings.cron).await.is_some() {
                directory.run(&state, &feed).await;
            }
        });
    }
}

/// The file of a source: its name may hold anything.
fn path(data_dir: &Path, name: &str) -> PathBuf {
    let digest = blake3::hash(name.as_bytes()).to_hex();
    data_dir.join(FOLDER).join(format!("{}.ldif", digest.get(..16).unwrap_or_default()))
}

/// A directory that is read again and again.
#[derive(Debug)]
pub struct Directory {
    name: String,
    settings: Ldap,
    path: PathBuf,
    /// What was read last, once it was needed.
    known: Option<Snapshot>,
}

/// What a read brought.
#[derive(Debug)]
struct Read {
    snapshot: Snapshot,
    deltas: Vec<DirectoryDelta>,
    counters: Counters,
}

impl Directory {
    /// A directory that keeps what it read in a data folder.
    #[must_use]
    pub fn new(data_dir: &Path, name: &str, settings: Ldap) -> Self {
        Self { name: name.to_owned(), settings, path: path(data_dir, name), known: None }
    }

    async fn run(&mut self, state: &State, feed: &Feed) {
        let result = self.refresh(feed).await;
        let mut status = SourceStatus { name: self.name.clone(), kind: "ldap".into(), ..SourceStatus::default() };
        match &result {
            Ok(counters) => {
                status.read = counters.read;
                status.dropped =
                    counters.dropped.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
                tracing::info!(source.name = self.name, read = counters.read, "a directory was read");
            }
            Err(error) => {
                status.error = Some(format!("{error:#}"));
                tracing::warn!(source.name = self.name, error = format!("{error:#}"), "a directory was not read");
            }
        }
        if let Err(error) = state.store.put_source(&status).await {
            tracing::error!(error = %error, "the standing of a directory was not noted");
        }
    }

    /// Reads what changed and hands it to the graph.
    ///
    /// # Errors
    /// Where no server gives it, or the graph or the file cannot be written. Then everything is as it was.
    pub async fn refresh(&mut self, feed: &Feed) -> Result<Counters> {
        let config = config(&self.settings)?;
        let known = match self.known.take() {
            Some(known) => Some(known),
            None => read_file(&self.path)?,
        };
        let result = read(&config, &self.settings, known.clone(), self.name.clone(), clock::now()).await;
        let fresh = match result {
            Ok(fresh) => fresh,
            Err(error) => {
                self.known = known;
                return Err(error);
            }
        };
        if let Err(error) = feed.directory(fresh.deltas).await {
            self.known = known;
            return Err(error.into());
        }
        write_file(&self.path, &fresh.snapshot)?;
        self.known = Some(fresh.snapshot);
        Ok(fresh.counters)
    }
}

async fn read(
    config: &Config,
    settings: &Ldap,
    known: Option<Snapshot>,
    name: String,
    time: Timestamp,
) -> Result<Read> {
    let mut counters = Counters::default();
    let (mut snapshot, changes) = match known {
        Some(mut snapshot) => {
            let changes = ldap::refresh(config, &mut snapshot).await?;
            (snapshot, Some(changes))
        }
        None => (ldap::collect(config).await?, None),
    };
    counters.add(&snapshot.counters);
    let folder = settings.sysvol.clone();
    let work = move || -> Result<Read> {
        let mut policies_changed = false;
        if let Some(folder) = folder {
            let policies = sysvol::read(&folder, &mut counters)
                .with_context(|| format!("the policies of {} cannot be read", folder.display()))?;
            policies_changed = policies != snapshot.policies;
            snapshot.policies = policies;
        }
        let mut collected = Collected::default();
        let source = (name.as_str(), time);
        match &changes {
            Some(changes) => {
                sync::deliver(&snapshot, changes, source, &mut collected, &mut counters)?;
                // What policies say of hosts changed without a change of the directory.
                if policies_changed {
                    sync::deliver_all(&snapshot, source, &mut collected, &mut counters)?;
                }
            }
            None => _ = sync::deliver_all(&snapshot, source, &mut collected, &mut counters)?,
        }
        Ok(Read { snapshot, deltas: collected.deltas, counters })
    };
    tokio::task::spawn_blocking(work).await.context("the conversion of a directory was broken off")?
}

fn config(settings: &Ldap) -> Result<Config> {
    let text = fs::read_to_string(&settings.password_file)
        .with_context(|| format!("cannot read the password of {}", settings.password_file.display()))?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    if password.is_empty() {
        bail!("the password in {} is empty", settings.password_file.display());
    }
    let trust = match (&settings.ca_file, &settings.server_certificate) {
        (_, Some(path)) => Trust::Exactly(path.clone()),
        (Some(path), None) => Trust::File(path.clone()),
        (None, None) => Trust::System,
    };
    let urls = std::iter::once(&settings.url).chain(&settings.others).cloned().collect();
    Ok(Config {
        urls,
        login: Login::Simple { user: settings.user.clone(), password: Password::new(password) },
        upgrade: if settings.starttls { Upgrade::StartTls } else { Upgrade::None },
        trust,
        page_size: PAGE_SIZE,
        timeout: TIMEOUT,
        rate: settings.rate,
        reconnects: RECONNECTS,
    })
}

fn read_file(path: &Path) -> Result<Option<Snapshot>> {
    match File::open(path) {
        Ok(file) => {
            let snapshot = ldif::read(file, &mut Counters::default());
            Ok(Some(
                snapshot.with_context(|| format!("{} cannot be read: remove it to read all anew", path.display()))?,
            ))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

/// Beside its name first: a crash in the middle leaves the file before.
fn write_file(path: &Path, snapshot: &Snapshot) -> Result<()> {
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            private::create_dir_all(folder)?;
        }
        let mut out = BufWriter::new(private::create(&partial)?);
        ldif::write(snapshot, &mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
