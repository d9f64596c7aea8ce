//! What a resolver takes out of its request: the state, who asks, and a place to compute for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_graphql::{Context, Guard};
use hopwatch_graph::Limits;
use tokio::sync::Semaphore;

use super::error::{ApiError, ApiResult};
use crate::auth::Identity;
use crate::clock;
use crate::state::State;
use crate::store::Role;

/// Graph queries computed at a time; further ones wait. Each may take a core and memory in the order of the graph.
const HEAVY: usize = 2;
/// The places of graph queries.
static PLACES: Semaphore = Semaphore::const_new(HEAVY);

/// Until when a request may work.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// From where a request comes, for the throttle of logins.
#[derive(Clone, Debug)]
pub struct Peer(pub String);

/// The state of the server.
pub(crate) fn state<'a>(ctx: &Context<'a>) -> ApiResult<&'a State> {
    ctx.data::<State>().map_err(|error| ApiError::Internal(error.message))
}

/// Who asks.
pub(crate) fn identity<'a>(ctx: &Context<'a>) -> ApiResult<&'a Identity> {
    ctx.data_opt::<Identity>().ok_or_else(|| ApiError::Unauthenticated("log in first".into()))
}

/// Lets only users of a role or more in.
pub struct AtLeast(pub Role);

impl Guard for AtLeast {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        if identity(ctx)?.role < self.0 {
            return Err(ApiError::Forbidden.into());
        }
        Ok(())
    }
}

/// Lets everyone in who is logged in.
pub(crate) fn reader() -> AtLeast {
    AtLeast(Role::Viewer)
}

/// Lets in who may change things.
pub(crate) fn analyst() -> AtLeast {
    AtLeast(Role::Analyst)
}

/// Stops the work when the request goes away.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Computes on a thread of its own, within the request's deadline; a request that is given up stops its work.
pub(crate) async fn compute<T, E>(
    ctx: &Context<'_>,
    work: impl FnOnce(&Limits<'_>) -> Result<T, E> + Send + 'static,
) -> ApiResult<T>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let _place = PLACES.acquire().await.map_err(|error| ApiError::Internal(error.to_string()))?;
    let flag = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&flag));
    let fallback = || clock::instant() + Duration::from_secs(20);
    let deadline = ctx.data_opt::<Deadline>().map_or_else(fallback, |deadline| deadline.0);
    let run = move || {
        let stop = || flag.load(Ordering::Relaxed) || clock::instant() > deadline;
        work(&Limits { stop: Some(&stop), ..Limits::none() })
    };
    let done = tokio::task::spawn_blocking(run).await;
    done.map_err(|error| ApiError::Internal(error.to_string()))?.map_err(Into::into)
}
