//! ## What it finds
//! A logon to another host that is unlike the account, unlike the host it comes from, and unlike the account's peers.
//!
//! ## Why it matters
//! A stolen credential works everywhere its owner's rights reach, but its thief does not know the owner's habits.
//!
//! ## Evidence it needs
//! Logons between hosts with account, source and target: 4624 type 3 and 10 (audit *Logon*), Kerberos service tickets and
//! NTLM on the wire. The directory adds whether the access is granted and who the peers are.
//!
//! ## How it decides
//! Forty features of the access against counts that fade over 30 days are scored by boosted trees and a linear model,
//! both trained every third day on the estate's own accesses against simulated ones. An alert needs `odds` (log-odds) and that the
//! account never reached this host or was never used from its source. Where at least `peers_share` of the peers use the
//! target it stays silent. At most `a_day` alerts a day. Until `learning_days` of accesses were seen it says nothing but
//! that it is learning.
//!
//! ## Blind spots
//! An intruder who does only what the owner does, from the owner's host. Accesses whose source host is not resolved.
//!
//! ## Likely benign causes
//! A new duty, a replaced workstation, an administrator's rare errand.
//!
//! ## What to do
//! Ask the account's owner; look at what was done on the target within the next minutes; reset the password if it was not
//! the owner.
//!
//! ## References
//! T1078; Ho et al., Hopper, USENIX Security 2021; Kent 2015 for the form of the data.

use hopwatch_ml::Score;
use hopwatch_ml::priors::SnapshotPriors;
use hopwatch_model::{Event, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// Reasons that an alert shows.
const REASONS: usize = 8;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Log-odds of the trees from which a logon is suspicious.
    pub odds: f64,
    /// The share of peers that use the target from which it is no surprise.
    pub peers_share: f64,
    /// Alerts a day, at most.
    pub a_day: u32,
    /// Days with accesses that must have been seen.
    pub learning_days: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (odds, a_day, learning_days) = match sensitivity {
            Sensitivity::High => (6.0, 5, 14),
            Sensitivity::Medium => (4.5, 10, 10),
            Sensitivity::Low => (3.0, 50, 7),
        };
        Self { odds, peers_share: 0.3, a_day, learning_days }
    }
}

/// How many alerts the day had.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SuspiciousLogon {
    day: i64,
    raised: u32,
}

impl Rule for SuspiciousLogon {
    const META: Meta = Meta {
        slug: "suspicious-logon",
        title: "Logon unlike the account and its peers",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1078"],
        external_id: Some(2001),
        actions: &[
            "Ask the account's owner whether the logon was theirs",
            "Look at what was done on the target in the minutes after",
            "Reset the password if the owner does not know of it",
        ],
        source: include_str!("suspicious_logon.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(score) = context.score else { return };
        let fresh = score.sight.user_target.times == 0 || score.sight.user_source.times == 0;
        if context.mode == Mode::Learning || !fresh {
            return;
        }
        let user = event.actor.as_ref().map(hopwatch_model::Account::key).unwrap_or_default();
        let days = context.behaviour.days();
        if score.trees.is_none() || days < config.learning_days {
            verdicts.decline(event.time, user, format!("learning: {days} of {} days", config.learning_days));
            return;
        }
        if score.trees.is_none_or(|odds| f64::from(odds) < config.odds) {
            return;
        }
        let priors = SnapshotPriors::new(context.snapshot);
        let peers = context.behaviour.peers(score);
        if let Some(peers) = peers.filter(|peers| f64::from(peers.share()) >= config.peers_share) {
            verdicts.decline(event.time, user, format!("{} of {} peers do likewise", peers.using, peers.peers));
            return;
        }
        if event.time.day() > self.day {
            (self.day, self.raised) = (event.time.day(), 0);
        }
        if self.raised >= config.a_day {
            verdicts.decline(event.time, user, "the day's budget is used up");
            return;
        }
        self.raised += 1;
        verdicts.raise(verdict(event, &user, score, context, &priors));
    }

    fn entries(&self) -> usize {
        0
    }
}

fn verdict(event: &Event, user: &str, score: &Score, context: &Context<'_>, priors: &SnapshotPriors<'_>) -> Verdict {
    let label =
        |host: &Option<hopwatch_model::Host>| host.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
    let (source, target) = (label(&event.source), label(&event.target));
    let reasons = context.behaviour.explain(score, priors);
    let first = reasons.first().map(|reason| reason.text.clone()).unwrap_or_default();
    let story = format!("{user} logged on to {target} from {source}: {first}.");
    let key = format!("{user}|{source}|{target}|{}", event.time.day());
    let mut verdict = Verdict::of(event, key, story, "the unusual logon").score((score.likelihood() * 100.0).min(99.0));
    verdict.reasons = reasons.into_iter().take(REASONS).collect();
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{history_of_days, ntlm, run};
    use hopwatch_model::Outcome;

    const SLUG: &str = "suspicious-logon";
    const DAY: i64 = 86_400;

    #[test]
    fn a_stolen_credential_from_a_strange_host_fires_with_reasons() {
        let history = history_of_days(16);
        let theft = ntlm(16 * DAY + 600, "user3", "ws20", "srv1", Outcome::Success);
        let found = run(SLUG, Sensitivity::Low, &history, &[theft]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].reasons.iter().any(|reason| reason.text.contains("for the first time in")));
        assert!(found[0].explanation.starts_with("user3 logged on to srv1 from ws20"), "{}", found[0].explanation);
    }

    #[test]
    fn what_the_account_does_every_day_stays_silent() {
        let history = history_of_days(16);
        let habit: Vec<Event> = history_of_days(17).into_iter().skip(history.len()).collect();
        assert!(!habit.is_empty());
        assert!(run(SLUG, Sensitivity::Medium, &history, &habit).is_empty());
    }

    #[test]
    fn a_young_profile_only_learns() {
        let history = history_of_days(3);
        let theft = ntlm(3 * DAY, "user3", "ws20", "srv9", Outcome::Success);
        assert!(run(SLUG, Sensitivity::Low, &history, &[theft]).is_empty());
    }

    #[test]
    fn the_days_budget_holds() {
        let history = history_of_days(16);
        let flood: Vec<Event> =
            (0..60).map(|i| ntlm(16 * DAY + i, "user3", "ws20", &format!("new{i}"), Outcome::Success)).collect();
        assert!(run(SLUG, Sensitivity::Medium, &history, &flood).len() <= 10);
    }
}
