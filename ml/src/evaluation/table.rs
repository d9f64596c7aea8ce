//! The tables of the lateral evaluation, from edges and campaigns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use super::lateral::{Edge, Evaluation};
use super::metrics::{auc, average_precision, recall_per_day};
use super::truth::DAY;
use crate::number::real;
use crate::random::Random;

/// Events of an alert that are looked at: the most telling ones. An alert that hides its hit behind many others is none.
pub const TELLING: usize = 10;

/// A scorer's name and how it scores an access.
type Scorer = (&'static str, fn(&Edge) -> f64);

/// The row of our score of accesses.
const EDGES: &str = "trees and rarity (edge score)";
/// The row of our alerts.
const ALERTS: &str = "campaigns (alerts)";

/// What a scorer reaches with a number of grouped alerts a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reached {
    /// Share of campaigns with an alert.
    pub recall: f64,
    /// Alerts without any access of a campaign, per day.
    pub false_a_day: f64,
    /// Campaigns found and all, by kind.
    pub kinds: BTreeMap<String, (usize, usize)>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The scorer.
    pub name: String,
    /// Area under the ROC curve and average precision; `None` for what scores groups only.
    pub ranking: Option<(f64, f64)>,
    /// Recall of accesses among the 5, 10 and 20 highest a day.
    pub recalls: Option<[f64; 3]>,
    /// With 5 and with 10 grouped alerts a day.
    pub reached: [Reached; 2],
}

/// The result.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Edges of the test and labelled ones.
    pub edges: (usize, usize),
    /// Never-seen source–target edges and labelled ones.
    pub unseen: (usize, usize),
    /// One row a scorer.
    pub lines: Vec<Line>,
    /// Average precision of our score with labels shuffled: the base rate, or something leaks.
    pub permuted: f64,
    /// Seconds from a campaign's first access to the end of the first alert's first telling access, median.
    pub first_alert_secs: Option<i64>,
    /// Share of a found campaign's accesses of the day that its alert names.
    pub path: f64,
}

/// Groups of a day: score and members as places in the list of campaigns by access.
type Groups = BTreeMap<i64, Vec<(f64, BTreeSet<u64>)>>;

impl Table {
    /// The table of an evaluation.
    #[must_use]
    pub fn of(evaluation: &Evaluation<'_>) -> Self {
        let edges = &evaluation.edges;
        let labels: Vec<bool> = edges.iter().map(|edge| edge.label).collect();
        let days: Vec<i64> = edges.iter().map(|edge| edge.time.div_euclid(DAY)).collect();
        let scorers: [Scorer; 8] = [
            ("unseen source and target", |edge| if edge.unseen { 1.0 } else { 0.0 }),
            ("rarity, three-way", |edge| f64::from(edge.rarity)),
            ("isolation forest", |edge| f64::from(edge.forest)),
            ("residual of the user's day", |edge| f64::from(edge.residual)),
            ("Poisson factorisation", |edge| f64::from(edge.factors)),
            ("logistic regression", |edge| f64::from(edge.logistic)),
            ("boosted trees", |edge| f64::from(edge.trees)),
            (EDGES, |edge| edge.value),
        ];
        let mut lines = Vec::new();
        for (name, score) in scorers {
            let scores: Vec<f64> = edges.iter().map(score).collect();
            let recall = |budget| recall_per_day(&scores, &labels, &days, budget);
            let groups = by_source(evaluation, &scores);
            lines.push(Line {
                name: name.into(),
                ranking: Some((auc(&scores, &labels), average_precision(&scores, &labels))),
                recalls: Some([recall(5), recall(10), recall(20)]),
                reached: [reached(evaluation, &groups, 5), reached(evaluation, &groups, 10)],
            });
        }
        let ours = of_campaigns(evaluation);
        let reached = [reached(evaluation, &ours, 5), reached(evaluation, &ours, 10)];
        lines.push(Line { name: ALERTS.into(), ranking: None, recalls: None, reached });
        let values: Vec<f64> = edges.iter().map(|edge| edge.value).collect();
        let unseen = edges.iter().filter(|edge| edge.unseen);
        let (first_alert_secs, path) = stories(evaluation);
        Self {
            edges: (edges.len(), labels.iter().filter(|label| **label).count()),
            unseen: (unseen.clone().count(), unseen.filter(|edge| edge.label).count()),
            lines,
            permuted: average_precision(&values, &shuffled(&labels)),
            first_alert_secs,
            path,
        }
    }
}

impl Table {
    /// Average precision of our score of accesses, and the share of campaigns among five alerts a day.
    #[must_use]
    pub fn ours(&self) -> (f64, f64) {
        let named = |name: &str| self.lines.iter().find(|line| line.name == name);
        let precision = named(EDGES).and_then(|line| line.ranking).map_or(0.0, |(_, precision)| precision);
        let recall = named(ALERTS).and_then(|line| line.reached.first()).map_or(0.0, |reached| reached.recall);
        (precision, recall)
    }
}

fn shuffled(labels: &[bool]) -> Vec<bool> {
    let mut random = Random::new(7);
    let mut labels = labels.to_vec();
    for place in (1..labels.len()).rev() {
        labels.swap(place, random.below(place + 1));
    }
    labels
}

fn campaigns_of(evaluation: &Evaluation<'_>, time: i64, user: u32, source: u32, target: u32) -> BTreeSet<u64> {
    let (user, source, target) = evaluation.names(user, source, target);
    evaluation.truth().of(time, user, source, target).cloned().unwrap_or_default()
}

/// Groups by source host and day, scored by the strongest access and a tenth of the next four: the baselines' way.
fn by_source(evaluation: &Evaluation<'_>, scores: &[f64]) -> Groups {
    let mut members: BTreeMap<(i64, u32), Vec<usize>> = BTreeMap::new();
    for (place, edge) in evaluation.edges.iter().enumerate() {
        members.entry((edge.time.div_euclid(DAY), edge.source)).or_default().push(place);
    }
    let score = |place: &usize| scores.get(*place).copied().unwrap_or(0.0);
    let mut groups = Groups::new();
    for ((day, _), mut places) in members {
        places.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let rest: f64 = places.iter().skip(1).take(4).map(score).sum();
        let found = places.iter().filter_map(|place| evaluation.edges.get(*place)).filter(|edge| edge.label);
        let found = found.flat_map(|edge| campaigns_of(evaluation, edge.time, edge.user, edge.source, edge.target));
        let strongest = places.first().map_or(0.0, score);
        groups.entry(day).or_default().push((strongest + 0.1 * rest, found.collect()));
    }
    groups
}

fn of_campaigns(evaluation: &Evaluation<'_>) -> Groups {
    let mut groups = Groups::new();
    for (day, campaigns) in &evaluation.days {
        for campaign in campaigns {
            let hops = campaign.hops.iter().take(TELLING).map(|hop| hop.seen);
            let found = hops.flat_map(|seen| campaigns_of(evaluation, seen.time, seen.user, seen.source, seen.target));
            groups.entry(*day).or_default().push((campaign.score, found.collect()));
        }
    }
    groups
}

fn reached(evaluation: &Evaluation<'_>, groups: &Groups, budget: usize) -> Reached {
    let (mut hit, mut wrong) = (BTreeSet::new(), 0);
    for groups in groups.values() {
        let mut order: Vec<&(f64, BTreeSet<u64>)> = groups.iter().collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, found) in order.into_iter().take(budget) {
            wrong += usize::from(found.is_empty());
            hit.extend(found.iter().copied());
        }
    }
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (id, campaign) in &evaluation.truth().campaigns {
        let kind = kinds.entry(campaign.kind.clone()).or_default();
        kind.1 += 1;
        kind.0 += usize::from(hit.contains(id));
    }
    let all = real(evaluation.truth().campaigns.len().max(1));
    Reached { recall: real(hit.len()) / all, false_a_day: real(wrong) / real(test_days(evaluation)), kinds }
}

fn test_days(evaluation: &Evaluation<'_>) -> usize {
    let days: BTreeSet<i64> = evaluation.edges.iter().map(|edge| edge.time.div_euclid(DAY)).collect();
    days.len().max(1)
}

/// Median seconds to the first alert of the budget, and the mean share of the day's accesses that the alert names.
fn stories(evaluation: &Evaluation<'_>) -> (Option<i64>, f64) {
    let mut first: BTreeMap<u64, (i64, f64)> = BTreeMap::new();
    for (day, campaigns) in &evaluation.days {
        for campaign in campaigns.iter().take(5) {
            let mut named: BTreeMap<u64, BTreeSet<(i64, u32, u32)>> = BTreeMap::new();
            let mut seen_at: BTreeMap<u64, i64> = BTreeMap::new();
            for hop in &campaign.hops {
                let seen = hop.seen;
                for id in campaigns_of(evaluation, seen.time, seen.user, seen.source, seen.target) {
                    named.entry(id).or_default().insert((seen.time / 3600, seen.source, seen.target));
                    let at = seen_at.entry(id).or_insert(seen.time);
                    *at = (*at).min(seen.time);
                }
            }
            for (id, hops) in named {
                let Some(truth) = evaluation.truth().campaigns.get(&id) else { continue };
                let today = truth.edges.iter().filter(|edge| edge.0.div_euclid(DAY) == *day).count();
                let began = truth.edges.iter().map(|edge| edge.0).min().unwrap_or(0);
                let at = seen_at.get(&id).copied().unwrap_or(began);
                let share = (real(hops.len()) / real(today.max(1))).min(1.0);
                first.entry(id).or_insert(((at - began).max(0), share));
            }
        }
    }
    let mut delays: Vec<i64> = first.values().map(|(delay, _)| *delay).collect();
    delays.sort_unstable();
    let path = first.values().map(|(_, share)| share).sum::<f64>() / real(first.len().max(1));
    (delays.get(delays.len() / 2).copied(), path)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edges, bad) = self.edges;
        writeln!(f, "test edges {edges}, of intruders {bad}, base rate {:.5}", real(bad) / real(edges.max(1)))?;
        let (unseen, bad) = self.unseen;
        writeln!(f, "never-seen source–target edges {unseen}, of intruders {bad}")?;
        writeln!(
            f,
            "{:<30} {:>6} {:>6}  {:<17}  campaigns @5 (false/day)  @10 (false/day)",
            "scorer", "AUC", "AP", "edge @5/10/20"
        )?;
        for line in &self.lines {
            let (auc, ap) =
                line.ranking.map_or_else(Default::default, |(auc, ap)| (format!("{auc:.4}"), format!("{ap:.3}")));
            let recalls =
                line.recalls.map(|all| all.map(|recall| format!("{recall:.3}")).join("/")).unwrap_or_default();
            let mut kinds = String::new();
            for (kind, (found, all)) in line.reached.iter().take(1).flat_map(|reached| &reached.kinds) {
                write!(kinds, " {kind} {found}/{all}")?;
            }
            let [five, ten] = &line.reached;
            writeln!(
                f,
                "{:<30} {auc:>6} {ap:>6}  {recalls:<17}  {:.2} ({:.1})  {:.2} ({:.1}) {kinds}",
                line.name, five.recall, five.false_a_day, ten.recall, ten.false_a_day
            )?;
        }
        writeln!(f, "labels shuffled: AP {:.5}", self.permuted)?;
        if let Some(secs) = self.first_alert_secs {
            writeln!(
                f,
                "time to first alerted access, median: {secs} s; accesses of the day named by its alert: {:.2}",
                self.path
            )?;
        }
        Ok(())
    }
}
