//! Sigma rules of a data folder: taken in, compiled for the pipeline, and tried over the stored events before they are
//! switched on.

use std::collections::BTreeMap;

use hopwatch_detections::sigma::{Record, Rule, RuleSet, Scratch};
use hopwatch_model::Timestamp;

use crate::clock;
use crate::state::AppState;
use crate::store::{self, EventHistory};

/// Events read at a time.
const BATCH: u32 = 4096;
/// The most days that a backtest counts one by one; a span of more is cut at its end.
const DAYS: i64 = 3_660;
/// Hits that a backtest names, so that one can look at them.
const SAMPLES: usize = 10;

/// What became of a text of rules.
#[derive(Debug, Default)]
pub struct Taken {
    /// Rules that are kept.
    pub rules: Vec<Rule>,
    /// Rules that were refused: title (empty where it cannot be read) and why.
    pub refused: Vec<(String, String)>,
}

/// Reads the rules of a text, each with its own text beside it.
#[must_use]
pub fn read(text: &str) -> (Taken, Vec<(String, String, String)>) {
    let mut taken = Taken::default();
    let mut kept = Vec::new();
    // Documents are kept one by one, so that one rule can be taken away without the others of its file.
    for document in documents(text) {
        for rule in Rule::parse(&document) {
            match rule {
                Ok(rule) => {
                    kept.push((rule.id.clone(), rule.title.clone(), document.clone()));
                    taken.rules.push(rule);
                }
                Err((title, error)) => taken.refused.push((title, error.to_string())),
            }
        }
    }
    (taken, kept)
}

fn documents(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    all.retain(|document| document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')));
    all
}

/// The rules of a store that are switched on, compiled.
///
/// # Errors
/// Where the store fails. A rule that no longer compiles is left out and told in the log.
pub async fn enabled(store: &store::Store) -> store::Result<RuleSet> {
    let mut rules = Vec::new();
    for stored in store.rules().await?.into_iter().filter(|stored| stored.enabled) {
        for rule in Rule::parse(&stored.yaml) {
            match rule {
                Ok(rule) => rules.push(rule),
                Err((_, error)) => tracing::warn!(rule = stored.id, %error, "a Sigma rule is left out"),
            }
        }
    }
    Ok(RuleSet::new(rules).unwrap_or_else(|error| {
        tracing::warn!(%error, "the Sigma rules are left out");
        RuleSet::default()
    }))
}

/// What a rule would have found.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// The rule's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Hits by day (UTC), days without any left out.
    pub days: BTreeMap<Timestamp, u64>,
    /// All hits.
    pub hits: u64,
    /// Ids of the first events that it hit.
    pub samples: Vec<String>,
}

/// What rules would have found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backtests {
    /// One a rule, by id.
    pub rules: Vec<Backtest>,
    /// Events that were read.
    pub events: u64,
    /// Those of them that come from a Windows log, and could be hit.
    pub records: u64,
    /// The first and the last day that was read.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// Holds rules against the stored events of a span.
///
/// # Errors
/// Where the store fails.
pub async fn backtest(
    events: &dyn EventHistory,
    rules: &RuleSet,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> store::Result<Backtests> {
    let mut found: BTreeMap<&str, Backtest> = rules
        .rules()
        .iter()
        .map(|rule| {
            let (id, title) = (rule.id.clone(), rule.title.clone());
            (rule.id.as_str(), Backtest { id, title, days: BTreeMap::new(), hits: 0, samples: Vec::new() })
        })
        .collect();
    let mut all = Backtests::default();
    let mut scratch = Scratch::default();
    let mut place = (since.map_or(Timestamp::MIN, |since| Timestamp::from_micros(since.as_micros() - 1)), i64::MAX);
    if since.is_none() {
        place.1 = -1;
    }
    'read: loop {
        let batch = events.replay(place.0, place.1, BATCH).await?;
        let Some(last) = batch.last() else { break };
        place = (last.event.time, last.row);
        for stored in &batch {
            let time = stored.event.time;
            if until.is_some_and(|until| time >= until) {
                break 'read;
            }
            all.events += 1;
            let day = day(time);
            all.span = Some((all.span.map_or(day, |(first, _)| first), day));
            let Some(record) = Record::of(&stored.event) else { continue };
            all.records += 1;
            rules.matching(&record, &mut scratch, |rule| {
                let Some(test) = found.get_mut(rule.id.as_str()) else { return };
                test.hits += 1;
                if i64::try_from(test.days.len()).unwrap_or(i64::MAX) < DAYS || test.days.contains_key(&day) {
                    *test.days.entry(day).or_default() += 1;
                }
                if test.samples.len() < SAMPLES {
                    test.samples.push(stored.id.clone());
                }
            });
        }
    }
    all.rules = found.into_values().collect();
    Ok(all)
}

/// The beginning of a day in UTC.
fn day(time: Timestamp) -> Timestamp {
    Timestamp::from_secs(time.as_secs().div_euclid(86_400) * 86_400)
}

/// Takes the rules of a text in and switches them on where asked.
///
/// # Errors
/// Where the store fails.
pub async fn add(state: &AppState, text: &str, user: &str, enable: bool) -> store::Result<Taken> {
    let (taken, kept) = read(text);
    state.store.put_rules(&kept, user, clock::now()).await?;
    if enable {
        let ids: Vec<String> = kept.into_iter().map(|(id, ..)| id).collect();
        state.store.enable_rules(&ids, true).await?;
    }
    state.reload_rules().await?;
    Ok(taken)
}
