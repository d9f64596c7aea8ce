//! Runs what is due by the clock: reports, the mirror. Times are cron lines in UTC.

use std::time::Duration;

use croner::Cron;
use croner::errors::CronError;
use hopwatch_model::Timestamp;

use crate::clock;
use crate::state::State;

/// The longest sleep at once: a host that was suspended, or whose clock was set, is noticed within a minute.
const NAP: Duration = Duration::from_secs(60);

/// Reads a cron line of five fields.
///
/// # Errors
/// Where it is none, or can never be due.
pub fn parse(line: &str) -> Result<Cron, CronError> {
    line.parse()
}

/// The next time that a cron line is due after a time; `None` where it never is.
#[must_use]
pub fn next(line: &str, after: Timestamp) -> Option<Timestamp> {
    let cron = parse(line).ok()?;
    let after = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let due = cron.find_next_occurrence(&after, false).ok()?;
    Some(Timestamp::from_micros(due.timestamp().as_microsecond()))
}

/// Starts a task per schedule of the configuration; they end with the runtime.
pub fn start(state: &State) {
    for schedule in state.config.reports.schedules.clone() {
        let state = State::clone(state);
        tokio::spawn(async move {
            while wait_for(&schedule.cron).await.is_some() {
                match crate::reports::run(&state, &schedule.name, "schedule").await {
                    Ok(report) => tracing::info!(report.id, report.name, "a report was written"),
                    Err(error) => tracing::error!(error = %error, report.name = schedule.name, "a report failed"),
                }
            }
        });
    }
    if let Some(mirror) = state.config.neo4j.clone() {
        let state = State::clone(state);
        tokio::spawn(async move {
            while wait_for(&mirror.cron).await.is_some() {
                match crate::outputs::neo4j::mirror(&mirror, &state.snapshot()).await {
                    Ok(counts) => tracing::info!(?counts, "the graph was mirrored"),
                    Err(error) => tracing::error!(error = %error, "the mirror failed"),
                }
            }
        });
    }
}

/// Sleeps until a cron line is due; `None` where it never is.
pub(crate) async fn wait_for(line: &str) -> Option<()> {
    let due = next(line, clock::now())?;
    loop {
        let now = clock::now();
        if now >= due {
            return Some(());
        }
        tokio::time::sleep(due.since(now).min(NAP)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monday_at_six_follows_a_sunday() {
        // 2026-11-22 is a Sunday.
        let sunday = Timestamp::from_secs(1_795_305_600);
        assert_eq!(sunday.weekday(), 6);
        assert_eq!(next("0 6 * * 1", sunday).map(|time| time.to_string()), Some("2026-11-23T06:00:00.000000Z".into()));
    }

    #[test]
    fn a_line_that_is_due_now_is_next_due_later() {
        let monday = Timestamp::from_secs(1_795_305_600 + 30 * 3600);
        assert_eq!(next("0 6 * * 1", monday).map(|time| time.to_string()), Some("2026-11-30T06:00:00.000000Z".into()));
    }

    #[test]
    fn nonsense_is_no_cron_line() {
        assert!(parse("soon").is_err());
        assert!(parse("61 * * * *").is_err());
    }
}
