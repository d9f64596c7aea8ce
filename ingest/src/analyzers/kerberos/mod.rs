//! Kerberos on ports 88 and 464, TCP and UDP: requests and answers become AS exchanges, TGS exchanges and, for password
//! changes, ticket uses (RFC 4120 §3, §7.2; RFC 3244).
//!
//! One logon is one AS exchange. A client first asks without proof, is told "pre-authentication required" (25) with the
//! etypes on offer, asks again with proof (on Windows over a new connection), may be told that the answer is too big for
//! UDP (52), and asks once more over TCP: these requests are folded into the last one. A first request that nobody
//! continues is a failure with code 25: that is what enumeration of names looks like.
//!
//! *Blind spots.* Inside FAST only the outer request is seen. A TGS request that was refused has no actor: its
//! authenticator is sealed. Where only answers are captured, exchanges are made up of them.

mod conversation;
mod request;
mod shared;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hopwatch_model::Timestamp;
use hopwatch_wire::Error;
use hopwatch_wire::krb5;

use self::conversation::{ANSWER_WINDOW, Conversation};
use self::shared::Shared;
use super::aging::Aging;
use super::{Chunk, DatagramAnalyzer, Direction, Endpoints, Output, StreamAnalyzer};

/// The most UDP conversations open at once; beyond it the oldest is closed early.
const MAX_CONVERSATIONS: usize = 16_384;

/// The Kerberos analysers of one capture, which share the state that joins a logon's connections.
///
/// # Contract
/// The one datagram analyser also keeps the time of the shared state: its `tick` and `close` must be called even where the
/// capture holds no UDP, after the streams were closed.
#[derive(Clone, Debug, Default)]
pub struct Kerberos {
    shared: Arc<Mutex<Shared>>,
}

impl Kerberos {
    /// An analyser of one TCP connection of this capture.
    #[must_use]
    pub fn stream(&self) -> Box<dyn StreamAnalyzer> {
        Box::new(self.connection(Ownership::Shared))
    }

    /// The analyser of this capture's UDP.
    #[must_use]
    pub fn datagrams(&self) -> Box<dyn DatagramAnalyzer> {
        Box::new(Datagrams { shared: Arc::clone(&self.shared), conversations: Aging::new(MAX_CONVERSATIONS) })
    }

    fn connection(&self, ownership: Ownership) -> Connection {
        Connection {
            shared: Arc::clone(&self.shared),
            ownership,
            conversation: Conversation::default(),
            last: None,
            lost: [false; 2],
        }
    }
}

/// An analyser of one TCP connection on its own: a logon that spreads over several connections is several exchanges.
#[must_use]
pub fn stream() -> Box<dyn StreamAnalyzer> {
    Box::new(Kerberos::default().connection(Ownership::Own))
}

/// An analyser of UDP on its own.
#[must_use]
pub fn datagrams() -> Box<dyn DatagramAnalyzer> {
    Kerberos::default().datagrams()
}

/// Whose the shared state is: one that is the connection's own is closed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ownership {
    Shared,
    Own,
}

/// One TCP connection.
struct Connection {
    shared: Arc<Mutex<Shared>>,
    ownership: Ownership,
    conversation: Conversation,
    /// The newest bytes, for what is emitted at the end.
    last: Option<(Endpoints, Timestamp, u64)>,
    /// Per direction: whether the place of the next record is unknown.
    lost: [bool; 2],
}

impl StreamAnalyzer for Connection {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        self.last = Some((chunk.endpoints, chunk.time, chunk.frame));
        let shared = Arc::clone(&self.shared);
        let mut shared = lock(&shared);
        let mut consumed = 0;
        loop {
            let rest = chunk.bytes.get(consumed..).unwrap_or_default();
            if std::mem::take(&mut self.lost[side(chunk.direction)]) {
                let (skipped, found) = find_record(rest);
                consumed += skipped;
                if !found {
                    self.lost[side(chunk.direction)] = true;
                    return consumed;
                }
                continue;
            }
            match krb5::record(rest) {
                Ok((message, size)) => {
                    consumed += size;
                    self.conversation.message(&chunk, message, &mut shared, out);
                }
                Err(Error::Incomplete { .. }) => return consumed,
                Err(_) => {
                    out.counters.drop("kerberos.record_malformed");
                    self.lost[side(chunk.direction)] = true;
                }
            }
        }
    }

    fn gap(&mut self, direction: Direction, _bytes: u64, out: &mut Output<'_>) {
        out.counters.drop("kerberos.gap");
        self.lost[side(direction)] = true;
        // Answers may be among the lost bytes: later ones would be taken for theirs.
        if direction == Direction::ToClient {
            self.conversation.give_up(Timestamp::MAX, out);
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.conversation.close(self.last, out);
        if self.ownership == Ownership::Own {
            lock(&self.shared).close(out);
        }
    }
}

/// How many bytes to skip to where a record begins, and whether one does. Where none does, the last bytes are kept: they
/// may be the start of its header.
fn find_record(bytes: &[u8]) -> (usize, bool) {
    /// A record's length and the longest BER header of a message.
    const HEADER: usize = 4 + 6;
    match (0..bytes.len()).find(|start| bytes.get(*start..).is_some_and(krb5::record_begins)) {
        Some(start) => (start, true),
        None => (bytes.len().saturating_sub(HEADER), false),
    }
}

/// All UDP of a capture.
struct Datagrams {
    shared: Arc<Mutex<Shared>>,
    conversations: Aging<(SocketAddr, SocketAddr), Conversation>,
}

impl DatagramAnalyzer for Datagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        // The order of the pair is the same whichever side the flow table takes for the client.
        let Endpoints { client, server } = chunk.endpoints;
        let key = (client.min(server), client.max(server));
        let mut conversation = self.conversations.remove(&key).unwrap_or_default();
        conversation.give_up(chunk.time - ANSWER_WINDOW, out);
        conversation.message(&chunk, chunk.bytes, &mut lock(&self.shared), out);
        if let Some(mut evicted) = self.conversations.insert(key, chunk.time, conversation) {
            out.counters.drop("kerberos.conversations_full");
            evicted.close(None, out);
        }
    }

    fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        for mut conversation in self.conversations.expire(now - ANSWER_WINDOW) {
            conversation.close(None, out);
        }
        lock(&self.shared).tick(now, out);
    }

    fn close(&mut self, out: &mut Output<'_>) {
        for mut conversation in self.conversations.drain() {
            conversation.close(None, out);
        }
        lock(&self.shared).close(out);
    }
}

/// A panic elsewhere does not make this state wrong: every change of it is whole.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}
