//! Security identifiers, `[MS-DTYP] 2.4.2`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most sub-authorities that a SID may have (`[MS-DTYP] 2.4.2.2`).
pub const MAX_SUB_AUTHORITIES: usize = 15;

/// A security identifier: an authority and up to 15 sub-authorities, written `S-1-5-21-…-500`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    authority: u64,
    sub_authorities: Box<[u32]>,
}

impl Sid {
    /// A SID of its parts; `None` where there are more than [`MAX_SUB_AUTHORITIES`] or the authority exceeds 48 bits.
    #[must_use]
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Option<Self> {
        (sub_authorities.len() <= MAX_SUB_AUTHORITIES && authority < 1 << 48)
            .then(|| Self { authority, sub_authorities: sub_authorities.into() })
    }

    /// The identifier authority, 5 for NT.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority
    }

    /// All sub-authorities, the last of which is the RID.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        &self.sub_authorities
    }

    /// The relative identifier: the last sub-authority.
    #[must_use]
    pub fn rid(&self) -> Option<u32> {
        self.sub_authorities.last().copied()
    }

    /// The SID of the domain that issued this one, where it is a domain SID with a RID (`S-1-5-21-a-b-c-rid`).
    #[must_use]
    pub fn domain(&self) -> Option<Self> {
        match (self.authority, &*self.sub_authorities) {
            (5, [21, a, b, c, _rid]) => Self::new(5, &[21, *a, *b, *c]),
            _ => None,
        }
    }

    /// This SID with one more sub-authority; `None` where it has the most already.
    #[must_use]
    pub fn child(&self, rid: u32) -> Option<Self> {
        let mut parts = self.sub_authorities.to_vec();
        parts.push(rid);
        Self::new(self.authority, &parts)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority)?;
        self.sub_authorities.iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no SID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSidError;

impl fmt::Display for ParseSidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a security identifier (S-1-…)")
    }
}

impl std::error::Error for ParseSidError {}

impl FromStr for Sid {
    type Err = ParseSidError;

    fn from_str(text: &str) -> Result<Self, ParseSidError> {
        let mut parts = text.split('-');
        if !matches!(parts.next(), Some("S" | "s")) || parts.next() != Some("1") {
            return Err(ParseSidError);
        }
        let authority = parts.next().ok_or(ParseSidError)?;
        let authority = match authority.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).map_err(|_| ParseSidError)?,
            None => authority.parse().map_err(|_| ParseSidError)?,
        };
        let sub_authorities: Vec<u32> =
            parts.map(|part| part.parse().map_err(|_| ParseSidError)).collect::<Result<_, _>>()?;
        Self::new(authority, &sub_authorities).ok_or(ParseSidError)
    }
}

impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_account_comes_apart_into_domain_and_rid() {
        let sid: Sid = "S-1-5-21-1-2-3-500".parse().unwrap();
        assert_eq!(sid.rid(), Some(500));
        assert_eq!(sid.domain().unwrap().to_string(), "S-1-5-21-1-2-3");
    }

    #[test]
    fn well_known_sids_have_no_domain() {
        assert_eq!("S-1-5-32-544".parse::<Sid>().unwrap().domain(), None);
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in ["", "S-1", "S-2-5-21", "S-1-5-x", "T-1-5-21", "S-1-5-4294967296"] {
            assert!(text.parse::<Sid>().is_err(), "{text}");
        }
    }
}
