//! How stories name who acted, from where and on what, so that all detections speak alike.

use std::time::Duration;

use hopwatch_graph::Snapshot;
use hopwatch_model::{Account, Event, Host};

use crate::directory;

/// An account's name; of one known by its SID alone, the name that the directory knows.
#[must_use]
pub fn account(account: &Account, snapshot: &Snapshot) -> String {
    if !account.name.trim().is_empty() {
        return account.name.clone();
    }
    match snapshot.lookup().account(account) {
        Some(node) => directory::label(snapshot, node),
        None => account.key(),
    }
}

/// Who acted and whence: `ann on ws1`, or whichever of the two is known.
#[must_use]
pub fn who(event: &Event, snapshot: &Snapshot) -> String {
    let actor = event.actor.as_ref().map(|actor| account(actor, snapshot)).filter(|name| !name.trim().is_empty());
    match (actor, event.source.as_ref().map(Host::label)) {
        (Some(actor), Some(host)) => format!("{actor} on {host}"),
        (Some(actor), None) => actor,
        (None, Some(host)) => format!("someone on {host}"),
        (None, None) => "someone".into(),
    }
}

/// The host to which it was done.
#[must_use]
pub fn target(event: &Event) -> String {
    event.target.as_ref().map_or_else(|| "an unknown host".into(), Host::label)
}

/// The key of who acted and whence, for state and alerts: account and host, lower case.
#[must_use]
pub fn key(event: &Event) -> String {
    let actor = event.actor.as_ref().map(Account::key).unwrap_or_default();
    let host = event.source.as_ref().map(Host::key).unwrap_or_default();
    format!("{actor}|{host}")
}

/// A span of time as people say it: `40 seconds`, `12 minutes`, `3 hours`, `9 days`.
#[must_use]
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// What to add to a story where the answer was a refusal.
#[must_use]
pub fn answer(event: &Event) -> &'static str {
    if event.outcome.failed() { " and was refused" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_the_largest_unit_that_still_tells() {
        let said = |seconds| span(Duration::from_secs(seconds));
        assert_eq!([said(1), said(40), said(720)], ["1 second", "40 seconds", "12 minutes"]);
        assert_eq!([said(3 * 3600), said(9 * 86_400)], ["3 hours", "9 days"]);
    }
}
