//! The embedded store: one SQLite file in the data folder for alerts, users, audit and reports, and by default also for
//! the event history.
//!
//! Writes go through one connection with `synchronous=FULL` on a write-ahead log: what a call has returned from survives
//! a crash. Reads have their own connections and never wait for a writer.

pub mod alerts;
pub mod api_tokens;
mod error;
mod event_index;
mod event_query;
pub mod events;
pub mod exclusions;
pub mod findings;
pub mod incidents;
pub mod keys;
pub mod page;
pub mod reports;
pub mod sessions;
pub mod sigma_rules;
pub mod sources;
pub mod tags;
pub mod users;
pub mod wef;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hopwatch_model::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::private;

pub use alerts::{AlertFilter, AlertState, Classification, StoredAlert, Triage};
pub use api_tokens::ApiToken;
pub use error::{Error, Result};
pub use events::{Appended, EventFilter, EventHistory, SqliteEvents, StoredEvent};
pub use exclusions::StoredExclusion;
pub use incidents::IncidentFilter;
pub use page::{Page, PageRequest};
pub use reports::{ReportFile, StoredReport};
pub use sigma_rules::StoredRule;
pub use sources::SourceStatus;
pub use tags::Tags;
pub use users::{Role, User};
pub use wef::WefMachine;

/// The name of the database file in the data folder.
pub const FILE: &str = "hopwatch.db";
/// Connections that read. SQLite readers do not block each other; more than the cores gain nothing.
const READERS: u32 = 4;
/// How long a statement waits for another process that writes (`hopwatch import` beside a running server).
pub(crate) const BUSY: Duration = Duration::from_secs(30);

/// The store of one data folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    data_dir: PathBuf,
    pub(crate) reader: SqlitePool,
    pub(crate) writer: SqlitePool,
}

impl Store {
    /// Opens the store of a data folder, makes it where it is not there, and brings it up to this version.
    ///
    /// # Errors
    /// Where the folder cannot be made, the file is no database, or it is of a later version.
    pub async fn open(data_dir: &Path) -> Result<Self> {
        let folder = |source| Error::Folder { path: data_dir.to_owned(), source };
        private::create_dir_all(data_dir).map_err(folder)?;
        let path = data_dir.join(FILE);
        // SQLite gives the mode of the database to the log and the index that it lays beside it.
        private::ensure(&path).map_err(folder)?;
        let options = SqliteConnectOptions::from_str("sqlite:")?
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "true"))
            .await?;
        Ok(Self { data_dir: data_dir.to_owned(), reader, writer })
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The event history that lies in the same file.
    #[must_use]
    pub fn events(&self) -> SqliteEvents {
        SqliteEvents::new(self.clone())
    }

    /// Notes who did what, for the audit log.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn audit(&self, now: Timestamp, user: &str, action: &str, subject: &str, detail: &str) -> Result<()> {
        sqlx::query("INSERT INTO audit_log (time, user_name, action, subject, detail) VALUES (?, ?, ?, ?, ?)")
            .bind(now.as_micros())
            .bind(user)
            .bind(action)
            .bind(subject)
            .bind(detail)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// The latest entries of the audit log, newest first, as `(time, user, action, subject, detail)`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn audit_log(&self, limit: u32) -> Result<Vec<(Timestamp, String, String, String, String)>> {
        let sql = "SELECT time, user_name, action, subject, detail FROM audit_log ORDER BY id DESC LIMIT ?";
        let rows: Vec<(i64, String, String, String, String)> =
            sqlx::query_as(sql).bind(limit).fetch_all(&self.reader).await?;
        Ok(rows
            .into_iter()
            .map(|(time, user, action, subject, detail)| (Timestamp::from_micros(time), user, action, subject, detail))
            .collect())
    }

    /// Closes all connections and folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
