//! CLDAP (RFC 3352, `[MS-ADTS] 6.3.3`): one search in one datagram, entry and result in another. Domain members find their
//! DC by it; so do those who look for accounts.

use std::net::SocketAddr;
use std::time::Duration;

use hopwatch_model::Timestamp;
use hopwatch_wire::ldap;

use super::session::{Session, Transport};
use crate::analyzers::aging::Aging;
use crate::analyzers::seen::{Seen, Sender};
use crate::analyzers::{Chunk, DatagramAnalyzer, Output};

/// The most conversations open at once; beyond it the oldest is closed early.
const MAX_CONVERSATIONS: usize = 16_384;
/// How long a request waits for its answer. A DC answers at once; clients try the next one within seconds.
const ANSWER_WINDOW: Duration = Duration::from_secs(10);

/// All CLDAP of a capture.
pub(super) struct Datagrams {
    conversations: Aging<(SocketAddr, SocketAddr), Session>,
}

impl Default for Datagrams {
    fn default() -> Self {
        Self { conversations: Aging::new(MAX_CONVERSATIONS) }
    }
}

impl DatagramAnalyzer for Datagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let key = (chunk.endpoints.client, chunk.endpoints.server);
        let mut session = self.conversations.remove(&key).unwrap_or_else(|| Session::over(Transport::Udp));
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            match ldap::message_size(rest) {
                Ok(size) => {
                    let (message, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                    session.message(&chunk, message, out);
                    rest = after;
                }
                Err(error) => {
                    session.broken(error, &Seen::new(&chunk, Sender::Either, rest), out);
                    break;
                }
            }
        }
        if let Some(mut evicted) = self.conversations.insert(key, chunk.time, session) {
            out.counters.drop("cldap.conversations_full");
            evicted.close(out);
        }
    }

    fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        for mut session in self.conversations.expire(now - ANSWER_WINDOW) {
            session.close(out);
        }
    }

    fn close(&mut self, out: &mut Output<'_>) {
        for mut session in self.conversations.drain() {
            session.close(out);
        }
    }
}
