//! Open sessions of users, by the digest of their token.

use hopwatch_model::Timestamp;

use super::{Result, Role, Store};

/// A session as it is found by its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// The user's name as it is spelt in the list of users.
    pub user: String,
    /// What the user may do now.
    pub role: Role,
    /// When the session ends.
    pub expires_at: Timestamp,
}

impl Store {
    /// Opens a session, and forgets those that have expired.
    pub(crate) async fn open_session(&self, digest: &[u8], user: &str, now: Timestamp, until: Timestamp) -> Result<()> {
        let mut transaction = self.writer.begin().await?;
        let stale = sqlx::query("DELETE FROM sessions WHERE expires_at <= ?").bind(now.as_micros());
        stale.execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO sessions (digest, user_name, created_at, expires_at) VALUES (?, ?, ?, ?)")
            .bind(digest)
            .bind(user)
            .bind(now.as_micros())
            .bind(until.as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The session of a token's digest, where it has not expired and its user may still log in.
    pub(crate) async fn session(&self, digest: &[u8], now: Timestamp) -> Result<Option<StoredSession>> {
        let sql = "SELECT users.name, users.role, sessions.expires_at FROM sessions JOIN users ON users.name = user_name \
                   WHERE digest = ? AND expires_at > ? AND NOT users.disabled";
        let row: Option<(String, String, i64)> =
            sqlx::query_as(sql).bind(digest).bind(now.as_micros()).fetch_optional(&self.reader).await?;
        Ok(row.and_then(|(user, role, until)| {
            Some(StoredSession { user, role: Role::from_name(&role)?, expires_at: Timestamp::from_micros(until) })
        }))
    }

    /// Ends a session.
    pub(crate) async fn close_session(&self, digest: &[u8]) -> Result<bool> {
        let done = sqlx::query("DELETE FROM sessions WHERE digest = ?").bind(digest).execute(&self.writer).await?;
        Ok(done.rows_affected() > 0)
    }
}
