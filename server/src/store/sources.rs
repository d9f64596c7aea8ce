//! The standing of each source: what it read, made and dropped.

use std::collections::BTreeMap;

use hopwatch_model::Timestamp;

use super::error::{document, to_document};
use super::{Result, Store};

/// What a source did, up to now or in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name: file, listener, sensor.
    pub name: String,
    /// What kind it is, in a word.
    pub kind: String,
    /// Frames, records or lines read.
    pub read: u64,
    /// Events made.
    pub events: u64,
    /// The time of its earliest event.
    pub first_event_at: Option<Timestamp>,
    /// The time of its latest event.
    pub last_event_at: Option<Timestamp>,
    /// What was lost, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Why it stopped, where it did.
    pub error: Option<String>,
}

type Row = (String, String, i64, i64, Option<i64>, Option<i64>, String, Option<String>);

const COLUMNS: &str = "SELECT name, kind, read, events, first_event_at, last_event_at, dropped, error FROM sources";

impl Store {
    /// Sets the standing of a source: a repeated import of the same file replaces, it does not add. The span of its
    /// events stays where the new standing names none: events that are known already are not told again.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn put_source(&self, status: &SourceStatus) -> Result<()> {
        let sql = "INSERT INTO sources (name, kind, read, events, first_event_at, last_event_at, dropped, error) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
                   ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, read = excluded.read, \
                   events = excluded.events, dropped = excluded.dropped, error = excluded.error, \
                   first_event_at = COALESCE(excluded.first_event_at, first_event_at), \
                   last_event_at = COALESCE(excluded.last_event_at, last_event_at)";
        sqlx::query(sql)
            .bind(&status.name)
            .bind(&status.kind)
            .bind(signed(status.read))
            .bind(signed(status.events))
            .bind(status.first_event_at.map(Timestamp::as_micros))
            .bind(status.last_event_at.map(Timestamp::as_micros))
            .bind(to_document("source's drops", &status.dropped)?)
            .bind(&status.error)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// All sources, by name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sources(&self) -> Result<Vec<SourceStatus>> {
        let rows: Vec<Row> = sqlx::query_as(COLUMNS).fetch_all(&self.reader).await?;
        rows.into_iter().map(status).collect()
    }
}

fn status((name, kind, read, events, first, last, dropped, error): Row) -> Result<SourceStatus> {
    Ok(SourceStatus {
        name,
        kind,
        read: unsigned(read),
        events: unsigned(events),
        first_event_at: first.map(Timestamp::from_micros),
        last_event_at: last.map(Timestamp::from_micros),
        dropped: document("source's drops", &dropped)?,
        error,
    })
}

/// A count as SQLite keeps it; saturates.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as SQLite kept it.
pub(crate) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
