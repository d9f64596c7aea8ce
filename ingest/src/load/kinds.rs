//! The kinds of files, each told by its first bytes. The order matters: the first that recognises a head reads it, so that
//! binary magics come first and plain text last.

use crate::capture;
use crate::counters::Counters;
use crate::directory::ldap::ldif;
use crate::directory::{bloodhound, sharphound};
use crate::error::{Error, Result};
use crate::load::Input;
use crate::load::body::read_error;
use crate::sources::{Context, evtx, json, radius, signin, text, xml, zeek};

/// A kind of file.
pub struct Source {
    /// Its name in reports.
    pub kind: &'static str,
    /// Whether a file that starts so (64 KiB at most, text as UTF-8 without mark) is of the kind.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads it to its end.
    pub read: fn(Input<'_>, &mut Context<'_>) -> Result<()>,
}

/// Every kind.
pub const SOURCES: &[Source] = &[
    Source { kind: "capture", recognises: capture::recognises, read: read_capture },
    Source { kind: "event log", recognises: |head| head.starts_with(evtx::MAGIC), read: read_evtx },
    Source {
        kind: "event XML",
        recognises: xml::recognises,
        read: |input, context| xml::read(input.reader(), context),
    },
    Source { kind: "directory", recognises: bloodhound::sniff, read: read_directory },
    Source { kind: "LDIF", recognises: ldif::recognises, read: read_ldif },
    Source {
        kind: "JSON records",
        recognises: json::recognises,
        read: |input, context| json::read(input.reader(), context),
    },
    Source {
        kind: "Zeek log",
        recognises: zeek::recognises,
        read: |input, context| zeek::read(input.reader(), context),
    },
    Source {
        kind: "RADIUS detail",
        recognises: radius::detail::recognises,
        read: |input, context| radius::detail::read(input.reader(), context),
    },
    Source {
        kind: "NPS log",
        recognises: radius::nps::recognises,
        read: |input, context| radius::nps::read(input.reader(), context),
    },
    Source { kind: "CSV", recognises: signin::csv::recognises, read: read_csv },
    Source {
        kind: "text log",
        recognises: text::recognises,
        read: |input, context| text::read(input.reader(), context),
    },
];

fn read_directory(input: Input<'_>, context: &mut Context<'_>) -> Result<()> {
    let name = context.name.to_string();
    bloodhound::read(input.reader(), &name, context.now, context.sink, &mut context.counters).map_err(Error::Directory)
}

fn read_ldif(input: Input<'_>, context: &mut Context<'_>) -> Result<()> {
    let malformed = |reason: String| Error::Malformed { kind: "LDIF", reason };
    let snapshot = match ldif::read(input.reader(), &mut context.counters) {
        Ok(snapshot) => snapshot,
        Err(ldif::Error::Io(source)) => return Err(read_error(0, source)),
        Err(error) => return Err(malformed(error.to_string())),
    };
    let name = context.name.to_string();
    let mut converted = Counters::default();
    sharphound::read_into(&snapshot, None, (&name, context.now), context.sink, &mut converted)
        .map_err(|error| malformed(error.to_string()))?;
    // The records of the file are counted once, as what they are in it.
    converted.read = 0;
    context.counters.add(&converted);
    Ok(())
}

fn read_evtx(input: Input<'_>, context: &mut Context<'_>) -> Result<()> {
    evtx::read(input.seekable()?, context)
}

fn read_capture(input: Input<'_>, context: &mut Context<'_>) -> Result<()> {
    let config = capture::Config::new(context.key.clone());
    let name = context.name.clone();
    let read = capture::read_file(input.reader(), &name, &config, &mut *context.sink, &mut context.counters);
    read.map_err(|error| match error {
        capture::Error::Empty => Error::Empty,
        capture::Error::Foreign { .. } => Error::Unknown,
        capture::Error::Malformed { what } => Error::Malformed { kind: "capture", reason: what.into() },
        capture::Error::Read(source) => read_error(0, source),
    })?;
    // What precedes the cut was delivered; whoever loads the file must still know that it is not all of it.
    match context.counters.dropped.contains_key("truncated capture") {
        true => Err(Error::Truncated { kind: "capture" }),
        false => Ok(()),
    }
}

fn read_csv(input: Input<'_>, context: &mut Context<'_>) -> Result<()> {
    let head = input.head.clone();
    signin::csv::read(input.reader(), &head, context)
}

/// A file that was read and gave nothing because nothing in it is known or nothing is whole is a failed file.
pub(super) fn useless(source: &Source, counters: &Counters) -> Option<Error> {
    let foreign: u64 = FOREIGN.iter().filter_map(|reason| counters.ignored.get(reason)).sum();
    let dropped: u64 = counters.dropped.values().sum();
    if counters.events > 0 || counters.read + dropped == 0 {
        return None;
    }
    if foreign + dropped < counters.read {
        return None;
    }
    if foreign > 0 && foreign >= dropped {
        return Some(Error::Unknown);
    }
    let reason = counters.dropped.iter().max_by_key(|(_, count)| **count).map(|(reason, _)| *reason)?;
    Some(Error::Useless { kind: source.kind, reason })
}

/// Reasons that say a record is of a foreign kind.
const FOREIGN: &[&str] = &["JSON record of no known shape", "line of no known shape", "line without JSON"];
