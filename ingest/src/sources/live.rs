//! A source that never ends: messages and records are read as they come, with what was learned of earlier ones. Whoever
//! listens or polls owns sockets, clock and order of time; this is the part without any of them.

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::{Record, Timestamp};

use super::{Context, json, radius, text, windows, zeek};
use crate::counters::Counters;
use crate::secrets::DigestKey;
use crate::sink::Sink;

/// The largest message that a listener takes, in bytes: event texts reach 32 kB, JSON of a sign-in 100 kB.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// What one listener or poll knows between its messages.
pub struct Live {
    name: Arc<str>,
    key: DigestKey,
    counters: Counters,
    sessions: windows::Sessions,
    zeek: zeek::State,
    items: u64,
}

impl Live {
    /// A source by its name on the health page.
    #[must_use]
    pub fn new(name: &str, key: DigestKey) -> Self {
        Self {
            name: Arc::from(name),
            key,
            counters: Counters::default(),
            sessions: windows::Sessions::default(),
            zeek: zeek::State::default(),
            items: 0,
        }
    }

    /// What was read, made, ignored and dropped since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts something that was lost before it could be read here.
    pub fn lost(&mut self, reason: &'static str, times: u64) {
        *self.counters.dropped.entry(reason).or_default() += times;
        self.counters.read += times;
    }

    /// Reads one syslog message; `peer` stands in for the host of one that names none.
    pub fn syslog(&mut self, message: &[u8], peer: IpAddr, now: Timestamp, sink: &mut dyn Sink) {
        self.with(now, sink, |context, place| {
            context.counters.read += 1;
            context.peer = Some(Arc::from(peer.to_canonical().to_string()));
            let message = String::from_utf8_lossy(message);
            if !text::line(message.trim_matches(['\0', '\r', '\n', ' ']), place, context) {
                context.counters.ignore("message of no known shape");
            }
        });
    }

    /// Reads one RADIUS packet of an authenticated accounting request.
    pub fn radius(&mut self, datagram: &[u8], now: Timestamp, sink: &mut dyn Sink) {
        self.with(now, sink, |context, place| {
            context.counters.read += 1;
            radius::accounting::read(datagram, place, context);
        });
    }

    /// Reads JSON as a provider answers it: records, or an object around them. Returns how many events came of it.
    pub fn json(&mut self, answer: &[u8], now: Timestamp, sink: &mut dyn Sink) -> u64 {
        let before = self.counters.events;
        self.with(now, sink, |context, _| {
            if json::read(answer, context).is_err() {
                context.counters.drop("answer cannot be read");
            }
        });
        self.counters.events - before
    }

    fn with(&mut self, now: Timestamp, sink: &mut dyn Sink, read: impl FnOnce(&mut Context<'_>, Record)) {
        self.items += 1;
        let mut context = Context::new(&self.name, &self.key, 1, sink);
        context.now = now;
        context.counters = std::mem::take(&mut self.counters);
        context.sessions = std::mem::take(&mut self.sessions);
        context.zeek = std::mem::take(&mut self.zeek);
        read(&mut context, Record::Item(self.items));
        self.counters = context.counters;
        self.sessions = context.sessions;
        self.zeek = context.zeek;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Collected;

    #[test]
    fn sessions_are_known_from_one_message_to_the_next() {
        let mut live = Live::new("syslog", DigestKey::one_shot());
        let mut sink = Collected::default();
        let now = Timestamp::from_secs(1_767_700_000);
        let peer = [10, 0, 0, 9].into();
        let head = "<13>Jan  6 08:00:00 dc1 ";
        let logon = r#"{"EventID":4624,"Channel":"Security","Hostname":"dc1","EventTime":"2026-01-06 08:00:00","TargetUserName":"ann","TargetLogonId":"0x77","LogonType":"3","IpAddress":"10.0.0.21"}"#;
        let change = r#"{"EventID":4728,"Channel":"Security","Hostname":"dc1","EventTime":"2026-01-06 08:00:01","SubjectUserName":"ann","SubjectLogonId":"0x77","MemberName":"CN=bob,DC=x","TargetUserName":"Domain Admins"}"#;
        for text in [logon, change] {
            live.syslog(format!("{head}{text}").as_bytes(), peer, now, &mut sink);
        }
        live.syslog(b"\xff\xfe rubbish", peer, now, &mut sink);
        let address = sink.events[1].source.as_ref().unwrap().address;
        assert_eq!(address, Some([10, 0, 0, 21].into()));
        assert_eq!((live.counters().read, live.counters().events), (3, 2));
        assert_eq!(live.counters().ignored.get("message of no known shape"), Some(&1));
    }

    #[test]
    fn a_message_without_host_is_its_senders() {
        let mut live = Live::new("syslog", DigestKey::one_shot());
        let mut sink = Collected::default();
        let text = b"<166>Jan 05 2026 09:00:00: %ASA-6-113039: Group <g> User <ann> IP <203.0.113.7> AnyConnect parent session started.";
        live.syslog(text, [10, 0, 0, 9].into(), Timestamp::from_secs(1_767_700_000), &mut sink);
        assert_eq!(sink.events[0].target.as_ref().unwrap().address, Some([10, 0, 0, 9].into()));
    }
}
