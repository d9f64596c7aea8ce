//! Incidents as the detections grouped them. The whole incident lies in its row; the rows of its alerts are what users
//! triage.

use hopwatch_detections::incident::Incident;
use hopwatch_model::{Severity, Timestamp};
use sqlx::{QueryBuilder, Sqlite};

use super::alerts::{one_of, severity_rank};
use super::error::{document, to_document};
use super::page::{Page, PageRequest};
use super::reports::{Key, newest_first};
use super::sources::unsigned;
use super::{Result, Store, StoredAlert};

/// Which incidents. Everything that is set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentFilter {
    /// Severities; empty = all.
    pub severities: Vec<Severity>,
    /// Only of so many alerts or more.
    pub least_alerts: Option<u32>,
    /// Only with activity at or after.
    pub since: Option<Timestamp>,
    /// Only with activity before.
    pub until: Option<Timestamp>,
    /// Only with alerts that are not closed.
    pub open: bool,
}

/// How many incidents the grouping takes up again at the start: more cannot grow, see `detections::incident`.
const GROWING: i64 = 5_000;

impl Store {
    /// Keeps an incident and takes away those that went into it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn put_incident(&self, incident: &Incident, absorbed: &[String], now: Timestamp) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for id in absorbed {
            sqlx::query("DELETE FROM incidents WHERE id = ?").bind(id).execute(&mut *transaction).await?;
        }
        let sql = "INSERT INTO incidents (id, severity, first_at, last_at, alerts, updated_at, body) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET severity = ?2, first_at = ?3, \
                   last_at = ?4, alerts = ?5, updated_at = ?6, body = ?7 WHERE body <> ?7";
        sqlx::query(sql)
            .bind(&incident.id)
            .bind(severity_rank(incident.severity))
            .bind(incident.first_at.as_micros())
            .bind(incident.last_at.as_micros())
            .bind(i64::try_from(incident.alerts()).unwrap_or(i64::MAX))
            .bind(now.as_micros())
            .bind(to_document("incident", incident)?)
            .execute(&mut *transaction)
            .await?;
        for step in &incident.steps {
            let sql = "INSERT INTO incident_alerts (alert_id, incident_id) VALUES (?1, ?2) \
                       ON CONFLICT (alert_id) DO UPDATE SET incident_id = ?2";
            sqlx::query(sql).bind(&step.alert).bind(&incident.id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Incidents that may still grow, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn growing_incidents(&self) -> Result<Vec<Incident>> {
        let sql = "SELECT body FROM incidents ORDER BY last_at DESC, id LIMIT ?";
        let rows: Vec<(String,)> = sqlx::query_as(sql).bind(GROWING).fetch_all(&self.reader).await?;
        rows.iter().map(|(body,)| document("incident", body)).collect()
    }

    /// An incident.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn incident(&self, id: &str) -> Result<Option<Incident>> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT body FROM incidents WHERE id = ?").bind(id).fetch_optional(&self.reader).await?;
        row.map(|(body,)| document("incident", &body)).transpose()
    }

    /// The incident of an alert.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn incident_of(&self, alert: &str) -> Result<Option<Incident>> {
        let sql = "SELECT body FROM incidents JOIN incident_alerts ON incident_id = id WHERE alert_id = ?";
        let row: Option<(String,)> = sqlx::query_as(sql).bind(alert).fetch_optional(&self.reader).await?;
        row.map(|(body,)| document("incident", &body)).transpose()
    }

    /// Incidents, those with the latest activity first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn incidents(&self, filter: &IncidentFilter, request: &PageRequest) -> Result<Page<Incident>> {
        let mut query = QueryBuilder::new("SELECT body FROM incidents WHERE 1");
        restrict(&mut query, filter);
        newest_first(&mut query, "last_at", "id", Key::Text, request);
        let rows: Vec<(String,)> = query.build_query_as().fetch_all(&self.reader).await?;
        let read = |(body,): (String,)| document("incident", &body);
        Ok(Page::read(rows.into_iter().map(read).collect::<Result<_>>()?, request))
    }

    /// How many incidents match.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn incident_count(&self, filter: &IncidentFilter) -> Result<u64> {
        let mut query = QueryBuilder::new("SELECT count(*) FROM incidents WHERE 1");
        restrict(&mut query, filter);
        let (count,): (i64,) = query.build_query_as().fetch_one(&self.reader).await?;
        Ok(unsigned(count))
    }

    /// The alerts of an incident as they stand, in the order of its steps.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alerts_of(&self, incident: &Incident) -> Result<Vec<StoredAlert>> {
        let ids: Vec<String> = incident.steps.iter().map(|step| step.alert.clone()).collect();
        let mut found = self.alerts_by_id(&ids).await?;
        let place = |alert: &StoredAlert| ids.iter().position(|id| *id == alert.id);
        found.sort_by_key(place);
        Ok(found)
    }
}

fn restrict(query: &mut QueryBuilder<Sqlite>, filter: &IncidentFilter) {
    if !filter.severities.is_empty() {
        one_of(query, "severity", filter.severities.iter().copied().map(severity_rank));
    }
    if let Some(least) = filter.least_alerts {
        query.push(" AND alerts >= ").push_bind(i64::from(least));
    }
    if let Some(since) = filter.since {
        query.push(" AND last_at >= ").push_bind(since.as_micros());
    }
    if let Some(until) = filter.until {
        query.push(" AND first_at < ").push_bind(until.as_micros());
    }
    if filter.open {
        query.push(
            " AND id IN (SELECT incident_id FROM incident_alerts JOIN alerts ON alerts.id = alert_id \
             WHERE state <> 'closed')",
        );
    }
}
