//! Files of BloodHound's collectors: SharpHound's JSON of versions 4 to 6 in zip or plain, what RustHound and
//! bloodhound.py write in its form, AzureHound's, and OpenGraph. Objects become nodes, what they say raw edges.
//!
//! A file is read as a stream: memory is bounded by its largest object and by one batch, never by its size. A malformed
//! object is counted and the rest loads. Of a truncated file, what was complete is delivered and then an error returned.
//!
//! Deliberately not done here: deriving (`graph::derive`), zips inside zips, resolving members that a collector knew by
//! distinguished name only (counted, and a gap).

mod azure;
mod convert;
mod fields;
mod kind;
mod load;
mod object;
mod scan;

use std::io::{Read, Seek};

use hopwatch_model::Timestamp;

use crate::{Counters, Sink};
pub(super) use convert::Output;
pub(super) use fields::{Bag, Scalar};
pub(super) use load::Load;
pub(super) use scan::Scanner;

/// Why a file could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source failed.
    #[error("cannot read")]
    Io(#[source] std::io::Error),
    /// The archive is damaged.
    #[error("not a readable zip archive")]
    Archive(#[source] zip::result::ZipError),
    /// The text is in UTF-16.
    #[error("the text is UTF-16, UTF-8 is expected")]
    Encoding,
    /// A delimiter is missing.
    #[error("expected {expected:?} at byte {offset}, found {found:?}")]
    Syntax {
        /// Where, in bytes from the start of the text.
        offset: u64,
        /// The delimiter that belongs there.
        expected: char,
        /// What is there.
        found: char,
    },
    /// A member's name is no string.
    #[error("a member without a name at byte {offset}")]
    Key {
        /// Where, in bytes from the start of the text.
        offset: u64,
    },
    /// The text ends too early.
    #[error("truncated: the text ends inside the value at byte {offset}")]
    Truncated {
        /// Where the value starts that has no end.
        offset: u64,
    },
    /// One value is larger than is plausible.
    #[error("the value at byte {offset} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Where it starts.
        offset: u64,
        /// What is allowed.
        limit_bytes: usize,
    },
    /// Neither `meta` nor the objects tell what the file holds.
    #[error("unknown type of file {found:?}")]
    UnknownType {
        /// What `meta` says.
        found: String,
    },
    /// A version of the format that is too old.
    #[error("version {found} of the format is not supported, 4 and later are")]
    UnsupportedVersion {
        /// The version.
        found: i64,
    },
    /// The file's `meta` comes after its data and says otherwise than the data looked.
    #[error("the objects were taken for another type than {found:?}, which the end of the file names")]
    TypeMismatch {
        /// What `meta` says.
        found: String,
    },
    /// It is no file of a collector.
    #[error("neither a collector's file nor an OpenGraph file")]
    Foreign,
}

/// Whether a file that begins with these bytes is one to [`read`]; 4 KiB suffice.
#[must_use]
pub fn sniff(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = String::from_utf8_lossy(head).to_lowercase();
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).take(4096).collect();
    if !compact.starts_with('{') {
        return false;
    }
    let has = |part: &str| compact.contains(part);
    let meta = has("\"meta\":{") && has("\"version\":") && has("\"type\":");
    let objects = has("\"data\":[")
        && (has("\"objectidentifier\":") || has("\"aces\":") || has("\"properties\":") || has("\"kind\":\"az"));
    let graph = has("\"graph\":{") && (has("\"nodes\":[") || has("\"edges\":["));
    meta || objects || graph
}

/// Whether bytes begin a zip archive, which [`read_archive`] reads.
#[must_use]
pub fn sniff_archive(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Reads one JSON file into the sink, in deltas of some thousand objects.
///
/// `time` is when the data was collected; the format does not say it reliably.
///
/// # Errors
/// What is wrong with the file as a whole. What was complete before it has been delivered.
pub fn read(
    reader: impl Read,
    name: &str,
    time: Timestamp,
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<(), Error> {
    let mut load = Load::new(name, time, sink, counters);
    let result = Scanner::new(reader).and_then(|mut scanner| load.file(&mut scanner));
    load.finish();
    result
}

/// Reads every JSON file of a zip archive; gives back which of them failed and why.
///
/// # Errors
/// Where the archive itself cannot be read.
pub fn read_archive(
    reader: impl Read + Seek,
    name: &str,
    time: Timestamp,
    sink: &mut dyn Sink,
    counters: &mut Counters,
) -> Result<Vec<(String, Error)>, Error> {
    let mut archive = zip::ZipArchive::new(reader).map_err(Error::Archive)?;
    let mut failed = Vec::new();
    for index in 0..archive.len() {
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                failed.push((format!("{name}#{index}"), Error::Archive(error)));
                continue;
            }
        };
        let path = format!("{name}/{}", entry.name());
        if entry.is_dir() || !path.to_ascii_lowercase().ends_with(".json") {
            counters.ignore("file of an archive that is no JSON");
            continue;
        }
        if let Err(error) = read(entry, &path, time, sink, counters) {
            failed.push((path, error));
        }
    }
    Ok(failed)
}

#[cfg(test)]
mod tests;
