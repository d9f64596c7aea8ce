//! Lists of entities: filtered, ordered, searched.

use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject};
use hopwatch_graph::{Limits, NodeFlags, NodeId, Snapshot};

use super::entity::{Entity, EntityConnection};
use super::risk::RiskOrder;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::{Kind, NodeKind};
use crate::graphql::page::{Total, amount};
use crate::graphql::request::{compute, state};
use crate::insight::Insight;
use crate::store::page::{PageRequest, slice};

/// The most entities that are ordered by a number that has to be computed for each.
const ORDERED: usize = 20_000;

/// The order of a list of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum EntityOrder {
    /// By name.
    Name,
    /// The highest risk first: open alerts, then the nearness to Tier Zero; among equals by name.
    Risk,
    /// Who can be reached by the most first.
    Exposure,
    /// Who can reach the most first.
    Impact,
    /// Who is nearest to Tier Zero first.
    Distance,
}

/// Which entities. Everything that is set must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct EntityFilter {
    /// Kinds.
    pub kinds: Option<Vec<NodeKind>>,
    /// Substring of name, `sAMAccountName` or objectid.
    pub text: Option<String>,
    /// In Tier Zero or not.
    pub tier_zero: Option<bool>,
    /// Enabled or not; things that cannot be disabled count as enabled.
    pub enabled: Option<bool>,
    /// The domain's name.
    pub domain: Option<String>,
}

/// A page of entities.
pub(crate) async fn page(
    ctx: &Context<'_>,
    filter: EntityFilter,
    order: EntityOrder,
    request: PageRequest,
) -> ApiResult<EntityConnection> {
    let insight = state(ctx)?.insight();
    let snapshot = Arc::clone(&insight.snapshot);
    let risk = match order {
        EntityOrder::Risk => Some(RiskOrder::now(ctx, &snapshot).await?),
        EntityOrder::Name | EntityOrder::Exposure | EntityOrder::Impact | EntityOrder::Distance => None,
    };
    let found = compute(ctx, move |limits| {
        let matching: Vec<NodeId> =
            insight.by_name().iter().copied().filter(|id| admits(&insight.snapshot, &filter, *id)).collect();
        let ordered = match &risk {
            Some(risk) => by_risk(&insight, matching, risk, limits)?,
            None => ordered(&insight, matching, order, limits)?,
        };
        let count = ordered.len();
        Ok::<_, ApiError>((slice(&ordered, &request, place), count))
    });
    let (page, count) = found.await?;
    let page = page.map(|id| Entity { snapshot: Arc::clone(&snapshot), id });
    Ok(EntityConnection::new(page, Total::Known(count), |entity| place(&entity.id)))
}

fn place(id: &NodeId) -> (i64, String) {
    (i64::from(id.0), String::new())
}

fn admits(snapshot: &Snapshot, filter: &EntityFilter, id: NodeId) -> bool {
    let flags = snapshot.flags(id);
    let kind = Kind(snapshot.kind(id));
    filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
        && filter.tier_zero.is_none_or(|wanted| wanted == flags.has(NodeFlags::TIER_ZERO))
        && filter.enabled.is_none_or(|wanted| wanted == flags.has(NodeFlags::ENABLED))
        && filter.domain.as_ref().is_none_or(|wanted| {
            let own = snapshot.node(id).and_then(|node| node.text("domain"));
            own.is_some_and(|own| own.eq_ignore_ascii_case(wanted))
        })
        && filter.text.as_ref().is_none_or(|text| rank(snapshot, id, &text.to_lowercase()).is_some())
}

/// How well a text fits an entity: 0 is its name or id, 1 a start, 2 a part; `None` not at all. `text` is lower case.
fn rank(snapshot: &Snapshot, id: NodeId, text: &str) -> Option<u8> {
    let node = snapshot.node(id)?;
    let names = [Some(node.label()), node.text("samaccountname"), node.text("dnshostname"), Some(node.id.as_str())];
    let fit = |name: &str| {
        let name = name.to_lowercase();
        let short = name.split(['@', '.']).next().unwrap_or_default();
        match () {
            () if name == text || short == text => Some(0),
            () if name.starts_with(text) => Some(1),
            () if name.contains(text) => Some(2),
            () => None,
        }
    };
    names.into_iter().flatten().filter_map(fit).min()
}

fn ordered(insight: &Insight, ids: Vec<NodeId>, order: EntityOrder, limits: &Limits<'_>) -> ApiResult<Vec<NodeId>> {
    let mut keyed: Vec<(u64, NodeId)> = match order {
        EntityOrder::Name | EntityOrder::Risk => return Ok(ids),
        EntityOrder::Distance => {
            if insight.snapshot.tier_zero_reasons().is_empty() {
                return Ok(ids);
            }
            let distances = insight.snapshot.tier_zero_distances(limits)?;
            ids.into_iter().map(|id| (distances.get(id).map_or(u64::MAX, u64::from), id)).collect()
        }
        EntityOrder::Exposure | EntityOrder::Impact => {
            if ids.len() > ORDERED {
                return Err(ApiError::Limit(format!("narrow the list to {ORDERED} entities before ordering it so")));
            }
            let shares = insight.shares(&ids, limits)?;
            let key = |id: &NodeId| {
                shares.get(id).map_or(0, |shares| match order {
                    EntityOrder::Exposure => shares.exposure.principals,
                    _ => shares.impact.nodes,
                })
            };
            ids.into_iter().map(|id| (u64::MAX - key(&id), id)).collect()
        }
    };
    // A stable sort keeps the order of names among equals.
    keyed.sort_by_key(|(key, _)| *key);
    Ok(keyed.into_iter().map(|(_, id)| id).collect())
}

fn by_risk(insight: &Insight, ids: Vec<NodeId>, risk: &RiskOrder, limits: &Limits<'_>) -> ApiResult<Vec<NodeId>> {
    let snapshot = &insight.snapshot;
    if snapshot.tier_zero_reasons().is_empty() {
        return Ok(ids);
    }
    let distances = snapshot.tier_zero_distances(limits)?;
    let shares = insight.shares(&risk.alerted(), limits)?;
    let reach = |id: NodeId| shares.get(&id).map_or(0.0, |shares| shares.impact.ratio());
    let mut keyed: Vec<(f64, NodeId)> =
        ids.into_iter().map(|id| (risk.of(id, distances.get(id), reach(id)), id)).collect();
    keyed.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Ok(keyed.into_iter().map(|(_, id)| id).collect())
}

/// The entities that a text fits best.
pub(crate) async fn search(
    ctx: &Context<'_>,
    text: String,
    kinds: Option<Vec<NodeKind>>,
    first: i32,
) -> ApiResult<Vec<Entity>> {
    let limit = usize::try_from(amount(first, 100)?).unwrap_or(usize::MAX);
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let insight = state(ctx)?.insight();
    let snapshot = Arc::clone(&insight.snapshot);
    let found = compute(ctx, move |_| {
        let filter = EntityFilter { kinds, ..EntityFilter::default() };
        let fits = insight.by_name().iter().filter(|id| admits(&insight.snapshot, &filter, **id));
        let mut ranked: Vec<(u8, NodeId)> =
            fits.filter_map(|id| Some((rank(&insight.snapshot, *id, &text)?, *id))).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        Ok::<_, ApiError>(ranked.into_iter().take(limit).map(|(_, id)| id).collect::<Vec<_>>())
    });
    Ok(found.await?.into_iter().map(|id| Entity { snapshot: Arc::clone(&snapshot), id }).collect())
}
