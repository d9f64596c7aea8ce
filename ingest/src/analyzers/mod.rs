//! Analysers: the messages of one flow become events. One file per protocol; each holds the transactions of one
//! connection, bounded, and correlates requests with answers.
//!
//! A stream analyser is fed bytes in order (reassembled by `flows`). It says how much it consumed; what it left is handed
//! to it again with more behind it. `smb` feeds `dcerpc` for named pipes, and both feed `gss` for security tokens.

pub mod adws;
mod aging;
pub(crate) mod bounded;
pub mod dcerpc;
pub mod dispatch;
#[cfg(test)]
mod dispatch_tests;
pub mod dns;
mod dns_names;
#[cfg(test)]
mod dns_tests;
pub mod gss;
pub mod http;
pub mod kerberos;
pub mod ldap;
pub mod names;
pub mod radius;
pub mod rdp;
pub mod rpc_endpoints;
mod seen;
pub mod smb;
mod sniff;
mod tap;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

pub use tap::{Tap, Told};

use std::net::SocketAddr;
use std::sync::Arc;

use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, Timestamp, provenance::SourceKind};

use crate::counters::Counters;
use crate::secrets::{DigestKey, content_digest};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the side that opened the connection (or sent first).
    ToServer,
    /// From the server.
    ToClient,
}

/// The connection that an analyser serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// The side that opened the connection.
    pub client: SocketAddr,
    /// The side that answers.
    pub server: SocketAddr,
}

/// Bytes of a flow with the time and number of the frame that completed them.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The connection.
    pub endpoints: Endpoints,
    /// Which way.
    pub direction: Direction,
    /// All bytes of that direction that were not yet consumed, in order.
    pub bytes: &'a [u8],
    /// The time of the newest frame in it.
    pub time: Timestamp,
    /// The number of the newest frame in it, from 1.
    pub frame: u64,
}

/// What an analyser writes to, and what it may ask.
pub struct Output<'a> {
    /// Receives finished events; names of hosts are filled in afterwards by the resolution table.
    pub events: &'a mut Vec<Event>,
    /// The source's counters.
    pub counters: &'a mut Counters,
    /// The digest key.
    pub key: &'a DigestKey,
    /// The source's name, for provenance.
    pub source: &'a Arc<str>,
    /// Who listens to what is read, if anybody.
    pub tap: Option<&'a mut Tap>,
}

/// An event in the making: what an analyser knows; the rest is filled in by [`Output::emit`].
#[derive(Debug)]
pub struct Draft<'a> {
    /// The connection: its client becomes the source, its server the target.
    pub endpoints: Endpoints,
    /// The time of the request.
    pub time: Timestamp,
    /// The frame of the request.
    pub frame: u64,
    /// Who acted.
    pub actor: Option<Account>,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// The message bytes, for the content digest.
    pub content: &'a [u8],
}

impl Output<'_> {
    /// Tells the tap of a message.
    pub(crate) fn tell(&mut self, frame: u64, told: Told<'_>) {
        if let Some(tap) = &mut self.tap {
            tap(frame, told);
        }
    }

    /// Finishes an event and hands it on.
    pub fn emit(&mut self, draft: Draft<'_>, activity: Activity) {
        self.counters.events += 1;
        self.events.push(Event {
            time: draft.time,
            provenance: Provenance {
                kind: SourceKind::Capture,
                source: Arc::clone(self.source),
                record: Record::Frame(draft.frame),
                digest: content_digest(draft.content) ^ draft.time.as_micros().unsigned_abs(),
                event_id: None,
                reporter: None,
            },
            actor: draft.actor,
            source: Some(Host { port: Some(draft.endpoints.client.port()), ..Host::at(draft.endpoints.client.ip()) }),
            target: Some(Host { port: Some(draft.endpoints.server.port()), ..Host::at(draft.endpoints.server.ip()) }),
            outcome: draft.outcome,
            activity,
        });
    }
}

/// An analyser of one TCP connection.
///
/// # Contract
/// Never panics, never keeps more than a declared cap, and skips forward (counting) rather than stall on bytes that it
/// cannot read.
pub trait StreamAnalyzer: Send {
    /// Takes the unconsumed bytes of one direction; returns how many it is done with. It is called again with the rest
    /// until it returns 0. More than there are means that so many bytes of what follows are skipped unseen, without
    /// being buffered (file content, sealed data): a gap inside them is not reported.
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize;

    /// Bytes of a direction were lost: state that spans them is void.
    fn gap(&mut self, direction: Direction, bytes: u64, out: &mut Output<'_>);

    /// The connection ended or was evicted: open transactions are emitted as they stand (`Outcome::Unseen`).
    fn close(&mut self, out: &mut Output<'_>);
}

/// An analyser of a UDP service; one instance serves all flows of a capture.
pub trait DatagramAnalyzer: Send {
    /// Takes one datagram.
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>);

    /// Time went on: transactions older than the analyser's limit are emitted as they stand.
    fn tick(&mut self, now: Timestamp, out: &mut Output<'_>);

    /// The capture ended.
    fn close(&mut self, out: &mut Output<'_>);
}
