//! A pull scanner for the XML that event sources write: tags, attributes, text, CDATA. It checks no nesting (the reader
//! counts depth), resolves no namespaces and processes no DTD.

use std::borrow::Cow;

use crate::error::{Error, Result};

/// One piece of markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A start tag, or an empty element.
    Open {
        /// The name as written, prefix included.
        name: &'a str,
        /// The attributes as written; see [`attribute`].
        attributes: &'a str,
        /// Whether it ends itself (`<a/>`).
        empty: bool,
    },
    /// An end tag.
    Close {
        /// The name as written.
        name: &'a str,
    },
    /// Text with its entities expanded, or CDATA.
    Text(Cow<'a, str>),
}

/// The scanner: the text that is left, and how long the whole was.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.trim_start_matches('\u{feff}'), length: text.len() }
    }

    /// How many bytes were read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next piece; `None` at the end of the text.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where markup is not closed.
    pub fn next_token(&mut self) -> Result<Option<Token<'a>>> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let Some(markup) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Ok(Some(Token::Text(unescape(text))));
            };
            if let Some(name) = markup.strip_prefix('/') {
                let (name, rest) = self.until(name, ">")?;
                self.rest = rest;
                return Ok(Some(Token::Close { name: name.trim_end() }));
            }
            if let Some(text) = markup.strip_prefix("![CDATA[") {
                let (text, rest) = self.until(text, "]]>")?;
                self.rest = rest;
                return Ok(Some(Token::Text(Cow::Borrowed(text))));
            }
            if let Some(comment) = markup.strip_prefix("!--") {
                self.rest = self.until(comment, "-->")?.1;
            } else if let Some(instruction) = markup.strip_prefix('?') {
                self.rest = self.until(instruction, "?>")?.1;
            } else if let Some(declaration) = markup.strip_prefix('!') {
                self.rest = self.until(declaration, ">")?.1;
            } else {
                return self.open(markup).map(Some);
            }
        }
    }

    fn open(&mut self, markup: &'a str) -> Result<Token<'a>> {
        let end = tag_end(markup).ok_or_else(|| self.incomplete())?;
        let (tag, rest) = markup.split_at(end);
        self.rest = rest.strip_prefix('>').unwrap_or(rest);
        let (tag, empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let name_end = tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(name_end);
        if name.is_empty() {
            return Err(Error::Malformed { what: "XML tag", offset: self.offset() });
        }
        Ok(Token::Open { name, attributes, empty })
    }

    fn until(&self, text: &'a str, end: &str) -> Result<(&'a str, &'a str)> {
        text.split_once(end).ok_or_else(|| self.incomplete())
    }

    fn incomplete(&self) -> Error {
        Error::Incomplete { what: "XML markup", offset: self.offset(), needed: 1 }
    }
}

/// Where the `>` of a tag is: the first outside quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of an attribute among those of a tag, entities expanded.
#[must_use]
pub fn attribute<'a>(attributes: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut rest = attributes;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = after.strip_prefix(quote)?.split_once(quote)?;
        if key.trim() == name {
            return Some(unescape(value));
        }
        rest = after;
    }
}

/// Expands the five predefined entities and character references; anything else stays as it is.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match after.split_once(';').and_then(|(entity, tail)| Some((expand(entity)?, tail))) {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn expand(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = entity.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_inside_quotes_does_not_end_a_tag() {
        let mut scanner = Scanner::new("<a b='x>y' c=\"1\">t</a>");
        let Some(Token::Open { name, attributes, empty }) = scanner.next_token().unwrap() else { panic!("no tag") };
        assert_eq!((name, empty), ("a", false));
        assert_eq!(attribute(attributes, "b").as_deref(), Some("x>y"));
        assert_eq!(attribute(attributes, "c").as_deref(), Some("1"));
        assert_eq!(attribute(attributes, "d"), None);
    }

    #[test]
    fn unknown_entities_stay_and_are_not_expanded() {
        assert_eq!(unescape("a&xxe;b&#0x;&amp"), "a&xxe;b&#0x;&amp");
    }
}
