//! Accounts as sources named them.

use async_graphql::{Context, Object, Result};

use super::entity::Entity;
use crate::graphql::request::state;

/// An account as a source named it.
pub struct Account(pub hopwatch_model::Account);

/// An account as a source named it.
#[Object]
impl Account {
    /// The name; the SID where only that is known.
    async fn name(&self) -> String {
        match (&self.0.sid, self.0.name.is_empty()) {
            (Some(sid), true) => sid.to_string(),
            _ => self.0.name.clone(),
        }
    }

    /// Domain or realm, as spelt by the source.
    async fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    /// The SID, where it is known.
    async fn sid(&self) -> Option<String> {
        self.0.sid.as_ref().map(ToString::to_string)
    }

    /// The entity in the graph, where it is known.
    async fn entity(&self, ctx: &Context<'_>) -> Result<Option<Entity>> {
        let snapshot = state(ctx)?.snapshot();
        let found = snapshot.lookup().account(&self.0);
        Ok(found.map(|id| Entity { snapshot, id }))
    }
}
