//! Active Directory Web Services on port 9389: who connects, and how much is said under seal. The framing tells the address
//! and carries the security tokens (`[MC-NMF]`, `[MS-NNS]`); what follows is encrypted, always, and is counted as opaque: a
//! directory read this way is read unseen.

use hopwatch_model::event::{Opaque, OpaqueProtocol};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::Error;
use hopwatch_wire::nmf::{self, Handshake, Record};

use super::gss::{At, GssContext, observe};
use super::{Chunk, Direction, Draft, Output, StreamAnalyzer};

/// Sealed messages after which an opaque event is made, as for every protocol (`model::event::Opaque`).
const REPORT_EVERY: u32 = 1000;
/// The longest sealed frame: a token's own limit is 64 KiB, with its header (`[MS-NNS] 2.2.2`).
const MAX_FRAME: u32 = 0x1_0000;

/// An analyser of one connection.
#[must_use]
pub fn stream() -> Box<dyn StreamAnalyzer> {
    Box::new(Stream { gss: GssContext::new("adws"), sealed: [false; 2], lost: false, opaque: 0, last: None })
}

struct Stream {
    gss: GssContext,
    /// Per direction, whether the handshake is over.
    sealed: [bool; 2],
    /// Whether the place of the next frame is unknown: the rest is passed over.
    lost: bool,
    opaque: u32,
    last: Option<At>,
}

impl StreamAnalyzer for Stream {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        let at = At::of(&chunk);
        self.last = Some(at);
        if self.lost {
            return chunk.bytes.len();
        }
        if self.sealed[side(chunk.direction)] {
            return self.frame(chunk.bytes, at, out);
        }
        match nmf::record(chunk.bytes) {
            Ok((record, size)) => {
                self.record(record, chunk.direction, at, out);
                size
            }
            Err(Error::Incomplete { .. }) => 0,
            Err(_) => {
                out.counters.drop("adws: record malformed");
                self.lost = true;
                chunk.bytes.len()
            }
        }
    }

    fn gap(&mut self, _: Direction, _: u64, out: &mut Output<'_>) {
        if !self.lost {
            out.counters.drop("adws: gap");
        }
        self.lost = true;
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.gss.finish(Outcome::Unseen, out);
        self.report(out);
    }
}

impl Stream {
    fn record(&mut self, record: Record<'_>, direction: Direction, at: At, out: &mut Output<'_>) {
        match record {
            Record::Via(via) => {
                if let Some(host) = nmf::host(via) {
                    observe(host, at.endpoints.server.ip(), ResolutionMethod::Tls, at, out);
                }
            }
            Record::Handshake(kind, token) => {
                if kind != Handshake::Error {
                    self.gss.token(token, at, out);
                }
                match (kind, direction) {
                    (Handshake::InProgress, _) => {}
                    // The server's word ends it for both.
                    (Handshake::Done, Direction::ToClient) => {
                        self.gss.finish(Outcome::Success, out);
                        self.sealed = [true; 2];
                    }
                    (Handshake::Done, Direction::ToServer) => self.sealed[side(direction)] = true,
                    (Handshake::Error, _) => {
                        let code = token.last_chunk::<4>().map_or(0, |code| u32::from_be_bytes(*code));
                        self.gss.finish(Outcome::Failure(code), out);
                        self.lost = true;
                    }
                }
            }
            Record::Preamble | Record::Upgrade | Record::Fault => {}
        }
    }

    /// Length 4 (little-endian) and that many sealed bytes (`[MS-NNS] 2.2.2`): skipped unseen.
    fn frame(&mut self, bytes: &[u8], at: At, out: &mut Output<'_>) -> usize {
        let Some(length) = bytes.first_chunk::<4>().map(|length| u32::from_le_bytes(*length)) else { return 0 };
        if length > MAX_FRAME {
            out.counters.drop("adws: frame malformed");
            self.lost = true;
            return bytes.len();
        }
        self.opaque += 1;
        self.last = Some(at);
        if self.opaque >= REPORT_EVERY {
            self.report(out);
        }
        usize::try_from(length).unwrap_or(0) + 4
    }

    fn report(&mut self, out: &mut Output<'_>) {
        let (Some(At { endpoints, time, frame }), messages @ 1..) = (self.last, std::mem::take(&mut self.opaque))
        else {
            return;
        };
        let content = messages.to_le_bytes();
        let draft = Draft { endpoints, time, frame, actor: None, outcome: Outcome::Unseen, content: &content };
        out.emit(draft, Activity::Opaque(Box::new(Opaque { protocol: OpaqueProtocol::Ldap, messages })));
    }
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, chunk};
    use super::*;

    /// An AUTHENTICATE_MESSAGE of LAB\ann in OEM letters, in a handshake message.
    fn authenticate() -> Vec<u8> {
        let mut token = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut payload: Vec<u8> = Vec::new();
        for part in [&[0; 24][..], &[1; 60], b"LAB", b"ann", b"WS1", b""] {
            let length = u16::try_from(part.len()).unwrap().to_le_bytes();
            token.extend(length);
            token.extend(length);
            token.extend(u32::try_from(64 + payload.len()).unwrap().to_le_bytes());
            payload.extend(part);
        }
        token.extend([0; 4]);
        token.extend(payload);
        [&[0x14, 1, 0][..], &u16::try_from(token.len()).unwrap().to_be_bytes(), &token].concat()
    }

    fn run(parts: &[(Direction, &[u8])], step: usize) -> Bench {
        let (mut bench, mut stream) = (Bench::new(), stream());
        for (direction, bytes) in parts {
            let (mut pending, mut skip) = (Vec::new(), 0usize);
            for piece in bytes.chunks(step) {
                let passed = skip.min(piece.len());
                skip -= passed;
                pending.extend_from_slice(&piece[passed..]);
                while !pending.is_empty() {
                    let done = stream.data(chunk(&pending, *direction, (50_000, 9389), 7), &mut bench.out());
                    if done == 0 {
                        break;
                    }
                    skip += done.saturating_sub(pending.len());
                    pending.drain(..done.min(pending.len()));
                }
            }
        }
        stream.close(&mut bench.out());
        bench
    }

    #[test]
    fn a_connection_gives_its_logon_and_how_much_was_sealed() {
        let mut preamble = vec![0, 1, 0, 1, 2, 2, 35];
        preamble.extend(b"net.tcp://dc1.lab.example:9389/Enum");
        preamble.extend([3, 8, 9, 3, b'a', b'/', b'n']);
        preamble.extend(authenticate());
        let sealed = [&3_u32.to_le_bytes()[..], b"abc"].concat();
        for step in [1, 7, 1000] {
            let bench = run(
                &[
                    (Direction::ToServer, &preamble),
                    (Direction::ToClient, &[0x0a, 0x14, 1, 0, 0, 0]),
                    (Direction::ToServer, &sealed.repeat(2)),
                    (Direction::ToClient, &sealed),
                ],
                step,
            );
            let names: Vec<_> = bench.events.iter().map(|event| event.activity.name()).collect();
            assert_eq!(names, ["name_observed", "name_observed", "ntlm_logon", "opaque"], "{:?}", bench.counters);
            let logon = &bench.events[2];
            assert_eq!((logon.actor.as_ref().unwrap().name.as_str(), logon.outcome), ("ann", Outcome::Success));
            assert!(matches!(&bench.events[3].activity, Activity::Opaque(opaque) if opaque.messages == 3));
        }
    }

    #[test]
    fn a_refusal_is_a_failed_logon() {
        let mut request = vec![0, 1, 0, 9, 1, b'n'];
        request.extend(authenticate());
        let refusal = [0x0a, 0x15, 1, 0, 0, 8, 0, 0, 0, 0, 0x80, 0x09, 0x03, 0x0c];
        let bench = run(&[(Direction::ToServer, &request), (Direction::ToClient, &refusal)], 1000);
        assert_eq!(bench.events.last().unwrap().outcome, Outcome::Failure(0x8009_030c));
    }

    #[test]
    fn every_cut_is_survived() {
        let mut bytes = vec![0, 1, 0, 1, 2, 9, 1, b'n'];
        bytes.extend(authenticate());
        for length in 0..bytes.len() {
            run(&[(Direction::ToServer, &bytes[..length])], 1000);
        }
    }
}
