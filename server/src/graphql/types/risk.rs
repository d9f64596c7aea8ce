//! The risk of an entity: how likely it is in wrong hands, by what that would mean. Both parts are made of terms that
//! are shown, so that every number can be argued with.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, SimpleObject};
use hopwatch_graph::{NodeFlags, NodeId, Snapshot};

use super::alert::Alert;
use super::entity::Entity;
use super::evidence::ScorePart;
use crate::graphql::error::ApiResult;
use crate::graphql::request::{compute, state};
use crate::insight::path_to_tier_zero;
use crate::store::{AlertFilter, AlertState, PageRequest};

/// The likelihood of an entity of which nothing is known: nobody is safe.
const BASE: f64 = 2.0;
/// The cost beyond which a path to Tier Zero adds nothing: each hop of it rarely works.
const FAR_COST: f64 = 100.0;
/// Open alerts that are looked at.
const ALERTS: u32 = 20;
/// Open alerts that count in the order of risk, the latest.
const ORDERING_ALERTS: u32 = 500;

/// The risk of an entity.
#[derive(Clone, Debug, SimpleObject)]
pub struct Risk {
    /// 0–100 = likelihood × impact.
    pub score: f64,
    /// 0–100: how likely it is in wrong hands.
    pub likelihood: f64,
    /// 0–100: what it would mean.
    pub impact: f64,
    /// The terms, each with its reason.
    pub parts: Vec<ScorePart>,
}

/// The risk of an entity.
pub(crate) async fn of(ctx: &Context<'_>, entity: &Entity) -> ApiResult<Risk> {
    let (likely, mut parts) = likelihood(ctx, entity).await?;
    let (heavy, more) = impact(ctx, entity).await?;
    parts.extend(more);
    Ok(Risk { score: likely * heavy / 100.0, likelihood: likely, impact: heavy, parts })
}

/// Independent signs are joined as one minus the product of what each leaves over.
async fn likelihood(ctx: &Context<'_>, entity: &Entity) -> ApiResult<(f64, Vec<ScorePart>)> {
    let state = state(ctx)?;
    let mut parts = vec![part("base", BASE, BASE, "nobody is safe".into())];
    let mut left = 1.0 - BASE / 100.0;
    let states = vec![AlertState::Open, AlertState::InProgress];
    let filter = AlertFilter { keys: Some(entity.keys()), states, ..AlertFilter::default() };
    let alerts = state.store.alerts(&filter, &PageRequest::first(ALERTS)).await?;
    for stored in &alerts.rows {
        let share = share_of_alert(stored.alert.score);
        let text = format!("an open alert: {}", stored.alert.explanation);
        parts.push(part(&stored.alert.detection, stored.alert.score, left * share * 100.0, text));
        left *= 1.0 - share;
    }
    let object_id = entity.object_id();
    if state.tags_of(&object_id).owned {
        parts.push(part("owned", 1.0, left * 100.0, "a user tagged it as taken".into()));
        left = 0.0;
    }
    let status = state.status.load();
    if let Some(odd) = status.oddest.iter().find(|odd| odd.entity == object_id) {
        let share = (odd.score / 100.0).clamp(0.0, 1.0) * 0.4;
        parts.push(part(
            "behaviour",
            odd.score,
            left * share * 100.0,
            format!("it behaves oddly: {:.0} of 100", odd.score),
        ));
        left *= 1.0 - share;
    }
    Ok(((1.0 - left) * 100.0, parts))
}

/// How likely an open alert of a score (0–100) alone makes it that an entity is in wrong hands, 0–1.
fn share_of_alert(score: f64) -> f64 {
    (score / 100.0).clamp(0.0, 1.0) * 0.6
}

/// What a path to Tier Zero of a cost alone makes of the impact, 0–1.
fn share_of_path(cost: f64) -> f64 {
    0.95 - 0.55 * (cost / FAR_COST).min(1.0)
}

/// The order of risk, without the terms that change little (behaviour; the reach of entities without an open alert):
/// a number per entity, higher is worse.
pub(crate) struct RiskOrder {
    /// What the open alerts of an entity leave of its innocence, 0–1.
    left: HashMap<NodeId, f64>,
}

impl RiskOrder {
    /// From the latest open alerts.
    pub(crate) async fn now(ctx: &Context<'_>, snapshot: &Snapshot) -> ApiResult<Self> {
        let states = vec![AlertState::Open, AlertState::InProgress];
        let filter = AlertFilter { states, ..AlertFilter::default() };
        let alerts = state(ctx)?.store.alerts(&filter, &PageRequest::first(ORDERING_ALERTS)).await?;
        let mut left = HashMap::new();
        for stored in alerts.rows {
            let score = stored.alert.score;
            for id in Alert(Arc::new(stored)).participants(snapshot) {
                *left.entry(id).or_insert(1.0) *= 1.0 - share_of_alert(score);
            }
        }
        Ok(Self { left })
    }

    /// Who has an open alert: their reach counts.
    pub(crate) fn alerted(&self) -> Vec<NodeId> {
        self.left.keys().copied().collect()
    }

    /// The risk of an entity at a cost from Tier Zero (0 inside, `None` where no path leads there) that reaches a share
    /// of the principals (0–1), 0–100.
    pub(crate) fn of(&self, id: NodeId, cost: Option<u32>, reach: f64) -> f64 {
        let innocent = (1.0 - BASE / 100.0) * self.left.get(&id).copied().unwrap_or(1.0);
        let share = match cost {
            None => 0.0,
            Some(0) => 1.0,
            Some(cost) => share_of_path(f64::from(cost)),
        };
        let impact = 1.0 - (1.0 - share) * (1.0 - reach * 0.5);
        (1.0 - innocent) * impact * 100.0
    }
}

async fn impact(ctx: &Context<'_>, entity: &Entity) -> ApiResult<(f64, Vec<ScorePart>)> {
    let flags = entity.snapshot.flags(entity.id);
    if flags.has(NodeFlags::TIER_ZERO) {
        return Ok((100.0, vec![part("tier zero", 1.0, 100.0, "its takeover is the domain's".into())]));
    }
    let (snapshot, id) = (Arc::clone(&entity.snapshot), entity.id);
    let path = compute(ctx, move |limits| path_to_tier_zero(&snapshot, id, limits)).await?;
    let mut parts = Vec::new();
    let mut left = 1.0;
    if let Some(path) = path {
        let cost = f64::from(path.cost);
        let share = share_of_path(cost);
        let hops = if path.hops.len() == 1 { "1 hop".into() } else { format!("{} hops", path.hops.len()) };
        let text = format!("Tier Zero is {hops} away, at a cost of {cost:.0}");
        parts.push(part("path to tier zero", cost, share * 100.0, text));
        left *= 1.0 - share;
    }
    if flags.has(NodeFlags::SENSITIVE) {
        parts.push(part("sensitive", 1.0, left * 80.0, "a user tagged it as a crown jewel".into()));
        left *= 0.2;
    }
    let reached = entity.shares(ctx).await?.impact;
    let share = reached.ratio() * 0.5;
    let text = format!("it reaches {} of {} principals", reached.principals, reached.of_principals);
    parts.push(part("reach", reached.ratio() * 100.0, left * share * 100.0, text));
    left *= 1.0 - share;
    Ok(((1.0 - left) * 100.0, parts))
}

fn part(name: &str, value: f64, contribution: f64, text: String) -> ScorePart {
    ScorePart { name: name.into(), value, contribution, text }
}
