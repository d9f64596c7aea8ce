//! Times as event sources write them: ISO 8601 with or without zone, US date forms of classic tools, .NET JSON dates and
//! bare epoch numbers. A time without zone is taken as UTC; the caller corrects it where it knows better.

// INVARIANT: every number is bound before it is reckoned with: years by `YEARS`, zones by their two digits, clocks by their
// ranges, fractions by six digits.
#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "calendar fields are bounded, see INVARIANT"))]

use hopwatch_model::Timestamp;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// The years that a record can bear; FILETIME zero is 1601, and such a time is no time.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2200;

/// Reads `2026-01-01T00:00:00.1234567Z`, `2026-01-01 00:00:00`, `…+02:00`, `…+0000`, `01/31/2026 05:06:07 PM`,
/// `/Date(1767225600123)/` and epoch numbers in seconds, milliseconds, microseconds or nanoseconds.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|t| t.strip_suffix(")/")) {
        return inner.parse::<i64>().ok().map(|millis| Timestamp::from_micros(millis.saturating_mul(1000)));
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.len() >= 9 {
        return epoch(text);
    }
    let (date, clock) = text.split_once(['T', ' '])?;
    let days = date_days(date)?;
    let clock = clock.trim();
    let (clock, offset) = split_zone(clock)?;
    let (clock, afternoon) = match clock.rsplit_once(' ') {
        Some((clock, half)) if half.eq_ignore_ascii_case("PM") => (clock, Some(true)),
        Some((clock, half)) if half.eq_ignore_ascii_case("AM") => (clock, Some(false)),
        Some(_) => return None,
        None => (clock, None),
    };
    let micros = clock_micros(clock, afternoon)?;
    Some(Timestamp::from_micros(
        days.checked_mul(86_400 * SECOND)?.checked_add(micros)?.checked_sub(offset.checked_mul(SECOND)?)?,
    ))
}

/// An epoch number; its unit follows from its size (seconds until the year 5138).
#[must_use]
pub fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let value: i64 = whole.parse().ok()?;
    let micros = match value {
        0..=99_999_999_999 => value.checked_mul(SECOND)?.checked_add(fraction_micros(fraction)?)?,
        100_000_000_000..=99_999_999_999_999 => value.checked_mul(1000)?,
        100_000_000_000_000..=99_999_999_999_999_999 => value,
        _ => value.checked_div(1000)?,
    };
    Some(Timestamp::from_micros(micros))
}

/// Days since 1970 of `2026-01-31`, `01/31/2026` or `2026/01/31`.
fn date_days(date: &str) -> Option<i64> {
    let mut parts = date.split(['-', '/']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, a, b) };
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if !YEARS.contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// The inverse of the model's calendar: the year starts on 1 March, so that the leap day is the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9).rem_euclid(12);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Cuts the zone off a clock: the rest and the offset east of UTC in seconds.
fn split_zone(clock: &str) -> Option<(&str, i64)> {
    for zone in ["Z", "z", " UTC", " GMT", "UTC"] {
        if let Some(clock) = clock.strip_suffix(zone) {
            return Some((clock.trim_end(), 0));
        }
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, 0)) };
    let (before, zone) = clock.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.as_str(), "0"),
        4 => digits.split_at(2),
        _ => return None,
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some((before.trim_end(), sign * (hours * 3600 + minutes * 60)))
}

fn clock_micros(clock: &str, afternoon: Option<bool>) -> Option<i64> {
    let mut parts = clock.split(':');
    let (hours, minutes, secs) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (secs, fraction) = secs.split_once(['.', ',']).unwrap_or((secs, ""));
    let (mut hours, minutes, secs): (i64, i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?, secs.parse().ok()?);
    match afternoon {
        Some(true) if hours < 12 => hours += 12,
        Some(false) if hours == 12 => hours = 0,
        _ => {}
    }
    if parts.next().is_some() || !(0..24).contains(&hours) || !(0..60).contains(&minutes) || !(0..=60).contains(&secs) {
        return None;
    }
    Some((hours * 3600 + minutes * 60 + secs) * SECOND + fraction_micros(fraction)?)
}

/// Microseconds of the digits after the point; more than six digits are cut, not rounded.
fn fraction_micros(digits: &str) -> Option<i64> {
    let mut micros = 0;
    let mut unit = SECOND / 10;
    for byte in digits.bytes() {
        let digit = i64::from(byte.checked_sub(b'0').filter(|d| *d < 10)?);
        micros += digit * unit;
        unit /= 10;
    }
    Some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(parse(text).unwrap().to_string(), expect, "{text}");
    }

    #[test]
    fn the_forms_of_the_carriers_are_read() {
        check("2019-07-23T15:33:09.199351700Z", "2019-07-23T15:33:09.199351Z");
        check("2023-08-30 08:58:21", "2023-08-30T08:58:21.000000Z");
        check("2022-03-30T14:52:21.7062186+00:00", "2022-03-30T14:52:21.706218Z");
        check("2026-11-22T06:37:35.691838+0200", "2026-11-22T04:37:35.691838Z");
        check("2012-03-14 04:17:38.276340 UTC", "2012-03-14T04:17:38.276340Z");
        check("09/22/2022 01:32:06 PM", "2022-09-22T13:32:06.000000Z");
        check("/Date(1767225600123)/", "2026-01-01T00:00:00.123000Z");
        check("1722949595", "2024-08-06T13:06:35.000000Z");
        check("1722949595000", "2024-08-06T13:06:35.000000Z");
        check("1722949595.25", "2024-08-06T13:06:35.250000Z");
        check("2000-02-29T23:59:59Z", "2000-02-29T23:59:59.000000Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "-", "1601-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01", "x:y", "2026-01-01T25:00:00Z"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
