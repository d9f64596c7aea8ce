//! Whence an actor came: a record of a change or access (4662, 5136, 4728 …) names no client, but the actor's logon id on
//! the reporting host; that session's 4624 names the client. The table joins the two within one stream of records.

use std::collections::VecDeque;

use hopwatch_model::{Activity, Certainty, Event, Host};
use rustc_hash::FxHashMap;

use hopwatch_model::identity::short_name;

/// The most sessions that are remembered; the oldest go first. A busy DC opens some 50 a second, so this is about 20 minutes
/// of network logons, which end within seconds.
const MAX_SESSIONS: usize = 65_536;

/// The logon ids of the system's own sessions (LocalSystem, network service, local service), the same on every host.
const SYSTEM_SESSIONS: [u64; 4] = [0, 0x3e7, 0x3e4, 0x3e5];

/// The sessions of the hosts of one stream.
#[derive(Debug, Default)]
pub struct Sessions {
    clients: FxHashMap<(String, u64), Host>,
    order: VecDeque<(String, u64)>,
}

impl Sessions {
    /// Remembers the client of a logon, and fills in the client of what was done in a session that is known.
    pub fn join(&mut self, event: &mut Event, session: Option<u64>) {
        let Some(reporter) = event.provenance.reporter.as_deref().map(short_name) else { return };
        if let (Activity::Logon(logon), Some(source)) = (&event.activity, &event.source)
            && let Some(id) = logon.logon_id
            && event.outcome.succeeded()
        {
            self.remember((reporter, id), source.clone());
            return;
        }
        if event.source.is_some() {
            return;
        }
        let Some(id) = session.filter(|id| !SYSTEM_SESSIONS.contains(id)) else { return };
        if let Some(client) = self.clients.get(&(reporter, id)) {
            let mut client = client.clone();
            client.resolution.certainty = client.resolution.certainty.min(Certainty::Medium);
            event.source = Some(client);
        }
    }

    fn remember(&mut self, key: (String, u64), client: Host) {
        if SYSTEM_SESSIONS.contains(&key.1) {
            return;
        }
        if self.clients.insert(key.clone(), client).is_none() {
            self.order.push_back(key);
            if self.order.len() > MAX_SESSIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.clients.remove(&oldest);
            }
        }
    }
}
