//! Access control lists, `[MS-DTYP] 2.4.5`.

use super::ace::Ace;
use crate::error::Result;
use crate::reader::Reader;

/// The size of an ACL's header, in bytes.
const HEADER: usize = 8;

/// The size of an ACE's header, in bytes.
const ACE_HEADER: usize = 4;

/// An access control list.
///
/// ```text
/// AclRevision(1) Sbz1(1) AclSize(2) AceCount(2) Sbz2(2)  Ace…
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acl<'a> {
    /// 2, or 4 where there are object entries.
    pub revision: u8,
    /// How many entries it says it has.
    pub count: u16,
    body: &'a [u8],
}

impl<'a> Acl<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let revision = reader.u8()?;
        let _padding = reader.u8()?;
        let size = usize::from(reader.u16()?);
        let count = reader.u16()?;
        let _padding = reader.u16()?;
        let body = size.checked_sub(HEADER).ok_or_else(|| reader.malformed())?;
        Ok(Self { revision, count, body: reader.take(body)? })
    }

    /// Whether it has no entry, and so grants nothing.
    #[must_use]
    pub fn empty(&self) -> bool {
        self.count == 0
    }

    /// The entries in order. A malformed one is an error and the next follows; where not even its size is sound, the
    /// error is the last item.
    #[must_use]
    pub fn aces(&self) -> Aces<'a> {
        Aces { reader: Reader::new(self.body, "ACE"), left: self.count }
    }
}

/// The entries of a list.
#[derive(Clone, Debug)]
pub struct Aces<'a> {
    reader: Reader<'a>,
    left: u16,
}

impl<'a> Iterator for Aces<'a> {
    type Item = Result<Ace<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match self.step() {
            Ok((code, flags, body)) => Some(Ace::read(code, flags, body)),
            Err(error) => {
                self.left = 0;
                Some(Err(error))
            }
        }
    }
}

impl<'a> Aces<'a> {
    /// `AceType(1) AceFlags(1) AceSize(2)`, and the bytes that the size covers.
    fn step(&mut self) -> Result<(u8, u8, &'a [u8])> {
        let code = self.reader.u8()?;
        let flags = self.reader.u8()?;
        let size = usize::from(self.reader.u16()?);
        let body = size.checked_sub(ACE_HEADER).ok_or_else(|| self.reader.malformed())?;
        Ok((code, flags, self.reader.take(body)?))
    }
}
