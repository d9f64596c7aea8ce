//! Packet captures: files of any supported kind, and any other source of frames, become events.
//!
//! ```text
//! Reader (pcap, pcapng, gzip, zstd) ─► Pipeline: wire::net ─► fragments ─► flows ─► dispatch ─► analysers ─► Sink
//! ```
//! Memory is bounded by [`Caps`] whatever the size of the capture. Events leave in the order in which their
//! transactions ended, each with the time of its request; [`crate::resolution::Resolving`] puts them in order of time.

mod error;
#[cfg(target_os = "linux")]
pub mod live;
mod order;
mod pcap;
mod pcapng;
mod pipeline;
mod reader;
mod window;

#[cfg(test)]
mod tests;

use std::io::Read;

use crate::{Counters, DigestKey, Sink};

pub use crate::flows::Caps;
pub use error::Error;
pub use hopwatch_wire::net::LinkType;
pub use pipeline::Pipeline;
pub use reader::{Frame, Reader, recognises};

/// How captures are read.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key for digests of secrets.
    pub key: DigestKey,
    /// The bounds.
    pub caps: Caps,
}

impl Config {
    /// With the default bounds.
    #[must_use]
    pub fn new(key: DigestKey) -> Self {
        Self { key, caps: Caps::default() }
    }
}

/// Reads a whole capture from a file, a member of an archive or any other reader. `name` becomes the provenance.
///
/// # Errors
/// [`Error`] where it is empty, no capture, or cannot be read; events made before a read failure have been handed on. A
/// capture that merely breaks off is no error but counted as `truncated capture`.
pub fn read_file(
    reader: impl Read,
    name: &str,
    config: &Config,
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<(), Error> {
    let mut reader = Reader::open(reader)?;
    let mut pipeline = Pipeline::new(name, config);
    let result = loop {
        match reader.next_frame(counters) {
            Ok(Some(frame)) => pipeline.frame(&frame, counters, sink),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    pipeline.finish(counters, sink);
    result
}
