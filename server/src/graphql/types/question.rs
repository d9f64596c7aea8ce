//! Prebuilt questions and their answers.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, SimpleObject};
use hopwatch_graph::{Limits, Question};

use super::subgraph::Subgraph;
use crate::clock;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;

/// The most nodes, and the most edges, of an answer.
const MOST: u32 = 5_000;

/// A prebuilt question.
#[derive(Clone, SimpleObject)]
pub struct QuestionInfo {
    /// Its name, by which it is asked.
    pub slug: &'static str,
    /// Its field: inventory, ways, rights, kerberos, certificates, relay, hygiene or cloud.
    pub category: &'static str,
    /// The question.
    pub title: &'static str,
    /// Whether it asks about one object, which must be named.
    pub about_an_object: bool,
}

/// An answer.
#[derive(Clone, SimpleObject)]
pub struct Answer {
    /// The question.
    pub question: QuestionInfo,
    /// Nodes and edges of the answer; a list of objects has no edges.
    pub graph: Subgraph,
    /// How long the search took, in milliseconds.
    pub elapsed_ms: f64,
}

/// What is asked.
#[derive(Clone, Debug, InputObject)]
pub struct AskInput {
    /// The name of the question.
    pub question: String,
    /// The object that the question is about, where it is about one.
    pub object: Option<ID>,
    /// The most nodes, and the most edges of a list of edges, 1–5000.
    #[graphql(default = 1000)]
    pub first: i32,
    /// The graph as it stood at a time.
    pub as_of: Option<DateTime>,
}

impl From<&'static Question> for QuestionInfo {
    fn from(question: &'static Question) -> Self {
        Self {
            slug: question.slug,
            category: question.category.name(),
            title: question.title,
            about_an_object: question.about_an_object(),
        }
    }
}

/// Every prebuilt question.
pub(crate) fn all() -> Vec<QuestionInfo> {
    hopwatch_graph::questions::all().map(QuestionInfo::from).collect()
}

/// Asks a question.
pub(crate) async fn ask(ctx: &Context<'_>, input: AskInput) -> ApiResult<Answer> {
    let question = Question::find(&input.question).ok_or_else(|| ApiError::missing("question", &input.question))?;
    let max_nodes = usize::try_from(amount(input.first, MOST)?).unwrap_or(1);
    let state = Arc::clone(state(ctx)?);
    compute(ctx, move |limits| {
        let started = clock::instant();
        let snapshot = state.snapshot_at(input.as_of.map(|time| time.0));
        let object = input.object.as_ref().map(|id| snapshot.require(id)).transpose()?;
        let found = question.ask(&snapshot, object, &Limits { max_nodes, ..*limits })?;
        let elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
        let graph = Subgraph { truncated: found.truncated, ..Subgraph::of(&snapshot, &found.nodes, found.hops) };
        Ok::<_, ApiError>(Answer { question: question.into(), graph, elapsed_ms })
    })
    .await
}
