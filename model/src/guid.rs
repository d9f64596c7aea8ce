//! Globally unique identifiers, `[MS-DTYP] 2.3.4`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A GUID, held in the order in which it is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Guid([u8; 16]);

impl Guid {
    /// The GUID of all zeros.
    pub const NIL: Self = Self([0; 16]);

    /// From the 16 bytes of the wire, whose first three fields are little-endian (`[MS-DTYP] 2.3.4.2`).
    #[must_use]
    pub const fn from_wire(b: [u8; 16]) -> Self {
        Self([b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]])
    }

    /// The 16 bytes as the wire has them.
    #[must_use]
    pub const fn to_wire(self) -> [u8; 16] {
        Self::from_wire(self.0).0
    }

    /// From a number whose hexadecimal digits are those of the written form, for constants.
    #[must_use]
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// True for the GUID of all zeros, which in an access control entry means "the whole object".
    #[must_use]
    pub fn nil(&self) -> bool {
        *self == Self::NIL
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseGuidError;

impl fmt::Display for ParseGuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a GUID")
    }
}

impl std::error::Error for ParseGuidError {}

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let text = text.trim_start_matches('{').trim_end_matches('}');
        let mut bytes = [0; 16];
        let mut digits = text.bytes().filter(|b| *b != b'-');
        for byte in &mut bytes {
            let mut nibble = || digits.next().and_then(|d| char::from(d).to_digit(16)).ok_or(ParseGuidError);
            let value = nibble()? << 4 | nibble()?;
            *byte = u8::try_from(value).map_err(|_| ParseGuidError)?;
        }
        if digits.next().is_some() {
            return Err(ParseGuidError);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_swaps_the_first_three_fields() {
        let written: Guid = "e3514235-4b06-11d1-ab04-00c04fc2dcd2".parse().unwrap();
        assert_eq!(written.to_wire()[..8], [0x35, 0x42, 0x51, 0xe3, 0x06, 0x4b, 0xd1, 0x11]);
        assert_eq!(Guid::from_wire(written.to_wire()), written);
        assert_eq!(Guid::from_u128(0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2), written);
    }
}
