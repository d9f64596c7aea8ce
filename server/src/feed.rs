//! The one way into a running server: a queue in front of the pipeline, which works on a thread of its own. Whoever sends
//! something waits for the answer, and is answered once it survives a crash.
//!
//! Work is done one piece after another: two imports at the same time are two imports in a row. A full queue makes the
//! sender wait, so that memory stays bounded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use hopwatch_detections::Mode;
use hopwatch_detections::why_not::Answer;
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::load::{self, FileReport, Found};
use hopwatch_ingest::resolution::Resolver;
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{DirectoryDelta, Event};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::pipeline::{Pipeline, resolved};
use crate::state::State;
use crate::store::{Appended, SourceStatus};
use crate::why_not::Question;

/// Pieces of work that wait. Files wait on disk, so that this bounds little more than senders.
const QUEUE: usize = 64;
/// Settling waits this many times as long as it last took, so that a stream of small batches spends a tenth of its time on
/// it at most.
const SETTLE_SHARE: u32 = 9;
/// The folder, in the data folder, of files that were received and not read yet.
const INCOMING: &str = "incoming";

/// A file that was received.
#[derive(Debug)]
pub struct Upload {
    /// Where it lies.
    pub spool: Spool,
    /// Its size.
    pub bytes: u64,
    /// The name that its records bear.
    pub name: String,
    /// Whether it lay in a folder that was sent as a whole: then an unknown kind is no failure.
    pub beside: bool,
    /// Whether it is judged or only learned from.
    pub mode: Mode,
}

/// A file in the folder of received files; it is removed when nobody needs it any more, also where its sender went away.
#[derive(Debug)]
pub struct Spool(PathBuf);

impl Spool {
    /// A new name in a folder; the file is not made yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.join(format!("{:032x}", rand::random::<u128>())))
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %self.0.display(), "a received file stays behind"),
        }
    }
}

/// What became of a file that was sent, as the server answers it and the command line reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// One entry a file or archive member.
    pub files: Vec<Received>,
    /// Records that were read.
    pub read: u64,
    /// Events that were made.
    pub events: u64,
    /// Events that are new and now durable.
    pub stored: u64,
    /// Events that were stored before and change nothing.
    pub repeated: u64,
    /// Parts of directories that were taken in.
    pub directory_parts: usize,
    /// 0 where everything loaded, 1 where a file failed or nothing was loaded at all.
    pub exit_code: u8,
}

/// What became of one file or archive member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// Its name; members of archives follow after a slash.
    pub path: String,
    /// What it was told to be.
    pub kind: Option<String>,
    /// Records that were read.
    pub read: u64,
    /// Events that were made.
    pub events: u64,
    /// What deliberately makes no event, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// What was lost, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Whether it merely lies beside the files that were meant.
    pub bystander: bool,
    /// Why it failed, where it did.
    pub error: Option<Fault>,
    /// All of it in a line for people.
    pub line: String,
}

/// Why a file failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A short name for programs.
    pub code: String,
    /// The reason in words.
    pub reason: String,
}

/// Why a piece of work was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline has stopped.
    #[error("the pipeline has stopped")]
    Stopped,
    /// The pipeline failed at it; what was stored before stays.
    #[error("the pipeline failed")]
    Failed(#[source] anyhow::Error),
}

enum Job {
    File(Upload, oneshot::Sender<Result<Receipt>>),
    Events(Vec<Event>, Mode, oneshot::Sender<Result<()>>),
    Live(Vec<Event>, Box<SourceStatus>, oneshot::Sender<Result<Appended>>),
    Directory(Vec<DirectoryDelta>, oneshot::Sender<Result<()>>),
    Finish(Mode, oneshot::Sender<Result<()>>),
    WhyNot(Question, oneshot::Sender<Result<Option<Answer>>>),
    Stop(oneshot::Sender<Result<()>>),
}

/// The queue's end for senders. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    jobs: mpsc::Sender<Job>,
    incoming: PathBuf,
}

impl Feed {
    /// Puts a pipeline to work on a thread of its own and makes it known to the state, from which requests take it.
    ///
    /// # Errors
    /// Where the folder for received files or the thread cannot be made.
    pub fn start(pipeline: Pipeline) -> Result<Self> {
        let key = pipeline.key()?;
        let state = State::clone(pipeline.state());
        let incoming = state.store.data_dir().join(INCOMING);
        clear(&incoming)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let worker = Worker { pipeline, key, resolver: Resolver::default(), unsettled: false, due: clock::instant() };
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("pipeline".into()).spawn(move || runtime.block_on(worker.run(queue)))?;
        let feed = Self { jobs, incoming };
        // A state has one pipeline: the folder's lock keeps a second one out.
        let _first = state.feed.get_or_init(|| feed.clone());
        Ok(feed)
    }

    /// Whether the pipeline still works.
    #[must_use]
    pub fn alive(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Where files are received.
    #[must_use]
    pub fn incoming(&self) -> &Path {
        &self.incoming
    }

    /// Reads a file; on return what it held survives a crash.
    ///
    /// # Errors
    /// Where the pipeline fails. A bad file is no error: the receipt says it.
    pub async fn file(&self, upload: Upload) -> Result<Receipt, Error> {
        self.ask(|answer| Job::File(upload, answer)).await
    }

    /// Takes in events in order of time.
    ///
    /// # Errors
    /// Where the pipeline fails.
    pub async fn events(&self, events: Vec<Event>, mode: Mode) -> Result<(), Error> {
        self.ask(|answer| Job::Events(events, mode, answer)).await
    }

    /// Takes in events of a live source, in any order and with their hosts not named yet, and notes its standing.
    ///
    /// # Errors
    /// Where the pipeline fails.
    pub async fn live(&self, events: Vec<Event>, standing: SourceStatus) -> Result<Appended, Error> {
        self.ask(|answer| Job::Live(events, Box::new(standing), answer)).await
    }

    /// Takes in what a directory says that is asked again and again.
    ///
    /// # Errors
    /// Where the pipeline fails.
    pub async fn directory(&self, deltas: Vec<DirectoryDelta>) -> Result<(), Error> {
        self.ask(|answer| Job::Directory(deltas, answer)).await
    }

    /// A recording ended: raises what detections only decide when time goes on.
    ///
    /// # Errors
    /// Where the pipeline fails.
    pub async fn finish(&self, mode: Mode) -> Result<(), Error> {
        self.ask(|answer| Job::Finish(mode, answer)).await
    }

    /// Why a detection did not fire; `None` where there is no such detection.
    ///
    /// # Errors
    /// Where the pipeline fails.
    pub async fn why_not(&self, question: Question) -> Result<Option<Answer>, Error> {
        self.ask(|answer| Job::WhyNot(question, answer)).await
    }

    /// Ends the pipeline after the work that was sent before.
    pub async fn stop(&self) {
        // One that has stopped already is as good.
        let _gone = self.ask(Job::Stop).await.is_err();
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).await.map_err(|_| Error::Stopped)?;
        answered.await.map_err(|_| Error::Stopped)?.map_err(Error::Failed)
    }
}

/// What works on the thread.
struct Worker {
    pipeline: Pipeline,
    key: DigestKey,
    /// What earlier files taught of names serves later ones.
    resolver: Resolver,
    /// Whether events came since the pipeline last settled.
    unsettled: bool,
    /// When it may settle again.
    due: Instant,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        loop {
            let job = tokio::select! {
                job = queue.recv() => job,
                () = tokio::time::sleep_until(self.due.into()), if self.unsettled => {
                    self.settle_aside().await;
                    continue;
                }
            };
            let Some(job) = job else { break };
            // A sender that went away does not wait for the answer; the work was done all the same.
            let _heard = match job {
                Job::File(upload, answer) => answer.send(self.file(&upload).await).is_ok(),
                Job::Events(events, mode, answer) => answer.send(self.events(&events, mode).await).is_ok(),
                Job::Live(events, standing, answer) => answer.send(self.live(events, &standing).await).is_ok(),
                Job::Directory(deltas, answer) => answer.send(self.pipeline.directory(&deltas).await).is_ok(),
                Job::Finish(mode, answer) => answer.send(self.finish(mode).await).is_ok(),
                Job::WhyNot(question, answer) => answer.send(self.why_not(&question).await).is_ok(),
                Job::Stop(answer) => {
                    self.settle_aside().await;
                    drop(self);
                    let _heard = answer.send(Ok(())).is_ok();
                    return;
                }
            };
        }
        self.settle_aside().await;
    }

    async fn file(&mut self, upload: &Upload) -> Result<Receipt> {
        let started = clock::instant();
        let found = Found { path: upload.spool.path().to_owned(), bytes: upload.bytes, named: !upload.beside };
        let mut read = Collected::default();
        let config = load::Config::new(self.key.clone(), clock::now());
        let report = load::received(&found, &upload.name, &config, &mut read);
        let collected = resolved(read, &mut self.resolver);
        let taken = self.pipeline.take(&collected, &report, upload.mode).await?;
        metrics::histogram!("hopwatch_import_seconds").record(started.elapsed());
        tracing::info!(source.name = upload.name, events = collected.events.len(), taken.stored, "a file was imported");
        let counters = report.counters();
        Ok(Receipt {
            files: report.files.iter().map(Received::from).collect(),
            read: counters.read,
            events: counters.events,
            stored: taken.stored,
            repeated: taken.repeated,
            directory_parts: collected.deltas.len(),
            exit_code: report.exit_code(),
        })
    }

    /// Once they are stored they survive a crash; the walk over the whole graph that settling is may wait.
    async fn events(&mut self, events: &[Event], mode: Mode) -> Result<()> {
        self.pipeline.events(events, mode).await?;
        self.unsettled = true;
        if clock::instant() < self.due {
            return Ok(());
        }
        self.settle().await
    }

    /// What exclusions and rules say now counts, also where no event came since.
    async fn why_not(&mut self, question: &Question) -> Result<Option<Answer>> {
        self.pipeline.take_policy();
        self.pipeline.why_not(question).await
    }

    async fn live(&mut self, events: Vec<Event>, standing: &SourceStatus) -> Result<Appended> {
        let named = resolved(Collected { events, deltas: Vec::new() }, &mut self.resolver);
        let taken = self.pipeline.events(&named.events, Mode::Judging).await?;
        self.pipeline.state().store.put_source(standing).await?;
        self.unsettled |= taken.stored > 0;
        if self.unsettled && clock::instant() >= self.due {
            self.settle().await?;
        }
        Ok(taken)
    }

    async fn finish(&mut self, mode: Mode) -> Result<()> {
        self.pipeline.finish(mode).await?;
        self.settle().await
    }

    async fn settle(&mut self) -> Result<()> {
        let started = clock::instant();
        let settled = self.pipeline.settle().await;
        self.unsettled = false;
        self.due = clock::instant() + started.elapsed() * SETTLE_SHARE;
        settled
    }

    /// Nobody waits for the answer: the log gets it, and the next try comes with the next events.
    async fn settle_aside(&mut self) {
        if self.unsettled
            && let Err(error) = self.settle().await
        {
            tracing::error!(
                error = format!("{error:#}"),
                "the checkpoint was not written; the history holds the events"
            );
        }
    }
}

impl From<&FileReport> for Received {
    fn from(file: &FileReport) -> Self {
        let owned = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect()
        };
        let fault = |error: &hopwatch_ingest::Error| Fault {
            code: error.code().into(),
            reason: crate::graphql::error::chain(error),
        };
        Self {
            path: file.path.clone(),
            kind: file.kind.map(Into::into),
            read: file.counters.read,
            events: file.counters.events,
            ignored: owned(&file.counters.ignored),
            dropped: owned(&file.counters.dropped),
            bystander: file.bystander,
            error: file.error.as_ref().map(fault),
            line: file.to_string(),
        }
    }
}

/// Makes the folder of received files anew: what a crash left there was never acknowledged, and is sent again.
fn clear(folder: &Path) -> Result<()> {
    let clear = || -> std::io::Result<()> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        crate::private::create_dir_all(folder)
    };
    clear().with_context(|| format!("{} cannot be made anew", folder.display()))
}
