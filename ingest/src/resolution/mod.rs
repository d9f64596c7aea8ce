//! Which host had an address at a time: the name-resolution table. Fed by what other events show in passing, never by
//! asking; every row says by what method it is known and how sure that is.
//!
//! A row counts in full while it is fresh (how long depends on the method), one step less within a day, and as an old
//! binding after that. Where two hosts claim an address within minutes and neither is better attested, the answer is one
//! step less sure: a lease that moved, a NAT gateway, a proxy. Names of DNS zones are no hosts: the name of the domain
//! itself resolves to its DCs.
//!
//! *Blind spots*: an attacker on a host names it as he likes in NTLM, LLMNR, NetBIOS and unauthenticated DHCP, which is
//! why none of them alone gives more than its method's certainty. Several hosts behind one NAT address look like one.

mod evidence;
mod rows;
mod window;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use hopwatch_model::identity::{ResolutionMethod, short_name};
use hopwatch_model::{Certainty, DirectoryDelta, Event, Host, NodeKind, PropertyValue, Resolution, Timestamp};
use rustc_hash::FxBuildHasher;

use rows::Rows;
pub use window::Resolving;

/// The bounds of the table.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Addresses at a time.
    pub addresses: usize,
    /// Zone names remembered.
    pub zones: usize,
    /// Names of computers that the directory confirmed.
    pub computers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { addresses: 131_072, zones: 4096, computers: 1_000_000 }
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Resolver {
    config: Config,
    addresses: HashMap<IpAddr, Rows, FxBuildHasher>,
    /// Addresses by when they were first or last moved to the end; see [`Resolver::make_room`].
    order: VecDeque<(Timestamp, IpAddr)>,
    zones: HashSet<String, FxBuildHasher>,
    computers: HashSet<String, FxBuildHasher>,
    evicted: u64,
}

impl Resolver {
    /// With other bounds than the default ones.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes what an event shows of names and addresses.
    pub fn observe(&mut self, event: &Event) {
        evidence::of(event, &mut |address, name, resolution| self.learn(address, name, event.time, resolution));
    }

    /// Takes the computers and domains of a directory source.
    pub fn observe_directory(&mut self, delta: &DirectoryDelta) {
        for node in &delta.nodes {
            let text = |key: &str| node.properties.get(key).and_then(PropertyValue::text);
            match node.kind {
                NodeKind::Computer => {
                    for name in ["dnshostname", "name", "samaccountname"].into_iter().filter_map(text) {
                        self.know_computer(name);
                    }
                }
                NodeKind::Domain => {
                    if let Some(name) = text("name").filter(|_| self.zones.len() < self.config.zones) {
                        self.zones.insert(name.to_lowercase());
                    }
                }
                _ => {}
            }
        }
    }

    /// The directory knows a computer of this name (`dNSHostName` or `sAMAccountName`): among several names of an
    /// address those of computers go first.
    pub fn know_computer(&mut self, name: &str) {
        if self.computers.len() < self.config.computers {
            self.computers.insert(short_name(name));
        }
        self.know_zone_of(name);
    }

    /// Takes one binding of a name to an address.
    pub fn learn(&mut self, address: IpAddr, name: &str, time: Timestamp, resolution: Resolution) {
        let address = address.to_canonical();
        let name = name.trim_start_matches('\\').trim_end_matches(['.', '$']);
        if !nameable(address) || !plausible(name) || resolution.certainty == Certainty::Unknown {
            return;
        }
        self.know_zone_of(name);
        if !self.addresses.contains_key(&address) {
            self.make_room();
            self.order.push_back((time, address));
        }
        self.addresses.entry(address).or_default().learn(name, time, resolution);
    }

    /// The host that had an address at a time.
    #[must_use]
    pub fn host(&self, address: IpAddr, time: Timestamp) -> Option<(&str, Resolution)> {
        let address = address.to_canonical();
        if !nameable(address) {
            return None;
        }
        self.addresses.get(&address)?.best(time, |name| self.rank(name))
    }

    /// Names the hosts of an event that have an address and no name.
    pub fn resolve(&self, event: &mut Event) {
        let time = event.time;
        for host in [&mut event.source, &mut event.target].into_iter().flatten() {
            self.resolve_host(host, time);
        }
    }

    /// How many addresses were pushed out by the cap.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn resolve_host(&self, host: &mut Host, time: Timestamp) {
        let (None, Some(address)) = (&host.name, host.address) else { return };
        if let Some((name, resolution)) = self.host(address, time) {
            host.name = Some(name.to_owned());
            host.resolution = resolution;
        }
    }

    /// How a name stands: `None` where it is a zone's and no computer's.
    fn rank(&self, name: &str) -> Option<NameRank> {
        if self.computers.contains(&short_name(name)) {
            return Some(NameRank::Computer);
        }
        (!self.zones.contains(&name.to_lowercase())).then_some(NameRank::Plain)
    }

    /// `ws1.lab.example` shows that `lab.example` is a zone.
    fn know_zone_of(&mut self, name: &str) {
        if let Some((_, zone)) = name.split_once('.')
            && self.zones.len() < self.config.zones
            && zone.contains('.')
        {
            let zone = zone.to_lowercase();
            if !self.zones.contains(&zone) {
                self.zones.insert(zone);
            }
        }
    }

    /// Pushes out addresses that were not seen for the longest time; those seen since they were queued go round again.
    fn make_room(&mut self) {
        while self.addresses.len() >= self.config.addresses.max(1) {
            let Some((queued, address)) = self.order.pop_front() else { return };
            match self.addresses.get(&address).map(Rows::last) {
                Some(last) if last > queued => self.order.push_back((last, address)),
                _ => {
                    self.addresses.remove(&address);
                    self.evicted += 1;
                }
            }
        }
    }
}

/// How well a name is attested beside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NameRank {
    Plain,
    Computer,
}

/// Whether an address can belong to one host: not loopback, multicast, broadcast, unspecified or self-assigned.
#[must_use]
pub fn nameable(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first != 0 && !v4.is_loopback() && !v4.is_multicast() && !v4.is_broadcast() && !v4.is_link_local()
        }
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_multicast() && !v6.is_unspecified(),
    }
}

/// Whether a text can be a host's name and says something: tools send their own name, a dash or an address.
fn plausible(name: &str) -> bool {
    name.len() <= 255
        && name.parse::<IpAddr>().is_err()
        && name.chars().any(char::is_alphanumeric)
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || "\\/@:*?\"<>|".contains(c))
        && !name.eq_ignore_ascii_case("localhost")
        && !name.to_ascii_lowercase().starts_with("localhost.")
}

/// Which of two methods goes first at equal certainty.
fn method_rank(method: ResolutionMethod) -> u8 {
    match method {
        ResolutionMethod::None => 0,
        ResolutionMethod::Tls => 1,
        ResolutionMethod::Dns => 2,
        ResolutionMethod::Netbios => 3,
        ResolutionMethod::Ntlm => 4,
        ResolutionMethod::Directory => 5,
        ResolutionMethod::Dhcp => 6,
        ResolutionMethod::Kerberos => 7,
        ResolutionMethod::Reported => 8,
    }
}
