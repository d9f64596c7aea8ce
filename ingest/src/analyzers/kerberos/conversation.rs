//! One client's talk with one KDC: requests in order, each with its answer.

use std::collections::VecDeque;
use std::time::Duration;

use hopwatch_model::event::{AsExchange, Opaque, OpaqueProtocol};
use hopwatch_model::{Activity, Certainty, Outcome, Timestamp};
use hopwatch_wire::krb5::{KdcRep, KdcReq, Kpasswd, KrbError, Message};

use super::request::{Asked, Request, armored};
use super::shared::Shared;
use crate::analyzers::seen::{Seen, Sender};
use crate::analyzers::{Chunk, Draft, Endpoints, Output, Told};

/// The port of the password-change protocol (RFC 3244).
pub(super) const KPASSWD_PORT: u16 = 464;
/// The most requests of one conversation that wait for an answer. Clients wait for each answer in turn.
const MAX_WAITING: usize = 32;
/// KDC_ERR_PREAUTH_REQUIRED.
const PREAUTH_REQUIRED: i32 = 25;
/// KRB_ERR_RESPONSE_TOO_BIG: ask again over TCP.
const RESPONSE_TOO_BIG: i32 = 52;
/// KDC_ERR_MORE_PREAUTH_DATA_REQUIRED (RFC 6113).
const MORE_PREAUTH_DATA_REQUIRED: i32 = 91;

/// The requests that wait for their answers.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    waiting: VecDeque<Request>,
    /// The digest of the ticket issued last, so that an answer given twice is one event.
    last_ticket: Option<u64>,
    /// Requests armoured by FAST since the last report of them.
    sealed: u32,
}

impl Conversation {
    /// Takes one message.
    pub(super) fn message(&mut self, chunk: &Chunk<'_>, bytes: &[u8], shared: &mut Shared, out: &mut Output<'_>) {
        shared.tick(chunk.time, out);
        let sent = |sender| Seen::new(chunk, sender, bytes);
        let ports = (chunk.endpoints.client.port(), chunk.endpoints.server.port());
        if ports.0 == KPASSWD_PORT || ports.1 == KPASSWD_PORT {
            return self.password_change(bytes, sent(Sender::Asker), shared, out);
        }
        let decoded = Message::decode(bytes);
        if let Ok(message) = &decoded {
            out.tell(chunk.frame, Told::Kerberos(message));
        }
        match decoded {
            Ok(Message::AsReq(request)) => self.as_req(&request, sent(Sender::Asker), shared, out),
            Ok(Message::TgsReq(request)) => self.ask(Request::of_tgs(sent(Sender::Asker), &request, out), shared, out),
            Ok(Message::AsRep(reply)) => {
                self.granted(&reply, Asked::As(Box::default()), sent(Sender::Answerer), shared, out)
            }
            Ok(Message::TgsRep(reply)) => {
                self.granted(&reply, Asked::Tgs(Box::default()), sent(Sender::Answerer), shared, out)
            }
            Ok(Message::Error(error)) => self.refused(&error, sent(Sender::Answerer), shared, out),
            Ok(_) => out.counters.ignore("kerberos.other_message"),
            Err(error) => shared.anomaly(error.to_string(), &sent(Sender::Either), out),
        }
    }

    fn as_req(&mut self, request: &KdcReq<'_>, seen: Seen, shared: &mut Shared, out: &mut Output<'_>) {
        // The client's own word: as good as the workstation name of an NTLM logon.
        if let Some(name) = &request.body.netbios_address {
            shared.name(name, Certainty::Medium, &seen, out);
        }
        self.ask(Request::of_as(seen, request, out), shared, out);
    }

    fn ask(&mut self, mut request: Request, shared: &mut Shared, out: &mut Output<'_>) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| request.repeats(waiting)) {
            if let Asked::As(exchange) = &mut waiting.asked {
                exchange.requests = exchange.requests.saturating_add(1);
            }
            out.counters.ignore("kerberos.retransmission");
            return;
        }
        if matches!(&request.asked, Asked::As(exchange) if armored(exchange)) {
            self.sealed = self.sealed.saturating_add(1);
        }
        shared.resume(&mut request, out);
        if self.waiting.len() >= MAX_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            oldest.emit(None, Outcome::Unseen, out);
        }
        self.waiting.push_back(request);
    }

    /// An AS-REP or TGS-REP; `kind` says of which, and stands in where the request was not seen.
    fn granted(&mut self, reply: &KdcRep<'_>, kind: Asked, seen: Seen, shared: &mut Shared, out: &mut Output<'_>) {
        let ticket = out.key.digest("ticket", reply.ticket.enc_part.cipher);
        let same_kind = |waiting: &Request| std::mem::discriminant(&waiting.asked) == std::mem::discriminant(&kind);
        let request = match self.waiting.iter().position(same_kind) {
            Some(position) => self.waiting.remove(position),
            None if self.last_ticket == Some(ticket) => {
                out.counters.ignore("kerberos.retransmission");
                return;
            }
            None => None,
        };
        self.last_ticket = Some(ticket);
        let mut request = request.unwrap_or_else(|| Request::unseen(seen, kind));
        let account = request.grant(reply, out);
        if let Asked::As(exchange) = &request.asked
            && let Some(host) = machine_host(exchange)
        {
            shared.name(&host, Certainty::High, &request.seen, out);
        }
        request.emit(Some(account), Outcome::Success, out);
    }

    fn refused(&mut self, error: &KrbError<'_>, seen: Seen, shared: &mut Shared, out: &mut Output<'_>) {
        let Some(mut request) = self.waiting.pop_front() else {
            out.counters.drop("kerberos.error_without_request");
            return;
        };
        request.offer(&error.method_data());
        request.clock(error.stime, seen.time);
        let code = u32::try_from(error.error_code).unwrap_or(u32::MAX);
        match error.error_code {
            PREAUTH_REQUIRED | RESPONSE_TOO_BIG | MORE_PREAUTH_DATA_REQUIRED => {
                shared.park(request, code, seen.time, out);
            }
            _ => request.emit(None, Outcome::Failure(code), out),
        }
    }

    /// A message of port 464. Whether the change was made is sealed in the answer, so only a refusal is known.
    fn password_change(&mut self, bytes: &[u8], seen: Seen, shared: &mut Shared, out: &mut Output<'_>) {
        let decoded = Kpasswd::decode(bytes);
        if let Ok(Kpasswd { ap, body, .. }) = &decoded {
            for message in ap.iter().chain([body]) {
                out.tell(seen.frame, Told::Kerberos(message));
            }
        }
        match decoded {
            Ok(Kpasswd { ap: Some(Message::ApReq(ap_req)), .. }) => {
                let mut seen = seen;
                seen.endpoints = toward(seen.endpoints, KPASSWD_PORT);
                self.ask(Request::of_password_change(seen, &ap_req, out), shared, out);
            }
            Ok(Kpasswd { body, .. }) => {
                let Some(request) = self.waiting.pop_front() else {
                    out.counters.drop("kerberos.answer_without_request");
                    return;
                };
                let outcome = match body {
                    Message::Error(error) => Outcome::Failure(u32::try_from(error.error_code).unwrap_or(u32::MAX)),
                    _ => Outcome::Unseen,
                };
                request.emit(None, outcome, out);
            }
            Err(error) => shared.anomaly(error.to_string(), &seen, out),
        }
    }

    /// Emits the requests that were asked before `limit` and not answered.
    pub(super) fn give_up(&mut self, limit: Timestamp, out: &mut Output<'_>) {
        while self.waiting.front().is_some_and(|request| request.seen.time < limit) {
            if let Some(request) = self.waiting.pop_front() {
                request.emit(None, Outcome::Unseen, out);
            }
        }
    }

    /// Emits what waits, and how many messages were sealed.
    pub(super) fn close(&mut self, chunk: Option<(Endpoints, Timestamp, u64)>, out: &mut Output<'_>) {
        self.give_up(Timestamp::MAX, out);
        if let (Some((endpoints, time, frame)), messages @ 1..) = (chunk, std::mem::take(&mut self.sealed)) {
            let draft = Draft {
                endpoints,
                time,
                frame,
                actor: None,
                outcome: Outcome::Unseen,
                content: &messages.to_le_bytes(),
            };
            let opaque = Opaque { protocol: OpaqueProtocol::Kerberos, messages };
            out.emit(draft, Activity::Opaque(Box::new(opaque)));
        }
    }
}

/// How long a request over UDP waits for its answer. Clients repeat after 1 to 3 seconds and give up within 10.
pub(super) const ANSWER_WINDOW: Duration = Duration::from_secs(10);

fn toward(endpoints: Endpoints, port: u16) -> Endpoints {
    if endpoints.server.port() == port { endpoints } else { swapped(endpoints) }
}

fn swapped(endpoints: Endpoints) -> Endpoints {
    Endpoints { client: endpoints.server, server: endpoints.client }
}

/// The host that a machine account's principal names: `WS1$`, `host/ws1.lab.example`. Only a client that proved the key is
/// believed, since anybody may ask in any name.
fn machine_host(exchange: &AsExchange) -> Option<String> {
    if !exchange.preauthenticated() {
        return None;
    }
    let name = &exchange.cname.name;
    match name.split_once('/') {
        Some((service, host)) if service.eq_ignore_ascii_case("host") => Some(host.to_owned()),
        Some(_) => None,
        None => name.split('@').next()?.strip_suffix('$').map(str::to_owned),
    }
}
