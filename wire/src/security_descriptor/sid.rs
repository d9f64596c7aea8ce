//! A SID as the wire has it, `[MS-DTYP] 2.4.2.2`.

use std::fmt;

use hopwatch_model::Sid;
use hopwatch_model::sid::MAX_SUB_AUTHORITIES;

use crate::error::Result;
use crate::reader::Reader;

/// A borrowed security identifier: checked, so that its parts are at hand without a failure.
///
/// ```text
/// Revision(1) SubAuthorityCount(1) IdentifierAuthority(6, big-endian) SubAuthority(4 each, little-endian)
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SidRef<'a> {
    authority: [u8; 6],
    sub_authorities: &'a [u8],
}

impl<'a> SidRef<'a> {
    /// Reads an identifier that is a value of its own, as `objectSid`; bytes behind it are malformed.
    ///
    /// # Errors
    /// Where it is cut off, of another revision, or has too many parts.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "SID");
        let sid = Self::read(&mut reader)?;
        if reader.remaining() == 0 { Ok(sid) } else { Err(reader.malformed()) }
    }

    /// Reads an identifier inside a structure.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        if reader.u8()? != 1 {
            return Err(reader.malformed());
        }
        let count = usize::from(reader.u8()?);
        if count > MAX_SUB_AUTHORITIES {
            return Err(reader.bound(MAX_SUB_AUTHORITIES));
        }
        let authority = reader.array()?;
        let sub_authorities = reader.take(count.saturating_mul(4))?;
        Ok(Self { authority, sub_authorities })
    }

    /// The identifier authority.
    #[must_use]
    pub fn authority(&self) -> u64 {
        let [a, b, c, d, e, f] = self.authority;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The sub-authorities in order.
    pub fn sub_authorities(&self) -> impl Iterator<Item = u32> + 'a {
        self.sub_authorities.as_chunks::<4>().0.iter().map(|part| u32::from_le_bytes(*part))
    }

    /// An owned copy.
    #[must_use]
    pub fn to_sid(&self) -> Option<Sid> {
        Sid::new(self.authority(), &self.sub_authorities().collect::<Vec<_>>())
    }
}

impl fmt::Display for SidRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-1-{}", self.authority())?;
        self.sub_authorities().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl fmt::Debug for SidRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
