//! TLS (RFC 8446 §4.1.2, §5.1): what can be seen of it. The server name of the hello feeds the resolution table, sealed
//! records of directory services are reported as opaque, so that LDAPS and HTTPS management show as a coverage gap and
//! not as silence. Ordinary web traffic (443) makes no opaque events. Nothing is decrypted; certificates are not read.

use std::net::IpAddr;

use hopwatch_model::event::{NameObserved, Opaque, OpaqueProtocol};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};

use super::dispatch::Opening;
use super::{Chunk, Direction, Draft, Endpoints, Output, StreamAnalyzer};

/// Sealed records after which an opaque event is made, as for every protocol (`model::event::Opaque`).
const REPORT_EVERY: u32 = 1000;
/// The most bytes of a record (RFC 8446 §5.2, with the slack of older versions).
const MAX_RECORD_BYTES: usize = 16_384 + 2048;
/// Record types.
const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

/// The analyser of one TLS connection.
pub struct TlsStream {
    endpoints: Endpoints,
    /// Where the connection began or was met: what an opaque event points to.
    began: Option<(Timestamp, u64)>,
    hello: Hello,
    sealed: u32,
}

/// Whether the client's hello may still come.
#[derive(PartialEq, Eq)]
enum Hello {
    Expected,
    Past,
}

impl TlsStream {
    /// For a connection that opens.
    #[must_use]
    pub fn new(opening: &Opening<'_>) -> Self {
        let hello = if opening.midstream { Hello::Past } else { Hello::Expected };
        Self { endpoints: opening.endpoints, began: None, hello, sealed: 0 }
    }

    fn report(&mut self, out: &mut Output<'_>) {
        let messages = std::mem::take(&mut self.sealed);
        let (Some((time, frame)), true) = (self.began, messages > 0 && self.endpoints.server.port() != 443) else {
            return;
        };
        let Endpoints { client, server } = self.endpoints;
        let content = format!("tls {client} {server} {frame} {messages}");
        let draft = Draft {
            endpoints: self.endpoints,
            time,
            frame,
            actor: None,
            outcome: Outcome::Unseen,
            content: content.as_bytes(),
        };
        out.emit(draft, Activity::Opaque(Box::new(Opaque { protocol: OpaqueProtocol::Tls, messages })));
        self.began = None;
    }

    fn name(&mut self, record: &[u8], chunk: Chunk<'_>, out: &mut Output<'_>) {
        self.hello = Hello::Past;
        let address = self.endpoints.server.ip();
        let Some(name) = server_name(record).filter(|_| inside(address)) else { return };
        let resolution = Resolution { certainty: Certainty::Low, method: ResolutionMethod::Tls };
        let draft = Draft {
            endpoints: self.endpoints,
            time: chunk.time,
            frame: chunk.frame,
            actor: None,
            outcome: Outcome::Unseen,
            content: record,
        };
        let observed = NameObserved { name: name.to_lowercase(), address, resolution };
        out.emit(draft, Activity::NameObserved(Box::new(observed)));
    }
}

impl StreamAnalyzer for TlsStream {
    /// type 1 · version 2 · length 2 · content. Only a hello is waited for; other content is skipped unseen.
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        self.began.get_or_insert((chunk.time, chunk.frame));
        let Some((&[kind, major, _, high, low], content)) = chunk.bytes.split_first_chunk::<5>() else { return 0 };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(20..=24).contains(&kind) || major != 3 || length > MAX_RECORD_BYTES {
            // Met in the midst of a record: the border of the next is not known.
            self.sealed = self.sealed.saturating_add(1);
            return chunk.bytes.len();
        }
        if kind == HANDSHAKE && self.hello == Hello::Expected && chunk.direction == Direction::ToServer {
            let Some(record) = content.get(..length) else { return 0 };
            self.name(record, chunk, out);
        }
        if kind == APPLICATION {
            self.sealed = self.sealed.saturating_add(1);
            if self.sealed >= REPORT_EVERY {
                self.report(out);
            }
        }
        length + 5
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Output<'_>) {
        if direction == Direction::ToServer {
            self.hello = Hello::Past;
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.report(out);
    }
}

/// Whether an address is of the estate's own kind: names of the world's web servers are none of our hosts.
fn inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The host name of the server name extension (RFC 6066 §3) of a ClientHello:
/// `type 1 · length 3 · version 2 · random 32 · session id 1+n · cipher suites 2+n · compression 1+n · extensions 2+n`.
fn server_name(record: &[u8]) -> Option<&str> {
    let mut at = Fields(record);
    if at.take(1)? != [1] {
        return None;
    }
    at.take(3 + 2 + 32)?;
    let session = at.length(1)?;
    at.take(session)?;
    let suites = at.length(2)?;
    at.take(suites)?;
    let compression = at.length(1)?;
    at.take(compression)?;
    at.take(2)?;
    while let (Some(kind), Some(length)) = (at.length(2), at.length(2)) {
        let content = at.take(length)?;
        if kind == 0 {
            // list length 2 · name type 1 (0: host name) · length 2 · name
            let mut list = Fields(content);
            list.take(2)?;
            if list.take(1)? != [0] {
                return None;
            }
            let length = list.length(2)?;
            return std::str::from_utf8(list.take(length)?).ok().filter(|name| !name.is_empty() && name.is_ascii());
        }
    }
    None
}

/// Fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// A big-endian number of that many bytes.
    fn length(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::analyzers::rpc_endpoints::RpcEndpoints;
    use crate::{Counters, DigestKey};

    /// A hello record that names `dc1.lab.example`.
    fn hello() -> Vec<u8> {
        let name = b"dc1.lab.example";
        let extension = [&[0, 0, 0, 20, 0, 18, 0, 0, 15][..], name].concat();
        let extensions = [&[0, 23, 0, 2, 1, 1][..], &extension].concat();
        let tail = [&[0, 0, 2, 0x13, 1, 1, 0, 0][..], &[u8::try_from(extensions.len()).unwrap()], &extensions].concat();
        let body = [&[3, 3][..], &[7; 32], &tail].concat();
        let length = u8::try_from(body.len()).unwrap();
        [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
    }

    /// Names and opaque counts that come out of bytes to the server, handed over in pieces.
    fn run(port: u16, bytes: &[u8], step: usize) -> Vec<String> {
        let endpoints = Endpoints {
            client: SocketAddr::from(([10, 0, 0, 5], 50000)),
            server: SocketAddr::from(([10, 0, 0, 2], port)),
        };
        let mut stream = TlsStream::new(&Opening { endpoints, midstream: false, rpc: &RpcEndpoints::default() });
        let (mut events, mut counters) = (Vec::new(), Counters::default());
        let (key, source) = (DigestKey::one_shot(), Arc::from("test"));
        let mut out = Output { events: &mut events, counters: &mut counters, key: &key, source: &source, tap: None };
        let (mut pending, mut skip) = (Vec::new(), 0usize);
        for piece in bytes.chunks(step) {
            let passed = skip.min(piece.len());
            skip -= passed;
            pending.extend_from_slice(&piece[passed..]);
            while !pending.is_empty() {
                let chunk = Chunk {
                    endpoints,
                    direction: Direction::ToServer,
                    bytes: &pending,
                    time: Timestamp::default(),
                    frame: 1,
                };
                let done = stream.data(chunk, &mut out);
                if done == 0 {
                    break;
                }
                skip = done.saturating_sub(pending.len());
                pending.drain(..done.min(pending.len()));
            }
        }
        stream.close(&mut out);
        let text = |event: &hopwatch_model::Event| match &event.activity {
            Activity::NameObserved(seen) => seen.name.clone(),
            Activity::Opaque(opaque) => opaque.messages.to_string(),
            other => panic!("{other:?}"),
        };
        events.iter().map(text).collect()
    }

    #[test]
    fn the_server_name_and_the_sealed_records_are_reported() {
        let sealed = [23, 3, 3, 0, 4, 1, 2, 3, 4];
        let bytes = [&hello()[..], &sealed, &sealed].concat();
        for step in [1, 3, 10, 1000] {
            assert_eq!(run(636, &bytes, step), ["dc1.lab.example", "2"]);
            assert_eq!(run(443, &bytes, step), ["dc1.lab.example"]);
        }
    }

    #[test]
    fn every_thousand_records_are_reported() {
        assert_eq!(run(636, &[23, 3, 3, 0, 0].repeat(2500), 999), ["1000", "1000", "500"]);
    }

    #[test]
    fn a_hello_cut_anywhere_names_nothing() {
        let record = &hello()[5..];
        for length in 0..record.len() {
            assert_eq!(server_name(&record[..length]), None, "cut to {length}");
        }
        assert_eq!(server_name(record), Some("dc1.lab.example"));
    }
}
