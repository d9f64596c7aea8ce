//! Assembly: a verdict becomes an alert, or joins the open alert of the same key. One act seen by two sources is one
//! alert, and a continued attack updates rather than repeats.

use std::collections::BTreeMap;
use std::time::Duration;

use hopwatch_model::alert::MAX_EVIDENCE;
use hopwatch_model::{Alert, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::frame::{Meta, Verdict};

/// How long after its last event an alert takes up another of its key; beyond it a new alert opens.
const MERGE: Duration = Duration::from_secs(24 * 3600);
/// The most alerts held for merging; the oldest goes (the store has it).
const ALERTS: usize = 10_000;

/// What became of a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", content = "alert", rename_all = "snake_case")]
pub enum AlertChange {
    /// A new alert.
    Opened(Alert),
    /// More of a known one.
    Updated(Alert),
}

impl AlertChange {
    /// The alert as it stands now.
    #[must_use]
    pub fn alert(&self) -> &Alert {
        match self {
            Self::Opened(alert) | Self::Updated(alert) => alert,
        }
    }
}

/// What the alerts of a detection or rule say of it.
#[derive(Clone, Debug)]
pub struct Described<'a> {
    /// The slug.
    pub slug: &'a str,
    /// Defender for Identity's external id.
    pub external_id: Option<u32>,
    /// The severity where a verdict gives no other.
    pub severity: Severity,
    /// ATT&CK technique ids.
    pub techniques: Vec<String>,
    /// What to do, in order.
    pub actions: Vec<String>,
}

impl From<&'static Meta> for Described<'_> {
    fn from(meta: &'static Meta) -> Self {
        Self {
            slug: meta.slug,
            external_id: meta.external_id,
            severity: meta.severity,
            techniques: meta.techniques.iter().map(|id| (*id).into()).collect(),
            actions: meta.actions.iter().map(|action| (*action).into()).collect(),
        }
    }
}

/// Alerts that can still take up verdicts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Assembly {
    /// By slug and key, then the number of the alert among those of that key.
    open: BTreeMap<String, Alert>,
    closed: Vec<Alert>,
}

impl Assembly {
    /// All alerts held, by first time.
    #[must_use]
    pub fn alerts(&self) -> Vec<&Alert> {
        let mut all: Vec<&Alert> = self.closed.iter().chain(self.open.values()).collect();
        all.sort_by(|a, b| (a.first_at, &a.key).cmp(&(b.first_at, &b.key)));
        all
    }

    /// Takes a verdict in.
    pub fn take(&mut self, meta: &Described<'_>, verdict: Verdict) -> Option<AlertChange> {
        let first = verdict.evidence.iter().map(|evidence| evidence.time).min()?;
        let last = verdict.evidence.iter().map(|evidence| evidence.time).max()?;
        let key = format!("{}|{}", meta.slug, verdict.key);
        if let Some(alert) = self.open.get_mut(&key) {
            let joins = first <= alert.last_at + MERGE && alert.first_at <= last + MERGE;
            if joins {
                merge(alert, verdict, first, last);
                return Some(AlertChange::Updated(alert.clone()));
            }
            if let Some(ended) = self.open.remove(&key) {
                self.closed.push(ended);
            }
        }
        self.make_room();
        let alert = open(meta, key.clone(), verdict, first, last);
        self.open.insert(key, alert.clone());
        Some(AlertChange::Opened(alert))
    }

    fn make_room(&mut self) {
        if self.closed.len() + self.open.len() < ALERTS {
            return;
        }
        if !self.closed.is_empty() {
            self.closed.remove(0);
            return;
        }
        let oldest = self.open.iter().min_by_key(|(_, alert)| alert.last_at).map(|(key, _)| key.clone());
        oldest.and_then(|key| self.open.remove(&key));
    }
}

fn open(meta: &Described<'_>, key: String, mut verdict: Verdict, first: Timestamp, last: Timestamp) -> Alert {
    let events = u64::try_from(verdict.evidence.len()).unwrap_or(u64::MAX);
    verdict.evidence.sort_by_key(|evidence| evidence.time);
    verdict.evidence.truncate(MAX_EVIDENCE);
    Alert {
        detection: meta.slug.into(),
        key,
        external_id: meta.external_id,
        severity: verdict.severity.unwrap_or(meta.severity),
        first_at: first,
        last_at: last,
        actor: verdict.actor,
        source: verdict.source,
        target_host: verdict.target_host,
        target: verdict.target,
        explanation: verdict.explanation,
        reasons: verdict.reasons,
        score: verdict.score,
        techniques: meta.techniques.clone(),
        actions: meta.actions.clone(),
        evidence: verdict.evidence,
        events,
    }
}

fn merge(alert: &mut Alert, verdict: Verdict, first: Timestamp, last: Timestamp) {
    let fresh: Vec<_> = verdict.evidence.into_iter().filter(|evidence| !alert.evidence.contains(evidence)).collect();
    alert.events += u64::try_from(fresh.len()).unwrap_or(0);
    let room = MAX_EVIDENCE.saturating_sub(alert.evidence.len());
    alert.evidence.extend(fresh.into_iter().take(room));
    alert.evidence.sort_by_key(|evidence| evidence.time);
    alert.first_at = alert.first_at.min(first);
    alert.last_at = alert.last_at.max(last);
    alert.severity = alert.severity.max(verdict.severity.unwrap_or(alert.severity));
    // The later verdict has seen more: its story and reasons replace the earlier ones where it is at least as sure.
    if verdict.score >= alert.score {
        alert.score = verdict.score;
        alert.explanation = verdict.explanation;
        alert.reasons = verdict.reasons;
        alert.target = verdict.target.or(alert.target.take());
    }
    alert.actor = alert.actor.take().or(verdict.actor);
    alert.source = alert.source.take().or(verdict.source);
    alert.target_host = alert.target_host.take().or(verdict.target_host);
}
