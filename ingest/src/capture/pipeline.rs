//! From frames to events: the same path for files and for live capture.

use std::sync::Arc;

use hopwatch_model::{Event, Timestamp};
use hopwatch_wire::net::{self, Unit};

use super::{Config, Frame};
use crate::analyzers::Output;
use crate::analyzers::dispatch::Dispatch;
use crate::flows::{Duplicates, Fragments, Table};
use crate::{Counters, DigestKey, Sink};

/// How often a reassembled packet may itself hold a fragment: a tunnel in a tunnel, each fragmented.
const MAX_NESTED_FRAGMENTS: u8 = 4;

/// The state of reading one capture.
pub struct Pipeline {
    fragments: Fragments,
    duplicates: Duplicates,
    flows: Table,
    dispatch: Dispatch,
    events: Vec<Event>,
    source: Arc<str>,
    key: DigestKey,
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
            clock: Timestamp::MIN,
        }
    }

    /// Takes the next frame; hands on the events that it completes.
    pub fn frame(&mut self, frame: &Frame<'_>, counters: &mut Counters, sink: &mut dyn Sink) {
        self.clock = self.clock.max(frame.time);
        match net::decode(frame.link, frame.bytes) {
            Ok(unit) => self.unit(unit, frame, MAX_NESTED_FRAGMENTS, counters),
            Err(net_error) => count(net_error, counters),
        }
        let mut out = Output { events: &mut self.events, counters, key: &self.key, source: &self.source };
        self.dispatch.tick(self.clock, &mut out);
        self.hand_on(sink);
    }

    /// The capture ended: open connections and transactions are emitted as they stand.
    pub fn finish(&mut self, counters: &mut Counters, sink: &mut dyn Sink) {
        self.fragments.finish(counters);
        let mut out = Output { events: &mut self.events, counters, key: &self.key, source: &self.source };
        self.flows.finish(&mut out);
        self.dispatch.finish(&mut out);
        self.hand_on(sink);
    }

    fn unit(&mut self, unit: Unit<'_>, frame: &Frame<'_>, nested: u8, counters: &mut Counters) {
        let mut out = Output { events: &mut self.events, counters, key: &self.key, source: &self.source };
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
