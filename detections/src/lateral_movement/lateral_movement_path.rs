//! ## What it finds
//! A chain of logons from host to host that ends where nobody like its starter goes, with a credential that is not the
//! starter's own, or one account that keeps reaching new hosts day by day.
//!
//! ## Why it matters
//! No single hop of a careful intruder stands out; the chain does.
//!
//! ## Evidence it needs
//! Logons between hosts with account, source and target: 4624 type 3 and 10 (audit *Logon*), Kerberos service tickets and
//! NTLM on the wire. The more hosts report, the longer the chains that can be followed.
//!
//! ## How it decides
//! Suspicious accesses of a day are grouped by source host, slow ones by account over ten days. Each group's score is set
//! against how groups scored on earlier days; those that are rarer than the budget (`moves` and `slow`, groups a day) are
//! alerts. The chain is traced back over logons that reached the source within a day: the same credential carried on,
//! or switched, clearly where one logon alone explains it. Nothing is learned from what looks like an intruder's. Until
//! `learning_days` of accesses were seen it says nothing but that it is learning.
//!
//! ## Blind spots
//! Hops through hosts whose logons nobody reports; an intruder who stays on one host.
//!
//! ## Likely benign causes
//! Administrators at work across many hosts, a new scanner, a migration.
//!
//! ## What to do
//! Follow the hops in order; isolate the first host; reset each credential on the way.
//!
//! ## References
//! T1021, T1550, T1078; Ho et al., Hopper, USENIX Security 2021.

use std::collections::BTreeMap;

use hopwatch_ml::Score;
use hopwatch_ml::campaign::{Budget, Campaign, Campaigns, Specialist};
use hopwatch_ml::paths::{CausalPath, Step, Switch, trace};
use hopwatch_ml::priors::SnapshotPriors;
use hopwatch_model::{Event, Evidence, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};

/// Records kept for a group.
const RECORDS: usize = 20;
/// Groups with records.
const GROUPS: usize = 5000;
/// Reasons that an alert shows.
const REASONS: usize = 8;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Groups a day that one source host's accesses may raise.
    pub moves: f64,
    /// Groups a day that slow accounts may raise.
    pub slow: f64,
    /// Alerts a day, at most.
    pub a_day: u32,
    /// Days with accesses that must have been seen.
    pub learning_days: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (moves, slow, a_day, learning_days) = match sensitivity {
            Sensitivity::High => (1.0, 0.25, 5, 14),
            Sensitivity::Medium => (2.5, 0.5, 10, 12),
            Sensitivity::Low => (4.0, 1.0, 20, 10),
        };
        Self { moves, slow, a_day, learning_days }
    }
}

/// The groups of the day, their records, and what the day raised.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LateralMovementPath {
    campaigns: Campaigns,
    records: BTreeMap<u32, Vec<Evidence>>,
    day: i64,
    raised: Vec<String>,
}

impl Rule for LateralMovementPath {
    const META: Meta = Meta {
        slug: "lateral-movement-path",
        title: "Chain of unusual logons",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1021", "T1550", "T1078"],
        external_id: None,
        actions: &[
            "Follow the hops in order and isolate the first host",
            "Reset each credential that was used on the way",
            "Look at what was done on the last host",
        ],
        source: include_str!("lateral_movement_path.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Some(score) = context.score else { return };
        self.campaigns.set_budget(Budget { moves: config.moves, slow: config.slow, ..Budget::default() });
        if event.time.day() > self.day {
            self.day = event.time.day();
            self.raised.clear();
            self.records.clear();
        }
        // Ranked days serve reports; alerts are raised while the day goes on.
        self.campaigns.observe(score);
        if score.suspicion().is_none() && score.slow().is_none() {
            return;
        }
        self.record(event, score.seen.source);
        if context.mode == Mode::Learning {
            return;
        }
        let days = context.behaviour.days();
        if days < config.learning_days || self.campaigns.learning() {
            let subject = event.source.as_ref().map(hopwatch_model::Host::key).unwrap_or_default();
            verdicts.decline(event.time, subject, format!("learning: {days} of {} days", config.learning_days));
            return;
        }
        let moves =
            self.campaigns.current(Specialist::Moves, score.seen.source).filter(|_| score.suspicion().is_some());
        let slow = self.campaigns.current(Specialist::Slow, score.seen.user).filter(|_| score.slow().is_some());
        for campaign in [moves, slow].into_iter().flatten().filter(|campaign| campaign.score > 0.0) {
            self.raise(config, event, &campaign, score, context, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.campaigns.entries() + self.records.len() + self.raised.len()
    }
}

impl LateralMovementPath {
    fn record(&mut self, event: &Event, source: u32) {
        if self.records.len() >= GROUPS && !self.records.contains_key(&source) {
            return;
        }
        let records = self.records.entry(source).or_default();
        if records.len() < RECORDS {
            records.push(evidence(event, "an unusual logon from this host"));
        }
    }

    fn raise(
        &mut self,
        config: &Config,
        event: &Event,
        campaign: &Campaign,
        score: &Score,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let source = event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
        let key = format!("{source}|{}", event.time.day());
        let allowed = usize::try_from(config.a_day).unwrap_or(usize::MAX);
        if !self.raised.contains(&key) {
            if self.raised.len() >= allowed {
                verdicts.decline(event.time, source, "the day's budget is used up");
                return;
            }
            self.raised.push(key.clone());
        }
        if campaign.specialist == Specialist::Slow {
            self.campaigns.report(campaign.key, event.time.day());
        }
        let records = self.records.get(&score.seen.source).cloned().unwrap_or_default();
        verdicts.raise(verdict(event, key, campaign, score, context, records));
    }
}

fn verdict(
    event: &Event,
    key: String,
    campaign: &Campaign,
    score: &Score,
    context: &Context<'_>,
    records: Vec<Evidence>,
) -> Verdict {
    let seen = &score.seen;
    let store = &context.behaviour.store;
    let last = Step { time: seen.time, user: seen.user, source: seen.source, target: seen.target };
    let path = trace(store, last);
    let user = |id: u32| store.user_names.name(id).to_owned();
    let place = |id: u32| store.place_names.name(id).to_owned();
    let story = match campaign.specialist {
        Specialist::Slow => format!(
            "{} keeps reaching hosts it never used, {} of them today; the latest is {} from {}.",
            user(seen.user),
            campaign.hops.len(),
            place(seen.target),
            place(seen.source)
        ),
        Specialist::Moves => chain(&path, campaign.hops.len(), &user, &place),
    };
    let scale = 60.0 + 10.0 * campaign.score;
    let severity = if path.switch == Switch::Clear && path.steps.len() > 1 { Severity::High } else { Severity::Medium };
    let mut verdict = Verdict::of(event, key, story, "the latest hop").severity(severity).score(scale.clamp(0.0, 99.0));
    verdict.reasons = context.behaviour.explain(score, &SnapshotPriors::new(context.snapshot));
    verdict.reasons.truncate(REASONS);
    let own = event.provenance.digest;
    verdict.with_evidence(records.into_iter().filter(|record| record.provenance.digest != own))
}

fn chain(path: &CausalPath, accesses: usize, user: &dyn Fn(u32) -> String, place: &dyn Fn(u32) -> String) -> String {
    let hops: Vec<String> = path
        .steps
        .iter()
        .map(|step| format!("{} → {} as {}", place(step.source), place(step.target), user(step.user)))
        .collect();
    let starter = path.causal_user.map(user).unwrap_or_default();
    let switch = match path.switch {
        Switch::None => String::from("the credential stayed the same"),
        Switch::Clear => format!("the credential is not {starter}'s"),
        Switch::Unclear => String::from("the credential changed on the way, and several logons could explain it"),
    };
    format!(
        "{starter} moved {}; {switch}. {accesses} unusual logons came from the last source today.",
        hops.join(", then ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{history_of_days, ntlm, run};
    use hopwatch_model::Outcome;

    const SLUG: &str = "lateral-movement-path";
    const DAY: i64 = 86_400;

    fn attack(day: i64) -> Vec<Event> {
        let at = day * DAY;
        vec![
            ntlm(at, "user3", "ws20", "srv9", Outcome::Success),
            ntlm(at + 600, "user7", "srv9", "ws31", Outcome::Success),
            ntlm(at + 1500, "user12", "ws31", "srv8", Outcome::Success),
        ]
    }

    #[test]
    fn a_chain_with_switched_credentials_fires_hop_by_hop() {
        let found = run(SLUG, Sensitivity::Low, &history_of_days(16), &attack(16));
        assert!(!found.is_empty());
        let told = found.iter().any(|alert| alert.explanation.contains("then srv9 → ws31 as user7"));
        assert!(told, "{:?}", found.iter().map(|alert| &alert.explanation).collect::<Vec<_>>());
    }

    #[test]
    fn ordinary_days_stay_silent() {
        let history = history_of_days(16);
        let habit: Vec<Event> = history_of_days(17).into_iter().skip(history.len()).collect();
        assert!(run(SLUG, Sensitivity::High, &history, &habit).is_empty());
    }

    #[test]
    fn without_learned_history_it_says_nothing() {
        assert!(run(SLUG, Sensitivity::Low, &history_of_days(4), &attack(4)).is_empty());
    }
}
