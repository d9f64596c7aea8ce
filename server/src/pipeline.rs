//! The pipeline over a data folder: what arrives is stored first, then shown to graph and detections, and what they judge is
//! stored and told.
//!
//! ```text
//! events ─► history (durable = acknowledged) ─► arrivals after the checkpoint ─► Watch ─► alerts ─► store, subscribers
//! ```
//! A restart goes the same way: whatever the history holds beyond the checkpoint is shown again, so that a crash between
//! the two loses nothing.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result, bail};
use hopwatch_detections::posture::findings;
use hopwatch_detections::why_not::Answer;
use hopwatch_detections::{AlertChange, Mode};
use hopwatch_ingest::load::{self, Report};
use hopwatch_ingest::resolution::{Resolver, Resolving};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{DigestKey, Sink};
use hopwatch_model::{DirectoryDelta, Event, Timestamp};

use crate::config::Config;
use crate::coverage::Coverage;
use crate::estate_file::{self, Progress, write_whole};
use crate::geo::Geo;
use crate::imported::Imported;
use crate::private;
use crate::state::{AppState, ChangeKind, State, Status};
use crate::store::{Appended, SourceStatus, Store};
use crate::watch::Watch;
use crate::why_not::Question;
use crate::{learning, store};

/// Events that are shown to the watch between two stops for storing alerts.
const BATCH: u32 = 4096;
/// The key for digests of secrets in the data folder.
const KEY: &str = "digest.key";
/// The lock that keeps a second process out of a data folder.
const LOCK: &str = "lock";

/// A data folder at work. One process at a time.
pub struct Pipeline {
    state: State,
    watch: Watch,
    applied: i64,
    coverage: Coverage,
    imported: Imported,
    data_dir: PathBuf,
    _lock: File,
}

impl Pipeline {
    /// Opens a data folder, makes it where it is not there, and catches up with what a crash left unseen.
    ///
    /// # Errors
    /// Where another process works on the folder, or something in it cannot be read; nothing is changed then.
    pub async fn open(config: Config) -> Result<Self> {
        let data_dir = config.server.data_dir.clone();
        let lock = lock(&data_dir)?;
        let (estate, progress) = estate_file::open(&data_dir)?;
        let store = Store::open(&data_dir).await?;
        let mut watch = Watch::new(&config.detections, &estate)?;
        watch.place_by(Geo::open(&config.server.geoip)?);
        let applied = progress.as_ref().map_or(0, |progress| progress.applied);
        let coverage = progress.as_ref().map(|progress| progress.coverage.clone()).unwrap_or_default();
        let imported = progress.as_ref().map(|progress| progress.imported.clone()).unwrap_or_default();
        if let Some(progress) = progress {
            let refused = || format!("{}: the detections' states are not of this version", data_dir.display());
            watch.engine_mut().restore(progress.engine).with_context(refused)?;
        }
        let state = AppState::new(config, store, estate).await?;
        let mut pipeline = Self { state, watch, applied, coverage, imported, data_dir, _lock: lock };
        if applied > 0 && pipeline.watch.engine().behaviour().untaught() {
            pipeline.relearn().await?;
        }
        if pipeline.catch_up().await? {
            pipeline.settle().await?;
        }
        pipeline.take_policy();
        pipeline.publish(None);
        Ok(pipeline)
    }

    /// The state that requests read.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The key for digests of secrets of this data folder.
    ///
    /// # Errors
    /// Where it can be neither read nor made.
    pub fn key(&self) -> Result<DigestKey> {
        digest_key(&self.data_dir)
    }

    /// Takes in what directory sources said; on return it survives a crash.
    ///
    /// # Errors
    /// Where the checkpoint cannot be written.
    pub async fn directory(&mut self, deltas: &[DirectoryDelta]) -> Result<()> {
        self.apply(&deltas.iter().collect::<Vec<_>>()).await
    }

    /// The parts of directory files that the graph does not hold yet: a file says again what it said, and nothing about the
    /// time of its second import. A directory that is asked anew does, and goes to [`Self::directory`].
    fn unseen<'a>(&mut self, deltas: &'a [DirectoryDelta]) -> Vec<&'a DirectoryDelta> {
        deltas.iter().filter(|delta| self.imported.first(delta)).collect()
    }

    async fn apply(&mut self, deltas: &[&DirectoryDelta]) -> Result<()> {
        if deltas.is_empty() {
            return Ok(());
        }
        {
            let mut estate = self.state.estate.write().unwrap_or_else(PoisonError::into_inner);
            deltas.iter().for_each(|delta| self.watch.directory(&mut estate, delta));
        }
        self.settle().await
    }

    /// Takes in files while they are read: what directories say goes into the graph while the next of it is read, so that
    /// a large directory never stands in memory beside its graph. Otherwise as [`Self::take`].
    ///
    /// # Errors
    /// Where store or checkpoint cannot be written.
    pub async fn load(
        &mut self,
        resolver: &mut Resolver,
        mode: Mode,
        read: impl FnOnce(&mut dyn Sink) -> Report,
    ) -> Result<Streamed> {
        let streamed = {
            let mut estate = self.state.estate.write().unwrap_or_else(PoisonError::into_inner);
            let (watch, imported, estate) = (&mut self.watch, &mut self.imported, &mut *estate);
            streamed(resolver, read, |delta| {
                if imported.first(&delta) {
                    watch.absorb(estate, delta);
                }
            })
        };
        if streamed.parts > 0 {
            self.settle().await?;
        }
        self.take_events(&streamed.events, &streamed.report, mode).await?;
        Ok(streamed)
    }

    /// Takes in what files held, judges it and notes what became of each file; on return all of it survives a crash.
    ///
    /// # Errors
    /// Where store or checkpoint cannot be written.
    pub async fn take(&mut self, collected: &Collected, report: &Report, mode: Mode) -> Result<Appended> {
        let fresh = self.unseen(&collected.deltas);
        self.apply(&fresh).await?;
        self.take_events(&collected.events, report, mode).await
    }

    async fn take_events(&mut self, events: &[Event], report: &Report, mode: Mode) -> Result<Appended> {
        let taken = self.events(events, mode).await?;
        if !events.is_empty() {
            self.finish(mode).await?;
            self.settle().await?;
        }
        self.sources(report, events).await?;
        Ok(taken)
    }

    /// Stores events, which acknowledges them, and shows the new ones to graph and detections.
    ///
    /// # Errors
    /// Where the store fails; what was stored is shown again at the next start.
    pub async fn events(&mut self, events: &[Event], mode: Mode) -> Result<Appended> {
        let mut taken = Appended::default();
        for batch in events.chunks(usize::try_from(BATCH)?) {
            let appended = self.state.events.append_as(batch, mode).await?;
            taken.stored += appended.stored;
            taken.repeated += appended.repeated;
        }
        self.catch_up().await?;
        Ok(taken)
    }

    /// Ends a piece of work: a fresh snapshot for requests, what is weak in it, a checkpoint on disk. Takes as long as a
    /// walk over the whole graph.
    ///
    /// # Errors
    /// Where the checkpoint cannot be written, or the store fails.
    pub async fn settle(&mut self) -> Result<()> {
        let progress = self.progress()?;
        let (snapshot, saved) = {
            let mut estate = self.state.estate.write().unwrap_or_else(PoisonError::into_inner);
            let data_dir = &self.data_dir;
            self.watch.rebuild_beside(&mut estate, |estate| estate_file::save(data_dir, estate, &progress))
        };
        saved?;
        match snapshot {
            Some(snapshot) => self.state.show(snapshot),
            None => self.state.refresh(),
        }
        Ok(self.state.store.replace_findings(&findings::of(&self.state.snapshot())).await?)
    }

    fn progress(&self) -> Result<Progress> {
        Ok(Progress {
            applied: self.applied,
            engine: self.watch.engine().save()?,
            coverage: self.coverage.clone(),
            imported: self.imported.clone(),
        })
    }

    /// Raises what the detections only decide when time goes on, and stores it.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn finish(&mut self, mode: Mode) -> Result<()> {
        let changes = {
            let mut estate = self.state.estate.write().unwrap_or_else(PoisonError::into_inner);
            self.watch.finish(&mut estate, mode)
        };
        Ok(self.tell(changes).await?)
    }

    /// Takes over what users said to the detections since.
    pub fn take_policy(&mut self) {
        let engine = self.watch.engine_mut();
        engine.set_policy(self.state.policy.load_full());
        engine.set_rules(self.state.rules.load_full());
    }

    /// Why a detection did not fire for an entity around a time; `None` where there is no such detection.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn why_not(&self, question: &Question) -> Result<Option<Answer>> {
        let events = question.events(self.state.events.as_ref()).await?;
        let settings = &self.state.config.detections;
        let (snapshot, subject) = (self.watch.snapshot(), question.subject());
        let engine = self.watch.engine();
        Ok(engine.why_not(settings, &question.detection, &subject, question.time, &events, &snapshot))
    }

    /// Notes what became of each file that gave these events.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn sources(&self, report: &Report, events: &[Event]) -> Result<()> {
        for status in statuses(report, events) {
            let kind = status.kind.clone();
            for (reason, count) in &status.dropped {
                let labels = [("source", kind.clone()), ("reason", reason.clone())];
                metrics::counter!("hopwatch_records_dropped_total", &labels).increment(*count);
            }
            self.state.store.put_source(&status).await?;
        }
        Ok(())
    }

    /// Shows all arrivals after the checkpoint to graph and detections, each to be judged or learned from as it was
    /// stored; true where there were any.
    async fn catch_up(&mut self) -> Result<bool> {
        let mut any = false;
        loop {
            let arrivals = self.state.events.arrivals(self.applied, BATCH).await?;
            let Some(last) = arrivals.last() else { return Ok(any) };
            any = true;
            let row = last.row;
            self.take_policy();
            let mut changes = Vec::new();
            {
                let mut estate = self.state.estate.write().unwrap_or_else(PoisonError::into_inner);
                for arrival in &arrivals {
                    changes.extend(self.watch.observe(&mut estate, &arrival.event, arrival.mode));
                }
            }
            arrivals.iter().for_each(|arrival| self.coverage.observe(&arrival.event));
            self.publish(arrivals.iter().map(|arrival| arrival.event.time).max());
            self.tell(changes).await?;
            self.applied = row;
        }
    }

    /// Learns behaviour from the whole history anew, where its saved state was refused.
    async fn relearn(&mut self) -> Result<()> {
        let mut row = 0;
        while row < self.applied {
            let arrivals = self.state.events.arrivals(row, BATCH).await?;
            let Some(last) = arrivals.last() else { break };
            row = last.row;
            let applied = self.applied;
            let snapshot = self.watch.snapshot();
            for arrival in arrivals.iter().filter(|arrival| arrival.row <= applied) {
                self.watch.engine_mut().relearn(&arrival.event, &snapshot);
            }
        }
        Ok(())
    }

    /// Says where the pipeline stands, after events up to this time.
    fn publish(&self, latest: Option<Timestamp>) {
        let before = self.state.status.load_full();
        let engine = self.watch.engine();
        let status = Status {
            watermark: before.watermark.max(latest),
            learning: learning::of(engine),
            gaps: self.coverage.gaps(),
            coverage: Arc::new(self.coverage.clone()),
            entries: engine.entries().map(|(meta, entries)| (meta.slug, entries)).collect(),
            kinds: engine.kinds().clone(),
            repeated: engine.repeated(),
            ..(*before).clone()
        };
        self.state.status.store(Arc::new(status));
    }

    async fn tell(&self, changes: Vec<AlertChange>) -> Result<(), store::Error> {
        for change in changes {
            let kind = match change {
                AlertChange::Opened(_) => ChangeKind::Opened,
                AlertChange::Updated(_) => ChangeKind::Updated,
            };
            self.state.take_alert(kind, change.alert()).await?;
        }
        Ok(())
    }
}

/// What files held, ready for the pipeline: events in order of time with their hosts named. What earlier files taught the
/// resolver names the hosts of later ones.
#[must_use]
pub fn resolved(mut read: Collected, resolver: &mut Resolver) -> Collected {
    let mut named = Collected::default();
    let mut resolving = Resolving::new(resolver, &mut named);
    read.deltas.into_iter().for_each(|delta| resolving.directory(delta));
    load::sorted(&mut read.events);
    read.events.into_iter().for_each(|event| resolving.event(event));
    resolving.finish();
    named
}

/// What files held beside directories, which went into the graph as they were read.
pub struct Streamed {
    /// The events in order of time, their hosts named.
    pub events: Vec<Event>,
    /// What became of each file.
    pub report: Report,
    /// Parts of directories that were taken in.
    pub parts: usize,
}

/// Parts of a directory that are read and not yet in the graph: enough to keep both sides busy.
const WAITING: usize = 2;

/// Reads files on this thread and hands what directories say to `absorb` on another. Must not be called from inside the
/// rayon pool.
pub fn streamed(
    resolver: &mut Resolver,
    read: impl FnOnce(&mut dyn Sink) -> Report,
    absorb: impl FnMut(DirectoryDelta) + Send,
) -> Streamed {
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(WAITING);
        scope.spawn(move || receiver.into_iter().for_each(absorb));
        let mut intake = Intake { resolver, sender, events: Vec::new(), parts: 0 };
        let report = read(&mut intake);
        let Intake { resolver, events, parts, .. } = intake;
        let named = resolved(Collected { events, deltas: Vec::new() }, resolver);
        Streamed { events: named.events, report, parts }
    })
}

struct Intake<'a> {
    resolver: &'a mut Resolver,
    sender: std::sync::mpsc::SyncSender<DirectoryDelta>,
    events: Vec<Event>,
    parts: usize,
}

impl Sink for Intake<'_> {
    fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    fn directory(&mut self, delta: DirectoryDelta) {
        self.resolver.observe_directory(&delta);
        // Nobody receives only where the other thread panicked, which the scope passes on.
        self.parts += usize::from(self.sender.send(delta).is_ok());
    }
}

/// The standing of each file that gave these events; what merely lay beside is none.
#[must_use]
pub fn statuses(report: &Report, events: &[Event]) -> Vec<SourceStatus> {
    let mut spans: HashMap<&str, (Timestamp, Timestamp)> = HashMap::new();
    for event in events {
        let span = spans.entry(&event.provenance.source).or_insert((event.time, event.time));
        *span = (span.0.min(event.time), span.1.max(event.time));
    }
    let files = report.files.iter().filter(|file| !file.bystander);
    let status = |file: &load::FileReport| {
        let span = spans.get(file.path.as_str());
        SourceStatus {
            name: file.path.clone(),
            kind: file.kind.unwrap_or("unknown").into(),
            read: file.counters.read,
            events: file.counters.events,
            first_event_at: span.map(|(first, _)| *first),
            last_event_at: span.map(|(_, last)| *last),
            dropped: file.counters.dropped.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            error: file.error.as_ref().map(ToString::to_string),
        }
    };
    files.map(status).collect()
}

/// Keeps a second process out of the folder until this one ends, however it ends.
fn lock(data_dir: &Path) -> Result<File> {
    private::create_dir_all(data_dir).with_context(|| format!("{} cannot be made", data_dir.display()))?;
    let path = data_dir.join(LOCK);
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!(
                "{} is in use by another hopwatch; stop it, name another --data-dir, or send files to it by `hopwatch \
                 import --server URL`",
                data_dir.display()
            )
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

/// The folder's digest key, made of the system's randomness at the first use and readable by its owner alone.
fn digest_key(data_dir: &Path) -> Result<DigestKey> {
    let path = data_dir.join(KEY);
    if let Ok(bytes) = fs::read(&path) {
        let bytes: [u8; 32] =
            bytes.try_into().ok().with_context(|| format!("{} is no key of 32 bytes", path.display()))?;
        return Ok(DigestKey::new(bytes));
    }
    let bytes: [u8; 32] = rand::random();
    write_whole(&path, &[&bytes]).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(DigestKey::new(bytes))
}
