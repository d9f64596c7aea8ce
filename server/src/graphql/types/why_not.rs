//! Why a detection did not fire, gate by gate.

use async_graphql::{Context, SimpleObject};
use hopwatch_detections::why_not;

use super::entity::Entity;
use crate::feed::Error;
use crate::graphql::error::{ApiError, ApiResult, chain};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::why_not::Question;

/// One gate of a judgement.
#[derive(Clone, Debug, SimpleObject)]
pub struct WhyNotGate {
    /// Its name: `on`, `fired`, `source`, `evidence`, `learning`, `threshold`, `rule`, `excluded`.
    pub name: &'static str,
    /// Whether the judgement passed it.
    pub passed: bool,
    /// What was found there, in words.
    pub text: String,
    /// When, where it hangs on one moment.
    pub time: Option<DateTime>,
}

/// Why a detection did not fire.
#[derive(Clone, Debug, SimpleObject)]
pub struct WhyNot {
    /// The detection.
    pub detection: String,
    /// The reason in one sentence.
    pub summary: String,
    /// The gates in the order in which a judgement passes them.
    pub gates: Vec<WhyNotGate>,
    /// The detection's thresholds as JSON.
    pub thresholds: String,
}

/// Asks the pipeline. The entity is an objectid of the graph, or a name or address as sources spell it.
pub(crate) async fn ask(ctx: &Context<'_>, detection: String, entity: &str, time: DateTime) -> ApiResult<WhyNot> {
    let state = state(ctx)?;
    let feed = state.feed.get().ok_or_else(|| ApiError::Unavailable("no pipeline is at work here".into()))?;
    let snapshot = state.snapshot();
    let question = match Entity::find(&snapshot, entity) {
        Some(found) => Question::of_keys(detection.clone(), found.keys(), time.0),
        None => Question::of_name(detection.clone(), entity, time.0),
    };
    let answer = feed.why_not(question).await.map_err(|error| match error {
        Error::Failed(error) => ApiError::Internal(chain(error.as_ref())),
        Error::Stopped => ApiError::Unavailable(error.to_string()),
    })?;
    let why_not::Answer { summary, gates, thresholds } =
        answer.ok_or_else(|| ApiError::missing("detection", &detection))?;
    let gate = |gate: why_not::Gate| WhyNotGate {
        name: gate.name,
        passed: gate.passed,
        text: gate.text,
        time: gate.time.map(DateTime),
    };
    Ok(WhyNot { detection, summary, gates: gates.into_iter().map(gate).collect(), thresholds })
}
