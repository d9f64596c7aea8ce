//! Entities: the nodes of the graph with what is known of them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use hopwatch_graph::tier_zero::Reason;
use hopwatch_graph::{Direction, Node, NodeFlags, NodeId, Snapshot};

use super::activity::ActivityHeat;
use super::alert::{self, AlertConnection};
use super::edge::{GraphEdge, GraphEdgeConnection, Property};
use super::event::{self, EventConnection};
use super::risk::Risk;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::kinds::{EdgeKind, Kind, NodeKind};
use crate::graphql::page::{Total, amount, connection, list_cost, request};
use crate::graphql::request::{compute, state};
use crate::graphql::time::DateTime;
use crate::insight::{Insight, Shares};
use crate::store::page::slice;
use crate::store::{AlertFilter, AlertState, EventFilter, keys};

/// An object of the estate: account, host, group, container …
#[derive(Clone)]
pub struct Entity {
    /// The graph in which it is seen.
    pub snapshot: Arc<Snapshot>,
    /// Its place there.
    pub id: NodeId,
}

connection!(Entity, EntityEdge, EntityConnection);

impl Entity {
    /// The entity of an objectid.
    pub(crate) fn find(snapshot: &Arc<Snapshot>, object_id: &str) -> Option<Self> {
        snapshot.find(object_id).map(|id| Self { snapshot: Arc::clone(snapshot), id })
    }

    /// The entity of an objectid that must be there.
    pub(crate) fn require(snapshot: &Arc<Snapshot>, object_id: &str) -> ApiResult<Self> {
        Self::find(snapshot, object_id).ok_or_else(|| ApiError::missing("entity", object_id))
    }

    /// Its record.
    pub(crate) fn record(&self) -> Option<&Node> {
        self.snapshot.node(self.id)
    }

    /// Its objectid.
    pub(crate) fn object_id(&self) -> String {
        self.record().map(|node| node.id.clone()).unwrap_or_default()
    }

    /// What to show.
    pub(crate) fn label(&self) -> String {
        self.record().map(|node| node.label().to_owned()).unwrap_or_default()
    }

    fn has(&self, flag: NodeFlags) -> bool {
        self.snapshot.flags(self.id).has(flag)
    }

    /// What was computed over the entity's own graph: the kept one for the present, a fresh one for the past.
    pub(crate) fn insight(&self, ctx: &Context<'_>) -> ApiResult<Arc<Insight>> {
        let kept = state(ctx)?.insight();
        let same = Arc::ptr_eq(&kept.snapshot, &self.snapshot);
        Ok(if same { kept } else { Arc::new(Insight::new(Arc::clone(&self.snapshot))) })
    }

    /// Exposure and impact.
    pub(crate) async fn shares(&self, ctx: &Context<'_>) -> ApiResult<Shares> {
        let (insight, id) = (self.insight(ctx)?, self.id);
        let found = compute(ctx, move |limits| insight.shares(&[id], limits)).await?;
        found.get(&id).copied().ok_or_else(|| ApiError::Internal("the graph gave no share".into()))
    }

    /// The keys under which events and alerts name it.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.record().map(node_keys).unwrap_or_default()
    }

    fn edges(
        &self,
        direction: Direction,
        kinds: Option<&[EdgeKind]>,
        first: i32,
        after: Option<&str>,
    ) -> ApiResult<GraphEdgeConnection> {
        let wanted = |kind| kinds.is_none_or(|kinds| kinds.contains(&Kind(kind)));
        let hops: Vec<_> = match direction {
            Direction::Outbound => self.snapshot.outgoing(self.id).filter(|hop| wanted(hop.kind)).collect(),
            Direction::Inbound => self.snapshot.incoming(self.id).filter(|hop| wanted(hop.kind)).collect(),
        };
        let place = |hop: &hopwatch_graph::Hop| (i64::from(hop.edge.0), String::new());
        let page = slice(&hops, &request(Some(first), after, None, None)?, place);
        let page = page.map(|hop| GraphEdge { snapshot: Arc::clone(&self.snapshot), hop });
        Ok(GraphEdgeConnection::new(page, Total::Known(hops.len()), |edge| place(&edge.hop)))
    }

    /// The same entity as it stood at a time; itself where no time is asked for.
    async fn at(&self, ctx: &Context<'_>, as_of: Option<DateTime>) -> ApiResult<Self> {
        let Some(DateTime(time)) = as_of else { return Ok(self.clone()) };
        let state = Arc::clone(state(ctx)?);
        let snapshot = compute(ctx, move |_| Ok::<_, ApiError>(state.snapshot_at(Some(time)))).await?;
        Ok(Self { snapshot, id: self.id })
    }
}

/// The keys under which events and alerts name a node.
pub(crate) fn node_keys(node: &Node) -> Vec<String> {
    let mut keys = Vec::new();
    if node.id.starts_with("S-1-") {
        keys.push(keys::sid(&node.id));
    }
    if let Some(address) = node.id.strip_prefix("ADDRESS:") {
        keys.push(keys::address(&address.to_lowercase()));
    }
    let sam = node.text("samaccountname");
    let principal = node.text("name").and_then(|name| name.split_once('@')).map(|(name, _)| name);
    let stub = node.id.strip_prefix("ACCOUNT:").map(|name| name.rsplit('\\').next().unwrap_or(name));
    keys.extend(sam.or(principal).or(stub).map(keys::account));
    if matches!(node.kind, hopwatch_model::NodeKind::Computer | hopwatch_model::NodeKind::SiteServer) {
        let host = node.text("dnshostname").or_else(|| node.id.strip_prefix("HOST:")).or(sam).or(node.text("name"));
        keys.extend(host.map(keys::host));
    }
    keys
}

/// An object of the estate: account, host, group, container …
#[Object]
impl Entity {
    /// The objectid: SID or upper-case GUID.
    async fn id(&self) -> ID {
        ID(self.object_id())
    }

    /// The kind.
    async fn kind(&self) -> NodeKind {
        Kind(self.snapshot.kind(self.id))
    }

    /// What to show.
    async fn name(&self) -> String {
        self.label()
    }

    /// The name as lists and maps write it: the `sAMAccountName` as it is spelt, without the `$` of a computer, else the
    /// name without its domain.
    #[graphql(name = "label")]
    async fn short_name(&self) -> String {
        self.record().map(short_label).unwrap_or_default()
    }

    /// Alerts in which it takes part that are not closed.
    #[graphql(complexity = 5)]
    async fn open_alerts(&self, ctx: &Context<'_>) -> Result<u64> {
        let states = vec![AlertState::Open, AlertState::InProgress];
        let filter = AlertFilter { keys: Some(self.keys()), states, ..AlertFilter::default() };
        Ok(state(ctx)?.store.alert_count(&filter).await.map_err(ApiError::from)?)
    }

    /// The domain to which it belongs.
    async fn domain(&self) -> Option<String> {
        self.record().and_then(|node| node.text("domain")).map(str::to_owned)
    }

    /// Whether the account may log on; null for what cannot be disabled.
    async fn enabled(&self) -> Option<bool> {
        self.has(NodeFlags::ACCOUNT).then(|| self.has(NodeFlags::ENABLED))
    }

    /// Whether its takeover is the domain's.
    async fn tier_zero(&self) -> bool {
        self.has(NodeFlags::TIER_ZERO)
    }

    /// Why it belongs to Tier Zero.
    async fn tier_zero_reason(&self) -> Option<String> {
        self.snapshot.tier_zero_reasons().get(&self.id).map(|reason| words(&self.snapshot, *reason))
    }

    /// Whether a user tagged it as taken.
    async fn owned(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(state(ctx)?.tags_of(&self.object_id()).owned)
    }

    /// Whether a user tagged it as a crown jewel.
    async fn sensitive(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(state(ctx)?.tags_of(&self.object_id()).sensitive)
    }

    /// When a source first spoke of it.
    async fn first_seen_at(&self) -> Option<DateTime> {
        self.record().and_then(|node| DateTime::finite(node.first_seen))
    }

    /// When a source last spoke of it.
    async fn last_seen_at(&self) -> Option<DateTime> {
        self.record().and_then(|node| DateTime::finite(node.last_seen))
    }

    /// Its properties by name.
    async fn properties(&self) -> Vec<Property> {
        self.record().into_iter().flat_map(|node| node.properties.iter()).map(Property::new).collect()
    }

    /// Hops on the cheapest path to Tier Zero; null where there is none.
    #[graphql(complexity = 5)]
    async fn distance_to_tier_zero(&self, ctx: &Context<'_>) -> Result<Option<usize>> {
        let (insight, id) = (self.insight(ctx)?, self.id);
        Ok(compute(ctx, move |limits| insight.hops_to_tier_zero(id, limits)).await?)
    }

    /// Share of enabled principals that can reach it, 0–100.
    #[graphql(complexity = 10)]
    async fn exposure_percent(&self, ctx: &Context<'_>) -> Result<f64> {
        Ok(self.shares(ctx).await?.exposure.ratio() * 100.0)
    }

    /// How many objects it can reach.
    #[graphql(complexity = 10)]
    async fn impact(&self, ctx: &Context<'_>) -> Result<u64> {
        Ok(self.shares(ctx).await?.impact.nodes)
    }

    /// How likely it is in wrong hands, by what that would mean.
    #[graphql(complexity = "20 + child_complexity")]
    async fn risk(&self, ctx: &Context<'_>) -> Result<Risk> {
        Ok(super::risk::of(ctx, self).await?)
    }

    /// Edges from it.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn outbound(
        &self,
        ctx: &Context<'_>,
        kinds: Option<Vec<EdgeKind>>,
        as_of: Option<DateTime>,
        #[graphql(default = 50)] first: i32,
        after: Option<String>,
    ) -> Result<GraphEdgeConnection> {
        Ok(self.at(ctx, as_of).await?.edges(Direction::Outbound, kinds.as_deref(), first, after.as_deref())?)
    }

    /// Edges to it.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn inbound(
        &self,
        ctx: &Context<'_>,
        kinds: Option<Vec<EdgeKind>>,
        as_of: Option<DateTime>,
        #[graphql(default = 50)] first: i32,
        after: Option<String>,
    ) -> Result<GraphEdgeConnection> {
        Ok(self.at(ctx, as_of).await?.edges(Direction::Inbound, kinds.as_deref(), first, after.as_deref())?)
    }

    /// Alerts in which it takes part, newest first.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn alerts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        after: Option<String>,
    ) -> Result<AlertConnection> {
        let filter = AlertFilter { keys: Some(self.keys()), ..AlertFilter::default() };
        Ok(alert::page(ctx, filter, &request(Some(first), after.as_deref(), None, None)?).await?)
    }

    /// Events in which it takes part, newest first.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 50)] first: i32,
        after: Option<String>,
    ) -> Result<EventConnection> {
        let filter = EventFilter { keys: Some(self.keys()), ..EventFilter::default() };
        Ok(event::page(ctx, filter, &request(Some(first), after.as_deref(), None, None)?).await?)
    }

    /// Logons by weekday and hour, of the entity and the mean of its peers.
    #[graphql(complexity = "20 + child_complexity")]
    async fn activity(&self, ctx: &Context<'_>) -> Result<ActivityHeat> {
        Ok(super::activity::of(ctx, self).await?)
    }

    /// Who stands nearest: members of the same groups, of the same kind.
    #[graphql(complexity = "list_cost(first, child_complexity)")]
    async fn peers(&self, #[graphql(default = 10)] first: i32) -> Result<Vec<Self>> {
        let limit = usize::try_from(amount(first, 100)?).unwrap_or(usize::MAX);
        let peers = super::activity::peers(&self.snapshot, self.id, limit);
        Ok(peers.into_iter().map(|id| Self { snapshot: Arc::clone(&self.snapshot), id }).collect())
    }
}

/// The name without its domain, in the spelling of the directory where that is known.
fn short_label(node: &Node) -> String {
    let name = node.label();
    if node.stub() {
        let bare = name.split_once(':').map_or(name, |(_, rest)| rest);
        return bare.rsplit('\\').next().unwrap_or(bare).to_owned();
    }
    if let Some(sam) = node.text("samaccountname").filter(|sam| !sam.is_empty()) {
        return sam.strip_suffix('$').unwrap_or(sam).to_owned();
    }
    let computer = node.kind == hopwatch_model::NodeKind::Computer && name.parse::<std::net::IpAddr>().is_err();
    let end = if computer { name.find(['@', '.']) } else { name.find('@') };
    end.filter(|at| *at > 0).map_or(name, |at| name.get(..at).unwrap_or(name)).to_owned()
}

fn words(snapshot: &Snapshot, reason: Reason) -> String {
    let name = |id: NodeId| snapshot.node(id).map(short_label).unwrap_or_default();
    match reason {
        Reason::WellKnown(what) => format!("it is {what}"),
        Reason::DomainHead => "it is the head of a domain".into(),
        Reason::AdminSdHolder => "its rights are stamped on administrative accounts".into(),
        Reason::DomainController => "it is a domain controller".into(),
        Reason::CertificationAuthority => "it is a certification authority that the domain trusts".into(),
        Reason::MemberOf(id) => format!("it is a member of {}", name(id)),
        Reason::Contains(id) => format!("it holds {}", name(id)),
        Reason::AppliesTo(id) => format!("its policy applies to {}", name(id)),
        Reason::Hosts(id) => format!("it hosts {}", name(id)),
        Reason::Marked => "an administrator marked it".into(),
    }
}
