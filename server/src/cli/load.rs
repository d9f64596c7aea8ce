//! What the commands that read files share: load them, tell what became of each, and put events in order of time.

use std::path::PathBuf;

use hopwatch_ingest::load::{self, Config, Report};
use hopwatch_ingest::resolution::Resolver;
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{DigestKey, Sink};
use hopwatch_model::DirectoryDelta;

use super::progress::Bar;
use crate::clock;
use crate::pipeline::{Streamed, resolved, streamed};

/// Files in memory: deltas as they came, events in order of time with their hosts resolved. What earlier files taught the
/// resolver names the hosts of later ones.
pub(crate) fn collect(paths: &[PathBuf], key: &DigestKey, resolver: &mut Resolver) -> (Collected, Report) {
    collect_with(paths, &Config::new(key.clone(), clock::now()), resolver)
}

/// The same with the loader's settings given.
pub(crate) fn collect_with(paths: &[PathBuf], config: &Config, resolver: &mut Resolver) -> (Collected, Report) {
    let mut read = Collected::default();
    let bar = Bar::new();
    let report = load::paths(paths, config, &mut read, &bar);
    drop(bar);
    (resolved(read, resolver), report)
}

/// Reads files and hands what directories say to `absorb` while the next of it is read.
pub(crate) fn stream(
    paths: &[PathBuf],
    key: &DigestKey,
    resolver: &mut Resolver,
    absorb: impl FnMut(DirectoryDelta) + Send,
) -> Streamed {
    streamed(resolver, |sink| read(paths, key, sink), absorb)
}

/// Reads files into a sink, with a progress bar.
pub(crate) fn read(paths: &[PathBuf], key: &DigestKey, sink: &mut dyn Sink) -> Report {
    let bar = Bar::new();
    load::paths(paths, &Config::new(key.clone(), clock::now()), sink, &bar)
}

/// Tells on stderr what failed and what was dropped; the whole report where `verbose`.
pub(crate) fn tell(report: &Report, verbose: bool) {
    if verbose {
        eprintln!("{report}");
        return;
    }
    for file in report
        .files
        .iter()
        .filter(|file| (file.error.is_some() && !file.bystander) || !file.counters.dropped.is_empty())
    {
        eprintln!("{file}");
    }
}
