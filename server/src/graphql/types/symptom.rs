//! What is missing for the detections to see: the doctor's answer about a running server. The type is the doctor's own.

use std::sync::Arc;

use async_graphql::Context;

use crate::clock;
use crate::doctor::{Patient, Symptom, examine};
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::request::{compute, state};

/// Everything that is missing, the worst first.
pub(crate) async fn all(ctx: &Context<'_>) -> ApiResult<Vec<Symptom>> {
    let state = state(ctx)?;
    let sources = state.store.sources().await?;
    let (snapshot, coverage) = (state.snapshot(), Arc::clone(&state.status.load().coverage));
    compute(ctx, move |_| {
        let now = clock::now();
        let patient = Patient { snapshot: &snapshot, coverage: &coverage, sources: &sources, until: now, now };
        Ok::<_, ApiError>(examine(&patient))
    })
    .await
}
