//! Choke points: the edges whose removal cuts the most principals off from Tier Zero.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

use super::edge::GraphEdge;
use crate::graphql::error::ApiResult;
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};

/// The most choke points of an answer.
const MOST: u32 = 100;

/// An edge whose removal helps most.
#[derive(Clone, SimpleObject)]
pub struct ChokePoint {
    /// The edge whose removal cuts the most principals off from Tier Zero.
    pub edge: GraphEdge,
    /// Every edge from its source to its target: to cut the way, each of them must go.
    pub parallel: Vec<GraphEdge>,
    /// How many enabled principals it cuts off.
    pub principals_cut_off: u64,
    /// By how many percent points the exposure of Tier Zero falls.
    pub exposure_removed_percent: f64,
}

/// The choke points, the best first.
pub(crate) async fn list(ctx: &Context<'_>, first: i32) -> ApiResult<Vec<ChokePoint>> {
    let limit = usize::try_from(amount(first, MOST)?).unwrap_or(usize::MAX);
    let insight = state(ctx)?.insight();
    let snapshot = Arc::clone(&insight.snapshot);
    let chokes = compute(ctx, move |limits| insight.choke_points(limits)).await?;
    let row = |choke: &crate::insight::Choke| ChokePoint {
        edge: GraphEdge { snapshot: Arc::clone(&snapshot), hop: choke.hop },
        parallel: choke.with.iter().map(|hop| GraphEdge { snapshot: Arc::clone(&snapshot), hop: *hop }).collect(),
        principals_cut_off: choke.principals,
        exposure_removed_percent: choke.percent,
    };
    Ok(chokes.iter().take(limit).map(row).collect())
}
