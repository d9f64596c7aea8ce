//! Network Data Representation of call stubs: NDR (C706 §14) and NDR64 (`[MS-RPCE] 2.2.5`), just as far as the stubs need
//! it whose arguments matter. Every count is checked against the bytes that are left before anything is allocated.

use hopwatch_model::{Guid, Sid};

use crate::error::Result;
use crate::reader::{Reader, oem, utf16};

/// The most items of an array that are kept; the rest is passed over by whoever reads.
const MAX_ITEMS: u64 = 1_000;

/// How a stub is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NdrSyntax {
    /// NDR: counts and pointers of 4 bytes.
    #[default]
    Ndr,
    /// NDR64: counts and pointers of 8 bytes.
    Ndr64,
}

/// A reader of one stub; alignment counts from the stub's first byte.
#[derive(Clone, Debug)]
pub struct Ndr<'a> {
    reader: Reader<'a>,
    syntax: NdrSyntax,
    big_endian: bool,
}

impl<'a> Ndr<'a> {
    /// A reader at the start of a stub.
    #[must_use]
    pub fn new(stub: &'a [u8], syntax: NdrSyntax, big_endian: bool) -> Self {
        Self { reader: Reader::new(stub, "RPC stub"), syntax, big_endian }
    }

    /// Takes a byte.
    ///
    /// # Errors
    /// Where the stub ends before it; so do all methods of this type.
    pub fn u8(&mut self) -> Result<u8> {
        self.reader.u8()
    }

    /// Takes an unsigned short, aligned.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn u16(&mut self) -> Result<u16> {
        self.reader.align(2)?;
        let value = self.reader.u16()?;
        Ok(if self.big_endian { value.swap_bytes() } else { value })
    }

    /// Takes an unsigned long, aligned.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn u32(&mut self) -> Result<u32> {
        self.reader.align(4)?;
        let value = self.reader.u32()?;
        Ok(if self.big_endian { value.swap_bytes() } else { value })
    }

    /// Takes an unsigned hyper, aligned.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn u64(&mut self) -> Result<u64> {
        self.reader.align(8)?;
        let value = self.reader.u64()?;
        Ok(if self.big_endian { value.swap_bytes() } else { value })
    }

    /// Takes a count of a conformant or varying array, or an `__int3264`.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn size(&mut self) -> Result<u64> {
        match self.syntax {
            NdrSyntax::Ndr => self.u32().map(u64::from),
            NdrSyntax::Ndr64 => self.u64(),
        }
    }

    /// Takes a pointer's referent; false where it is null.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn pointer(&mut self) -> Result<bool> {
        self.size().map(|referent| referent != 0)
    }

    /// Takes an enumeration of 16 bits, which NDR64 widens to 32.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn enum16(&mut self) -> Result<u32> {
        match self.syntax {
            NdrSyntax::Ndr => self.u16().map(u32::from),
            NdrSyntax::Ndr64 => self.u32(),
        }
    }

    /// Aligns to the start of a structure that holds a pointer (4 in NDR, 8 in NDR64).
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn align_pointer(&mut self) -> Result<()> {
        self.reader.align(match self.syntax {
            NdrSyntax::Ndr => 4,
            NdrSyntax::Ndr64 => 8,
        })
    }

    /// Aligns to a number of bytes.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn align(&mut self, to: usize) -> Result<()> {
        self.reader.align(to)
    }

    /// Passes over bytes.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.reader.skip(count)
    }

    /// Takes bytes as they are.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        self.reader.take(count)
    }

    /// Takes an array of bytes as it is.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.reader.array()
    }

    /// Takes a context handle (attributes and UUID, 20 bytes).
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn handle(&mut self) -> Result<[u8; 20]> {
        self.reader.align(4)?;
        self.reader.array()
    }

    /// Takes a GUID.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn guid(&mut self) -> Result<Guid> {
        self.reader.align(4)?;
        let bytes: [u8; 16] = self.reader.array()?;
        Ok(if self.big_endian { Guid::from_u128(u128::from_be_bytes(bytes)) } else { Guid::from_wire(bytes) })
    }

    /// Takes the bytes of a conformant varying array whose items are `width` bytes: max count, offset, actual count.
    fn varying(&mut self, width: u64) -> Result<&'a [u8]> {
        self.size()?;
        self.size()?;
        let count = self.size()?;
        let bytes = count.checked_mul(width).and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| self.reader.malformed())?;
        self.reader.take(bytes)
    }

    /// Takes a conformant varying `[string] wchar_t*` without its pointer.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn string(&mut self) -> Result<String> {
        let big_endian = self.big_endian;
        let bytes = self.varying(2)?;
        if big_endian {
            let swapped: Vec<u8> = bytes.as_chunks::<2>().0.iter().flat_map(|[a, b]| [*b, *a]).collect();
            return Ok(utf16(&swapped));
        }
        Ok(utf16(bytes))
    }

    /// Takes a conformant varying `[string] char*` without its pointer.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn char_string(&mut self) -> Result<String> {
        self.varying(1).map(oem)
    }

    /// Takes a pointer to a string and, where it is not null, the string behind it.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn unique_string(&mut self) -> Result<Option<String>> {
        if self.pointer()? { self.string().map(Some) } else { Ok(None) }
    }

    /// Takes the fixed part of an RPC_UNICODE_STRING (`[MS-DTYP] 2.3.10`): Length, MaximumLength, Buffer. True where the
    /// buffer is not null.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn unicode_header(&mut self) -> Result<bool> {
        self.align_pointer()?;
        self.u16()?;
        self.u16()?;
        self.pointer()
    }

    /// Takes an RPC_UNICODE_STRING with its buffer; empty where it is null.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn unicode_string(&mut self) -> Result<String> {
        if self.unicode_header()? { self.string() } else { Ok(String::new()) }
    }

    /// Takes `count` RPC_UNICODE_STRINGs of an array, at most a thousand.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn unicode_strings(&mut self, count: u64) -> Result<Vec<String>> {
        // Each takes at least eight bytes, so that a lying count ends at the end of the stub.
        let present: Vec<bool> = (0..count.min(MAX_ITEMS)).map(|_| self.unicode_header()).collect::<Result<_>>()?;
        if count > MAX_ITEMS {
            return Err(self.reader.bound(usize::try_from(MAX_ITEMS).unwrap_or(usize::MAX)));
        }
        present.into_iter().map(|present| if present { self.string() } else { Ok(String::new()) }).collect()
    }

    /// Takes an RPC_SID (`[MS-DTYP] 2.4.2.3`) with its conformance; `None` where it is no SID.
    ///
    /// # Errors
    /// As [`Ndr::u8`].
    pub fn sid(&mut self) -> Result<Option<Sid>> {
        self.size()?;
        self.align(4)?;
        self.u8()?;
        let count = self.u8()?;
        let authority: [u8; 6] = self.array()?;
        let authority = authority.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let parts = (0..count).map(|_| self.u32()).collect::<Result<Vec<_>>>()?;
        Ok(Sid::new(authority, &parts))
    }
}
