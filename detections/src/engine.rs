//! The engine: shows each event to all detections in order, drives their ticks by event time, and assembles verdicts
//! into alerts. Same events, same order ⇒ same alerts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hopwatch_graph::Snapshot;
use hopwatch_ml::Scorer;
use hopwatch_ml::bounded::{Lane, in_lane};
use hopwatch_ml::priors::SnapshotPriors;
use hopwatch_ml::scorer::{Known, VERSION};
use hopwatch_model::{Alert, Event, Timestamp};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::assembly::Assembly;
use crate::calibration::Calibration;
use crate::exclusion::Exclusion;
use crate::frame::{Context, Decline, Detection, Meta, Mode, Phase, Sensitivity, Verdict, Verdicts};
use crate::shared::Shared;
use crate::sigma::{RuleSet, Scratch};

pub use crate::assembly::AlertChange;

/// How often rules are told the time, in event time.
const TICK: Duration = Duration::from_secs(60);
/// How far beyond its last event a recording's end lies: longer than any rule holds a verdict back.
const AFTERMATH: Duration = Duration::from_secs(900);
/// How many content digests are remembered: a repeated delivery within the last million events changes nothing.
const DIGESTS: usize = 1 << 20;

/// Settings of all detections.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The level from which thresholds are taken.
    pub sensitivity: Sensitivity,
    /// Detections that are off, by slug.
    pub disabled: Vec<String>,
    /// Overrides of thresholds, by slug.
    pub thresholds: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    /// What is not alerted, with reason and expiry.
    pub exclusions: Vec<Exclusion>,
}

/// Why an engine could not be made or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A threshold override does not fit.
    #[error("the thresholds of {slug} do not fit")]
    Thresholds {
        /// The detection.
        slug: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The settings name a detection that does not exist.
    #[error("there is no detection `{slug}`")]
    Unknown {
        /// The name.
        slug: String,
    },
    /// An exclusion of the settings makes no sense.
    #[error("an exclusion is refused")]
    Exclusion(#[source] crate::exclusion::Error),
    /// A saved state is not of this version.
    #[error("the saved state of {part} cannot be read")]
    State {
        /// The part: a slug, `shared`, `behaviour` or `assembly`.
        part: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// What users said beside the settings; replaced as a whole while the engine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Exclusions beside those of the settings.
    pub exclusions: Vec<Exclusion>,
    /// What earlier alerts turned out to be.
    pub calibration: Calibration,
}

struct Slot {
    detection: Box<dyn Detection>,
    verdicts: Verdicts,
}

/// All detections at work.
pub struct Engine {
    slots: Vec<Slot>,
    shared: Shared,
    behaviour: Scorer,
    assembly: Assembly,
    exclusions: Vec<Exclusion>,
    policy: Arc<Policy>,
    excluded: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<String, u64>,
    rules: Arc<RuleSet>,
    scratch: Scratch,
    seen: FxHashSet<u64>,
    seen_order: VecDeque<u64>,
    repeated: u64,
    next_tick: Option<Timestamp>,
    watermark: Timestamp,
}

impl Engine {
    /// An engine of every detection that the settings leave on.
    ///
    /// # Errors
    /// [`Error::Unknown`] or [`Error::Thresholds`] where the settings do not fit the catalogue.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let known = |slug: &String| crate::ALL.iter().any(|factory| factory.meta().slug == slug);
        if let Some(slug) = settings.disabled.iter().chain(settings.thresholds.keys()).find(|slug| !known(slug)) {
            return Err(Error::Unknown { slug: slug.clone() });
        }
        settings.exclusions.iter().try_for_each(Exclusion::check).map_err(Error::Exclusion)?;
        let mut slots = Vec::new();
        for factory in crate::ALL {
            let slug = factory.meta().slug;
            if settings.disabled.iter().any(|disabled| disabled == slug) {
                continue;
            }
            let detection = factory
                .build(settings.sensitivity, settings.thresholds.get(slug))
                .map_err(|source| Error::Thresholds { slug: slug.into(), source })?;
            slots.push(Slot { detection, verdicts: Verdicts::default() });
        }
        Ok(Self {
            slots,
            shared: Shared::default(),
            behaviour: Scorer::default(),
            assembly: Assembly::default(),
            exclusions: settings.exclusions.clone(),
            policy: Arc::default(),
            excluded: BTreeMap::new(),
            kinds: BTreeMap::new(),
            rules: Arc::default(),
            scratch: Scratch::default(),
            seen: FxHashSet::default(),
            seen_order: VecDeque::new(),
            repeated: 0,
            next_tick: None,
            watermark: Timestamp::MIN,
        })
    }

    /// From now on these words of users hold.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = policy;
    }

    /// From now on these rules of users are matched.
    pub fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.rules = rules;
    }

    /// How many events of each kind of activity were seen.
    #[must_use]
    pub fn kinds(&self) -> &BTreeMap<String, u64> {
        &self.kinds
    }

    /// The exclusion that silences a verdict.
    pub(crate) fn exclusion(&self, slug: &str, verdict: &Verdict) -> Option<&Exclusion> {
        self.exclusions.iter().chain(&self.policy.exclusions).find(|exclusion| exclusion.covers(slug, verdict))
    }

    /// Verdicts that exclusions silenced since the start, by slug.
    #[must_use]
    pub fn excluded(&self) -> &BTreeMap<&'static str, u64> {
        &self.excluded
    }

    /// Shows an event to all; returns the alerts that it opened or changed.
    pub fn observe(&mut self, event: &Event, snapshot: &Snapshot, mode: Mode) -> Vec<AlertChange> {
        if !self.first_sight(event.provenance.digest) {
            self.repeated += 1;
            return Vec::new();
        }
        match self.kinds.get_mut(event.activity.name()) {
            Some(count) => *count += 1,
            None => drop(self.kinds.insert(event.activity.name().to_owned(), 1)),
        }
        let mut changes = self.advance(event.time, snapshot, mode);
        let event = &*self.shared.observe(event);
        let priors = SnapshotPriors::new(snapshot);
        let score = self.behaviour.judge_event(event, &priors);
        let (shared, behaviour) = (&self.shared, &self.behaviour);
        let context = Context { snapshot, shared, behaviour, score: score.as_ref(), mode };
        let slots = &mut self.slots;
        in_lane(lane(mode), || {
            for slot in slots {
                slot.detection.observe(event, &context, &mut slot.verdicts);
            }
        });
        if let Some(score) = &score {
            self.behaviour.learn(score, &priors, self.known(mode));
        }
        self.shared.learn(event);
        self.collect(mode, &mut changes);
        if mode == Mode::Judging {
            self.match_rules(event, &mut changes);
        }
        changes
    }

    /// Whether a rule of lateral movement has just raised an alert.
    fn known(&self, mode: Mode) -> Known {
        let moves = |slot: &&Slot| slot.detection.meta().phase == Phase::LateralMovement;
        let raised = mode == Mode::Judging && self.slots.iter().filter(moves).any(|slot| slot.verdicts.raised());
        if raised { Known::Alerted } else { Known::Unjudged }
    }

    /// Shows an event of the history to the behaviour alone: to learn anew what a refused state had held.
    pub fn relearn(&mut self, event: &Event, snapshot: &Snapshot) {
        self.behaviour.observe(event, &SnapshotPriors::new(snapshot));
    }

    /// Tells the rules that time went on without an event: the live stream's watermark.
    pub fn advance(&mut self, now: Timestamp, snapshot: &Snapshot, mode: Mode) -> Vec<AlertChange> {
        self.watermark = self.watermark.max(now);
        let due = *self.next_tick.get_or_insert(now + TICK);
        if self.watermark < due {
            return Vec::new();
        }
        self.next_tick = Some(self.watermark + TICK);
        let mut changes = Vec::new();
        self.tick(snapshot, mode, &mut changes);
        changes
    }

    /// What follows may be of any time: ticks start anew with its first event.
    pub fn restart_clock(&mut self) {
        self.watermark = Timestamp::MIN;
        self.next_tick = None;
    }

    /// The recording ended: a last tick, late enough that whatever waits for more is decided.
    pub fn finish(&mut self, snapshot: &Snapshot, mode: Mode) -> Vec<AlertChange> {
        let mut changes = Vec::new();
        if self.watermark > Timestamp::MIN {
            self.watermark = self.watermark + AFTERMATH;
        }
        self.tick(snapshot, mode, &mut changes);
        changes
    }

    /// All alerts, by first time.
    #[must_use]
    pub fn alerts(&self) -> Vec<&Alert> {
        self.assembly.alerts()
    }

    /// What all detections share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The learned behaviour: its progress and its models.
    #[must_use]
    pub fn behaviour(&self) -> &Scorer {
        &self.behaviour
    }

    /// Events that were dropped as repeated deliveries.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Entries held by each detection, by slug.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Meta, usize)> {
        self.slots.iter().map(|slot| (slot.detection.meta(), slot.detection.entries()))
    }

    /// Why a detection did not fire lately, oldest first.
    pub fn declines(&self, slug: &str) -> impl Iterator<Item = &Decline> {
        self.slots
            .iter()
            .filter(move |slot| slot.detection.meta().slug == slug)
            .flat_map(|slot| slot.verdicts.declines())
    }

    /// The whole state as JSON, for a checkpoint.
    ///
    /// # Errors
    /// Where a state cannot be serialised.
    pub fn save(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut rules = serde_json::Map::new();
        for slot in &self.slots {
            rules.insert(slot.detection.meta().slug.into(), slot.detection.save()?);
        }
        Ok(serde_json::json!({
            "watermark": self.watermark,
            "kinds": self.kinds,
            "shared": serde_json::to_value(&self.shared)?,
            "behaviour": serde_json::to_value(&self.behaviour)?,
            "assembly": serde_json::to_value(&self.assembly)?,
            "seen": self.seen_order,
            "rules": rules,
        }))
    }

    /// Takes up a checkpoint. A rule that the checkpoint does not know starts empty.
    ///
    /// # Errors
    /// [`Error::State`] where a part cannot be read.
    pub fn restore(&mut self, mut state: serde_json::Value) -> Result<(), Error> {
        self.watermark = part(&mut state, "watermark")?;
        self.kinds = part::<Option<_>>(&mut state, "kinds")?.unwrap_or_default();
        self.shared = part(&mut state, "shared")?;
        self.behaviour = Scorer::default();
        match part::<Scorer>(&mut state, "behaviour") {
            Ok(behaviour) if behaviour.version() == VERSION => self.behaviour = behaviour,
            Ok(behaviour) => {
                let version = behaviour.version();
                tracing::warn!(
                    version,
                    expected = VERSION,
                    "the saved behaviour is of another version: it is learned anew"
                );
            }
            Err(error) => {
                let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, reason, "the saved behaviour is refused: it is learned anew from history");
            }
        }
        self.assembly = part(&mut state, "assembly")?;
        self.seen_order = part(&mut state, "seen")?;
        self.seen = self.seen_order.iter().copied().collect();
        for slot in &mut self.slots {
            let slug = slot.detection.meta().slug;
            if let Some(saved) = state.get_mut("rules").and_then(|rules| rules.get_mut(slug)) {
                let restored = slot.detection.restore(saved.take());
                restored.map_err(|source| Error::State { part: slug.into(), source })?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, snapshot: &Snapshot, mode: Mode, changes: &mut Vec<AlertChange>) {
        let (shared, behaviour) = (&self.shared, &self.behaviour);
        let context = Context { snapshot, shared, behaviour, score: None, mode };
        let (slots, now) = (&mut self.slots, self.watermark);
        in_lane(lane(mode), || {
            for slot in slots {
                slot.detection.tick(now, &context, &mut slot.verdicts);
            }
        });
        self.collect(mode, changes);
    }

    fn collect(&mut self, mode: Mode, changes: &mut Vec<AlertChange>) {
        for slot in &mut self.slots {
            if !slot.verdicts.raised() {
                continue;
            }
            let meta = slot.detection.meta();
            for mut verdict in slot.verdicts.take() {
                if mode == Mode::Learning {
                    continue;
                }
                let mut all = self.exclusions.iter().chain(&self.policy.exclusions);
                if let Some(exclusion) = all.find(|exclusion| exclusion.covers(meta.slug, &verdict)) {
                    *self.excluded.entry(meta.slug).or_default() += 1;
                    let time = verdict.evidence.last().map_or(self.watermark, |evidence| evidence.time);
                    slot.verdicts.decline(time, verdict.key, format!("excluded: {}", exclusion.reason));
                    continue;
                }
                self.policy.calibration.weigh(meta.slug, meta.severity, &mut verdict);
                changes.extend(self.assembly.take(&meta.into(), verdict));
            }
        }
    }

    fn match_rules(&mut self, event: &Event, changes: &mut Vec<AlertChange>) {
        let rules = Arc::clone(&self.rules);
        rules.hits(event, &mut self.scratch, |rule| {
            let mut verdict = rule.verdict(event);
            let mut all = self.exclusions.iter().chain(&self.policy.exclusions);
            if all.any(|exclusion| exclusion.covers(&rule.slug, &verdict)) {
                *self.excluded.entry("sigma").or_default() += 1;
                return;
            }
            self.policy.calibration.weigh(&rule.slug, rule.severity, &mut verdict);
            changes.extend(self.assembly.take(&rule.described(), verdict));
        });
    }

    fn first_sight(&mut self, digest: u64) -> bool {
        if !self.seen.insert(digest) {
            return false;
        }
        self.seen_order.push_back(digest);
        if self.seen_order.len() > DIGESTS {
            self.seen_order.pop_front().inspect(|oldest| {
                self.seen.remove(oldest);
            });
        }
        true
    }
}

/// The windows in which an event counts.
fn lane(mode: Mode) -> Lane {
    match mode {
        Mode::Judging => Lane::Judged,
        Mode::Learning => Lane::Learned,
    }
}

fn part<T: serde::de::DeserializeOwned>(state: &mut serde_json::Value, name: &str) -> Result<T, Error> {
    let value = state.get_mut(name).map(serde_json::Value::take).unwrap_or_default();
    serde_json::from_value(value).map_err(|source| Error::State { part: name.into(), source })
}
