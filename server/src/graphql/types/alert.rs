//! Alerts: judgements about activity, what users made of them, and where in the graph they lie.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result};
use hopwatch_graph::{Hop, NodeId, Snapshot};

use super::account::Account;
use super::detection::{self, DetectionInfo};
use super::edge::observed;
use super::entity::Entity;
use super::event::Event;
use super::evidence::{Evidence, ScorePart};
use super::host::Host;
use super::incident::Incident;
use super::path::Path;
use super::subgraph::Subgraph;
use crate::graphql::error::ApiResult;
use crate::graphql::page::{MOST, Total, amount, connection, list_cost};
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;
use crate::insight::path_to_tier_zero;
use crate::store::page::End;
use crate::store::{self, EventFilter, PageRequest, StoredAlert, keys};

/// How far before and behind an alert its timeline reaches.
const AROUND: Duration = Duration::from_secs(900);

/// How bad it is if true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hopwatch_model::Severity")]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// Look at it this week.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "store::AlertState")]
pub enum AlertState {
    /// Nobody has looked.
    Open,
    /// Somebody looks.
    InProgress,
    /// Done.
    Closed,
}

/// What an alert turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "store::Classification")]
pub enum Classification {
    /// An attack.
    TruePositive,
    /// What the detection looks for, but allowed.
    BenignTruePositive,
    /// Not what the detection looks for.
    FalsePositive,
}

/// By what an alert was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AlertKind {
    /// A detection of the catalogue.
    Detection,
    /// A Sigma rule that users brought.
    Rule,
}

/// A judgement about activity.
#[derive(Clone)]
pub struct Alert(pub Arc<StoredAlert>);

connection!(Alert, AlertEdge, AlertConnection);

/// Which alerts. Everything that is set must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AlertFilter {
    /// Slugs.
    pub detections: Option<Vec<String>>,
    /// Severities.
    pub severities: Option<Vec<Severity>>,
    /// States.
    pub states: Option<Vec<AlertState>>,
    /// Objectid of an entity that takes part.
    pub entity: Option<ID>,
    /// Substring of actor, host, target or story.
    pub text: Option<String>,
    /// Only with activity at or after.
    pub since: Option<DateTime>,
    /// Only with activity before.
    pub until: Option<DateTime>,
}

impl AlertFilter {
    /// The filter of the store.
    pub(crate) fn resolve(self, ctx: &Context<'_>) -> ApiResult<store::AlertFilter> {
        let snapshot = state(ctx)?.snapshot();
        let keys = self.entity.map(|id| Entity::require(&snapshot, &id).map(|entity| entity.keys())).transpose()?;
        Ok(store::AlertFilter {
            detections: self.detections.unwrap_or_default(),
            severities: self.severities.into_iter().flatten().map(Into::into).collect(),
            states: self.states.into_iter().flatten().map(Into::into).collect(),
            keys,
            text: self.text,
            since: self.since.map(|time| time.0),
            until: self.until.map(|time| time.0),
        })
    }
}

/// A page of alerts, those with the latest activity first.
pub(crate) async fn page(
    ctx: &Context<'_>,
    filter: store::AlertFilter,
    request: &PageRequest,
) -> ApiResult<AlertConnection> {
    let page = state(ctx)?.store.alerts(&filter, request).await?;
    Ok(AlertConnection::new(page.map(|alert| Alert(Arc::new(alert))), Total::Alerts(filter), |alert| {
        (alert.0.alert.last_at.as_micros(), alert.0.id.clone())
    }))
}

impl Alert {
    fn of(&self) -> &hopwatch_model::Alert {
        &self.0.alert
    }

    /// Who and what takes part, as far as the graph knows it: actor, source, target host, target.
    pub(crate) fn participants(&self, snapshot: &Snapshot) -> Vec<NodeId> {
        let lookup = snapshot.lookup();
        let alert = self.of();
        let target = alert
            .target
            .as_ref()
            .filter(|target| !target.contains(' '))
            .map(|name| lookup.account(&hopwatch_model::Account::named(name)).or_else(|| lookup.host_name(name)));
        let mut found: Vec<NodeId> = Vec::new();
        let ids = [
            alert.actor.as_ref().and_then(|actor| lookup.account(actor)),
            alert.source.as_ref().and_then(|host| lookup.host(host)),
            alert.target_host.as_ref().and_then(|host| lookup.host(host)),
            target.flatten(),
        ];
        for id in ids.into_iter().flatten().filter(|id| snapshot.contains(*id)) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    }

    /// The cheapest path from the actor, else from the source host, to Tier Zero.
    async fn way(&self, ctx: &Context<'_>, snapshot: &Arc<Snapshot>) -> ApiResult<Option<hopwatch_graph::Path>> {
        let lookup = snapshot.lookup();
        let actor = self.of().actor.as_ref().and_then(|actor| lookup.account(actor));
        let source = self.of().source.as_ref().and_then(|host| lookup.host(host));
        let starts: Vec<NodeId> = actor.into_iter().chain(source).filter(|id| snapshot.contains(*id)).collect();
        let snapshot = Arc::clone(snapshot);
        compute(ctx, move |limits| {
            for start in starts {
                if let Some(path) = path_to_tier_zero(&snapshot, start, limits)? {
                    return Ok(Some(path));
                }
            }
            Ok::<_, hopwatch_graph::Error>(None)
        })
        .await
    }
}

/// A judgement about activity.
#[Object]
impl Alert {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// The detection's slug.
    async fn detection(&self) -> &str {
        &self.of().detection
    }

    /// The detection's title.
    async fn title(&self) -> String {
        detection::find(&self.of().detection)
            .map_or_else(|| self.of().detection.clone(), |info| info.0.title.to_owned())
    }

    /// Defender for Identity's external id.
    async fn external_id(&self) -> Option<u32> {
        self.of().external_id
    }

    /// How bad it is if true.
    async fn severity(&self) -> Severity {
        self.of().severity.into()
    }

    /// Where it stands.
    async fn state(&self) -> AlertState {
        self.0.state.into()
    }

    /// What it turned out to be.
    async fn classification(&self) -> Option<Classification> {
        self.0.classification.map(Into::into)
    }

    /// Who looks after it.
    async fn assignee(&self) -> Option<&str> {
        self.0.assignee.as_deref()
    }

    /// What a user noted.
    async fn comment(&self) -> Option<&str> {
        self.0.comment.as_deref()
    }

    /// The time of the first event.
    async fn first_at(&self) -> DateTime {
        DateTime(self.of().first_at)
    }

    /// The time of the latest event.
    async fn last_at(&self) -> DateTime {
        DateTime(self.of().last_at)
    }

    /// Until when, in event time, new activity leaves it closed.
    async fn suppressed_until(&self) -> Option<DateTime> {
        self.0.suppressed_until.map(DateTime)
    }

    /// How often new activity opened it again after it was closed.
    async fn reopened(&self) -> u32 {
        self.0.reopened
    }

    /// Whether a detection of ours judged, or a rule that users brought.
    async fn kind(&self) -> AlertKind {
        if hopwatch_detections::rule_slug(&self.of().detection) { AlertKind::Rule } else { AlertKind::Detection }
    }

    /// The incident to which it belongs; a weakness seen in use belongs to none.
    #[graphql(complexity = "10 + child_complexity")]
    async fn incident(&self, ctx: &Context<'_>) -> Result<Option<Incident>> {
        let found = state(ctx)?.store.incident_of(&self.0.id).await.map_err(crate::graphql::error::ApiError::from)?;
        Ok(found.map(Incident))
    }

    /// When anything of it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Who did it.
    async fn actor(&self) -> Option<Account> {
        self.of().actor.clone().map(Account)
    }

    /// From where.
    async fn source(&self) -> Option<Host> {
        self.of().source.clone().map(Host)
    }

    /// To which host.
    async fn target_host(&self) -> Option<Host> {
        self.of().target_host.clone().map(Host)
    }

    /// To what: account, group, object, in words.
    async fn target(&self) -> Option<&str> {
        self.of().target.as_deref()
    }

    /// The story, actor first.
    async fn explanation(&self) -> &str {
        &self.of().explanation
    }

    /// The reasons, each with its baseline.
    async fn reasons(&self) -> Vec<ScorePart> {
        self.of().reasons.iter().map(ScorePart::from).collect()
    }

    /// 0–100: how sure, given all reasons.
    async fn score(&self) -> f64 {
        self.of().score
    }

    /// ATT&CK technique ids.
    async fn techniques(&self) -> &[String] {
        &self.of().techniques
    }

    /// What to do now, in order.
    async fn actions(&self) -> &[String] {
        &self.of().actions
    }

    /// The records on which it rests.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn evidence(&self, #[graphql(default = 50)] first: i32) -> Result<Vec<Evidence>> {
        let limit = usize::try_from(amount(first, MOST)?).unwrap_or(usize::MAX);
        Ok(self.of().evidence.iter().take(limit).map(Evidence::from).collect())
    }

    /// How many events belong to it, those beyond the listed evidence included.
    async fn event_count(&self) -> u64 {
        self.of().events
    }

    /// Observed steps of the alert and the possible path on which they lie: from its source or actor to Tier Zero.
    #[graphql(complexity = "50 + 10 * child_complexity")]
    async fn map(&self, ctx: &Context<'_>) -> Result<Subgraph> {
        let snapshot = state(ctx)?.snapshot();
        let people = self.participants(&snapshot);
        let way = self.way(ctx, &snapshot).await?;
        let mut hops: Vec<Hop> = Vec::new();
        for from in &people {
            for to in people.iter().filter(|to| *to != from) {
                hops.extend(snapshot.between(*from, *to).filter(|hop| observed(hop) || hop.kind.traversable()));
            }
        }
        hops.extend(way.into_iter().flat_map(|path| path.hops));
        Ok(Subgraph::of(&snapshot, &people, hops))
    }

    /// The cheapest path from the actor (else the source host) to Tier Zero, where there is one.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn path(&self, ctx: &Context<'_>) -> Result<Option<Path>> {
        let snapshot = state(ctx)?.snapshot();
        let way = self.way(ctx, &snapshot).await?;
        Ok(way.map(|path| Path { snapshot, path }))
    }

    /// Other alerts with the same actor or hosts, newest first.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn related(&self, ctx: &Context<'_>, #[graphql(default = 10)] first: i32) -> Result<Vec<Self>> {
        let others = state(ctx)?
            .store
            .related_alerts(&self.0, amount(first, MOST)?)
            .await
            .map_err(crate::graphql::error::ApiError::from)?;
        Ok(others.into_iter().map(|alert| Self(Arc::new(alert))).collect())
    }

    /// Events of the entities around the alert, in time order.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn timeline(&self, ctx: &Context<'_>, #[graphql(default = 100)] first: i32) -> Result<Vec<Event>> {
        let filter = EventFilter {
            keys: Some(keys::of_alert(self.of()).into_iter().collect()),
            since: Some(self.of().first_at - AROUND),
            until: Some(self.of().last_at + AROUND),
            ..EventFilter::default()
        };
        // The list is ordered newest first: its last rows are the oldest, where the story begins.
        let request = PageRequest { from: End::End, ..PageRequest::first(amount(first, MOST)?) };
        let page = state(ctx)?.events.query(&filter, &request).await.map_err(crate::graphql::error::ApiError::from)?;
        Ok(page.rows.into_iter().rev().map(Event).collect())
    }

    /// The detection and its manual.
    async fn manual(&self) -> DetectionInfo {
        detection::of_alert(&self.of().detection)
    }
}
