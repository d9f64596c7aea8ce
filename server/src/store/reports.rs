//! The list of written reports. The files lie under `reports/<id>/` in the data folder.

use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;

use super::error::{document, to_document};
use super::page::{End, Page, PageRequest};
use super::{Result, Store};

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    /// `html`, `xlsx`, `pdf`.
    pub format: String,
    /// The name in the report's folder.
    pub file: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// A written report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// Its id, which is also the name of its folder.
    pub id: String,
    /// The report's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// By whom or what: a user's name, `schedule`, `command line`.
    pub trigger: String,
    /// Its files.
    pub files: Vec<ReportFile>,
}

type Row = (String, String, String, i64, String, String);

impl Store {
    /// Notes a written report.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_report(&self, report: &StoredReport) -> Result<()> {
        sqlx::query("INSERT INTO reports (id, name, title, created_at, trigger, files) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&report.id)
            .bind(&report.name)
            .bind(&report.title)
            .bind(report.created_at.as_micros())
            .bind(&report.trigger)
            .bind(to_document("report's files", &report.files)?)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// A report.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn report(&self, id: &str) -> Result<Option<StoredReport>> {
        let sql = "SELECT id, name, title, created_at, trigger, files FROM reports WHERE id = ?";
        let row: Option<Row> = sqlx::query_as(sql).bind(id).fetch_optional(&self.reader).await?;
        row.map(report).transpose()
    }

    /// When a report was last written.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn last_report(&self, name: &str) -> Result<Option<Timestamp>> {
        let sql = "SELECT max(created_at) FROM reports WHERE name = ?";
        let (last,): (Option<i64>,) = sqlx::query_as(sql).bind(name).fetch_one(&self.reader).await?;
        Ok(last.map(Timestamp::from_micros))
    }

    /// How many reports there are.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn report_count(&self) -> Result<u64> {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM reports").fetch_one(&self.reader).await?;
        Ok(super::sources::unsigned(count))
    }

    /// Reports, newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn reports(&self, request: &PageRequest) -> Result<Page<StoredReport>> {
        let sql = "SELECT id, name, title, created_at, trigger, files FROM reports WHERE 1";
        let mut query = QueryBuilder::new(sql);
        newest_first(&mut query, "created_at", "id", Key::Text, request);
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.reader).await?;
        let rows = rows.into_iter().map(report).collect::<Result<_>>()?;
        Ok(Page::read(rows, request))
    }
}

/// What the second part of a position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A text column.
    Text,
    /// An integer column.
    Number,
}

/// Adds the bounds, the order and the limit of a page over a list whose newest row comes first.
pub(crate) fn newest_first(
    query: &mut QueryBuilder<sqlx::Sqlite>,
    time: &'static str,
    id: &'static str,
    numbered: Key,
    request: &PageRequest,
) {
    for (place, sign) in [(&request.after, "<"), (&request.before, ">")] {
        if let Some((at, key)) = place {
            query.push(format!(" AND ({time}, {id}) {sign} ("));
            query.push_bind(*at).push(", ");
            match key.parse::<i64>().ok().filter(|_| numbered == Key::Number) {
                Some(number) => query.push_bind(number),
                None => query.push_bind(key.clone()),
            };
            query.push(")");
        }
    }
    let order = match request.from {
        End::Start => "DESC",
        End::End => "ASC",
    };
    query.push(format!(" ORDER BY {time} {order}, {id} {order} LIMIT "));
    query.push_bind(i64::from(request.limit.get()) + 1);
}

fn report((id, name, title, created, trigger, files): Row) -> Result<StoredReport> {
    let files = document("report's files", &files)?;
    Ok(StoredReport { id, name, title, created_at: Timestamp::from_micros(created), trigger, files })
}
