//! The first page: what is open, how exposed the crown jewels are, what to fix first, who is odd.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Object, Result, SimpleObject};
use hopwatch_graph::Share;
use hopwatch_model::Severity;

use super::choke_point::{self, ChokePoint};
use super::entity::Entity;
use super::evidence::ScorePart;
use super::histogram::{HistogramBucket, Spans, of_alerts};
use crate::clock;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::page::{amount, list_cost};
use crate::graphql::request::{compute, state};
use crate::store::{AlertFilter, AlertState};

/// The span of the histogram of alerts: four weeks, so that a weekly pattern shows.
const WINDOW: Duration = Duration::from_secs(28 * 86_400);
/// The most bars of a histogram.
pub(crate) const MAX_BUCKETS: u32 = 1000;

/// The first page.
pub struct Overview;

/// How odd an entity behaves.
#[derive(Clone, SimpleObject)]
pub struct EntityScore {
    /// Which entity.
    pub entity: Entity,
    /// 0–100.
    pub score: f64,
    /// Of what it is made.
    pub parts: Vec<ScorePart>,
}

/// How far a detection or a profile has learned.
#[derive(Clone, Debug, SimpleObject)]
pub struct LearningStatus {
    /// The detection's slug or the profile's name.
    pub detection: String,
    /// Whether it judges already.
    pub ready: bool,
    /// 0–100.
    pub progress_percent: f64,
    /// What it waits for.
    pub detail: String,
}

async fn zone(ctx: &Context<'_>) -> ApiResult<Share> {
    let insight = state(ctx)?.insight();
    compute(ctx, move |limits| insight.zone(limits)).await
}

async fn open(ctx: &Context<'_>, severities: Vec<Severity>) -> ApiResult<u64> {
    let states = vec![AlertState::Open, AlertState::InProgress];
    Ok(state(ctx)?.store.alert_count(&AlertFilter { severities, states, ..AlertFilter::default() }).await?)
}

/// The first page.
#[Object]
impl Overview {
    /// Alerts that are not closed.
    async fn open_alerts(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(open(ctx, Vec::new()).await?)
    }

    /// Alerts of high severity that are not closed.
    async fn open_high(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(open(ctx, vec![Severity::High]).await?)
    }

    /// Share of enabled principals that can reach Tier Zero, 0–100.
    async fn exposure_percent(&self, ctx: &Context<'_>) -> Result<f64> {
        Ok(zone(ctx).await?.ratio() * 100.0)
    }

    /// Enabled principals outside Tier Zero that can reach it.
    async fn exposed_principals(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(zone(ctx).await?.principals)
    }

    /// Enabled users and computers.
    async fn principals(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(state(ctx)?.snapshot().principal_count())
    }

    /// Objects of Tier Zero.
    async fn tier_zero(&self, ctx: &Context<'_>) -> Result<usize> {
        Ok(state(ctx)?.snapshot().tier_zero_reasons().len())
    }

    /// Alerts by severity over the four weeks up to the newest event or alert.
    async fn alert_histogram(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 28)] buckets: i32,
    ) -> Result<Vec<HistogramBucket>> {
        let state = state(ctx)?;
        let count = usize::try_from(amount(buckets, MAX_BUCKETS)?).unwrap_or(1);
        let newest = match state.status.load().watermark {
            Some(watermark) => Some(watermark),
            None => state.events.span().await.map_err(ApiError::from)?.map(|(_, last)| last),
        };
        let latest = state.store.latest_alert().await.map_err(ApiError::from)?;
        let end = newest.max(latest).unwrap_or_else(clock::now);
        let alerts = state.store.alert_times(end - WINDOW, end.shifted(1)).await.map_err(ApiError::from)?;
        Ok(of_alerts(&Spans::new(end - WINDOW, end, count), &alerts))
    }

    /// The edges whose removal helps most.
    #[graphql(complexity = "50 + list_cost(first, child_complexity)")]
    async fn fix_first(&self, ctx: &Context<'_>, #[graphql(default = 5)] first: i32) -> Result<Vec<ChokePoint>> {
        Ok(choke_point::list(ctx, first).await?)
    }

    /// The entities that behave oddest.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn oddest(&self, ctx: &Context<'_>, #[graphql(default = 5)] first: i32) -> Result<Vec<EntityScore>> {
        let limit = usize::try_from(amount(first, 100)?).unwrap_or(usize::MAX);
        let state = state(ctx)?;
        let (snapshot, status) = (state.snapshot(), state.status.load());
        let row = |odd: &crate::state::Oddity| {
            let id = snapshot.find(&odd.entity)?;
            let entity = Entity { snapshot: Arc::clone(&snapshot), id };
            Some(EntityScore { entity, score: odd.score, parts: odd.parts.iter().map(ScorePart::from).collect() })
        };
        Ok(status.oddest.iter().filter_map(row).take(limit).collect())
    }

    /// Every detection and profile that learns.
    async fn learning(&self, ctx: &Context<'_>) -> Result<Vec<LearningStatus>> {
        let status = state(ctx)?.status.load();
        let row = |learning: &crate::state::Learning| LearningStatus {
            detection: learning.detection.clone(),
            ready: learning.ready,
            progress_percent: learning.progress_percent,
            detail: learning.detail.clone(),
        };
        Ok(status.learning.iter().map(row).collect())
    }
}
