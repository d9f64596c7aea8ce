//! `dns.log` and `dhcp.log`: queries, and the names that answers and leases bind to addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use hopwatch_model::event::{DnsQuery, NameObserved};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};
use rustc_hash::FxBuildHasher;

use super::{Line, Row};
use crate::resolution::nameable;

/// How long the same pair is not reported again: below the freshness that the resolution table grants.
const REPEAT: Duration = Duration::from_secs(600);
/// The most pairs remembered; beyond it they are reported again.
const MAX_REMEMBERED: usize = 8192;

/// The names that were reported.
#[derive(Debug, Default)]
pub(super) struct Reported {
    pairs: HashMap<(IpAddr, String), Timestamp, FxBuildHasher>,
}

impl Line<'_, '_> {
    /// Tells the resolution table of a name; each pair at most once in ten minutes.
    pub(super) fn name(&mut self, name: &str, address: IpAddr, certainty: Certainty, method: ResolutionMethod) {
        if !nameable(address) || name.is_empty() {
            return;
        }
        let pairs = &mut self.context.zeek.names.pairs;
        let pair = (address, name.to_lowercase());
        if pairs.get(&pair).is_some_and(|last| self.time.since(*last) < REPEAT && self.time >= *last) {
            return;
        }
        if pairs.len() >= MAX_REMEMBERED {
            pairs.clear();
        }
        pairs.insert(pair, self.time);
        let resolution = Resolution { certainty, method };
        let observed = NameObserved { name: name.to_owned(), address, resolution };
        self.emit(None, Outcome::Success, Activity::NameObserved(Box::new(observed)));
    }
}

/// `query`, `qtype`, `rcode`, `proto`, `answers`, `opcode` (5 in logs that have it is an update).
pub(super) fn dns(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let (Some(query), Some(qtype)) = (row.get("query"), row.number::<u16>("qtype")) else {
        return line.ignore("zeek dns row without question");
    };
    let answers = row.items("answers");
    let outcome = match row.number::<u32>("rcode") {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Failure(code),
        None => Outcome::Unseen,
    };
    let name = query.trim_end_matches('.').to_lowercase();
    let asked = DnsQuery {
        name: name.clone(),
        qtype,
        answers: u16::try_from(answers.len()).unwrap_or(u16::MAX),
        size_bytes: 0,
        update: row.number::<u32>("opcode") == Some(5),
        tcp: row.get("proto").as_deref() == Some("tcp"),
    };
    line.emit(None, outcome, Activity::DnsQuery(Box::new(asked)));
    // Multicast names and NetBIOS go by the same log; a host's name there is its own word.
    let addresses: Vec<IpAddr> = answers.iter().filter_map(|answer| answer.parse().ok()).collect();
    if !matches!(qtype, 1 | 28) || !names_a_host(&name) {
        return;
    }
    // What the last alias points to owns the address.
    let alias = answers.iter().rfind(|answer| answer.parse::<IpAddr>().is_err() && names_a_host(answer));
    let owner = alias.map_or_else(|| name.clone(), |alias| alias.to_lowercase());
    let certainty = if addresses.len() > 1 { Certainty::Low } else { Certainty::Medium };
    for address in addresses {
        line.name(owner.trim_end_matches('.'), address.to_canonical(), certainty, ResolutionMethod::Dns);
    }
}

/// Whether a DNS name can be a host's.
fn names_a_host(name: &str) -> bool {
    const NO_HOST: [&str; 6] = ["localhost", "domaindnszones", "forestdnszones", "gc", "wpad", "isatap"];
    let first = name.split('.').next().unwrap_or_default();
    !first.is_empty() && !name.contains(['_', '*', '\\', ' ']) && !NO_HOST.contains(&first)
}

/// `host_name`, `client_fqdn`, `assigned_addr` (older logs: `assigned_ip`), `client_addr`.
pub(super) fn dhcp(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let name = row.get("client_fqdn").or_else(|| row.get("host_name"));
    let address =
        ["assigned_addr", "assigned_ip", "client_addr", "requested_addr"].iter().find_map(|field| row.address(field));
    let (Some(name), Some(address)) = (name, address) else { return line.ignore("zeek dhcp row without name") };
    line.name(name.trim_end_matches('.'), address, Certainty::High, ResolutionMethod::Dhcp);
}
