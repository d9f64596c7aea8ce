//! Slows guessing of passwords down: after a few free attempts each failure of a name or an address doubles the wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hopwatch_model::Timestamp;

/// Failures without a wait: people mistype.
const FREE: u32 = 5;
/// The wait after the first failure beyond the free ones; it doubles with each.
const FIRST_WAIT_SECS: u64 = 2;
/// The longest wait: guessing is hopeless at four an hour, and a locked-out user is not locked out for the day.
const MAX_WAIT_SECS: u64 = 900;
/// How long failures are remembered.
const MEMORY: Duration = Duration::from_secs(3600);
/// Names and addresses remembered; when full, those with the oldest failure go first.
const SUBJECTS: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Failures by name and address.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<String, Failures>>,
}

impl Throttle {
    /// How long the next attempt of any of these subjects has to wait.
    pub fn wait(&self, subjects: &[String], now: Timestamp) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = subjects.iter().filter_map(|subject| {
            let known = failures.get(subject)?;
            let doublings = known.count.checked_sub(FREE)?;
            let factor = 1_u64.checked_shl(doublings).unwrap_or(MAX_WAIT_SECS);
            let until = known.last + Duration::from_secs(FIRST_WAIT_SECS.saturating_mul(factor).min(MAX_WAIT_SECS));
            (until > now).then(|| until.since(now))
        });
        waits.max()
    }

    /// Counts a failure of each subject.
    pub fn failed(&self, subjects: &[String], now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() + subjects.len() > SUBJECTS {
            failures.retain(|_, known| now.since(known.last) < MEMORY);
        }
        while failures.len() + subjects.len() > SUBJECTS {
            let oldest = failures.iter().min_by_key(|(_, known)| known.last).map(|(subject, _)| subject.clone());
            let Some(oldest) = oldest else { break };
            failures.remove(&oldest);
        }
        for subject in subjects {
            let known = failures.entry(subject.clone()).or_insert(Failures { count: 0, last: now });
            if now.since(known.last) > MEMORY {
                known.count = 0;
            }
            known.count = known.count.saturating_add(1);
            known.last = now;
        }
    }

    /// Forgets the failures of subjects that got in.
    pub fn succeeded(&self, subjects: &[String]) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            failures.remove(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_the_free_attempts_and_end() {
        let throttle = Throttle::default();
        let subject = ["user ann".to_owned()];
        let now = Timestamp::from_secs(1000);
        for _ in 0..FREE {
            assert_eq!(throttle.wait(&subject, now), None);
            throttle.failed(&subject, now);
        }
        assert_eq!(throttle.wait(&subject, now), Some(Duration::from_secs(2)));
        throttle.failed(&subject, now);
        assert_eq!(throttle.wait(&subject, now), Some(Duration::from_secs(4)));
        for _ in 0..100 {
            throttle.failed(&subject, now);
        }
        assert_eq!(throttle.wait(&subject, now), Some(Duration::from_secs(MAX_WAIT_SECS)));
        throttle.succeeded(&subject);
        assert_eq!(throttle.wait(&subject, now), None);
    }

    #[test]
    fn the_table_of_subjects_is_bounded() {
        let throttle = Throttle::default();
        for at in 0..SUBJECTS + 50 {
            let secs = i64::try_from(at).unwrap() / 1000;
            throttle.failed(&[format!("user {at}")], Timestamp::from_secs(secs));
        }
        assert!(throttle.failures.lock().unwrap().len() <= SUBJECTS);
    }
}
