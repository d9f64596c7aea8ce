//! Names that hosts give themselves or each other on the local network: DHCP leases, NetBIOS name service, LLMNR,
//! multicast DNS. They feed the resolution table and make no other event.
//!
//! Answers to NetBIOS, LLMNR and mDNS questions are weak: anyone on the segment may answer (and attackers do). A host's
//! registration of its own name from its own address is better; a DHCP lease is best.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use hopwatch_model::event::NameObserved;
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Activity, Certainty, Outcome, Resolution, Timestamp};
use hopwatch_wire::dhcp::{self, message_type};
use hopwatch_wire::dns::{self, Content, Message, Record};
use hopwatch_wire::nbns::{self, NetbiosName, opcode};
use rustc_hash::FxBuildHasher;

use super::{Chunk, DatagramAnalyzer, Draft, Output};
use crate::resolution::nameable;

/// How long the same pair is not reported again.
const REPEAT: Duration = Duration::from_secs(600);
/// The most pairs remembered; beyond it they are reported again.
const MAX_REMEMBERED: usize = 8192;
/// The most DHCP requests that wait for their acknowledgement.
const MAX_LEASES: usize = 4096;
/// How long a DHCP request may wait.
const LEASE_PATIENCE: Duration = Duration::from_secs(30);

/// What was reported lately.
#[derive(Default)]
struct Reported(HashMap<(IpAddr, String), Timestamp, FxBuildHasher>);

impl Reported {
    fn report(&mut self, name: &str, address: IpAddr, resolution: Resolution, chunk: Chunk<'_>, out: &mut Output<'_>) {
        if name.is_empty() || !nameable(address) {
            return;
        }
        let pair = (address, name.to_lowercase());
        if self.0.get(&pair).is_some_and(|last| chunk.time.since(*last) < REPEAT) {
            return;
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        self.0.insert(pair, chunk.time);
        let draft = Draft {
            endpoints: chunk.endpoints,
            time: chunk.time,
            frame: chunk.frame,
            actor: None,
            outcome: Outcome::Success,
            content: chunk.bytes,
        };
        let observed = NameObserved { name: name.to_owned(), address, resolution };
        out.emit(draft, Activity::NameObserved(Box::new(observed)));
    }
}

fn netbios(certainty: Certainty) -> Resolution {
    Resolution { certainty, method: ResolutionMethod::Netbios }
}

/// The address that sent a datagram.
fn sender(chunk: Chunk<'_>) -> IpAddr {
    match chunk.direction {
        super::Direction::ToServer => chunk.endpoints.client.ip(),
        super::Direction::ToClient => chunk.endpoints.server.ip(),
    }
}

fn decoded<'a>(chunk: Chunk<'a>, reason: &'static str, out: &mut Output<'_>) -> Option<Message<'a>> {
    let message = dns::decode(chunk.bytes);
    if message.is_err() {
        out.counters.drop(reason);
    }
    message.ok()
}

/// NetBIOS name service, UDP 137.
#[derive(Default)]
pub struct NbnsDatagrams {
    reported: Reported,
}

impl DatagramAnalyzer for NbnsDatagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Some(message) = decoded(chunk, "nbns message malformed", out) else { return };
        let claims = matches!(
            message.opcode,
            opcode::REGISTRATION | opcode::REFRESH | opcode::REFRESH_ALTERNATE | opcode::MULTI_HOMED
        );
        if claims && !message.response {
            for record in &message.additionals {
                self.addresses(record, chunk, out);
            }
        } else if message.opcode == opcode::QUERY && message.response && message.rcode == 0 {
            for record in &message.answers {
                self.addresses(record, chunk, out);
                for name in nbns::node_names(record).iter().filter(|name| name.host()) {
                    self.reported.report(&name.name, sender(chunk), netbios(Certainty::Medium), chunk, out);
                }
            }
        }
    }

    fn tick(&mut self, _: Timestamp, _: &mut Output<'_>) {}

    fn close(&mut self, _: &mut Output<'_>) {}
}

impl NbnsDatagrams {
    /// The addresses that a record gives to a host's name; surer where the host itself says so in a registration.
    fn addresses(&mut self, record: &Record<'_>, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Some(name) = NetbiosName::decode(&record.name).filter(NetbiosName::host) else { return };
        let claim = chunk.bytes.get(2).is_some_and(|flags| flags & 0x80 == 0);
        for address in nbns::addresses(record) {
            let own = claim && IpAddr::V4(address) == sender(chunk);
            let certainty = if own { Certainty::Medium } else { Certainty::Low };
            self.reported.report(&name.name, address.into(), netbios(certainty), chunk, out);
        }
    }
}

/// LLMNR and multicast DNS: answers in DNS form.
#[derive(Default)]
pub struct MulticastNames {
    reported: Reported,
}

impl DatagramAnalyzer for MulticastNames {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Some(message) = decoded(chunk, "multicast name message malformed", out) else { return };
        if !message.response || message.rcode != 0 {
            return;
        }
        for record in message.answers.iter().chain(&message.additionals) {
            let Content::Address(address) = record.content else { continue };
            let name = record.name.strip_suffix(".local").unwrap_or(&record.name);
            if !name.contains(['_', '\\']) {
                self.reported.report(name, address, netbios(Certainty::Low), chunk, out);
            }
        }
    }

    fn tick(&mut self, _: Timestamp, _: &mut Output<'_>) {}

    fn close(&mut self, _: &mut Output<'_>) {}
}

/// DHCP: the name of a request and the address of its acknowledgement.
#[derive(Default)]
pub struct DhcpDatagrams {
    reported: Reported,
    /// The names of requests, by transaction and hardware address.
    requests: HashMap<(u32, [u8; 6]), (Timestamp, String), FxBuildHasher>,
    order: VecDeque<(Timestamp, (u32, [u8; 6]))>,
}

impl DatagramAnalyzer for DhcpDatagrams {
    fn datagram(&mut self, chunk: Chunk<'_>, out: &mut Output<'_>) {
        let Ok(message) = dhcp::decode(chunk.bytes) else { return out.counters.drop("dhcp message malformed") };
        self.expire(chunk.time);
        let key = (message.xid, message.chaddr);
        match (message.message_type, message.name) {
            (message_type::REQUEST | message_type::INFORM, Some(name)) => {
                self.requests.insert(key, (chunk.time, name));
                self.order.push_back((chunk.time, key));
            }
            (message_type::ACK, name) => {
                // The client's own name is the one that the directory knows; a server may echo or replace it.
                let Some(name) = self.requests.remove(&key).map(|(_, name)| name).or(name) else { return };
                let address = if message.yiaddr.is_unspecified() { message.ciaddr } else { message.yiaddr };
                let resolution = Resolution { certainty: Certainty::High, method: ResolutionMethod::Dhcp };
                self.reported.report(&name, address.into(), resolution, chunk, out);
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: Timestamp, _: &mut Output<'_>) {
        self.expire(now);
    }

    fn close(&mut self, _: &mut Output<'_>) {
        self.requests.clear();
        self.order.clear();
    }
}

impl DhcpDatagrams {
    fn expire(&mut self, now: Timestamp) {
        while let Some((time, key)) = self.order.front().copied()
            && (now.since(time) > LEASE_PATIENCE || self.order.len() > MAX_LEASES)
        {
            self.order.pop_front();
            if self.requests.get(&key).is_some_and(|(asked, _)| *asked == time) {
                self.requests.remove(&key);
            }
        }
    }
}
