//! The clock of the shell. Nothing below the shell reads one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hopwatch_model::Timestamp;

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the shell's one place that reads the clock")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A point from which a span is measured.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the shell's one place that reads the clock")]
pub fn instant() -> Instant {
    Instant::now()
}
