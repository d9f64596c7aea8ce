//! What users say of entities: owned (taken in a test or an incident) and sensitive (a crown jewel of their own).

use std::collections::BTreeMap;

use hopwatch_model::Timestamp;

use super::{Result, Store};

/// The tags of an entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Taken, in a test or an incident.
    pub owned: bool,
    /// A crown jewel of the user's own.
    pub sensitive: bool,
}

impl Store {
    /// Sets those tags of an entity that are given.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tag(
        &self,
        entity: &str,
        owned: Option<bool>,
        sensitive: Option<bool>,
        now: Timestamp,
    ) -> Result<Tags> {
        let sql = "INSERT INTO entity_tags (entity, owned, sensitive, updated_at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (entity) DO UPDATE SET owned = coalesce(?5, owned), sensitive = coalesce(?6, sensitive), \
                   updated_at = ?4 RETURNING owned, sensitive";
        let (owned, sensitive): (bool, bool) = sqlx::query_as(sql)
            .bind(entity)
            .bind(owned.unwrap_or_default())
            .bind(sensitive.unwrap_or_default())
            .bind(now.as_micros())
            .bind(owned)
            .bind(sensitive)
            .fetch_one(&self.writer)
            .await?;
        Ok(Tags { owned, sensitive })
    }

    /// All tagged entities, by objectid.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tags(&self) -> Result<BTreeMap<String, Tags>> {
        let sql = "SELECT entity, owned, sensitive FROM entity_tags WHERE owned OR sensitive";
        let rows: Vec<(String, bool, bool)> = sqlx::query_as(sql).fetch_all(&self.reader).await?;
        Ok(rows.into_iter().map(|(entity, owned, sensitive)| (entity, Tags { owned, sensitive })).collect())
    }
}
