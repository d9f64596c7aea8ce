//! Names that DNS messages tie to addresses, as `NameObserved` events; each pair at most once in ten minutes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hopwatch_model::event::NameObserved;
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};
use hopwatch_wire::dns::{Content, Message, OPCODE_UPDATE, Record, record_type};
use rustc_hash::FxBuildHasher;

use super::{Draft, Endpoints, Output};
use crate::resolution::nameable;

/// How long the same pair is not reported again: below the freshness that the resolution table grants a DNS name.
const REPEAT: Duration = Duration::from_secs(600);
/// The most pairs remembered; beyond it they are reported again.
const MAX_REMEMBERED: usize = 8192;

/// Remembers what was reported.
#[derive(Default)]
pub(super) struct NameObserver {
    reported: HashMap<(IpAddr, String), Timestamp, FxBuildHasher>,
}

impl NameObserver {
    /// Reports the bindings of a successful answer or update.
    pub(super) fn observe(
        &mut self,
        message: &Message<'_>,
        endpoints: Endpoints,
        seen: (Timestamp, u64),
        out: &mut Output<'_>,
    ) {
        if message.opcode == OPCODE_UPDATE {
            // The answer to an update may repeat it, with the records under authority.
            for (name, address) in message.authorities.iter().filter(|record| record.class == 1).filter_map(binding) {
                // What a host says of itself is more than what a server remembers of it.
                let own = address == endpoints.client.ip();
                let certainty = if own { Certainty::Medium } else { Certainty::Low };
                self.report(&name, address, certainty, endpoints, seen, out);
            }
            return;
        }
        let records = message.answers.iter().chain(&message.additionals);
        let bindings: Vec<(String, IpAddr)> = records.filter_map(binding).collect();
        for (name, address) in &bindings {
            let shared =
                bindings.iter().any(|(other, at)| other == name && at != address && at.is_ipv4() == address.is_ipv4());
            // Several addresses under one name: a service or a domain, hardly one host.
            let certainty = if shared { Certainty::Low } else { Certainty::Medium };
            self.report(name, *address, certainty, endpoints, seen, out);
        }
        for (address, name) in message.answers.iter().filter_map(reverse) {
            self.report(&name, address, Certainty::Low, endpoints, seen, out);
        }
    }

    pub(super) fn report(
        &mut self,
        name: &str,
        address: IpAddr,
        certainty: Certainty,
        endpoints: Endpoints,
        (time, frame): (Timestamp, u64),
        out: &mut Output<'_>,
    ) {
        if !nameable(address) || !names_a_host(name) {
            return;
        }
        let pair = (address, name.to_lowercase());
        if self.reported.get(&pair).is_some_and(|last| time.since(*last) < REPEAT) {
            return;
        }
        if self.reported.len() >= MAX_REMEMBERED {
            self.reported.clear();
        }
        let content = format!("{address} {}", pair.1);
        let resolution = Resolution { certainty, method: ResolutionMethod::Dns };
        let observed = NameObserved { name: pair.1.clone(), address, resolution };
        self.reported.insert(pair, time);
        let draft =
            Draft { endpoints, time, frame, actor: None, outcome: Outcome::Success, content: content.as_bytes() };
        out.emit(draft, Activity::NameObserved(Box::new(observed)));
    }
}

/// The name and address of an A or AAAA record.
fn binding(record: &Record<'_>) -> Option<(String, IpAddr)> {
    match record.content {
        Content::Address(address) => Some((record.name.to_lowercase(), address)),
        _ => None,
    }
}

/// The address and name of a PTR record under `in-addr.arpa` (RFC 1035 §3.5); `ip6.arpa` likewise (RFC 3596 §2.5).
fn reverse(record: &Record<'_>) -> Option<(IpAddr, String)> {
    let Content::Name(name) = &record.content else { return None };
    if record.rtype != record_type::PTR {
        return None;
    }
    let owner = record.name.to_lowercase();
    let address = match owner.strip_suffix(".in-addr.arpa") {
        Some(labels) => {
            let mut octets: Vec<u8> = labels.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
            octets.reverse();
            Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()
        }
        None => version_6(owner.strip_suffix(".ip6.arpa")?)?,
    };
    Some((address, name.to_lowercase()))
}

/// 32 nibbles, the lowest first.
fn version_6(labels: &str) -> Option<IpAddr> {
    let digits: Vec<&str> = labels.split('.').collect();
    if digits.len() != 32 || digits.iter().any(|digit| digit.len() != 1) {
        return None;
    }
    let hex: String = digits.into_iter().rev().collect();
    u128::from_str_radix(&hex, 16).ok().map(|bits| IpAddr::V6(bits.into()))
}

/// Whether a DNS name can be a host's: service labels and the application partitions of AD name none.
fn names_a_host(name: &str) -> bool {
    const NO_HOST: [&str; 6] = ["localhost", "domaindnszones", "forestdnszones", "gc", "wpad", "isatap"];
    let first = name.split('.').next().unwrap_or_default();
    !first.is_empty() && !name.contains('_') && !name.contains('*') && !name.contains('\\') && !NO_HOST.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_names_become_addresses() {
        let record = |owner: &str| Record {
            name: owner.into(),
            rtype: record_type::PTR,
            class: 1,
            ttl_secs: 1,
            content: Content::Name("WS1.lab.example".into()),
        };
        let expect = Some(([10, 0, 0, 5].into(), "ws1.lab.example".into()));
        assert_eq!(reverse(&record("5.0.0.10.in-addr.arpa")), expect);
        assert_eq!(reverse(&record("0.0.10.in-addr.arpa")), None);
        let nibbles = format!("1.{}d.f.ip6.arpa", "0.".repeat(29));
        assert_eq!(reverse(&record(&nibbles)).unwrap().0, "fd00::1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn names_of_services_and_partitions_are_no_hosts() {
        for name in
            ["_ldap._tcp.lab.example", "gc._msdcs.lab.example", "domaindnszones.lab.example", "", "*.lab.example"]
        {
            assert!(!names_a_host(name), "{name}");
        }
        assert!(names_a_host("dc1.lab.example"));
    }
}
