//! Exclusions that users made while the server runs, and what their classifications say: together the policy that the
//! detections follow beside the configuration. A removed exclusion stays as a row, since the audit asks for it.

use hopwatch_detections::calibration::{Calibration, Feedback, subject};
use hopwatch_detections::engine::Policy;
use hopwatch_detections::exclusion::Exclusion;
use hopwatch_model::{Alert, Timestamp};

use super::alerts::classification_of;
use super::error::{document, to_document};
use super::{Error, Result, Store};

/// How many classified alerts are taken into the calibration, the latest first.
const CLASSIFIED: i64 = 20_000;
/// How many removed exclusions are listed.
const REMOVED: i64 = 500;

/// An exclusion as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredExclusion {
    /// Its id.
    pub id: String,
    /// What it says.
    pub exclusion: Exclusion,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Who took it back, and when.
    pub removed: Option<(String, Timestamp)>,
}

type Row = (String, String, String, i64, Option<String>, Option<i64>);

const COLUMNS: &str = "SELECT id, body, created_by, created_at, removed_by, removed_at FROM exclusions";

impl Store {
    /// Keeps exclusions, all or none; they must have been checked.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_exclusions(
        &self,
        exclusions: Vec<Exclusion>,
        user: &str,
        now: Timestamp,
    ) -> Result<Vec<StoredExclusion>> {
        let mut transaction = self.writer.begin().await?;
        let mut kept = Vec::with_capacity(exclusions.len());
        for exclusion in exclusions {
            let id = format!("{:016x}", rand::random::<u64>());
            let sql = "INSERT INTO exclusions (id, body, created_by, created_at) VALUES (?, ?, ?, ?)";
            sqlx::query(sql)
                .bind(&id)
                .bind(to_document("exclusion", &exclusion)?)
                .bind(user)
                .bind(now.as_micros())
                .execute(&mut *transaction)
                .await?;
            kept.push(StoredExclusion { id, exclusion, created_by: user.into(), created_at: now, removed: None });
        }
        transaction.commit().await?;
        Ok(kept)
    }

    /// Takes exclusions back, all or none.
    ///
    /// # Errors
    /// [`Error::Missing`] where one is not there or was taken back before.
    pub async fn remove_exclusions(&self, ids: &[String], user: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for id in ids {
            let sql = "UPDATE exclusions SET removed_by = ?, removed_at = ? WHERE id = ? AND removed_at IS NULL";
            let query = sqlx::query(sql).bind(user).bind(now.as_micros()).bind(id);
            if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Err(Error::Missing { what: "exclusion", id: id.clone() });
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All exclusions in force, then those that were taken back last.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn exclusions(&self) -> Result<Vec<StoredExclusion>> {
        let sql = format!(
            "{COLUMNS} WHERE removed_at IS NULL UNION ALL SELECT * FROM ({COLUMNS} WHERE removed_at IS NOT NULL \
             ORDER BY removed_at DESC LIMIT ?) ORDER BY 6, 4 DESC, 1"
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(REMOVED).fetch_all(&self.reader).await?;
        rows.into_iter().map(stored).collect()
    }

    /// What the detections follow beside the configuration.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn policy(&self) -> Result<Policy> {
        let in_force = self.exclusions().await?.into_iter().filter(|stored| stored.removed.is_none());
        let exclusions = in_force.map(|stored| stored.exclusion).collect();
        let sql = "SELECT body, classification FROM alerts WHERE classification IS NOT NULL \
                   ORDER BY updated_at DESC, id LIMIT ?";
        let rows: Vec<(String, String)> = sqlx::query_as(sql).bind(CLASSIFIED).fetch_all(&self.reader).await?;
        let mut feedback = Vec::with_capacity(rows.len());
        for (body, name) in rows {
            let alert: Alert = document("alert", &body)?;
            let Some(classification) = classification_of(&name) else { continue };
            let subject = subject(alert.actor.as_ref(), alert.source.as_ref());
            let (detection, time) = (alert.detection, alert.last_at);
            feedback.push(Feedback { detection, subject, classification: classification.into(), time });
        }
        Ok(Policy { exclusions, calibration: Calibration::of(feedback) })
    }
}

fn stored((id, body, created_by, created_at, removed_by, removed_at): Row) -> Result<StoredExclusion> {
    Ok(StoredExclusion {
        id,
        exclusion: document("exclusion", &body)?,
        created_by,
        created_at: Timestamp::from_micros(created_at),
        removed: removed_by.zip(removed_at.map(Timestamp::from_micros)),
    })
}
