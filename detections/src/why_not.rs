//! Why a detection did not fire: asked for one entity around one time, answered gate by gate, in the order in which a
//! judgement passes them. Is it on; did it fire after all; does any source show what it looks at; did the entity do
//! anything of the kind; is it still learning; what did the rule itself find; is the entity excluded.
//!
//! What the rule itself found is told by a fresh copy of it, to which the entity's stored events are shown again beside
//! the present ledger and baselines, and by what the rule at work noted at the time. The copy sees one entity alone: a
//! count over many hosts is as low as this one's part in it, and habits that the rule keeps for itself are unknown to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_graph::Snapshot;
use hopwatch_ml::bounded::{Lane, in_lane};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Event, Host, Timestamp};

use crate::coverage;
use crate::engine::{Engine, Settings};
use crate::frame::{Context, Meta, Mode, Verdict, Verdicts};

/// How far before and behind the time asked for notes and alerts count as its own.
pub const AROUND: Duration = Duration::from_secs(3600);
/// How far before it events are shown to the copy: the longest window of a rule that counts.
pub const BEFORE: Duration = Duration::from_secs(86_400);
/// How much longer the copy waits after its last event: longer than any rule holds a verdict back.
const AFTERMATH: Duration = Duration::from_secs(900);
/// The most notes of a rule that are told.
const NOTES: usize = 12;

/// The entity asked about: every name by which sources know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    names: BTreeSet<String>,
}

impl Subject {
    /// By its names: account names, host names, addresses, SIDs, in any spelling.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut all = BTreeSet::new();
        for name in names.into_iter().map(str::trim).filter(|name| !name.is_empty()) {
            all.insert(name.to_lowercase());
            all.insert(Account::named(name).key());
            all.insert(short_name(name));
        }
        Self { names: all }
    }

    fn account(&self, account: Option<&Account>) -> bool {
        account.is_some_and(|account| {
            self.names.contains(&account.key())
                || account.sid.as_ref().is_some_and(|sid| self.names.contains(&sid.to_string().to_lowercase()))
        })
    }

    fn host(&self, host: Option<&Host>) -> bool {
        host.is_some_and(|host| {
            self.names.contains(&host.key())
                || host.address.is_some_and(|address| self.names.contains(&address.to_string()))
        })
    }

    /// True where it takes part.
    #[must_use]
    pub fn in_event(&self, event: &Event) -> bool {
        self.account(event.actor.as_ref()) || self.host(event.source.as_ref()) || self.host(event.target.as_ref())
    }

    fn in_note(&self, text: &str) -> bool {
        let parts = text.split(['|', '@', ' ', ',']);
        parts.map(str::to_lowercase).any(|part| self.names.contains(&part) || self.names.contains(&short_name(&part)))
    }
}

/// One gate of a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its name: `on`, `fired`, `source`, `evidence`, `learning`, `threshold`, `rule`, `excluded`, `calibrated`.
    pub name: &'static str,
    /// Whether the judgement passed it; the first that it did not pass is the reason.
    pub passed: bool,
    /// What was found there, in words.
    pub text: String,
    /// When, in event time, where it hangs on one moment.
    pub time: Option<Timestamp>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The reason in one sentence.
    pub summary: String,
    /// The gates in order.
    pub gates: Vec<Gate>,
    /// The rule's thresholds as JSON.
    pub thresholds: String,
}

/// What a detection lacked to reach a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// When.
    pub time: Timestamp,
    /// How many there were.
    pub seen: usize,
    /// How many it takes.
    pub needed: usize,
    /// Of what, in words: `refused passwords within 10 minutes`.
    pub what: &'static str,
}

struct Asked<'a> {
    meta: &'static Meta,
    subject: &'a Subject,
    time: Timestamp,
    gates: Vec<Gate>,
}

impl Asked<'_> {
    fn gate(&mut self, name: &'static str, passed: bool, text: String) {
        self.gates.push(Gate { name, passed, text, time: None });
    }

    fn near(&self, time: Timestamp) -> bool {
        time + AROUND >= self.time && self.time + AROUND >= time
    }
}

impl Engine {
    /// Why a detection did not fire for an entity around a time. `events` are the entity's own, in order of time, from
    /// [`BEFORE`] the time to [`AROUND`] behind it. `None` where there is no such detection.
    #[must_use]
    pub fn why_not(
        &self,
        settings: &Settings,
        slug: &str,
        subject: &Subject,
        time: Timestamp,
        events: &[Event],
        snapshot: &Snapshot,
    ) -> Option<Answer> {
        let factory = crate::ALL.iter().find(|factory| factory.meta().slug == slug)?;
        let meta = factory.meta();
        let mut asked = Asked { meta, subject, time, gates: Vec::new() };
        let on = !settings.disabled.iter().any(|disabled| disabled == slug);
        let state = if on { "the detection is on" } else { "the detection is switched off in the configuration" };
        asked.gate("on", on, state.into());
        self.fired(&mut asked);
        let own: Vec<&Event> = events.iter().filter(|event| subject.in_event(event)).collect();
        self.sources(&mut asked, &own);
        let overrides = settings.thresholds.get(slug);
        if let Ok(mut copy) = factory.build(settings.sensitivity, overrides) {
            let mut verdicts = Verdicts::explaining();
            let (shared, behaviour) = (self.shared(), self.behaviour());
            let context = Context { snapshot, shared, behaviour, score: None, mode: Mode::Judging };
            in_lane(Lane::Judged, || {
                for event in &own {
                    copy.observe(event, &context, &mut verdicts);
                }
                if let Some(last) = own.last() {
                    copy.tick(last.time + AFTERMATH, &context, &mut verdicts);
                }
            });
            self.judged(&mut asked, &mut verdicts);
        }
        let thresholds = factory.thresholds(settings.sensitivity).to_string();
        Some(Answer { summary: summary(&asked.gates), gates: asked.gates, thresholds })
    }

    fn fired(&self, asked: &mut Asked<'_>) {
        let own = |alert: &&&hopwatch_model::Alert| {
            let target = alert.target.as_ref().is_some_and(|target| asked.subject.in_note(target));
            alert.detection == asked.meta.slug
                && alert.first_at <= asked.time + AROUND
                && asked.time <= alert.last_at + AROUND
                && (target
                    || asked.subject.account(alert.actor.as_ref())
                    || asked.subject.host(alert.source.as_ref())
                    || asked.subject.host(alert.target_host.as_ref()))
        };
        let alerts = self.alerts();
        if let Some(alert) = alerts.iter().find(own) {
            let text = format!("it did fire, at {}: {}", alert.first_at, alert.explanation);
            asked.gates.push(Gate { name: "fired", passed: false, text, time: Some(alert.first_at) });
        }
    }

    fn sources(&self, asked: &mut Asked<'_>, own: &[&Event]) {
        let row = coverage::row(asked.meta);
        let kinds: Vec<&str> = row.kinds.iter().copied().collect();
        let missing = row.missing(self.kinds());
        if kinds.is_empty() {
            asked.gate("source", true, "it judges the graph itself, whatever source changed it".into());
            return;
        }
        let text = match missing.len() {
            0 => format!("sources report what it looks at: {}", kinds.join(", ")),
            _ => {
                let missing: Vec<&str> = missing.iter().copied().collect();
                format!("no source ever reported {} (it looks at {})", missing.join(", "), kinds.join(", "))
            }
        };
        asked.gate("source", missing.len() < kinds.len(), text);
        let fitting = own.iter().filter(|event| row.kinds.contains(event.activity.name())).count();
        let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
        for event in own.iter().filter(|event| row.kinds.contains(event.activity.name())) {
            *by_kind.entry(event.activity.name()).or_default() += 1;
        }
        let counted: Vec<String> = by_kind.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let text = match fitting {
            0 => format!("of the entity's {} events around then none is of a kind that it looks at", own.len()),
            _ => format!("evidence seen: {} of the entity's {} events ({})", fitting, own.len(), counted.join(", ")),
        };
        asked.gate("evidence", fitting > 0, text);
        if row.habits {
            let days = self.shared().baseline.span().as_secs_f64() / 86_400.0;
            let text = format!("{days:.1} days of habits are known; a week makes it sure of what is usual");
            asked.gate("learning", days >= 7.0, text);
        }
    }

    /// What the copy and the rule at work noted.
    fn judged(&self, asked: &mut Asked<'_>, verdicts: &mut Verdicts) {
        let mut shorts: BTreeMap<&'static str, Short> = BTreeMap::new();
        for short in verdicts.shorts().filter(|short| asked.near(short.time)) {
            let best = shorts.entry(short.what).or_insert_with(|| short.clone());
            if short.seen > best.seen {
                *best = short.clone();
            }
        }
        for short in shorts.into_values() {
            let passed = short.seen >= short.needed;
            let said = if passed { "reached" } else { "not reached" };
            let text = format!("threshold {said}: {} of {} {}", short.seen, short.needed, short.what);
            asked.gates.push(Gate { name: "threshold", passed, text, time: Some(short.time) });
        }
        let live = self.declines(asked.meta.slug).filter(|decline| asked.subject.in_note(&decline.subject));
        let mut notes: Vec<(Timestamp, String)> = live
            .chain(verdicts.declines())
            .filter(|decline| asked.near(decline.time))
            .map(|decline| (decline.time, format!("{}: {}", decline.subject, decline.reason)))
            .collect();
        notes.sort();
        notes.dedup_by(|a, b| a.1 == b.1);
        let first = notes.len().saturating_sub(NOTES);
        for (time, text) in notes.split_off(first) {
            asked.gates.push(Gate { name: "rule", passed: false, text, time: Some(time) });
        }
        for verdict in verdicts.take() {
            self.raised(asked, &verdict);
        }
    }

    /// The copy would have fired: what became of it.
    fn raised(&self, asked: &mut Asked<'_>, verdict: &Verdict) {
        let time = verdict.evidence.iter().map(|evidence| evidence.time).max();
        if !time.is_some_and(|time| asked.near(time)) {
            return;
        }
        if let Some(exclusion) = self.exclusion(asked.meta.slug, verdict) {
            let until = exclusion.until.map(|until| format!(" until {until}")).unwrap_or_default();
            let text = format!("excluded{until}: {}", exclusion.reason);
            asked.gates.push(Gate { name: "excluded", passed: false, text, time });
            return;
        }
        let text = format!("the entity's events alone make it fire: {}", verdict.explanation);
        asked.gates.push(Gate { name: "rule", passed: true, text, time });
    }
}

/// The first gate that was not passed; learning alone stops nothing.
fn summary(gates: &[Gate]) -> String {
    let order = ["on", "fired", "source", "excluded", "evidence", "threshold", "rule"];
    let stops = |name: &&str| gates.iter().find(|gate| gate.name == *name && !gate.passed);
    match order.iter().find_map(stops) {
        Some(gate) => gate.text.clone(),
        None if gates.iter().any(|gate| gate.name == "rule" && gate.passed) => {
            "shown alone, the entity's events do make it fire; at the time a habit that the rule had learned, or history \
             that is not judged, kept it silent"
                .into()
        }
        None => "what it looks at was seen, and nothing in it was of the shape that it looks for".into(),
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::exclusion::Exclusion;
    use crate::testing::{MORNING, as_exchange, snapshot};

    fn guesses(count: i64) -> Vec<Event> {
        (0..count).map(|n| as_exchange(n * 5, "ann", "10.0.0.9", Outcome::Failure(24))).collect()
    }

    fn asked(settings: &Settings, events: &[Event], about: &str) -> Answer {
        let mut engine = Engine::new(settings).unwrap();
        let snapshot = snapshot();
        for event in events {
            engine.observe(event, &snapshot, Mode::Judging);
        }
        let subject = Subject::new([about]);
        engine
            .why_not(settings, "brute-force", &subject, Timestamp::from_secs(MORNING + 60), events, &snapshot)
            .unwrap()
    }

    #[test]
    fn a_count_below_the_threshold_is_told_with_its_numbers() {
        let answer = asked(&Settings::default(), &guesses(7), "ann");
        assert_eq!(answer.summary, "threshold not reached: 7 of 20 refused passwords within the window");
        assert!(answer.gates.iter().any(|gate| gate.name == "evidence" && gate.passed), "{answer:?}");
        assert!(answer.gates.iter().any(|gate| gate.name == "learning" && !gate.passed));
    }

    #[test]
    fn what_fired_is_told_as_fired() {
        let answer = asked(&Settings::default(), &guesses(30), "LAB\\ann");
        assert!(answer.summary.starts_with("it did fire"), "{answer:?}");
    }

    #[test]
    fn an_exclusion_is_told_with_its_reason() {
        let exclusion = Exclusion { accounts: vec!["ann".into()], reason: "a pentest".into(), ..Exclusion::default() };
        let settings = Settings { exclusions: vec![exclusion], ..Settings::default() };
        assert_eq!(asked(&settings, &guesses(30), "ann").summary, "excluded: a pentest");
    }

    #[test]
    fn a_source_that_is_missing_an_entity_that_did_nothing_and_a_switch_are_told() {
        let none = asked(&Settings::default(), &[], "ann");
        assert!(none.summary.starts_with("no source ever reported"), "{none:?}");
        let other = asked(&Settings::default(), &guesses(5), "bob");
        assert!(other.summary.contains("none is of a kind"), "{other:?}");
        let settings = Settings { disabled: vec!["brute-force".into()], ..Settings::default() };
        assert!(asked(&settings, &guesses(30), "ann").summary.contains("switched off"));
    }
}
