//! How far each detection has learned. All judge from the first event on; those that compare with habits (their manual
//! says so) are louder until the habits of a whole week are known.

use std::time::Duration;

use hopwatch_detections::Engine;
use hopwatch_detections::frame::Meta;
use hopwatch_ml::Scorer;

use crate::state::Learning;

/// What habits need: a week, so that every weekday and every weekly job was seen once. A shorter span calls more acts
/// unusual that are not.
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Seconds of a day.
const DAY_SECS: f64 = 86_400.0;

/// The standing of the shared baseline and of every detection that is on, by slug.
#[must_use]
pub fn of(engine: &Engine) -> Vec<Learning> {
    let span = engine.shared().baseline.span();
    let share = (span.as_secs_f64() / WEEK.as_secs_f64()).min(1.0);
    let days = |span: Duration| span.as_secs_f64() / DAY_SECS;
    let known = format!("{:.1} of {:.0} days of habits are known", days(span).min(days(WEEK)), days(WEEK));
    let row = |detection: &str, entries: usize, learns: bool| {
        let ready = !learns || span >= WEEK;
        let detail = match (learns, ready) {
            (false, _) => format!("needs no history; {entries} entries held"),
            (true, true) => format!("a week of habits is known; {entries} entries held"),
            (true, false) => {
                format!("judges already; {known}, until then more seems unusual; {entries} entries held")
            }
        };
        let progress_percent = if learns { share * 100.0 } else { 100.0 };
        Learning { detection: detection.to_owned(), ready, progress_percent, detail }
    };
    let mut rows: Vec<Learning> =
        engine.entries().map(|(meta, entries)| row(meta.slug, entries, compares_with_habits(meta))).collect();
    rows.sort_by(|a, b| a.detection.cmp(&b.detection));
    rows.insert(0, row("baseline", engine.shared().baseline.entries(), true));
    rows.insert(1, behaviour(engine.behaviour()));
    rows
}

/// The standing of the behaviour models: days with accesses, and what the store holds.
fn behaviour(scorer: &Scorer) -> Learning {
    let (days, wanted) = (scorer.days(), scorer.learning_days());
    let ready = scorer.models().is_some();
    let (entries, evicted) = (scorer.store.entries(), scorer.store.evicted);
    let detail = if ready {
        format!("models are trained; {days} days of logons, {entries} entries held, {evicted} given up for room")
    } else {
        format!("{} of {wanted} days of logons were seen; {entries} entries held", days.min(wanted))
    };
    let share = f64::from(days.min(wanted)) / f64::from(wanted.max(1));
    let progress_percent = if ready { 100.0 } else { 99.0 * share };
    Learning { detection: "behaviour".to_owned(), ready, progress_percent, detail }
}

/// Whether the manual speaks of learning under *How it decides*.
fn compares_with_habits(meta: &Meta) -> bool {
    let manual = meta.source.lines().take_while(|line| line.starts_with("//!"));
    let decides = manual.skip_while(|line| !line.contains("## How it decides")).skip(1);
    let mut decides = decides.take_while(|line| !line.starts_with("//! ##"));
    decides.any(|line| line.contains("learn") || line.contains("baseline") || line.contains("habit"))
}

#[cfg(test)]
mod tests {
    use hopwatch_detections::engine::Settings;

    use super::*;

    #[test]
    fn an_engine_without_history_says_what_it_waits_for() {
        let rows = of(&Engine::new(&Settings::default()).unwrap());
        assert_eq!(rows[0].detection, "baseline");
        assert!(!rows[1].ready && rows[1].detail.starts_with("0 of 7 days"), "{:?}", rows[1]);
        let named = |slug: &str| rows.iter().find(|row| row.detection == slug).unwrap();
        let learns = named("kerberoasting");
        assert!(!learns.ready && learns.progress_percent == 0.0 && learns.detail.contains("0.0 of 7 days"));
        let knows = named("golden-ticket-nonexistent-account");
        assert!(knows.ready && knows.progress_percent == 100.0, "{knows:?}");
    }
}
