//! A cursor over JSON text that arrives in pieces: it hands out one value at a time as raw bytes, so that a file of any
//! size is read with the memory of its largest object. RFC 8259.
//!
//! It finds where a value ends and nothing more; whether the value is well-formed is for whoever parses it. That is also
//! what keeps one malformed object from taking the rest of its file with it.

use std::io::Read;

use super::Error;

/// How much is read at once, in bytes: large enough that a file of gigabytes is not read in a million calls.
const CHUNK_BYTES: usize = 1 << 20;

/// The largest single value, in bytes. A group of a million members is 80 MiB; beyond this the file is refused.
const MAX_VALUE_BYTES: usize = 256 << 20;

/// The cursor.
pub(crate) struct Scanner<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the next unread byte is.
    at: usize,
    /// How many bytes were dropped before `buffer`.
    dropped: u64,
    ended: bool,
}

impl<R: Read> Scanner<R> {
    /// Starts at the first byte; a UTF-8 byte order mark is skipped.
    pub(crate) fn new(reader: R) -> Result<Self, Error> {
        let mut scanner = Self { reader, buffer: Vec::new(), at: 0, dropped: 0, ended: false };
        scanner.fill()?;
        if scanner.buffer.starts_with(&[0xff, 0xfe]) || scanner.buffer.starts_with(&[0xfe, 0xff]) {
            return Err(Error::Encoding);
        }
        if scanner.buffer.starts_with(&[0xef, 0xbb, 0xbf]) {
            scanner.at = 3;
        }
        Ok(scanner)
    }

    /// The byte offset in the text of the next unread byte.
    pub(crate) fn offset(&self) -> u64 {
        self.dropped + u64::try_from(self.at).unwrap_or(u64::MAX)
    }

    /// The next byte that is no white space, unread; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            match self.buffer.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return Ok(Some(*byte)),
                None if self.ended => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    /// Takes this byte where it is the next one.
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool, Error> {
        let found = self.peek()? == Some(byte);
        self.at += usize::from(found);
        Ok(found)
    }

    /// Takes this byte.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end of the text, [`Error::Syntax`] where another byte is there.
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Error> {
        match self.peek()? {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(found) => {
                Err(Error::Syntax { offset: self.offset(), expected: char::from(byte), found: char::from(found) })
            }
            None => Err(Error::Truncated { offset: self.offset() }),
        }
    }

    /// The next member's key, its colon taken too; `None` where the object ends.
    pub(crate) fn key(&mut self) -> Result<Option<String>, Error> {
        while self.take(b',')? {}
        if self.take(b'}')? {
            return Ok(None);
        }
        let offset = self.offset();
        let key = serde_json::from_slice(self.value()?).map_err(|_| Error::Key { offset })?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// The next element of an array as raw bytes; `None` where the array ends.
    pub(crate) fn element(&mut self) -> Result<Option<&[u8]>, Error> {
        while self.take(b',')? {}
        if self.take(b']')? {
            return Ok(None);
        }
        self.value().map(Some)
    }

    /// The next value as raw bytes.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the text ends inside it, [`Error::TooLarge`] beyond [`MAX_VALUE_BYTES`].
    pub(crate) fn value(&mut self) -> Result<&[u8], Error> {
        let opening = self.peek()?.ok_or(Error::Truncated { offset: self.offset() })?;
        let mut length = 0;
        let mut state = Extent::of(opening);
        loop {
            let unseen = self.buffer.get(self.at + length..).unwrap_or_default();
            if let Some(more) = state.advance(unseen) {
                length += more;
                break;
            }
            length += unseen.len();
            if self.ended {
                if matches!(state, Extent::Scalar) {
                    break;
                }
                return Err(Error::Truncated { offset: self.offset() });
            }
            if length > MAX_VALUE_BYTES {
                return Err(Error::TooLarge { offset: self.offset(), limit_bytes: MAX_VALUE_BYTES });
            }
            self.fill()?;
        }
        if length == 0 {
            return Err(Error::Syntax { offset: self.offset(), expected: '"', found: char::from(opening) });
        }
        let start = self.at;
        self.at += length;
        Ok(self.buffer.get(start..self.at).unwrap_or_default())
    }

    /// Reads one more piece behind what is unread.
    fn fill(&mut self) -> Result<(), Error> {
        if self.at > 0 {
            self.dropped += u64::try_from(self.at).unwrap_or(u64::MAX);
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let filled = self.buffer.len();
        // Twice what is held at least, so that an object of many pieces is not moved once for each of them.
        self.buffer.resize(filled + CHUNK_BYTES.max(filled), 0);
        let mut end = filled;
        while let Some(free) = self.buffer.get_mut(end..).filter(|free| !free.is_empty()) {
            match self.reader.read(free) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Io(error)),
            }
        }
        self.buffer.truncate(end);
        Ok(())
    }
}

/// How far a value is known to reach.
enum Extent {
    /// A number or word: ends before the first delimiter.
    Scalar,
    /// A string; `escaped` where a backslash came last.
    Text { opened: bool, escaped: bool },
    /// An object or array.
    Nested { depth: u32, text: bool, escaped: bool },
}

impl Extent {
    fn of(opening: u8) -> Self {
        match opening {
            b'{' | b'[' => Self::Nested { depth: 0, text: false, escaped: false },
            b'"' => Self::Text { opened: false, escaped: false },
            _ => Self::Scalar,
        }
    }

    /// The length up to and with the value's end in `bytes`, or `None` where it goes on behind them.
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Scalar => {
                bytes.iter().position(|byte| matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n'))
            }
            Self::Text { opened, escaped } => {
                let mut at = 0;
                if !*opened {
                    at = bytes.iter().position(|byte| *byte == b'"')? + 1;
                    *opened = true;
                }
                string_end(bytes, at, escaped)
            }
            Self::Nested { depth, text, escaped } => {
                let mut at = 0;
                loop {
                    if *text {
                        at = string_end(bytes, at, escaped)?;
                        *text = false;
                    }
                    match bytes.get(at)? {
                        b'"' => *text = true,
                        b'{' | b'[' => *depth += 1,
                        b'}' | b']' => {
                            *depth -= 1;
                            if *depth == 0 {
                                return Some(at + 1);
                            }
                        }
                        _ => {}
                    }
                    at += 1;
                }
            }
        }
    }
}

/// The place behind the quotation mark that ends a string whose inside goes on at `at`; `escaped` where a backslash came
/// last, also into the next piece of text.
fn string_end(bytes: &[u8], mut at: usize, escaped: &mut bool) -> Option<usize> {
    if *escaped {
        bytes.get(at)?;
        at += 1;
        *escaped = false;
    }
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        if bytes.get(at + 1).is_none() {
            *escaped = true;
            return None;
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time, so that every boundary is met.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn elements(text: &str) -> Vec<String> {
        let mut scanner = Scanner::new(Drip(text.as_bytes())).unwrap();
        scanner.expect(b'[').unwrap();
        let mut out = Vec::new();
        while let Some(bytes) = scanner.element().unwrap() {
            out.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        out
    }

    #[test]
    fn braces_and_quotes_inside_strings_end_nothing() {
        assert_eq!(elements(r#"[{"a":"}\"]"}, "x,]", 12 ,null]"#), [r#"{"a":"}\"]"}"#, r#""x,]""#, "12", "null"]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let mut scanner = Scanner::new(&b"\xef\xbb\xbf {"[..]).unwrap();
        assert_eq!(scanner.peek().unwrap(), Some(b'{'));
    }

    #[test]
    fn utf_16_is_refused_by_name() {
        assert!(matches!(Scanner::new(&b"\xff\xfe{\0"[..]), Err(Error::Encoding)));
    }

    #[test]
    fn the_end_inside_a_value_is_a_truncation_at_its_start() {
        let mut scanner = Scanner::new(&br#"[{"a":"b"#[..]).unwrap();
        scanner.expect(b'[').unwrap();
        assert!(matches!(scanner.element(), Err(Error::Truncated { offset: 1 })));
    }

    #[test]
    fn a_value_larger_than_a_piece_is_whole() {
        let long = format!("[\"{}\"]", "x".repeat(3 * CHUNK_BYTES));
        let mut scanner = Scanner::new(long.as_bytes()).unwrap();
        scanner.expect(b'[').unwrap();
        assert_eq!(scanner.element().unwrap().unwrap().len(), 3 * CHUNK_BYTES + 2);
        assert!(scanner.element().unwrap().is_none());
    }
}
