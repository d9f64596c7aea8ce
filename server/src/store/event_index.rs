//! What is written beside a block of events: a row per event, postings per entity, logon hours per account.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_detections::Mode;
use hopwatch_model::{Activity, Event};
use sqlx::{QueryBuilder, SqliteTransaction};

use super::alerts::one_of;
use super::events::digest;
use super::{Result, keys};

/// Adds the rows of a block's events.
pub(crate) async fn add(
    transaction: &mut SqliteTransaction<'_>,
    block: i64,
    events: &[&Event],
    mode: Mode,
) -> Result<()> {
    let rows = insert_rows(transaction, block, events, mode).await?;
    let of_events: Vec<BTreeSet<String>> = events.iter().map(|event| keys::of_event(event)).collect();
    let ids = key_ids(transaction, of_events.iter().flatten().cloned().collect()).await?;
    let mut postings = Vec::new();
    for (event, own) in events.iter().zip(&of_events) {
        let Some(row) = rows.get(&digest(event)) else { continue };
        let entries = own.iter().filter_map(|key| ids.get(key)).map(|key| (*key, event.time.as_micros(), *row));
        postings.extend(entries);
    }
    insert_postings(transaction, &postings).await?;
    add_logons(transaction, events, &ids).await
}

/// Inserts the rows; returns their ids by digest.
async fn insert_rows(
    transaction: &mut SqliteTransaction<'_>,
    block: i64,
    events: &[&Event],
    mode: Mode,
) -> Result<BTreeMap<i64, i64>> {
    let mut query = QueryBuilder::new("INSERT INTO events (time, digest, what, block, slot, learned) ");
    query.push_values(events.iter().enumerate(), |mut row, (slot, event)| {
        row.push_bind(event.time.as_micros())
            .push_bind(digest(event))
            .push_bind(event.activity.name())
            .push_bind(block)
            .push_bind(i64::try_from(slot).unwrap_or(0))
            .push_bind(mode == Mode::Learning);
    });
    query.push(" RETURNING digest, id");
    let rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(&mut **transaction).await?;
    Ok(rows.into_iter().collect())
}

/// The ids of keys, made where they are new.
async fn key_ids(transaction: &mut SqliteTransaction<'_>, wanted: BTreeSet<String>) -> Result<BTreeMap<String, i64>> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut query = QueryBuilder::new("INSERT OR IGNORE INTO event_keys (key) ");
    query.push_values(wanted.iter(), |mut row, key| {
        row.push_bind(key.clone());
    });
    query.build().execute(&mut **transaction).await?;
    let mut query = QueryBuilder::new("SELECT key, id FROM event_keys WHERE 1");
    one_of(&mut query, "key", wanted.into_iter());
    let rows: Vec<(String, i64)> = query.build_query_as().fetch_all(&mut **transaction).await?;
    Ok(rows.into_iter().collect())
}

async fn insert_postings(transaction: &mut SqliteTransaction<'_>, postings: &[(i64, i64, i64)]) -> Result<()> {
    if postings.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT OR IGNORE INTO event_postings (key_id, time, event_id) ");
    query.push_values(postings, |mut row, (key, time, event)| {
        row.push_bind(*key).push_bind(*time).push_bind(*event);
    });
    query.build().execute(&mut **transaction).await?;
    Ok(())
}

async fn add_logons(
    transaction: &mut SqliteTransaction<'_>,
    events: &[&Event],
    ids: &BTreeMap<String, i64>,
) -> Result<()> {
    let mut hours: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for event in events.iter().filter(|event| logon(event)) {
        let name = event.actor.as_ref().map(|actor| actor.name.as_str()).filter(|name| !name.is_empty());
        let Some(id) = name.and_then(|name| ids.get(&keys::account(name))) else { continue };
        let hour = i64::from(event.time.weekday()) * 24 + i64::from(event.time.hour());
        *hours.entry((*id, hour)).or_default() += 1;
    }
    if hours.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO logon_hours (key_id, hour, count) ");
    query.push_values(hours, |mut row, ((key, hour), count)| {
        row.push_bind(key).push_bind(hour).push_bind(count);
    });
    query.push(" ON CONFLICT DO UPDATE SET count = count + excluded.count");
    query.build().execute(&mut **transaction).await?;
    Ok(())
}

/// True for what shows an account at work: a logon by any protocol that succeeded. Service tickets are left out, since
/// one logon is followed by many.
fn logon(event: &Event) -> bool {
    let kind = matches!(
        event.activity,
        Activity::Logon(_)
            | Activity::NtlmLogon(_)
            | Activity::AsExchange(_)
            | Activity::LdapBind(_)
            | Activity::SignIn(_)
    );
    kind && event.outcome.succeeded()
}
