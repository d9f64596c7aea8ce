//! Where an event came from, down to the frame or record, so that every judgement can show its evidence.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place of an event inside its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The frame of a capture, counted from 1 as Wireshark does.
    Frame(u64),
    /// The record id of an event log.
    Record(u64),
    /// The line of a text file, counted from 1.
    Line(u64),
    /// The item of a JSON array or of a poll, counted from 1.
    Item(u64),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(n) => write!(f, "frame {n}"),
            Self::Record(n) => write!(f, "record {n}"),
            Self::Line(n) => write!(f, "line {n}"),
            Self::Item(n) => write!(f, "item {n}"),
        }
    }
}

/// What kind of source spoke. Two views of one act come from different kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Packets, live or from a file.
    Capture,
    /// Windows event records, in any carrier.
    WindowsEvent,
    /// Samba's JSON audit log.
    SambaAudit,
    /// RADIUS accounting or VPN logs.
    Radius,
    /// Cloud or application sign-ins.
    SignIn,
    /// Zeek logs.
    Zeek,
    /// The directory sync itself.
    Directory,
}

/// The origin of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Provenance {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// The source's name: file name, channel, sensor, listener.
    pub source: Arc<str>,
    /// The place inside the source.
    pub record: Record,
    /// A digest of the content (not of the file name): equal for a repeated delivery of the same record.
    pub digest: u64,
    /// The Windows event id or the source's own type number, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<u32>,
    /// The host that reported it (event log's `Computer`, the sensor's name).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Arc<str>>,
}
