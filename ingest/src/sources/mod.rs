//! Sources that are logs: each file format becomes records, each record becomes events. What a record means does not
//! depend on its carrier.

pub mod evtx;
pub mod json;
pub mod live;
pub mod radius;
pub mod secret_attributes;
pub mod signin;
pub mod syslog;
pub mod text;
pub mod wef;
pub mod windows;
pub mod xml;
pub mod zeek;

use std::sync::Arc;

use hopwatch_model::Timestamp;

use crate::counters::Counters;
use crate::secrets::DigestKey;
use crate::sink::Sink;

/// What a source needs beside its bytes.
pub struct Context<'a> {
    /// The source's name, for provenance.
    pub name: Arc<str>,
    /// The installation's digest key.
    pub key: &'a DigestKey,
    /// How many threads may read one file; 1 where files are read side by side.
    pub threads: usize,
    /// The time at which what bears no time of its own counts as collected.
    pub now: Timestamp,
    /// Who sent what is read, where it came over the network.
    pub peer: Option<Arc<str>>,
    /// Where events go.
    pub sink: &'a mut dyn Sink,
    /// What was read, made, ignored and dropped.
    pub counters: Counters,
    /// Whence the actors of Windows records came.
    pub sessions: windows::Sessions,
    /// What Zeek's rows taught for later ones.
    pub zeek: zeek::State,
}

impl<'a> Context<'a> {
    /// A context for one file or stream.
    pub fn new(name: &str, key: &'a DigestKey, threads: usize, sink: &'a mut dyn Sink) -> Self {
        Self {
            name: Arc::from(name),
            key,
            threads,
            now: Timestamp::default(),
            peer: None,
            sink,
            counters: Counters::default(),
            sessions: windows::Sessions::default(),
            zeek: zeek::State::default(),
        }
    }

    /// Counts what became of a Windows record and hands its event on.
    pub fn windows(&mut self, verdict: windows::Verdict) {
        match verdict {
            windows::Verdict::Event(mut event, session) => {
                self.sessions.join(&mut event, session);
                self.emit(*event);
            }
            windows::Verdict::Ignored(reason) => self.counters.ignore(reason),
            windows::Verdict::Dropped(reason) => self.counters.drop(reason),
        }
    }

    /// Hands an event on.
    pub fn emit(&mut self, event: hopwatch_model::Event) {
        self.counters.events += 1;
        self.sink.event(event);
    }
}
