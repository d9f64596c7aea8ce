//! Points in time. FILETIME, Kerberos time and text are converted to [`Timestamp`] at the border, nowhere else.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z. Serialised as that number; shown as ISO 8601 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
const DAY: i64 = 86_400 * SECOND;
/// 100 ns ticks from 1601-01-01 to 1970-01-01.
const FILETIME_EPOCH: i64 = 116_444_736_000_000_000;

impl Timestamp {
    /// The earliest representable time; stands for "always" in intervals.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time; stands for "still" in intervals.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since the Unix epoch; out of range saturates.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// From a Windows FILETIME: 100 ns ticks since 1601 (`[MS-DTYP] 2.3.3`). `None` for 0 and for "never" (2^63 − 1).
    #[must_use]
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        let ticks = i64::try_from(ticks).ok()?;
        if ticks == 0 || ticks == i64::MAX {
            return None;
        }
        Some(Self((ticks - FILETIME_EPOCH) / 10))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Days since the Unix epoch, in UTC.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// The hour of the day, 0–23, in UTC.
    #[must_use]
    pub fn hour(self) -> u8 {
        u8::try_from(self.0.rem_euclid(DAY) / (3600 * SECOND)).unwrap_or(0)
    }

    /// The day of the week, 0 = Monday, in UTC.
    #[must_use]
    pub fn weekday(self) -> u8 {
        u8::try_from((self.day() + 3).rem_euclid(7)).unwrap_or(0)
    }

    /// The time from `earlier` to this; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time moved by a signed number of microseconds; saturates.
    #[must_use]
    pub const fn shifted(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 with microseconds, in UTC; the extremes print as `-` (always) and `+` (still).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MIN {
            return f.write_str("-");
        }
        if *self == Self::MAX {
            return f.write_str("+");
        }
        let (year, month, day) = civil(self.day());
        let micros = self.0.rem_euclid(DAY);
        let secs = micros / SECOND;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
            secs / 3600,
            secs / 60 % 60,
            secs % 60,
            micros % SECOND
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Year, month and day of a day count since 1970, in the proleptic Gregorian calendar: the count is moved to start
/// on 1 March of year 0, so that the leap day is the last of its year and every month's start is a linear function.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_as_iso_8601() {
        assert_eq!(Timestamp::from_micros(1_767_225_600_123_456).to_string(), "2026-01-01T00:00:00.123456Z");
        assert_eq!(Timestamp::from_secs(951_782_400).to_string(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(Timestamp::from_secs(-1).to_string(), "1969-12-31T23:59:59.000000Z");
    }

    #[test]
    fn the_unix_epoch_was_a_thursday() {
        assert_eq!(Timestamp::from_secs(0).weekday(), 3);
    }

    #[test]
    fn filetime_zero_and_never_are_no_times() {
        assert_eq!(Timestamp::from_filetime(0), None);
        assert_eq!(Timestamp::from_filetime(0x7fff_ffff_ffff_ffff), None);
        assert_eq!(Timestamp::from_filetime(116_444_736_000_000_000), Some(Timestamp::from_secs(0)));
    }
}
