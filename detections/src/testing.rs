//! What the tests of the rules share: events in short form, a small estate, and one way to run them.

use std::sync::Arc;

use hopwatch_graph::{Config, Estate, Mode as DeriveMode, Snapshot};
use hopwatch_model::event::{
    AccountChange, AccountChangeKind, AsExchange, AuthLevel, DirectoryChange, NtlmLogon, NtlmVersion, Principal,
    RpcArguments, RpcCall, RpcTransport, Ticket, TicketDigest, TicketUse, ValueOperation,
};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{
    Account, Activity, Alert, DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, Event, Guid, Host, NodeKind,
    Outcome, PropertyValue, Provenance, Record, Timestamp,
};

use crate::engine::{Engine, Settings};
use crate::frame::{Mode, Sensitivity};

/// 2026-01-05, a Monday, 09:00 UTC.
pub(crate) const MORNING: i64 = 1_767_603_600;
/// The test estate's domain.
pub(crate) const DOMAIN: &str = "S-1-5-21-1-2-3";

/// An event at `secs` after [`MORNING`].
pub(crate) fn event(secs: i64, activity: Activity) -> Event {
    let name = format!("{secs} {activity:?}");
    let digest = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Event {
        time: Timestamp::from_secs(MORNING + secs),
        provenance: Provenance {
            kind: SourceKind::Capture,
            source: Arc::from("test"),
            record: Record::Frame(digest % 1_000_000),
            digest,
            event_id: None,
            reporter: None,
        },
        actor: None,
        source: None,
        target: Some(host("dc1")),
        outcome: Outcome::Success,
        activity,
    }
}

/// A resolved host of the test estate; an address where `name` is one.
pub(crate) fn host(name: &str) -> Host {
    match name.parse() {
        Ok(address) => Host::at(address),
        Err(_) => Host::reported(name),
    }
}

/// The event with its actor, source and outcome.
pub(crate) fn by(event: Event, actor: &str, source: &str, outcome: Outcome) -> Event {
    let digest = event.provenance.digest
        ^ actor.bytes().chain(source.bytes()).fold(7, |h: u64, b| h.rotate_left(5) ^ u64::from(b));
    let mut event = event;
    event.provenance.digest = digest;
    Event {
        actor: Some(Account::named(actor)).filter(|a| !a.name.is_empty()),
        source: Some(host(source)),
        outcome,
        ..event
    }
}

/// An AS exchange of an account from a host, with an encrypted timestamp where `code` is not 25 or 6.
pub(crate) fn as_exchange(secs: i64, account: &str, source: &str, outcome: Outcome) -> Event {
    let probe = matches!(outcome, Outcome::Failure(6 | 25));
    let cname = Principal { name_type: 1, name: account.into(), realm: "LAB.EXAMPLE".into() };
    let padata = if probe { vec![] } else { vec![2] };
    let timestamp_etype = (!probe).then_some(18);
    let exchange = AsExchange { cname, padata, timestamp_etype, requests: 1, ..AsExchange::default() };
    by(event(secs, Activity::AsExchange(Box::new(exchange))), account, source, outcome)
}

/// An NTLM authentication over SMB.
pub(crate) fn ntlm(secs: i64, account: &str, source: &str, target: &str, outcome: Outcome) -> Event {
    let logon = NtlmLogon { version: NtlmVersion::V2, carrier: "smb".into(), ..NtlmLogon::default() };
    Event {
        target: Some(host(target)),
        ..by(event(secs, Activity::NtlmLogon(Box::new(logon))), account, source, outcome)
    }
}

/// A ticket by number.
pub(crate) fn ticket(number: u64, sname: &str, etype: i32) -> Ticket {
    let sname = Principal { name_type: 2, name: sname.into(), realm: "LAB.EXAMPLE".into() };
    Ticket { digest: TicketDigest(number), etype, kvno: Some(2), sname, cipher_bytes: 1200 }
}

/// A ticket presented to a service.
pub(crate) fn ticket_use(secs: i64, ticket: Ticket, source: &str) -> Event {
    let usage = TicketUse { ticket, carrier: "smb".into(), ap_options: 0 };
    by(event(secs, Activity::TicketUse(Box::new(usage))), "", source, Outcome::Success)
}

/// One attribute of an object changed by an account from ws1.
pub(crate) fn change(
    secs: i64,
    object: &str,
    attribute: &str,
    operation: ValueOperation,
    values: &[&str],
    actor: &str,
) -> Event {
    let change = DirectoryChange {
        object: object.into(),
        guid: None,
        class: String::new(),
        operation,
        attribute: attribute.into(),
        values: values.iter().map(|value| (*value).into()).collect(),
        old_values: Vec::new(),
        new_object: None,
    };
    by(event(secs, Activity::DirectoryChange(Box::new(change))), actor, "ws1", Outcome::Success)
}

/// What happened to an account, by another.
pub(crate) fn account_change(
    secs: i64,
    kind: AccountChangeKind,
    account: &str,
    attributes: &[(&str, &str)],
    actor: &str,
) -> Event {
    let attributes = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let change = AccountChange { kind, account: Account::named(account), new_name: None, attributes };
    by(event(secs, Activity::AccountChange(Box::new(change))), actor, "ws1", Outcome::Success)
}

/// A remote call to dc1 by an account from a host.
pub(crate) fn call(
    secs: i64,
    interface: Guid,
    opnum: u16,
    arguments: RpcArguments,
    actor: &str,
    source: &str,
) -> Event {
    let call = RpcCall {
        interface: Some(interface),
        interface_name: String::new(),
        opnum,
        operation: String::new(),
        transport: RpcTransport::Tcp,
        auth_level: AuthLevel::None,
        bind_seen: true,
        arguments,
    };
    by(event(secs, Activity::RpcCall(Box::new(call))), actor, source, Outcome::Success)
}

/// An object of the test estate.
pub(crate) fn node(id: String, kind: NodeKind, name: &str, properties: &[(&str, PropertyValue)]) -> DirectoryNode {
    let text = |value: &str| PropertyValue::Text(value.into());
    let mut all = hopwatch_model::directory::Properties::new();
    all.insert("name".into(), text(&name.to_uppercase()));
    all.insert("domain".into(), text("LAB.EXAMPLE"));
    all.insert("domainsid".into(), text(DOMAIN));
    all.insert("enabled".into(), PropertyValue::Bool(true));
    let first = name.split(['@', '.']).next().unwrap_or_default().to_uppercase();
    let distinguished = match kind {
        NodeKind::Domain => "DC=LAB,DC=EXAMPLE".into(),
        _ => format!("CN={first},CN=USERS,DC=LAB,DC=EXAMPLE"),
    };
    all.insert("distinguishedname".into(), PropertyValue::Text(distinguished));
    all.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    DirectoryNode { id, kind, properties: all }
}

/// A small estate: dc1 (controller), srv1, ws1, ws2, users ann, bob, svc_sql (with an SPN), admin (Domain Admins).
pub(crate) fn directory() -> DirectoryDelta {
    let text = |value: &str| PropertyValue::Text(value.into());
    let sid = |rid: u32| format!("{DOMAIN}-{rid}");
    let mut nodes = vec![
        node(DOMAIN.into(), NodeKind::Domain, "lab.example", &[]),
        node(sid(512), NodeKind::Group, "domain admins@lab.example", &[("samaccountname", text("Domain Admins"))]),
        node(sid(513), NodeKind::Group, "domain users@lab.example", &[("samaccountname", text("Domain Users"))]),
    ];
    for (rid, name) in [(1000, "dc1"), (1001, "srv1"), (1002, "ws1"), (1003, "ws2")] {
        let account = format!("{}$", name.to_uppercase());
        let dns = format!("{name}.lab.example");
        let spns = PropertyValue::List(vec![format!("HOST/{dns}"), format!("HOST/{}", name.to_uppercase())]);
        let mut properties =
            vec![("samaccountname", text(&account)), ("serviceprincipalnames", spns), ("dnshostname", text(&dns))];
        if name == "dc1" {
            properties.push(("isdc", PropertyValue::Bool(true)));
        }
        nodes.push(node(sid(rid), NodeKind::Computer, &dns, &properties));
    }
    for (rid, name) in [(500, "admin"), (1100, "ann"), (1101, "bob"), (1102, "svc_sql")] {
        let mut properties = vec![("samaccountname", text(name))];
        if name == "svc_sql" {
            let spn = PropertyValue::List(vec!["MSSQLSvc/srv1.lab.example:1433".into()]);
            properties.extend([("serviceprincipalnames", spn), ("hasspn", PropertyValue::Bool(true))]);
        }
        nodes.push(node(sid(rid), NodeKind::User, &format!("{name}@lab.example"), &properties));
    }
    for number in 0..40 {
        let name = format!("user{number}");
        nodes.push(node(
            sid(2000 + number),
            NodeKind::User,
            &format!("{name}@lab.example"),
            &[("samaccountname", text(&name))],
        ));
    }
    let edge = |source: String, kind: EdgeKind, target: String| DirectoryEdge {
        source,
        kind,
        target,
        properties: hopwatch_model::directory::Properties::new(),
    };
    let edges = vec![
        edge(sid(500), EdgeKind::MemberOf, sid(512)),
        edge(sid(1000), EdgeKind::DCFor, DOMAIN.into()),
        edge(sid(512), EdgeKind::GenericAll, DOMAIN.into()),
    ];
    DirectoryDelta {
        time: Timestamp::from_secs(MORNING - 86_400),
        source: "test".into(),
        nodes,
        edges,
        ..DirectoryDelta::default()
    }
}

/// The snapshot of [`directory`].
pub(crate) fn snapshot() -> Snapshot {
    let mut estate = Estate::new(Config::default());
    estate.apply(&directory());
    estate.derive(DeriveMode::Ours);
    estate.snapshot(None)
}

/// The alerts of the default level where neither a directory nor history is known.
pub(crate) fn blind(slug: &str, events: &[Event]) -> Vec<Alert> {
    let estate = Estate::new(Config::default());
    run_on(&estate.snapshot(None), slug, Sensitivity::High, &[], events)
}

/// Runs one detection alone over history (learned) and events (judged), in order of time; returns its alerts.
pub(crate) fn run(slug: &str, sensitivity: Sensitivity, history: &[Event], events: &[Event]) -> Vec<Alert> {
    run_on(&snapshot(), slug, sensitivity, history, events)
}

fn run_on(
    snapshot: &Snapshot,
    slug: &str,
    sensitivity: Sensitivity,
    history: &[Event],
    events: &[Event],
) -> Vec<Alert> {
    let disabled = crate::ALL.iter().map(|factory| factory.meta().slug).filter(|other| *other != slug);
    let settings = Settings { sensitivity, disabled: disabled.map(String::from).collect(), ..Settings::default() };
    let mut engine = Engine::new(&settings).unwrap();
    for event in history {
        engine.observe(event, snapshot, Mode::Learning);
    }
    for event in events {
        engine.observe(event, snapshot, Mode::Judging);
    }
    engine.finish(snapshot, Mode::Judging);
    let state = engine.save().unwrap();
    let mut restored = Engine::new(&settings).unwrap();
    restored.restore(state.clone()).unwrap();
    assert_eq!(restored.save().unwrap(), state, "a saved state restores to itself");
    let alerts: Vec<Alert> = engine.alerts().into_iter().cloned().collect();
    for alert in &alerts {
        assert_eq!(alert.detection, slug);
        assert!(!alert.evidence.is_empty() && !alert.explanation.is_empty());
    }
    alerts
}

/// The alerts of the default level without history.
pub(crate) fn alerts(slug: &str, events: &[Event]) -> Vec<Alert> {
    run(slug, Sensitivity::High, &[], events)
}

/// Days of ordinary logons of the test estate's users 0–39: each from its own workstation to the servers of its own
/// department and a shared one, and seldom to another department's; users 0 and 1 administer from their own.
pub(crate) fn history_of_days(days: i64) -> Vec<Event> {
    let mut state = 0x1234_5678_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % below).unwrap()
    };
    let mut events = Vec::new();
    for day in 0..days {
        for user in 0..40 {
            let (name, own) = (format!("user{user}"), format!("ws{user}"));
            let department = user % 4;
            for turn in 0..8 {
                let secs = day * 86_400 + turn * 3_600 + next(3_000);
                let target = match next(100) {
                    0 => format!("srv{}", next(12)),
                    1 if user < 2 => format!("ws{}", next(40)),
                    2..=40 => "files".to_owned(),
                    _ => format!("srv{}", department * 3 + next(3)),
                };
                if target != own {
                    events.push(ntlm(secs, &name, &own, &target, Outcome::Success));
                }
            }
        }
    }
    events.sort_by_key(|event| event.time);
    events
}
