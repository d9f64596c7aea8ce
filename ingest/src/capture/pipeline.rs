//! From frames to events: the same path for files and for live capture.

use std::hash::BuildHasher;
use std::sync::Arc;

use hopwatch_model::{Event, Timestamp};
use hopwatch_wire::net::{self, Unit};
use rustc_hash::FxBuildHasher;

use super::{Config, Frame};
use crate::analyzers::dispatch::Dispatch;
use crate::analyzers::{Output, Tap};
use crate::flows::{Duplicates, Fragments, Table};
use crate::{Counters, DigestKey, Sink};

/// How often a reassembled packet may itself hold a fragment: a tunnel in a tunnel, each fragmented.
const MAX_NESTED_FRAGMENTS: u8 = 4;

/// What the analysers write to: parts of the pipeline that its flows and its dispatch are no part of.
macro_rules! output {
    ($pipeline:ident, $counters:ident) => {
        Output {
            events: &mut $pipeline.events,
            counters: $counters,
            key: &$pipeline.key,
            source: &$pipeline.source,
            tap: $pipeline.tap.as_mut(),
        }
    };
}

/// The state of reading one capture.
pub struct Pipeline {
    fragments: Fragments,
    duplicates: Duplicates,
    flows: Table,
    dispatch: Dispatch,
    events: Vec<Event>,
    source: Arc<str>,
    key: DigestKey,
    tap: Option<Tap>,
    /// Which of how many shares of the hosts it reads.
    share: (u64, u64),
    /// The latest time seen.
    clock: Timestamp,
}

impl Pipeline {
    /// For a capture of this name.
    #[must_use]
    pub fn new(name: &str, config: &Config) -> Self {
        Self::with_dispatch(name, config, Dispatch::new())
    }

    /// With other analysers than the registered ones.
    #[must_use]
    pub fn with_dispatch(name: &str, config: &Config, dispatch: Dispatch) -> Self {
        Self {
            fragments: Fragments::new(config.caps.fragmented_packets),
            duplicates: Duplicates::default(),
            flows: Table::new(config.caps),
            dispatch,
            events: Vec::new(),
            source: name.into(),
            key: config.key.clone(),
            tap: None,
            share: (0, 1),
            clock: Timestamp::MIN,
        }
    }

    /// Has every message that is read told to a listener.
    #[must_use]
    pub fn with_tap(mut self, tap: Tap) -> Self {
        self.tap = Some(tap);
        self
    }

    /// Has it read only the `index`th of so many shares of the hosts and pass over the rest, so that several threads may
    /// read one capture: what two hosts say to each other is in one share.
    #[must_use]
    pub fn share(mut self, index: usize, shares: usize) -> Self {
        let number = |value| u64::try_from(value).unwrap_or(0);
        self.share = (number(index), number(shares).max(1));
        self
    }

    /// Takes the next frame; hands on the events that it completes.
    pub fn frame(&mut self, frame: &Frame<'_>, counters: &mut Counters, sink: &mut dyn Sink) {
        self.clock = self.clock.max(frame.time);
        match net::decode(frame.link, frame.bytes) {
            Ok(unit) if self.share.1 > 1 && !self.ours(&unit) => {}
            Ok(unit) => self.unit(unit, frame, MAX_NESTED_FRAGMENTS, counters),
            Err(net_error) => count(net_error, counters),
        }
        let mut out = output!(self, counters);
        self.dispatch.tick(self.clock, &mut out);
        self.hand_on(sink);
    }

    /// Time went on without a frame: transactions that wait for too long are emitted as they stand.
    pub fn tick(&mut self, now: Timestamp, counters: &mut Counters, sink: &mut dyn Sink) {
        self.clock = self.clock.max(now);
        let mut out = output!(self, counters);
        self.flows.tick(now, &mut out);
        self.dispatch.tick(self.clock, &mut out);
        self.hand_on(sink);
    }

    /// The capture ended: open connections and transactions are emitted as they stand.
    pub fn finish(&mut self, counters: &mut Counters, sink: &mut dyn Sink) {
        self.fragments.finish(counters);
        let mut out = output!(self, counters);
        self.flows.finish(&mut out);
        self.dispatch.finish(&mut out);
        self.hand_on(sink);
    }

    /// Whether a unit is of this share, by both hosts; the same in either direction.
    fn ours(&self, unit: &Unit<'_>) -> bool {
        let (source, target) = match unit {
            Unit::Tcp(tcp) => (tcp.source.ip(), tcp.target.ip()),
            Unit::Udp(udp) => (udp.source.ip(), udp.target.ip()),
            Unit::Fragment(piece) => (piece.source, piece.target),
            Unit::Other(_) => return self.share.0 == 0,
        };
        let hash = FxBuildHasher.hash_one((source.min(target), source.max(target)));
        (hash >> 32) % self.share.1 == self.share.0
    }

    fn unit(&mut self, unit: Unit<'_>, frame: &Frame<'_>, nested: u8, counters: &mut Counters) {
        let mut out = output!(self, counters);
        match unit {
            Unit::Tcp(tcp) => self.flows.segment(&tcp, frame.time, frame.number, &mut self.dispatch, &mut out),
            Unit::Udp(udp) => {
                if udp.cut > 0 {
                    out.counters.drop("datagram cut by the capture");
                }
                let ends = (udp.source, udp.target);
                if self.duplicates.repeated(ends, udp.payload, frame.time) {
                    return out.counters.ignore("datagram repeated");
                }
                self.dispatch.datagram(ends, udp.payload, (frame.time, frame.number), &mut out);
            }
            Unit::Fragment(piece) => {
                let Some(whole) = self.fragments.add(&piece, self.clock, counters) else { return };
                let Some(nested) = nested.checked_sub(1) else {
                    return counters.drop("ip fragments nested too deep");
                };
                match net::decode_payload(piece.source, piece.target, piece.protocol, &whole) {
                    Ok(unit) => self.unit(unit, frame, nested, counters),
                    Err(error) => count(error, counters),
                }
            }
            Unit::Other(name) => out.counters.ignore(name),
        }
    }

    fn hand_on(&mut self, sink: &mut dyn Sink) {
        for event in self.events.drain(..) {
            sink.event(event);
        }
    }
}

fn count(error: hopwatch_wire::Error, counters: &mut Counters) {
    counters.drop(match error {
        hopwatch_wire::Error::Incomplete { .. } => "frame cut off inside a header",
        hopwatch_wire::Error::Bound { .. } => "frame with too many layers",
        _ => "frame malformed",
    });
}
