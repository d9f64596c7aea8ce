//! `key=value` lists in the quotings of devices: `a=1 b="two words" c=three words d=`, parted by blanks, commas or tabs.

use std::borrow::Cow;

/// The most pairs of one message.
const MAX_PAIRS: usize = 512;

/// The pairs of a message, in order.
#[derive(Debug, Default)]
pub struct Pairs<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Pairs<'a> {
    /// Values end at a blank or comma unless quoted: firewalls.
    #[must_use]
    pub fn quoted(text: &'a str) -> Self {
        let mut pairs = Vec::new();
        let mut rest = text;
        while pairs.len() < MAX_PAIRS
            && let Some((before, after)) = rest.split_once('=')
        {
            let key = before.rsplit([' ', ',', '\t']).next().unwrap_or(before).trim();
            let (value, next) = match after.strip_prefix('"') {
                Some(inside) => quoted_value(inside),
                None => after.split_at(after.find([' ', ',', '\t']).unwrap_or(after.len())),
            };
            if !key.is_empty() {
                pairs.push((key, unescaped(value)));
            }
            rest = next;
        }
        Self(pairs)
    }

    /// Values run to the last blank before the next key: CEF, whose values may hold blanks, with `\=` and `\\` escaped.
    #[must_use]
    pub fn extension(text: &'a str) -> Self {
        let mut pairs: Vec<(&str, Cow<'_, str>)> = Vec::new();
        let mut key: Option<(&str, usize)> = None;
        let bytes = text.as_bytes();
        for at in 0..bytes.len() {
            if bytes.get(at) != Some(&b'=') || at == 0 || bytes.get(at - 1) == Some(&b'\\') {
                continue;
            }
            let before = text.get(..at).unwrap_or_default();
            let name = before.rsplit([' ', '\t', '\n', '|']).next().unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
            if name.is_empty() || !name.chars().all(plain) {
                continue;
            }
            let start = at - name.len();
            if let Some((known, from)) = key.filter(|(_, from)| *from <= start) {
                pairs.push((known, unescaped(text.get(from..start).unwrap_or_default().trim())));
            }
            key = Some((name, at + 1));
            if pairs.len() >= MAX_PAIRS {
                return Self(pairs);
            }
        }
        if let Some((known, from)) = key {
            pairs.push((known, unescaped(text.get(from..).unwrap_or_default().trim())));
        }
        Self(pairs)
    }

    /// Pairs parted by a character, values as they stand: tab-separated agents.
    #[must_use]
    pub fn parted(text: &'a str, by: char) -> Self {
        let pairs = text.split(by).filter_map(|part| part.split_once('='));
        Self(pairs.take(MAX_PAIRS).map(|(key, value)| (key.trim(), Cow::Borrowed(value.trim()))).collect())
    }

    /// The value of a key, ASCII case ignored; placeholders are none.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(value.trim()).filter(|value| !matches!(*value, "" | "-" | "N/A" | "n/a" | "(null)"))
    }

    /// The first of several keys that has a value.
    #[must_use]
    pub fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.0.iter().map(|(key, value)| (*key, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value up to its closing quote, which a backslash may escape; one that is never closed runs to the end.
fn quoted_value(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (text, "")
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ ('\\' | '=' | '"' | '|' | ','))) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blanks_and_escapes_are_minded() {
        let pairs = Pairs::quoted(r#"date=2026-01-05,time=08:00 user="ann \"x\"" msg="a=b c" empty= last=1"#);
        assert_eq!(pairs.get("time"), Some("08:00"));
        assert_eq!(pairs.get("user"), Some("ann \"x\""));
        assert_eq!((pairs.get("msg"), pairs.get("empty"), pairs.get("LAST")), (Some("a=b c"), None, Some("1")));
    }

    #[test]
    fn an_extensions_values_hold_blanks() {
        let pairs = Pairs::extension(r"externalId=4776 cs4Label=Reason or Error Code duser=LAB\\ann msg=a\=b rt=1");
        assert_eq!(pairs.get("cs4Label"), Some("Reason or Error Code"));
        assert_eq!((pairs.get("duser"), pairs.get("msg"), pairs.get("rt")), (Some(r"LAB\ann"), Some("a=b"), Some("1")));
    }
}
