//! The server's own capture: `[[sources]]` of kind `capture`. Same threads as a sensor's; the events go to the feed
//! without a way over disk and network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::capture::live::{self, Options};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{Config, SourceForm};
use crate::feed::Feed;
use crate::sensor::Health;
use crate::store::SourceStatus;

/// Batches that wait for the feed; beyond it events are dropped and counted, since the wire does not wait.
const WAITING: usize = 16;
/// The most memory of a capture inside the server.
const MEMORY_BYTES: usize = 150 << 20;

/// What is being watched.
pub struct Watching {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Watching {
    /// Ends the captures; what they hold reaches the feed.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _broken = task.await.is_err();
        }
    }
}

/// Starts the captures of a configuration.
///
/// # Errors
/// Where a thread cannot be made. An interface that cannot be captured on is told in the log and on the health page.
pub fn start(config: &Config, key: &DigestKey, feed: &Feed) -> Result<Watching> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for source in &config.sources {
        let SourceForm::Capture { interface } = &source.form else { continue };
        let options = Options {
            interface: interface.clone(),
            source: source.name.clone(),
            threads: 1,
            cpu_percent: 100,
            memory_bytes: MEMORY_BYTES,
            key: key.clone(),
        };
        let (sender, batches) = mpsc::channel(WAITING);
        let (stop, feed) = (Arc::clone(&stop), feed.clone());
        let name = source.name.clone();
        std::thread::Builder::new()
            .name(format!("capture {interface}"))
            .spawn(move || capture(&options, &stop, &sender))
            .with_context(|| format!("no thread for the capture on {interface}"))?;
        tasks.push(tokio::spawn(forward(name, batches, feed)));
    }
    Ok(Watching { stop, tasks })
}

/// What a capture's thread tells.
enum Told {
    Batch(live::Batch),
    Ended(std::io::Error),
}

fn capture(options: &Options, stop: &AtomicBool, sender: &mpsc::Sender<Told>) {
    let ended = live::run(options, stop, &|batch| {
        if let Err(mpsc::error::TrySendError::Full(Told::Batch(mut batch))) = sender.try_send(Told::Batch(batch)) {
            let lost = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
            batch.events = Vec::new();
            *batch.counters.dropped.entry("events lost: the server is behind").or_default() += lost;
            let _gone = sender.blocking_send(Told::Batch(batch)).is_err();
        }
    });
    if let Err(error) = ended {
        tracing::error!(%error, interface = options.interface, "the capture ended");
        let _gone = sender.blocking_send(Told::Ended(error)).is_err();
    }
}

async fn forward(name: String, mut batches: mpsc::Receiver<Told>, feed: Feed) {
    let mut health = Health::default();
    while let Some(told) = batches.recv().await {
        let (events, error) = match told {
            Told::Batch(batch) => {
                health.count(&batch.counters);
                (batch.events, None)
            }
            Told::Ended(error) => (Vec::new(), Some(error.to_string())),
        };
        let times = || events.iter().map(|event| event.time);
        let standing = SourceStatus {
            name: name.clone(),
            kind: "capture".into(),
            read: health.read,
            events: health.events,
            first_event_at: times().min(),
            last_event_at: times().max(),
            dropped: health.dropped.clone(),
            error,
        };
        if let Err(error) = feed.live(events, standing).await {
            tracing::error!(error = format!("{error:#}"), source.name = name, "captured events could not be stored");
        }
    }
}
