//! Calibration: what analysts made of earlier alerts moves the priority of the next alert of the same rule about the same
//! entity. Nothing is silenced here (exclusions and suppressions do that, by name and with an expiry): a wrong click must
//! not blind a rule.

use std::collections::BTreeMap;

use hopwatch_model::alert::ScorePart;
use hopwatch_model::{Account, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::frame::Verdict;

/// The most pairs of rule and entity of which the classification is remembered; the one judged longest ago goes.
const PAIRS: usize = 20_000;
/// From how many dismissals on an alert of the same pair is only informational. Three: one may be a slip, two an opinion.
const DISMISSED: u32 = 3;
/// What a confirmed pair adds to the score, in points of 100.
const CONFIRMED: f64 = 10.0;

/// What an alert turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classification {
    /// An attack.
    TruePositive,
    /// What the detection looks for, but allowed: a test, an administrator's tool.
    BenignTruePositive,
    /// Not what the detection looks for.
    FalsePositive,
}

/// The word of an analyst on one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// The detection's slug.
    pub detection: String,
    /// The entity, by [`subject`].
    pub subject: String,
    /// What it turned out to be.
    pub classification: Classification,
    /// When the alert was last active, in event time.
    pub time: Timestamp,
}

/// What is known of one rule about one entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Alerts that were attacks.
    pub true_positives: u32,
    /// Alerts that were allowed.
    pub benign: u32,
    /// Alerts that were wrong.
    pub false_positives: u32,
    /// When the latest of them was active.
    pub last: Timestamp,
}

/// Classifications by rule and entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    pairs: BTreeMap<String, Record>,
}

/// The entity about which a rule spoke: the account and the host from which it acted, `ann@ws1`. Both together, since
/// a dismissed administrator's tool on its host says nothing of the same account on another.
#[must_use]
pub fn subject(actor: Option<&Account>, source: Option<&Host>) -> String {
    let actor = actor.map(Account::key).unwrap_or_default();
    let source = source.map(Host::key).unwrap_or_default();
    format!("{actor}@{source}")
}

impl Calibration {
    /// All classifications.
    #[must_use]
    pub fn of(feedback: impl IntoIterator<Item = Feedback>) -> Self {
        let mut calibration = Self::default();
        feedback.into_iter().for_each(|one| calibration.take(&one));
        calibration
    }

    /// Takes a classification in.
    pub fn take(&mut self, feedback: &Feedback) {
        let key = key(&feedback.detection, &feedback.subject);
        if !self.pairs.contains_key(&key) && self.pairs.len() >= PAIRS {
            let oldest = self.pairs.iter().min_by_key(|(_, record)| record.last).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.pairs.remove(&key));
        }
        let record = self.pairs.entry(key).or_default();
        let count = match feedback.classification {
            Classification::TruePositive => &mut record.true_positives,
            Classification::BenignTruePositive => &mut record.benign,
            Classification::FalsePositive => &mut record.false_positives,
        };
        *count = count.saturating_add(1);
        record.last = record.last.max(feedback.time);
    }

    /// What is known of a rule about an entity.
    #[must_use]
    pub fn record(&self, detection: &str, subject: &str) -> Option<Record> {
        self.pairs.get(&key(detection, subject)).copied()
    }

    /// How many pairs are known.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.pairs.len()
    }

    /// Moves severity and score of a verdict by what its pair turned out to be before, and says so among the reasons.
    /// `usual` is the detection's own severity.
    pub fn weigh(&self, detection: &str, usual: Severity, verdict: &mut Verdict) {
        let Some(record) = self.record(detection, &subject(verdict.actor.as_ref(), verdict.source.as_ref())) else {
            return;
        };
        let severity = verdict.severity.unwrap_or(usual);
        let dismissed = record.benign + record.false_positives;
        let before = verdict.score;
        let text = if record.true_positives > 0 {
            verdict.score = (before + CONFIRMED).min(100.0);
            format!("{} earlier alerts of this rule on this entity were attacks", record.true_positives)
        } else {
            verdict.severity = Some(if dismissed >= DISMISSED { Severity::Informational } else { lower(severity) });
            // The share of attacks among alerts of the pair, with one attack assumed unseen (Laplace).
            verdict.score = before / (1.0 + f64::from(dismissed));
            format!("{dismissed} earlier alerts of this rule on this entity were dismissed by an analyst")
        };
        let contribution = verdict.score - before;
        let name = "calibration".into();
        verdict.reasons.push(ScorePart { name, value: f64::from(dismissed), contribution, text });
    }
}

fn key(detection: &str, subject: &str) -> String {
    format!("{detection}|{subject}")
}

fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Informational => Severity::Informational,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::as_exchange;
    use hopwatch_model::Outcome;

    fn weighed(feedback: &[Classification], source: &str) -> Verdict {
        let event = as_exchange(0, "ann", "10.0.0.9", Outcome::Success);
        let subject = subject(event.actor.as_ref(), event.source.as_ref());
        let words = feedback.iter().map(|classification| Feedback {
            detection: "brute-force".into(),
            subject: subject.clone(),
            classification: *classification,
            time: event.time,
        });
        let other = as_exchange(9, "ann", source, Outcome::Success);
        let mut verdict = Verdict::of(&other, "k".into(), "s".into(), "n").score(80.0);
        Calibration::of(words).weigh("brute-force", Severity::High, &mut verdict);
        verdict
    }

    #[test]
    fn one_dismissal_lowers_a_step_and_three_leave_information() {
        use Classification::{BenignTruePositive, FalsePositive};
        let once = weighed(&[FalsePositive], "10.0.0.9");
        assert_eq!((once.severity, once.score), (Some(Severity::Medium), 40.0));
        let thrice = weighed(&[FalsePositive, BenignTruePositive, FalsePositive], "10.0.0.9");
        assert_eq!((thrice.severity, thrice.score), (Some(Severity::Informational), 20.0));
        assert!(thrice.reasons[0].text.contains("3 earlier alerts"));
    }

    #[test]
    fn an_attack_outweighs_dismissals_and_another_host_is_not_concerned() {
        use Classification::{FalsePositive, TruePositive};
        let attack = weighed(&[FalsePositive, TruePositive], "10.0.0.9");
        assert_eq!((attack.severity, attack.score), (None, 90.0));
        assert_eq!(weighed(&[FalsePositive], "10.0.0.8").score, 80.0);
    }
}
