//! Parts of the graph, cut to what can be drawn.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, SimpleObject};
use hopwatch_graph::{Hop, Limits, NodeId, Snapshot};
use hopwatch_model::Timestamp;
use rustc_hash::FxBuildHasher;

use super::edge::{GraphEdge, observed};
use super::entity::Entity;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::{EdgeKind, Kind};
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;
use crate::insight::path_to_tier_zero;

/// The deepest that a graph is drawn around its focus.
const MAX_DEPTH: i32 = 3;
/// Ways into Tier Zero that are drawn where no focus is given.
const WAYS_IN: usize = 40;
/// Edges per drawn node: beyond it a picture is a blot.
const EDGES_PER_NODE: usize = 20;

/// A part of the graph.
#[derive(Clone, SimpleObject)]
pub struct Subgraph {
    /// Its nodes.
    pub nodes: Vec<Entity>,
    /// The edges between them.
    pub edges: Vec<GraphEdge>,
    /// True where a limit cut it.
    pub truncated: bool,
    /// How many neighbours each listed node has that are not in it.
    pub hidden: Vec<HiddenCount>,
}

/// Neighbours that are not drawn.
#[derive(Clone, Debug, SimpleObject)]
pub struct HiddenCount {
    /// The drawn entity.
    pub entity: ID,
    /// How many of its neighbours are not drawn.
    pub count: usize,
}

/// What to draw.
#[derive(Clone, Debug, InputObject)]
pub struct GraphInput {
    /// The nodes around which the graph is drawn; empty: Tier Zero and the shortest ways in.
    pub focus: Vec<ID>,
    /// Hops around the focus, 0–3.
    #[graphql(default = 1)]
    pub depth: i32,
    /// Only these kinds of edges.
    pub kinds: Option<Vec<EdgeKind>>,
    /// Only edges of sources that observed them, only granted ones, or both.
    pub observed: Option<bool>,
    /// The most nodes.
    #[graphql(default = 300)]
    pub limit: i32,
    /// The graph as it stood at a time.
    pub as_of: Option<DateTime>,
    /// Only edges seen at or after.
    pub since: Option<DateTime>,
    /// Only edges seen before.
    pub until: Option<DateTime>,
}

impl Subgraph {
    /// The nodes named and those of the edges, with the edges, each once.
    pub(crate) fn of(snapshot: &Arc<Snapshot>, nodes: &[NodeId], hops: Vec<Hop>) -> Self {
        let drawn = Drawn { nodes: nodes.to_vec(), hops, truncated: false };
        drawn.finish(snapshot, |_| true)
    }
}

/// What of the edges is wanted.
struct Wanted {
    kinds: Option<BTreeSet<hopwatch_model::EdgeKind>>,
    observed: Option<bool>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    fn admits(&self, snapshot: &Snapshot, hop: &Hop) -> bool {
        if self.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&hop.kind)) {
            return false;
        }
        if self.observed.is_some_and(|wanted| wanted != observed(hop)) {
            return false;
        }
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        snapshot.edge(hop.edge).is_none_or(|edge| {
            self.since.is_none_or(|since| edge.last_seen >= since)
                && self.until.is_none_or(|until| edge.first_seen < until)
        })
    }
}

/// What was chosen so far.
struct Drawn {
    nodes: Vec<NodeId>,
    hops: Vec<Hop>,
    truncated: bool,
}

impl Drawn {
    fn finish(mut self, snapshot: &Arc<Snapshot>, admits: impl Fn(&Hop) -> bool) -> Subgraph {
        let mut known: HashSet<NodeId, FxBuildHasher> = self.nodes.iter().copied().collect();
        for hop in &self.hops {
            for end in [hop.source, hop.target] {
                if known.insert(end) {
                    self.nodes.push(end);
                }
            }
        }
        self.hops.sort_unstable();
        self.hops.dedup();
        let mut hidden = Vec::new();
        for id in &self.nodes {
            let out = snapshot.outgoing(*id).filter(|hop| admits(hop)).map(|hop| hop.target);
            let inward = snapshot.incoming(*id).filter(|hop| admits(hop)).map(|hop| hop.source);
            // A group of everyone has a hundred thousand neighbours: sorting beats a tree.
            let mut others: Vec<NodeId> = out.chain(inward).filter(|end| !known.contains(end)).collect();
            others.sort_unstable();
            others.dedup();
            let count = others.len();
            if count > 0 {
                let entity = snapshot.node(*id).map(|node| node.id.clone()).unwrap_or_default();
                hidden.push(HiddenCount { entity: ID(entity), count });
            }
        }
        let entity = |id| Entity { snapshot: Arc::clone(snapshot), id };
        let edge = |hop| GraphEdge { snapshot: Arc::clone(snapshot), hop };
        Subgraph {
            nodes: self.nodes.into_iter().map(entity).collect(),
            edges: self.hops.into_iter().map(edge).collect(),
            truncated: self.truncated,
            hidden,
        }
    }
}

/// Draws what is asked for.
pub(crate) async fn draw(ctx: &Context<'_>, input: GraphInput) -> ApiResult<Subgraph> {
    if !(0..=MAX_DEPTH).contains(&input.depth) {
        return Err(ApiError::BadInput(format!("`depth` is 0 to {MAX_DEPTH}")));
    }
    let state = Arc::clone(state(ctx)?);
    let most = u32::try_from(state.config.server.graph_nodes).unwrap_or(u32::MAX);
    let limit = usize::try_from(amount(input.limit, most)?).unwrap_or(usize::MAX);
    compute(ctx, move |limits| {
        let snapshot = state.snapshot_at(input.as_of.map(|time| time.0));
        let wanted = Wanted {
            kinds: input.kinds.map(|kinds| kinds.into_iter().map(|Kind(kind)| kind).collect()),
            observed: input.observed,
            since: input.since.map(|time| time.0),
            until: input.until.map(|time| time.0),
        };
        let focus = input.focus.iter().map(|id| snapshot.require(id)).collect::<Result<Vec<_>, _>>()?;
        let drawn = if focus.is_empty() {
            ways_in(&snapshot, limit, limits)?
        } else {
            around(&snapshot, &focus, input.depth, limit, &wanted, limits)?
        };
        Ok::<_, ApiError>(drawn.finish(&snapshot, |hop| wanted.admits(&snapshot, hop)))
    })
    .await
}

/// Breadth first around the focus, cut at the limit; then every wanted edge between what was found.
fn around(
    snapshot: &Snapshot,
    focus: &[NodeId],
    depth: i32,
    limit: usize,
    wanted: &Wanted,
    limits: &Limits<'_>,
) -> ApiResult<Drawn> {
    let mut depths: BTreeMap<NodeId, i32> = focus.iter().map(|id| (*id, 0)).collect();
    let mut nodes = focus.to_vec();
    let mut queue: VecDeque<NodeId> = focus.iter().copied().collect();
    let mut truncated = false;
    while let Some(id) = queue.pop_front() {
        check(limits)?;
        let level = depths.get(&id).copied().unwrap_or(0);
        if level >= depth {
            continue;
        }
        let out = snapshot.outgoing(id).filter(|hop| wanted.admits(snapshot, hop)).map(|hop| hop.target);
        let inward = snapshot.incoming(id).filter(|hop| wanted.admits(snapshot, hop)).map(|hop| hop.source);
        for end in out.chain(inward) {
            if depths.contains_key(&end) {
                continue;
            }
            if nodes.len() >= limit {
                truncated = true;
                break;
            }
            depths.insert(end, level + 1);
            nodes.push(end);
            queue.push_back(end);
        }
    }
    let mut hops = Vec::new();
    for id in &nodes {
        check(limits)?;
        let inside =
            snapshot.outgoing(*id).filter(|hop| depths.contains_key(&hop.target) && wanted.admits(snapshot, hop));
        for hop in inside {
            if hops.len() >= limit.saturating_mul(EDGES_PER_NODE) {
                truncated = true;
                break;
            }
            hops.push(hop);
        }
    }
    Ok(Drawn { nodes, hops, truncated })
}

/// The cheapest ways into Tier Zero from enabled accounts outside, cheapest first.
fn ways_in(snapshot: &Snapshot, limit: usize, limits: &Limits<'_>) -> ApiResult<Drawn> {
    let zone = snapshot.tier_zero();
    if zone.is_empty() {
        return Ok(Drawn { nodes: Vec::new(), hops: Vec::new(), truncated: false });
    }
    let distances = snapshot.tier_zero_distances(limits)?;
    let outside = |id: &NodeId| !distances.in_set(*id) && snapshot.flags(*id).principal();
    let mut starts: Vec<(u32, NodeId)> =
        distances.iter().filter(|(id, _)| outside(id)).map(|(id, cost)| (cost, id)).collect();
    starts.sort_unstable();
    let mut nodes: BTreeSet<NodeId> = BTreeSet::new();
    let mut hops = Vec::new();
    let mut truncated = starts.len() > WAYS_IN;
    for (_, start) in starts.into_iter().take(WAYS_IN) {
        let Some(path) = path_to_tier_zero(snapshot, start, limits)? else { continue };
        let more = path.nodes().filter(|id| !nodes.contains(id)).count();
        if nodes.len() + more > limit {
            truncated = true;
            break;
        }
        nodes.extend(path.nodes());
        hops.extend(path.hops);
    }
    if hops.is_empty() {
        return Ok(Drawn { truncated: zone.len() > limit, nodes: zone.into_iter().take(limit).collect(), hops });
    }
    Ok(Drawn { nodes: Vec::new(), hops, truncated })
}

fn check(limits: &Limits<'_>) -> ApiResult<()> {
    match limits.stop {
        Some(stop) if stop() => Err(hopwatch_graph::Error::Stopped.into()),
        _ => Ok(()),
    }
}
