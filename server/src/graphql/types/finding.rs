//! Posture findings.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::alert::Severity;
use super::entity::Entity;
use crate::graphql::page::{MOST, amount, list_cost};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::store::findings;

/// A judgement about posture: it goes when its cause goes.
pub struct Finding(pub hopwatch_model::Finding);

/// A judgement about posture: it goes when its cause goes.
#[Object]
impl Finding {
    /// Its id, the same as long as its cause stays.
    async fn id(&self) -> ID {
        ID(findings::id(&self.0))
    }

    /// The finding's slug.
    async fn detection(&self) -> &str {
        &self.0.detection
    }

    /// How bad it is.
    async fn severity(&self) -> Severity {
        self.0.severity.into()
    }

    /// What is wrong, in one sentence.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// The objects concerned, as far as the graph knows them.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn exposed(&self, ctx: &Context<'_>, #[graphql(default = 20)] first: i32) -> Result<Vec<Entity>> {
        let limit = usize::try_from(amount(first, MOST)?).unwrap_or(usize::MAX);
        let snapshot = state(ctx)?.snapshot();
        let found = self.0.exposed.iter().filter_map(|id| snapshot.find(id));
        Ok(found.take(limit).map(|id| Entity { snapshot: Arc::clone(&snapshot), id }).collect())
    }

    /// How many objects are concerned.
    async fn exposed_count(&self) -> usize {
        self.0.exposed.len()
    }

    /// What to do.
    async fn remediation(&self) -> &str {
        &self.0.remediation
    }

    /// What it rests on, in words.
    async fn evidence(&self) -> &[String] {
        &self.0.evidence
    }

    /// When it was seen.
    async fn seen_at(&self) -> DateTime {
        DateTime(self.0.seen_at)
    }
}
