//! What reports are made of: one look at store and graph, so that every sheet of a report tells the same state.

use hopwatch_graph::{Limits, NodeId, Snapshot};
use hopwatch_model::{Alert, Finding, Severity, Timestamp};

use super::Error;
use crate::insight::{Insight, path_to_tier_zero};
use crate::state::{Gap, State};
use crate::store::{AlertFilter, EventFilter, PageRequest, SourceStatus, StoredAlert};

/// Alerts of a report, the latest.
const ALERTS: u32 = 5_000;
/// Principals of the exposure sheet, those nearest to Tier Zero.
const EXPOSED: usize = 500;
/// Choke points of a report.
const CHOKES: usize = 50;

/// An alert with where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// The judgement.
    pub alert: Alert,
    /// `open`, `in progress`, `closed`.
    pub state: &'static str,
    /// Who looks after it.
    pub assignee: String,
    /// What a user noted.
    pub comment: String,
}

/// A principal that can reach Tier Zero.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityRow {
    /// What to show.
    pub name: String,
    /// The objectid.
    pub id: String,
    /// The kind.
    pub kind: &'static str,
    /// Hops of the cheapest path.
    pub hops: usize,
    /// What it costs.
    pub cost: u32,
    /// The path in words: `ann -MemberOf→ Helpdesk -GenericAll→ …`.
    pub path: String,
}

/// An edge whose removal helps most.
#[derive(Clone, Debug, PartialEq)]
pub struct ChokeRow {
    /// Who can act.
    pub source: String,
    /// In what way.
    pub kind: &'static str,
    /// On what.
    pub target: String,
    /// Principals that its removal cuts off.
    pub principals: u64,
    /// By how many percent points the exposure falls.
    pub percent: f64,
    /// What removes it.
    pub remediation: &'static str,
}

/// The exposure of Tier Zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    /// Objects of Tier Zero.
    pub tier_zero: usize,
    /// Enabled users and computers outside it.
    pub principals: u64,
    /// Those of them that can reach it.
    pub exposed: u64,
    /// Their share, 0–100.
    pub percent: f64,
}

/// What reports are made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    /// When the look was taken.
    pub created_at: Timestamp,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Edges of the graph.
    pub edges: usize,
    /// Events of the history, with the times of the first and the last.
    pub events: u64,
    /// The times of the first and the last event.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How exposed Tier Zero is.
    pub exposure: Exposure,
    /// The alerts, the worst and latest first.
    pub alerts: Vec<AlertRow>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// The principals nearest to Tier Zero.
    pub exposed: Vec<EntityRow>,
    /// The edges to remove first.
    pub chokes: Vec<ChokeRow>,
    /// Every source.
    pub sources: Vec<SourceStatus>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Inputs {
    /// What the graph says: exposure, paths, choke points. Takes as long as searches of the whole graph.
    ///
    /// # Errors
    /// Where the graph cannot answer.
    pub fn of_graph(insight: &Insight, created_at: Timestamp) -> Result<Self, hopwatch_graph::Error> {
        let limits = Limits::none();
        let snapshot = &insight.snapshot;
        let zone = insight.zone(&limits)?;
        let exposure = Exposure {
            tier_zero: snapshot.tier_zero_reasons().len(),
            principals: zone.of_principals,
            exposed: zone.principals,
            percent: zone.ratio() * 100.0,
        };
        let chokes = insight.choke_points(&limits)?;
        let row = |choke: &crate::insight::Choke| ChokeRow {
            source: label(snapshot, choke.hop.source),
            kind: choke.hop.kind.name(),
            target: label(snapshot, choke.hop.target),
            principals: choke.principals,
            percent: choke.percent,
            remediation: choke.hop.kind.remediation(),
        };
        Ok(Self {
            created_at,
            nodes: snapshot.node_count(),
            edges: snapshot.edge_count(),
            exposure,
            exposed: exposed(snapshot, &limits)?,
            chokes: chokes.iter().take(CHOKES).map(row).collect(),
            ..Self::default()
        })
    }

    /// The same with these alerts, ordered the worst and latest first.
    #[must_use]
    pub fn with_alerts(mut self, mut alerts: Vec<AlertRow>) -> Self {
        alerts.sort_by_key(|row| std::cmp::Reverse((row.alert.severity, row.alert.last_at)));
        self.alerts = alerts;
        self
    }

    /// Open alerts of a severity.
    #[must_use]
    pub fn open(&self, severity: Severity) -> usize {
        self.alerts.iter().filter(|row| row.state != "closed" && row.alert.severity == severity).count()
    }
}

impl From<StoredAlert> for AlertRow {
    fn from(stored: StoredAlert) -> Self {
        let state = match stored.state {
            crate::store::AlertState::Open => "open",
            crate::store::AlertState::InProgress => "in progress",
            crate::store::AlertState::Closed => "closed",
        };
        let (assignee, comment) = (stored.assignee.unwrap_or_default(), stored.comment.unwrap_or_default());
        Self { alert: stored.alert, state, assignee, comment }
    }
}

impl From<Alert> for AlertRow {
    fn from(alert: Alert) -> Self {
        Self { alert, state: "open", assignee: String::new(), comment: String::new() }
    }
}

/// A look at a server's state.
///
/// # Errors
/// Where store or graph cannot answer.
pub async fn gather(state: &State, created_at: Timestamp) -> Result<Inputs, Error> {
    let insight = state.insight();
    let graph = tokio::task::spawn_blocking(move || Inputs::of_graph(&insight, created_at)).await;
    let mut inputs = graph.map_err(|_| Error::Stopped)??;
    let alerts = state.store.alerts(&AlertFilter::default(), &PageRequest::first(ALERTS)).await?;
    inputs = inputs.with_alerts(alerts.rows.into_iter().map(Into::into).collect());
    inputs.events = state.events.count(&EventFilter::default()).await?;
    inputs.span = state.events.span().await?;
    inputs.findings = state.store.findings().await?;
    inputs.sources = state.store.sources().await?;
    inputs.gaps = state.gaps();
    Ok(inputs)
}

fn exposed(snapshot: &Snapshot, limits: &Limits<'_>) -> Result<Vec<EntityRow>, hopwatch_graph::Error> {
    if snapshot.tier_zero_reasons().is_empty() {
        return Ok(Vec::new());
    }
    let distances = snapshot.tier_zero_distances(limits)?;
    let outside = |id: &NodeId| !distances.in_set(*id) && snapshot.flags(*id).principal();
    let mut nearest: Vec<(u32, String, NodeId)> =
        distances.iter().filter(|(id, _)| outside(id)).map(|(id, cost)| (cost, label(snapshot, id), id)).collect();
    nearest.sort_unstable();
    let mut rows = Vec::new();
    for (cost, name, id) in nearest.into_iter().take(EXPOSED) {
        let Some(path) = path_to_tier_zero(snapshot, id, limits)? else { continue };
        let object_id = snapshot.node(id).map(|node| node.id.clone()).unwrap_or_default();
        let words = in_words(snapshot, &path);
        rows.push(EntityRow {
            name,
            id: object_id,
            kind: snapshot.kind(id).name(),
            hops: path.hops.len(),
            cost,
            path: words,
        });
    }
    Ok(rows)
}

fn in_words(snapshot: &Snapshot, path: &hopwatch_graph::Path) -> String {
    let mut words = label(snapshot, path.start);
    for hop in &path.hops {
        words.push_str(&format!(" -{}→ {}", hop.kind.name(), label(snapshot, hop.target)));
    }
    words
}

fn label(snapshot: &Snapshot, id: NodeId) -> String {
    snapshot.node(id).map(|node| node.label().to_owned()).unwrap_or_default()
}
