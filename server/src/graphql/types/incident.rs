//! Incidents: alerts of one intrusion in the order of the kill chain.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use hopwatch_detections::incident;
use hopwatch_graph::Hop;

use super::alert::{Alert, AlertState, Severity};
use super::edge::observed;
use super::entity::Entity;
use super::subgraph::Subgraph;
use crate::graphql::error::ApiResult;
use crate::graphql::page::{Total, connection};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::store::{self, PageRequest};

/// The most alerts whose participants the map draws.
const DRAWN: usize = 60;

/// Alerts of one intrusion.
#[derive(Clone)]
pub struct Incident(pub incident::Incident);

connection!(Incident, IncidentEdge, IncidentConnection);

/// Which incidents. Everything that is set must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct IncidentFilter {
    /// Severities.
    pub severities: Option<Vec<Severity>>,
    /// Only of so many alerts or more.
    pub least_alerts: Option<u32>,
    /// Only with activity at or after.
    pub since: Option<DateTime>,
    /// Only with activity before.
    pub until: Option<DateTime>,
    /// Only with alerts that are not closed.
    #[graphql(default)]
    pub open: bool,
}

impl From<IncidentFilter> for store::IncidentFilter {
    fn from(filter: IncidentFilter) -> Self {
        Self {
            severities: filter.severities.into_iter().flatten().map(Into::into).collect(),
            least_alerts: filter.least_alerts,
            since: filter.since.map(|time| time.0),
            until: filter.until.map(|time| time.0),
            open: filter.open,
        }
    }
}

/// A page of incidents, those with the latest activity first.
pub(crate) async fn page(
    ctx: &Context<'_>,
    filter: store::IncidentFilter,
    request: &PageRequest,
) -> ApiResult<IncidentConnection> {
    let page = state(ctx)?.store.incidents(&filter, request).await?;
    Ok(IncidentConnection::new(page.map(Incident), Total::Incidents(filter), |incident| {
        (incident.0.last_at.as_micros(), incident.0.id.clone())
    }))
}

/// A phase of the kill chain with what was seen of it.
#[derive(Clone, Debug, SimpleObject)]
pub struct IncidentPhase {
    /// Its name.
    pub name: &'static str,
    /// How many alerts of the incident belong to it.
    pub alerts: u64,
    /// The time of its first event.
    pub first_at: DateTime,
    /// The gravest of its alerts.
    pub severity: Severity,
}

/// A step of an incident: one alert, told shortly.
#[derive(Clone, Debug, SimpleObject)]
pub struct IncidentStep {
    /// The alert's id.
    pub alert_id: ID,
    /// The detection's slug.
    pub detection: String,
    /// Where in the kill chain it stands.
    pub phase: &'static str,
    /// How bad it is if true.
    pub severity: Severity,
    /// 0–100: how sure.
    pub score: f64,
    /// The time of its first event.
    pub first_at: DateTime,
    /// The time of its latest event.
    pub last_at: DateTime,
    /// Who acted; empty where unknown.
    pub actor: String,
    /// From which host; empty where unknown.
    pub source: String,
    /// What was reached: host, account or object.
    pub target: String,
    /// The story, actor first.
    pub explanation: String,
}

impl Incident {
    async fn stored(&self, ctx: &Context<'_>) -> ApiResult<Vec<store::StoredAlert>> {
        Ok(state(ctx)?.store.alerts_of(&self.0).await?)
    }
}

/// Alerts of one intrusion.
#[Object]
impl Incident {
    /// Its id: the same at every replay.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// Who, and from where to where in the kill chain.
    async fn title(&self) -> String {
        self.0.title()
    }

    /// The gravest of its alerts; high where it spans three phases or more.
    async fn severity(&self) -> Severity {
        self.0.severity.into()
    }

    /// 0–100: the surest alert, and five points for each further phase.
    async fn score(&self) -> f64 {
        self.0.score
    }

    /// Open while any of its alerts is, closed when all are.
    #[graphql(complexity = "10 + child_complexity")]
    async fn state(&self, ctx: &Context<'_>) -> Result<AlertState> {
        let states: Vec<store::AlertState> = self.stored(ctx).await?.into_iter().map(|alert| alert.state).collect();
        let any = |state| states.contains(&state);
        Ok(if any(store::AlertState::InProgress) {
            AlertState::InProgress
        } else if any(store::AlertState::Open) {
            AlertState::Open
        } else {
            AlertState::Closed
        })
    }

    /// The time of the first event.
    async fn first_at(&self) -> DateTime {
        DateTime(self.0.first_at)
    }

    /// The time of the latest event.
    async fn last_at(&self) -> DateTime {
        DateTime(self.0.last_at)
    }

    /// How many alerts belong to it.
    async fn alert_count(&self) -> u64 {
        self.0.alerts()
    }

    /// The phases it spans, in the order of the kill chain.
    async fn phases(&self) -> Vec<IncidentPhase> {
        let of = |phase| {
            let mut steps = self.0.steps.iter().filter(move |step| step.phase == phase);
            let first = steps.next()?;
            let rest: Vec<_> = steps.collect();
            Some(IncidentPhase {
                name: phase.words(),
                alerts: u64::try_from(rest.len()).unwrap_or(0) + 1,
                first_at: DateTime(rest.iter().map(|step| step.first_at).fold(first.first_at, Ord::min)),
                severity: rest.iter().map(|step| step.severity).fold(first.severity, Ord::max).into(),
            })
        };
        self.0.phases().into_iter().filter_map(of).collect()
    }

    /// Its alerts told shortly, by phase and within a phase by time.
    async fn steps(&self) -> Vec<IncidentStep> {
        let step = |step: &incident::Step| IncidentStep {
            alert_id: ID(step.alert.clone()),
            detection: step.detection.clone(),
            phase: step.phase.words(),
            severity: step.severity.into(),
            score: step.score,
            first_at: DateTime(step.first_at),
            last_at: DateTime(step.last_at),
            actor: step.actor.clone(),
            source: step.source.clone(),
            target: step.target.clone(),
            explanation: step.explanation.clone(),
        };
        self.0.steps.iter().map(step).collect()
    }

    /// Its alerts, by phase and within a phase by time.
    #[graphql(complexity = "50 * child_complexity")]
    async fn alerts(&self, ctx: &Context<'_>) -> Result<Vec<Alert>> {
        Ok(self.stored(ctx).await?.into_iter().map(|alert| Alert(Arc::new(alert))).collect())
    }

    /// Who and what takes part, as far as the graph knows it.
    #[graphql(complexity = "10 * child_complexity")]
    async fn entities(&self, ctx: &Context<'_>) -> Result<Vec<Entity>> {
        let snapshot = state(ctx)?.snapshot();
        let mut ids = Vec::new();
        for alert in self.stored(ctx).await?.into_iter().take(DRAWN) {
            for id in Alert(Arc::new(alert)).participants(&snapshot) {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        Ok(ids.into_iter().map(|id| Entity { snapshot: Arc::clone(&snapshot), id }).collect())
    }

    /// Who took part and what was observed or possible between them, to draw.
    #[graphql(complexity = "50 + 10 * child_complexity")]
    async fn map(&self, ctx: &Context<'_>) -> Result<Subgraph> {
        let snapshot = state(ctx)?.snapshot();
        let mut people = Vec::new();
        let mut hops: Vec<Hop> = Vec::new();
        for alert in self.stored(ctx).await?.into_iter().take(DRAWN) {
            let own = Alert(Arc::new(alert)).participants(&snapshot);
            for from in &own {
                for to in own.iter().filter(|to| *to != from) {
                    hops.extend(snapshot.between(*from, *to).filter(|hop| observed(hop) || hop.kind.traversable()));
                }
            }
            people.extend(own);
        }
        people.sort_unstable();
        people.dedup();
        Ok(Subgraph::of(&snapshot, &people, hops))
    }
}
