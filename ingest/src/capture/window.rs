//! A sliding window over a reader: the bytes of one record are handed out as a slice, without a copy per record.

use std::io::{ErrorKind, Read};

/// How much is read at once: large enough that a read per window costs nothing beside the work on its records.
const READ_BYTES: usize = 256 * 1024;

/// The window.
pub(super) struct Window<'r> {
    reader: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Set at the end of the input, and where a compressed input breaks off.
    ended: bool,
    /// A compressed input broke off or is damaged.
    broken: bool,
    /// A read failed for another reason than the end.
    failure: Option<std::io::Error>,
}

impl<'r> Window<'r> {
    pub(super) fn new(reader: Box<dyn Read + 'r>) -> Self {
        Self { reader, buffer: vec![0; READ_BYTES], start: 0, end: 0, ended: false, broken: false, failure: None }
    }

    /// The bytes at hand, at least `count` of them unless the input ends before.
    pub(super) fn fill(&mut self, count: usize) -> &[u8] {
        if self.end - self.start < count {
            self.read_more(count);
        }
        self.bytes()
    }

    fn read_more(&mut self, count: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < count {
            self.buffer.resize(count.next_multiple_of(READ_BYTES), 0);
        }
        while self.end < count && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A compressed stream that breaks off or is damaged: what came before it is good.
                Err(error) => {
                    self.ended = true;
                    match error.kind() {
                        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                            self.broken = true;
                        }
                        _ => self.failure = Some(error),
                    }
                }
            }
        }
    }

    /// The bytes at hand.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Moves on within the bytes at hand.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Moves on by any distance; false where the input ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> bool {
        loop {
            let here = self.end - self.start;
            match usize::try_from(count) {
                Ok(count) if count <= here => {
                    self.consume(count);
                    return true;
                }
                _ => {}
            }
            count -= u64::try_from(here).unwrap_or(0);
            self.consume(here);
            if self.fill(1).is_empty() {
                return false;
            }
        }
    }

    /// Whether a compressed input broke off.
    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// The failure that ended the input, where it was no plain end.
    pub(super) fn failure(&mut self) -> Option<std::io::Error> {
        self.failure.take()
    }
}
