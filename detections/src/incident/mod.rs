//! Incidents: alerts that belong to one intrusion, grouped as they come by whom and what they share, and told in the
//! order of the kill chain.
//!
//! Two alerts belong together where they lie within [`GAP`] of each other and the same account or host acts in both, or
//! where what one of them reached is what acts in a later one: the host moved to, the account whose credential was
//! taken. Merely to have been reached twice joins nothing: every intruder talks to the same controllers, and those are
//! never a link at all. Weaknesses seen in use (phase *posture*) are no steps of an intrusion.
//!
//! Incidents that meet become one, which keeps the id of the older. Deterministic: the same alerts in the same order
//! give the same incidents.

mod links;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_model::{Alert, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::frame::Phase;
pub use links::{Links, links};

/// How far apart in event time two alerts of one intrusion may lie: an intruder who rests over a day and a night comes
/// back within it. More joins strangers on shared hosts.
const GAP: Duration = Duration::from_secs(48 * 3600);
/// The most incidents that can still grow; the one quiet for longest is let go (the store has it).
const INCIDENTS: usize = 5_000;
/// The most alerts listed in one incident; further ones only count. A tool that is loud under many names must not make
/// one record of unbounded size.
const MEMBERS: usize = 500;
/// The most keys by which an incident is found.
const KEYS: usize = 2_000;

/// An alert as a step of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The alert's id, as the caller knows it.
    pub alert: String,
    /// The detection's slug.
    pub detection: String,
    /// Where in the kill chain it stands.
    pub phase: Phase,
    /// The alert's severity.
    pub severity: Severity,
    /// Its score, 0–100.
    pub score: f64,
    /// The time of its first event.
    pub first_at: Timestamp,
    /// The time of its latest event.
    pub last_at: Timestamp,
    /// Who acted: the account's name, empty where unknown.
    pub actor: String,
    /// From which host, empty where unknown.
    pub source: String,
    /// What was reached: the target host, else the target in words, else empty.
    pub target: String,
    /// The alert's story.
    pub explanation: String,
}

/// A group of alerts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// A digest of the first alert's id: the same at every replay.
    pub id: String,
    /// The time of the first event.
    pub first_at: Timestamp,
    /// The time of the latest event.
    pub last_at: Timestamp,
    /// The gravest of its alerts; high where it spans three phases of the kill chain or more.
    pub severity: Severity,
    /// 0–100: the surest alert, and five points for each further phase.
    pub score: f64,
    /// In kill-chain order, within a phase by time; at most 500.
    pub steps: Vec<Step>,
    /// Alerts beyond those listed.
    pub further: u64,
    /// Who and what acted: keys as `account:ann`, `host:ws1`.
    pub actors: BTreeSet<String>,
    /// Who and what was reached.
    pub reached: BTreeSet<String>,
}

impl Incident {
    /// The phases it spans, in order.
    #[must_use]
    pub fn phases(&self) -> BTreeSet<Phase> {
        self.steps.iter().map(|step| step.phase).collect()
    }

    /// Who, and from where to where in the kill chain.
    #[must_use]
    pub fn title(&self) -> String {
        let named = |pick: fn(&Step) -> &str| self.steps.iter().map(pick).find(|name| !name.is_empty());
        let who = named(|step| &step.actor).or_else(|| named(|step| &step.source)).unwrap_or("someone unknown");
        let phases: Vec<&str> = self.phases().into_iter().map(Phase::words).collect();
        match phases.as_slice() {
            [] => who.to_owned(),
            [one] => format!("{who}: {one}"),
            [first, .., last] => format!("{who}: from {first} to {last}"),
        }
    }

    /// How many alerts belong to it.
    #[must_use]
    pub fn alerts(&self) -> u64 {
        u64::try_from(self.steps.len()).unwrap_or(u64::MAX).saturating_add(self.further)
    }
}

/// What a new or changed alert did to the incidents.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The incident to which the alert belongs, as it stands now.
    pub incident: Incident,
    /// Incidents that went into it.
    pub absorbed: Vec<String>,
}

/// Incidents that can still grow.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Incidents {
    open: BTreeMap<String, Incident>,
    /// The incident of an alert.
    by_alert: BTreeMap<String, String>,
    /// Incidents by key, whether it acted or was reached.
    by_key: BTreeMap<String, BTreeSet<String>>,
    let_go: u64,
}

impl Incidents {
    /// Takes up incidents that were kept.
    #[must_use]
    pub fn restore(incidents: impl IntoIterator<Item = Incident>) -> Self {
        let mut all = Self::default();
        for incident in incidents {
            all.put(incident);
        }
        all
    }

    /// Takes an alert in, new or changed. `None` for what is no step of an intrusion.
    pub fn take(&mut self, id: &str, alert: &Alert, phase: Phase, links: Links) -> Option<Change> {
        if phase == Phase::Posture {
            return None;
        }
        let mut found = self.related(alert, &links);
        found.extend(self.by_alert.get(id).cloned());
        let mut parts: Vec<Incident> = found.iter().filter_map(|id| self.remove(id)).collect();
        parts.sort_by(|a, b| (a.first_at, &a.id).cmp(&(b.first_at, &b.id)));
        let mut parts = parts.into_iter();
        let mut incident = parts.next().unwrap_or_else(|| fresh(id, alert));
        let mut absorbed = Vec::new();
        for part in parts {
            absorbed.push(part.id.clone());
            incident.absorb(part);
        }
        incident.set(id, alert, phase, links);
        self.make_room();
        self.put(incident.clone());
        Some(Change { incident, absorbed })
    }

    /// All incidents held, the latest first.
    #[must_use]
    pub fn all(&self) -> Vec<&Incident> {
        let mut all: Vec<_> = self.open.values().collect();
        all.sort_by(|a, b| (b.last_at, &a.id).cmp(&(a.last_at, &b.id)));
        all
    }

    /// How many were let go for the cap.
    #[must_use]
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// The incidents with which an alert has a link.
    fn related(&self, alert: &Alert, links: &Links) -> BTreeSet<String> {
        let near =
            |incident: &Incident| alert.first_at <= incident.last_at + GAP && incident.first_at <= alert.last_at + GAP;
        let mut found = BTreeSet::new();
        for key in links.acting.iter().chain(&links.reached) {
            for id in self.by_key.get(key).into_iter().flatten() {
                let Some(incident) = self.open.get(id).filter(|incident| near(incident)) else { continue };
                let acts = links.acting.contains(key);
                let acted = incident.actors.contains(key);
                // Reached before it acts, here or there: a move. The other order is no consequence.
                let moved_on = acts && incident.reached.contains(key) && incident.first_at <= alert.last_at;
                let led_there = acted && links.reached.contains(key) && alert.first_at <= incident.last_at;
                if (acts && acted) || moved_on || led_there {
                    found.insert(id.clone());
                }
            }
        }
        found
    }

    fn put(&mut self, incident: Incident) {
        for step in &incident.steps {
            self.by_alert.insert(step.alert.clone(), incident.id.clone());
        }
        for key in incident.actors.iter().chain(&incident.reached) {
            self.by_key.entry(key.clone()).or_default().insert(incident.id.clone());
        }
        self.open.insert(incident.id.clone(), incident);
    }

    fn remove(&mut self, id: &str) -> Option<Incident> {
        let incident = self.open.remove(id)?;
        for step in &incident.steps {
            self.by_alert.remove(&step.alert);
        }
        for key in incident.actors.iter().chain(&incident.reached) {
            if let Some(ids) = self.by_key.get_mut(key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        Some(incident)
    }

    fn make_room(&mut self) {
        if self.open.len() < INCIDENTS {
            return;
        }
        let quiet = self.open.values().min_by_key(|incident| incident.last_at).map(|incident| incident.id.clone());
        if quiet.and_then(|id| self.remove(&id)).is_some() {
            self.let_go += 1;
        }
    }
}

fn fresh(id: &str, alert: &Alert) -> Incident {
    Incident {
        id: format!("{:016x}", fingerprint(id)),
        first_at: alert.first_at,
        last_at: alert.last_at,
        severity: alert.severity,
        score: alert.score,
        steps: Vec::new(),
        further: 0,
        actors: BTreeSet::new(),
        reached: BTreeSet::new(),
    }
}

/// FNV-1a: spreads ids, and is the same on every machine.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Incident {
    fn absorb(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.further = self.further.saturating_add(other.further);
        self.actors.extend(other.actors);
        self.reached.extend(other.reached);
        self.settle();
    }

    fn set(&mut self, id: &str, alert: &Alert, phase: Phase, links: Links) {
        let step = Step {
            alert: id.to_owned(),
            detection: alert.detection.clone(),
            phase,
            severity: alert.severity,
            score: alert.score,
            first_at: alert.first_at,
            last_at: alert.last_at,
            actor: alert.actor.as_ref().map(|actor| actor.name.clone()).unwrap_or_default(),
            source: alert.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default(),
            target: alert
                .target_host
                .as_ref()
                .map(hopwatch_model::Host::label)
                .or_else(|| alert.target.clone())
                .unwrap_or_default(),
            explanation: alert.explanation.clone(),
        };
        match self.steps.iter_mut().find(|known| known.alert == id) {
            Some(known) => *known = step,
            None => self.steps.push(step),
        }
        self.actors.extend(links.acting);
        self.reached.extend(links.reached);
        self.settle();
    }

    /// Brings order, sums and bounds back after a change.
    fn settle(&mut self) {
        self.steps.sort_by(|a, b| (a.phase, a.first_at, &a.alert).cmp(&(b.phase, b.first_at, &b.alert)));
        if self.steps.len() > MEMBERS {
            let beyond = self.steps.len() - MEMBERS;
            self.steps.truncate(MEMBERS);
            self.further = self.further.saturating_add(u64::try_from(beyond).unwrap_or(u64::MAX));
        }
        for keys in [&mut self.actors, &mut self.reached] {
            while keys.len() > KEYS {
                keys.pop_last();
            }
        }
        self.first_at = self.steps.iter().map(|step| step.first_at).fold(self.first_at, Timestamp::min);
        self.last_at = self.steps.iter().map(|step| step.last_at).fold(self.last_at, Timestamp::max);
        let phases = self.phases().len();
        let gravest = self.steps.iter().map(|step| step.severity).max().unwrap_or(self.severity);
        self.severity = if phases >= 3 { Severity::High } else { gravest };
        let surest = self.steps.iter().map(|step| step.score).fold(0.0, f64::max);
        self.score = (surest + 5.0 * crate::number::as_f64(phases.saturating_sub(1))).min(100.0);
    }
}
