//! One bounded, zero-copy reader of BER and DER (ITU-T X.690), for Kerberos, LDAP and SPNEGO.
//!
//! It accepts what BER allows and the field sends: long lengths with leading zeros (Microsoft's LDAP writes `84 00 00 00
//! nn`), indefinite lengths, tag numbers above 30. It does not check that DER is minimal, and does not join constructed
//! strings: no protocol read here uses them.

mod oid;
mod value;

pub use oid::Oid;

use crate::error::{Error, Result};

/// How deep elements may nest. The deepest legitimate message is an LDAP filter (its own bound is lower) inside a
/// search; a KDC-REQ with FAST and PKINIT stays below 20.
pub const MAX_DEPTH: u8 = 64;

/// The longest content that a length may announce, in bytes: no message of these protocols comes near it, and a peer
/// that announces more is not speaking BER.
pub const MAX_LENGTH: usize = 1 << 28;

/// The class of a tag (X.690 §8.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Types of X.680.
    Universal,
    /// Types of the protocol: Kerberos and LDAP messages.
    Application,
    /// Fields of a structure.
    Context,
    /// Private use.
    Private,
}

/// Universal tag numbers (X.680 §8.4).
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u32 = 1;
    /// INTEGER.
    pub const INTEGER: u32 = 2;
    /// BIT STRING.
    pub const BIT_STRING: u32 = 3;
    /// OCTET STRING.
    pub const OCTET_STRING: u32 = 4;
    /// OBJECT IDENTIFIER.
    pub const OID: u32 = 6;
    /// ENUMERATED.
    pub const ENUMERATED: u32 = 10;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u32 = 16;
    /// SET and SET OF.
    pub const SET: u32 = 17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u32 = 24;
    /// GeneralString (KerberosString).
    pub const GENERAL_STRING: u32 = 27;
}

/// One element: its tag and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag's class.
    pub class: Class,
    /// Whether the content is elements.
    pub constructed: bool,
    /// The tag's number.
    pub tag: u32,
    /// The content, without the end-of-contents octets of the indefinite form.
    pub content: &'a [u8],
    /// The element with its header, as it stands in the message.
    pub whole: &'a [u8],
    /// Where the content begins, counted from the start of the message.
    pub offset: usize,
    /// How deep it lies.
    depth: u8,
}

impl<'a> Element<'a> {
    /// True for a tag of the universal class.
    #[must_use]
    pub fn universal(&self, tag: u32) -> bool {
        self.class == Class::Universal && self.tag == tag
    }

    /// True for a tag of the context class.
    #[must_use]
    pub fn context(&self, tag: u32) -> bool {
        self.class == Class::Context && self.tag == tag
    }

    /// True for a tag of the application class.
    #[must_use]
    pub fn application(&self, tag: u32) -> bool {
        self.class == Class::Application && self.tag == tag
    }

    /// A reader of the elements inside.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the element is primitive, [`Error::Bound`] where it lies deeper than [`MAX_DEPTH`].
    pub fn children(&self, what: &'static str) -> Result<Reader<'a>> {
        if !self.constructed {
            return Err(Error::Malformed { what, offset: self.offset });
        }
        self.inside(what)
    }

    /// A reader of the elements that a primitive element carries: an OCTET STRING that wraps an encoding.
    ///
    /// # Errors
    /// [`Error::Bound`] where the element lies deeper than [`MAX_DEPTH`].
    pub fn inside(&self, what: &'static str) -> Result<Reader<'a>> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::Bound { what, offset: self.offset, bound: usize::from(MAX_DEPTH) });
        }
        Ok(Reader { rest: self.content, offset: self.offset, depth: self.depth.saturating_add(1) })
    }

    /// The one element inside an explicit tag; whatever follows it is left.
    ///
    /// # Errors
    /// As [`Element::children`], and where there is no element inside.
    pub fn inner(&self, what: &'static str) -> Result<Element<'a>> {
        self.children(what)?.element()
    }

    /// A reader of the elements of the SEQUENCE inside an explicit tag.
    ///
    /// # Errors
    /// As [`Element::inner`], and where the element inside is no SEQUENCE.
    pub fn inner_sequence(&self, what: &'static str) -> Result<Reader<'a>> {
        self.inner(what)?.sequence(what)
    }

    /// A reader of the elements of this SEQUENCE.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is no SEQUENCE, else as [`Element::children`].
    pub fn sequence(&self, what: &'static str) -> Result<Reader<'a>> {
        if !self.universal(tag::SEQUENCE) {
            return Err(Error::Malformed { what, offset: self.offset });
        }
        self.children(what)
    }
}

/// Reads elements one after another.
///
/// At the top of a message a cut-off element is [`Error::Incomplete`]; inside an element whose length is known it is
/// [`Error::Malformed`], since no more bytes would mend it.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// A reader of a message.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0, depth: 0 }
    }

    /// The bytes that were not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Where the next element begins, counted from the start of the message.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// True where nothing is left.
    #[must_use]
    pub fn done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element.
    ///
    /// # Errors
    /// [`Error::Incomplete`], [`Error::Malformed`] or [`Error::Bound`]; the reader then stays where it was.
    pub fn element(&mut self) -> Result<Element<'a>> {
        let header = Header::read(self.rest).map_err(|e| self.located(e))?;
        let after = self.rest.get(header.size..).unwrap_or_default();
        let (content_len, trailer) = match header.length {
            Some(length) => (length, 0),
            None => (indefinite_length(after).map_err(|e| self.located(e))?, 2),
        };
        let Some(content) = after.get(..content_len) else {
            return Err(self.located(Cut::More(content_len.saturating_sub(after.len()))));
        };
        let size = header.size.saturating_add(content_len).saturating_add(trailer);
        let (whole, rest) = self.rest.split_at_checked(size).unwrap_or((self.rest, &[]));
        let element = Element {
            class: header.class,
            constructed: header.constructed,
            tag: header.tag,
            content,
            whole,
            offset: self.offset.saturating_add(header.size),
            depth: self.depth,
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(size);
        Ok(element)
    }

    /// The next element, or `None` at the end.
    ///
    /// # Errors
    /// As [`Reader::element`].
    pub fn next_element(&mut self) -> Result<Option<Element<'a>>> {
        if self.done() { Ok(None) } else { self.element().map(Some) }
    }

    /// The next element if it has this context tag; else nothing is read.
    ///
    /// # Errors
    /// As [`Reader::element`].
    pub fn optional_context(&mut self, tag: u32) -> Result<Option<Element<'a>>> {
        let mut ahead = *self;
        match ahead.next_element()? {
            Some(element) if element.context(tag) => {
                *self = ahead;
                Ok(Some(element))
            }
            _ => Ok(None),
        }
    }

    /// The next element, which must have this universal tag.
    ///
    /// # Errors
    /// As [`Reader::element`], and [`Error::Malformed`] for another tag.
    pub fn universal(&mut self, tag: u32, what: &'static str) -> Result<Element<'a>> {
        let offset = self.offset;
        let element = self.element()?;
        if element.universal(tag) { Ok(element) } else { Err(Error::Malformed { what, offset }) }
    }

    /// The next element, which must be a SEQUENCE: a reader of its elements.
    ///
    /// # Errors
    /// As [`Reader::universal`].
    pub fn sequence(&mut self, what: &'static str) -> Result<Reader<'a>> {
        self.universal(tag::SEQUENCE, what)?.children(what)
    }

    fn located(&self, cut: Cut) -> Error {
        let (what, offset) = ("BER element", self.offset);
        match cut {
            Cut::More(needed) if self.depth == 0 => Error::Incomplete { what, offset, needed },
            Cut::More(_) | Cut::Malformed => Error::Malformed { what, offset },
            Cut::Bound(bound) => Error::Bound { what, offset, bound },
        }
    }
}

/// The size in bytes of the first element of a stream, header included: how a stream is cut into messages.
///
/// # Errors
/// [`Error::Incomplete`] where the stream does not hold it whole yet; [`Error::Malformed`] or [`Error::Bound`] where it
/// can not be an element at all.
pub fn frame_size(stream: &[u8], bound: usize) -> Result<usize> {
    let too_long = Error::Bound { what: "BER message", offset: 0, bound };
    if let Ok(Header { size, length: Some(length), .. }) = Header::read(stream)
        && size.saturating_add(length) > bound
    {
        return Err(too_long);
    }
    match Reader::new(stream).element() {
        Ok(element) if element.whole.len() > bound => Err(too_long),
        Ok(element) => Ok(element.whole.len()),
        Err(Error::Incomplete { .. }) if stream.len() > bound => Err(too_long),
        Err(error) => Err(error),
    }
}

/// The size that the header of an element announces, header included; `None` where the header is cut off, malformed or
/// of the indefinite form.
#[must_use]
pub fn announced_size(bytes: &[u8]) -> Option<usize> {
    let header = Header::read(bytes).ok()?;
    Some(header.size.saturating_add(header.length?))
}

/// Why an element could not be read, before it is known where.
#[derive(Clone, Copy)]
enum Cut {
    More(usize),
    Malformed,
    Bound(usize),
}

/// Identifier and length octets (X.690 §8.1.2, §8.1.3).
struct Header {
    class: Class,
    constructed: bool,
    tag: u32,
    /// `None` for the indefinite form.
    length: Option<usize>,
    /// The octets of identifier and length.
    size: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> std::result::Result<Self, Cut> {
        let mut octets = bytes.iter().copied();
        let first = octets.next().ok_or(Cut::More(2))?;
        let class = match first >> 6 {
            0 => Class::Universal,
            1 => Class::Application,
            2 => Class::Context,
            _ => Class::Private,
        };
        let constructed = first & 0x20 != 0;
        let mut tag = u32::from(first & 0x1f);
        if tag == 0x1f {
            tag = long_tag(&mut octets)?;
        }
        let length = match octets.next().ok_or(Cut::More(1))? {
            0x80 if constructed => None,
            0x80 | 0xff => return Err(Cut::Malformed),
            short if short < 0x80 => Some(usize::from(short)),
            long => Some(long_length(&mut octets, usize::from(long & 0x7f))?),
        };
        Ok(Self { class, constructed, tag, length, size: bytes.len().saturating_sub(octets.len()) })
    }
}

/// A tag number above 30: base 128, high bit set on all octets but the last.
fn long_tag(octets: &mut impl Iterator<Item = u8>) -> std::result::Result<u32, Cut> {
    let mut tag = 0_u32;
    for _ in 0..4 {
        let octet = octets.next().ok_or(Cut::More(2))?;
        tag = tag << 7 | u32::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            return Ok(tag);
        }
    }
    Err(Cut::Malformed)
}

/// A length of `count` octets; leading zeros are allowed in BER.
fn long_length(octets: &mut impl Iterator<Item = u8>, count: usize) -> std::result::Result<usize, Cut> {
    if count > 8 {
        return Err(Cut::Malformed);
    }
    let mut length = 0_u64;
    for read in 0..count {
        let octet = octets.next().ok_or(Cut::More(count.saturating_sub(read)))?;
        length = length << 8 | u64::from(octet);
    }
    usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH).ok_or(Cut::Bound(MAX_LENGTH))
}

/// The length of an indefinite content: up to its end-of-contents octets, those of nested indefinite elements apart.
/// One pass; definite elements are stepped over whole.
fn indefinite_length(content: &[u8]) -> std::result::Result<usize, Cut> {
    let mut position = 0_usize;
    let mut open = 1_u8;
    loop {
        let rest = content.get(position..).ok_or(Cut::More(2))?;
        if let [0, 0, ..] = rest {
            open = open.saturating_sub(1);
            if open == 0 {
                return Ok(position);
            }
            position = position.saturating_add(2);
            continue;
        }
        let header = Header::read(rest)?;
        position = position.saturating_add(header.size);
        match header.length {
            Some(length) => position = position.saturating_add(length),
            None if open >= MAX_DEPTH => return Err(Cut::Bound(usize::from(MAX_DEPTH))),
            None => open = open.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sequence_of_two_integers_is_read_with_offsets() {
        // 30 06: SEQUENCE, 6 octets; 02 01 05: INTEGER 5; 02 01 ff: INTEGER -1
        let bytes = [0x30, 6, 2, 1, 5, 2, 1, 0xff];
        let mut reader = Reader::new(&bytes).sequence("pair").unwrap();
        let five = reader.element().unwrap();
        assert_eq!((five.offset, five.integer("five").unwrap()), (4, 5));
        assert_eq!(reader.element().unwrap().integer("minus one").unwrap(), -1);
        assert!(reader.done());
    }

    #[test]
    fn microsoft_lengths_with_leading_zeros_are_read() {
        let bytes = [0x30, 0x84, 0, 0, 0, 3, 2, 1, 7];
        let element = Reader::new(&bytes).element().unwrap();
        assert_eq!(element.content, [2, 1, 7]);
        assert_eq!(frame_size(&bytes, 100), Ok(9));
    }

    #[test]
    fn indefinite_lengths_nest() {
        // 30 80 [ 30 80 [ 02 01 07 ] 00 00, 04 02 00 00 ] 00 00, then one octet that is not ours
        let bytes = [0x30, 0x80, 0x30, 0x80, 2, 1, 7, 0, 0, 4, 2, 0, 0, 0, 0, 0xaa];
        let mut reader = Reader::new(&bytes);
        let outer = reader.element().unwrap();
        assert_eq!(outer.whole.len(), 15);
        assert_eq!(reader.rest(), [0xaa]);
        let mut inner = outer.children("outer").unwrap();
        assert_eq!(inner.element().unwrap().content, [2, 1, 7]);
        assert_eq!(inner.element().unwrap().content, [0, 0]);
        assert!(inner.done());
    }

    #[test]
    fn a_cut_element_is_incomplete_at_the_top_and_malformed_inside() {
        let whole = [0x30, 5, 4, 3, 1, 2, 3];
        for end in 0..whole.len() {
            assert!(matches!(Reader::new(&whole[..end]).element(), Err(Error::Incomplete { .. })), "{end}");
        }
        let lying = [0x30, 3, 4, 9, 1];
        let mut inner = Reader::new(&lying).sequence("lying").unwrap();
        assert_eq!(inner.element(), Err(Error::Malformed { what: "BER element", offset: 2 }));
    }

    #[test]
    fn nesting_is_bounded() {
        let bomb: Vec<u8> = std::iter::repeat_n([0x30, 0x80], 100_000).flatten().collect();
        assert!(matches!(Reader::new(&bomb).element(), Err(Error::Bound { .. })));
        let mut nest = vec![2, 1, 1];
        for _ in 0..80 {
            let mut outer =
                vec![0x30, 0x82, u8::try_from(nest.len() >> 8).unwrap(), u8::try_from(nest.len() & 255).unwrap()];
            outer.append(&mut nest);
            nest = outer;
        }
        let mut element = Reader::new(&nest).element().unwrap();
        let bound = loop {
            match element.inner("nest") {
                Ok(inner) => element = inner,
                Err(error) => break error,
            }
        };
        assert!(matches!(bound, Error::Bound { .. }));
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_it_is_waited_for() {
        assert!(matches!(frame_size(&[0x30, 0x84, 0, 1, 0, 0], 1000), Err(Error::Bound { .. })));
        assert!(matches!(frame_size(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 1000), Err(Error::Bound { .. })));
        assert!(matches!(frame_size(&[0x30, 0xff], 1000), Err(Error::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut stack = vec![Reader::new(&bytes)];
            let mut read = 0_usize;
            while let Some(mut reader) = stack.pop() {
                while let Ok(element) = reader.element() {
                    read += 1;
                    prop_assert!(element.whole.len() >= 2 + element.content.len());
                    if let Ok(inner) = element.children("any") {
                        stack.push(inner);
                    }
                }
            }
            prop_assert!(read <= bytes.len() * usize::from(MAX_DEPTH));
        }
    }
}
