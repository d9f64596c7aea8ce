//! Logons inside HTTP/1.x headers (RFC 9110 §11, RFC 4559, `[MS-NTHT]`): Negotiate and NTLM, and Basic, whose password is
//! dropped. WinRM on 5985, certificate enrolment and every other web service of a domain speak it.
//!
//! NTLM authenticates the connection, so that one context serves it. Bodies are passed over by their length; chunked ones
//! by looking for the next head. HTTP/2, WebSocket and request bodies (SOAP of WinRM) are not read.

use std::collections::VecDeque;

use hopwatch_model::event::{Logon, LogonType};
use hopwatch_model::{Account, Activity, Outcome};

use super::gss::{At, GssContext};
use super::{Chunk, Direction, Draft, Output, StreamAnalyzer};

/// The longest head that is waited for: Kerberos tickets in it take up to 64 KiB (`MaxTokenSize` in base64).
const HEAD_CAP: usize = 128 * 1024;
/// The most requests that wait for their response on one connection.
const PENDING: usize = 64;

/// An analyser of one connection.
#[must_use]
pub fn stream() -> Box<dyn StreamAnalyzer> {
    Box::new(Stream { gss: GssContext::new("http"), waiting: VecDeque::new(), last: None })
}

struct Stream {
    gss: GssContext,
    /// What the requests without response had for a logon, oldest first.
    waiting: VecDeque<Option<Basic>>,
    last: Option<At>,
}

/// A Basic logon that waits for its response.
struct Basic {
    at: At,
    account: Account,
    service: String,
}

impl StreamAnalyzer for Stream {
    fn data(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) -> usize {
        let at = At::of(&chunk);
        self.last = Some(at);
        let mut done = 0;
        while let Some(rest) = chunk.bytes.get(done..).filter(|rest| !rest.is_empty()) {
            if !begins_like_a_head(rest, chunk.direction) {
                done += next_head(rest, chunk.direction);
                continue;
            }
            let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
                if rest.len() > HEAD_CAP {
                    out.counters.drop("http: head too long");
                    return done + rest.len();
                }
                break;
            };
            let head = Head::new(rest.get(..end).unwrap_or_default());
            match chunk.direction {
                Direction::ToServer => self.request(&head, at, out),
                Direction::ToClient => self.response(&head, at, out),
            }
            done += end + 4;
            done = done.saturating_add(head.body_bytes());
        }
        done
    }

    fn gap(&mut self, _direction: Direction, _bytes: u64, _out: &mut Output<'_>) {
        self.waiting.clear();
    }

    fn close(&mut self, out: &mut Output<'_>) {
        self.gss.finish(Outcome::Unseen, out);
        for basic in std::mem::take(&mut self.waiting).into_iter().flatten() {
            basic.emit(Outcome::Unseen, out);
        }
    }
}

impl Stream {
    fn request(&mut self, head: &Head<'_>, at: At, out: &mut Output<'_>) {
        let mut basic = None;
        for value in head.values("authorization") {
            let Some((scheme, credentials)) = value.split_once(' ') else { continue };
            if scheme.eq_ignore_ascii_case("negotiate") || scheme.eq_ignore_ascii_case("ntlm") {
                self.token(credentials, at, out);
            } else if scheme.eq_ignore_ascii_case("kerberos") {
                // WinRM's own scheme for encrypted bodies.
                self.token(credentials, at, out);
            } else if scheme.eq_ignore_ascii_case("basic") {
                basic = self.basic(head, credentials, at, out);
            }
        }
        if self.waiting.len() >= PENDING
            && let Some(Some(oldest)) = self.waiting.pop_front()
        {
            oldest.emit(Outcome::Unseen, out);
        }
        self.waiting.push_back(basic);
    }

    fn basic(&mut self, head: &Head<'_>, credentials: &str, at: At, out: &mut Output<'_>) -> Option<Basic> {
        let Some(clear) = base64(credentials.trim()) else {
            out.counters.drop("http: Basic credentials malformed");
            return None;
        };
        // The password behind the colon ends here.
        let name = clear.split(|byte| *byte == b':').next().unwrap_or_default();
        let account = Account::named(&String::from_utf8_lossy(name));
        let host = head.values("host").next().unwrap_or_default();
        Some(Basic { at, account, service: format!("http://{host}{}", head.target()) })
    }

    fn response(&mut self, head: &Head<'_>, at: At, out: &mut Output<'_>) {
        let status = head.status();
        // Interim responses answer nothing (RFC 9110 §15.2).
        if (100..200).contains(&status) {
            return;
        }
        let waited = self.gss.pending();
        for value in head.values("www-authenticate") {
            if let Some((scheme, token)) = value.split_once(' ')
                && ["negotiate", "ntlm", "kerberos"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
            {
                self.token(token, at, out);
            }
        }
        let outcome = if status == 401 { Outcome::Failure(status) } else { Outcome::Success };
        if waited {
            self.gss.finish(outcome, out);
        }
        if let Some(Some(basic)) = self.waiting.pop_front() {
            basic.emit(outcome, out);
        }
    }

    fn token(&mut self, text: &str, at: At, out: &mut Output<'_>) {
        match base64(text.trim()) {
            Some(token) => self.gss.token(&token, at, out),
            None => out.counters.drop("http: token malformed"),
        }
    }
}

impl Basic {
    fn emit(self, outcome: Outcome, out: &mut Output<'_>) {
        let logon = Logon {
            logon_type: LogonType::NetworkCleartext,
            package: "Basic".into(),
            service: Some(self.service),
            ..Logon::default()
        };
        let content = format!("{} {}", self.account.name, self.at.frame);
        let At { endpoints, time, frame } = self.at;
        let draft = Draft { endpoints, time, frame, actor: Some(self.account), outcome, content: content.as_bytes() };
        out.emit(draft, Activity::Logon(Box::new(logon)));
    }
}

/// The head of a message (RFC 9112 §2).
struct Head<'a> {
    lines: Vec<&'a [u8]>,
}

impl<'a> Head<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        // More lines than any honest head has.
        Self { lines: bytes.split(|byte| *byte == b'\n').take(512).collect() }
    }

    /// The values of a field, trimmed; those that are not ASCII are left out.
    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().skip(1).filter_map(move |line| {
            let line = std::str::from_utf8(line).ok()?;
            let (field, value) = line.split_once(':')?;
            field.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The request target.
    fn target(&self) -> String {
        let line = self.lines.first().map(|line| String::from_utf8_lossy(line)).unwrap_or_default();
        let target = line.split(' ').nth(1).unwrap_or_default();
        // What follows a question mark may hold secrets.
        target.split('?').next().unwrap_or_default().chars().take(512).collect()
    }

    /// The status code; 0 where there is none.
    fn status(&self) -> u32 {
        let line = self.lines.first().and_then(|line| line.get(9..12)).unwrap_or_default();
        std::str::from_utf8(line).ok().and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The length of the body, 0 where it is not told.
    fn body_bytes(&self) -> usize {
        let length = self.values("content-length").next().and_then(|length| length.parse::<u32>().ok());
        length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
    }
}

const METHODS: [&str; 9] =
    ["GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE ", "PROPFIND ", "RPC_IN_DATA ", "RPC_OUT_DATA "];

fn begins_like_a_head(bytes: &[u8], direction: Direction) -> bool {
    let begins = |start: &str| {
        let length = start.len().min(bytes.len());
        bytes.get(..length) == start.as_bytes().get(..length)
    };
    match direction {
        Direction::ToServer => METHODS.iter().any(|method| begins(method)),
        Direction::ToClient => begins("HTTP/1."),
    }
}

/// The distance to the next head, which begins a line.
fn next_head(bytes: &[u8], direction: Direction) -> usize {
    let mut at = 0;
    while let Some(line) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        at += line + 1;
        if bytes.get(at..).is_some_and(|rest| !rest.is_empty() && begins_like_a_head(rest, direction)) {
            return at;
        }
    }
    bytes.len()
}

/// RFC 4648 §4; `None` for foreign characters.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, chunk};
    use super::*;

    fn run(parts: &[(Direction, &[u8])]) -> Bench {
        let mut bench = Bench::new();
        let mut analyzer = stream();
        for (direction, bytes) in parts {
            analyzer.data(chunk(bytes, *direction, (50_000, 5985), 7), &mut bench.out());
        }
        analyzer.close(&mut bench.out());
        bench
    }

    const BASIC: &[u8] =
        b"POST /wsman?x=1 HTTP/1.1\r\nHost: srv1:5985\r\nAuthorization: Basic TEFCXGFubjpDYW5hcnktMQ==\r\n\
        Content-Length: 4\r\n\r\nGET GET / HTTP/1.1\r\n\r\n";

    #[test]
    fn basic_credentials_give_the_account_and_never_the_password() {
        let bench = run(&[
            (Direction::ToServer, BASIC),
            (Direction::ToClient, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
        ]);
        let [event] = &bench.events[..] else { panic!("{:?}", bench.events) };
        assert_eq!(event.actor.as_ref().unwrap(), &Account::named("LAB\\ann"));
        assert_eq!(event.outcome, Outcome::Failure(401));
        let json = serde_json::to_string(event).unwrap();
        assert!(json.contains("http://srv1:5985/wsman\"") && !json.contains("Canary"), "{json}");
    }

    #[test]
    fn a_negotiate_leg_with_a_challenge_is_answered_by_the_next_response() {
        // AUTHENTICATE_MESSAGE of an anonymous user: empty fields, flags 0x800.
        let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
        for _ in 0..6 {
            message.extend([0, 0, 0, 0, 64, 0, 0, 0]);
        }
        message.extend([0, 8, 0, 0]);
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        message.resize(66, 0);
        let text: String = message
            .chunks(3)
            .flat_map(|c| {
                let word = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
                [18, 12, 6, 0].map(|shift| char::from(LETTERS[usize::try_from(word >> shift & 63).unwrap()]))
            })
            .collect();
        let request = format!("GET / HTTP/1.1\r\nAuthorization: NTLM {text}\r\n\r\n");
        let bench =
            run(&[(Direction::ToServer, request.as_bytes()), (Direction::ToClient, b"HTTP/1.1 200 OK\r\n\r\n")]);
        let [event] = &bench.events[..] else { panic!("{:?} {:?}", bench.events, bench.counters) };
        assert!(matches!(&event.activity, Activity::NtlmLogon(logon) if logon.carrier == "http"));
        assert_eq!(event.outcome, Outcome::Success);
    }

    #[test]
    fn bytes_outside_heads_are_passed_over() {
        let bench = run(&[(Direction::ToServer, b"\x00\x01rubbish\nmore\nGET / HTTP/1.1\r\n\r\n")]);
        assert!(bench.events.is_empty());
    }

    #[test]
    fn every_cut_of_a_request_is_survived() {
        for end in 0..BASIC.len() {
            run(&[(Direction::ToServer, &BASIC[..end])]);
        }
    }
}
