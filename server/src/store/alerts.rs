//! Alerts as the engine judged them, and what users made of them. The engine's part and the user's part of a row are
//! written apart, so that more events of an attack never undo a triage.

use hopwatch_model::{Alert, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite};

use super::error::{document, to_document};
use super::page::{Page, PageRequest};
use super::reports::{Key, newest_first};
use super::{Error, Result, Store, keys};

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has looked.
    Open,
    /// Somebody looks.
    InProgress,
    /// Done.
    Closed,
}

/// What an alert turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classification {
    /// An attack.
    TruePositive,
    /// What the detection looks for, but allowed: a test, an administrator's tool.
    BenignTruePositive,
    /// Not what the detection looks for.
    FalsePositive,
}

impl From<Classification> for hopwatch_detections::calibration::Classification {
    fn from(classification: Classification) -> Self {
        match classification {
            Classification::TruePositive => Self::TruePositive,
            Classification::BenignTruePositive => Self::BenignTruePositive,
            Classification::FalsePositive => Self::FalsePositive,
        }
    }
}

/// An alert with what users made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredAlert {
    /// The id: a digest of key and first time, so that a replay finds the same row.
    pub id: String,
    /// The engine's judgement.
    pub alert: Alert,
    /// Where it stands.
    pub state: AlertState,
    /// What it turned out to be.
    pub classification: Option<Classification>,
    /// Who looks after it.
    pub assignee: Option<String>,
    /// What the user noted.
    pub comment: Option<String>,
    /// Until when, in event time, new activity leaves it closed.
    pub suppressed_until: Option<Timestamp>,
    /// How often new activity opened it again.
    pub reopened: u32,
    /// When anything of it last changed, by the server's clock.
    pub updated_at: Timestamp,
}

/// Which alerts. Everything that is set must match; empty lists match all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertFilter {
    /// Slugs.
    pub detections: Vec<String>,
    /// Severities.
    pub severities: Vec<Severity>,
    /// States.
    pub states: Vec<AlertState>,
    /// Keys of entities of which any takes part; see [`keys`]. `Some` of nothing matches nothing.
    pub keys: Option<Vec<String>>,
    /// A part of actor, host, target or story; case does not matter.
    pub text: Option<String>,
    /// Only with activity at or after.
    pub since: Option<Timestamp>,
    /// Only with activity before.
    pub until: Option<Timestamp>,
}

/// What a user says of an alert; what is not set stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Triage {
    /// Where it stands now.
    pub state: Option<AlertState>,
    /// What it turned out to be.
    pub classification: Option<Classification>,
    /// Who looks after it; empty = nobody.
    pub assignee: Option<String>,
    /// A note.
    pub comment: Option<String>,
}

/// The id of an alert. The first time is part of it: an attack that comes back after a day is another alert. Evidence
/// that arrives late may move an alert's first time; [`Store::put_alert`] then finds the row by its former id.
#[must_use]
pub fn id(alert: &Alert) -> String {
    let digest = blake3::hash(format!("{}|{}", alert.key, alert.first_at.as_micros()).as_bytes());
    digest.to_hex().chars().take(20).collect()
}

type Row = (String, String, String, Option<String>, Option<String>, Option<String>, i64, Option<i64>, u32);

const COLUMNS: &str = "SELECT id, body, state, classification, assignee, comment, updated_at, suppressed_until, reopened \
                       FROM alerts WHERE 1";

/// `?9`: until when the alert's key is suppressed. The names on the right of `DO UPDATE` are the row's values before.
const PUT: &str = "INSERT INTO alerts (id, detection, severity, first_at, last_at, updated_at, body, words, state, \
                   suppressed_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?9 IS NULL, 'open', 'closed'), ?9) \
                   ON CONFLICT (id) DO UPDATE SET severity = ?3, first_at = ?4, last_at = ?5, updated_at = ?6, \
                   body = ?7, words = ?8, \
                   state = iif(state = 'closed' AND ?5 > last_at AND iif(suppressed_until IS NULL, \
                   coalesce(classification, 'true_positive') = 'true_positive' OR ?3 > severity, \
                   ?5 > suppressed_until), 'open', state), \
                   reopened = reopened + iif(state = 'closed' AND ?5 > last_at AND iif(suppressed_until IS NULL, \
                   coalesce(classification, 'true_positive') = 'true_positive' OR ?3 > severity, \
                   ?5 > suppressed_until), 1, 0), \
                   suppressed_until = iif(?5 > suppressed_until, NULL, suppressed_until) WHERE body <> ?7";

impl Store {
    /// Takes the engine's judgement in: a new row, or the engine's part of a known one.
    ///
    /// New activity opens a closed alert again, unless it was dismissed (and has not become graver) or is suppressed; a
    /// suppression that has ended lets it open in any case. An alert that is new while another of its key is suppressed
    /// is suppressed with it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn put_alert(&self, alert: &Alert, now: Timestamp) -> Result<StoredAlert> {
        let id = self.known_id(alert).await?;
        let suppressed = self.suppression(alert).await?;
        let mut transaction = self.writer.begin().await?;
        sqlx::query(PUT)
            .bind(&id)
            .bind(&alert.detection)
            .bind(severity_rank(alert.severity))
            .bind(alert.first_at.as_micros())
            .bind(alert.last_at.as_micros())
            .bind(now.as_micros())
            .bind(to_document("alert", alert)?)
            .bind(words(alert))
            .bind(suppressed)
            .execute(&mut *transaction)
            .await?;
        for key in keys::of_alert(alert) {
            let link = sqlx::query("INSERT OR IGNORE INTO alert_entities (entity, alert_id) VALUES (?, ?)");
            link.bind(key).bind(&id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        self.alert(&id).await?.ok_or(Error::Missing { what: "alert", id })
    }

    /// An alert.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alert(&self, id: &str) -> Result<Option<StoredAlert>> {
        let mut query = QueryBuilder::new(COLUMNS);
        query.push(" AND id = ").push_bind(id.to_owned());
        let row: Option<Row> = query.build_query_as().fetch_optional(&self.reader).await?;
        row.map(stored).transpose()
    }

    /// Alerts, those with the latest activity first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alerts(&self, filter: &AlertFilter, request: &PageRequest) -> Result<Page<StoredAlert>> {
        let mut query = QueryBuilder::new(COLUMNS);
        restrict(&mut query, filter);
        newest_first(&mut query, "last_at", "id", Key::Text, request);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.reader).await?;
        Ok(Page::read(rows.into_iter().map(stored).collect::<Result<_>>()?, request))
    }

    /// How many alerts match.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alert_count(&self, filter: &AlertFilter) -> Result<u64> {
        let mut query = QueryBuilder::new("SELECT count(*) FROM alerts WHERE 1");
        restrict(&mut query, filter);
        let (count,): (i64,) = query.build_query_as().fetch_one(&self.reader).await?;
        Ok(super::sources::unsigned(count))
    }

    /// First time and severity of every alert that began in a span, for histograms.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alert_times(&self, since: Timestamp, until: Timestamp) -> Result<Vec<(Timestamp, Severity)>> {
        let sql = "SELECT first_at, severity FROM alerts WHERE first_at >= ? AND first_at < ? ORDER BY first_at";
        let rows: Vec<(i64, i64)> =
            sqlx::query_as(sql).bind(since.as_micros()).bind(until.as_micros()).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|(time, rank)| (Timestamp::from_micros(time), severity_of(rank))).collect())
    }

    /// The time of the latest activity of any alert.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn latest_alert(&self) -> Result<Option<Timestamp>> {
        let (last,): (Option<i64>,) = sqlx::query_as("SELECT max(last_at) FROM alerts").fetch_one(&self.reader).await?;
        Ok(last.map(Timestamp::from_micros))
    }

    /// Other alerts in which one of the same entities takes part, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn related_alerts(&self, alert: &StoredAlert, limit: u32) -> Result<Vec<StoredAlert>> {
        let keys = keys::of_alert(&alert.alert).into_iter().collect();
        let filter = AlertFilter { keys: Some(keys), ..AlertFilter::default() };
        let page = self.alerts(&filter, &PageRequest::first(limit.saturating_add(1))).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(page.rows.into_iter().filter(|other| other.id != alert.id).take(limit).collect())
    }

    /// Takes a user's word on an alert in.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such alert.
    pub async fn triage(&self, id: &str, triage: &Triage, now: Timestamp) -> Result<StoredAlert> {
        let sql = "UPDATE alerts SET state = coalesce(?, state), classification = coalesce(?, classification), \
                   assignee = CASE WHEN ?3 IS NULL THEN assignee ELSE nullif(?3, '') END, \
                   comment = CASE WHEN ?4 IS NULL THEN comment ELSE nullif(?4, '') END, updated_at = ?5 WHERE id = ?6";
        let done = sqlx::query(sql)
            .bind(triage.state.map(state_name))
            .bind(triage.classification.map(classification_name))
            .bind(&triage.assignee)
            .bind(&triage.comment)
            .bind(now.as_micros())
            .bind(id)
            .execute(&self.writer)
            .await?;
        let missing = || Error::Missing { what: "alert", id: id.to_owned() };
        if done.rows_affected() == 0 {
            return Err(missing());
        }
        self.alert(id).await?.ok_or_else(missing)
    }

    /// Closes an alert and keeps it, and others of its key, closed whatever comes until a time.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such alert.
    pub async fn suppress(&self, id: &str, until: Timestamp, reason: &str, now: Timestamp) -> Result<StoredAlert> {
        let sql = "UPDATE alerts SET state = 'closed', suppressed_until = ?, comment = ?, updated_at = ? WHERE id = ?";
        let query = sqlx::query(sql).bind(until.as_micros()).bind(reason).bind(now.as_micros()).bind(id);
        let missing = || Error::Missing { what: "alert", id: id.to_owned() };
        if query.execute(&self.writer).await?.rows_affected() == 0 {
            return Err(missing());
        }
        self.alert(id).await?.ok_or_else(missing)
    }

    /// Alerts by id, in no order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn alerts_by_id(&self, ids: &[String]) -> Result<Vec<StoredAlert>> {
        let mut query = QueryBuilder::new(COLUMNS);
        one_of(&mut query, "id", ids.iter().cloned());
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.reader).await?;
        rows.into_iter().map(stored).collect()
    }

    /// Until when the alert's key is suppressed, where that is not before its latest activity.
    async fn suppression(&self, alert: &Alert) -> Result<Option<i64>> {
        let sql = "SELECT max(suppressed_until) FROM alerts WHERE detection = ? AND suppressed_until >= ? \
                   AND json_extract(body, '$.key') = ?";
        let query = sqlx::query_as(sql).bind(&alert.detection).bind(alert.last_at.as_micros()).bind(&alert.key);
        let (until,): (Option<i64>,) = query.fetch_one(&self.writer).await?;
        Ok(until)
    }

    /// The id under which the alert is kept: its own, or that of a row of the same key which it overlaps.
    async fn known_id(&self, alert: &Alert) -> Result<String> {
        let own = id(alert);
        let sql = "SELECT id FROM alerts WHERE detection = ? AND first_at <= ? AND last_at >= ? \
                   AND json_extract(body, '$.key') = ? ORDER BY id <> ?, first_at LIMIT 1";
        let row: Option<(String,)> = sqlx::query_as(sql)
            .bind(&alert.detection)
            .bind(alert.last_at.as_micros())
            .bind(alert.first_at.as_micros())
            .bind(&alert.key)
            .bind(&own)
            .fetch_optional(&self.writer)
            .await?;
        Ok(row.map_or(own, |(id,)| id))
    }
}

fn restrict(query: &mut QueryBuilder<Sqlite>, filter: &AlertFilter) {
    if !filter.detections.is_empty() {
        one_of(query, "detection", filter.detections.iter().cloned());
    }
    if !filter.severities.is_empty() {
        one_of(query, "severity", filter.severities.iter().copied().map(severity_rank));
    }
    if !filter.states.is_empty() {
        one_of(query, "state", filter.states.iter().copied().map(state_name));
    }
    if let Some(keys) = &filter.keys {
        query.push(" AND id IN (SELECT alert_id FROM alert_entities WHERE 1");
        one_of(query, "entity", keys.iter().cloned());
        query.push(")");
    }
    if let Some(text) = filter.text.as_ref().filter(|text| !text.is_empty()) {
        query.push(" AND instr(words, ").push_bind(text.to_lowercase()).push(") > 0");
    }
    if let Some(since) = filter.since {
        query.push(" AND last_at >= ").push_bind(since.as_micros());
    }
    if let Some(until) = filter.until {
        query.push(" AND first_at < ").push_bind(until.as_micros());
    }
}

/// Adds `AND column IN (…)`; an empty list matches nothing.
pub(crate) fn one_of<T>(query: &mut QueryBuilder<Sqlite>, column: &'static str, values: impl Iterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + Send + 'static,
{
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

fn stored(
    (id, body, state, classification, assignee, comment, updated, suppressed, reopened): Row,
) -> Result<StoredAlert> {
    Ok(StoredAlert {
        id,
        alert: document("alert", &body)?,
        state: match state.as_str() {
            "in_progress" => AlertState::InProgress,
            "closed" => AlertState::Closed,
            _ => AlertState::Open,
        },
        classification: classification.and_then(|name| classification_of(&name)),
        assignee,
        comment,
        suppressed_until: suppressed.map(Timestamp::from_micros),
        reopened,
        updated_at: Timestamp::from_micros(updated),
    })
}

fn words(alert: &Alert) -> String {
    let mut words = vec![alert.detection.clone(), alert.explanation.clone()];
    words.extend(alert.actor.iter().map(|actor| actor.name.clone()));
    let hosts = alert.source.iter().chain(&alert.target_host);
    words.extend(hosts.flat_map(|host| host.name.clone().into_iter().chain(host.address.map(|ip| ip.to_string()))));
    words.extend(alert.target.clone());
    words.join("\n").to_lowercase()
}

pub(crate) fn severity_rank(severity: Severity) -> i64 {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
    }
}

fn severity_of(rank: i64) -> Severity {
    match rank {
        3 => Severity::High,
        2 => Severity::Medium,
        1 => Severity::Low,
        _ => Severity::Informational,
    }
}

fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Open => "open",
        AlertState::InProgress => "in_progress",
        AlertState::Closed => "closed",
    }
}

fn classification_name(classification: Classification) -> &'static str {
    match classification {
        Classification::TruePositive => "true_positive",
        Classification::BenignTruePositive => "benign_true_positive",
        Classification::FalsePositive => "false_positive",
    }
}

pub(crate) fn classification_of(name: &str) -> Option<Classification> {
    [Classification::TruePositive, Classification::BenignTruePositive, Classification::FalsePositive]
        .into_iter()
        .find(|one| classification_name(*one) == name)
}
