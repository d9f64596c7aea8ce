//! When an edge held: a short sorted list of half-open intervals that neither overlap nor touch.

use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The most intervals kept for one edge. Beyond it the two oldest become one: what is lost is a gap in the far past.
pub const MAX_INTERVALS: usize = 64;

/// From a time on, until before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    /// The first moment at which it held.
    pub from: Timestamp,
    /// The first moment at which it no longer held; [`Timestamp::MAX`] while it still holds.
    pub until: Timestamp,
}

/// The intervals in which an edge held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals {
    last: Interval,
    #[expect(clippy::box_collection, reason = "nearly every edge has one interval: 8 bytes for each, not 24")]
    earlier: Option<Box<Vec<Interval>>>,
}

impl Intervals {
    /// Open from a time on.
    #[must_use]
    pub fn since(from: Timestamp) -> Self {
        Self { last: Interval { from, until: Timestamp::MAX }, earlier: None }
    }

    /// True while it holds.
    #[must_use]
    pub fn open(&self) -> bool {
        self.last.until == Timestamp::MAX
    }

    /// The start of the latest interval.
    #[must_use]
    pub fn latest_from(&self) -> Timestamp {
        self.last.from
    }

    /// True where it held at a time.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.iter().any(|interval| interval.from <= time && time < interval.until)
    }

    /// The intervals in order of time.
    pub fn iter(&self) -> impl Iterator<Item = Interval> {
        self.earlier.iter().flat_map(|list| list.iter().copied()).chain(std::iter::once(self.last))
    }

    /// It was seen to hold at a time: an earlier start, or a new interval where the last had ended before. Returns true
    /// where intervals had to be joined to stay under [`MAX_INTERVALS`].
    pub fn seen(&mut self, time: Timestamp) -> bool {
        if time >= self.last.until {
            return self.push(Interval { from: time, until: Timestamp::MAX });
        }
        if time < self.last.from {
            self.seen_before_latest(time);
        }
        false
    }

    /// It ended at a time. An end before the latest start changes nothing: the source is older than what is known.
    pub fn end(&mut self, time: Timestamp) {
        if self.open() && time >= self.last.from {
            self.last.until = time;
        }
    }

    /// Unites these intervals with another list of the same edge.
    pub fn absorb(&mut self, other: &Self) {
        let mut all: Vec<Interval> = self.iter().chain(other.iter()).collect();
        all.sort_unstable();
        let mut united: Vec<Interval> = Vec::with_capacity(all.len());
        for interval in all {
            match united.last_mut() {
                Some(last) if interval.from <= last.until => last.until = last.until.max(interval.until),
                _ => united.push(interval),
            }
        }
        let surplus = united.len().saturating_sub(MAX_INTERVALS);
        united.drain(..surplus);
        if let Some(last) = united.pop() {
            self.last = last;
            self.earlier = if united.is_empty() { None } else { Some(Box::new(united)) };
        }
    }

    fn push(&mut self, next: Interval) -> bool {
        let list = self.earlier.get_or_insert_default();
        list.push(self.last);
        self.last = next;
        if list.len() < MAX_INTERVALS {
            return false;
        }
        let oldest = list.remove(0);
        if let Some(second) = list.first_mut() {
            second.from = oldest.from;
        }
        true
    }

    /// A late report of a time before the latest start. A time inside an older interval says nothing new; a time in a gap
    /// or before everything moves back the start of the interval that follows it.
    fn seen_before_latest(&mut self, time: Timestamp) {
        let Some(list) = self.earlier.as_mut() else {
            self.last.from = time;
            return;
        };
        if list.iter().any(|interval| interval.from <= time && time < interval.until) {
            return;
        }
        match list.iter_mut().find(|interval| time < interval.from) {
            Some(following) => following.from = time,
            None => self.last.from = time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn an_edge_that_returns_has_a_gap() {
        let mut intervals = Intervals::since(at(10));
        intervals.end(at(20));
        intervals.seen(at(30));
        assert_eq!(
            [5, 10, 19, 20, 29, 30, 99].map(|secs| intervals.contains(at(secs))),
            [false, true, true, false, false, true, true]
        );
    }

    #[test]
    fn an_end_older_than_the_start_changes_nothing() {
        let mut intervals = Intervals::since(at(10));
        intervals.end(at(5));
        assert!(intervals.open());
    }

    #[test]
    fn a_late_report_moves_the_start_back() {
        let mut intervals = Intervals::since(at(10));
        intervals.seen(at(3));
        assert!(intervals.contains(at(3)));
        intervals.end(at(20));
        intervals.seen(at(30));
        intervals.seen(at(25));
        assert!(intervals.contains(at(25)) && !intervals.contains(at(22)));
        intervals.seen(at(5));
        assert_eq!(intervals.iter().count(), 2);
    }

    #[test]
    fn the_list_is_bounded_and_keeps_the_newest() {
        let mut intervals = Intervals::since(at(0));
        let mut joined = 0;
        for round in 1..1000 {
            intervals.end(at(round * 10 - 5));
            joined += i32::from(intervals.seen(at(round * 10)));
        }
        assert!(intervals.iter().count() <= MAX_INTERVALS);
        assert!(joined > 0);
        assert!(intervals.contains(at(0)) && intervals.contains(at(9990)) && !intervals.contains(at(9986)));
    }

    #[test]
    fn absorbed_intervals_unite() {
        let mut one = Intervals::since(at(0));
        one.end(at(10));
        let mut two = Intervals::since(at(5));
        two.end(at(15));
        two.seen(at(20));
        one.absorb(&two);
        assert_eq!(
            one.iter().map(|i| (i.from, i.until)).collect::<Vec<_>>(),
            [(at(0), at(15)), (at(20), Timestamp::MAX)]
        );
    }
}
