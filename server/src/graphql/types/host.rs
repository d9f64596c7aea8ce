//! Hosts as events saw them.

use async_graphql::{Context, Object, Result};
use hopwatch_model::Certainty;
use hopwatch_model::identity::ResolutionMethod;

use super::entity::Entity;
use crate::graphql::request::state;

/// A host as an event saw it.
pub struct Host(pub hopwatch_model::Host);

/// A host as an event saw it.
#[Object]
impl Host {
    /// The address.
    async fn address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// The name, as the source or the resolution table spelt it.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// How sure the join of address and name is: `unknown`, `low`, `medium`, `high`.
    async fn certainty(&self) -> &'static str {
        match self.0.resolution.certainty {
            Certainty::Unknown => "unknown",
            Certainty::Low => "low",
            Certainty::Medium => "medium",
            Certainty::High => "high",
        }
    }

    /// By what they were joined.
    async fn method(&self) -> &'static str {
        match self.0.resolution.method {
            ResolutionMethod::None => "none",
            ResolutionMethod::Reported => "reported",
            ResolutionMethod::Kerberos => "kerberos",
            ResolutionMethod::Ntlm => "ntlm",
            ResolutionMethod::Dhcp => "dhcp",
            ResolutionMethod::Dns => "dns",
            ResolutionMethod::Netbios => "netbios",
            ResolutionMethod::Tls => "tls",
            ResolutionMethod::Directory => "directory",
        }
    }

    /// The entity in the graph, where it is known.
    async fn entity(&self, ctx: &Context<'_>) -> Result<Option<Entity>> {
        let snapshot = state(ctx)?.snapshot();
        let found = snapshot.lookup().host(&self.0);
        Ok(found.map(|id| Entity { snapshot, id }))
    }
}
