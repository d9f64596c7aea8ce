//! Where and when a message was seen: what an event needs of a request after its bytes are gone.

use hopwatch_model::{Account, Outcome, Timestamp};

use super::{Chunk, Direction, Draft, Endpoints};
use crate::secrets::content_digest;

/// Where and when a message was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The connection, its client the one who asks.
    pub(crate) endpoints: Endpoints,
    pub(crate) time: Timestamp,
    pub(crate) frame: u64,
    /// The digest of the message, so that its bytes need not be kept.
    content: [u8; 16],
}

/// Who sends a kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A request.
    Asker,
    /// An answer.
    Answerer,
    /// Whoever the flow table says.
    Either,
}

impl Seen {
    /// Where a capture begins in the middle of a connection, its sides may be taken for one another; the message itself says
    /// who asks.
    pub(crate) fn new(chunk: &Chunk<'_>, sender: Sender, message: &[u8]) -> Self {
        let Endpoints { client, server } = chunk.endpoints;
        let expected = match sender {
            Sender::Asker => Direction::ToServer,
            Sender::Answerer => Direction::ToClient,
            Sender::Either => chunk.direction,
        };
        let endpoints =
            if chunk.direction == expected { chunk.endpoints } else { Endpoints { client: server, server: client } };
        Self { endpoints, time: chunk.time, frame: chunk.frame, content: [0; 16] }.with_content(message)
    }

    fn with_content(mut self, message: &[u8]) -> Self {
        self.content[..8].copy_from_slice(&content_digest(message).to_le_bytes());
        self
    }

    /// The same place, for the n-th of several events of one message, which must not be taken for one event repeated.
    pub(crate) fn part(mut self, n: u64) -> Self {
        self.content[8..].copy_from_slice(&n.to_le_bytes());
        self
    }

    /// An event in the making.
    pub(crate) fn draft(&self, actor: Option<Account>, outcome: Outcome) -> Draft<'_> {
        Draft { endpoints: self.endpoints, time: self.time, frame: self.frame, actor, outcome, content: &self.content }
    }
}
