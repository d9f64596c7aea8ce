//! What the Kerberos connections of one capture share: requests that were sent back and wait to be continued on another
//! connection, names of hosts already reported, the limit of anomalies.

use std::net::IpAddr;
use std::time::Duration;

use hopwatch_model::event::{Anomaly, NameObserved};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};

use super::request::{Asked, Request};
use crate::analyzers::Output;
use crate::analyzers::aging::Aging;
use crate::analyzers::seen::Seen;

/// How long after an answer such as "pre-authentication required" the real request may come, to count as one logon with
/// it. A client that knows its password answers within milliseconds; one that asks a human first takes longer, and is
/// reported as two exchanges.
const FOLD_WINDOW: Duration = Duration::from_secs(5);
/// The most requests that wait to be continued; beyond it the oldest is emitted early.
const MAX_PARKED: usize = 16_384;
/// How often one name at one address is reported.
const NAME_INTERVAL: Duration = Duration::from_secs(3600);
/// The most (name, address) pairs remembered; beyond it the oldest is reported again.
const MAX_NAMES: usize = 16_384;
/// The most anomalies reported per minute and capture; the rest are counted.
const MAX_ANOMALIES: u32 = 20;

/// Who may continue a request: the same client for the same name, or for the same nonce.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    As(IpAddr, String),
    Other(IpAddr, i64),
}

impl Key {
    fn of(request: &Request) -> Self {
        let client = request.seen.endpoints.client.ip();
        match &request.asked {
            Asked::As(exchange) => Self::As(client, exchange.cname.name.to_lowercase()),
            Asked::Tgs(_) | Asked::PasswordChange(_) => Self::Other(client, request.nonce),
        }
    }
}

/// The shared state.
#[derive(Debug)]
pub(super) struct Shared {
    parked: Aging<Key, (Request, u32)>,
    names: Aging<(String, IpAddr), ()>,
    anomalies: (Timestamp, u32),
}

impl Default for Shared {
    fn default() -> Self {
        Self { parked: Aging::new(MAX_PARKED), names: Aging::new(MAX_NAMES), anomalies: (Timestamp::MIN, 0) }
    }
}

impl Shared {
    /// Keeps a request that was answered with a code which asks for more, until it is continued or [`FOLD_WINDOW`] is
    /// over.
    pub(super) fn park(&mut self, request: Request, code: u32, answered: Timestamp, out: &mut Output<'_>) {
        if let Some((earlier, code)) = self.parked.insert(Key::of(&request), answered, (request, code)) {
            earlier.emit(None, Outcome::Failure(code), out);
        }
    }

    /// Folds into a request what it continues.
    pub(super) fn resume(&mut self, request: &mut Request, out: &mut Output<'_>) {
        let limit = request.seen.time - FOLD_WINDOW;
        let Some((earlier, code)) = self.parked.remove(&Key::of(request)) else { return };
        if earlier.seen.time >= limit && request.continues(&earlier) {
            request.fold(earlier);
        } else {
            earlier.emit(None, Outcome::Failure(code), out);
        }
    }

    /// Emits what was not continued in time.
    pub(super) fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        for (request, code) in self.parked.expire(now - FOLD_WINDOW) {
            request.emit(None, Outcome::Failure(code), out);
        }
    }

    /// Emits all that was not continued.
    pub(super) fn close(&mut self, out: &mut Output<'_>) {
        for (request, code) in self.parked.drain() {
            request.emit(None, Outcome::Failure(code), out);
        }
    }

    /// Reports the name of the host that sent a request, once per [`NAME_INTERVAL`].
    pub(super) fn name(&mut self, name: &str, certainty: Certainty, seen: &Seen, out: &mut Output<'_>) {
        let address = seen.endpoints.client.ip().to_canonical();
        let key = (name.to_lowercase(), address);
        if name.is_empty() || self.names.get(&key).is_some_and(|(last, ())| seen.time.since(last) < NAME_INTERVAL) {
            return;
        }
        self.names.insert(key, seen.time, ());
        let resolution = Resolution { certainty, method: ResolutionMethod::Kerberos };
        let observed = NameObserved { name: name.into(), address, resolution };
        out.emit(seen.part(1).draft(None, Outcome::Unseen), Activity::NameObserved(Box::new(observed)));
    }

    /// Reports something broken, at most [`MAX_ANOMALIES`] times a minute.
    pub(super) fn anomaly(&mut self, reason: String, seen: &Seen, out: &mut Output<'_>) {
        out.counters.drop("kerberos.malformed");
        let (start, count) = &mut self.anomalies;
        if seen.time.since(*start) >= Duration::from_secs(60) {
            (*start, *count) = (seen.time, 0);
        }
        *count += 1;
        if *count <= MAX_ANOMALIES {
            let anomaly = Anomaly { protocol: "kerberos".into(), reason };
            out.emit(seen.part(1).draft(None, Outcome::Unseen), Activity::Anomaly(Box::new(anomaly)));
        }
    }
}
