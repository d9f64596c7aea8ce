//! Posture findings as they stand: each run replaces the list, since a finding goes when its cause goes.

use hopwatch_model::Finding;

use super::error::{document, to_document};
use super::{Result, Store};

/// The id of a finding: of its slug and title, so that it stays the same while its cause stays.
#[must_use]
pub fn id(finding: &Finding) -> String {
    let digest = blake3::hash(format!("{}|{}", finding.detection, finding.title).as_bytes());
    digest.to_hex().chars().take(16).collect()
}

impl Store {
    /// Puts a list of findings in the place of the former one.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn replace_findings(&self, findings: &[Finding]) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query("DELETE FROM findings").execute(&mut *transaction).await?;
        for finding in findings {
            sqlx::query("INSERT OR REPLACE INTO findings (id, body) VALUES (?, ?)")
                .bind(id(finding))
                .bind(to_document("finding", finding)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All findings, the worst first.
    ///
    /// # Errors
    /// Where the database fails or a document cannot be read.
    pub async fn findings(&self) -> Result<Vec<Finding>> {
        let bodies: Vec<(String,)> =
            sqlx::query_as("SELECT body FROM findings ORDER BY id").fetch_all(&self.reader).await?;
        let mut findings: Vec<Finding> =
            bodies.iter().map(|(body,)| document("finding", body)).collect::<Result<_>>()?;
        findings.sort_by(|a, b| (b.severity, &a.detection, &a.title).cmp(&(a.severity, &b.detection, &b.title)));
        Ok(findings)
    }
}
