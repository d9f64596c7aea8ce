//! The operations of one connection: requests wait for their results, and become events with them.

use std::collections::BTreeMap;

use hopwatch_model::event::{Anomaly, DirectoryChange, LdapSearch};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::Error;
use hopwatch_wire::ldap::{Control, LdapMessage, LdapResult, Operation, SearchRequest};

use super::bind::Binding;
use super::change::{self, Budget};
use crate::analyzers::seen::{Seen, Sender};
use crate::analyzers::{Chunk, Output, Told};

/// The most requests of one connection that wait for an answer; beyond it the oldest is emitted without.
const MAX_PENDING: usize = 512;
/// The most anomalies that one connection reports; the rest are counted.
const MAX_ANOMALIES: u8 = 4;
/// The most bytes of a DN or name that are kept.
const MAX_NAME: usize = 8 * 1024;
/// The most attribute names of a search that are kept. Collectors ask for some 200.
const MAX_ATTRIBUTES: usize = 1000;
/// StartTLS (RFC 4511 §4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// What a message makes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It goes on.
    Same,
    /// From here on it is TLS.
    Tls,
}

/// What carries the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transport {
    #[default]
    Tcp,
    Udp,
}

impl Transport {
    fn carrier(self, chunk: &Chunk<'_>) -> &'static str {
        match (self, chunk.endpoints.client.port(), chunk.endpoints.server.port()) {
            (Self::Udp, ..) => "cldap",
            (Self::Tcp, 3268 | 3269, _) | (Self::Tcp, _, 3268 | 3269) => "gc",
            (Self::Tcp, ..) => "ldap",
        }
    }
}

/// The operations of one connection.
#[derive(Default)]
pub(super) struct Session {
    transport: Transport,
    binding: Binding,
    pending: BTreeMap<i64, Pending>,
    start_tls: Option<i64>,
    anomalies: u8,
    budget: Budget,
}

/// A request that waits.
struct Pending {
    seen: Seen,
    what: Waiting,
}

enum Waiting {
    Search(Box<LdapSearch>),
    Changes(Vec<DirectoryChange>),
}

impl Session {
    pub(super) fn over(transport: Transport) -> Self {
        Self { transport, ..Self::default() }
    }

    /// The account as which the connection is bound.
    pub(super) fn identity(&self) -> Option<Account> {
        self.binding.identity()
    }

    /// Notes whether a security layer lies over the messages that follow a bind.
    pub(super) fn layer(&mut self, sealed: bool, out: &mut Output<'_>) {
        self.binding.layer(sealed, out);
    }

    /// Takes one message.
    pub(super) fn message(&mut self, chunk: &Chunk<'_>, bytes: &[u8], out: &mut Output<'_>) -> Next {
        let message = match LdapMessage::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                self.broken(error, &Seen::new(chunk, Sender::Either, bytes), out);
                return Next::Same;
            }
        };
        out.tell(chunk.frame, Told::Ldap(&message));
        let asked = || Seen::new(chunk, Sender::Asker, bytes);
        let id = message.id;
        match message.operation {
            Operation::BindRequest(request) => self.binding.request(id, &request, asked(), out),
            Operation::BindResponse(result, token) => {
                self.binding.response(id, &result, token, &Seen::new(chunk, Sender::Answerer, &[]), out);
            }
            Operation::SearchRequest(request) => {
                let search = search(request, &message.controls, self.transport.carrier(chunk));
                self.wait(id, asked(), Waiting::Search(Box::new(search)), out);
            }
            Operation::ModifyRequest(object, changes) => {
                let changes = change::modify(&object, &changes, &mut self.budget, out);
                self.wait(id, asked(), Waiting::Changes(changes), out);
            }
            Operation::AddRequest(object, attributes) => {
                let changes = change::add(&object, &attributes, &mut self.budget, out);
                self.wait(id, asked(), Waiting::Changes(changes), out);
            }
            Operation::DelRequest(object) => {
                self.wait(id, asked(), Waiting::Changes(vec![change::delete(&object)]), out)
            }
            Operation::ModifyDnRequest(request) => {
                self.wait(id, asked(), Waiting::Changes(vec![change::rename(&request)]), out);
            }
            Operation::SearchResultEntry(_) => self.count_entry(id),
            Operation::SearchResultDone(result)
            | Operation::ModifyResponse(result)
            | Operation::AddResponse(result)
            | Operation::DelResponse(result)
            | Operation::ModifyDnResponse(result) => self.answered(id, &result, out),
            Operation::Abandon(abandoned) => self.finish(abandoned, Outcome::Unseen, out),
            Operation::ExtendedRequest(name, _) if name == START_TLS => self.start_tls = Some(id),
            Operation::ExtendedResponse(result) if self.start_tls.take_if(|asked| *asked == id).is_some() => {
                return if result.code == 0 { Next::Tls } else { Next::Same };
            }
            Operation::ExtendedRequest(..) | Operation::CompareRequest(_) => {
                out.counters.ignore("ldap.other_operation")
            }
            Operation::Unbind
            | Operation::CompareResponse(_)
            | Operation::ExtendedResponse(_)
            | Operation::SearchResultReference
            | Operation::Intermediate => {}
        }
        Next::Same
    }

    /// Counts a message that could not be read; the first ones of a connection are reported.
    pub(super) fn broken(&mut self, error: Error, seen: &Seen, out: &mut Output<'_>) {
        out.counters.drop("ldap.malformed");
        if self.anomalies < MAX_ANOMALIES {
            self.anomalies += 1;
            let anomaly = Anomaly { protocol: "ldap".into(), reason: error.to_string() };
            let seen = seen.part(u64::from(self.anomalies));
            out.emit(seen.draft(self.identity(), Outcome::Unseen), Activity::Anomaly(Box::new(anomaly)));
        }
    }

    /// Answers may have been lost: the counts of entries are too low.
    pub(super) fn answers_lost(&mut self) {
        for pending in self.pending.values_mut() {
            if let Waiting::Search(search) = &mut pending.what {
                search.truncated = true;
            }
        }
    }

    /// Emits what waits.
    pub(super) fn close(&mut self, out: &mut Output<'_>) {
        self.binding.close(out);
        while let Some((_, pending)) = self.pending.pop_first() {
            self.emit(pending, Outcome::Unseen, out);
        }
    }

    fn wait(&mut self, id: i64, seen: Seen, what: Waiting, out: &mut Output<'_>) {
        let displaced = match self.pending.insert(id, Pending { seen, what }) {
            None if self.pending.len() > MAX_PENDING => self.pending.pop_first().map(|(_, pending)| pending),
            displaced => displaced,
        };
        if let Some(pending) = displaced {
            out.counters.drop("ldap.answer_not_seen");
            self.emit(pending, Outcome::Unseen, out);
        }
    }

    fn count_entry(&mut self, id: i64) {
        if let Some(Pending { what: Waiting::Search(search), .. }) = self.pending.get_mut(&id) {
            search.entries = Some(search.entries.unwrap_or(0).saturating_add(1));
        }
    }

    fn answered(&mut self, id: i64, result: &LdapResult, out: &mut Output<'_>) {
        match self.pending.get_mut(&id) {
            Some(pending) => {
                if let Waiting::Search(search) = &mut pending.what {
                    search.entries.get_or_insert(0);
                }
                self.finish(id, outcome(result.code), out);
            }
            None => out.counters.ignore("ldap.answer_without_request"),
        }
    }

    fn finish(&mut self, id: i64, outcome: Outcome, out: &mut Output<'_>) {
        if let Some(pending) = self.pending.remove(&id) {
            self.emit(pending, outcome, out);
        }
    }

    fn emit(&mut self, pending: Pending, outcome: Outcome, out: &mut Output<'_>) {
        match pending.what {
            Waiting::Search(search) => {
                out.emit(pending.seen.draft(self.identity(), outcome), Activity::LdapSearch(search));
            }
            Waiting::Changes(changes) => {
                for (n, change) in (0..).zip(changes) {
                    self.budget.give_back(&change);
                    let seen = pending.seen.part(n);
                    out.emit(seen.draft(self.identity(), outcome), Activity::DirectoryChange(Box::new(change)));
                }
            }
        }
    }
}

/// The outcome of a result code.
pub(super) fn outcome(code: u32) -> Outcome {
    if code == 0 { Outcome::Success } else { Outcome::Failure(code) }
}

/// A name cut to [`MAX_NAME`] bytes; true where it was.
pub(super) fn bounded(mut name: String) -> (String, bool) {
    if name.len() <= MAX_NAME {
        return (name, false);
    }
    name.truncate(name.floor_char_boundary(MAX_NAME));
    (name, true)
}

fn search(request: SearchRequest, controls: &[Control<'_>], carrier: &str) -> LdapSearch {
    let (base, base_cut) = bounded(request.base);
    let mut attributes = request.attributes;
    let attributes_cut = attributes.len() > MAX_ATTRIBUTES;
    attributes.truncate(MAX_ATTRIBUTES);
    LdapSearch {
        base,
        scope: request.scope,
        truncated: request.filter.truncated || base_cut || attributes_cut,
        filter: request.filter.text,
        attributes: attributes.into_iter().map(|name| bounded(name).0).collect(),
        controls: controls.iter().map(|control| bounded(control.oid.clone()).0).collect(),
        entries: None,
        carrier: carrier.into(),
    }
}
