//! RADIUS on the wire (RFC 2865, RFC 2866): accounting requests, and access requests joined with their answers, become sign-ins.
//! The user comes from outside to the access server, so that source and target are not the packet's ends.
//!
//! Authenticators are not checked, which takes the shared secret; EAP and passwords are not read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Event, Provenance, Record, Timestamp};
use hopwatch_wire::radius::{self, Code};

use super::aging::Aging;
use super::{Chunk, DatagramAnalyzer, Output};
use crate::secrets::content_digest;
use crate::sources::radius::accounting::attributes;
use crate::sources::radius::{Packet, made};

/// The most access requests that wait for an answer.
const MAX_WAITING: usize = 4096;
/// How long: servers that ask a second factor of the user take up to a minute.
const PATIENCE: Duration = Duration::from_secs(90);

/// All RADIUS of a capture.
pub struct Datagrams {
    waiting: Aging<(SocketAddr, SocketAddr, u8), Waiting>,
}

/// An access request.
struct Waiting {
    packet: Packet,
    time: Timestamp,
    frame: u64,
    digest: u64,
}

impl Default for Datagrams {
    fn default() -> Self {
        Self { waiting: Aging::new(MAX_WAITING) }
    }
}

impl DatagramAnalyzer for Datagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Ok(wire) = radius::decode(chunk.bytes) else { return out.counters.drop("radius: packet malformed") };
        let key = (chunk.endpoints.client, chunk.endpoints.server, wire.identifier);
        let mut packet = attributes(&wire, chunk.time);
        packet.time = Some(chunk.time);
        let digest = content_digest(chunk.bytes) ^ chunk.time.as_micros().unsigned_abs();
        let asked = Waiting { packet, time: chunk.time, frame: chunk.frame, digest };
        match wire.code {
            Code::AccountingRequest => emit(&asked, out),
            Code::AccessRequest => {
                if let Some(evicted) = self.waiting.insert(key, chunk.time, asked) {
                    // The same identifier again is the same request sent again.
                    if evicted.packet.user() != wire.text(radius::attribute::USER_NAME) {
                        out.counters.drop("radius: request without its answer");
                        emit(&evicted, out);
                    }
                }
            }
            Code::AccessAccept | Code::AccessReject => {
                let Some(mut request) = self.waiting.remove(&key) else {
                    return out.counters.ignore("radius: answer without its request");
                };
                request.packet.answered(asked.packet);
                emit(&request, out);
            }
            // After a challenge the client asks again.
            Code::AccessChallenge => drop(self.waiting.remove(&key)),
            Code::AccountingResponse | Code::Other(_) => out.counters.ignore("radius: packet of no session"),
        }
    }

    fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        for request in self.waiting.expire(now - PATIENCE) {
            emit(&request, out);
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        for request in self.waiting.drain() {
            emit(&request, out);
        }
    }
}

fn emit(asked: &Waiting, out: &mut Output<'_>) {
    match made(&asked.packet) {
        Ok(made) => {
            out.counters.events += 1;
            out.events.push(Event {
                time: asked.time,
                provenance: Provenance {
                    kind: SourceKind::Capture,
                    source: Arc::clone(out.source),
                    record: Record::Frame(asked.frame),
                    digest: asked.digest,
                    event_id: None,
                    reporter: None,
                },
                actor: Some(made.actor),
                source: made.source,
                target: made.target,
                outcome: made.outcome,
                activity: made.activity,
            });
        }
        Err(reason) => out.counters.ignore(reason),
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::{Activity, Outcome};

    use super::*;
    use crate::analyzers::Direction;
    use crate::analyzers::testing::{Bench, chunk};

    /// User-Name ann, Calling-Station-Id 203.0.113.7, NAS-IP-Address 10.0.0.50.
    fn packet(code: u8, identifier: u8, more: &[u8]) -> Vec<u8> {
        let mut packet = vec![code, identifier, 0, 0];
        packet.extend([7; 16]);
        packet.extend(b"\x01\x05ann\x1f\x0d203.0.113.7\x04\x06\x0a\0\0\x32");
        packet.extend(more);
        packet[3] = u8::try_from(packet.len()).unwrap();
        packet
    }

    fn run(packets: &[(Vec<u8>, Direction)]) -> Bench {
        let mut bench = Bench::new();
        let mut analyzer = Datagrams::default();
        for (bytes, direction) in packets {
            analyzer.datagram(chunk(bytes, *direction, (50_000, 1812), 7), &mut bench.out());
        }
        analyzer.close(&mut bench.out());
        bench
    }

    #[test]
    fn an_accept_and_a_reject_decide_their_request() {
        let (ask, tell) = (Direction::ToServer, Direction::ToClient);
        let mut accept = vec![2, 1, 0, 26];
        accept.extend([9; 16]);
        accept.extend(b"\x08\x06\x0a\x63\0\x05");
        let reject = [&[3, 2, 0, 20][..], &[9; 16]].concat();
        let bench = run(&[
            (packet(1, 1, b"\x02\x08canary"), ask),
            (packet(1, 1, b""), ask),
            (accept, tell),
            (packet(1, 2, b""), ask),
            (reject, tell),
            (packet(1, 3, b""), ask),
        ]);
        let outcomes: Vec<Outcome> = bench.events.iter().map(|event| event.outcome).collect();
        assert_eq!(outcomes, [Outcome::Success, Outcome::Failure(1), Outcome::Unseen]);
        let first = &bench.events[0];
        assert_eq!(first.source.as_ref().unwrap().address, Some([203, 0, 113, 7].into()));
        assert_eq!(first.target.as_ref().unwrap().address, Some([10, 0, 0, 50].into()));
        assert!(matches!(&first.activity, Activity::SignIn(s) if s.assigned == Some([10, 99, 0, 5].into())));
        assert!(!serde_json::to_string(&bench.events).unwrap().contains("canary"));
    }

    #[test]
    fn accounting_is_an_event_at_once_and_rubbish_is_counted() {
        let bench = run(&[
            (packet(4, 1, b"\x28\x06\0\0\0\x01\x2c\x04s1"), Direction::ToServer),
            (packet(4, 2, b"\x28\x06\0\0\0\x07"), Direction::ToServer),
            (vec![4, 1, 0, 99], Direction::ToServer),
        ]);
        assert_eq!(bench.events.len(), 1);
        assert!(matches!(&bench.events[0].activity, Activity::SignIn(s) if s.accounting_status == Some(1)));
        assert_eq!(bench.counters.dropped.get("radius: packet malformed"), Some(&1));
    }
}
