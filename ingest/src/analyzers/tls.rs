//! TLS (RFC 8446 §4.1.2, §5.1): what can be seen of it. The server name of the hello feeds the resolution table, sealed
//! records of directory services are reported as opaque, so that LDAPS and HTTPS management show as a coverage gap and
//! not as silence. Ordinary web traffic (443) makes no opaque events. Nothing is decrypted; up to TLS 1.2 the server's certificate
//! is in the clear and names it.

use std::net::IpAddr;

use hopwatch_model::event::{NameObserved, Opaque, OpaqueProtocol};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};
use x509_parser::extensions::GeneralName;

use super::dispatch::Opening;
use super::{Chunk, Direction, Draft, Endpoints, Output, StreamAnalyzer};

/// Sealed records after which an opaque event is made, as for every protocol (`model::event::Opaque`).
const REPORT_EVERY: u32 = 1000;
/// The most bytes of a record (RFC 8446 §5.2, with the slack of older versions).
const MAX_RECORD_BYTES: usize = 16_384 + 2048;
/// The most bytes of a server's handshake that are put together: a chain of large certificates.
const MAX_GREETING: usize = 64 * 1024;
/// Record types.
const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

/// The analyser of one TLS connection.
pub struct TlsStream {
    endpoints: Endpoints,
    /// Where the connection began or was met: what an opaque event points to.
    began: Option<(Timestamp, u64)>,
    hello: Hello,
    /// The server's handshake messages so far; `None` once its certificate was met or will not come.
    greeting: Option<Vec<u8>>,
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
        let greeting = (!opening.midstream).then(Vec::new);
        Self { endpoints: opening.endpoints, began: None, hello, greeting, sealed: 0 }
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
        if let Some(name) = server_name(record) {
            // The client's word, for whatever answers there.
            self.observe(name, Certainty::Low, record, chunk, out);
        }
    }

    /// Takes a record of the server's handshake, until its certificate is whole.
    fn greet(&mut self, record: &[u8], chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Some(mut greeting) = self.greeting.take() else { return };
        greeting.extend_from_slice(record);
        match certificate(&greeting) {
            Greeting::Certificate(der) => match certified_name(der) {
                Some(name) => self.observe(&name, Certainty::Medium, record, chunk, out),
                None => out.counters.ignore("tls: certificate without a host's name"),
            },
            Greeting::Unfinished if greeting.len() < MAX_GREETING => self.greeting = Some(greeting),
            Greeting::Unfinished | Greeting::None => {}
        }
    }

    fn observe(&self, name: &str, certainty: Certainty, record: &[u8], chunk: Chunk<'_>, out: &mut Output<'_>) {
        let address = self.endpoints.server.ip();
        if !inside(address) {
            return;
        }
        let resolution = Resolution { certainty, method: ResolutionMethod::Tls };
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
        if self.greeting.is_some() && chunk.direction == Direction::ToClient {
            if kind == HANDSHAKE {
                let Some(record) = content.get(..length) else { return 0 };
                self.greet(record, chunk, out);
            } else {
                self.greeting = None;
            }
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
        match direction {
            Direction::ToServer => self.hello = Hello::Past,
            Direction::ToClient => self.greeting = None,
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.report(out);
    }
}

/// What the server's handshake holds so far.
enum Greeting<'a> {
    /// Its own certificate.
    Certificate(&'a [u8]),
    /// More must come.
    Unfinished,
    /// No certificate in the clear.
    None,
}

/// Handshake messages `type 1 · length 3 · body`: a hello (2), then the certificate (11) with a list `length 3` of `length
/// 3 · certificate`, the server's own first (RFC 5246 §7.4.2). TLS 1.3 sends it sealed, after another record type.
fn certificate(handshake: &[u8]) -> Greeting<'_> {
    let mut at = Fields(handshake);
    loop {
        let (Some(kind), Some(length)) = (at.length(1), at.length(3)) else { return Greeting::Unfinished };
        let Some(body) = at.take(length) else {
            return if matches!(kind, 2 | 11) { Greeting::Unfinished } else { Greeting::None };
        };
        match kind {
            2 => {}
            11 => {
                let mut list = Fields(body);
                let first = list.take(3).and_then(|_| list.length(3)).and_then(|length| list.take(length));
                return first.map_or(Greeting::None, Greeting::Certificate);
            }
            _ => return Greeting::None,
        }
    }
}

/// The host that a certificate is for: the first of its DNS names that is no wildcard, else its common name.
fn certified_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let host = |name: &&str| name.contains('.') && !name.contains(['*', ' ']) && name.len() <= 255;
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let listed = alternatives.and_then(|names| {
        names.value.general_names.iter().find_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name).filter(host),
            _ => None,
        })
    });
    let common = || certificate.subject().iter_common_name().find_map(|name| name.as_str().ok().filter(host));
    listed.or_else(common).map(str::to_owned)
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

    /// The handshake of a server: hello, then a certificate for these names.
    fn greeting(names: &[&str]) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let der = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap().der().to_vec();
        let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat();
        let certificate = sized(&sized(&der));
        [&[2, 0, 0, 2, 3, 3][..], &[11], &sized(&certificate)].concat()
    }

    fn certified(handshake: &[u8]) -> Option<String> {
        match certificate(handshake) {
            Greeting::Certificate(der) => certified_name(der),
            Greeting::Unfinished | Greeting::None => None,
        }
    }

    #[test]
    fn a_servers_certificate_names_it_once_it_is_whole() {
        let handshake = greeting(&["*.lab.example", "dc1.lab.example", "lab.example"]);
        assert_eq!(certified(&handshake).as_deref(), Some("dc1.lab.example"), "wildcards name no host");
        let handshake = greeting(&["dc1.lab.example", "lab.example"]);
        for length in 0..handshake.len() {
            assert!(matches!(certificate(&handshake[..length]), Greeting::Unfinished), "cut to {length}");
        }
        assert_eq!(certified(&handshake).as_deref(), Some("dc1.lab.example"));
        assert!(matches!(certificate(&[14, 0, 0, 0]), Greeting::None));
    }
}
