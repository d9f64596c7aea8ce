//! Frames of a capture file of any supported kind, one at a time, in bounded memory. Compression (gzip, zstd) and format
//! are told by their magic; the file's name plays no part.

use std::io::Read;

use hopwatch_model::Timestamp;
use hopwatch_wire::net::LinkType;

use super::error::Error;
use super::pcap::Pcap;
use super::pcapng::{PcapNg, SECTION_HEADER};
use super::window::Window;
use crate::counters::Counters;

/// A frame of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Its number, from 1, as Wireshark counts.
    pub number: u64,
    /// What its first header is.
    pub link: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// The frames of one capture.
pub struct Reader<'r> {
    window: Window<'r>,
    format: Format,
    frames: u64,
    /// The length of the record that was handed out last; consumed when the next is asked for.
    taken: usize,
    done: bool,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// Where a frame lies in the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) total: usize,
}

/// What a format's reader found next.
pub(super) enum Next {
    Frame(Place),
    /// One record could not be read; the next can.
    Skipped,
    End,
    /// The file breaks off inside a record.
    Truncated,
    /// The structure is lost: nothing behind this can be trusted.
    Malformed,
}

/// Whether a file that starts with these bytes may be a capture: pcap, pcapng, or gzip or zstd (which may hold one).
#[must_use]
pub fn recognises(start: &[u8]) -> bool {
    magic(start).is_some()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magic {
    Pcap,
    PcapNg,
    Gzip,
    Zstd,
}

fn magic(start: &[u8]) -> Option<Magic> {
    match *start.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0xc3, 0xd4]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x34, 0xcd, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0xcd, 0x34] => Some(Magic::Pcap),
        SECTION_HEADER => Some(Magic::PcapNg),
        [0x1f, 0x8b, 0x08, _] => Some(Magic::Gzip),
        // A frame, or a skippable frame before it (RFC 8878 §3.1).
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Magic::Zstd),
        _ => None,
    }
}

impl<'r> Reader<'r> {
    /// Opens a capture.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Foreign`], [`Error::Malformed`] where the file header breaks off, [`Error::Read`].
    pub fn open(reader: impl Read + 'r) -> Result<Self, Error> {
        Self::open_layers(Box::new(reader), 2)
    }

    /// `layers`: how many layers of compression may still be there; a capture compressed twice is met in practice.
    fn open_layers(mut reader: Box<dyn Read + 'r>, layers: u8) -> Result<Self, Error> {
        let mut start = Vec::with_capacity(4);
        reader.by_ref().take(4).read_to_end(&mut start)?;
        let kind = magic(&start);
        if start.is_empty() {
            return Err(Error::Empty);
        }
        let Some(kind) = kind else { return Err(Error::Foreign { magic: start }) };
        let foreign = Error::Foreign { magic: start.clone() };
        let whole: Box<dyn Read + 'r> = Box::new(std::io::Cursor::new(start).chain(reader));
        let mut window = match kind {
            Magic::Gzip | Magic::Zstd if layers == 0 => return Err(foreign),
            Magic::Gzip => return Self::open_layers(Box::new(flate2::read::MultiGzDecoder::new(whole)), layers - 1),
            Magic::Zstd => return Self::open_layers(Box::new(zstd::stream::read::Decoder::new(whole)?), layers - 1),
            Magic::Pcap | Magic::PcapNg => Window::new(whole),
        };
        let format = match kind {
            Magic::PcapNg => Format::PcapNg(PcapNg::new()),
            _ => Format::Pcap(Pcap::open(&mut window).ok_or(Error::Malformed { what: "file header" })?),
        };
        Ok(Self { window, format, frames: 0, taken: 0, done: false })
    }

    /// The next frame; `None` at the end. What was lost is counted.
    ///
    /// # Errors
    /// [`Error::Read`] where the underlying reader failed.
    pub fn next_frame(&mut self, counters: &mut Counters) -> Result<Option<Frame<'_>>, Error> {
        self.window.consume(std::mem::take(&mut self.taken));
        while !self.done {
            let next = match &mut self.format {
                Format::Pcap(pcap) => pcap.next(&mut self.window),
                Format::PcapNg(pcapng) => pcapng.next(&mut self.window),
            };
            match next {
                Next::Frame(place) => {
                    self.frames += 1;
                    self.taken = place.total;
                    counters.read += 1;
                    let bytes = self.window.bytes().get(place.start..place.start + place.length).unwrap_or_default();
                    return Ok(Some(Frame { time: place.time, number: self.frames, link: place.link, bytes }));
                }
                Next::Skipped => counters.drop("malformed capture block"),
                Next::End => {
                    self.done = true;
                    if self.window.broken() {
                        counters.drop("truncated capture");
                    }
                }
                Next::Truncated => {
                    self.done = true;
                    counters.drop("truncated capture");
                }
                Next::Malformed => {
                    self.done = true;
                    counters.drop("malformed capture record");
                }
            }
        }
        match self.window.failure() {
            Some(error) => Err(error.into()),
            None => Ok(None),
        }
    }
}
