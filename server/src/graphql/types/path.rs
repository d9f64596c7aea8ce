//! Paths: how somebody gets from here to there, and what is in the way.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use hopwatch_graph::{Filter, KindMask, Limits, Metric, NodeId, Snapshot};

use super::edge::{GraphEdge, key_of};
use super::subgraph::Subgraph;
use crate::clock;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::{EdgeKind, Kind};
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;

/// The most paths of an answer.
const MAX_PATHS: u32 = 20;
/// The most stops of a path.
const MAX_VIA: usize = 10;
/// The most exclusions of a request.
const MAX_EXCLUDED: usize = 1000;
/// The most nodes of the graph of all shortest paths.
const GRAPH_NODES: usize = 1000;

/// A path.
#[derive(Clone)]
pub struct Path {
    /// The graph in which it holds.
    pub snapshot: Arc<Snapshot>,
    /// The path.
    pub path: hopwatch_graph::Path,
}

/// A path.
#[Object]
impl Path {
    /// Its hops in order.
    async fn hops(&self) -> Vec<GraphEdge> {
        self.path.hops.iter().map(|hop| GraphEdge { snapshot: Arc::clone(&self.snapshot), hop: *hop }).collect()
    }

    /// What its hops cost together.
    async fn cost(&self) -> u32 {
        self.path.cost
    }

    /// How many hops it has.
    async fn length(&self) -> usize {
        self.path.hops.len()
    }
}

/// What was found.
#[derive(Clone, SimpleObject)]
pub struct PathResult {
    /// The paths, the cheapest first.
    pub paths: Vec<Path>,
    /// Their nodes and edges as one graph; by hops, those of all shortest paths.
    pub graph: Subgraph,
    /// Why there is none, where there is none.
    pub reason: Option<String>,
    /// How long the search took, in milliseconds.
    pub elapsed_ms: f64,
}

/// Which paths.
#[derive(Clone, Debug, InputObject)]
pub struct PathInput {
    /// Where it starts.
    pub from: ID,
    /// Null: to the nearest of Tier Zero.
    pub to: Option<ID>,
    /// Stops in this order.
    pub via: Option<Vec<ID>>,
    /// Nodes that no path may touch.
    pub exclude_nodes: Option<Vec<ID>>,
    /// Edges that no path may use, by id.
    pub exclude_edges: Option<Vec<ID>>,
    /// Kinds that no path may use.
    pub exclude_kinds: Option<Vec<EdgeKind>>,
    /// How many paths, cheapest first, 1–20.
    #[graphql(default = 1)]
    pub count: i32,
    /// All shortest paths by hops instead of by cost.
    #[graphql(default = false)]
    pub by_hops: bool,
    /// The graph as it stood at a time.
    pub as_of: Option<DateTime>,
}

/// A request in the graph's own terms.
struct Question {
    from: NodeId,
    to: Vec<NodeId>,
    via: Vec<NodeId>,
    filter: Filter,
    metric: Metric,
    count: usize,
}

/// Finds paths.
pub(crate) async fn find(ctx: &Context<'_>, input: PathInput) -> ApiResult<PathResult> {
    let state = Arc::clone(state(ctx)?);
    compute(ctx, move |limits| {
        let started = clock::instant();
        let snapshot = state.snapshot_at(input.as_of.map(|time| time.0));
        let question = question(&snapshot, &input)?;
        let mut result = answer(&snapshot, &question, limits)?;
        let elapsed = started.elapsed();
        metrics::histogram!("hopwatch_path_query_seconds").record(elapsed);
        result.elapsed_ms = elapsed.as_secs_f64() * 1000.0;
        Ok::<_, ApiError>(result)
    })
    .await
}

fn question(snapshot: &Snapshot, input: &PathInput) -> ApiResult<Question> {
    let nodes = |ids: &Option<Vec<ID>>| -> ApiResult<Vec<NodeId>> {
        ids.iter().flatten().map(|id| Ok(snapshot.require(id)?)).collect()
    };
    let excluded = [input.exclude_nodes.as_ref().map(Vec::len), input.exclude_edges.as_ref().map(Vec::len)];
    if excluded.into_iter().flatten().sum::<usize>() > MAX_EXCLUDED {
        return Err(ApiError::Limit(format!("exclude at most {MAX_EXCLUDED} nodes and edges")));
    }
    let via = nodes(&input.via)?;
    if via.len() > MAX_VIA {
        return Err(ApiError::Limit(format!("a path has at most {MAX_VIA} stops")));
    }
    let mut kinds = KindMask::traversable();
    for Kind(kind) in input.exclude_kinds.iter().flatten() {
        kinds = kinds.without(*kind);
    }
    let keys = input.exclude_edges.iter().flatten().map(|id| key_of(snapshot, id)).collect::<ApiResult<_>>()?;
    let filter = Filter { without_nodes: nodes(&input.exclude_nodes)?, without_edges: keys, ..Filter::of_kinds(kinds) };
    let to = match &input.to {
        Some(id) => vec![snapshot.require(id)?],
        None => snapshot.tier_zero(),
    };
    let count = usize::try_from(amount(input.count, MAX_PATHS)?).unwrap_or(1);
    if count > 1 && !via.is_empty() {
        return Err(ApiError::BadInput("several paths cannot be asked for with stops".into()));
    }
    let metric = if input.by_hops { Metric::Hops } else { Metric::Cost };
    Ok(Question { from: snapshot.require(&input.from)?, to, via, filter, metric, count })
}

fn answer(snapshot: &Arc<Snapshot>, question: &Question, limits: &Limits<'_>) -> ApiResult<PathResult> {
    let Question { from, to, via, filter, metric, count } = question;
    if to.is_empty() {
        return Ok(nothing(snapshot, "nothing is in Tier Zero yet: load a directory"));
    }
    let found: Vec<hopwatch_graph::Path> = if !via.is_empty() {
        let mut stops = vec![*from];
        stops.extend(via);
        through(snapshot, &stops, to, *metric, filter, limits)?.into_iter().collect()
    } else if *count > 1 {
        snapshot.cheapest_paths(*from, to, *count, *metric, filter, limits)?
    } else {
        snapshot.cheapest_path(*from, to, *metric, filter, limits)?.into_iter().collect()
    };
    if found.is_empty() {
        return Ok(nothing(snapshot, &why_none(snapshot, question, limits)?));
    }
    let mut graph = Subgraph::of(snapshot, &[], found.iter().flat_map(|path| path.hops.clone()).collect());
    if *metric == Metric::Hops && via.is_empty() {
        let wide = Limits { max_nodes: GRAPH_NODES, ..*limits };
        let all = snapshot.cheapest_subgraph(*from, to, *metric, filter, &wide)?;
        graph = Subgraph { truncated: all.truncated, ..Subgraph::of(snapshot, &all.nodes, all.hops) };
    }
    let paths = found.into_iter().map(|path| Path { snapshot: Arc::clone(snapshot), path }).collect();
    Ok(PathResult { paths, graph, reason: None, elapsed_ms: 0.0 })
}

/// A path over stops and on to the nearest of the targets.
fn through(
    snapshot: &Snapshot,
    stops: &[NodeId],
    to: &[NodeId],
    metric: Metric,
    filter: &Filter,
    limits: &Limits<'_>,
) -> ApiResult<Option<hopwatch_graph::Path>> {
    let last = stops.last().copied().unwrap_or(NodeId(u32::MAX));
    let Some(rest) = snapshot.cheapest_path(last, to, metric, filter, limits)? else { return Ok(None) };
    let mut all = stops.to_vec();
    all.extend(Some(rest.end()).filter(|end| *end != last));
    if all.len() < 2 {
        return Ok(Some(rest));
    }
    Ok(snapshot.path_through(&all, metric, filter, limits)?)
}

fn nothing(snapshot: &Arc<Snapshot>, reason: &str) -> PathResult {
    let graph = Subgraph::of(snapshot, &[], Vec::new());
    PathResult { paths: Vec::new(), graph, reason: Some(reason.to_owned()), elapsed_ms: 0.0 }
}

/// Why there is no path: the exclusions, or the graph itself.
fn why_none(snapshot: &Snapshot, question: &Question, limits: &Limits<'_>) -> ApiResult<String> {
    let free = Filter::default();
    let Question { from, to, via, metric, .. } = question;
    if !via.is_empty() {
        return Ok("no path leads over these stops in this order".into());
    }
    let open = snapshot.cheapest_path(*from, to, *metric, &free, limits)?;
    if open.is_some() {
        return Ok("what was excluded cuts every path".into());
    }
    let leads_out = snapshot.outgoing(*from).any(|hop| hop.kind.traversable());
    Ok(if leads_out {
        "no right that we know of leads there; see the coverage gaps for what could not be read".into()
    } else {
        "no right that we know of leads out of the start; see the coverage gaps for what could not be read".into()
    })
}
