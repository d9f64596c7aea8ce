//! One TCP connection: where messages begin and end, whether a security layer or TLS lies over them.

use hopwatch_model::event::{Opaque, OpaqueProtocol};
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::krb5::{WrapToken, unwrap_clear};
use hopwatch_wire::ldap::{self, Layer};
use hopwatch_wire::{Error, ber};

use super::session::{Next, Session};
use crate::analyzers::seen::{Seen, Sender};
use crate::analyzers::{Chunk, Direction, Output, StreamAnalyzer};

/// How many sealed messages make one report.
const OPAQUE_REPORT: u32 = 1000;

/// One TCP connection.
#[derive(Default)]
pub(super) struct Connection {
    session: Session,
    sides: [Side; 2],
    tls: bool,
    /// Sealed messages since the last report.
    sealed: u32,
    /// The newest bytes' place, for what is emitted at the end.
    last: Option<Chunk<'static>>,
}

/// One direction.
#[derive(Default)]
struct Side {
    /// Whether the place of the next message is unknown.
    lost: bool,
    /// What signed tokens held and is not yet a whole message.
    clear: Vec<u8>,
}

impl StreamAnalyzer for Connection {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        self.last = Some(Chunk { bytes: &[], ..chunk });
        let mut consumed = 0;
        loop {
            let rest = chunk.bytes.get(consumed..).unwrap_or_default();
            match self.step(&chunk, rest, out) {
                0 => return consumed,
                step => consumed += step,
            }
        }
    }

    fn gap(&mut self, direction: Direction, _bytes: u64, out: &mut Output<'_>) {
        out.counters.drop("ldap.gap");
        let side = &mut self.sides[side(direction)];
        side.lost = true;
        side.clear.clear();
        if direction == Direction::ToClient {
            self.session.answers_lost();
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.session.close(out);
        self.report_sealed(out);
    }
}

impl Connection {
    /// Takes one message, frame or TLS record; returns its size, 0 where more must come.
    fn step(&mut self, chunk: &Chunk<'_>, rest: &[u8], out: &mut Output<'_>) -> usize {
        if rest.is_empty() {
            return 0;
        }
        if self.tls || rest.starts_with(&[0x16, 3]) {
            self.tls = true;
            return self.tls_record(rest, out);
        }
        let lost = &mut self.sides[side(chunk.direction)].lost;
        if *lost {
            let (skipped, found) = find(rest);
            *lost = !found;
            if skipped > 0 || !found {
                return skipped;
            }
        }
        let size = match ldap::layer(rest) {
            Ok(Layer::Plain) => ldap::message_size(rest),
            Ok(Layer::Frame(token, size)) => {
                self.frame(chunk, token, out);
                return size;
            }
            Err(error) => Err(error),
        };
        match size {
            Ok(size) => {
                self.session.layer(false, out);
                self.message(chunk, rest.get(..size).unwrap_or_default(), out);
                size
            }
            Err(Error::Incomplete { .. }) => 0,
            Err(error) => {
                self.session.broken(error, &Seen::new(chunk, Sender::Either, &[]), out);
                self.sides[side(chunk.direction)].lost = true;
                1
            }
        }
    }

    fn message(&mut self, chunk: &Chunk<'_>, bytes: &[u8], out: &mut Output<'_>) {
        if self.session.message(chunk, bytes, out) == Next::Tls {
            self.tls = true;
        }
    }

    /// A frame of the security layer: read where it is only signed, else counted.
    fn frame(&mut self, chunk: &Chunk<'_>, token: &[u8], out: &mut Output<'_>) {
        self.session.layer(true, out);
        let clear = &mut self.sides[side(chunk.direction)].clear;
        let data = match unwrap_clear(token) {
            Ok(WrapToken::Clear(data)) => Some(data),
            Ok(WrapToken::Sealed) => None,
            // NTLM: within a message that is split over tokens, what follows its signature has no begin to know it by.
            Err(_) if !clear.is_empty() => token.get(16..).map(<[u8]>::to_vec),
            Err(_) => ldap::ntlm_clear(token).map(<[u8]>::to_vec),
        };
        let Some(data) = data else {
            self.sealed += 1;
            if self.sealed >= OPAQUE_REPORT {
                self.report_sealed(out);
            }
            return;
        };
        clear.extend_from_slice(&data);
        let mut pending = std::mem::take(clear);
        let mut consumed = 0;
        loop {
            let rest = pending.get(consumed..).unwrap_or_default();
            match ldap::message_size(rest) {
                Ok(size) => {
                    self.message(chunk, rest.get(..size).unwrap_or_default(), out);
                    consumed += size;
                }
                Err(Error::Incomplete { .. }) => break,
                // The padding that RC4 tokens and DIGEST-MD5's signature leave behind a message is no loss.
                Err(_) if consumed > 0 => {
                    consumed = pending.len();
                    break;
                }
                Err(error) => {
                    self.session.broken(error, &Seen::new(chunk, Sender::Either, &[]), out);
                    consumed = pending.len();
                    break;
                }
            }
        }
        pending.drain(..consumed);
        self.sides[side(chunk.direction)].clear = pending;
    }

    /// TLS records (RFC 8446 §5.1): type 1 · version 2 · length 2. Anything else under TLS is passed over.
    fn tls_record(&mut self, rest: &[u8], out: &mut Output<'_>) -> usize {
        let Some([kind, 3, _, high, low]) = rest.first_chunk::<5>() else {
            return if rest.len() < 5 { 0 } else { rest.len() };
        };
        let size = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        if rest.len() < size {
            return 0;
        }
        // Application data; handshakes are not messages.
        if *kind == 23 {
            self.sealed += 1;
            if self.sealed >= OPAQUE_REPORT {
                self.report_sealed(out);
            }
        }
        size
    }

    fn report_sealed(&mut self, out: &mut Output<'_>) {
        let (Some(last), messages @ 1..) = (self.last, std::mem::take(&mut self.sealed)) else { return };
        let protocol = if self.tls { OpaqueProtocol::Tls } else { OpaqueProtocol::Ldap };
        let seen = Seen::new(&last, Sender::Either, &[]).part(last.frame);
        let opaque = Opaque { protocol, messages };
        out.emit(seen.draft(self.session.identity(), Outcome::Unseen), Activity::Opaque(Box::new(opaque)));
    }
}

/// How many bytes to skip to where a message or a frame begins, and whether one does. Where none does, the last bytes are
/// kept: they may be the start of its header.
fn find(bytes: &[u8]) -> (usize, bool) {
    /// The bytes that it takes to know a begin.
    const HEADER: usize = 16;
    let begins = |start: &usize| bytes.get(*start..).is_some_and(|at| ldap::message_begins(at) || frame_begins(at));
    match (0..bytes.len()).find(begins) {
        Some(start) => (start, true),
        None => (bytes.len().saturating_sub(HEADER), false),
    }
}

/// True where a frame with a token that is known by its header begins: Kerberos' Wrap, or NTLM's signature.
fn frame_begins(at: &[u8]) -> bool {
    match at {
        [0, _, _, _, 5, 4, flags, 0xff, ..] => *flags < 8,
        [0, _, _, _, 1, 0, 0, 0, ..] => true,
        [0, _, _, _, rest @ ..] => rest.first() == Some(&0x60) && ber::announced_size(rest).is_some(),
        _ => false,
    }
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}
