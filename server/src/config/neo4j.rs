//! `[neo4j]`: the mirror of the graph in a Neo4j server, for published Cypher and BloodHound's own tools.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;

/// The mirror of the graph in Neo4j.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neo4j {
    /// The server: `bolt://127.0.0.1:7687` or `neo4j://…`. It must speak Bolt 4.4, as Neo4j up to 5.26 does.
    pub uri: String,
    /// The user; empty where the server asks for none.
    pub user: String,
    /// A file with the password; a password in this file would end in backups of it.
    pub password_file: Option<PathBuf>,
    /// The database.
    pub database: String,
    /// When the graph is mirrored, as a cron line in UTC.
    pub cron: String,
    /// Rows in a transaction.
    pub batch: usize,
}

impl Default for Neo4j {
    fn default() -> Self {
        Self {
            uri: "bolt://127.0.0.1:7687".into(),
            user: "neo4j".into(),
            password_file: None,
            database: "neo4j".into(),
            cron: "0 * * * *".into(),
            batch: 5_000,
        }
    }
}

impl Neo4j {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.batch == 0 {
            return Err(Error::Value { key: "neo4j.batch".into(), reason: "must be more than 0".into() });
        }
        crate::scheduler::parse(&self.cron)
            .map(drop)
            .map_err(|error| Error::Value { key: "neo4j.cron".into(), reason: error.to_string() })
    }
}
