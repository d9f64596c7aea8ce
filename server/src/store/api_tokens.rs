//! Tokens of programs, by the digest of the token.

use hopwatch_model::Timestamp;

use super::{Error, Result, Role, Store};

/// A token as lists show it; the token itself is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id, by which it is revoked.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked, where it was.
    pub revoked_at: Option<Timestamp>,
}

type Row = (String, String, String, i64, i64, Option<i64>);

const COLUMNS: &str = "SELECT id, name, role, created_at, expires_at, revoked_at FROM api_tokens";

impl Store {
    /// Keeps a token under its digest.
    ///
    /// # Errors
    /// [`Error::Exists`] where the id is taken.
    pub(crate) async fn add_api_token(&self, token: &ApiToken, digest: &[u8]) -> Result<()> {
        let sql = "INSERT INTO api_tokens (id, digest, name, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) \
                   ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql)
            .bind(&token.id)
            .bind(digest)
            .bind(&token.name)
            .bind(token.role.name())
            .bind(token.created_at.as_micros())
            .bind(token.expires_at.as_micros());
        if query.execute(&self.writer).await?.rows_affected() == 0 {
            return Err(Error::Exists { what: "token", id: token.id.clone() });
        }
        Ok(())
    }

    /// All tokens, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>> {
        let sql = format!("{COLUMNS} ORDER BY created_at DESC, id");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().filter_map(token).collect())
    }

    /// The token of a digest, expired and revoked ones too.
    pub(crate) async fn api_token(&self, digest: &[u8]) -> Result<Option<ApiToken>> {
        let sql = format!("{COLUMNS} WHERE digest = ?");
        let row: Option<Row> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(digest).fetch_optional(&self.reader).await?;
        Ok(row.and_then(token))
    }

    /// Revokes a token; it stops working at once.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none of the id that still works.
    pub async fn revoke_api_token(&self, id: &str, now: Timestamp) -> Result<()> {
        let sql = "UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
        let query = sqlx::query(sql).bind(now.as_micros()).bind(id);
        if query.execute(&self.writer).await?.rows_affected() == 0 {
            return Err(Error::Missing { what: "token in force", id: id.to_owned() });
        }
        Ok(())
    }
}

fn token((id, name, role, created, expires, revoked): Row) -> Option<ApiToken> {
    Some(ApiToken {
        id,
        name,
        role: Role::from_name(&role)?,
        created_at: Timestamp::from_micros(created),
        expires_at: Timestamp::from_micros(expires),
        revoked_at: revoked.map(Timestamp::from_micros),
    })
}
