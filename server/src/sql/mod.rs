//! SQL over a data folder, for hunting: events, alerts, findings, sources, and the graph as nodes and edges.
//!
//! The tables that a statement names are laid out in a private database of SQLite that lives as long as the statement and
//! spills to a temporary file where it grows; the data folder itself is only read, so that a statement can change nothing
//! and never sees users, tokens or sessions. Laying out takes time and disk in the order of what is read: `since` and
//! `until` keep the events short.

mod tables;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt as _;
use hopwatch_model::Timestamp;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, SqlSafeStr as _,
    SqliteConnection, Statement as _, TypeInfo as _, ValueRef as _,
};

pub use tables::{TABLES, Table};

use crate::store::{self, Store};

/// A question to a data folder.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The statement.
    pub statement: String,
    /// Only events at or after.
    pub since: Option<Timestamp>,
    /// Only events before.
    pub until: Option<Timestamp>,
}

/// Who takes the answer.
pub trait Reader {
    /// The names of the columns, once, before any row.
    ///
    /// # Errors
    /// Where they cannot be passed on; the question ends.
    fn columns(&mut self, names: &[String]) -> Result<()>;

    /// A row; values are null, numbers or text, bytes as text in hexadecimal.
    ///
    /// # Errors
    /// Where it cannot be passed on; the question ends.
    fn row(&mut self, values: &[Value]) -> Result<()>;
}

/// Asks a data folder; a server may run on it.
///
/// # Errors
/// Where there is no data folder, the statement is none, or the reader wants no more.
pub async fn ask(data_dir: &Path, question: &Question, reader: &mut dyn Reader) -> Result<()> {
    ensure!(data_dir.join(store::FILE).is_file(), "{} is no data folder", data_dir.display());
    let named = named(&question.statement);
    let mut scratch = scratch().await?;
    let store = Store::open(data_dir).await?;
    for table in TABLES {
        // Every table is there, so that a misspelt column and a misspelt table are told apart; those not named stay empty.
        scratch.execute(AssertSqlSafe(table.definition())).await?;
        if named.contains(table.name) {
            tables::fill(table, data_dir, &store, question, &mut scratch).await?;
        }
    }
    store.close().await;
    scratch.execute("PRAGMA query_only = ON").await?;
    answer(&mut scratch, &question.statement, reader).await?;
    scratch.close().await?;
    Ok(())
}

/// A database without a name is SQLite's own temporary one: no other process sees it, and nothing of it stays.
async fn scratch() -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename("")
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off);
    options.connect().await.context("a temporary database cannot be made")
}

/// The words of a statement, in lower case: a table that is named is among them.
fn named(statement: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_alphanumeric() || c == '_');
    statement.split(word).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

async fn answer(scratch: &mut SqliteConnection, statement: &str, reader: &mut dyn Reader) -> Result<()> {
    let prepared = (&mut *scratch).prepare(AssertSqlSafe(statement.to_owned()).into_sql_str()).await?;
    let names: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    reader.columns(&names)?;
    let mut rows = prepared.query().fetch(&mut *scratch);
    while let Some(row) = rows.try_next().await? {
        let values = (0..row.len()).map(|index| value(&row, index)).collect::<Result<Vec<Value>>>()?;
        reader.row(&values)?;
    }
    Ok(())
}

fn value(row: &SqliteRow, index: usize) -> Result<Value> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    Ok(match kind.as_str() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(index)?.into(),
        "REAL" => row.try_get_unchecked::<f64, _>(index)?.into(),
        "BLOB" => {
            let bytes: Vec<u8> = row.try_get_unchecked(index)?;
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        _ => row.try_get_unchecked::<String, _>(index)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_statement_are_found_however_they_are_written() {
        let named = named("select count(*) from Events e join \"nodes\" on(e.x=nodes.id)--edges");
        assert!(named.contains("events") && named.contains("nodes") && !named.contains("alerts"));
    }

    #[test]
    fn every_column_of_every_table_is_explained() {
        for table in TABLES {
            assert!(!table.columns.is_empty() && !table.meaning.is_empty());
            assert!(
                table.columns.iter().all(|(name, meaning)| !name.is_empty() && meaning.len() > 3),
                "{}",
                table.name
            );
        }
    }
}
