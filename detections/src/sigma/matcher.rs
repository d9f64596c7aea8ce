//! A compiled condition, and how it is held against a record. Text is compared without regard to case unless the rule says
//! `cased`, as the specification wants it.

use regex::Regex;

use super::record::{Record, address};
use crate::exclusion::within;

/// A condition.
#[derive(Debug)]
pub(super) enum Node {
    /// All hold.
    And(Vec<Node>),
    /// One holds.
    Or(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
    /// At least so many hold.
    AtLeast(usize, Vec<Node>),
    /// A field fits one of the tests, or all of them.
    Field {
        /// In lower case.
        name: String,
        tests: Vec<Test>,
        all: bool,
    },
    /// Any field holds one of these.
    Anywhere(Vec<Test>),
}

/// A test of one value.
#[derive(Debug)]
pub(super) enum Test {
    /// Equal; in lower case unless cased.
    Equal(String, Case),
    Contains(String, Case),
    Starts(String, Case),
    Ends(String, Case),
    /// Text between wildcards.
    Wild(Vec<Piece>, Case),
    Regex(Regex),
    /// In a subnet.
    Subnet(String),
    /// A comparison of numbers.
    Number(Order, f64),
    /// There, or not there.
    Exists(bool),
    /// Not there, or empty.
    Null,
    /// Equal to another field, named in lower case.
    SameAs(String),
    /// Something else than the test says.
    Other(Box<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Ignored,
    Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `*`
    Any,
    /// `?`
    One,
}

impl Node {
    /// True where a record fits.
    pub(super) fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(part) => !part.matches(record),
            Self::AtLeast(count, parts) => {
                parts.iter().filter(|part| part.matches(record)).take(*count).count() == *count
            }
            Self::Field { name, tests, all } => {
                let value = record.field(name);
                let fits = |test: &Test| test.fits(value, record);
                if *all { tests.iter().all(fits) } else { tests.iter().any(fits) }
            }
            Self::Anywhere(tests) => {
                let mut values = record.fields.iter().map(|(_, value)| &**value);
                values.any(|value| tests.iter().any(|test| test.fits(Some(value), record)))
            }
        }
    }
}

impl Test {
    fn fits(&self, value: Option<&str>, record: &Record<'_>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (Self::Null, value) => value.is_none_or(str::is_empty),
            (_, None) => false,
            (Self::Equal(text, Case::Kept), Some(value)) => value == text,
            (Self::Equal(text, Case::Ignored), Some(value)) => same(value, text),
            (Self::Contains(text, Case::Kept), Some(value)) => value.contains(text.as_str()),
            (Self::Contains(text, Case::Ignored), Some(value)) => holds(value, text),
            (Self::Starts(text, Case::Kept), Some(value)) => value.starts_with(text.as_str()),
            (Self::Starts(text, Case::Ignored), Some(value)) => starts(value, text),
            (Self::Ends(text, Case::Kept), Some(value)) => value.ends_with(text.as_str()),
            (Self::Ends(text, Case::Ignored), Some(value)) => ends(value, text),
            (Self::Wild(pieces, Case::Kept), Some(value)) => wild(pieces, value),
            (Self::Wild(pieces, Case::Ignored), Some(value)) => wild(pieces, &value.to_lowercase()),
            (Self::Regex(regex), Some(value)) => regex.is_match(value),
            (Self::Subnet(subnet), Some(value)) => address(value).is_some_and(|address| within(address, subnet)),
            (Self::Number(order, bound), Some(value)) => number(value).is_some_and(|value| match order {
                Order::Less => value < *bound,
                Order::LessOrEqual => value <= *bound,
                Order::Greater => value > *bound,
                Order::GreaterOrEqual => value >= *bound,
            }),
            (Self::SameAs(other), Some(value)) => {
                record.field(other).is_some_and(|other| other.eq_ignore_ascii_case(value))
            }
            (Self::Other(test), value) => !test.fits(value, record),
        }
    }
}

/// Numbers in records are written in tens or, with `0x`, in sixteens.
fn number(value: &str) -> Option<f64> {
    match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => value.trim().parse().ok(),
    }
}

/// `text` is in lower case in the tests below; where both are ASCII no copy is made.
fn same(value: &str, text: &str) -> bool {
    if value.is_ascii() { value.eq_ignore_ascii_case(text) } else { value.to_lowercase() == text }
}

fn starts(value: &str, text: &str) -> bool {
    match (value.is_ascii(), value.get(..text.len())) {
        (true, Some(head)) => head.eq_ignore_ascii_case(text),
        (true, None) => false,
        (false, _) => value.to_lowercase().starts_with(text),
    }
}

fn ends(value: &str, text: &str) -> bool {
    let from = value.len().checked_sub(text.len());
    match (value.is_ascii(), from.and_then(|from| value.get(from..))) {
        (true, Some(tail)) => tail.eq_ignore_ascii_case(text),
        (true, None) => false,
        (false, _) => value.to_lowercase().ends_with(text),
    }
}

fn holds(value: &str, text: &str) -> bool {
    if !value.is_ascii() {
        return value.to_lowercase().contains(text);
    }
    let (value, text) = (value.as_bytes(), text.as_bytes());
    let Some(first) = text.first() else { return true };
    let last = value.len().checked_sub(text.len());
    let heads = last.and_then(|last| value.get(..=last)).unwrap_or_default().iter().enumerate();
    heads
        .filter(|(_, byte)| byte.eq_ignore_ascii_case(first))
        .any(|(at, _)| value.get(at..at + text.len()).is_some_and(|part| part.eq_ignore_ascii_case(text)))
}

/// Holds a value against pieces; after a mismatch the last `*` takes one character more, so that time is bounded by the
/// product of both lengths.
fn wild(pieces: &[Piece], value: &str) -> bool {
    let (mut rest, mut at) = (value, 0);
    let mut star: Option<(usize, &str)> = None;
    loop {
        let next = match pieces.get(at) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Piece::Any) => {
                star = Some((at + 1, rest));
                Some((at + 1, rest))
            }
            Some(Piece::One) => {
                let mut characters = rest.chars();
                characters.next().map(|_| (at + 1, characters.as_str()))
            }
            Some(Piece::Text(text)) => rest.strip_prefix(text.as_str()).map(|rest| (at + 1, rest)),
        };
        match (next, star) {
            (Some((to, left)), _) => (at, rest) = (to, left),
            (None, Some((behind, from))) => {
                let mut characters = from.chars();
                if characters.next().is_none() {
                    return false;
                }
                star = Some((behind, characters.as_str()));
                (at, rest) = (behind, characters.as_str());
            }
            (None, None) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_go_back_to_the_last_star() {
        let text = |text: &str| Piece::Text(text.into());
        let pieces = [Piece::Any, text("ab"), Piece::One, text("d"), Piece::Any];
        assert!(wild(&pieces, "xxabababcd!"));
        assert!(!wild(&pieces, "abd"));
        assert!(wild(&[Piece::Any], ""));
        assert!(!wild(&[text("a")], "ab"));
        assert!(wild(&[Piece::Any, text("b")], "abbb"));
    }

    #[test]
    fn case_is_ignored_also_beyond_ascii() {
        assert!(holds("C:\\ÄRGER\\X.exe", "ärger") && holds("cmd /C WHOAMI", "whoami") && !holds("who", "whoami"));
        assert!(ends("A.EXE", ".exe") && starts("Cmd", "cm") && same("Ärger", "ärger"));
    }
}
