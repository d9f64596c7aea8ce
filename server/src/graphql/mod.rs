//! The GraphQL API. `schema.graphql` at the top of the repository is printed from here and is the contract with every
//! client. Nothing is judged or searched here: resolvers ask the store, the graph and the detections.

pub mod error;
pub mod kinds;
mod limits;
pub mod mutation;
pub mod page;
pub mod query;
pub mod request;
pub mod subscription;
pub mod time;
pub mod types;

use std::time::Duration;

use async_graphql::{Schema, SchemaBuilder};

use crate::config::Server;
use crate::state::State;

pub use mutation::Mutation;
pub use query::Query;
pub use subscription::Subscription;

/// The API's schema.
pub type ApiSchema = Schema<Query, Mutation, Subscription>;

/// The API over a server's state.
#[must_use]
pub fn schema(state: &State) -> ApiSchema {
    builder(&state.config.server).data(State::clone(state)).finish()
}

/// The schema in GraphQL's own language, as committed.
#[must_use]
pub fn sdl() -> String {
    let sdl = builder(&Server::default()).finish().sdl();
    format!("{}\n", sdl.trim())
}

fn builder(config: &Server) -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query, Mutation, Subscription)
        .limit_depth(config.query_depth)
        .limit_complexity(config.query_complexity)
        .limit_recursive_depth(config.query_depth * 2)
        .limit_directives(16)
        .extension(limits::TimeLimit(Duration::from_secs(config.query_secs)))
}
