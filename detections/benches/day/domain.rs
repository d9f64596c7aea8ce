//! A domain of 20,000 accounts on 12,000 workstations, 400 servers and 8 controllers, and the events of its days: what a
//! sensor and the logs of the controllers show. Seeded: the same day is the same events.

use std::sync::Arc;

use hopwatch_graph::{Config, Estate, Mode, Snapshot};
use hopwatch_model::directory::Properties;
use hopwatch_model::event::{
    AsExchange, AuthLevel, BindMethod, DnsQuery, LdapBind, LdapSearch, Logon, LogonType, NtlmLogon, NtlmVersion,
    Principal, PrivilegeAssignment, RpcArguments, RpcCall, RpcTransport, ShareAccess, SmbFile, SmbFileAction,
    SmbSession, TgsExchange, Ticket, TicketDigest, TicketUse,
};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{
    Account, Activity, DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, Event, Host, NodeKind, Outcome,
    PropertyValue, Provenance, Record, Timestamp,
};
use rustc_hash::FxHashSet;

const USERS: u64 = 20_000;
const WORKSTATIONS: u64 = 12_000;
const SERVERS: u64 = 400;
const CONTROLLERS: u64 = 8;
/// 2026-01-05, a Monday, 07:00 UTC.
const START: i64 = 1_767_596_400;
const DAY_SECS: i64 = 86_400;
/// Hours in which the day's events lie.
const WORK_MICROS: u64 = 12 * 3600 * 1_000_000;
const REALM: &str = "CORP.EXAMPLE";
const DOMAIN: &str = "S-1-5-21-11-22-33";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The domain.
pub(crate) struct Domain {
    source: Arc<str>,
}

impl Domain {
    pub(crate) fn new() -> Self {
        Self { source: Arc::from("sensor") }
    }

    /// The directory as the detections see it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let text = |value: String| PropertyValue::Text(value);
        let node = |id: String, kind: NodeKind, name: String, sam: String, controller: bool| {
            let mut all = Properties::new();
            all.insert("name".into(), text(name.to_uppercase()));
            all.insert("domain".into(), text(REALM.into()));
            all.insert("domainsid".into(), text(DOMAIN.into()));
            all.insert("samaccountname".into(), text(sam));
            all.insert("enabled".into(), PropertyValue::Bool(true));
            if controller {
                all.insert("isdc".into(), PropertyValue::Bool(true));
            }
            DirectoryNode { id, kind, properties: all }
        };
        let sid = |rid: u64| format!("{DOMAIN}-{rid}");
        let mut nodes = vec![node(DOMAIN.into(), NodeKind::Domain, REALM.into(), String::new(), false)];
        nodes.push(node(sid(512), NodeKind::Group, format!("domain admins@{REALM}"), "Domain Admins".into(), false));
        let user = |n: u64| node(sid(10_000 + n), NodeKind::User, format!("{}@{REALM}", user(n)), user(n), false);
        nodes.extend((0..USERS).map(user));
        let computer = |rid: u64, name: String, controller| {
            node(
                sid(rid),
                NodeKind::Computer,
                format!("{name}.{REALM}"),
                format!("{}$", name.to_uppercase()),
                controller,
            )
        };
        nodes.extend((0..WORKSTATIONS).map(|n| computer(50_000 + n, format!("ws{n}"), false)));
        nodes.extend((0..SERVERS).map(|n| computer(80_000 + n, format!("srv{n}"), false)));
        nodes.extend((0..CONTROLLERS).map(|n| computer(90_000 + n, format!("dc{n}"), true)));
        let edge = |source: String, kind, target: String| DirectoryEdge {
            source,
            kind,
            target,
            properties: Properties::new(),
        };
        let mut edges: Vec<_> = (0..5).map(|n| edge(sid(10_000 + n), EdgeKind::MemberOf, sid(512))).collect();
        edges.push(edge(sid(512), EdgeKind::GenericAll, DOMAIN.into()));
        let mut estate = Estate::new(Config::default());
        let time = Timestamp::from_secs(START - DAY_SECS);
        estate.apply(&DirectoryDelta { time, source: "bench".into(), nodes, edges, ..DirectoryDelta::default() });
        estate.derive(Mode::Ours);
        estate.snapshot(None)
    }

    /// The events of a day in order of time.
    pub(crate) fn day(&self, day: usize, events: usize) -> impl Iterator<Item = Event> {
        let day_number = u64::try_from(day).unwrap_or(0);
        let mut random = Random(0x5eed + day_number);
        let step = WORK_MICROS / u64::try_from(events).unwrap_or(1).max(1);
        let start = START + DAY_SECS * i64::try_from(day).unwrap_or(0);
        let source = Arc::clone(&self.source);
        let mut issued = FxHashSet::default();
        (0..events).map(move |number| {
            let number = u64::try_from(number).unwrap_or(0);
            let micros = i64::try_from(number * step).unwrap_or(0);
            let time = Timestamp::from_micros(start * 1_000_000 + micros);
            let who = Who::draw(&mut random, day_number, number * step);
            let (activity, outcome, target) = act(&mut random, &who, &mut issued);
            let named = !matches!(activity, Activity::TicketUse(_) | Activity::DnsQuery(_) | Activity::SmbSession(_));
            let log =
                matches!(activity, Activity::Logon(_) | Activity::PrivilegeAssignment(_) | Activity::ShareAccess(_));
            Event {
                time,
                provenance: Provenance {
                    kind: if log { SourceKind::WindowsEvent } else { SourceKind::Capture },
                    source: Arc::clone(&source),
                    record: Record::Frame(number),
                    digest: Random(number ^ (day_number << 40)).next(),
                    event_id: log.then_some(4624),
                    reporter: None,
                },
                actor: named.then(|| who.account()),
                source: Some(who.host()),
                target: Some(target),
                outcome,
                activity,
            }
        })
    }
}

fn user(n: u64) -> String {
    format!("user{n:05}")
}

fn host(name: &str, net: u64, n: u64) -> Host {
    let octet = |shift: u32| u8::try_from((n >> shift) & 0xff).unwrap_or(0);
    let address = [10, u8::try_from(net).unwrap_or(0), octet(8), octet(0)];
    Host { address: Some(address.into()), ..Host::reported(name) }
}

fn controller(random: &mut Random) -> Host {
    let n = random.below(CONTROLLERS);
    host(&format!("dc{n}.corp.example"), 200, n)
}

fn server(n: u64) -> Host {
    host(&format!("srv{n}.corp.example"), 100, n)
}

/// Who acts: mostly at the own workstation.
struct Who {
    number: u64,
    day: u64,
    /// Which of the day's tickets: a new one every ten hours of which two begin in a day.
    round: u64,
    port: u64,
}

impl Who {
    fn draw(random: &mut Random, day: u64, micros: u64) -> Self {
        // A third of the people make two thirds of the traffic.
        let number = if random.below(3) < 2 { random.below(USERS / 3) } else { random.below(USERS) };
        Self { number, day, round: micros / (WORK_MICROS / 2 + 1), port: 1024 + random.below(40_000) }
    }

    fn account(&self) -> Account {
        Account { name: user(self.number), domain: Some(REALM.into()), sid: None }
    }

    fn host(&self) -> Host {
        let n = self.number % WORKSTATIONS;
        let port = u16::try_from(self.port).ok();
        Host { port, ..host(&format!("ws{n}.corp.example"), n >> 16, n) }
    }

    fn principal(&self) -> Principal {
        Principal { name_type: 1, name: user(self.number), realm: REALM.into() }
    }

    fn tgt(&self) -> Ticket {
        ticket(Random(self.number ^ (self.day << 32) ^ (self.round << 60)).next(), "krbtgt/CORP.EXAMPLE".into())
    }

    /// The servers that one uses are few and always the same.
    fn server(&self, random: &mut Random) -> u64 {
        Random(self.number * 8 + random.below(6)).next() % SERVERS
    }

    fn service(&self, server: u64, class: &str) -> Ticket {
        let seed = self.number ^ (self.day << 32) ^ (self.round << 60) ^ (server << 20);
        ticket(Random(seed).next(), format!("{class}/srv{server}.corp.example"))
    }
}

fn ticket(digest: u64, sname: String) -> Ticket {
    let sname = Principal { name_type: 2, name: sname, realm: REALM.into() };
    Ticket { digest: TicketDigest(digest), etype: 18, kvno: Some(2), sname, cipher_bytes: 1240 }
}

/// What somebody does; a ticket that was not issued yet is asked for first.
fn act(random: &mut Random, who: &Who, issued: &mut FxHashSet<u64>) -> (Activity, Outcome, Host) {
    let refused = random.below(200) == 0;
    let ok = |code: u32| if refused { Outcome::Failure(code) } else { Outcome::Success };
    let n = who.server(random);
    let draw = random.below(100);
    if draw < 46 && issued.insert(who.tgt().digest.0) {
        return (as_exchange(who, false), Outcome::Success, controller(random));
    }
    if (32..46).contains(&draw) && issued.insert(who.service(n, "cifs").digest.0) {
        return (tgs_exchange(who, n), Outcome::Success, controller(random));
    }
    match draw {
        0..7 => (as_exchange(who, refused), ok(24), controller(random)),
        7..32 => (tgs_exchange(who, n), ok(7), controller(random)),
        32..46 => {
            let usage = TicketUse { ticket: who.service(n, "cifs"), carrier: "smb".into(), ap_options: 0 };
            (Activity::TicketUse(Box::new(usage)), Outcome::Success, server(n))
        }
        46..58 => (search(random), Outcome::Success, controller(random)),
        58..62 => (bind(), ok(49), controller(random)),
        62..72 => (logon(random, n), ok(0xC000_006A), server(n)),
        72..74 => {
            let privileges = vec!["SeChangeNotifyPrivilege".into()];
            let assigned = PrivilegeAssignment { privileges, logon_id: Some(random.next()) };
            (Activity::PrivilegeAssignment(Box::new(assigned)), Outcome::Success, server(n))
        }
        74..77 => {
            let logon = NtlmLogon { version: NtlmVersion::V2, carrier: "smb".into(), ..NtlmLogon::default() };
            (Activity::NtlmLogon(Box::new(logon)), ok(0xC000_006A), server(n))
        }
        77..87 => (dns(random, n), Outcome::Success, controller(random)),
        87..90 => {
            let session =
                SmbSession { dialect: "3.1.1".into(), signing_required: Some(true), guest: false, native: None };
            (Activity::SmbSession(Box::new(session)), Outcome::Success, server(n))
        }
        90..94 => {
            let path = format!("corp.example\\Policies\\{{{:08X}}}\\gpt.ini", random.below(400));
            let file = SmbFile { share: "SYSVOL".into(), path, action: SmbFileAction::Read, bytes: 400 };
            (Activity::SmbFile(Box::new(file)), Outcome::Success, controller(random))
        }
        94..97 => {
            let access = ShareAccess { share: "data".into(), path: "team\\plan.xlsx".into(), access_mask: 0x12_0089 };
            (Activity::ShareAccess(Box::new(access)), Outcome::Success, server(n))
        }
        _ => (call(random), Outcome::Success, controller(random)),
    }
}

fn as_exchange(who: &Who, refused: bool) -> Activity {
    Activity::AsExchange(Box::new(AsExchange {
        cname: who.principal(),
        sname: Principal { name_type: 2, name: "krbtgt/CORP.EXAMPLE".into(), realm: REALM.into() },
        etypes: vec![18, 17, 23],
        padata: vec![128, 2],
        timestamp_etype: Some(18),
        ticket: (!refused).then(|| who.tgt()),
        ticket_etype: Some(18),
        reply_etype: Some(18),
        requests: 2,
        ..AsExchange::default()
    }))
}

fn tgs_exchange(who: &Who, n: u64) -> Activity {
    let ticket = who.service(n, "cifs");
    Activity::TgsExchange(Box::new(TgsExchange {
        cname: who.principal(),
        sname: ticket.sname.clone(),
        tgt: Some(who.tgt()),
        etypes: vec![18, 17, 23],
        padata: vec![1],
        kdc_options: 0x4081_0000,
        ticket: Some(ticket),
        ticket_etype: Some(18),
        reply_etype: Some(18),
        ..TgsExchange::default()
    }))
}

fn search(random: &mut Random) -> Activity {
    let filter = match random.below(4) {
        0 => "(objectClass=*)".into(),
        1 => format!("(&(objectCategory=person)(sAMAccountName={}))", user(random.below(USERS))),
        2 => format!("(&(objectClass=groupPolicyContainer)(cn={{{:08X}}}))", random.below(400)),
        _ => format!("(objectSid=S-1-5-21-11-22-33-{})", 10_000 + random.below(USERS)),
    };
    Activity::LdapSearch(Box::new(LdapSearch {
        base: "DC=corp,DC=example".into(),
        scope: 2,
        filter,
        attributes: vec!["cn".into(), "mail".into()],
        entries: Some(1),
        carrier: "ldap".into(),
        ..LdapSearch::default()
    }))
}

fn bind() -> Activity {
    let method = BindMethod::Sasl("GSS-SPNEGO".into());
    Activity::LdapBind(Box::new(LdapBind { name: String::new(), method, tls: false, sealed: Some(true) }))
}

fn logon(random: &mut Random, n: u64) -> Activity {
    Activity::Logon(Box::new(Logon {
        logon_type: if n.is_multiple_of(9) { LogonType::RemoteInteractive } else { LogonType::Network },
        package: "Kerberos".into(),
        process: "Kerberos".into(),
        key_length: Some(0),
        logon_id: Some(random.next()),
        ..Logon::default()
    }))
}

fn dns(random: &mut Random, n: u64) -> Activity {
    let name = match random.below(3) {
        0 => format!("srv{n}.corp.example"),
        1 => format!("www{}.site{}.example", random.below(40), random.below(3000)),
        _ => "_ldap._tcp.dc._msdcs.corp.example".into(),
    };
    Activity::DnsQuery(Box::new(DnsQuery { name, qtype: 1, answers: 1, size_bytes: 120, update: false, tcp: false }))
}

fn call(random: &mut Random) -> Activity {
    let (name, interface, operation, opnum) = match random.below(3) {
        0 => ("lsarpc", "12345778-1234-abcd-ef00-0123456789ab", "LsarLookupSids3", 76),
        1 => ("netlogon", "12345678-1234-abcd-ef00-01234567cffb", "NetrLogonGetDomainInfo", 29),
        _ => ("samr", "12345778-1234-abcd-ef00-0123456789ac", "SamrConnect5", 64),
    };
    Activity::RpcCall(Box::new(RpcCall {
        interface: interface.parse().ok(),
        interface_name: name.into(),
        opnum,
        operation: operation.into(),
        transport: RpcTransport::Tcp,
        auth_level: AuthLevel::Privacy,
        bind_seen: true,
        arguments: RpcArguments::default(),
    }))
}
