//! Counts over time.

use async_graphql::SimpleObject;
use hopwatch_model::{Severity, Timestamp};

use crate::graphql::time::DateTime;

/// Alerts of a span by severity.
#[derive(Clone, Debug, SimpleObject)]
pub struct HistogramBucket {
    /// Where the span starts.
    pub start_at: DateTime,
    /// Where it ends, exclusive.
    pub end_at: DateTime,
    /// Alerts of low or informational severity.
    pub low: u64,
    /// Alerts of medium severity.
    pub medium: u64,
    /// Alerts of high severity.
    pub high: u64,
}

/// Observed edges of a span.
#[derive(Clone, Debug, SimpleObject)]
pub struct ActivityBucket {
    /// Where the span starts.
    pub start_at: DateTime,
    /// Where it ends, exclusive.
    pub end_at: DateTime,
    /// Edges that were seen at or between first and last sight in it.
    pub count: u64,
}

/// Equal spans of a time.
pub(crate) struct Spans {
    start: i64,
    width: i64,
    count: usize,
}

impl Spans {
    /// `count` equal spans that cover `start` to `end`, the end included.
    pub(crate) fn new(start: Timestamp, end: Timestamp, count: usize) -> Self {
        let parts = i64::try_from(count.max(1)).unwrap_or(1);
        let length = end.as_micros().saturating_sub(start.as_micros()).max(0).saturating_add(1);
        Self { start: start.as_micros(), width: (length + parts - 1).div_euclid(parts).max(1), count: count.max(1) }
    }

    /// The span in which a time lies.
    pub(crate) fn of(&self, time: Timestamp) -> Option<usize> {
        let place = usize::try_from(time.as_micros().saturating_sub(self.start).div_euclid(self.width)).ok()?;
        (place < self.count).then_some(place)
    }

    /// Start and end of every span.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = (DateTime, DateTime)> + '_ {
        let at = |place: usize| {
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            DateTime(Timestamp::from_micros(self.start.saturating_add(self.width.saturating_mul(place))))
        };
        (0..self.count).map(move |place| (at(place), at(place + 1)))
    }
}

/// The histogram of alerts.
pub(crate) fn of_alerts(spans: &Spans, alerts: &[(Timestamp, Severity)]) -> Vec<HistogramBucket> {
    let empty = |(start_at, end_at)| HistogramBucket { start_at, end_at, low: 0, medium: 0, high: 0 };
    let mut buckets: Vec<HistogramBucket> = spans.bounds().map(empty).collect();
    for (time, severity) in alerts {
        let Some(bucket) = spans.of(*time).and_then(|place| buckets.get_mut(place)) else { continue };
        match severity {
            Severity::High => bucket.high += 1,
            Severity::Medium => bucket.medium += 1,
            Severity::Low | Severity::Informational => bucket.low += 1,
        }
    }
    buckets
}

/// The histogram of what was seen from a first to a last time.
pub(crate) fn of_sights(spans: &Spans, sights: &[(Timestamp, Timestamp)]) -> Vec<ActivityBucket> {
    let mut buckets: Vec<ActivityBucket> =
        spans.bounds().map(|(start_at, end_at)| ActivityBucket { start_at, end_at, count: 0 }).collect();
    for (first, last) in sights {
        let (Some(from), Some(to)) = (spans.of(*first), spans.of(*last)) else { continue };
        for bucket in buckets.get_mut(from..=to).unwrap_or_default() {
            bucket.count += 1;
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_lies_in_the_last_span() {
        let spans = Spans::new(Timestamp::from_micros(0), Timestamp::from_micros(99), 10);
        assert_eq!(spans.of(Timestamp::from_micros(0)), Some(0));
        assert_eq!(spans.of(Timestamp::from_micros(99)), Some(9));
        assert_eq!(spans.of(Timestamp::from_micros(100)), None);
        assert_eq!(spans.of(Timestamp::from_micros(-1)), None);
        let single = Spans::new(Timestamp::from_micros(5), Timestamp::from_micros(5), 4);
        assert_eq!(single.of(Timestamp::from_micros(5)), Some(0));
    }
}
