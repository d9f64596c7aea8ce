//! Reads the event history: pages, counts, single events, replays.

use std::collections::BTreeMap;

use hopwatch_detections::Mode;
use hopwatch_model::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use super::alerts::one_of;
use super::events::{EventFilter, StoredEvent, unpack};
use super::page::{Page, PageRequest};
use super::reports::{Key, newest_first};
use super::sources::unsigned;
use super::{Result, Store};

/// Hours of a week.
const HOURS: usize = 168;
/// Entity keys that a text filter may stand for; a text that fits more is cut at the first in order of name.
const TEXT_KEYS: i64 = 1000;

/// Time, row, digest, block, slot, learned.
type Row = (i64, i64, i64, i64, i64, bool);

const COLUMNS: &str = "SELECT time, id, digest, block, slot, learned FROM events WHERE 1";

/// A page of matching events, newest first.
pub(crate) async fn page(store: &Store, filter: &EventFilter, request: &PageRequest) -> Result<Page<StoredEvent>> {
    let mut query = QueryBuilder::new(COLUMNS);
    restrict(&mut query, filter);
    newest_first(&mut query, "time", "id", Key::Number, request);
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.reader).await?;
    let page = Page::read(rows, request);
    Ok(Page { rows: load(store, &page.rows).await?, previous: page.previous, next: page.next })
}

/// How many events match.
pub(crate) async fn count(store: &Store, filter: &EventFilter) -> Result<u64> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM events WHERE 1");
    restrict(&mut query, filter);
    let (count,): (i64,) = query.build_query_as().fetch_one(&store.reader).await?;
    Ok(unsigned(count))
}

/// One event by the hexadecimal form of its digest.
pub(crate) async fn get(store: &Store, id: &str) -> Result<Option<StoredEvent>> {
    let Ok(digest) = u64::from_str_radix(id, 16) else { return Ok(None) };
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" AND digest = ").push_bind(digest.cast_signed());
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.reader).await?;
    Ok(load(store, &rows).await?.pop())
}

/// The times of the first and the last event.
pub(crate) async fn span(store: &Store) -> Result<Option<(Timestamp, Timestamp)>> {
    let sql = "SELECT (SELECT min(time) FROM events), (SELECT max(time) FROM events)";
    let (first, last): (Option<i64>, Option<i64>) = sqlx::query_as(sql).fetch_one(&store.reader).await?;
    Ok(first.map(Timestamp::from_micros).zip(last.map(Timestamp::from_micros)))
}

/// Events in time order behind a time and row.
pub(crate) async fn replay(store: &Store, since: Timestamp, after_row: i64, limit: u32) -> Result<Vec<StoredEvent>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" AND (time, id) > (").push_bind(since.as_micros()).push(", ").push_bind(after_row);
    query.push(") ORDER BY time, id LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.reader).await?;
    load(store, &rows).await
}

/// Events in the order of their arrival, after a row.
pub(crate) async fn arrivals(store: &Store, after_row: i64, limit: u32) -> Result<Vec<StoredEvent>> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" AND id > ").push_bind(after_row).push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
    let rows: Vec<Row> = query.build_query_as().fetch_all(&store.reader).await?;
    load(store, &rows).await
}

/// Logons per hour of the week of several accounts, by key.
pub(crate) async fn logon_hours(store: &Store, keys: &[String]) -> Result<BTreeMap<String, Vec<u64>>> {
    let mut query =
        QueryBuilder::new("SELECT key, hour, count FROM logon_hours JOIN event_keys ON event_keys.id = key_id WHERE 1");
    one_of(&mut query, "key", keys.iter().cloned());
    let rows: Vec<(String, i64, i64)> = query.build_query_as().fetch_all(&store.reader).await?;
    let mut hours: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (key, hour, count) in rows {
        let own = hours.entry(key).or_insert_with(|| vec![0; HOURS]);
        if let Some(slot) = usize::try_from(hour).ok().and_then(|hour| own.get_mut(hour)) {
            *slot += unsigned(count);
        }
    }
    Ok(hours)
}

fn restrict(query: &mut QueryBuilder<Sqlite>, filter: &EventFilter) {
    if !filter.what.is_empty() {
        one_of(query, "what", filter.what.iter().cloned());
    }
    if let Some(keys) = &filter.keys {
        query
            .push(" AND id IN (SELECT event_id FROM event_postings WHERE key_id IN (SELECT id FROM event_keys WHERE 1");
        one_of(query, "key", keys.iter().cloned());
        query.push(")");
        between(query, filter);
        query.push(")");
    }
    if let Some(text) = filter.text.as_ref().filter(|text| !text.is_empty()) {
        query.push(" AND id IN (SELECT event_id FROM event_postings WHERE key_id IN (SELECT id FROM event_keys");
        query.push(" WHERE instr(lower(substr(key, instr(key, ':') + 1)), ").push_bind(text.to_lowercase());
        query.push(") > 0 ORDER BY key LIMIT ").push_bind(TEXT_KEYS).push(")");
        between(query, filter);
        query.push(")");
    }
    between(query, filter);
}

fn between(query: &mut QueryBuilder<Sqlite>, filter: &EventFilter) {
    if let Some(since) = filter.since {
        query.push(" AND time >= ").push_bind(since.as_micros());
    }
    if let Some(until) = filter.until {
        query.push(" AND time < ").push_bind(until.as_micros());
    }
}

/// Reads events out of their blocks, each block once, in the order of the rows.
async fn load(store: &Store, rows: &[Row]) -> Result<Vec<StoredEvent>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, body FROM event_blocks WHERE 1");
    let wanted: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.3).collect();
    one_of(&mut query, "id", wanted.into_iter());
    let packed: Vec<(i64, Vec<u8>)> = query.build_query_as().fetch_all(&store.reader).await?;
    let mut blocks = BTreeMap::new();
    for (id, body) in packed {
        blocks.insert(id, unpack(&body)?);
    }
    let mut events = Vec::with_capacity(rows.len());
    for (_, row, digest, block, slot, learned) in rows {
        let slot = usize::try_from(*slot).unwrap_or(usize::MAX);
        if let Some(event) = blocks.get(block).and_then(|events| events.get(slot)) {
            events.push(StoredEvent {
                id: format!("{:016x}", digest.cast_unsigned()),
                row: *row,
                event: event.clone(),
                mode: if *learned { Mode::Learning } else { Mode::Judging },
            });
        }
    }
    Ok(events)
}
