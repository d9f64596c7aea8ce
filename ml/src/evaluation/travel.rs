//! The travel evaluation: labelled sign-ins, streamed score-then-learn, measured by user-days: what an analyst gets as one
//! alert. The places of addresses come from the caller, who has the geo-location database.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use hopwatch_model::Timestamp;
use hopwatch_model::event::SignIn;

use super::metrics::{auc, average_precision};
use super::truth::DAY;
use crate::number::real;
use crate::travel::{Config, Travel};

/// One labelled sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub user: String,
    /// From which address.
    pub address: Option<IpAddr>,
    /// The sign-in with its place.
    pub sign_in: SignIn,
    /// Whether it succeeded.
    pub success: bool,
    /// Whether an intruder made it.
    pub label: bool,
    /// The generator's word for what it is.
    pub scenario: String,
}

/// One scored sign-in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The place in the input, from 0.
    pub place: usize,
    /// The score, 0–1; 0 where there was no place.
    pub score: f64,
    /// The speed between the last trusted fix and this one.
    pub speed_kmh: f64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TravelReport {
    /// Sign-ins and those of intruders.
    pub sign_ins: (usize, usize),
    /// Sign-ins without a place.
    pub unplaced: usize,
    /// Users.
    pub users: usize,
    /// Days from the first to the last.
    pub days: usize,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// User-days alerted, and those of them with an intruder.
    pub alerts: (usize, usize),
    /// User-days with an intruder.
    pub victims: usize,
    /// False sign-ins by scenario.
    pub false_by_scenario: BTreeMap<String, usize>,
}

/// Scores sign-ins in order of time and learns from them.
#[must_use]
pub fn run(config: &Config, sign_ins: &[Labelled]) -> (TravelReport, Vec<Scored>) {
    let mut order: Vec<usize> = (0..sign_ins.len()).collect();
    order.sort_by_key(|place| sign_ins.get(*place).map(|one| one.time));
    let mut travel = Travel::default();
    let mut report = TravelReport::default();
    let mut scored = Vec::with_capacity(sign_ins.len());
    for place in order {
        let Some(one) = sign_ins.get(place).filter(|one| one.success) else { continue };
        let seen = travel.observe(config, &one.user, one.time, one.address, &one.sign_in);
        report.unplaced += usize::from(seen.is_none());
        let (score, speed_kmh) = seen.map_or((0.0, 0.0), |seen| (seen.score, seen.speed_kmh));
        scored.push(Scored { place, score, speed_kmh });
    }
    let of = |one: &Scored| sign_ins.get(one.place);
    let labels: Vec<bool> = scored.iter().map(|one| of(one).is_some_and(|one| one.label)).collect();
    let scores: Vec<f64> = scored.iter().map(|one| one.score).collect();
    let user_day = |one: &Labelled| (one.user.clone(), one.time.as_secs().div_euclid(DAY));
    let mut alerted = BTreeSet::new();
    let mut right = BTreeSet::new();
    for (one, result) in scored.iter().filter_map(|result| Some((of(result)?, result))) {
        if result.score < config.threshold {
            continue;
        }
        alerted.insert(user_day(one));
        if one.label {
            right.insert(user_day(one));
        } else {
            *report.false_by_scenario.entry(one.scenario.clone()).or_default() += 1;
        }
    }
    let victims: BTreeSet<_> = sign_ins.iter().filter(|one| one.label).map(user_day).collect();
    let all_days = || sign_ins.iter().map(|one| one.time.as_secs().div_euclid(DAY));
    let span = all_days().max().zip(all_days().min()).map_or(0, |(last, first)| last - first + 1);
    report.sign_ins = (sign_ins.len(), sign_ins.iter().filter(|one| one.label).count());
    report.users = sign_ins.iter().map(|one| one.user.as_str()).collect::<BTreeSet<_>>().len();
    report.days = usize::try_from(span).unwrap_or(0);
    report.auc = auc(&scores, &labels);
    report.average_precision = average_precision(&scores, &labels);
    report.alerts = (alerted.len(), right.len());
    report.victims = victims.len();
    (report, scored)
}

impl fmt::Display for TravelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, bad) = self.sign_ins;
        let (alerts, right) = self.alerts;
        writeln!(f, "sign-ins {all}, of intruders {bad}, users {}, days {}", self.users, self.days)?;
        writeln!(f, "without a place: {}", self.unplaced)?;
        writeln!(f, "AUC {:.3}, AP {:.3}", self.auc, self.average_precision)?;
        writeln!(f, "alerts a day (user-days) {:.2}", real(alerts) / real(self.days.max(1)))?;
        writeln!(
            f,
            "precision {:.3}, victim recall {:.3}",
            real(right) / real(alerts.max(1)),
            real(right) / real(self.victims.max(1))
        )?;
        for (scenario, count) in &self.false_by_scenario {
            writeln!(f, "false: {scenario} {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::signin::Place;

    use super::*;

    fn labelled(hours: i64, place: (f64, f64), device: &str, label: bool) -> Labelled {
        let place = Place { latitude: Some(place.0), longitude: Some(place.1), ..Place::default() };
        let asn = Some(u32::from(label));
        Labelled {
            time: Timestamp::from_secs(hours * 3600),
            user: "ann".into(),
            address: None,
            sign_in: SignIn { place, device: Some(device.into()), asn, ..SignIn::default() },
            success: true,
            label,
            scenario: "test".into(),
        }
    }

    #[test]
    fn a_stolen_credential_is_found_in_unsorted_input() {
        let mut all: Vec<Labelled> = (0..40).map(|hour| labelled(hour, (48.8, 2.3), "pc", false)).collect();
        all.insert(0, labelled(39, (1.3, 103.8), "other", true));
        let (report, scored) = run(&Config::default(), &all);
        assert_eq!((report.alerts, report.victims), ((1, 1), 1));
        assert_eq!(scored.len(), 41);
        assert_eq!(report.auc, 1.0);
    }
}
