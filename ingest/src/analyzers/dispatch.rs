//! Which analyser reads a connection or a datagram: by the server's port, by ports that the endpoint mapper gave out,
//! and by the first bytes where the port says nothing.
//!
//! An analyser joins by one line in [`STREAMS`] or [`DATAGRAMS`]. A protocol that is recognised and has no line is
//! counted as ignored, by name.

use std::net::SocketAddr;

use hopwatch_model::Timestamp;

use super::dns::{DnsDatagrams, DnsStream};
use super::names::{DhcpDatagrams, MulticastNames, NbnsDatagrams};
use super::sniff::{Side, sniff};
use super::tls::TlsStream;
use super::{Chunk, DatagramAnalyzer, Direction, Endpoints, Output, StreamAnalyzer};
use crate::analyzers::kerberos::Kerberos;
use crate::analyzers::ldap;
use crate::analyzers::rpc_endpoints::RpcEndpoints;

/// A protocol that is told apart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Kerberos (RFC 4120), `kpasswd` included.
    Kerberos,
    /// LDAP (RFC 4511), CLDAP over UDP.
    Ldap,
    /// SMB 1 to 3, over TCP 445 or NetBIOS sessions.
    Smb,
    /// Connection-oriented DCE/RPC over TCP.
    Dcerpc,
    /// DNS (RFC 1035).
    Dns,
    /// TLS of any service.
    Tls,
    /// HTTP: WinRM, web enrolment, Negotiate.
    Http,
    /// Active Directory Web Services.
    Adws,
    /// Remote desktop's connection request.
    Rdp,
    /// RADIUS authentication and accounting.
    Radius,
    /// DHCP.
    Dhcp,
    /// NetBIOS name service.
    Nbns,
    /// LLMNR (RFC 4795).
    Llmnr,
    /// Multicast DNS (RFC 6762).
    Mdns,
}

impl Protocol {
    /// Why a connection of this protocol makes no event where no analyser is registered for it.
    fn unread(self) -> &'static str {
        match self {
            Self::Kerberos => "kerberos not analysed",
            Self::Ldap => "ldap not analysed",
            Self::Smb => "smb not analysed",
            Self::Dcerpc => "dcerpc not analysed",
            Self::Dns => "dns not analysed",
            Self::Tls => "tls not analysed",
            Self::Http => "http not analysed",
            Self::Adws => "adws not analysed",
            Self::Rdp => "rdp not analysed",
            Self::Radius => "radius not analysed",
            Self::Dhcp => "dhcp not analysed",
            Self::Nbns => "nbns not analysed",
            Self::Llmnr => "llmnr not analysed",
            Self::Mdns => "mdns not analysed",
        }
    }
}

/// What an analyser is told when its connection opens.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The connection.
    pub endpoints: Endpoints,
    /// Whether its beginning was not seen.
    pub midstream: bool,
    /// What the endpoint mapper gave out; an analyser that learns more keeps a clone.
    pub rpc: &'a RpcEndpoints,
}

/// Makes the analyser of one connection.
pub type StreamFactory = Box<dyn Fn(&Opening<'_>) -> Box<dyn StreamAnalyzer> + Send>;

/// A line of [`STREAMS`].
type StreamLine = (Protocol, fn(&Opening<'_>) -> Box<dyn StreamAnalyzer>);

/// A line of [`DATAGRAMS`].
type DatagramLine = (Protocol, fn(&RpcEndpoints) -> Box<dyn DatagramAnalyzer>);

/// The analysers of connections: one line each, as in
/// `(Protocol::Kerberos, |opening| Box::new(KerberosStream::new(opening)))`.
const STREAMS: &[StreamLine] = &[
    (Protocol::Dns, |_| Box::new(DnsStream::default())),
    (Protocol::Ldap, |_| ldap::stream()),
    (Protocol::Tls, |opening| Box::new(TlsStream::new(opening))),
    (Protocol::Smb, |opening| super::smb::stream(opening.rpc)),
    (Protocol::Dcerpc, |opening| super::dcerpc::stream(opening.rpc)),
    (Protocol::Http, |_| super::http::stream()),
    (Protocol::Adws, |_| super::adws::stream()),
    (Protocol::Rdp, |_| super::rdp::stream()),
];

/// The analysers of datagrams: one line each.
const DATAGRAMS: &[DatagramLine] = &[
    (Protocol::Dns, |_| Box::new(DnsDatagrams::default())),
    (Protocol::Ldap, |_| ldap::datagrams()),
    (Protocol::Dhcp, |_| Box::new(DhcpDatagrams::default())),
    (Protocol::Nbns, |_| Box::new(NbnsDatagrams::default())),
    (Protocol::Llmnr, |_| Box::new(MulticastNames::default())),
    (Protocol::Mdns, |_| Box::new(MulticastNames::default())),
    (Protocol::Radius, |_| Box::new(super::radius::Datagrams::default())),
];

/// The services on TCP, by the server's port.
const TCP_PORTS: &[(u16, Protocol)] = &[
    (445, Protocol::Smb),
    (88, Protocol::Kerberos),
    (389, Protocol::Ldap),
    (135, Protocol::Dcerpc),
    (3268, Protocol::Ldap),
    (53, Protocol::Dns),
    (139, Protocol::Smb),
    (464, Protocol::Kerberos),
    (593, Protocol::Dcerpc),
    (636, Protocol::Tls),
    (3269, Protocol::Tls),
    (443, Protocol::Tls),
    (80, Protocol::Http),
    (5985, Protocol::Http),
    (5986, Protocol::Tls),
    (3389, Protocol::Rdp),
    (9389, Protocol::Adws),
];

/// The services on UDP, by the server's port.
const UDP_PORTS: &[(u16, Protocol)] = &[
    (53, Protocol::Dns),
    (88, Protocol::Kerberos),
    (389, Protocol::Ldap),
    (464, Protocol::Kerberos),
    (137, Protocol::Nbns),
    (67, Protocol::Dhcp),
    (68, Protocol::Dhcp),
    (5353, Protocol::Mdns),
    (5355, Protocol::Llmnr),
    (1812, Protocol::Radius),
    (1813, Protocol::Radius),
    (1645, Protocol::Radius),
    (1646, Protocol::Radius),
];

fn by_port(ports: &[(u16, Protocol)], port: u16) -> Option<Protocol> {
    ports.iter().find(|(known, _)| *known == port).map(|(_, protocol)| *protocol)
}

/// What becomes of a connection.
pub(crate) enum Choice {
    /// This analyser reads it; `swapped` where the first bytes show that the roles are the other way round.
    Analyze { analyzer: Box<dyn StreamAnalyzer>, swapped: bool },
    /// It is recognised and not read.
    Ignore(&'static str),
    /// The bytes so far say nothing.
    Unknown,
}

/// The registered analysers.
pub struct Dispatch {
    streams: Vec<(Protocol, StreamFactory)>,
    datagrams: Vec<(Protocol, Box<dyn DatagramAnalyzer>)>,
    rpc: RpcEndpoints,
    kerberos: Kerberos,
    ticked: Timestamp,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self::new()
    }
}

impl Dispatch {
    /// With all analysers of [`STREAMS`] and [`DATAGRAMS`].
    #[must_use]
    pub fn new() -> Self {
        Self::over(RpcEndpoints::default(), Kerberos::default())
    }

    fn over(rpc: RpcEndpoints, kerberos: Kerberos) -> Self {
        let boxed = |line: &StreamLine| -> (Protocol, StreamFactory) { (line.0, Box::new(line.1)) };
        let mut dispatch = Self {
            streams: STREAMS.iter().map(boxed).collect(),
            datagrams: DATAGRAMS.iter().map(|(protocol, make)| (*protocol, make(&rpc))).collect(),
            rpc,
            kerberos: kerberos.clone(),
            ticked: Timestamp::MIN,
        };
        // Kerberos keeps state across the connections of a capture: one logon goes over UDP and TCP.
        dispatch.datagrams.push((Protocol::Kerberos, kerberos.datagrams()));
        dispatch.with_stream(Protocol::Kerberos, Box::new(move |_| kerberos.stream()))
    }

    /// Analysers for another thread of the same capture: what one logon leaves on several connections, and what the
    /// endpoint mapper gave out, is shared with this one.
    #[must_use]
    pub fn sharing(&self) -> Self {
        Self::over(self.rpc.clone(), self.kerberos.clone())
    }

    /// Registers a factory in place of the one that the protocol has.
    #[must_use]
    pub fn with_stream(mut self, protocol: Protocol, factory: StreamFactory) -> Self {
        self.streams.retain(|(known, _)| *known != protocol);
        self.streams.push((protocol, factory));
        self
    }

    /// What the endpoint mapper gave out.
    #[must_use]
    pub fn rpc(&self) -> &RpcEndpoints {
        &self.rpc
    }

    fn server_protocol(&self, server: SocketAddr) -> Option<Protocol> {
        by_port(TCP_PORTS, server.port()).or_else(|| self.rpc.interface(server).map(|_| Protocol::Dcerpc))
    }

    /// Whether the sender of a segment without SYN is the client: the other end has a known port, else the lower one.
    pub(crate) fn likely_client(&self, source: SocketAddr, target: SocketAddr) -> bool {
        match (self.server_protocol(source), self.server_protocol(target)) {
            (Some(_), None) => false,
            (None, Some(_)) => true,
            _ => source.port() >= target.port(),
        }
    }

    /// Chooses the analyser of a connection by its first bytes. `certain`: the roles are known by a SYN.
    pub(crate) fn choose(&self, endpoints: Endpoints, direction: Direction, bytes: &[u8], certain: bool) -> Choice {
        let sniffed = sniff(bytes);
        let by_port = self.server_protocol(endpoints.server);
        let protocol = match (by_port, sniffed) {
            // A TLS server on a port of clear text, or clear text on a port of TLS: the bytes know better.
            (Some(_), Some((Protocol::Tls | Protocol::Http, _))) | (None | Some(Protocol::Tls), Some(_)) => {
                sniffed.map(|(protocol, _)| protocol)
            }
            (port, _) => port,
        };
        let Some(protocol) = protocol else { return Choice::Unknown };
        let swapped = !certain
            && by_port.is_none()
            && matches!(
                (sniffed, direction),
                (Some((_, Some(Side::Server))), Direction::ToServer)
                    | (Some((_, Some(Side::Client))), Direction::ToClient)
            );
        let Some((_, make)) = self.streams.iter().find(|(known, _)| *known == protocol) else {
            return Choice::Ignore(protocol.unread());
        };
        let endpoints = match swapped {
            true => Endpoints { client: endpoints.server, server: endpoints.client },
            false => endpoints,
        };
        let analyzer = make(&Opening { endpoints, midstream: !certain, rpc: &self.rpc });
        Choice::Analyze { analyzer, swapped }
    }

    /// Hands a datagram to its analyser.
    pub(crate) fn datagram(
        &mut self,
        (source, target): (SocketAddr, SocketAddr),
        bytes: &[u8],
        (time, frame): (Timestamp, u64),
        out: &mut Output<'_>,
    ) {
        let (protocol, endpoints, direction) =
            match (by_port(UDP_PORTS, target.port()), by_port(UDP_PORTS, source.port())) {
                (Some(protocol), _) => (protocol, Endpoints { client: source, server: target }, Direction::ToServer),
                (None, Some(protocol)) => (protocol, Endpoints { client: target, server: source }, Direction::ToClient),
                (None, None) => return out.counters.ignore("datagram of another protocol"),
            };
        match self.datagrams.iter_mut().find(|(known, _)| *known == protocol) {
            Some((_, analyzer)) => analyzer.datagram(Chunk { endpoints, direction, bytes, time, frame }, out),
            None => out.counters.ignore(protocol.unread()),
        }
    }

    /// Time went on; the analysers of datagrams hear of it once a second.
    pub(crate) fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        if self.ticked.as_secs() < now.as_secs() {
            self.ticked = now;
            for (_, analyzer) in &mut self.datagrams {
                analyzer.tick(now, out);
            }
        }
    }

    /// The capture ended.
    pub(crate) fn finish(&mut self, out: &mut Output<'_>) {
        for (_, analyzer) in &mut self.datagrams {
            analyzer.close(out);
        }
    }
}
