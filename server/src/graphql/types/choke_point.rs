//! Choke points: the edges whose removal cuts the most principals off from Tier Zero.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};
use hopwatch_graph::{Hop, Limits, Snapshot};

use super::edge::GraphEdge;
use super::path::Path;
use crate::graphql::error::ApiResult;
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};
use crate::insight::{Choke, path_to_tier_zero};

/// The most choke points of an answer.
const MOST: u32 = 100;

/// An edge whose removal helps most.
#[derive(Clone, SimpleObject)]
pub struct ChokePoint {
    /// The edge whose removal cuts the most principals off from Tier Zero.
    pub edge: GraphEdge,
    /// Every edge from its source to its target: to cut the way, each of them must go.
    pub parallel: Vec<GraphEdge>,
    /// The cheapest way into Tier Zero that it opens: the edge itself, and on from its target.
    pub path: Path,
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
    let found = compute(ctx, move |limits| {
        let chokes = insight.choke_points(limits)?;
        let with_way = |choke: &Choke| Ok((choke.clone(), way(&insight.snapshot, choke.hop, limits)?));
        chokes.iter().take(limit).map(with_way).collect::<Result<Vec<_>, hopwatch_graph::Error>>()
    });
    let row = |(choke, path): (Choke, hopwatch_graph::Path)| ChokePoint {
        edge: GraphEdge { snapshot: Arc::clone(&snapshot), hop: choke.hop },
        path: Path { snapshot: Arc::clone(&snapshot), path },
        parallel: choke.with.iter().map(|hop| GraphEdge { snapshot: Arc::clone(&snapshot), hop: *hop }).collect(),
        principals_cut_off: choke.principals,
        exposure_removed_percent: choke.percent,
    };
    Ok(found.await?.into_iter().map(row).collect())
}

/// The edge, and the cheapest path from its target to Tier Zero.
fn way(snapshot: &Snapshot, hop: Hop, limits: &Limits<'_>) -> Result<hopwatch_graph::Path, hopwatch_graph::Error> {
    let rest = path_to_tier_zero(snapshot, hop.target, limits)?;
    let mut hops = vec![hop];
    hops.extend(rest.into_iter().flat_map(|path| path.hops));
    let cost = hops.iter().map(|hop| u32::from(hop.cost)).sum();
    Ok(hopwatch_graph::Path { cost, start: hop.source, hops })
}
