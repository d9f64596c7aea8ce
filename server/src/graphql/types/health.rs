//! How the server is, what it reads and what it cannot read.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::graphql::error::ApiError;
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::store::{self, EventFilter};

/// How the server is.
pub struct Health;

/// The standing of a source.
#[derive(Clone, Debug, SimpleObject)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: String,
    /// Frames, records or lines read.
    pub read: u64,
    /// Events made.
    pub events: u64,
    /// The time of its earliest event.
    pub first_event_at: Option<DateTime>,
    /// The time of its latest event.
    pub last_event_at: Option<DateTime>,
    /// What was lost, by reason.
    pub dropped: Vec<ReasonCount>,
    /// Why it stopped, where it did.
    pub error: Option<String>,
}

/// Something that was lost.
#[derive(Clone, Debug, SimpleObject)]
pub struct ReasonCount {
    /// Why.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Something that could not be read.
#[derive(Clone, Debug, SimpleObject)]
pub struct CoverageGap {
    /// The source or the area.
    pub subject: String,
    /// What could not be read, and why.
    pub reason: String,
    /// How often.
    pub count: u64,
}

impl From<store::SourceStatus> for SourceStatus {
    fn from(status: store::SourceStatus) -> Self {
        Self {
            name: status.name,
            kind: status.kind,
            read: status.read,
            events: status.events,
            first_event_at: status.first_event_at.map(DateTime),
            last_event_at: status.last_event_at.map(DateTime),
            dropped: status.dropped.into_iter().map(|(reason, count)| ReasonCount { reason, count }).collect(),
            error: status.error,
        }
    }
}

/// How the server is.
#[Object]
impl Health {
    /// The version of the server.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// When it started.
    async fn started_at(&self, ctx: &Context<'_>) -> Result<DateTime> {
        Ok(DateTime(state(ctx)?.started_at))
    }

    /// Time of the newest event: the watermark.
    async fn watermark(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        let state = state(ctx)?;
        if let Some(watermark) = state.status.load().watermark {
            return Ok(Some(DateTime(watermark)));
        }
        let span = state.events.span().await.map_err(ApiError::from)?;
        Ok(span.map(|(_, last)| DateTime(last)))
    }

    /// Nodes of the graph.
    async fn nodes(&self, ctx: &Context<'_>) -> Result<usize> {
        Ok(state(ctx)?.snapshot().node_count())
    }

    /// Edges of the graph.
    async fn edges(&self, ctx: &Context<'_>) -> Result<usize> {
        Ok(state(ctx)?.snapshot().edge_count())
    }

    /// Events of the history.
    async fn events(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(state(ctx)?.events.count(&EventFilter::default()).await.map_err(ApiError::from)?)
    }

    /// Every source that was read.
    async fn sources(&self, ctx: &Context<'_>) -> Result<Vec<SourceStatus>> {
        let sources = state(ctx)?.store.sources().await.map_err(ApiError::from)?;
        Ok(sources.into_iter().map(Into::into).collect())
    }

    /// What could not be read: each is a possible blind spot.
    async fn coverage_gaps(&self, ctx: &Context<'_>) -> Result<Vec<CoverageGap>> {
        let state = state(ctx)?;
        let gaps = state.gaps().into_iter();
        let mut all: Vec<CoverageGap> =
            gaps.map(|gap| CoverageGap { subject: gap.subject, reason: gap.reason, count: gap.count }).collect();
        for source in state.store.sources().await.map_err(ApiError::from)? {
            let lost = source.dropped.into_iter().map(|(reason, count)| CoverageGap {
                subject: source.name.clone(),
                reason,
                count,
            });
            all.extend(lost);
            all.extend(source.error.map(|reason| CoverageGap { subject: source.name.clone(), reason, count: 1 }));
        }
        Ok(all)
    }
}
