//! What stands between a reassembled direction and its analyser: bytes that the analyser left are kept and handed to it
//! again with more behind them; bytes that it asked to skip never reach it.

use crate::analyzers::{Chunk, Direction, Output, StreamAnalyzer};

/// The unconsumed bytes of one direction.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pending: Vec<u8>,
    /// Bytes to pass over before the analyser sees any.
    skip: u64,
}

impl Inbox {
    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.pending.len()
    }

    /// Hands the next bytes of the direction on. `cap`: the most bytes that may stay unconsumed.
    pub(super) fn deliver(
        &mut self,
        mut chunk: Chunk<'_>,
        cap: usize,
        analyzer: &mut dyn StreamAnalyzer,
        out: &mut Output<'_>,
    ) {
        if self.skip > 0 {
            let passed = usize::try_from(self.skip).map_or(chunk.bytes.len(), |skip| skip.min(chunk.bytes.len()));
            self.skip -= u64::try_from(passed).unwrap_or(self.skip);
            chunk.bytes = chunk.bytes.get(passed..).unwrap_or_default();
        }
        if chunk.bytes.is_empty() {
            return;
        }
        if self.pending.is_empty() {
            let left = self.feed(chunk, analyzer, out);
            self.pending.extend_from_slice(left);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(chunk.bytes);
            let left = self.feed(Chunk { bytes: &pending, ..chunk }, analyzer, out).len();
            pending.drain(..pending.len() - left);
            self.pending = pending;
        }
        if self.pending.len() > cap {
            out.counters.drop("message longer than the stream buffer");
            self.gap(0, chunk.direction, analyzer, out);
        }
        // A direction that once waited for a long message does not keep the room for it.
        if self.pending.is_empty() && self.pending.capacity() > 64 * 1024 {
            self.pending = Vec::new();
        }
    }

    /// Calls the analyser until it consumes no more; returns what is left.
    fn feed<'b>(&mut self, mut chunk: Chunk<'b>, analyzer: &mut dyn StreamAnalyzer, out: &mut Output<'_>) -> &'b [u8] {
        while !chunk.bytes.is_empty() {
            let done = analyzer.data(chunk, out);
            match chunk.bytes.get(done..) {
                _ if done == 0 => break,
                Some(rest) => chunk.bytes = rest,
                None => {
                    self.skip = u64::try_from(done - chunk.bytes.len()).unwrap_or(0);
                    chunk.bytes = &[];
                }
            }
        }
        chunk.bytes
    }

    /// Bytes were lost: what waits for them is void. A loss inside bytes that were to be skipped costs nothing.
    pub(super) fn gap(
        &mut self,
        bytes: u64,
        direction: Direction,
        analyzer: &mut dyn StreamAnalyzer,
        out: &mut Output<'_>,
    ) {
        if bytes > 0 && bytes <= self.skip {
            self.skip -= bytes;
            return;
        }
        let lost = bytes - self.skip.min(bytes) + u64::try_from(self.pending.len()).unwrap_or(0);
        self.skip = 0;
        self.pending = Vec::new();
        analyzer.gap(direction, lost, out);
    }
}
