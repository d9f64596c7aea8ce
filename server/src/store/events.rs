//! The event history: every event that was acknowledged, found again by time, kind and entity.
//!
//! This default keeps it in the state's own SQLite file: events lie in compressed blocks, beside them a row per event to
//! filter by and postings per entity. It serves a lab or a small estate; the trait is the seam for columnar segments.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use hopwatch_detections::Mode;
use hopwatch_model::{Event, Timestamp};

use super::page::{Page, PageRequest};
use super::{Error, Result, Store, event_index, event_query};

/// Events in a block: enough for zstd to find what repeats, few enough that one event is read in microseconds.
const BLOCK: usize = 64;
/// The level of zstd: the fastest that still finds the repeated field names.
const LEVEL: i32 = 1;
/// Digests looked up in one statement; SQLite takes 32 766 parameters.
const LOOKUP: usize = 4096;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Events that are new and now durable.
    pub stored: u64,
    /// Events that were there already, by their content digest.
    pub repeated: u64,
}

/// An event of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its id: the content digest in hexadecimal.
    pub id: String,
    /// Its place among events of the same time.
    pub row: i64,
    /// The event.
    pub event: Event,
    /// What it was stored for: to be judged, or to be learned from.
    pub mode: Mode,
}

/// Which events. Everything that is set must match; an empty list of kinds matches all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFilter {
    /// Kinds of activity by name (`tgs_exchange`).
    pub what: Vec<String>,
    /// A part of an account's name, a host's name, an address or a SID; case does not matter.
    pub text: Option<String>,
    /// Keys of entities of which any takes part; see [`super::keys`]. `Some` of nothing matches nothing.
    pub keys: Option<Vec<String>>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
}

/// The seam of the event history.
///
/// # Contract
/// [`Self::append`] returns once the batch survives a crash; only then may a source be told that its events arrived. A
/// batch is stored whole or not at all. An event whose content digest is known changes nothing.
pub trait EventHistory: Send + Sync {
    /// Stores a batch, and with it whether it is judged or only learned from: whoever reads it after a crash must know.
    fn append_as<'a>(&'a self, events: &'a [Event], mode: Mode) -> BoxFuture<'a, Result<Appended>>;

    /// Stores a batch to be judged.
    fn append<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<Appended>> {
        self.append_as(events, Mode::Judging)
    }

    /// A page of matching events, newest first.
    fn query<'a>(&'a self, filter: &'a EventFilter, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<StoredEvent>>>;

    /// How many events match.
    fn count<'a>(&'a self, filter: &'a EventFilter) -> BoxFuture<'a, Result<u64>>;

    /// One event by its id.
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredEvent>>>;

    /// The times of the first and the last event.
    fn span(&self) -> BoxFuture<'_, Result<Option<(Timestamp, Timestamp)>>>;

    /// All events in time order from a time on, in batches: for a replay into detections after a restart.
    fn replay<'a>(&'a self, since: Timestamp, after_row: i64, limit: u32) -> BoxFuture<'a, Result<Vec<StoredEvent>>>;

    /// Events in the order in which they arrived, after a row: what a checkpoint has not seen yet.
    fn arrivals<'a>(&'a self, after_row: i64, limit: u32) -> BoxFuture<'a, Result<Vec<StoredEvent>>>;

    /// Successful logons of an account by its key, in counts per hour of the week (UTC, Monday 00 first).
    fn logon_hours<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<BTreeMap<String, Vec<u64>>>>;
}

/// The event history in SQLite.
#[derive(Clone, Debug)]
pub struct SqliteEvents {
    pub(crate) store: Store,
}

impl SqliteEvents {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn append_batch(&self, events: &[Event], mode: Mode) -> Result<Appended> {
        let mut transaction = self.store.writer.begin().await?;
        let fresh = fresh(&mut transaction, events).await?;
        for block in fresh.chunks(BLOCK) {
            let body = pack(block)?;
            let sql = "INSERT INTO event_blocks (body) VALUES (?) RETURNING id";
            let (block_id,): (i64,) = sqlx::query_as(sql).bind(body).fetch_one(&mut *transaction).await?;
            event_index::add(&mut transaction, block_id, block, mode).await?;
        }
        transaction.commit().await?;
        let stored = u64::try_from(fresh.len()).unwrap_or(0);
        let total = u64::try_from(events.len()).unwrap_or(0);
        metrics::counter!("hopwatch_events_stored_total").increment(stored);
        metrics::counter!("hopwatch_events_dropped_total", "reason" => "repeated").increment(total - stored);
        Ok(Appended { stored, repeated: total - stored })
    }
}

impl EventHistory for SqliteEvents {
    fn append_as<'a>(&'a self, events: &'a [Event], mode: Mode) -> BoxFuture<'a, Result<Appended>> {
        Box::pin(self.append_batch(events, mode))
    }

    fn query<'a>(&'a self, filter: &'a EventFilter, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<StoredEvent>>> {
        Box::pin(event_query::page(&self.store, filter, page))
    }

    fn count<'a>(&'a self, filter: &'a EventFilter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(event_query::count(&self.store, filter))
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<StoredEvent>>> {
        Box::pin(event_query::get(&self.store, id))
    }

    fn span(&self) -> BoxFuture<'_, Result<Option<(Timestamp, Timestamp)>>> {
        Box::pin(event_query::span(&self.store))
    }

    fn replay<'a>(&'a self, since: Timestamp, after_row: i64, limit: u32) -> BoxFuture<'a, Result<Vec<StoredEvent>>> {
        Box::pin(event_query::replay(&self.store, since, after_row, limit))
    }

    fn arrivals<'a>(&'a self, after_row: i64, limit: u32) -> BoxFuture<'a, Result<Vec<StoredEvent>>> {
        Box::pin(event_query::arrivals(&self.store, after_row, limit))
    }

    fn logon_hours<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<BTreeMap<String, Vec<u64>>>> {
        Box::pin(event_query::logon_hours(&self.store, keys))
    }
}

/// The events of a batch that are not stored yet; of several with one digest the first.
async fn fresh<'a>(transaction: &mut sqlx::SqliteTransaction<'_>, events: &'a [Event]) -> Result<Vec<&'a Event>> {
    let mut known = BTreeSet::new();
    for chunk in events.chunks(LOOKUP) {
        let mut query = sqlx::QueryBuilder::new("SELECT digest FROM events WHERE 1");
        super::alerts::one_of(&mut query, "digest", chunk.iter().map(digest));
        let rows: Vec<(i64,)> = query.build_query_as().fetch_all(&mut **transaction).await?;
        known.extend(rows.into_iter().map(|(digest,)| digest));
    }
    Ok(events.iter().filter(|event| known.insert(digest(event))).collect())
}

/// The content digest as SQLite keeps it: the same 64 bits, signed.
pub(crate) fn digest(event: &Event) -> i64 {
    event.provenance.digest.cast_signed()
}

fn pack(events: &[&Event]) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(events).map_err(|source| Error::Document { what: "block of events", source })?;
    zstd::bulk::compress(&json, LEVEL).map_err(Error::Block)
}

/// The events of a block.
pub(crate) fn unpack(body: &[u8]) -> Result<Vec<Event>> {
    let json = zstd::stream::decode_all(body).map_err(Error::Block)?;
    serde_json::from_slice(&json).map_err(|source| Error::Document { what: "block of events", source })
}
