//! The lateral evaluation: score, then learn, access by access; collect the edges of the test and the campaigns of each
//! day. Lines out of order, broken or of no interest are counted, never fatal.

use std::collections::BTreeMap;

use super::truth::{DAY, Truth};
use crate::access::{Access, LineError};
use crate::campaign::{Budget, Campaign, Campaigns};
use crate::priors::Priors;
use crate::scorer::{Config, Scorer};

/// A scored edge of the test: one access an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// When, in seconds.
    pub time: i64,
    /// The credential's id.
    pub user: u32,
    /// The source's id.
    pub source: u32,
    /// The target's id.
    pub target: u32,
    /// Whether an intruder made it.
    pub label: bool,
    /// Whether source and target met for the first time.
    pub unseen: bool,
    /// Sum of the three rarities.
    pub rarity: f32,
    /// Isolation.
    pub forest: f32,
    /// Log-odds of the linear model.
    pub logistic: f32,
    /// Log-odds of the trees.
    pub trees: f32,
    /// Improbability by the factorisation.
    pub factors: f32,
    /// The residual of the account's day so far.
    pub residual: f32,
    /// The product's own score.
    pub value: f64,
}

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Lines read.
    pub read: u64,
    /// Accesses between hosts.
    pub accesses: u64,
    /// Lines that are no record, by reason.
    pub broken: BTreeMap<LineError, u64>,
    /// Accesses earlier than one before them.
    pub late: u64,
}

/// An evaluation under way.
pub struct Evaluation<'a> {
    truth: &'a Truth,
    priors: &'a dyn Priors,
    /// The scorer.
    pub scorer: Scorer,
    campaigns: Campaigns,
    /// The edges of the test.
    pub edges: Vec<Edge>,
    /// The campaigns of each day of the test, the most suspicious first.
    pub days: Vec<(i64, Vec<Campaign>)>,
    /// What became of the lines.
    pub lines: Lines,
    latest: i64,
}

impl<'a> Evaluation<'a> {
    /// An evaluation against a truth. Models learn for a week, or for half of the time before the test where that is less.
    #[must_use]
    pub fn new(truth: &'a Truth, priors: &'a dyn Priors, config: Config) -> Self {
        let before = u32::try_from(truth.test_from / DAY / 2).unwrap_or(0);
        let learning_days = config.learning_days.min(before).max(1);
        let scorer = Scorer::new(Config { learning_days, ..config });
        let campaigns = Campaigns::new(Budget::default());
        let (edges, days, lines) = (Vec::new(), Vec::new(), Lines::default());
        Self { truth, priors, scorer, campaigns, edges, days, lines, latest: i64::MIN }
    }

    /// Takes in a line of `auth.txt`.
    pub fn line(&mut self, line: &str) {
        self.lines.read += 1;
        match Access::of_lanl(line) {
            Ok(Some(access)) => self.access(&access),
            Ok(None) => {}
            Err(reason) => *self.lines.broken.entry(reason).or_default() += 1,
        }
    }

    fn access(&mut self, access: &Access<'_>) {
        self.lines.accesses += 1;
        let time = access.time.as_secs();
        self.lines.late += u64::from(time < self.latest);
        self.latest = self.latest.max(time);
        let Some(score) = self.scorer.access(access, self.priors) else { return };
        if let Some(ended) = self.campaigns.observe(&score) {
            self.ended(ended);
        }
        if time < self.truth.test_from {
            return;
        }
        let label = self.truth.of(time, &access.user, &access.source, &access.target).is_some();
        self.edges.push(Edge {
            time,
            user: score.seen.user,
            source: score.seen.source,
            target: score.seen.target,
            label,
            unseen: score.sight.source_target.times == 0,
            rarity: score.rarity,
            forest: score.forest.unwrap_or(0.0),
            logistic: score.logistic.unwrap_or(0.0),
            trees: score.trees.unwrap_or(0.0),
            factors: score.factors.unwrap_or(0.0),
            residual: score.residual.unwrap_or(0.0),
            value: score.value(),
        });
    }

    /// The recording ended.
    pub fn finish(&mut self) {
        if let Some(ended) = self.campaigns.finish() {
            self.ended(ended);
        }
    }

    fn ended(&mut self, (day, campaigns): (i64, Vec<Campaign>)) {
        if day >= self.truth.test_from.div_euclid(DAY) {
            self.days.push((day, campaigns));
        }
    }

    /// The truth.
    #[must_use]
    pub fn truth(&self) -> &Truth {
        self.truth
    }

    /// The names of an access: credential, source, target.
    #[must_use]
    pub fn names(&self, user: u32, source: u32, target: u32) -> (&str, &str, &str) {
        let store = &self.scorer.store;
        (store.user_names.name(user), store.place_names.name(source), store.place_names.name(target))
    }
}
