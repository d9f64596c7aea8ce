//! Where all live sources meet: their events get the names of hosts, in order of time within a batch, and go on to the feed;
//! the standing of each source goes to the store.

use std::collections::BTreeMap;

use hopwatch_detections::Mode;
use hopwatch_ingest::Counters;
use hopwatch_ingest::resolution::Resolver;
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{Event, Timestamp};
use tokio::sync::mpsc;

use crate::clock;
use crate::feed::Feed;
use crate::pipeline::resolved;
use crate::state::State;
use crate::store::SourceStatus;

/// Batches that wait; a source whose batch does not fit waits with its next.
const QUEUE: usize = 16;
/// Microseconds by which an event's time may be ahead of this host's clock. What is further ahead would move the
/// detections' clock with it and blind their windows.
const AHEAD_MICROS: i64 = 15 * 60 * 1_000_000;

/// Events of one source, with its standing.
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) events: Vec<Event>,
    pub(super) counters: Counters,
    /// Why it does not work at the moment, where it does not.
    pub(super) error: Option<String>,
}

/// The sources' end of the queue.
#[derive(Clone)]
pub(super) struct Hub {
    batches: mpsc::Sender<Batch>,
}

impl Hub {
    pub(super) fn start(state: &State, feed: &Feed) -> Self {
        let (batches, queue) = mpsc::channel(QUEUE);
        let worker = Worker {
            state: State::clone(state),
            feed: feed.clone(),
            resolver: Resolver::default(),
            standings: BTreeMap::new(),
        };
        tokio::spawn(worker.run(queue));
        Self { batches }
    }

    /// Hands a batch on; waits where the pipeline is behind.
    pub(super) async fn send(&self, batch: Batch) {
        // It ends with the server alone.
        let _sent = self.batches.send(batch).await.is_ok();
    }
}

/// What is known of a source.
#[derive(Default)]
struct Standing {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    dropped: BTreeMap<&'static str, u64>,
    ahead: u64,
}

struct Worker {
    state: State,
    feed: Feed,
    resolver: Resolver,
    standings: BTreeMap<String, Standing>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Batch>) {
        while let Some(batch) = queue.recv().await {
            self.take(batch).await;
        }
    }

    async fn take(&mut self, mut batch: Batch) {
        let standing = self.standings.entry(batch.name.clone()).or_default();
        let limit = clock::now().shifted(AHEAD_MICROS);
        let before = batch.events.len();
        batch.events.retain(|event| event.time <= limit);
        standing.ahead += u64::try_from(before - batch.events.len()).unwrap_or(0);
        if standing.ahead > 0 {
            batch.counters.dropped.insert("event from the future: the sender's clock is ahead", standing.ahead);
            batch.counters.events = batch.counters.events.saturating_sub(standing.ahead);
        }
        for event in &batch.events {
            standing.first = Some(standing.first.map_or(event.time, |first| first.min(event.time)));
            standing.last = Some(standing.last.map_or(event.time, |last| last.max(event.time)));
        }
        for (reason, count) in &batch.counters.dropped {
            let before = standing.dropped.insert(reason, *count).unwrap_or(0);
            let labels = [("source", batch.kind.to_owned()), ("reason", (*reason).to_owned())];
            metrics::counter!("hopwatch_records_dropped_total", &labels).increment(count.saturating_sub(before));
        }
        if let Some(last) = standing.last {
            let lag = clock::now().since(last).as_secs_f64();
            metrics::gauge!("hopwatch_source_lag_seconds", "source" => batch.name.clone()).set(lag);
        }
        let status = SourceStatus {
            name: batch.name,
            kind: batch.kind.into(),
            read: batch.counters.read,
            events: batch.counters.events,
            first_event_at: standing.first,
            last_event_at: standing.last,
            dropped: batch.counters.dropped.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
            error: batch.error,
        };
        if !batch.events.is_empty() {
            let read = Collected { events: batch.events, deltas: Vec::new() };
            let named = resolved(read, &mut self.resolver);
            if let Err(error) = self.feed.events(named.events, Mode::Judging).await {
                tracing::error!(error = %crate::graphql::error::chain(&error), source.name = status.name, "events were lost");
            }
        }
        if let Err(error) = self.state.store.put_source(&status).await {
            tracing::error!(error = %crate::graphql::error::chain(&error), source.name = status.name, "no standing kept");
        }
    }
}
