//! Search filters (RFC 4511 §4.5.1.7) to their text (RFC 4515).
//!
//! The tree is written out while it is read; nothing is simplified, attribute names stay as sent. What RFC 4515 reserves
//! and values that are no text become `\xx`.

use crate::ber::{Class, Element, tag};
use crate::error::{Error, Result};

/// The most text that is kept of a filter, in bytes; the longest legitimate ones (a collector's list of SIDs) stay below.
/// What goes beyond is cut and marked.
pub const MAX_FILTER_TEXT: usize = 32 * 1024;

/// A filter in text form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterText {
    /// The text.
    pub text: String,
    /// Whether it was cut at [`MAX_FILTER_TEXT`].
    pub truncated: bool,
}

impl FilterText {
    /// Reads a filter; its nesting is bounded by [`crate::ber::MAX_DEPTH`].
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(element: Element<'_>) -> Result<Self> {
        let mut filter = Self::default();
        filter.component(element)?;
        Ok(filter)
    }

    /// ```text
    /// Filter ::= CHOICE {
    ///     and [0] SET OF Filter,         or [1] SET OF Filter,        not [2] Filter,
    ///     equalityMatch [3],             substrings [4],              greaterOrEqual [5],
    ///     lessOrEqual [6],               present [7],                 approxMatch [8],
    ///     extensibleMatch [9]
    /// }
    /// ```
    fn component(&mut self, element: Element<'_>) -> Result<()> {
        if element.class != Class::Context {
            return Err(Error::Malformed { what: "Filter", offset: element.offset });
        }
        self.push("(");
        match element.tag {
            0 => self.set("&", element)?,
            1 => self.set("|", element)?,
            2 => self.set("!", element)?,
            3 => self.assertion("=", element)?,
            4 => self.substrings(element)?,
            5 => self.assertion(">=", element)?,
            6 => self.assertion("<=", element)?,
            7 => {
                self.value(element.octets("present")?);
                self.push("=*");
            }
            8 => self.assertion("~=", element)?,
            9 => self.extensible(element)?,
            _ => return Err(Error::Malformed { what: "Filter", offset: element.offset }),
        }
        self.push(")");
        Ok(())
    }

    fn set(&mut self, operator: &str, element: Element<'_>) -> Result<()> {
        self.push(operator);
        let mut parts = element.children("Filter")?;
        while let Some(part) = parts.next_element()? {
            self.component(part)?;
        }
        Ok(())
    }

    /// `SEQUENCE { attributeDesc, assertionValue }`
    fn assertion(&mut self, operator: &str, element: Element<'_>) -> Result<()> {
        let mut parts = element.children("AttributeValueAssertion")?;
        self.value(parts.universal(tag::OCTET_STRING, "attributeDesc")?.octets("attributeDesc")?);
        self.push(operator);
        self.value(parts.universal(tag::OCTET_STRING, "assertionValue")?.octets("assertionValue")?);
        Ok(())
    }

    /// `SEQUENCE { type, substrings SEQUENCE OF CHOICE { initial [0], any [1], final [2] } }`
    fn substrings(&mut self, element: Element<'_>) -> Result<()> {
        let what = "SubstringFilter";
        let mut parts = element.children(what)?;
        self.value(parts.universal(tag::OCTET_STRING, "type")?.octets("type")?);
        self.push("=");
        let mut pieces = parts.sequence("substrings")?;
        let mut open = false;
        while let Some(piece) = pieces.next_element()? {
            if piece.class != Class::Context || piece.tag > 2 {
                return Err(Error::Malformed { what, offset: piece.offset });
            }
            // A star stands before everything but an initial piece.
            if piece.tag != 0 {
                self.push("*");
            }
            self.value(piece.octets(what)?);
            open = piece.tag != 2;
        }
        if open {
            self.push("*");
        }
        Ok(())
    }

    /// `SEQUENCE { matchingRule [1] OPTIONAL, type [2] OPTIONAL, matchValue [3], dnAttributes [4] DEFAULT FALSE }`, as
    /// `userAccountControl:1.2.840.113556.1.4.803:=4194304`.
    fn extensible(&mut self, element: Element<'_>) -> Result<()> {
        let what = "MatchingRuleAssertion";
        let (mut rule, mut name, mut value, mut dn) = (None, None, None, false);
        let mut parts = element.children(what)?;
        while let Some(part) = parts.next_element()? {
            match part.tag {
                1 => rule = Some(part.octets("matchingRule")?),
                2 => name = Some(part.octets("type")?),
                3 => value = Some(part.octets("matchValue")?),
                4 => dn = part.boolean("dnAttributes")?,
                _ => {}
            }
        }
        self.value(name.unwrap_or_default());
        if dn {
            self.push(":dn");
        }
        if let Some(rule) = rule {
            self.push(":");
            self.value(rule);
        }
        self.push(":=");
        self.value(value.ok_or(Error::Malformed { what, offset: element.offset })?);
        Ok(())
    }

    /// A value as text; one that holds octets of no text (a SID, a GUID) is escaped whole, so that it reads the same
    /// whatever its octets happen to spell.
    fn value(&mut self, octets: &[u8]) {
        let text = std::str::from_utf8(octets).ok().filter(|text| !text.contains(char::is_control));
        let Some(text) = text else { return self.escape(octets) };
        for character in text.chars() {
            match character {
                '*' | '(' | ')' | '\\' => self.escape(&[u8::try_from(character).unwrap_or_default()]),
                _ => self.push(character.encode_utf8(&mut [0; 4])),
            }
        }
    }

    fn escape(&mut self, octets: &[u8]) {
        for octet in octets {
            self.push(&format!("\\{octet:02x}"));
        }
    }

    fn push(&mut self, text: &str) {
        if self.truncated || self.text.len().saturating_add(text.len()) > MAX_FILTER_TEXT {
            self.truncated = true;
        } else {
            self.text.push_str(text);
        }
    }
}
