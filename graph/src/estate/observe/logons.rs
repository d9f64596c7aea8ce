//! Logons, logoffs, authentications on the wire, and names seen on the network.

use hopwatch_model::event::{AsExchange, Logoff, Logon, NameObserved, NtlmLogon};
use hopwatch_model::{Account, Certainty, EdgeKind, Event, Host, NodeKind, Outcome, PropertyValue};

use super::super::sessions::SessionKey;
use super::super::{EdgeKey, Estate};
use super::resolve::Resolved;
use crate::ids::NodeId;
use crate::tier_zero::OBSERVED_KDC;

/// How much less sure, in percent points, an act is whose answer was not seen.
const UNANSWERED: u8 = 30;

/// How sure, in percent, we are that credentials stay where they were only typed to be used elsewhere (4648, type 9).
const EXPLICIT: u8 = 70;

/// How sure, in percent, we are that a host to which a ticket-granting ticket was issued keeps the account's credential:
/// a service that merely checks a password by Kerberos throws the ticket away.
const TICKET: u8 = 60;

impl Estate {
    /// A successful logon: who logs on where, from where, and whether credentials stay.
    pub(super) fn observe_logon(&mut self, event: &Event, logon: &Logon) -> bool {
        let Some(account) = event.actor.as_ref().filter(|_| event.outcome == Outcome::Success) else {
            return false;
        };
        let Some(account) = self.account_node(account, NodeKind::User, event.time) else {
            return false;
        };
        let source = event.source.as_ref().and_then(|host| self.host_node(host, event.time));
        let target = event.target.as_ref().and_then(|host| self.host_node(host, event.time));
        if logon.explicit {
            // 4648: the credential was given on the source; where that is not told, the reporting host is the target.
            let typed_at = source.or(target);
            let session = typed_at.is_some_and(|host| self.session(event, host, account, None, EXPLICIT));
            let used = target.filter(|target| source.is_some_and(|source| source.id != target.id));
            return used.is_some_and(|host| self.link(event, account, EdgeKind::LogonTo, host, 100)) || session;
        }
        let Some(target) = target else {
            return false;
        };
        let mut used = self.link(event, account, EdgeKind::LogonTo, target, 100);
        if logon.logon_type.remote()
            && let Some(source) = source.filter(|source| source.id != target.id)
        {
            used |= self.link(event, source, EdgeKind::LoggedOnFrom, account, 100);
        }
        if logon.logon_type.leaves_credentials() {
            used |= self.session(event, target, account, logon.logon_id, 100);
            if let Some(outbound) = &logon.outbound
                && let Some(outbound) = self.account_node(outbound, NodeKind::User, event.time)
                && outbound.id != account.id
            {
                self.session(event, target, outbound, logon.logon_id, EXPLICIT);
            }
        }
        used
    }

    pub(super) fn observe_logoff(&mut self, event: &Event, logoff: &Logoff) -> bool {
        let known = |host: &Host| self.lookup().host(host);
        let Some(host) = event.target.as_ref().and_then(known) else {
            return false;
        };
        let account = event.actor.as_ref().and_then(|account: &Account| self.lookup().account(account));
        self.close_session(host, logoff.logon_id, account, event.time)
    }

    /// An NTLM authentication. Where the domain controller validates it for a member, the target is not where the account
    /// went: only whence it came is told.
    pub(super) fn observe_ntlm(&mut self, event: &Event, ntlm: &NtlmLogon) -> bool {
        if ntlm.carrier != "netlogon" {
            return self.observe_connection(event);
        }
        let Some(account) = event.actor.as_ref().filter(|_| !event.outcome.failed()) else {
            return false;
        };
        let named = ntlm.workstation.as_deref().filter(|name| !name.is_empty());
        let source = event.source.clone().or_else(|| {
            // The client may write what it likes here.
            named.map(|name| Host { name: Some(name.to_owned()), ..Host::default() })
        });
        let Some(account) = self.account_node(account, NodeKind::User, event.time) else {
            return false;
        };
        let Some(source) = source.and_then(|host| self.host_node(&host, event.time)) else {
            return false;
        };
        self.link(event, source, EdgeKind::LoggedOnFrom, account, unanswered(event.outcome))
    }

    /// An authenticated connection: of the account, where it is known, and of the client.
    pub(super) fn observe_connection(&mut self, event: &Event) -> bool {
        let Some(target) = event.target.as_ref().filter(|_| !event.outcome.failed()) else {
            return false;
        };
        let Some(target) = self.host_node(target, event.time) else {
            return false;
        };
        let source = event.source.as_ref().and_then(|host| self.host_node(host, event.time));
        let named = event.actor.as_ref().filter(|account| !account.name.is_empty() || account.sid.is_some());
        let account = named.and_then(|account| self.account_node(account, NodeKind::User, event.time));
        let confidence = unanswered(event.outcome);
        let mut used = false;
        if let Some(source) = source.filter(|source| source.id != target.id) {
            used |= self.link(event, source, EdgeKind::ConnectedTo, target, confidence);
            if let Some(account) = account.filter(|account| account.id != source.id) {
                used |= self.link(event, source, EdgeKind::LoggedOnFrom, account, confidence);
            }
        }
        if let Some(account) = account.filter(|account| source.is_none_or(|source| source.id != account.id)) {
            used |= self.link(event, account, EdgeKind::ConnectedTo, target, confidence);
        }
        used
    }

    /// A ticket-granting ticket was issued: its client holds it, and the key that opened it, from now on.
    pub(super) fn observe_as_exchange(&mut self, event: &Event, exchange: &AsExchange) -> bool {
        let issued = self.observe_kdc(event);
        // Without pre-authentication anybody may ask; without the host's name nobody knows whose memory it is.
        if !issued || !exchange.preauthenticated() || !exchange.sname.krbtgt() {
            return issued;
        }
        let Some(source) = event.source.as_ref().filter(|host| host.name.is_some()) else { return issued };
        let (Some(source), Some(account)) = (
            self.host_node(source, event.time),
            self.account_node(&exchange.cname.account(), NodeKind::User, event.time),
        ) else {
            return issued;
        };
        let user = self.node(account.id).is_some_and(|node| node.kind == NodeKind::User);
        if user {
            self.session(event, source, account, None, TICKET);
        }
        issued
    }

    /// Who issues tickets is a domain controller, also where no directory says so.
    pub(super) fn observe_kdc(&mut self, event: &Event) -> bool {
        let Some(target) = event.target.as_ref().filter(|_| event.outcome.succeeded()) else {
            return false;
        };
        let Some(target) = self.host_node(target, event.time) else {
            return false;
        };
        let known = self.node(target.id).is_some_and(|node| node.properties.contains_key(OBSERVED_KDC));
        if !known && let Some(node) = self.node_mut(target.id) {
            node.properties.insert(OBSERVED_KDC.to_owned(), PropertyValue::Bool(true));
        }
        true
    }

    /// A name bound to an address. The binding is an edge and has its time: addresses move from host to host.
    pub(super) fn observe_name(&mut self, event: &Event, name: &NameObserved) -> bool {
        if name.resolution.certainty < Certainty::Medium {
            return false;
        }
        let named = Host { name: Some(name.name.clone()), resolution: name.resolution, ..Host::default() };
        let Some(host) = self.host_node(&named, event.time) else {
            return false;
        };
        let Some(address) = self.host_node(&Host::at(name.address), event.time) else {
            return false;
        };
        for (id, holder) in self.held_into(address.id, EdgeKind::HasAddress) {
            if holder != host.id {
                self.end_edge(id, event.time);
            }
        }
        self.link(event, host, EdgeKind::HasAddress, address, 100)
    }

    fn session(
        &mut self,
        event: &Event,
        host: Resolved,
        account: Resolved,
        logon_id: Option<u64>,
        confidence: u8,
    ) -> bool {
        let linked = self.link(event, host, EdgeKind::HasSession, account, confidence);
        if linked {
            self.open_session(SessionKey { host: host.id, logon_id, account: account.id }, event.time);
        }
        linked
    }

    fn link(&mut self, event: &Event, from: Resolved, kind: EdgeKind, to: Resolved, confidence: u8) -> bool {
        let key = EdgeKey { source: from.id, kind, target: to.id };
        let confidence = confidence.min(from.confidence).min(to.confidence);
        self.note(key, event, confidence).is_some()
    }
}

impl Estate {
    /// The computers that hold a session of an account now.
    #[must_use]
    pub fn sessions_of(&self, account: NodeId) -> Vec<NodeId> {
        self.held_into(account, EdgeKind::HasSession).into_iter().map(|(_, host)| host).collect()
    }
}

fn unanswered(outcome: Outcome) -> u8 {
    if outcome == Outcome::Success { 100 } else { 100 - UNANSWERED }
}
