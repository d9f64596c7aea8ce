//! The frame of a detection: what it must say of itself, what it is given, and how it raises a verdict.

use std::collections::VecDeque;
use std::marker::PhantomData;

use hopwatch_graph::Snapshot;
use hopwatch_ml::{Score, Scorer};
use hopwatch_model::alert::ScorePart;
use hopwatch_model::{Account, Event, Evidence, Host, Severity, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::shared::Shared;
use crate::why_not::Short;

/// The phase of the kill chain, and the folder of the detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// From outside into an account.
    InitialAccess,
    /// Looking around.
    Reconnaissance,
    /// Getting a credential.
    CredentialAccess,
    /// Using it elsewhere.
    LateralMovement,
    /// Owning the domain.
    DomainDominance,
    /// Taking data out.
    Exfiltration,
    /// A weakness that was seen in use, not an attack.
    Posture,
}

impl Phase {
    /// Its name in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::InitialAccess => "initial access",
            Self::Reconnaissance => "reconnaissance",
            Self::CredentialAccess => "credential access",
            Self::LateralMovement => "lateral movement",
            Self::DomainDominance => "domain dominance",
            Self::Exfiltration => "exfiltration",
            Self::Posture => "posture",
        }
    }
}

/// What a detection says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// The slug: the file's name and the alert's `detection`.
    pub slug: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// The phase.
    pub phase: Phase,
    /// The severity where a verdict gives no other.
    pub severity: Severity,
    /// ATT&CK technique ids.
    pub techniques: &'static [&'static str],
    /// Defender for Identity's external id.
    pub external_id: Option<u32>,
    /// What to do now, in order; shown with each alert.
    pub actions: &'static [&'static str],
    /// The source text of the file, whose header is the manual: `include_str!("slug.rs")`.
    pub source: &'static str,
}

/// How much it takes to raise an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// The default: learning periods and filters on, for the fewest false alerts.
    #[default]
    High,
    /// Shorter learning, lower counts.
    Medium,
    /// No learning, lowest counts: for tests and exercises.
    Low,
}

/// A configuration with a default per level.
pub trait Preset {
    /// The numbers of a level.
    fn preset(sensitivity: Sensitivity) -> Self;
}

/// Whether activity is judged or only learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// History: states and baselines grow, verdicts are not raised.
    Learning,
    /// Verdicts are raised.
    Judging,
}

/// What a detection may look at beside the event.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The graph at the time of the event.
    pub snapshot: &'a Snapshot,
    /// What is kept for all detections; it has seen this event already.
    pub shared: &'a Shared,
    /// The learned behaviour; it has seen this event already.
    pub behaviour: &'a Scorer,
    /// How unusual the event is as an access, by what was learned before it; `None` where it is none, or a repeat.
    pub score: Option<&'a Score>,
    /// Whether activity is judged.
    pub mode: Mode,
}

/// A detection's logic.
///
/// # Contract
/// Synchronous and deterministic. Every collection in the state has a cap and an eviction rule. Out-of-order and
/// repeated events must not break it: the frame drops repeated digests, not late events.
pub trait Rule: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it says of itself.
    const META: Meta;

    /// Its thresholds.
    type Config: Preset + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Sees an event.
    fn observe(&mut self, config: &Self::Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts);

    /// Time went on to `now`, at most once a minute of event time and once at the end.
    fn tick(&mut self, config: &Self::Config, now: Timestamp, context: &Context<'_>, verdicts: &mut Verdicts) {
        let _ = (config, now, context, verdicts);
    }

    /// How many entries the state holds, for the memory metric and the cap tests.
    fn entries(&self) -> usize;
}

/// A verdict: what a rule saw. Slug, title, techniques and actions are added from its [`Meta`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// What makes two verdicts the same alert, beside the detection: the actor, the hosts, what else matters.
    pub key: String,
    /// The severity, where it differs from the detection's own.
    pub severity: Option<Severity>,
    /// Who.
    pub actor: Option<Account>,
    /// From where.
    pub source: Option<Host>,
    /// To which host.
    pub target_host: Option<Host>,
    /// To what, in words.
    pub target: Option<String>,
    /// The story, actor first, with what was expected instead.
    pub explanation: String,
    /// The reasons, each with its baseline.
    pub reasons: Vec<ScorePart>,
    /// 0–100.
    pub score: f64,
    /// The records; never empty.
    pub evidence: Vec<Evidence>,
}

impl Verdict {
    /// A verdict on one event: who, from where and to where are the event's own.
    #[must_use]
    pub fn of(event: &Event, key: String, explanation: String, note: &str) -> Self {
        Self {
            key,
            severity: None,
            actor: event.actor.clone(),
            source: event.source.clone(),
            target_host: event.target.clone(),
            target: None,
            explanation,
            reasons: Vec::new(),
            score: 80.0,
            evidence: vec![evidence(event, note)],
        }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, name: &str, value: f64, contribution: f64, text: String) -> Self {
        self.reasons.push(ScorePart { name: name.into(), value, contribution, text });
        self
    }

    /// Names what it was done to.
    #[must_use]
    pub fn against(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Sets the severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Sets the score, 0–100.
    #[must_use]
    pub fn score(mut self, score: f64) -> Self {
        self.score = score;
        self
    }

    /// Adds records.
    #[must_use]
    pub fn with_evidence(mut self, more: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(more);
        self
    }
}

/// A pointer to an event, with what it shows.
#[must_use]
pub fn evidence(event: &Event, note: &str) -> Evidence {
    Evidence { provenance: event.provenance.clone(), time: event.time, note: note.into() }
}

/// Why a rule that had something before it did not raise a verdict: answers "why did this not fire".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// When.
    pub time: Timestamp,
    /// About whom: an account's or host's key.
    pub subject: String,
    /// Why: learning, in profile, unresolved host, below threshold …
    pub reason: String,
}

/// How many declines a rule remembers.
const DECLINES: usize = 256;

/// What a rule writes to.
#[derive(Debug, Default)]
pub struct Verdicts {
    raised: Vec<Verdict>,
    declines: VecDeque<Decline>,
    /// Counts below their threshold, where somebody asks for them.
    shorts: Option<VecDeque<Short>>,
}

impl Verdicts {
    /// Raises a verdict.
    pub fn raise(&mut self, verdict: Verdict) {
        self.raised.push(verdict);
    }

    /// For a copy of a rule that is asked why it did not fire: counts are remembered too.
    #[must_use]
    pub fn explaining() -> Self {
        Self { shorts: Some(VecDeque::new()), ..Self::default() }
    }

    /// Says how many there were of what a rule counts, and how many it takes. Costs nothing while nobody asks.
    pub fn count(&mut self, time: Timestamp, seen: usize, needed: usize, what: &'static str) {
        if let Some(shorts) = &mut self.shorts {
            if shorts.len() == DECLINES {
                shorts.pop_front();
            }
            shorts.push_back(Short { time, seen, needed, what });
        }
    }

    /// The latest counts, oldest first.
    pub fn shorts(&self) -> impl Iterator<Item = &Short> {
        self.shorts.iter().flatten()
    }

    /// Remembers why no verdict was raised.
    pub fn decline(&mut self, time: Timestamp, subject: impl Into<String>, reason: impl Into<String>) {
        if self.declines.len() == DECLINES {
            self.declines.pop_front();
        }
        self.declines.push_back(Decline { time, subject: subject.into(), reason: reason.into() });
    }

    /// True where something was raised that nobody has taken yet.
    #[must_use]
    pub fn raised(&self) -> bool {
        !self.raised.is_empty()
    }

    /// Takes what was raised.
    pub fn take(&mut self) -> Vec<Verdict> {
        std::mem::take(&mut self.raised)
    }

    /// The latest declines, oldest first.
    pub fn declines(&self) -> impl Iterator<Item = &Decline> {
        self.declines.iter()
    }
}

/// A rule at work, its configuration bound, its type erased.
pub trait Detection: Send + Sync {
    /// What it says of itself.
    fn meta(&self) -> &'static Meta;
    /// Sees an event.
    fn observe(&mut self, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts);
    /// Time went on.
    fn tick(&mut self, now: Timestamp, context: &Context<'_>, verdicts: &mut Verdicts);
    /// How many entries the state holds.
    fn entries(&self) -> usize;
    /// The state as JSON.
    ///
    /// # Errors
    /// Where the state cannot be serialised.
    fn save(&self) -> Result<serde_json::Value, serde_json::Error>;
    /// Takes up a saved state.
    ///
    /// # Errors
    /// Where it is not this rule's state; the present one is kept.
    fn restore(&mut self, state: serde_json::Value) -> Result<(), serde_json::Error>;
}

/// Makes detections; what [`crate::ALL`] lists.
pub trait DetectionFactory: Sync {
    /// What the detection says of itself.
    fn meta(&self) -> &'static Meta;
    /// A fresh one, with the thresholds of a level overridden by `overrides` (an object of the `Config`'s fields).
    ///
    /// # Errors
    /// Where an override names no field or has the wrong type.
    fn build(
        &self,
        sensitivity: Sensitivity,
        overrides: Option<&serde_json::Map<String, serde_json::Value>>,
    ) -> Result<Box<dyn Detection>, serde_json::Error>;
    /// The thresholds of a level, for the manual and the API.
    fn thresholds(&self, sensitivity: Sensitivity) -> serde_json::Value;
}

/// The factory of a rule: `&Of::<Kerberoasting>::NEW`.
pub struct Of<R>(PhantomData<fn() -> R>);

impl<R> Of<R> {
    /// The factory.
    pub const NEW: Self = Self(PhantomData);
}

impl<R: Rule> DetectionFactory for Of<R> {
    fn meta(&self) -> &'static Meta {
        &R::META
    }

    fn build(
        &self,
        sensitivity: Sensitivity,
        overrides: Option<&serde_json::Map<String, serde_json::Value>>,
    ) -> Result<Box<dyn Detection>, serde_json::Error> {
        let mut config = self.thresholds(sensitivity);
        if let (Some(fields), Some(overrides)) = (config.as_object_mut(), overrides) {
            for (name, value) in overrides {
                let Some(field) = fields.get_mut(name) else {
                    let slug = R::META.slug;
                    return Err(serde::de::Error::custom(format!("{slug} has no threshold `{name}`")));
                };
                field.clone_from(value);
            }
        }
        Ok(Box::new(Bound::<R> { config: serde_json::from_value(config)?, state: R::default() }))
    }

    fn thresholds(&self, sensitivity: Sensitivity) -> serde_json::Value {
        serde_json::to_value(R::Config::preset(sensitivity)).unwrap_or_default()
    }
}

struct Bound<R: Rule> {
    config: R::Config,
    state: R,
}

impl<R: Rule> Detection for Bound<R> {
    fn meta(&self) -> &'static Meta {
        &R::META
    }

    fn observe(&mut self, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.state.observe(&self.config, event, context, verdicts);
    }

    fn tick(&mut self, now: Timestamp, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.state.tick(&self.config, now, context, verdicts);
    }

    fn entries(&self) -> usize {
        self.state.entries()
    }

    fn save(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&self.state)
    }

    fn restore(&mut self, state: serde_json::Value) -> Result<(), serde_json::Error> {
        self.state = serde_json::from_value(state)?;
        Ok(())
    }
}
