//! Sigma rules as users brought them. A rule is kept off until somebody switches it on, after a look at its backtest.

use hopwatch_model::Timestamp;

use super::{Error, Result, Store};

/// A rule as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub yaml: String,
    /// Whether it is matched.
    pub enabled: bool,
    /// Who brought it.
    pub added_by: String,
    /// When.
    pub added_at: Timestamp,
}

type Row = (String, String, String, bool, String, i64);

impl Store {
    /// Keeps rules as `(id, title, text)`, all or none; one that is known gets the new text and stays on or off.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn put_rules(&self, rules: &[(String, String, String)], user: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for (id, title, yaml) in rules {
            let sql = "INSERT INTO sigma_rules (id, title, yaml, added_by, added_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                       ON CONFLICT (id) DO UPDATE SET title = ?2, yaml = ?3, added_by = ?4, added_at = ?5";
            let query = sqlx::query(sql).bind(id).bind(title).bind(yaml).bind(user).bind(now.as_micros());
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All rules, by id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn rules(&self) -> Result<Vec<StoredRule>> {
        let sql = "SELECT id, title, yaml, enabled, added_by, added_at FROM sigma_rules ORDER BY id";
        let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        let stored = |(id, title, yaml, enabled, added_by, added_at): Row| {
            let added_at = Timestamp::from_micros(added_at);
            StoredRule { id, title, yaml, enabled, added_by, added_at }
        };
        Ok(rows.into_iter().map(stored).collect())
    }

    /// Switches rules on or off, all or none.
    ///
    /// # Errors
    /// [`Error::Missing`] where one is not there.
    pub async fn enable_rules(&self, ids: &[String], enabled: bool) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for id in ids {
            let query = sqlx::query("UPDATE sigma_rules SET enabled = ? WHERE id = ?").bind(enabled).bind(id);
            if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Err(Error::Missing { what: "rule", id: id.clone() });
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes rules away, all or none.
    ///
    /// # Errors
    /// [`Error::Missing`] where one is not there.
    pub async fn remove_rules(&self, ids: &[String]) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        for id in ids {
            let query = sqlx::query("DELETE FROM sigma_rules WHERE id = ?").bind(id);
            if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                return Err(Error::Missing { what: "rule", id: id.clone() });
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}
