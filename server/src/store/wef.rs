//! Hosts that forward their events: how far each has sent each subscription.

use hopwatch_ingest::sources::wef::Bookmark;
use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{document, to_document};
use super::sources::{signed, unsigned};
use super::{Result, Store};

/// A bookmark as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    channel: String,
    record_id: u64,
    current: bool,
}

/// A host that forwards its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WefMachine {
    /// Its name.
    pub machine: String,
    /// How far it has sent each channel.
    pub bookmarks: Vec<Bookmark>,
    /// When it was last heard.
    pub heard_at: Timestamp,
    /// When it last sent events.
    pub events_at: Option<Timestamp>,
    /// Records that it sent.
    pub events: u64,
}

type Row = (String, String, i64, Option<i64>, i64);

impl Store {
    /// Notes that a host was heard; `received` are its bookmarks and the number of its records, where it sent any.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn hear_wef(
        &self,
        subscription: &str,
        machine: &str,
        received: Option<(&[Bookmark], u64)>,
        now: Timestamp,
    ) -> Result<()> {
        let Some((bookmarks, events)) = received else {
            let sql = "INSERT INTO wef_machines (subscription, machine, heard_at) VALUES (?, ?, ?) \
                       ON CONFLICT (subscription, machine) DO UPDATE SET heard_at = excluded.heard_at";
            let heard = sqlx::query(sql).bind(subscription).bind(machine).bind(now.as_micros());
            heard.execute(&self.writer).await?;
            return Ok(());
        };
        let kept: Vec<Kept> = bookmarks
            .iter()
            .map(|mark| Kept { channel: mark.channel.clone(), record_id: mark.record_id, current: mark.current })
            .collect();
        // A message without bookmarks leaves those known: without any the host would begin anew.
        let sql = "INSERT INTO wef_machines (subscription, machine, bookmarks, heard_at, events_at, events) \
                   VALUES (?1, ?2, ?3, ?4, ?4, ?5) ON CONFLICT (subscription, machine) DO UPDATE SET \
                   bookmarks = CASE excluded.bookmarks WHEN '[]' THEN bookmarks ELSE excluded.bookmarks END, \
                   heard_at = excluded.heard_at, events_at = excluded.events_at, events = events + excluded.events";
        sqlx::query(sql)
            .bind(subscription)
            .bind(machine)
            .bind(to_document("bookmarks", &kept)?)
            .bind(now.as_micros())
            .bind(signed(events))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// How far a host has sent a subscription; `None` where it was never heard.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn wef_machine(&self, subscription: &str, machine: &str) -> Result<Option<WefMachine>> {
        let sql = "SELECT machine, bookmarks, heard_at, events_at, events FROM wef_machines \
                   WHERE subscription = ? AND machine = ?";
        let row: Option<Row> =
            sqlx::query_as(sql).bind(subscription).bind(machine).fetch_optional(&self.reader).await?;
        let Some((machine, bookmarks, heard_at, events_at, events)) = row else { return Ok(None) };
        let kept: Vec<Kept> = document("bookmarks", &bookmarks)?;
        let bookmarks = kept
            .into_iter()
            .map(|kept| Bookmark { channel: kept.channel, record_id: kept.record_id, current: kept.current })
            .collect();
        Ok(Some(WefMachine {
            machine,
            bookmarks,
            heard_at: Timestamp::from_micros(heard_at),
            events_at: events_at.map(Timestamp::from_micros),
            events: unsigned(events),
        }))
    }
}
