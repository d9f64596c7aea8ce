//! The logon sessions that are open: which session edge each keeps alive, and when it is taken as ended.
//!
//! Windows does not log every logoff (a host that loses power logs none), so a session ends at its logoff or, at the
//! latest, by its timeout. The table is bounded; the session nearest to its timeout gives way.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EdgeKey, Estate};
use crate::ids::NodeId;

/// What tells the sessions of a host apart: the logon id, or the account where the source gave none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SessionKey {
    pub(crate) host: NodeId,
    pub(crate) logon_id: Option<u64>,
    pub(crate) account: NodeId,
}

/// The open sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<SessionKey, Timestamp>,
    by_expiry: BTreeSet<(Timestamp, SessionKey)>,
}

impl Sessions {
    pub(crate) fn rows(&self) -> impl Iterator<Item = (SessionKey, Timestamp)> + '_ {
        self.open.iter().map(|(key, expiry)| (*key, *expiry))
    }

    pub(crate) fn insert(&mut self, key: SessionKey, expiry: Timestamp) {
        if let Some(former) = self.open.insert(key, expiry) {
            self.by_expiry.remove(&(former, key));
        }
        self.by_expiry.insert((expiry, key));
    }

    fn remove(&mut self, key: SessionKey) -> Option<Timestamp> {
        let expiry = self.open.remove(&key)?;
        self.by_expiry.remove(&(expiry, key));
        Some(expiry)
    }

    fn first(&self) -> Option<(Timestamp, SessionKey)> {
        self.by_expiry.first().copied()
    }

    fn at_host(&self, host: NodeId) -> impl Iterator<Item = SessionKey> + '_ {
        let from = SessionKey { host, logon_id: None, account: NodeId(0) };
        let until = SessionKey { host, logon_id: Some(u64::MAX), account: NodeId(u32::MAX) };
        self.open.range(from..=until).map(|(key, _)| *key)
    }
}

impl Estate {
    /// Ends the sessions whose timeout has passed. Events do this by themselves; call it where time passes without any.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some((expiry, key)) = self.sessions.first().filter(|(expiry, _)| *expiry <= now) {
            self.sessions.remove(key);
            self.end_session_edge(key, expiry);
        }
    }

    /// A session was opened, or seen again.
    pub(crate) fn open_session(&mut self, key: SessionKey, time: Timestamp) {
        let timeout = std::time::Duration::from_secs(u64::from(self.config.session_timeout_secs));
        self.sessions.insert(key, time + timeout);
        if self.sessions.open.len() > self.config.max_open_sessions
            && let Some((_, oldest)) = self.sessions.first()
        {
            self.sessions.remove(oldest);
            self.end_session_edge(oldest, time);
            self.counters.evicted_sessions += 1;
        }
    }

    /// A session was closed: the one of the logon id, or without one those of the account that have none. Returns whether
    /// one was open.
    pub(crate) fn close_session(
        &mut self,
        host: NodeId,
        logon_id: Option<u64>,
        account: Option<NodeId>,
        time: Timestamp,
    ) -> bool {
        let of_account = |key: &SessionKey| account.is_some_and(|account| self.canonical(key.account) == account);
        let closed: Vec<SessionKey> = self
            .sessions_at(host)
            .into_iter()
            .filter(|key| key.logon_id == logon_id && (logon_id.is_some() || of_account(key)))
            .collect();
        for key in &closed {
            self.sessions.remove(*key);
            self.end_session_edge(*key, time);
        }
        !closed.is_empty()
    }

    /// Ends the session edge unless another session of the account keeps it.
    fn end_session_edge(&mut self, key: SessionKey, time: Timestamp) {
        let (host, account) = (self.canonical(key.host), self.canonical(key.account));
        if self.sessions_at(host).iter().any(|other| self.canonical(other.account) == account) {
            return;
        }
        let edge = EdgeKey { source: host, kind: hopwatch_model::EdgeKind::HasSession, target: account };
        if let Some((id, _)) = self.edge_of(edge) {
            self.end_edge(id, time);
        }
    }

    /// The open sessions of a host, also those that were opened while it was known by name alone.
    fn sessions_at(&self, host: NodeId) -> Vec<SessionKey> {
        let hosts = self.aliases_of(host).iter().copied().chain([host]);
        hosts.flat_map(|host| self.sessions.at_host(host)).collect()
    }
}
