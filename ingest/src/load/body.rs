//! The bytes of one file or archive member: peeked at to tell its kind, decoded where it is UTF-16, made seekable where a
//! format needs it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};

use super::Limits;
use crate::error::{Error, Result};

/// How much is looked at to tell a kind.
const HEAD_BYTES: u64 = 64 * 1024;

/// Where bytes come from.
pub enum Body<'a> {
    /// A file on disk.
    File(File),
    /// Bytes in memory.
    Memory(Cursor<Vec<u8>>),
    /// A stream out of an archive or a decompressor.
    Stream(Box<dyn Read + 'a>),
}

/// A file that was peeked at.
pub struct Input<'a> {
    /// The first bytes; text is UTF-8 once [`Input::decode_text`] was called.
    pub head: Vec<u8>,
    body: Body<'a>,
    /// Bytes that were taken off a stream for the head, to be read again.
    taken: Vec<u8>,
    memory_bytes: u64,
    utf16: Option<Endian>,
}

/// What both files and memory can do.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

impl<'a> Input<'a> {
    /// Peeks at a body.
    ///
    /// # Errors
    /// [`Error::Read`] where its first bytes cannot be read.
    pub fn open(mut body: Body<'a>, limits: &Limits) -> Result<Self> {
        let mut head = Vec::new();
        let reader: &mut dyn Read = match &mut body {
            Body::File(file) => file,
            Body::Memory(memory) => memory,
            Body::Stream(stream) => stream,
        };
        let broken = reader.take(HEAD_BYTES).read_to_end(&mut head).err();
        if let Some(source) = broken {
            if head.is_empty() {
                return Err(read_error(0, source));
            }
            // What precedes the break is read first; the break comes up again behind it.
            body = Body::Stream(Box::new(Broken(Some(source))));
        }
        let mut taken = Vec::new();
        match &mut body {
            Body::File(file) => file.seek(SeekFrom::Start(0)).map(|_| ()),
            Body::Memory(memory) => memory.seek(SeekFrom::Start(0)).map(|_| ()),
            Body::Stream(_) => {
                taken.clone_from(&head);
                Ok(())
            }
        }
        .map_err(|source| read_error(0, source))?;
        Ok(Self { head, body, taken, memory_bytes: limits.memory_bytes, utf16: None })
    }

    /// Makes the head UTF-8 where it is UTF-16 with or without byte order mark, and cuts a UTF-8 mark.
    pub fn decode_text(&mut self) {
        self.utf16 = match self.head.get(..4) {
            Some([0xff, 0xfe, ..]) => Some(Endian::Little),
            Some([0xfe, 0xff, ..]) => Some(Endian::Big),
            Some([b'<' | b'{' | b'[', 0, second, 0]) if *second != 0 => Some(Endian::Little),
            Some([0, b'<' | b'{' | b'[', 0, second]) if *second != 0 => Some(Endian::Big),
            _ => None,
        };
        if let Some(endian) = self.utf16 {
            let mut text = Vec::new();
            let decoder = Utf16Reader::new(self.head.as_slice(), endian);
            // The head may end inside a character; what precedes it is what matters.
            let _partial = { decoder }.read_to_end(&mut text);
            self.head = text;
        }
        if self.head.starts_with(b"\xef\xbb\xbf") {
            self.head.drain(..3);
        }
    }

    /// The whole content from its start, as UTF-8 where it is text.
    #[must_use]
    pub fn reader(self) -> Box<dyn BufRead + 'a> {
        let raw: Box<dyn Read + 'a> = match self.body {
            Body::File(file) => Box::new(file),
            Body::Memory(memory) => Box::new(memory),
            Body::Stream(stream) => Box::new(Cursor::new(self.taken).chain(stream)),
        };
        match self.utf16 {
            Some(endian) => Box::new(BufReader::with_capacity(1 << 18, Utf16Reader::new(BufReader::new(raw), endian))),
            None => Box::new(BufReader::with_capacity(1 << 18, raw)),
        }
    }

    /// The whole content, seekable; streams are read into memory up to the limit.
    ///
    /// # Errors
    /// [`Error::Hostile`] over the limit, [`Error::Read`] where the stream breaks.
    pub fn seekable(self) -> Result<Box<dyn ReadSeek + 'a>> {
        match self.body {
            Body::File(file) => Ok(Box::new(BufReader::new(file))),
            Body::Memory(memory) => Ok(Box::new(memory)),
            Body::Stream(stream) => {
                let mut bytes = self.taken;
                let limit = self.memory_bytes;
                let mut stream = stream.take(limit);
                stream.read_to_end(&mut bytes).map_err(|source| read_error(length(&bytes), source))?;
                if stream.limit() == 0 {
                    return Err(Error::Hostile {
                        reason: format!("a member over {limit} bytes that must be held in memory"),
                    });
                }
                Ok(Box::new(Cursor::new(bytes)))
            }
        }
    }
}

/// Gives a read failure inside a source the name of what caused it.
pub(super) fn renamed(error: Error) -> Error {
    match error {
        Error::Read { offset, source } => read_error(offset, source),
        other => other,
    }
}

/// A read failure; those of the unpacking bounds keep their name.
pub(super) fn read_error(offset: u64, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::QuotaExceeded {
        Error::Hostile { reason: source.to_string() }
    } else if source.kind() == io::ErrorKind::UnexpectedEof {
        Error::Truncated { kind: "compressed file" }
    } else {
        Error::Read { offset, source }
    }
}

/// A stream that broke.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// UTF-16 to UTF-8; what is no character becomes U+FFFD.
struct Utf16Reader<R> {
    input: R,
    endian: Endian,
    /// A high surrogate that waits for its half.
    high: Option<u16>,
    ready: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16Reader<R> {
    fn new(input: R, endian: Endian) -> Self {
        Self { input, endian, high: None, ready: Vec::new(), given: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        let mut block = Vec::with_capacity(8192);
        self.input.by_ref().take(8192).read_to_end(&mut block)?;
        let units = block.as_chunks::<2>().0.iter().map(|pair| match self.endian {
            Endian::Little => u16::from_le_bytes(*pair),
            Endian::Big => u16::from_be_bytes(*pair),
        });
        let mut units: Vec<u16> = self.high.take().into_iter().chain(units).collect();
        if let Some(last) = units.last().copied()
            && (0xd800..0xdc00).contains(&last)
            && block.len() == 8192
        {
            self.high = units.pop();
        }
        for c in char::decode_utf16(units) {
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            if c != '\u{feff}' {
                self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += count;
        Ok(count)
    }
}
