//! A bounded cursor over the bytes of one message: every read is checked, every failure names what was being read and
//! where. Fields are little-endian unless their method says otherwise.

use hopwatch_model::Guid;

use crate::error::{Error, Result};

/// A cursor over one message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`; `what` names the message in errors.
    #[must_use]
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, at: 0, what }
    }

    /// The offset from the start of the message.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// What is left, without moving.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The error of a field that breaks its specification, here.
    #[must_use]
    pub fn malformed(&self) -> Error {
        Error::Malformed { what: self.what, offset: self.at }
    }

    /// The error of a declared bound that was exceeded, here.
    #[must_use]
    pub fn bound(&self, bound: usize) -> Error {
        Error::Bound { what: self.what, offset: self.at, bound }
    }

    /// Takes `count` bytes.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(|| self.malformed())?;
        let taken = self.bytes.get(self.at..end).ok_or(Error::Incomplete {
            what: self.what,
            offset: self.at,
            needed: end.saturating_sub(self.bytes.len()),
        })?;
        self.at = end;
        Ok(taken)
    }

    /// Takes `count` bytes, or as many as there are: for payloads that a capture or a cap cut short.
    pub fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let taken = self.rest().get(..count).unwrap_or(self.rest());
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    /// Passes over `count` bytes.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where fewer are left.
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(|_| ())
    }

    /// Moves to an absolute offset.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where the message ends before it.
    pub fn seek(&mut self, offset: usize) -> Result<()> {
        if offset > self.bytes.len() {
            let needed = offset.saturating_sub(self.bytes.len());
            return Err(Error::Incomplete { what: self.what, offset: self.bytes.len(), needed });
        }
        self.at = offset;
        Ok(())
    }

    /// Moves on to the next multiple of `to`, counted from the start of the message.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where the message ends before it.
    pub fn align(&mut self, to: usize) -> Result<()> {
        let over = self.at.checked_rem(to).unwrap_or(0);
        if over == 0 { Ok(()) } else { self.skip(to.saturating_sub(over)) }
    }

    /// Takes an array.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let at = self.malformed();
        <[u8; N]>::try_from(self.take(N)?).map_err(|_| at)
    }

    /// Takes a byte.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where nothing is left.
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Takes a 16-bit number.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes a 16-bit number in network order.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn u16_be(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Takes a 32-bit number.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes a 64-bit number.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Takes a GUID in wire order (`[MS-DTYP] 2.3.4.2`).
    ///
    /// # Errors
    /// [`Error::Incomplete`] where too little is left.
    pub fn guid(&mut self) -> Result<Guid> {
        self.array().map(Guid::from_wire)
    }
}

/// The slice of `length` bytes at `offset`, for the offset and length pairs of SMB and NTLM.
///
/// # Errors
/// [`Error::Incomplete`] where the message ends before its end.
pub fn slice<'a>(bytes: &'a [u8], offset: usize, length: usize, what: &'static str) -> Result<&'a [u8]> {
    let mut reader = Reader::new(bytes, what);
    if length == 0 {
        return Ok(&[]);
    }
    reader.seek(offset)?;
    reader.take(length)
}

/// UTF-16LE as text; lone surrogates become U+FFFD, an odd last byte is dropped, NULs at the end are cut.
#[must_use]
pub fn utf16(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.trim_end_matches('\0').to_owned()
}

/// OEM text: the code page is unknown, so bytes above 127 are read as Latin-1; NULs at the end are cut.
#[must_use]
pub fn oem(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect::<String>().trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_says_how_much_is_missing() {
        let mut reader = Reader::new(&[1, 2, 3], "sample");
        assert_eq!(reader.u16(), Ok(0x0201));
        assert_eq!(reader.u32(), Err(Error::Incomplete { what: "sample", offset: 2, needed: 3 }));
        assert_eq!(reader.u8(), Ok(3), "a failed read does not move");
    }

    #[test]
    fn alignment_counts_from_the_start_of_the_message() {
        let mut reader = Reader::new(&[0; 8], "sample");
        reader.skip(5).unwrap();
        reader.align(4).unwrap();
        assert_eq!(reader.offset(), 8);
        reader.align(4).unwrap();
        assert_eq!(reader.offset(), 8);
    }

    #[test]
    fn an_offset_at_the_top_of_the_range_does_not_overflow() {
        assert!(slice(&[0; 4], usize::MAX, 2, "sample").is_err());
        assert!(slice(&[0; 4], 2, usize::MAX, "sample").is_err());
        assert_eq!(slice(&[0; 4], 9, 0, "sample"), Ok(&[][..]));
    }
}
