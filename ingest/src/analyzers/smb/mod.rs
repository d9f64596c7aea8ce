//! SMB connections become `SmbSession`, `SmbFile`, `NtlmLogon`, `TicketUse` and, through named pipes, `RpcCall` events.
//!
//! Here bytes are cut into messages: NetBIOS sessions (RFC 1002 §4.3) on port 139 and direct TCP on 445 have the same frame
//! of four bytes. [`v1`] and [`v2`] hold the transactions of the two protocols, [`files`] what both know of open files.
//! Encrypted messages are counted and reported as opaque; compressed ones are named and not unpacked.

mod files;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use hopwatch_model::event::{Anomaly, Opaque, OpaqueProtocol};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::smb2::{self, Packet};

use super::gss::{At, observe};
use super::rpc_endpoints::RpcEndpoints;
use super::{Chunk, Direction, Draft, Output, StreamAnalyzer};
use files::Files;

/// The most bytes of a message that are waited for: the longest RPC fragment in a WRITE. Longer ones are file content, of
/// which the head is enough.
const MESSAGE_CAP: usize = 72 * 1024;
/// The bytes of the head of a longer message.
const HEAD: usize = 4 * 1024;
/// Encrypted messages after which they are reported.
const OPAQUE_REPORT: u32 = 1_000;

/// An analyser of one connection that shares what endpoint mappers give out.
#[must_use]
pub fn stream(endpoints: &RpcEndpoints) -> Box<dyn StreamAnalyzer> {
    Box::new(Stream {
        v1: v1::State::default(),
        v2: v2::State::default(),
        files: Files::new(endpoints.clone()),
        opaque: 0,
        lost: [false; 2],
        last: None,
    })
}

struct Stream {
    v1: v1::State,
    v2: v2::State,
    files: Files,
    /// Encrypted messages since the last report.
    opaque: u32,
    /// Whether a direction is between messages, so that one stretch of foreign bytes counts once.
    lost: [bool; 2],
    last: Option<At>,
}

impl StreamAnalyzer for Stream {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        let at = At::of(&chunk);
        self.last = Some(at);
        let mut done = 0;
        while let Some(rest) = chunk.bytes.get(done..).filter(|rest| rest.len() >= 4) {
            match frame(rest) {
                Frame::Message(length) => {
                    let end = 4 + length;
                    let whole = end.min(rest.len());
                    let enough = if length > MESSAGE_CAP { HEAD } else { end };
                    if rest.len() < enough {
                        break;
                    }
                    *self.lost(chunk.direction) = false;
                    self.message(rest.get(4..whole).unwrap_or_default(), chunk.direction, at, out);
                    done += end;
                }
                Frame::Session(length) => match rest.get(4..4 + length) {
                    Some(body) => {
                        session_service(rest, body, at, out);
                        done += 4 + length;
                    }
                    None => break,
                },
                Frame::Short => break,
                // Fewer bytes than a frame and a protocol id may be the beginning of a message.
                Frame::Foreign if rest.len() < 8 => break,
                Frame::Foreign => {
                    let lost = std::mem::replace(self.lost(chunk.direction), true);
                    if !lost {
                        out.counters.drop("smb: bytes outside messages");
                    }
                    done += next_message(rest);
                }
            }
        }
        done
    }

    fn gap(&mut self, _direction: Direction, _bytes: u64, _out: &mut Output<'_>) {
        self.files.gap();
    }

    fn close(&mut self, out: &mut Output<'_>) {
        let Some(at) = self.last else { return };
        self.v1.close(out);
        self.v2.close(out);
        self.files.close(at, out);
        self.report_opaque(at, out);
    }
}

impl Stream {
    fn lost(&mut self, direction: Direction) -> &mut bool {
        let [to_server, to_client] = &mut self.lost;
        match direction {
            Direction::ToServer => to_server,
            Direction::ToClient => to_client,
        }
    }

    fn message(&mut self, message: &[u8], direction: Direction, at: At, out: &mut Output<'_>) {
        if message.starts_with(b"\xffSMB") {
            return self.v1.message(message, direction, at, &mut self.files, out);
        }
        for packet in smb2::packets(message) {
            match packet {
                Ok(Packet::Message(header, body)) => self.v2.message(&header, body, at, &mut self.files, out),
                Ok(Packet::Encrypted(_)) => {
                    self.opaque += 1;
                    if self.opaque >= OPAQUE_REPORT {
                        self.report_opaque(at, out);
                    }
                }
                Ok(Packet::Compressed { overflows: true, .. }) => anomaly(
                    "smb2",
                    "compression transform header whose sizes overflow 32 bits (CVE-2020-0796)",
                    message.get(..16).unwrap_or_default(),
                    at,
                    out,
                ),
                Ok(Packet::Compressed { .. }) => out.counters.ignore("smb: compressed message"),
                Err(_) => out.counters.drop("smb: message malformed"),
            }
        }
        self.v2.end_of_frame();
    }

    fn report_opaque(&mut self, at: At, out: &mut Output<'_>) {
        let messages = std::mem::take(&mut self.opaque);
        if messages == 0 {
            return;
        }
        let content = messages.to_le_bytes();
        let At { endpoints, time, frame } = at;
        let draft = Draft { endpoints, time, frame, actor: None, outcome: Outcome::Unseen, content: &content };
        out.emit(draft, Activity::Opaque(Box::new(Opaque { protocol: OpaqueProtocol::Smb, messages })));
    }
}

/// What stands at the start of a stretch of at least four bytes.
enum Frame {
    /// An SMB message of this length behind the frame.
    Message(usize),
    /// A message of the NetBIOS session service other than SMB.
    Session(usize),
    /// Too little to tell.
    Short,
    /// Neither.
    Foreign,
}

/// Type and length (RFC 1002 §4.3.1; direct TCP has 24 bits of length, `[MS-SMB2] 2.1`).
fn frame(bytes: &[u8]) -> Frame {
    let Some(([kind, high, mid, low], rest)) = bytes.split_first_chunk::<4>() else { return Frame::Short };
    let length = usize::from(*high) << 16 | usize::from(*mid) << 8 | usize::from(*low);
    match kind {
        0 if length == 0 => Frame::Session(0),
        0 if rest.len() < 4 => {
            if b"SMB".starts_with(rest.get(1..).unwrap_or_default()) {
                Frame::Short
            } else {
                Frame::Foreign
            }
        }
        0 if protocol(rest) && length >= 32 => Frame::Message(length),
        // Session request and its answers, keep-alive: at most two names of 34 bytes.
        0x81..=0x85 if length <= 256 => Frame::Session(length),
        _ => Frame::Foreign,
    }
}

fn protocol(bytes: &[u8]) -> bool {
    matches!(bytes, [0xfc..=0xff, b'S', b'M', b'B', ..])
}

/// The distance to the next message after bytes that are none; the last seven bytes may be the beginning of one.
fn next_message(bytes: &[u8]) -> usize {
    let found = bytes.windows(8).skip(1).position(|window| matches!(window, [0, _, _, _, rest @ ..] if protocol(rest)));
    found.map_or(bytes.len().saturating_sub(7).max(1), |at| at + 1)
}

/// A session request names both hosts (RFC 1002 §4.3.2); the calling one tells who the client is.
fn session_service(frame: &[u8], body: &[u8], at: At, out: &mut Output<'_>) {
    if frame.first() != Some(&0x81) {
        return;
    }
    // Called and calling name, each 32 letters between a length and an end.
    let calling = body.get(34..).and_then(netbios_name);
    if let Some(name) = calling {
        observe(&name, at.endpoints.client.ip(), ResolutionMethod::Netbios, at, out);
    }
}

/// First-level encoding (RFC 1001 §14.1): each half byte is a letter from `A` on; the sixteenth byte is the suffix.
fn netbios_name(encoded: &[u8]) -> Option<String> {
    let letters = encoded.strip_prefix(&[32])?.get(..30)?;
    let bytes = letters.as_chunks::<2>().0.iter().map(|[high, low]| {
        let half = |letter: &u8| letter.checked_sub(b'A').filter(|half| *half < 16);
        Some(half(high)? << 4 | half(low)?)
    });
    let name: String = bytes.map(|byte| byte.map(char::from)).collect::<Option<_>>()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// Reports something that no honest stack sends.
fn anomaly(protocol: &str, reason: &str, content: &[u8], at: At, out: &mut Output<'_>) {
    let At { endpoints, time, frame } = at;
    let draft = Draft { endpoints, time, frame, actor: None, outcome: Outcome::Unseen, content };
    let what = Anomaly { protocol: protocol.into(), reason: reason.into() };
    out.emit(draft, Activity::Anomaly(Box::new(what)));
}
