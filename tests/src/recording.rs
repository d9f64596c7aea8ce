//! Recordings judged in memory as `hopwatch analyze` judges them, each file read once however often it is judged.
//! `lab_scenarios` checks that the command says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hopwatch::watch::Watch;
use hopwatch_detections::Mode;
use hopwatch_detections::engine::Settings;
use hopwatch_graph::{Config, Estate};
use hopwatch_ingest::load::{self, Quiet, Report};
use hopwatch_ingest::resolution::{Resolver, Resolving};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{DigestKey, Sink};
use hopwatch_model::{Alert, Event, Timestamp};

/// A file as it was read, before its hosts are resolved.
#[derive(Debug, Default)]
pub struct Recording {
    /// Its events and directory deltas, in the file's order.
    pub collected: Collected,
    /// What became of it.
    pub report: Report,
}

impl Recording {
    /// Reads files, folders or archives.
    #[must_use]
    pub fn read(paths: &[PathBuf]) -> Self {
        let mut collected = Collected::default();
        let config = load::Config::new(DigestKey::one_shot(), Timestamp::from_secs(0));
        let report = load::paths(paths, &config, &mut collected, &Quiet);
        Self { collected, report }
    }

    /// The events by kind of activity.
    #[must_use]
    pub fn activities(&self) -> BTreeMap<&'static str, Vec<&Event>> {
        let mut kinds: BTreeMap<&'static str, Vec<&Event>> = BTreeMap::new();
        for event in &self.collected.events {
            kinds.entry(event.activity.name()).or_default().push(event);
        }
        kinds
    }
}

/// The alerts of `judged`, with `history` learned from and `directory` known.
///
/// # Panics
/// Where the default settings do not fit the catalogue, which is a failed test.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a helper of tests fails as tests do")]
pub fn judge(directory: &[&Recording], history: &[&Recording], judged: &[&Recording]) -> Vec<Alert> {
    let mut estate = Estate::new(Config::default());
    let mut watch = Watch::new(&Settings::default(), &estate).unwrap();
    let mut resolver = Resolver::default();
    let mut parts = [directory, history, judged].map(|part| {
        let resolved = resolve(part, &mut resolver);
        if !part.is_empty() {
            resolved.deltas.iter().for_each(|delta| watch.directory(&mut estate, delta));
            watch.rebuild(&mut estate);
        }
        resolved.events
    });
    let events = std::mem::take(&mut parts[2]);
    for event in parts.iter().flatten() {
        watch.observe(&mut estate, event, Mode::Learning);
    }
    watch.begin_judging(&mut estate);
    for event in &events {
        watch.observe(&mut estate, event, Mode::Judging);
    }
    watch.finish(&mut estate, Mode::Judging);
    watch.engine().alerts().into_iter().cloned().collect()
}

fn resolve(recordings: &[&Recording], resolver: &mut Resolver) -> Collected {
    let mut named = Collected::default();
    let mut resolving = Resolving::new(resolver, &mut named);
    let deltas = recordings.iter().flat_map(|recording| &recording.collected.deltas);
    deltas.for_each(|delta| resolving.directory(delta.clone()));
    let mut events: Vec<Event> = recordings.iter().flat_map(|recording| &recording.collected.events).cloned().collect();
    load::sorted(&mut events);
    events.into_iter().for_each(|event| resolving.event(event));
    resolving.finish();
    named
}

/// The slugs of alerts.
#[must_use]
pub fn slugs(alerts: &[Alert]) -> BTreeSet<String> {
    alerts.iter().map(|alert| alert.detection.clone()).collect()
}

/// Whether a detection is in the catalogue.
#[must_use]
pub fn built(slug: &str) -> bool {
    hopwatch_detections::ALL.iter().any(|factory| factory.meta().slug == slug)
}

/// The file name of a source, without its folders: goldens must not depend on where the repository lies.
#[must_use]
pub fn file_name(source: &str) -> &str {
    Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or(source)
}
