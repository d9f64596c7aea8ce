//! What the events themselves say of blind spots: traffic that is there and cannot be read, hosts that no name is known
//! of. Counted as events arrive and kept in the checkpoint, so that a restart forgets nothing.

use std::collections::BTreeMap;

use hopwatch_model::event::OpaqueProtocol;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Activity, Event};
use serde::{Deserialize, Serialize};

use crate::heard::Heard;
use crate::state::Gap;

/// What was and was not readable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coverage {
    /// Messages that could not be read, by protocol.
    opaque: BTreeMap<OpaqueProtocol, u64>,
    /// Events of captures that were read, by protocol.
    readable: BTreeMap<OpaqueProtocol, u64>,
    /// Hosts that took part in events, counted once an event.
    hosts: u64,
    /// Those of them of which only the address is known.
    unnamed: u64,
    /// Broken or unusual messages, by protocol.
    anomalies: BTreeMap<String, u64>,
    /// Who was heard, and of what.
    heard: Heard,
}

/// The most protocols by which anomalies are told apart; the decoders have a few dozen names.
const PROTOCOLS: usize = 64;
/// Under what the anomalies of further protocols are counted.
const OTHER: &str = "other protocols";

impl Coverage {
    /// Counts an event.
    pub fn observe(&mut self, event: &Event) {
        self.heard.observe(event);
        for host in event.source.iter().chain(&event.target) {
            self.hosts += 1;
            self.unnamed += u64::from(host.name.is_none());
        }
        match &event.activity {
            Activity::Opaque(opaque) => {
                *self.opaque.entry(opaque.protocol).or_default() += u64::from(opaque.messages);
            }
            Activity::Anomaly(anomaly) => {
                let told = self.anomalies.len() < PROTOCOLS || self.anomalies.contains_key(&anomaly.protocol);
                let protocol = if told { anomaly.protocol.as_str() } else { OTHER };
                *self.anomalies.entry(protocol.to_owned()).or_default() += 1;
            }
            activity if event.provenance.kind == SourceKind::Capture => {
                if let Some(protocol) = carrier(activity) {
                    *self.readable.entry(protocol).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Who was heard, and of what.
    #[must_use]
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Hosts in events of which only the address is known, and all of them; counted once an event.
    #[must_use]
    pub fn unnamed(&self) -> (u64, u64) {
        (self.unnamed, self.hosts)
    }

    /// Per protocol its name, the messages that could not be read, and the events that could.
    pub fn opaque(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        self.opaque.iter().map(|(protocol, sealed)| {
            (words(*protocol).0, *sealed, self.readable.get(protocol).copied().unwrap_or_default())
        })
    }

    /// The blind spots, each with its share.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let opaque = self.opaque.iter().map(|(protocol, count)| {
            let (subject, why) = words(*protocol);
            let readable = self.readable.get(protocol).copied().unwrap_or_default();
            let reason = match readable {
                0 => format!("{why}; nothing of it can be read"),
                _ => format!("{why}: {} of what was seen of it", percent(*count, count + readable)),
            };
            Gap { subject: subject.into(), reason, count: *count }
        });
        let anomalies = self.anomalies.iter().map(|(protocol, count)| Gap {
            subject: protocol.clone(),
            reason: "messages that are broken or out of order".into(),
            count: *count,
        });
        let unnamed = (self.unnamed > 0).then(|| Gap {
            subject: "name resolution".into(),
            reason: format!("hosts known by their address only: {} of all seen", percent(self.unnamed, self.hosts)),
            count: self.unnamed,
        });
        opaque.chain(anomalies).chain(unnamed).collect()
    }
}

/// Over which protocol something was read that could also have been sealed.
fn carrier(activity: &Activity) -> Option<OpaqueProtocol> {
    match activity {
        Activity::SmbSession(_) | Activity::SmbFile(_) => Some(OpaqueProtocol::Smb),
        Activity::RpcCall(_) => Some(OpaqueProtocol::Rpc),
        Activity::LdapBind(_) | Activity::LdapSearch(_) => Some(OpaqueProtocol::Ldap),
        Activity::AsExchange(_) | Activity::TgsExchange(_) => Some(OpaqueProtocol::Kerberos),
        _ => None,
    }
}

fn words(protocol: OpaqueProtocol) -> (&'static str, &'static str) {
    match protocol {
        OpaqueProtocol::Smb => ("SMB", "encrypted by SMB 3"),
        OpaqueProtocol::Rpc => ("DCE/RPC", "sealed calls (packet privacy)"),
        OpaqueProtocol::Ldap => ("LDAP", "sealed by SASL"),
        OpaqueProtocol::Tls => ("TLS", "encrypted by TLS"),
        OpaqueProtocol::Kerberos => ("Kerberos", "armoured by FAST"),
    }
}

fn percent(part: u64, whole: u64) -> String {
    let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    format!("{:.1} %", 100.0 * float(part) / float(whole.max(1)))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{LdapSearch, Opaque};
    use hopwatch_model::{Host, Outcome, Provenance, Record, Timestamp};

    use super::*;

    fn event(activity: Activity, source: Option<Host>) -> Event {
        Event {
            time: Timestamp::from_secs(0),
            provenance: Provenance {
                kind: SourceKind::Capture,
                source: "a.pcap".into(),
                record: Record::Frame(1),
                digest: 1,
                event_id: None,
                reporter: None,
            },
            actor: None,
            source,
            target: None,
            outcome: Outcome::Success,
            activity,
        }
    }

    #[test]
    fn sealed_searches_are_a_share_of_all() {
        let mut coverage = Coverage::default();
        let sealed = Opaque { protocol: OpaqueProtocol::Ldap, messages: 3 };
        coverage.observe(&event(Activity::Opaque(Box::new(sealed)), Some(Host::reported("ws1"))));
        coverage.observe(&event(Activity::LdapSearch(Box::<LdapSearch>::default()), Some(Host::reported("ws1"))));
        let gaps = coverage.gaps();
        assert_eq!(gaps.len(), 1, "named hosts are no gap: {gaps:?}");
        assert_eq!((gaps[0].subject.as_str(), gaps[0].count), ("LDAP", 3));
        assert!(gaps[0].reason.contains("75.0 %"), "{}", gaps[0].reason);
    }

    #[test]
    fn a_host_without_a_name_is_a_gap() {
        let mut coverage = Coverage::default();
        let unnamed = Host { address: Some([10, 0, 0, 1].into()), ..Host::default() };
        coverage.observe(&event(Activity::LdapSearch(Box::<LdapSearch>::default()), Some(unnamed)));
        coverage.observe(&event(Activity::LdapSearch(Box::<LdapSearch>::default()), Some(Host::reported("ws1"))));
        let gaps = coverage.gaps();
        assert_eq!((gaps[0].subject.as_str(), gaps[0].count), ("name resolution", 1));
        assert!(gaps[0].reason.contains("50.0 %"), "{}", gaps[0].reason);
    }
}
