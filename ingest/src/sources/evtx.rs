//! Windows event log files (EVTX). Chunks are decoded in parallel; each record is rendered to its XML form, which
//! `wire::event_xml` makes flat, so that an EVTX record and the same record forwarded as XML cannot differ.
//!
//! The record header's date is not used: forwarded and carved records bear 1601 there; `System/TimeCreated` counts. Broken
//! chunks and records are counted by what is wrong with them, the rest is read. Deleted records are not carved.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use evtx::err::{ChunkError, EvtxError};
use evtx::{EvtxParser, ParserSettings};
use hopwatch_model::Record;
use hopwatch_wire::event_xml::parse_event;

use super::Context;
use super::windows::{self, Verdict};
use crate::error::{Error, Result};

/// The magic of the file header.
pub const MAGIC: &[u8; 8] = b"ElfFile\0";

/// Reads a whole log in the order of its records.
///
/// # Errors
/// [`Error::Malformed`] where the file header cannot be read.
pub fn read<R: Read + Seek>(input: R, context: &mut Context<'_>) -> Result<()> {
    let settings = ParserSettings::new().num_threads(context.threads.max(1));
    let input = Padded::new(input).map_err(|source| Error::Read { offset: 0, source })?;
    if input.missing > 0 {
        context.counters.drop("event log chunk is cut off");
    }
    let mut parser = EvtxParser::from_read_seek(input)
        .map_err(|error| Error::Malformed { kind: "event log", reason: error.to_string() })?
        .with_configuration(settings);
    let source = Arc::clone(&context.name);
    let verdicts = parser.serialized_records(move |record| {
        let record = record?;
        let place = Record::Record(record.event_record_id);
        let xml = record.into_xml_bytes()?.data;
        Ok(verdict(&xml, place, &source))
    });
    for verdict in verdicts {
        context.counters.read += 1;
        match verdict {
            Ok(verdict) => context.windows(verdict),
            Err(error) => context.counters.drop(reason(&error)),
        }
    }
    Ok(())
}

/// Bytes of the file header.
const HEADER_BYTES: u64 = 4096;
/// Bytes of a chunk.
const CHUNK_BYTES: u64 = 65_536;

/// A log whose last chunk is cut off, made whole with zeros: the records before the cut are read.
struct Padded<R> {
    inner: R,
    length: u64,
    missing: u64,
    position: u64,
}

impl<R: Read + Seek> Padded<R> {
    fn new(mut inner: R) -> std::io::Result<Self> {
        let length = inner.seek(SeekFrom::End(0))?;
        inner.seek(SeekFrom::Start(0))?;
        let partial = length.saturating_sub(HEADER_BYTES) % CHUNK_BYTES;
        let missing = if partial == 0 { 0 } else { CHUNK_BYTES - partial };
        Ok(Self { inner, length, missing, position: 0 })
    }
}

impl<R: Read + Seek> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = if self.position < self.length {
            self.inner.read(buffer)?
        } else {
            let left = (self.length + self.missing).saturating_sub(self.position);
            let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            buffer.iter_mut().take(count).for_each(|byte| *byte = 0);
            count
        };
        self.position += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Padded<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => (self.length + self.missing).checked_add_signed(by),
        };
        self.position = position.ok_or(std::io::ErrorKind::InvalidInput)?;
        self.inner.seek(SeekFrom::Start(self.position.min(self.length)))?;
        Ok(self.position)
    }
}

fn verdict(xml: &[u8], place: Record, source: &Arc<str>) -> Verdict {
    let Ok(xml) = std::str::from_utf8(xml) else { return Verdict::Dropped("event record is not UTF-8") };
    match parse_event(xml, windows::wanted) {
        Ok(record) => windows::normalize(&record, place, source),
        Err(_) => Verdict::Dropped("event record is malformed XML"),
    }
}

fn reason(error: &EvtxError) -> &'static str {
    match error {
        EvtxError::FailedToParseChunk { source, .. } => match &**source {
            ChunkError::IncompleteChunk => "event log chunk is cut off",
            ChunkError::FailedToBuildStringCache { .. } => "event log chunk has a broken string cache",
            _ => "event log chunk is malformed",
        },
        _ => "event record is malformed",
    }
}
