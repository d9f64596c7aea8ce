//! The queries.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::error::ApiError;
use super::kinds::NodeKind;
use super::page::{amount, cost, list_cost, request};
use super::request::{compute, reader, state};
use super::time::DateTime;
use super::types::alert::{self, Alert, AlertConnection, AlertFilter};
use super::types::choke_point::{self, ChokePoint};
use super::types::coverage::{self, CoverageRow};
use super::types::detection::{self, DetectionInfo};
use super::types::edge::{GraphEdge, observed};
use super::types::entity::{Entity, EntityConnection};
use super::types::entity_list::{self, EntityFilter, EntityOrder};
use super::types::event::{self, EventConnection, EventFilter};
use super::types::exclusion::Exclusion;
use super::types::finding::Finding;
use super::types::health::Health;
use super::types::histogram::{ActivityBucket, Spans, of_sights};
use super::types::incident::{self, Incident, IncidentConnection, IncidentFilter};
use super::types::kind_info::{self, EdgeKindInfo, NodeKindInfo};
use super::types::overview::{MAX_BUCKETS, Overview};
use super::types::path::{self, PathInput, PathResult};
use super::types::question::{self, Answer, AskInput, QuestionInfo};
use super::types::report::{self, ReportConnection, ReportSchedule};
use super::types::sigma::{self, SigmaBacktest, SigmaRule};
use super::types::subgraph::{self, GraphInput, Subgraph};
use super::types::symptom;
use super::types::user::Viewer;
use super::types::what_if::{self, Cut, TimedPath, TimedPathInput, WhatIfInput, WhatIfResult};
use super::types::why_not::{self, WhyNot};
use crate::auth::Identity;
use crate::doctor::Symptom;

/// The queries.
pub struct Query;

/// The queries. All but `viewer` ask for a login.
#[Object]
impl Query {
    /// Who is logged in; null where nobody is.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Viewer> {
        ctx.data_opt::<Identity>().map(Viewer::from)
    }

    /// How the server is.
    #[graphql(guard = "reader()")]
    async fn health(&self) -> Health {
        Health
    }

    /// What is missing for the detections to see, the worst first, each with what to do about it.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn doctor(&self, ctx: &Context<'_>) -> Result<Vec<Symptom>> {
        Ok(symptom::all(ctx).await?)
    }

    /// The first page.
    #[graphql(guard = "reader()")]
    async fn overview(&self) -> Overview {
        Overview
    }

    /// Alerts, those with the latest activity first.
    #[graphql(guard = "reader()", complexity = "cost(first, last, child_complexity)")]
    async fn alerts(
        &self,
        ctx: &Context<'_>,
        filter: Option<AlertFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<AlertConnection> {
        let filter = filter.unwrap_or_default().resolve(ctx)?;
        Ok(alert::page(ctx, filter, &request(first, after.as_deref(), last, before.as_deref())?).await?)
    }

    /// An alert.
    #[graphql(guard = "reader()")]
    async fn alert(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Alert>> {
        let stored = state(ctx)?.store.alert(&id).await.map_err(ApiError::from)?;
        Ok(stored.map(|alert| Alert(Arc::new(alert))))
    }

    /// Incidents: alerts of one intrusion, those with the latest activity first.
    #[graphql(guard = "reader()", complexity = "cost(first, last, child_complexity)")]
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        filter: Option<IncidentFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<IncidentConnection> {
        let request = request(first, after.as_deref(), last, before.as_deref())?;
        Ok(incident::page(ctx, filter.unwrap_or_default().into(), &request).await?)
    }

    /// An incident.
    #[graphql(guard = "reader()")]
    async fn incident(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Incident>> {
        Ok(state(ctx)?.store.incident(&id).await.map_err(ApiError::from)?.map(Incident))
    }

    /// What is not alerted: exclusions in force, those of the configuration among them, then those taken back last.
    #[graphql(guard = "reader()", complexity = "50 * child_complexity")]
    async fn exclusions(&self, ctx: &Context<'_>) -> Result<Vec<Exclusion>> {
        let state = state(ctx)?;
        let kept = state.store.exclusions().await.map_err(ApiError::from)?;
        let configured = state.config.detections.exclusions.iter().cloned().map(Exclusion::Configured);
        Ok(configured.chain(kept.into_iter().map(Exclusion::Kept)).collect())
    }

    /// Why a detection did not fire for an entity around a time. The entity is an objectid of the graph, or a name or an
    /// address as sources spell it.
    #[graphql(guard = "reader()", complexity = "100 + child_complexity")]
    async fn why_not(&self, ctx: &Context<'_>, detection: String, entity: String, time: DateTime) -> Result<WhyNot> {
        Ok(why_not::ask(ctx, detection, &entity, time).await?)
    }

    /// Which detection needs which source, and what the present sources show of it.
    #[graphql(guard = "reader()", complexity = "80 * child_complexity")]
    async fn coverage(&self, ctx: &Context<'_>) -> Result<Vec<CoverageRow>> {
        Ok(coverage::rows(&state(ctx)?.status.load().kinds))
    }

    /// Sigma rules that users brought, by id.
    #[graphql(guard = "reader()", complexity = "50 * child_complexity")]
    async fn sigma_rules(&self, ctx: &Context<'_>) -> Result<Vec<SigmaRule>> {
        let rules = state(ctx)?.store.rules().await.map_err(ApiError::from)?;
        Ok(rules.into_iter().map(SigmaRule::new).collect())
    }

    /// What rules would have found in the stored events: a stored rule by `id`, or the rules of a text.
    #[graphql(guard = "reader()", complexity = "500 + 10 * child_complexity")]
    async fn sigma_backtest(
        &self,
        ctx: &Context<'_>,
        id: Option<ID>,
        yaml: Option<String>,
        since: Option<DateTime>,
        until: Option<DateTime>,
    ) -> Result<Vec<SigmaBacktest>> {
        Ok(sigma::backtest(ctx, id, yaml, since, until).await?)
    }

    /// Entities of the present graph.
    #[graphql(guard = "reader()", complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a connection are the contract's")]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        filter: Option<EntityFilter>,
        #[graphql(default_with = "EntityOrder::Name")] order_by: EntityOrder,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<EntityConnection> {
        let request = request(first, after.as_deref(), last, before.as_deref())?;
        Ok(entity_list::page(ctx, filter.unwrap_or_default(), order_by, request).await?)
    }

    /// An entity, also as it stood at a time.
    #[graphql(guard = "reader()")]
    async fn entity(&self, ctx: &Context<'_>, id: ID, as_of: Option<DateTime>) -> Result<Option<Entity>> {
        let state = Arc::clone(state(ctx)?);
        let snapshot = match as_of {
            None => state.snapshot(),
            Some(DateTime(time)) => compute(ctx, move |_| Ok::<_, ApiError>(state.snapshot_at(Some(time)))).await?,
        };
        Ok(Entity::find(&snapshot, &id))
    }

    /// An edge by its id, also as it stood at a time.
    #[graphql(guard = "reader()")]
    async fn edge(&self, ctx: &Context<'_>, id: ID, as_of: Option<DateTime>) -> Result<Option<GraphEdge>> {
        let state = Arc::clone(state(ctx)?);
        let found = compute(ctx, move |_| GraphEdge::find(&state.snapshot_at(as_of.map(|time| time.0)), &id));
        Ok(found.await?)
    }

    /// The entities that a text fits best: names, ids and parts of them.
    #[graphql(guard = "reader()", complexity = "list_cost(first, child_complexity)")]
    async fn search(
        &self,
        ctx: &Context<'_>,
        text: String,
        kinds: Option<Vec<NodeKind>>,
        #[graphql(default = 10)] first: i32,
    ) -> Result<Vec<Entity>> {
        Ok(entity_list::search(ctx, text, kinds, first).await?)
    }

    /// How somebody gets from here to there.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn paths(&self, ctx: &Context<'_>, input: PathInput) -> Result<PathResult> {
        Ok(path::find(ctx, input).await?)
    }

    /// A part of the graph to draw.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn graph(&self, ctx: &Context<'_>, input: GraphInput) -> Result<Subgraph> {
        Ok(subgraph::draw(ctx, input).await?)
    }

    /// Observed edges over time, for the slider under the graph.
    #[graphql(guard = "reader()", complexity = "list_cost(buckets, child_complexity)")]
    async fn observed_histogram(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 60)] buckets: i32,
    ) -> Result<Vec<ActivityBucket>> {
        let count = usize::try_from(amount(buckets, MAX_BUCKETS)?).unwrap_or(1);
        let snapshot = state(ctx)?.snapshot();
        let found = compute(ctx, move |_| {
            let hops = snapshot.nodes().flat_map(|id| snapshot.outgoing(id)).filter(observed);
            let seen = hops.filter_map(|hop| snapshot.edge(hop.edge)).map(|edge| (edge.first_seen, edge.last_seen));
            let sights: Vec<_> = seen.collect();
            let first = sights.iter().map(|(first, _)| *first).min();
            let last = sights.iter().map(|(_, last)| *last).max();
            let Some((first, last)) = first.zip(last) else { return Ok(Vec::new()) };
            Ok::<_, ApiError>(of_sights(&Spans::new(first, last, count), &sights))
        });
        Ok(found.await?)
    }

    /// The edges whose removal cuts the most principals off from Tier Zero.
    #[graphql(guard = "reader()", complexity = "50 + list_cost(first, child_complexity)")]
    async fn choke_points(&self, ctx: &Context<'_>, #[graphql(default = 20)] first: i32) -> Result<Vec<ChokePoint>> {
        Ok(choke_point::list(ctx, first).await?)
    }

    /// The fewest edges whose removal keeps an account, or every enabled account, out of Tier Zero.
    #[graphql(guard = "reader()", complexity = "50 + list_cost(most, child_complexity)")]
    async fn minimum_cut(
        &self,
        ctx: &Context<'_>,
        from: Option<ID>,
        #[graphql(default = 100)] most: i32,
    ) -> Result<Cut> {
        Ok(what_if::minimum_cut(ctx, from, most).await?)
    }

    /// What taking away or adding edges and objects would do to exposure. Changes nothing.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn what_if(&self, ctx: &Context<'_>, input: WhatIfInput) -> Result<WhatIfResult> {
        Ok(what_if::what_if(ctx, input).await?)
    }

    /// The path that can be walked first, by sessions as they came and went.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn timed_path(&self, ctx: &Context<'_>, input: TimedPathInput) -> Result<Option<TimedPath>> {
        Ok(what_if::timed_path(ctx, input).await?)
    }

    /// The catalogue of prebuilt questions.
    #[graphql(guard = "reader()")]
    async fn questions(&self) -> Vec<QuestionInfo> {
        question::all()
    }

    /// The answer to a prebuilt question.
    #[graphql(guard = "reader()", complexity = "50 + 10 * child_complexity")]
    async fn ask(&self, ctx: &Context<'_>, input: AskInput) -> Result<Answer> {
        Ok(question::ask(ctx, input).await?)
    }

    /// Events of the history, newest first.
    #[graphql(guard = "reader()", complexity = "cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        filter: Option<EventFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<EventConnection> {
        let filter = filter.unwrap_or_default().resolve(ctx)?;
        Ok(event::page(ctx, filter, &request(first, after.as_deref(), last, before.as_deref())?).await?)
    }

    /// Posture findings, the worst first.
    #[graphql(guard = "reader()", complexity = "50 * child_complexity")]
    async fn findings(&self, ctx: &Context<'_>) -> Result<Vec<Finding>> {
        let findings = state(ctx)?.store.findings().await.map_err(ApiError::from)?;
        Ok(findings.into_iter().map(Finding).collect())
    }

    /// Every detection with its manual.
    #[graphql(guard = "reader()")]
    async fn detections(&self) -> Vec<DetectionInfo> {
        detection::all()
    }

    /// Written reports, newest first.
    #[graphql(guard = "reader()", complexity = "cost(first, last, child_complexity)")]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<ReportConnection> {
        Ok(report::page(ctx, &request(first, after.as_deref(), last, before.as_deref())?).await?)
    }

    /// Reports that are written by the clock.
    #[graphql(guard = "reader()")]
    async fn report_schedules(&self, ctx: &Context<'_>) -> Result<Vec<ReportSchedule>> {
        Ok(report::schedules(ctx).await?)
    }

    /// The legend: every kind of node.
    #[graphql(guard = "reader()")]
    async fn node_kinds(&self) -> Vec<NodeKindInfo> {
        kind_info::node_kinds()
    }

    /// The legend: every kind of edge.
    #[graphql(guard = "reader()")]
    async fn edge_kinds(&self) -> Vec<EdgeKindInfo> {
        kind_info::edge_kinds()
    }
}
