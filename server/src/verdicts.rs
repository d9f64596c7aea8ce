//! The result of a one-shot analysis: alerts, findings, what is weak in the directory, and the paths from whoever is
//! involved to Tier Zero, as stable JSON and as text. The field names of the JSON are a contract
//! (`docs/reference/analyze-json.md`).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hopwatch_detections::frame::Phase;
use hopwatch_detections::posture::findings;
use hopwatch_graph::{Estate, Filter, Limits, Metric, NodeId, Path, Snapshot};
use hopwatch_model::{Account, Alert, Finding, Host};
use serde_json::{Value, json};

use crate::watch::Watch;

/// The most nodes that a path search may touch.
const PATH_NODES: usize = 5_000_000;
/// The most paths listed.
const PATHS: usize = 20;

/// What an analysis found.
pub struct Verdicts {
    alerts: Vec<Alert>,
    weaknesses: Vec<Finding>,
    paths: Vec<FoundPath>,
    events: usize,
    nodes: usize,
    edges: usize,
}

/// A path from someone involved to Tier Zero.
struct FoundPath {
    from: String,
    cost: u32,
    hops: Vec<(String, &'static str, String)>,
}

/// Takes the result from a watch that has finished.
#[must_use]
pub fn of(watch: &Watch, estate: &Estate, events: usize) -> Verdicts {
    let snapshot = watch.snapshot();
    let alerts: Vec<Alert> = watch.engine().alerts().into_iter().cloned().collect();
    let paths = paths(&alerts, &snapshot);
    Verdicts {
        alerts,
        weaknesses: findings::of(&snapshot),
        paths,
        events,
        nodes: estate.node_count(),
        edges: estate.edge_count(),
    }
}

/// The cheapest path to Tier Zero of every actor and source host of the alerts.
fn paths(alerts: &[Alert], snapshot: &Snapshot) -> Vec<FoundPath> {
    let lookup = snapshot.lookup();
    let mut starts = BTreeSet::new();
    for alert in alerts {
        starts.extend(alert.actor.as_ref().and_then(|actor| lookup.account(actor)));
        starts.extend(alert.source.as_ref().and_then(|source| lookup.host(source)));
    }
    let targets = snapshot.tier_zero();
    if targets.is_empty() {
        return Vec::new();
    }
    let limits = Limits { max_nodes: PATH_NODES, ..Limits::none() };
    let found = starts.into_iter().filter_map(|start| {
        // A start inside Tier Zero has no way to go.
        let path = snapshot.cheapest_path(start, &targets, Metric::Cost, &Filter::default(), &limits).ok()??;
        (!path.hops.is_empty()).then(|| shown(snapshot, &path))
    });
    found.take(PATHS).collect()
}

fn shown(snapshot: &Snapshot, path: &Path) -> FoundPath {
    let name = |node: NodeId| snapshot.node(node).map(|node| node.label().to_owned()).unwrap_or_default();
    let hops = path.hops.iter().map(|hop| (name(hop.source), hop.kind.name(), name(hop.target))).collect();
    FoundPath { from: name(path.start), cost: path.cost, hops }
}

/// Weaknesses seen in use are findings, not attacks.
fn finding(alert: &Alert) -> bool {
    let meta = hopwatch_detections::ALL.iter().map(|factory| factory.meta()).find(|meta| meta.slug == alert.detection);
    meta.is_some_and(|meta| meta.phase == Phase::Posture)
}

impl Verdicts {
    /// The alerts, by time.
    #[must_use]
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// What is weak in the directory whether or not anybody uses it.
    #[must_use]
    pub fn weaknesses(&self) -> &[Finding] {
        &self.weaknesses
    }

    /// The stable JSON form.
    #[must_use]
    pub fn json(&self) -> Value {
        let (findings, alerts): (Vec<&Alert>, Vec<&Alert>) = self.alerts.iter().partition(|alert| finding(alert));
        json!({
            "alerts": alerts.into_iter().map(alert_json).collect::<Vec<_>>(),
            "findings": findings.into_iter().map(alert_json).collect::<Vec<_>>(),
            "posture": self.weaknesses.iter().map(weakness_json).collect::<Vec<_>>(),
            "paths": self.paths.iter().map(path_json).collect::<Vec<_>>(),
            "events": self.events,
            "graph": { "nodes": self.nodes, "edges": self.edges },
        })
    }

    /// The form for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for alert in &self.alerts {
            write_alert(&mut text, alert);
        }
        for weakness in &self.weaknesses {
            let severity = format!("{:?}", weakness.severity).to_lowercase();
            let _ = writeln!(text, "weak: {severity:<6} {} ({} exposed)", weakness.title, weakness.exposed.len());
        }
        for path in &self.paths {
            let _ = writeln!(text, "path from {} to Tier Zero (cost {}):", path.from, path.cost);
            for (source, kind, target) in &path.hops {
                let _ = writeln!(text, "  {source} ─{kind}→ {target}");
            }
        }
        let findings = self.alerts.iter().filter(|alert| finding(alert)).count();
        let alerts = self.alerts.len() - findings;
        let weak = self.weaknesses.len();
        let _ = write!(text, "{alerts} alerts, {findings} findings in {} events, {weak} weaknesses", self.events);
        if self.nodes > 0 {
            let _ = write!(text, "; graph of {} objects, {} edges", self.nodes, self.edges);
        }
        text
    }
}

fn write_alert(text: &mut String, alert: &Alert) {
    let severity = format!("{:?}", alert.severity).to_lowercase();
    let _ = writeln!(text, "{severity:<6} {}  {}", alert.detection, alert.first_at);
    let _ = writeln!(text, "  {}", alert.explanation);
    for reason in &alert.reasons {
        let _ = writeln!(text, "  why: {}", reason.text);
    }
    for evidence in alert.evidence.iter().take(3) {
        let _ = writeln!(
            text,
            "  evidence: {} {} ({})",
            evidence.provenance.source, evidence.provenance.record, evidence.note
        );
    }
    if alert.events > 3 {
        let _ = writeln!(text, "  … {} records in all", alert.events);
    }
    if let Some(action) = alert.actions.first() {
        let _ = writeln!(text, "  do now: {action}");
    }
    text.push('\n');
}

fn alert_json(alert: &Alert) -> Value {
    let evidence = alert.evidence.iter().map(|evidence| {
        json!({
            "source": evidence.provenance.source,
            "record": evidence.provenance.record.to_string(),
            "time": evidence.time.to_string(),
            "eventId": evidence.provenance.event_id,
            "note": evidence.note,
        })
    });
    json!({
        "detection": alert.detection,
        "externalId": alert.external_id,
        "severity": alert.severity,
        "time": alert.first_at.to_string(),
        "lastTime": alert.last_at.to_string(),
        "actor": alert.actor.as_ref().map(account_text),
        "sourceHost": alert.source.as_ref().map(host_text),
        "targetHost": alert.target_host.as_ref().map(host_text),
        "target": alert.target,
        "evidence": evidence.collect::<Vec<_>>(),
        "events": alert.events,
        "score": alert.score,
        "explanation": alert.explanation,
        "reasons": alert.reasons.iter().map(|reason| &reason.text).collect::<Vec<_>>(),
        "techniques": alert.techniques,
        "actions": alert.actions,
    })
}

fn weakness_json(weakness: &Finding) -> Value {
    json!({
        "detection": weakness.detection,
        "severity": weakness.severity,
        "title": weakness.title,
        "exposed": weakness.exposed,
        "evidence": weakness.evidence,
        "remediation": weakness.remediation,
    })
}

fn path_json(path: &FoundPath) -> Value {
    let hops =
        path.hops.iter().map(|(source, kind, target)| json!({ "source": source, "kind": kind, "target": target }));
    json!({ "from": path.from, "cost": path.cost, "hops": hops.collect::<Vec<_>>() })
}

fn account_text(account: &Account) -> String {
    match (&account.domain, &account.sid) {
        (Some(domain), _) if !account.name.is_empty() => format!("{domain}\\{}", account.name),
        (None, Some(sid)) if account.name.is_empty() => sid.to_string(),
        _ => account.name.clone(),
    }
}

fn host_text(host: &Host) -> String {
    match (&host.name, host.address) {
        (Some(name), _) => name.clone(),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    }
}
