//! DCE/RPC connections, over TCP and over named pipes, become `RpcCall` events: one per request, with what its clear stub
//! says and the outcome that the response tells.
//!
//! Here bytes are cut into PDUs; [`connection`] holds what a connection knows. Answers of the endpoint mapper are learned,
//! so that connections to dynamic ports are recognised even where their bind was not captured. Connectionless RPC and
//! RPC over HTTP v2 are not read.

mod call;
mod connection;
#[cfg(test)]
mod lab_tests;
#[cfg(test)]
mod tests;

use hopwatch_model::Account;
use hopwatch_model::event::RpcTransport;
use hopwatch_wire::{Error, dcerpc};

use super::gss::At;
use super::rpc_endpoints::RpcEndpoints;
use super::{Chunk, Direction, Output, StreamAnalyzer};
use connection::Connection;

/// An analyser of one TCP connection that shares what the endpoint mapper gives out.
#[must_use]
pub fn stream(endpoints: &RpcEndpoints) -> Box<dyn StreamAnalyzer> {
    Box::new(Stream { connection: Connection::new(RpcTransport::Tcp, endpoints.clone()), last: None })
}

struct Stream {
    connection: Connection,
    last: Option<At>,
}

impl StreamAnalyzer for Stream {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        let at = At::of(&chunk);
        self.last = Some(at);
        self.connection.bytes(chunk.bytes, at, None, out)
    }

    fn gap(&mut self, _direction: Direction, _bytes: u64, _out: &mut Output<'_>) {
        self.connection.gap();
    }

    fn close(&mut self, out: &mut Output<'_>) {
        if let Some(at) = self.last {
            self.connection.close(at, out);
        }
    }
}

/// The most bytes of one direction of a pipe that wait for the rest of their PDU: twice the longest fragment.
const PIPE_BUFFER: usize = 128 * 1024;

/// DCE/RPC inside a named pipe, whose bytes SMB hands over piece by piece.
pub(super) struct Pipe {
    connection: Connection,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Pipe {
    /// A pipe by its name without `\PIPE\`.
    pub(super) fn new(name: &str, endpoints: &RpcEndpoints) -> Self {
        Self {
            connection: Connection::new(RpcTransport::Pipe(name.into()), endpoints.clone()),
            to_server: Vec::new(),
            to_client: Vec::new(),
        }
    }

    /// Takes bytes that were written to or read from the pipe. `actor`: the account of the SMB session.
    pub(super) fn bytes(
        &mut self,
        bytes: &[u8],
        direction: Direction,
        at: At,
        actor: Option<&Account>,
        out: &mut Output<'_>,
    ) {
        let buffer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        // A pipe that begins with something else carries something else: a tool's own protocol.
        if buffer.is_empty() && !dcerpc::looks_like_pdu(bytes) {
            return out.counters.ignore("smb: pipe without DCE/RPC");
        }
        buffer.extend_from_slice(bytes);
        let done = self.connection.bytes(buffer, at, actor, out);
        buffer.drain(..done.min(buffer.len()));
        if buffer.len() > PIPE_BUFFER {
            out.counters.drop("smb: pipe message too long");
            *buffer = Vec::new();
        }
    }

    /// Bytes of the pipe were lost.
    pub(super) fn gap(&mut self) {
        self.to_server.clear();
        self.to_client.clear();
        self.connection.gap();
    }

    /// The pipe was closed.
    pub(super) fn close(&mut self, at: At, out: &mut Output<'_>) {
        self.connection.close(at, out);
    }
}

/// Cuts bytes into PDUs. Bytes between them are passed over; each stretch counts once.
fn pdus(bytes: &[u8], out: &mut Output<'_>, mut each: impl FnMut(&[u8], &mut Output<'_>)) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match dcerpc::frame_length(rest) {
            Ok(length) => match rest.get(..length) {
                Some(frame) => {
                    each(frame, out);
                    at += length;
                }
                None => break,
            },
            Err(Error::Incomplete { .. }) => break,
            Err(_) => {
                out.counters.drop("dcerpc: bytes outside PDUs");
                let next = rest.windows(8).skip(1).position(dcerpc::looks_like_pdu);
                // The last seven bytes may be the beginning of a header.
                at += next.map_or(rest.len().saturating_sub(7).max(1), |next| next + 1);
            }
        }
    }
    at
}
