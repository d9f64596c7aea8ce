//! The header of a syslog message: RFC 5424 §6, RFC 3164 §4.1, and the habits of devices: no priority, a year behind the day,
//! ISO 8601 times, a colon in front of the message.
//!
//! A time of RFC 3164 has neither year nor zone: it is taken as UTC, in the year that puts it nearest before now.

use hopwatch_model::Timestamp;
use hopwatch_wire::event_xml::time;

/// A message and what stood before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Header<'a> {
    /// The sender's time.
    pub time: Option<Timestamp>,
    /// The sender's name or address.
    pub host: Option<&'a str>,
    /// The program's name: APP-NAME or TAG; empty where there is none.
    pub tag: &'a str,
    /// The message.
    pub body: &'a str,
    /// All of it, for the content digest.
    pub whole: &'a str,
}

/// Takes a message apart. What has no header is all body.
#[must_use]
pub fn parse(text: &str, now: Timestamp) -> Header<'_> {
    let whole = text.trim_matches(['\0', '\n', '\r', ' ', '\u{feff}']);
    let rest = priority(whole).unwrap_or(whole);
    let header = rfc5424(rest).or_else(|| dated(rest, now)).unwrap_or(Header { body: rest, ..Header::default() });
    Header { whole, ..header }
}

/// Cuts `<134>`.
fn priority(text: &str) -> Option<&str> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    (!number.is_empty() && number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit())).then_some(rest)
}

/// `1 TIME HOST APP PROCID MSGID SD MSG`.
fn rfc5424(text: &str) -> Option<Header<'_>> {
    let rest = text.strip_prefix("1 ")?;
    let mut parts = rest.splitn(6, ' ');
    let (stamp, host, app) = (parts.next()?, parts.next()?, parts.next()?);
    let (_process, _id, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let time = time::parse(stamp);
    if time.is_none() && stamp != "-" {
        return None;
    }
    let body = structured_data(rest)?;
    let some = |text: &'_ str| text != "-";
    Some(Header {
        time,
        host: Some(host).filter(|host| some(host)),
        tag: if some(app) { app } else { "" },
        body: body.trim_start_matches('\u{feff}'),
        whole: text,
    })
}

/// Cuts the structured data: `-` or elements in brackets, in whose quotes `]` is escaped.
fn structured_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest.trim_start_matches(' '));
    }
    if !text.starts_with('[') {
        return None;
    }
    let (mut quoted, mut escaped, mut open) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => open = true,
            ']' if !quoted => open = false,
            ' ' if !quoted && !open => return text.get(at + 1..),
            _ => {}
        }
    }
    Some("")
}

/// `Jan  5 08:52:35 host tag: body` and its relatives.
fn dated(text: &str, now: Timestamp) -> Option<Header<'_>> {
    let (time, rest) = month_first(text, now).or_else(|| iso(text))?;
    let rest = rest.trim_start();
    // Cisco: `Jan 05 2026 08:52:35: %ASA-…` and `… fw1 : %ASA-…`.
    if let Some(body) = rest.strip_prefix(':') {
        return Some(Header { time: Some(time), body: body.trim_start(), ..Header::default() });
    }
    let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    if host.contains(['=', '|', '%', '[']) || host.ends_with(':') && !host.trim_end_matches(':').contains(['.', ':']) {
        // No host: the word is the tag, or already the message.
        let rest = text.get(text.len() - rest.len() - host.len() - usize::from(!rest.is_empty())..)?;
        return Some(Header { time: Some(time), ..tagged(rest) });
    }
    let rest = rest.trim_start().trim_start_matches(": ");
    Some(Header { time: Some(time), host: Some(host.trim_end_matches(':')), ..tagged(rest) })
}

/// `sshd[12]: body`; a first word without colon belongs to the body.
fn tagged(text: &str) -> Header<'_> {
    let end = text.find([' ', ':', '[']).unwrap_or(text.len());
    let (tag, rest) = text.split_at(end);
    let rest = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((process, rest)) if process.len() <= 16 => rest,
        _ => rest,
    };
    match rest.strip_prefix(": ").or_else(|| rest.strip_prefix(":\t")) {
        Some(body) if !tag.is_empty() && !tag.starts_with('%') => {
            Header { tag, body: body.trim_start(), ..Header::default() }
        }
        _ => Header { body: text, ..Header::default() },
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Seconds by which a device's clock may be ahead before its month is taken for last year's.
const AHEAD_SECS: i64 = 2 * 86_400;

/// `Jan  5 08:52:35`, `Jan 05 2026 08:52:35`, `Jan  5 08:52:35.123`, `Jan  5 08:52:35 CET` is not told from a host.
fn month_first(text: &str, now: Timestamp) -> Option<(Timestamp, &str)> {
    let text = text.trim_start_matches(['*', '.']);
    let (name, rest) = text.split_once(' ')?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))? + 1;
    let (day, rest) = rest.trim_start().split_once(' ')?;
    let day: u8 = day.parse().ok()?;
    let (word, after) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
    let year = word.parse::<i64>().ok().filter(|_| word.len() == 4);
    let (clock, rest) = match year {
        Some(_) => after.trim_start().split_once(' ').unwrap_or((after.trim_start(), "")),
        None => (word, after),
    };
    let (clock, rest) = match clock.strip_suffix(':') {
        Some(clock) => (clock, text.get(text.len().checked_sub(rest.len() + 2)?..)?),
        None => (clock, rest),
    };
    let at = |year: i64| time::parse(&format!("{year:04}-{month:02}-{day:02}T{clock}"));
    if let Some(year) = year {
        return Some((at(year)?, rest));
    }
    let this_year: i64 = now.to_string().get(..4)?.parse().ok()?;
    let time = at(this_year).filter(|time| time.as_secs() <= now.as_secs().saturating_add(AHEAD_SECS));
    Some((time.or_else(|| at(this_year - 1))?, rest))
}

/// `2026-01-05T08:52:35+01:00`, `2026-01-05 08:52:35`.
fn iso(text: &str) -> Option<(Timestamp, &str)> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (first, rest) = text.split_once(' ')?;
    if first.len() > 10 && first.contains('T') {
        return Some((time::parse(first)?, rest));
    }
    let (clock, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((time::parse(&format!("{first} {clock}"))?, rest))
}
