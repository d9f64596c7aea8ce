//! DNS over UDP and TCP: queries with their answers, zone transfers, dynamic updates, and the names that answers tie to
//! addresses.
//!
//! A query waits for its answer in a bounded table; one that waits too long is emitted as it stands, and an answer
//! without its query makes an event of its own (one-sided captures). A full transfer (AXFR) is one event that counts the
//! records of all its messages; of an incremental one (IXFR) the first message counts, because its end cannot be told.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hopwatch_model::event::DnsQuery;
use hopwatch_model::{Activity, Outcome, Timestamp};
use hopwatch_wire::dns::{self, Message, OPCODE_UPDATE, record_type};
use rustc_hash::FxBuildHasher;

use super::dns_names::NameObserver;
use super::{Chunk, DatagramAnalyzer, Direction, Draft, Endpoints, Output, StreamAnalyzer, Told};

/// How long a query may wait: resolvers give up after 5 to 15 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most queries that wait over UDP; a resolver of a large site has some hundred open.
const MAX_WAITING: usize = 16_384;
/// The most queries that wait on one TCP connection.
const MAX_WAITING_STREAM: usize = 256;

/// DNS over UDP.
pub struct DnsDatagrams {
    exchanges: Exchanges,
}

impl Default for DnsDatagrams {
    fn default() -> Self {
        Self { exchanges: Exchanges::new(MAX_WAITING) }
    }
}

impl DatagramAnalyzer for DnsDatagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        self.exchanges.message(Transport::Udp, chunk, out);
    }

    fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        self.exchanges.expire(now, out);
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.exchanges.close(out);
    }
}

/// DNS over TCP: messages with two bytes of length before each (RFC 1035 §4.2.2).
pub struct DnsStream {
    exchanges: Exchanges,
}

impl Default for DnsStream {
    fn default() -> Self {
        Self { exchanges: Exchanges::new(MAX_WAITING_STREAM) }
    }
}

impl StreamAnalyzer for DnsStream {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        let Some((head, rest)) = chunk.bytes.split_first_chunk::<2>() else { return 0 };
        let length = usize::from(u16::from_be_bytes(*head));
        let Some(message) = rest.get(..length) else { return 0 };
        self.exchanges.message(Transport::Tcp, Chunk { bytes: message, ..chunk }, out);
        length + 2
    }

    /// The length of the next message is not known any more; what follows is read as one and refused if it is none.
    fn gap(&mut self, _: Direction, _: u64, out: &mut Output<'_>) {
        self.exchanges.close(out);
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.exchanges.close(out);
    }
}

/// What carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    client: SocketAddr,
    server: SocketAddr,
    id: u16,
}

/// A query that waits for its answer, or a transfer that goes on.
struct Waiting {
    endpoints: Endpoints,
    time: Timestamp,
    frame: u64,
    query: DnsQuery,
    outcome: Outcome,
    /// How many SOA records a transfer has shown: the second ends it (RFC 5936 §2.2).
    zone_starts: u8,
}

impl Waiting {
    fn new(Seen { endpoints, chunk: Chunk { time, frame, .. }, .. }: Seen<'_>, query: DnsQuery) -> Self {
        Self { endpoints, time, frame, query, outcome: Outcome::Unseen, zone_starts: 0 }
    }
}

/// The open queries of one service.
struct Exchanges {
    cap: usize,
    waiting: HashMap<Key, Waiting, FxBuildHasher>,
    /// In order of asking; an entry whose query was answered, or asked again later, is stale.
    order: VecDeque<(Timestamp, Key)>,
    names: NameObserver,
}

impl Exchanges {
    fn new(cap: usize) -> Self {
        Self { cap, waiting: HashMap::default(), order: VecDeque::new(), names: NameObserver::default() }
    }

    fn message(&mut self, transport: Transport, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let message = match dns::decode(chunk.bytes) {
            Ok(message) => message,
            Err(_) => return out.counters.drop("dns message malformed"),
        };
        out.tell(chunk.frame, Told::Dns(&message));
        if message.fault.is_some() && !message.truncated {
            out.counters.drop("dns records malformed");
        }
        let endpoints = roles(chunk, message.response);
        let key = Key { client: endpoints.client, server: endpoints.server, id: message.id };
        let size = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
        if message.response {
            self.answer(key, &message, Seen { endpoints, transport, chunk, size }, out);
        } else {
            self.ask(key, &message, Seen { endpoints, transport, chunk, size }, out);
        }
    }

    fn ask(&mut self, key: Key, message: &Message<'_>, seen: Seen<'_>, out: &mut Output<'_>) {
        let Some(query) = query_of(message, seen) else { return out.counters.ignore("dns without question") };
        if let Some(open) = self.waiting.get(&key) {
            if open.query.name == query.name && open.query.qtype == query.qtype {
                return out.counters.ignore("dns query repeated");
            }
            self.emit(key, out);
        }
        while self.waiting.len() >= self.cap
            && let Some((time, oldest)) = self.order.pop_front()
        {
            if self.waiting.get(&oldest).is_some_and(|open| open.time == time) {
                out.counters.drop("dns query evicted before its answer");
                self.emit(oldest, out);
            }
        }
        self.waiting.insert(key, Waiting::new(seen, query));
        self.order.push_back((seen.chunk.time, key));
    }

    fn answer(&mut self, key: Key, message: &Message<'_>, seen: Seen<'_>, out: &mut Output<'_>) {
        let open = match self.waiting.entry(key) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let Some(query) = query_of(message, seen) else { return out.counters.ignore("dns without question") };
                place.insert(Waiting::new(seen, DnsQuery { size_bytes: 0, ..query }))
            }
        };
        open.outcome = match message.rcode {
            0 => Outcome::Success,
            code => Outcome::Failure(code.into()),
        };
        open.query.size_bytes = open.query.size_bytes.saturating_add(seen.size);
        if message.opcode != OPCODE_UPDATE {
            open.query.answers = open.query.answers.saturating_add(message.answer_count);
        }
        let starts = message.answers.iter().filter(|record| record.rtype == record_type::SOA).count();
        open.zone_starts = open.zone_starts.saturating_add(u8::try_from(starts).unwrap_or(u8::MAX));
        let transfer_goes_on = open.query.qtype == record_type::AXFR
            && message.rcode == 0
            && open.zone_starts == 1
            && seen.transport == Transport::Tcp;
        if message.rcode == 0 {
            self.names.observe(message, open.endpoints, (seen.chunk.time, seen.chunk.frame), out);
        }
        if !transfer_goes_on {
            self.emit(key, out);
        }
    }

    /// Emits the queries that waited too long.
    fn expire(&mut self, now: Timestamp, out: &mut Output<'_>) {
        while let Some((time, key)) = self.order.front().copied()
            && now.since(time) > PATIENCE
        {
            self.order.pop_front();
            if self.waiting.get(&key).is_some_and(|open| open.time == time) {
                self.emit(key, out);
            }
        }
    }

    /// Emits everything that waits, in order of asking.
    fn close(&mut self, out: &mut Output<'_>) {
        while let Some((time, key)) = self.order.pop_front() {
            if self.waiting.get(&key).is_some_and(|open| open.time == time) {
                self.emit(key, out);
            }
        }
        let mut rest: Vec<Key> = self.waiting.keys().copied().collect();
        rest.sort_by_key(|key| (key.client, key.server, key.id));
        for key in rest {
            self.emit(key, out);
        }
    }

    fn emit(&mut self, key: Key, out: &mut Output<'_>) {
        let Some(open) = self.waiting.remove(&key) else { return };
        // The same query delivered twice has the same id, port and name.
        let content = format!("{} {} {} {}", key.id, key.client, open.query.qtype, open.query.name);
        let draft = Draft {
            endpoints: open.endpoints,
            time: open.time,
            frame: open.frame,
            actor: None,
            outcome: open.outcome,
            content: content.as_bytes(),
        };
        out.emit(draft, Activity::DnsQuery(Box::new(open.query)));
    }
}

/// How a message was seen.
#[derive(Clone, Copy)]
struct Seen<'a> {
    endpoints: Endpoints,
    transport: Transport,
    chunk: Chunk<'a>,
    /// The message's size in bytes.
    size: u32,
}

/// Who asks and who answers: the message says so itself, where both use the service's port.
fn roles(chunk: Chunk<'_>, response: bool) -> Endpoints {
    let Endpoints { client, server } = chunk.endpoints;
    match (chunk.direction, response) {
        (Direction::ToServer, true) | (Direction::ToClient, false) => Endpoints { client: server, server: client },
        (Direction::ToServer, false) | (Direction::ToClient, true) => chunk.endpoints,
    }
}

/// The query that a message states; an update is named by the first record that it changes.
fn query_of(message: &Message<'_>, seen: Seen<'_>) -> Option<DnsQuery> {
    let question = message.questions.first()?;
    let update = message.opcode == OPCODE_UPDATE;
    let (name, qtype) = match message.authorities.first() {
        Some(record) if update => (&record.name, record.rtype),
        _ => (&question.name, question.qtype),
    };
    Some(DnsQuery {
        name: name.to_lowercase(),
        qtype,
        answers: 0,
        size_bytes: seen.size,
        update,
        tcp: seen.transport == Transport::Tcp,
    })
}
