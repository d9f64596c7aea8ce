//! The lateral scorer: looks at each access before it is learned, scores it by several models, then learns it. Models
//! are trained every third day of event time on what was seen, against simulated campaigns.
//!
//! Deliberately no alerting: grouping, budget and words for people are [`crate::campaign`]'s and the rules'.

use std::collections::{BTreeMap, VecDeque};

use hopwatch_model::Event;
use hopwatch_model::alert::ScorePart;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::access::{Access, Proof, Reach};
use crate::features::explain::{Background, reasons};
use crate::features::{NAMES, Row, Sight, look};
use crate::models::{Day, Factors, Forest, Logistic, Residual, Rows, Trees, residual};
use crate::number::sigmoid;
use crate::peers::{PeerUse, Peers, aside};
use crate::priors::Priors;
use crate::simulate::Simulator;
use crate::store::{Caps, Move, Store};

/// What a nat of rarity adds to the trees' log-odds: it goes on growing where trees, which know no slope, end.
const RARITY_SHARE: f64 = 0.15;
/// What the logarithm of one account's first-time accesses of the day takes off: its twentieth tells little that the third
/// did not. Many accounts from one host are not damped.
const REPEATED: f64 = 0.8;
/// The rarity of an ordinary first-time access, in nats.
const TYPICAL_RARITY: f64 = 14.0;
/// Values below it are habits, and never part of a campaign.
const FLOOR: f32 = -1.0;

/// The share of accesses from which a campaign is simulated.
const SIMULATED: f64 = 0.1;
/// Rows that train the linear model, about: its few weights need no more.
const LINEAR_ROWS: usize = 13_000;
/// What a unit of the linear model's log-odds adds to the trees': where trees see steps, a line still orders.
const LINEAR_SHARE: f32 = 0.1;
/// The greatest log-odds of the linear model that count.
const LINEAR_MOST: f32 = 10.0;

/// The share of accesses with something new that are kept for training.
const NOVEL_KEPT: f64 = 0.9;
/// The share of habits that are.
const HABITS_KEPT: f64 = 0.12;
/// The rarity, in nats, from which an hour is odd for an account.
const ODD_HOUR: f32 = 3.5;

/// Days before rows are kept for training: on the first everything is new.
const SETTLE_DAYS: u32 = 4;

/// Quarantined accesses that make a source suspect.
const TAINT: u32 = 2;
/// How long a source stays suspect, in seconds.
const TAINT_SECS: i64 = 86_400;
/// Suspect sources remembered.
const SUSPECTS: usize = 1024;

/// Numbers of the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Fixes every random choice.
    pub seed: u64,
    /// Days of history before models are trained.
    pub learning_days: u32,
    /// Days between trainings.
    pub training_days: u32,
    /// Real rows kept for training, and as many simulated ones.
    pub rows: usize,
    /// The value from which an access is not learned.
    pub quarantine: f64,
    /// Trees of the isolation forest.
    pub forest: usize,
    /// Features that the models do not see, by name: what each group is worth is measured by leaving it out.
    #[serde(default)]
    pub without: Vec<String>,
    /// Caps of the store.
    pub caps: Caps,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            learning_days: 7,
            training_days: 3,
            rows: 20_000,
            quarantine: 4.0,
            forest: 100,
            without: Vec::new(),
            caps: Caps::default(),
        }
    }
}

/// The trained models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The linear one.
    pub logistic: Logistic,
    /// The boosted one.
    pub trees: Trees,
    /// The one without labels.
    pub forest: Forest,
    /// Who reaches what, in a few factors.
    pub factors: Factors,
    /// How days usually differ; `None` until enough were seen.
    pub residual: Option<Residual>,
}

/// How one access was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The access in ids.
    pub seen: Move,
    /// Its features and the counts behind them.
    pub sight: Sight,
    /// Sum of the three rarities, in nats.
    pub rarity: f32,
    /// Log-odds by the linear model; `None` while learning.
    pub logistic: Option<f32>,
    /// Log-odds by the boosted trees; `None` while learning.
    pub trees: Option<f32>,
    /// Isolation, 0–1; `None` while learning.
    pub forest: Option<f32>,
    /// −ln of the chance that the account reaches the target at all, by the factorisation; `None` while learning.
    pub factors: Option<f32>,
    /// How many times the usual rest the account's day so far leaves; `None` while learning.
    pub residual: Option<f32>,
}

impl Score {
    /// One number to rank accesses by.
    #[must_use]
    pub fn value(&self) -> f64 {
        match self.trees {
            Some(trees) => {
                let rare = RARITY_SHARE * (f64::from(self.rarity) - TYPICAL_RARITY);
                f64::from(trees) + rare
                    - REPEATED * f64::from((self.sight.feature("user-fan-out") - 2.0).max(0.0).ln_1p())
            }
            None => f64::from(self.rarity) - 40.0,
        }
    }

    /// How suspicious it is as a move; `None` while learning and for what is plainly a habit.
    #[must_use]
    pub fn suspicion(&self) -> Option<f32> {
        let linear = self.logistic.unwrap_or(0.0).clamp(-LINEAR_MOST / 2.0, LINEAR_MOST);
        self.trees.map(|odds| odds + LINEAR_SHARE * linear).filter(|odds| *odds > FLOOR)
    }

    /// How surprising it is that this account reaches yet another new host with its own credential; `None` while
    /// learning, for known targets, and for another's credential, which is a move.
    #[must_use]
    pub fn slow(&self) -> Option<f32> {
        let own = self.sight.cause.is_none_or(|cause| cause == self.seen.user) && self.sight.user_source.times > 0;
        (self.trees.is_some() && own && self.sight.novel() && self.sight.slow > 0.0).then_some(self.sight.slow)
    }

    /// The likelihood that the trees give to an intruder rather than a habit, 0–1, at even odds; ½ while learning.
    #[must_use]
    pub fn likelihood(&self) -> f64 {
        sigmoid(f64::from(self.trees.unwrap_or(0.0)) / 2.0)
    }
}

/// The version of the saved form: features, models and counts as this code reads them.
pub const VERSION: u32 = 2;
/// Days of accounts that are kept for the residual's training.
const DAYS: usize = 4000;

/// What is known of an access besides its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody judged it.
    Unjudged,
    /// A rule raised an alert on it: it must not become a habit.
    Alerted,
}

/// The scorer's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scorer {
    version: u32,
    config: Config,
    /// The counts.
    pub store: Store,
    simulator: Simulator,
    /// Sources of quarantined accesses: the time of the last, and how many.
    suspects: BTreeMap<u32, (i64, u32)>,
    peers: Peers,
    grouped: i64,
    real: Rows,
    simulated: Rows,
    models: Option<Models>,
    /// The day so far of every account, by id.
    today: Vec<Day>,
    /// Days that ended, the latest.
    ended: VecDeque<[f32; residual::WIDTH]>,
    /// The latest day with an access, and how many there were: a gap teaches nothing.
    day: i64,
    active_days: u32,
    latest: i64,
    trained: i64,
    /// Triples seen in the present hour: repeats of an act are one access.
    hour: i64,
    #[serde(with = "sorted")]
    within: FxHashMap<(u32, u32, u32), ()>,
}

mod sorted {
    use rustc_hash::FxHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Key = (u32, u32, u32);

    pub(super) fn serialize<S: Serializer>(map: &FxHashMap<Key, ()>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys: Vec<&Key> = map.keys().collect();
        keys.sort_unstable();
        keys.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FxHashMap<Key, ()>, D::Error> {
        Ok(Vec::<Key>::deserialize(deserializer)?.into_iter().map(|key| (key, ())).collect())
    }
}

impl Default for Scorer {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Scorer {
    /// A scorer that knows nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            version: VERSION,
            today: Vec::new(),
            ended: VecDeque::new(),
            store: Store::new(config.caps),
            simulator: Simulator::new(config.seed),
            suspects: BTreeMap::new(),
            peers: Peers::default(),
            grouped: i64::MIN,
            real: Rows::new(config.rows),
            simulated: Rows::new(config.rows),
            models: None,
            day: i64::MIN,
            active_days: 0,
            latest: i64::MIN,
            trained: i64::MIN,
            hour: i64::MIN,
            within: FxHashMap::default(),
            config,
        }
    }

    /// Scores the access that an event shows, then learns it; `None` where it shows none, or repeats one of this hour.
    pub fn observe(&mut self, event: &Event, priors: &dyn Priors) -> Option<Score> {
        self.access(&Access::of(event)?, priors)
    }

    /// Scores an access, then learns it; `None` for a logon at the console and for a repeat within the hour.
    pub fn access(&mut self, access: &Access<'_>, priors: &dyn Priors) -> Option<Score> {
        let score = self.judge(access, priors)?;
        self.learn(&score, priors, Known::Unjudged);
        Some(score)
    }

    /// Scores the access that an event shows, to be learned by [`Self::learn`] once it is known whether it was alerted.
    pub fn judge_event(&mut self, event: &Event, priors: &dyn Priors) -> Option<Score> {
        self.judge(&Access::of(event)?, priors)
    }

    /// Scores an access without learning it.
    ///
    /// # Contract
    /// [`Self::learn`] is called with the score before the next access is judged.
    pub fn judge(&mut self, access: &Access<'_>, priors: &dyn Priors) -> Option<Score> {
        let seen = self.store.intern(access);
        self.latest = self.latest.max(seen.time);
        let day = seen.time.div_euclid(86_400);
        if day > self.day {
            self.day = day;
            self.active_days = self.active_days.saturating_add(1);
            self.end_day();
        }
        if seen.reach == Reach::Console {
            self.store.learn_console(&seen);
            return None;
        }
        self.train_when_due(priors);
        if !self.first_within_hour(&seen) {
            return None;
        }
        Some(self.score(&seen, priors))
    }

    /// True where it never saw an access.
    #[must_use]
    pub fn untaught(&self) -> bool {
        self.active_days == 0
    }

    /// The version of the saved form that this state has.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The reasons of a score, the weightiest first, each with its baseline.
    ///
    /// # Contract
    /// Asked before the next access is observed, or the baselines beside the features have moved on.
    #[must_use]
    pub fn explain(&self, score: &Score, priors: &dyn Priors) -> Vec<ScorePart> {
        let (prior, peers) = self.peers.aside_of(&self.store, score, priors);
        let model = self.models.as_ref().map(|models| &models.logistic);
        reasons(&self.store, score, &Background { model, prior, peers, days: self.days() })
    }

    /// How many of the account's peers use the target of a score; `None` without peers.
    #[must_use]
    pub fn peers(&self, score: &Score) -> Option<PeerUse> {
        self.peers.using(&self.store, score.seen.user, score.seen.target)
    }

    /// Whole days of history so far; days without any access do not count.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.active_days.saturating_sub(1)
    }

    /// The days of history that it wants before it has models.
    #[must_use]
    pub fn learning_days(&self) -> u32 {
        self.config.learning_days
    }

    /// The models; `None` while learning.
    #[must_use]
    pub fn models(&self) -> Option<&Models> {
        self.models.as_ref()
    }

    fn first_within_hour(&mut self, seen: &Move) -> bool {
        let hour = seen.time.div_euclid(3600);
        if hour > self.hour {
            self.hour = hour;
            self.within.clear();
        }
        self.within.insert((seen.user, seen.source, seen.target), ()).is_none()
    }

    fn score(&mut self, seen: &Move, priors: &dyn Priors) -> Score {
        let known = self.peers.aside(&self.store, seen, priors);
        let mut sight = look(&self.store, seen, &aside(&[], known));
        self.blind(&mut sight.row);
        let day = self.extend_day(seen, &sight);
        let mut score = Score {
            seen: *seen,
            rarity: sight.rarity,
            sight,
            logistic: None,
            trees: None,
            forest: None,
            factors: None,
            residual: None,
        };
        if let Some(models) = &self.models {
            score.logistic = Some(models.logistic.score(&sight.row));
            score.trees = Some(models.trees.score(&sight.row));
            score.forest = Some(models.forest.score(&sight.row));
            score.factors = Some(models.factors.score(seen.user, seen.target));
            score.residual = models.residual.as_ref().map(|model| model.score(&day.row()));
        }
        score
    }

    /// Takes the features from a row that the models must not see.
    fn blind(&self, row: &mut Row) {
        if self.config.without.is_empty() {
            return;
        }
        for (name, value) in NAMES.iter().zip(row) {
            if self.config.without.iter().any(|hidden| hidden == name) {
                *value = 0.0;
            }
        }
    }

    /// Adds an access to its account's day.
    fn extend_day(&mut self, seen: &Move, sight: &Sight) -> Day {
        let place = crate::store::names::index(seen.user);
        if place >= self.today.len() {
            self.today.resize(place + 1, Day::default());
        }
        let Some(day) = self.today.get_mut(place) else { return Day::default() };
        let flag = |truth: bool| if truth { 1.0 } else { 0.0 };
        day.accesses += 1.0;
        day.novel += flag(sight.user_target.times == 0);
        day.from_new += flag(sight.user_source.times == 0);
        day.ntlm += flag(seen.proof == Proof::Ntlm);
        day.desktop += flag(seen.reach == Reach::Desktop);
        day.switched += flag(sight.cause.is_some_and(|cause| cause != seen.user));
        day.odd_hours += flag(sight.feature("hour-rarity") > ODD_HOUR);
        day.rarity += sight.rarity;
        *day
    }

    fn end_day(&mut self) {
        for day in std::mem::take(&mut self.today).into_iter().filter(|day| day.accesses > 0.0) {
            if self.ended.len() >= DAYS {
                self.ended.pop_front();
            }
            self.ended.push_back(day.row());
        }
    }

    /// Takes an access in as a habit, or only as context where it looks like an intruder's or was alerted.
    pub fn learn(&mut self, score: &Score, priors: &dyn Priors, known: Known) {
        let seen = &score.seen;
        let likely = score.trees.is_some_and(|odds| f64::from(odds) >= 1.5 * self.config.quarantine);
        if self.days() >= SETTLE_DAYS && !likely && known == Known::Unjudged {
            // Novel rows are rare and are what attacks must be told from: keep more of them.
            let novel = score.sight.novel() || score.sight.user_source.times == 0;
            if self.simulator.chance(if novel { NOVEL_KEPT } else { HABITS_KEPT }) {
                self.real.push(score.sight.row);
            }
            if self.simulator.chance(SIMULATED) {
                for mut row in self.simulator.campaign(&self.store, seen, &self.peers, priors) {
                    self.blind(&mut row);
                    self.simulated.push(row);
                }
            }
        }
        let surprise = score.sight.surprise();
        if known == Known::Alerted || self.quarantined(score) {
            self.suspect(seen);
            self.store.quarantine(seen, surprise);
            return;
        }
        self.simulator.observe(seen);
        self.store.learn(seen, surprise);
    }

    /// Whether an access looks too much like an intruder's to be learned.
    fn quarantined(&self, score: &Score) -> bool {
        let fresh = score.sight.novel() || score.sight.user_source.times == 0;
        let suspect = self.suspects.get(&score.seen.source);
        let tainted = suspect.is_some_and(|(last, count)| *count >= TAINT && score.seen.time - last < TAINT_SECS);
        score.trees.is_some_and(|odds| f64::from(odds) > self.config.quarantine) || fresh && tainted
    }

    /// Remembers the source of a quarantined access: what else is new from there is not learned either for a while.
    fn suspect(&mut self, seen: &Move) {
        self.suspects.retain(|_, (last, _)| seen.time - *last < TAINT_SECS);
        if self.suspects.len() < SUSPECTS {
            let entry = self.suspects.entry(seen.source).or_insert((seen.time, 0));
            *entry = (entry.0.max(seen.time), entry.1.saturating_add(1));
        }
    }

    fn train_when_due(&mut self, priors: &dyn Priors) {
        let day = self.latest.div_euclid(86_400);
        if day > self.grouped {
            self.grouped = day;
            self.peers = Peers::of_store(&self.store, priors);
        }
        if self.days() < self.config.learning_days
            || day < self.trained.saturating_add(i64::from(self.config.training_days))
        {
            return;
        }
        self.trained = day;
        let real: Vec<Row> = self.real.iter().copied().collect();
        let mut rows = real.clone();
        rows.extend(self.simulated.iter());
        let labels: Vec<bool> = (0..rows.len()).map(|index| index >= real.len()).collect();
        let step = (rows.len() / LINEAR_ROWS).max(1);
        let few: Vec<Row> = rows.iter().step_by(step).copied().collect();
        let few_labels: Vec<bool> = labels.iter().step_by(step).copied().collect();
        let trained = Logistic::train(&few, &few_labels).and_then(|logistic| {
            let trees = Trees::train(&rows, &labels)?;
            let forest = Forest::train(&real, self.config.forest, self.config.seed);
            let factors = Factors::of_store(&self.store, crate::store::minute(self.latest), self.config.seed);
            let residual = Residual::train(&self.ended.iter().copied().collect::<Vec<_>>());
            Ok(Models { logistic, trees, forest, factors, residual })
        });
        match trained {
            Ok(models) => self.models = Some(models),
            Err(error) => tracing::debug!(%error, "the lateral models keep learning"),
        }
    }
}

#[cfg(test)]
#[path = "scorer_tests.rs"]
mod tests;
