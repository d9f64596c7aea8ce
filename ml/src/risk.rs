//! An entity's risk, 0–100: how likely it is in an intruder's hands, times what that would cost.
//!
//! Likelihood is the chance that at least one independent sign is true: open alerts by severity, fading with a half-life
//! of a week; anomalies of behaviour; the share of principals who could take the entity over (exposure). Impact grows
//! with the share of the estate that it reaches, and is full for Tier Zero. Each part says what it added.
//!
//! Deliberately no look-up: alerts, scores and shares come from the caller.

use hopwatch_model::Severity;
use hopwatch_model::alert::ScorePart;
use serde::{Deserialize, Serialize};

use crate::number::real;

/// Days after which an open alert counts half.
const HALF_LIFE_DAYS: f64 = 7.0;
/// What impact an entity has that reaches nothing: its own data.
const LEAST_IMPACT: f64 = 0.2;
/// The share of the estate from which reaching more makes it no worse.
const FULL_REACH: f64 = 0.25;
/// What full exposure says of likelihood: that all could does not mean that anyone did.
const EXPOSED: f64 = 0.3;

/// An open alert that names the entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sign {
    /// Its severity.
    pub severity: Severity,
    /// Days since its latest activity.
    pub days_ago: f64,
}

/// What is known of an entity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Open alerts.
    pub alerts: Vec<Sign>,
    /// The likelihoods of its anomalies, 0–1 each (`Score::likelihood`).
    pub anomalies: Vec<f64>,
    /// The share of principals that can take it over, 0–1.
    pub exposure: f64,
    /// The share of the estate that it can reach, 0–1.
    pub reach: f64,
    /// It is Tier Zero, or reaches it.
    pub tier_zero: bool,
}

/// The risk with its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// 0–100.
    pub score: f64,
    /// 0–1.
    pub likelihood: f64,
    /// 0–1.
    pub impact: f64,
    /// What each sign added, the weightiest first. Contributions are points of the score and sum to it.
    pub parts: Vec<ScorePart>,
}

impl Risk {
    /// The risk of an entity.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let signs = [alerts(&facts.alerts), anomalies(&facts.anomalies), exposure(facts.exposure)];
        let likelihood = 1.0 - signs.iter().map(|sign| 1.0 - sign.0).product::<f64>();
        let reach = (share(facts.reach) / FULL_REACH).min(1.0).sqrt();
        let impact = if facts.tier_zero { 1.0 } else { LEAST_IMPACT + (1.0 - LEAST_IMPACT) * reach };
        let score = 100.0 * likelihood * impact;
        // The shares of independent signs in their union: by −ln(1 − p), which add up.
        let weight = |p: f64| -(1.0 - p.min(1.0 - 1e-9)).ln();
        let all: f64 = signs.iter().map(|sign| weight(sign.0)).sum();
        let mut parts: Vec<ScorePart> = signs
            .into_iter()
            .zip(["alerts", "anomalies", "exposure"])
            .filter(|((p, _), _)| *p > 0.0)
            .map(|((p, text), name)| ScorePart {
                name: name.into(),
                value: p,
                contribution: if all > 0.0 { score * weight(p) / all } else { 0.0 },
                text,
            })
            .collect();
        parts.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
        Self { score, likelihood, impact, parts }
    }
}

/// The share of entities with a lower risk, in percent; 100 for the only one.
#[must_use]
pub fn percentile(score: f64, all: &[f64]) -> f64 {
    let others = all.len().saturating_sub(1);
    if others == 0 {
        return 100.0;
    }
    let below = all.iter().filter(|other| **other < score).count().min(others);
    100.0 * real(below) / real(others)
}

/// Points a day by which a risk rises, from daily values, oldest first: the slope of the line of least squares.
#[must_use]
pub fn trend(daily: &[f64]) -> f64 {
    let n = real(daily.len());
    if daily.len() < 2 {
        return 0.0;
    }
    let mean = daily.iter().sum::<f64>() / n;
    let middle = (n - 1.0) / 2.0;
    let places = || (0..daily.len()).map(|place| real(place) - middle);
    let along: f64 = places().zip(daily).map(|(place, value)| place * (value - mean)).sum();
    along / places().map(|place| place * place).sum::<f64>()
}

fn share(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

fn union(all: impl Iterator<Item = f64>) -> f64 {
    1.0 - all.map(|p| 1.0 - share(p)).product::<f64>()
}

fn alerts(signs: &[Sign]) -> (f64, String) {
    let weight = |sign: &Sign| {
        let full = match sign.severity {
            Severity::High => 0.7,
            Severity::Medium => 0.4,
            Severity::Low => 0.15,
            Severity::Informational => 0.05,
        };
        full * (-sign.days_ago.max(0.0) / HALF_LIFE_DAYS).exp2()
    };
    let latest = signs.iter().map(|sign| sign.days_ago).fold(f64::INFINITY, f64::min);
    (union(signs.iter().map(weight)), format!("{} open alerts, the latest {latest:.0} days ago", signs.len()))
}

fn anomalies(likelihoods: &[f64]) -> (f64, String) {
    // An anomaly alone is weak: even the surest counts as half.
    let p = union(likelihoods.iter().map(|likelihood| 0.5 * (2.0 * share(*likelihood) - 1.0).max(0.0)));
    (p, format!("{} unusual logons", likelihoods.len()))
}

fn exposure(exposed: f64) -> (f64, String) {
    let exposed = share(exposed);
    (EXPOSED * exposed.sqrt(), format!("{:.1} % of principals could take it over", 100.0 * exposed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alerted() -> Facts {
        Facts { alerts: vec![Sign { severity: Severity::High, days_ago: 0.0 }], ..Facts::default() }
    }

    #[test]
    fn nothing_known_is_no_risk_and_tier_zero_doubles() {
        assert_eq!(Risk::of(&Facts::default()).score, 0.0);
        let (small, zone) = (Risk::of(&alerted()), Risk::of(&Facts { tier_zero: true, ..alerted() }));
        assert!(zone.score > 2.0 * small.score && zone.score <= 100.0, "{} {}", small.score, zone.score);
    }

    #[test]
    fn the_parts_sum_to_the_score() {
        let facts = Facts { anomalies: vec![0.9, 0.99], exposure: 0.1, reach: 0.05, ..alerted() };
        let risk = Risk::of(&facts);
        let sum: f64 = risk.parts.iter().map(|part| part.contribution).sum();
        assert!((sum - risk.score).abs() < 1e-9 && risk.parts.len() == 3, "{risk:?}");
        assert_eq!(risk.parts[0].name, "alerts");
    }

    #[test]
    fn it_fades_and_odd_numbers_do_no_harm() {
        let later = Facts { alerts: vec![Sign { severity: Severity::High, days_ago: 14.0 }], ..Facts::default() };
        assert!(Risk::of(&later).score < 0.3 * Risk::of(&alerted()).score);
        let odd = Facts { anomalies: vec![f64::NAN], exposure: f64::INFINITY, reach: -1.0, ..Facts::default() };
        assert!((0.0..=100.0).contains(&Risk::of(&odd).score));
    }

    #[test]
    fn percentile_and_trend_are_plain() {
        assert_eq!(percentile(5.0, &[1.0, 5.0, 3.0]), 100.0);
        assert_eq!(percentile(1.0, &[1.0, 5.0, 3.0]), 0.0);
        assert!((trend(&[1.0, 3.0, 5.0]) - 2.0).abs() < 1e-12);
        assert_eq!(trend(&[4.0]), 0.0);
    }
}
