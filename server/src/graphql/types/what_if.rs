//! What if: edges and objects taken away or added in thought, and what that does to the exposure of Tier Zero
//! or of one object; the fewest edges to cut; paths in the order of time. Nothing is changed and nothing is kept.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, SimpleObject};
use hopwatch_graph::{EdgeKey, Filter, Limits, NodeId, Share, Snapshot, Window};

use super::edge::{GraphEdge, key_of};
use super::entity::Entity;
use super::path::Path;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::{EdgeKind, Kind};
use crate::graphql::page::amount;
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;

/// The most changes of a scenario.
const MAX_CHANGES: usize = 1000;
/// The most principals that an answer lists.
const MAX_LISTED: u32 = 1000;
/// The most edges of a cut.
const MAX_CUT: u32 = 1000;

/// An edge that is assumed.
#[derive(Clone, Debug, InputObject)]
pub struct AssumedEdge {
    /// Who could act.
    pub source: ID,
    /// In what way.
    pub kind: EdgeKind,
    /// On what.
    pub target: ID,
}

/// A change in thought.
#[derive(Clone, Debug, InputObject)]
pub struct WhatIfInput {
    /// What is to be protected; null: Tier Zero.
    pub target: Option<ID>,
    /// Edges that are taken away, by id.
    pub remove_edges: Option<Vec<ID>>,
    /// Objects that are taken away.
    pub remove_entities: Option<Vec<ID>>,
    /// Edges that are added.
    pub add_edges: Option<Vec<AssumedEdge>>,
    /// The most principals of each list, 1–1000.
    #[graphql(default = 100)]
    pub first: i32,
}

/// What a change does.
#[derive(Clone, SimpleObject)]
pub struct WhatIfResult {
    /// Enabled accounts that reach the target now.
    pub principals_before: u64,
    /// Enabled accounts that reach it after the change.
    pub principals_after: u64,
    /// The same in percent of all enabled accounts.
    pub exposure_before_percent: f64,
    /// The same in percent of all enabled accounts.
    pub exposure_after_percent: f64,
    /// Accounts that no longer reach it.
    pub cut_off: Vec<Entity>,
    /// Accounts that newly reach it.
    pub newly_exposed: Vec<Entity>,
    /// Whether a list was cut.
    pub truncated: bool,
}

/// Computes what a change does.
pub(crate) async fn what_if(ctx: &Context<'_>, input: WhatIfInput) -> ApiResult<WhatIfResult> {
    let max_nodes = usize::try_from(amount(input.first, MAX_LISTED)?).unwrap_or(1);
    let snapshot = state(ctx)?.snapshot();
    compute(ctx, move |limits| {
        let set = target(&snapshot, input.target.as_ref())?;
        let changed = changed(&snapshot, &input)?;
        let found = snapshot.what_if(&set, &Filter::default(), &changed, &Limits { max_nodes, ..*limits })?;
        let percent = |share: &Share| share.ratio() * 100.0;
        let entities = |ids: Vec<NodeId>| {
            ids.into_iter().map(|id| Entity { snapshot: Arc::clone(&snapshot), id }).collect::<Vec<_>>()
        };
        Ok::<_, ApiError>(WhatIfResult {
            principals_before: found.before.principals,
            principals_after: found.after.principals,
            exposure_before_percent: percent(&found.before),
            exposure_after_percent: percent(&found.after),
            cut_off: entities(found.cut_off),
            newly_exposed: entities(found.newly_exposed),
            truncated: found.truncated,
        })
    })
    .await
}

fn target(snapshot: &Snapshot, id: Option<&ID>) -> ApiResult<Vec<NodeId>> {
    match id {
        Some(id) => Ok(vec![snapshot.require(id)?]),
        None => Ok(snapshot.tier_zero()),
    }
}

fn changed(snapshot: &Snapshot, input: &WhatIfInput) -> ApiResult<Filter> {
    let sizes = [
        input.remove_edges.as_ref().map(Vec::len),
        input.remove_entities.as_ref().map(Vec::len),
        input.add_edges.as_ref().map(Vec::len),
    ];
    if sizes.into_iter().flatten().sum::<usize>() > MAX_CHANGES {
        return Err(ApiError::Limit(format!("change at most {MAX_CHANGES} edges and entities")));
    }
    let mut filter = Filter::default();
    for id in input.remove_edges.iter().flatten() {
        filter.without_edges.push(key_of(snapshot, id)?);
    }
    for id in input.remove_entities.iter().flatten() {
        filter.without_nodes.push(snapshot.require(id)?);
    }
    for AssumedEdge { source, kind: Kind(kind), target } in input.add_edges.iter().flatten() {
        if !kind.traversable() {
            return Err(ApiError::BadInput(format!("no path uses an edge of the kind {}", kind.name())));
        }
        let (source, target) = (snapshot.require(source)?, snapshot.require(target)?);
        filter.with_edges.push(EdgeKey { source, kind: *kind, target });
    }
    Ok(filter)
}

/// The fewest edges whose removal keeps accounts out of Tier Zero.
#[derive(Clone, SimpleObject)]
pub struct Cut {
    /// The edges; of several such sets the one nearest to Tier Zero.
    pub edges: Vec<GraphEdge>,
    /// Why there is none, where there is none.
    pub reason: Option<String>,
}

/// The fewest edges between an account (null: all enabled accounts outside) and Tier Zero.
pub(crate) async fn minimum_cut(ctx: &Context<'_>, from: Option<ID>, most: i32) -> ApiResult<Cut> {
    let most = usize::try_from(amount(most, MAX_CUT)?).unwrap_or(1);
    let snapshot = state(ctx)?.snapshot();
    compute(ctx, move |limits| {
        let zone = snapshot.tier_zero();
        let none = |reason: &str| Cut { edges: Vec::new(), reason: Some(reason.into()) };
        if zone.is_empty() {
            return Ok(none("nothing is in Tier Zero yet: load a directory"));
        }
        let sources = match &from {
            Some(id) => vec![snapshot.require(id)?],
            None => snapshot.nodes().filter(|id| snapshot.flags(*id).principal() && !zone.contains(id)).collect(),
        };
        if sources.is_empty() {
            return Ok(none("no enabled account is outside Tier Zero"));
        }
        let fixed = hopwatch_graph::KindMask::fixed();
        let edge = |hop| GraphEdge { snapshot: Arc::clone(&snapshot), hop };
        match snapshot.min_cut(&sources, &zone, fixed, most, &Filter::default(), limits) {
            Ok(cut) => Ok(Cut { edges: cut.edges.into_iter().map(edge).collect(), reason: None }),
            Err(hopwatch_graph::Error::LimitReached { .. }) => Ok(none(&format!(
                "it takes more than {most} edges, or a way leads over nothing but edges that cannot be removed"
            ))),
            Err(error) => Err(ApiError::from(error)),
        }
    })
    .await
}

/// Which path in the order of time.
#[derive(Clone, Debug, InputObject)]
pub struct TimedPathInput {
    /// Where it starts.
    pub from: ID,
    /// Null: to the nearest of Tier Zero in time.
    pub to: Option<ID>,
    /// When one is at the start.
    pub since: DateTime,
    /// By when the end must be reached.
    pub until: DateTime,
}

/// A path that can be walked in the order of time.
#[derive(Clone, SimpleObject)]
pub struct TimedPath {
    /// The path.
    pub path: Path,
    /// The earliest time at which each hop is done.
    pub arrivals: Vec<DateTime>,
}

/// The path that can be walked first; null where no order of waiting and walking leads there.
pub(crate) async fn timed_path(ctx: &Context<'_>, input: TimedPathInput) -> ApiResult<Option<TimedPath>> {
    let snapshot = state(ctx)?.snapshot();
    let window = Window { from: input.since.0, until: input.until.0 };
    if window.until < window.from {
        return Err(ApiError::BadInput("`until` lies before `since`".into()));
    }
    compute(ctx, move |limits| {
        let to = target(&snapshot, input.to.as_ref())?;
        if to.is_empty() {
            return Ok(None);
        }
        let from = snapshot.require(&input.from)?;
        let found = snapshot.earliest_path(from, &to, window, &Filter::default(), limits)?;
        Ok::<_, ApiError>(found.map(|found| TimedPath {
            path: Path { snapshot: Arc::clone(&snapshot), path: found.path },
            arrivals: found.arrivals.into_iter().map(DateTime).collect(),
        }))
    })
    .await
}
