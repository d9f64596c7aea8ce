//! Remote desktop's connection request (`[MS-RDPBCGR] 2.2.1.1`), the only part of it in the clear: the cookie names the user
//! who is about to log on, cut to nine characters by Windows' client. Whether the logon succeeded is sealed.

use hopwatch_model::event::{SignIn, SignInKind};
use hopwatch_model::{Account, Activity, Outcome};

use super::{Chunk, Direction, Draft, Output, StreamAnalyzer};

/// How the cookie begins, and its longest value.
const COOKIE: &[u8] = b"Cookie: mstshash=";
const MAX_NAME: usize = 256;

/// An analyser of one connection.
#[must_use]
pub fn stream() -> Box<dyn StreamAnalyzer> {
    Box::new(Stream { asked: false })
}

struct Stream {
    /// Whether the request was seen, or can no longer be.
    asked: bool,
}

impl StreamAnalyzer for Stream {
    /// TPKT (RFC 1006): version 3 · reserved · length 2; X.224: length · `E0` · 5 more; then the cookie's line.
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        if self.asked || chunk.direction == Direction::ToClient {
            return chunk.bytes.len();
        }
        let Some(head) = chunk.bytes.first_chunk::<6>() else { return 0 };
        let [3, _, high, low, _, 0xe0] = *head else {
            self.asked = true;
            return chunk.bytes.len();
        };
        let length = usize::from(u16::from_be_bytes([high, low])).max(head.len());
        let Some(request) = chunk.bytes.get(..length) else { return 0 };
        self.asked = true;
        match request.get(11..).and_then(user) {
            Some(user) => emit(user, &chunk, request, out),
            None => out.counters.ignore("rdp: request without cookie"),
        }
        chunk.bytes.len()
    }

    fn gap(&mut self, direction: Direction, _: u64, _: &mut Output<'_>) {
        self.asked |= direction == Direction::ToServer;
    }

    fn close(&mut self, _: &mut Output<'_>) {}
}

/// The name in the cookie: `NAME` or `DOMAIN\NAME`. A load balancer's token (`Cookie: msts=`) names nobody.
fn user(line: &[u8]) -> Option<&str> {
    let value = line.strip_prefix(COOKIE)?;
    let end = value.windows(2).position(|pair| pair == b"\r\n")?;
    let name = std::str::from_utf8(value.get(..end.min(MAX_NAME))?).ok()?;
    (!name.is_empty() && !name.contains(char::is_control)).then_some(name)
}

fn emit(user: &str, chunk: &Chunk<'_>, request: &[u8], out: &mut Output<'_>) {
    let sign_in = SignIn { kind: SignInKind::Rdp, application: "rdp".into(), ..SignIn::default() };
    let draft = Draft {
        endpoints: chunk.endpoints,
        time: chunk.time,
        frame: chunk.frame,
        actor: Some(Account::named(user)),
        outcome: Outcome::Unseen,
        content: request,
    };
    out.emit(draft, Activity::SignIn(Box::new(sign_in)));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, chunk};
    use super::*;

    fn request(cookie: &[u8]) -> Vec<u8> {
        let length = u8::try_from(11 + cookie.len() + 8).unwrap();
        [&[3, 0, 0, length, length - 5, 0xe0, 0, 0, 0, 0, 0], cookie, &[1, 0, 8, 0, 3, 0, 0, 0]].concat()
    }

    fn users(bytes: &[u8], step: usize) -> Vec<String> {
        let (mut bench, mut stream, mut pending) = (Bench::new(), stream(), Vec::new());
        for piece in bytes.chunks(step) {
            pending.extend_from_slice(piece);
            let done = stream.data(chunk(&pending, Direction::ToServer, (50_000, 3389), 7), &mut bench.out());
            pending.drain(..done);
        }
        bench.events.iter().map(|event| event.actor.as_ref().unwrap().name.clone()).collect()
    }

    #[test]
    fn the_cookie_names_the_user_once() {
        let bytes = [&request(b"Cookie: mstshash=ann\r\n")[..], b"\x16\x03\x01", &request(b"Cookie: mstshash=bob\r\n")]
            .concat();
        for step in [1, 9, 1000] {
            assert_eq!(users(&bytes, step), ["ann"]);
        }
    }

    #[test]
    fn a_request_without_a_user_names_nobody() {
        for cookie in [&b""[..], b"Cookie: msts=1.2.3\r\n", b"Cookie: mstshash=\r\n", b"Cookie: mstshash=ann"] {
            assert!(users(&request(cookie), 1000).is_empty());
        }
        for length in 0..30 {
            assert!(users(&request(b"Cookie: mstshash=ann\r\n")[..length], 1000).is_empty());
        }
    }
}
