//! Loading of files: any supported file, folder or archive, told by content and not by name. One bad file has a named error;
//! the rest still loads.
//!
//! Files are read in the order of their paths. Small files are read side by side and handed on in that order, so that the
//! same input gives the same output; events of several files are put in order of time by [`sorted`] or by the consumer.

mod archive;
mod body;
mod kinds;
mod report;
mod walk;

use std::fs::File;
use std::path::{Path, PathBuf};

use hopwatch_model::{Event, Timestamp};
use rayon::prelude::*;

pub use body::{Body, Input};
pub use kinds::{SOURCES, Source};
pub use report::{FileReport, Report};
pub use walk::{Found, files};

use crate::error::{Error, Result};
use crate::secrets::DigestKey;
use crate::sink::{Collected, Sink};
use crate::sources::Context;

/// How files are loaded.
#[derive(Clone, Debug)]
pub struct Config {
    /// The installation's digest key.
    pub key: DigestKey,
    /// How many threads may work. Loading must not be started from inside the rayon pool.
    pub threads: usize,
    /// The time at which directory files count as collected where they do not say it; the caller owns the clock.
    pub now: Timestamp,
    /// Bounds against hostile archives.
    pub limits: Limits,
}

/// Bounds against hostile archives.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many archives may lie inside one another.
    pub depth: usize,
    /// The largest ratio of unpacked to packed bytes, once [`Limits::free_bytes`] are unpacked. Deflate reaches 1,030 with
    /// zeros; repetitive logs stay under 100.
    pub ratio: u64,
    /// Bytes that may be unpacked whatever the ratio.
    pub free_bytes: u64,
    /// The largest member that is held in memory because its format needs seeking (event logs and archives in archives).
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 4, ratio: 400, free_bytes: 256 << 20, memory_bytes: 1 << 30 }
    }
}

impl Config {
    /// The defaults with a key.
    #[must_use]
    pub fn new(key: DigestKey, now: Timestamp) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { key, threads, now, limits: Limits::default() }
    }
}

/// Who is told how far loading is.
pub trait Progress {
    /// Loading begins: so many files with so many bytes.
    fn started(&self, files: usize, bytes: u64);

    /// A file with so many bytes is done.
    fn finished(&self, path: &Path, bytes: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn started(&self, _files: usize, _bytes: u64) {}

    fn finished(&self, _path: &Path, _bytes: u64) {}
}

/// Files up to this size are read side by side; larger ones use the threads inside.
const SMALL_BYTES: u64 = 4 << 20;
/// How much is read side by side before it is handed on: bounds what waits in memory.
const BATCH_BYTES: u64 = 64 << 20;

/// Loads files, folders (recursively) and archives.
pub fn paths(paths: &[PathBuf], config: &Config, sink: &mut dyn Sink, progress: &dyn Progress) -> Report {
    let mut report = Report::default();
    let found = files(paths, &mut report);
    progress.started(found.len(), found.iter().map(|file| file.bytes).sum());
    let mut rest = found.as_slice();
    while let Some(first) = rest.first() {
        let batch = small_batch(rest);
        if batch < 2 {
            let reports = file(first, &first.name(), config, config.threads, sink);
            report.files.extend(reports);
            progress.finished(&first.path, first.bytes);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (now, later) = rest.split_at(batch);
        let loaded: Vec<(Collected, Vec<FileReport>)> = now
            .par_iter()
            .map(|one| {
                let mut collected = Collected::default();
                let reports = file(one, &one.name(), config, 1, &mut collected);
                (collected, reports)
            })
            .collect();
        for (one, (collected, reports)) in now.iter().zip(loaded) {
            collected.events.into_iter().for_each(|event| sink.event(event));
            collected.deltas.into_iter().for_each(|delta| sink.directory(delta));
            report.files.extend(reports);
            progress.finished(&one.path, one.bytes);
        }
        rest = later;
    }
    report
}

/// Loads one file under a name that is not its path: what was received over the network lies under a name of its own, and
/// its records must bear the sender's.
pub fn received(found: &Found, name: &str, config: &Config, sink: &mut dyn Sink) -> Report {
    Report { files: file(found, name, config, config.threads, sink) }
}

/// How many of the next files are small and fit one batch.
fn small_batch(files: &[Found]) -> usize {
    let mut bytes = 0;
    files
        .iter()
        .take_while(|file| {
            bytes += file.bytes;
            file.bytes <= SMALL_BYTES && bytes <= BATCH_BYTES
        })
        .count()
}

fn file(found: &Found, name: &str, config: &Config, threads: usize, sink: &mut dyn Sink) -> Vec<FileReport> {
    let name = name.to_owned();
    let mut loader = Loader { config, threads, sink, named: found.named, reports: Vec::new() };
    match File::open(&found.path) {
        Ok(file) => loader.body(name, Body::File(file), 0),
        Err(error) => loader.reports.push(FileReport::failed(name, Error::Open(error))),
    }
    loader.reports
}

/// Loads one file with all that is packed in it.
struct Loader<'a> {
    config: &'a Config,
    threads: usize,
    sink: &'a mut dyn Sink,
    /// Whether the user named the file himself: then an unknown kind is an error, not a bystander.
    named: bool,
    reports: Vec<FileReport>,
}

impl Loader<'_> {
    fn body(&mut self, name: String, body: Body<'_>, depth: usize) {
        let result = Input::open(body, &self.config.limits).and_then(|input| self.input(&name, input, depth));
        if let Err(error) = result {
            self.reports.push(self.failure(name, error));
        }
    }

    /// Unpacks or reads an input; an error here concerns the file as a whole and nothing was reported for it yet.
    fn input(&mut self, name: &str, mut input: Input<'_>, depth: usize) -> Result<()> {
        if input.head.is_empty() {
            return Err(Error::Empty);
        }
        if archive::packed(&input.head) {
            if depth >= self.config.limits.depth {
                return Err(Error::Hostile { reason: format!("more than {depth} archives inside one another") });
            }
            return archive::unpack(input, &self.config.limits, &mut |member, body| {
                let name = if member.is_empty() { name.to_owned() } else { format!("{name}/{member}") };
                match body {
                    Ok(body) => self.body(name, body, depth + 1),
                    Err(error) => {
                        let report = self.failure(name, error);
                        self.reports.push(report);
                    }
                }
            });
        }
        input.decode_text();
        let source = SOURCES.iter().find(|source| (source.recognises)(&input.head)).ok_or(Error::Unknown)?;
        let mut context = Context::new(name, &self.config.key, self.threads, &mut *self.sink);
        context.now = self.config.now;
        let result = (source.read)(input, &mut context);
        let error = result.err().map(body::renamed).or_else(|| kinds::useless(source, &context.counters));
        let counters = context.counters;
        let mut report = match error {
            Some(error) => self.failure(name.to_owned(), error),
            None => FileReport::loaded(name.to_owned()),
        };
        report.kind = Some(source.kind);
        report.counters = counters;
        self.reports.push(report);
        Ok(())
    }

    fn failure(&self, name: String, error: Error) -> FileReport {
        let mut report = FileReport::failed(name, error);
        report.bystander = !self.named && matches!(report.error, Some(Error::Unknown));
        report
    }
}

/// Puts events of several sources in the order of time; equal times keep the order of source and record.
pub fn sorted(events: &mut [Event]) {
    events.sort_by(|a, b| {
        (a.time, &a.provenance.source, a.provenance.record).cmp(&(b.time, &b.provenance.source, b.provenance.record))
    });
}
