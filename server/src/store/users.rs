//! The users of the server and their roles. Passwords come here as PHC strings only.

use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Error, Result, Store};

/// What a user may do; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Triages, tags, runs reports.
    Analyst,
    /// Everything.
    Admin,
}

impl Role {
    /// The name as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Analyst, Self::Admin].into_iter().find(|role| role.name() == name)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name; case does not matter.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may not log in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::Exists`] where the name is taken.
    pub async fn add_user(&self, name: &str, role: Role, password_hash: &str, now: Timestamp) -> Result<()> {
        let sql = "INSERT INTO users (name, role, password, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(name).bind(role.name()).bind(password_hash).bind(now.as_micros());
        if query.execute(&self.writer).await?.rows_affected() == 0 {
            return Err(Error::Exists { what: "user", id: name.to_owned() });
        }
        Ok(())
    }

    /// Sets a user's password and ends all of its sessions.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such user.
    pub async fn set_password(&self, name: &str, password_hash: &str) -> Result<()> {
        let query = sqlx::query("UPDATE users SET password = ? WHERE name = ?").bind(password_hash).bind(name);
        let changed = query.execute(&self.writer).await?.rows_affected();
        self.changed(name, changed).await
    }

    /// Sets a user's role.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such user.
    pub async fn set_role(&self, name: &str, role: Role) -> Result<()> {
        let query = sqlx::query("UPDATE users SET role = ? WHERE name = ?").bind(role.name()).bind(name);
        let changed = query.execute(&self.writer).await?.rows_affected();
        self.changed(name, changed).await
    }

    /// Removes a user and its sessions.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such user.
    pub async fn remove_user(&self, name: &str) -> Result<()> {
        let changed = sqlx::query("DELETE FROM users WHERE name = ?").bind(name).execute(&self.writer).await?;
        self.changed(name, changed.rows_affected()).await
    }

    /// All users, by name.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn users(&self) -> Result<Vec<User>> {
        let sql = "SELECT name, role, disabled, created_at FROM users ORDER BY name";
        let rows: Vec<(String, String, bool, i64)> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().filter_map(user).collect())
    }

    /// A user with its password hash.
    pub(crate) async fn user_with_password(&self, name: &str) -> Result<Option<(User, String)>> {
        let sql = "SELECT name, role, disabled, created_at, password FROM users WHERE name = ?";
        let row: Option<(String, String, bool, i64, String)> =
            sqlx::query_as(sql).bind(name).fetch_optional(&self.reader).await?;
        Ok(row.and_then(|(name, role, disabled, created, hash)| Some((user((name, role, disabled, created))?, hash))))
    }

    async fn changed(&self, name: &str, rows: u64) -> Result<()> {
        if rows == 0 {
            return Err(Error::Missing { what: "user", id: name.to_owned() });
        }
        sqlx::query("DELETE FROM sessions WHERE user_name = ?").bind(name).execute(&self.writer).await?;
        Ok(())
    }
}

fn user((name, role, disabled, created): (String, String, bool, i64)) -> Option<User> {
    Some(User { name, role: Role::from_name(&role)?, disabled, created_at: Timestamp::from_micros(created) })
}
