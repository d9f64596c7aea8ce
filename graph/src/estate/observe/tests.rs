//! Behaviour of the estate under events.

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::directory::DeltaKind;
use hopwatch_model::event::{
    AccountChange, AccountChangeKind, AsExchange, DirectoryChange, GroupChange, Logoff, Logon, LogonType, NtlmLogon,
    Principal, ValueOperation,
};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{
    Account, Activity, EdgeKind, Event, Host, NodeKind, Outcome, PropertyValue, Provenance, Record, Timestamp,
};

use super::super::tests::{delta, edge, node};
use super::super::{Config, EdgeKey, Estate};
use crate::Error;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn event(secs: i64, activity: Activity) -> Event {
    Event {
        time: at(secs),
        provenance: Provenance {
            kind: SourceKind::WindowsEvent,
            source: Arc::from("security.evtx"),
            record: Record::Record(1),
            digest: 0,
            event_id: None,
            reporter: None,
        },
        actor: None,
        source: None,
        target: None,
        outcome: Outcome::Success,
        activity,
    }
}

fn logon(secs: i64, who: &str, logon_type: LogonType, to: &str, id: u64) -> Event {
    let activity = Activity::Logon(Box::new(Logon { logon_type, logon_id: Some(id), ..Logon::default() }));
    Event { actor: Some(Account::named(who)), target: Some(Host::reported(to)), ..event(secs, activity) }
}

fn logoff(secs: i64, who: &str, to: &str, id: u64) -> Event {
    let activity = Activity::Logoff(Box::new(Logoff { logon_id: Some(id), ..Logoff::default() }));
    Event { actor: Some(Account::named(who)), target: Some(Host::reported(to)), ..event(secs, activity) }
}

fn held(estate: &Estate, source: &str, kind: EdgeKind, target: &str, secs: Option<i64>) -> bool {
    let (Some(source), Some(target)) = (estate.find(source), estate.find(target)) else {
        return false;
    };
    estate.edge_of(EdgeKey { source, kind, target }).is_some_and(|(_, edge)| edge.held(secs.map(at)))
}

fn directory() -> Estate {
    let lab = [("domain", "LAB.EXAMPLE"), ("domainsid", "S-1-5-21-1-2-3")];
    let of = |extra: &[(&'static str, &'static str)]| [&lab[..], extra].concat();
    let nodes = vec![
        node("S-1-5-21-1-2-3", NodeKind::Domain, &[("name", "LAB.EXAMPLE"), ("netbios", "CORP")]),
        node(
            "S-1-5-21-1-2-3-1104",
            NodeKind::User,
            &of(&[("samaccountname", "ann"), ("distinguishedname", "CN=Ann,OU=A,DC=lab")]),
        ),
        node(
            "S-1-5-21-1-2-3-1105",
            NodeKind::Computer,
            &of(&[
                ("samaccountname", "WS1$"),
                ("dnshostname", "ws1.lab.example"),
                ("distinguishedname", "CN=WS1,OU=A,DC=lab"),
            ]),
        ),
        node(
            "S-1-5-21-1-2-3-512",
            NodeKind::Group,
            &of(&[("samaccountname", "Domain Admins"), ("distinguishedname", "CN=Domain Admins,CN=Users,DC=lab")]),
        ),
    ];
    let mut estate = Estate::default();
    estate.apply(&delta(1000, DeltaKind::Merge, nodes, vec![]));
    estate
}

const ANN: &str = "S-1-5-21-1-2-3-1104";
const WS1: &str = "S-1-5-21-1-2-3-1105";
const ADMINS: &str = "S-1-5-21-1-2-3-512";

#[test]
fn a_session_lasts_from_logon_to_the_last_logoff() {
    let mut estate = directory();
    estate.observe(&logon(2000, "CORP\\ann", LogonType::Interactive, "WS1", 1));
    estate.observe(&logon(2100, "ann@LAB.EXAMPLE", LogonType::RemoteInteractive, "ws1.lab.example", 2));
    estate.observe(&logoff(2200, "CORP\\ann", "WS1", 1));
    assert!(held(&estate, WS1, EdgeKind::HasSession, ANN, None));
    estate.observe(&logoff(2300, "CORP\\ann", "WS1", 2));
    assert!(!held(&estate, WS1, EdgeKind::HasSession, ANN, None));
    let past = [1999, 2000, 2299, 2300].map(|secs| held(&estate, WS1, EdgeKind::HasSession, ANN, Some(secs)));
    assert_eq!(past, [false, true, true, false]);
    assert!(held(&estate, ANN, EdgeKind::LogonTo, WS1, None));
    assert_eq!(estate.node_count(), 4, "every form of the names was resolved");
}

#[test]
fn a_session_without_logoff_ends_at_its_timeout() {
    let mut estate = Estate::new(Config { session_timeout_secs: 600, ..Config::default() });
    estate.observe(&logon(2000, "LAB\\ann", LogonType::Service, "srv1", 1));
    estate.tick(at(2599));
    assert!(held(&estate, "HOST:srv1", EdgeKind::HasSession, "ACCOUNT:lab\\ann", None));
    estate.tick(at(9000));
    assert!(!held(&estate, "HOST:srv1", EdgeKind::HasSession, "ACCOUNT:lab\\ann", None));
    assert!(!held(&estate, "HOST:srv1", EdgeKind::HasSession, "ACCOUNT:lab\\ann", Some(2600)));
}

#[test]
fn a_network_logon_leaves_no_session() {
    let mut estate = directory();
    let from = Host { name: Some("ws9".into()), ..Host::default() };
    let event = Event { source: Some(from), ..logon(2000, "CORP\\ann", LogonType::Network, "WS1", 1) };
    estate.observe(&event);
    assert!(!held(&estate, WS1, EdgeKind::HasSession, ANN, None));
    assert!(held(&estate, ANN, EdgeKind::LogonTo, WS1, None));
    assert!(held(&estate, "HOST:ws9", EdgeKind::LoggedOnFrom, ANN, None));
    estate.observe(&Event { outcome: Outcome::Failure(0xC000_006D), ..logon(1, "x", LogonType::Interactive, "y", 1) });
    assert_eq!(estate.find("HOST:y"), None, "a refused logon shows nothing");
}

#[test]
fn a_ticket_granting_ticket_is_a_session_of_the_host_that_got_it() {
    let ask = |secs: i64, padata: Vec<i32>, from: Host| Event {
        source: Some(from),
        target: Some(Host { name: Some("dc1".into()), ..Host::default() }),
        ..event(
            secs,
            Activity::AsExchange(Box::new(AsExchange {
                cname: Principal { name: "ann".into(), realm: "LAB.EXAMPLE".into(), ..Principal::default() },
                sname: Principal { name: "krbtgt/LAB.EXAMPLE".into(), ..Principal::default() },
                padata,
                ..AsExchange::default()
            })),
        )
    };
    let ws1 = || Host { name: Some("ws1.lab.example".into()), ..Host::default() };
    let mut estate = directory();
    estate.observe(&ask(2000, vec![128], ws1()));
    assert!(!held(&estate, WS1, EdgeKind::HasSession, ANN, None), "anybody may ask without pre-authentication");
    estate.observe(&ask(2100, vec![2, 128], Host::at([10, 0, 0, 9].into())));
    assert!(!held(&estate, "ADDRESS:10.0.0.9", EdgeKind::HasSession, ANN, None), "nobody knows which host that is");
    estate.observe(&ask(2200, vec![2, 128], ws1()));
    assert!(held(&estate, WS1, EdgeKind::HasSession, ANN, None));
    estate.tick(at(2_200_000));
    assert!(!held(&estate, WS1, EdgeKind::HasSession, ANN, None), "it ends at its timeout");
}

#[test]
fn a_stub_becomes_the_directory_object_that_comes_later() {
    let mut estate = Estate::default();
    estate.observe(&logon(2000, "CORP\\bob", LogonType::Interactive, "WS9", 7));
    estate.observe(&logon(2000, "WS9$", LogonType::Network, "DC1", 8));
    assert!(estate.find("HOST:ws9").is_some() && estate.find("ACCOUNT:corp\\bob").is_some());
    let domain = [("domain", "LAB.EXAMPLE"), ("domainsid", "S-1-5-21-1-2-3")];
    let of = |extra: &[(&'static str, &'static str)]| [&domain[..], extra].concat();
    let nodes = vec![
        node("S-9", NodeKind::Computer, &of(&[("samaccountname", "WS9$"), ("dnshostname", "ws9.lab.example")])),
        node("S-10", NodeKind::User, &of(&[("samaccountname", "bob")])),
    ];
    estate.apply(&delta(3000, DeltaKind::Merge, nodes, vec![]));
    assert!(estate.node(estate.find("HOST:ws9").unwrap()).unwrap().id == "S-9");
    assert_eq!(estate.counters().merged_stubs, 1, "CORP is not yet known to be LAB.EXAMPLE");
    let head = node("S-1-5-21-1-2-3", NodeKind::Domain, &[("name", "LAB.EXAMPLE"), ("netbios", "CORP")]);
    estate.apply(&delta(3100, DeltaKind::Merge, vec![head], vec![]));
    assert!(held(&estate, "S-9", EdgeKind::HasSession, "S-10", None));
    assert!(held(&estate, "S-9", EdgeKind::HasSession, "S-10", Some(2500)));
    let snapshot = estate.snapshot(None);
    assert_eq!((snapshot.node_count(), snapshot.edge_count()), (4, 3));
    estate.observe(&logoff(4000, "CORP\\bob", "ws9", 7));
    assert!(!held(&estate, "S-9", EdgeKind::HasSession, "S-10", None), "the session was opened by name alone");
    estate.observe(&logon(5000, "CORP\\bob", LogonType::Interactive, "WS9", 9));
    assert_eq!(estate.snapshot(None).node_count(), 4, "no second stub");
}

#[test]
fn a_group_change_holds_from_its_time() {
    let mut estate = directory();
    let change = |secs, added| {
        let group = Account::named("CORP\\Domain Admins");
        let member = Account { name: "CN=Ann,OU=A,DC=lab".into(), ..Account::default() };
        event(secs, Activity::GroupChange(Box::new(GroupChange { group, member, added })))
    };
    estate.observe(&change(2000, true));
    estate.observe(&change(3000, false));
    let past = [1999, 2000, 2999, 3000].map(|secs| held(&estate, ANN, EdgeKind::MemberOf, ADMINS, Some(secs)));
    assert_eq!(past, [false, true, true, false]);
    estate.observe(&change(500, true));
    assert!(
        !held(&estate, ANN, EdgeKind::MemberOf, ADMINS, None),
        "the directory described the group later, without her"
    );
}

#[test]
fn an_event_older_than_the_directory_does_not_change_what_it_says() {
    let mut estate = directory();
    let disabled = |secs| {
        let account = Account::named("CORP\\ann");
        let change = AccountChange { kind: AccountChangeKind::Disabled, account, new_name: None, attributes: vec![] };
        event(secs, Activity::AccountChange(Box::new(change)))
    };
    let enabled = |estate: &Estate| estate.node(estate.find(ANN).unwrap()).unwrap().flag("enabled");
    estate.observe(&disabled(500));
    assert_eq!(enabled(&estate), None);
    estate.observe(&disabled(2000));
    assert_eq!(enabled(&estate), Some(false));
}

#[test]
fn a_written_attribute_becomes_its_edge_or_property() {
    let mut estate = directory();
    let write = |secs, object: &str, attribute: &str, operation, value: &str| {
        let change = DirectoryChange {
            object: object.into(),
            guid: None,
            class: String::new(),
            operation,
            attribute: attribute.into(),
            values: vec![value.into()],
            old_values: vec![],
            new_object: None,
        };
        event(secs, Activity::DirectoryChange(Box::new(change)))
    };
    let (ann, ws1) = ("CN=Ann,OU=A,DC=lab", "CN=WS1,OU=A,DC=lab");
    let sddl = format!("O:BAD:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;{ANN})(D;;GA;;;S-1-5-21-9-9-9-9)");
    estate.observe(&write(2000, ws1, "msDS-AllowedToActOnBehalfOfOtherIdentity", ValueOperation::Add, &sddl));
    assert!(held(&estate, ANN, EdgeKind::AllowedToAct, WS1, None));
    assert_eq!(estate.find("S-1-5-21-9-9-9-9"), None, "a denied trustee may not act");
    estate.observe(&write(2100, ws1, "msDS-AllowedToActOnBehalfOfOtherIdentity", ValueOperation::Delete, &sddl));
    assert!(!held(&estate, ANN, EdgeKind::AllowedToAct, WS1, None));
    estate.observe(&write(2200, ann, "servicePrincipalName", ValueOperation::Add, "http/web"));
    estate.observe(&write(2300, ann, "userAccountControl", ValueOperation::Replace, "4194816"));
    estate.observe(&write(2400, ann, "primaryGroupID", ValueOperation::Replace, "512"));
    let record = estate.node(estate.find(ANN).unwrap()).unwrap();
    assert_eq!(record.list("serviceprincipalnames"), ["http/web"]);
    assert_eq!((record.flag("dontreqpreauth"), record.flag("enabled")), (Some(true), Some(true)));
    assert!(held(&estate, ANN, EdgeKind::MemberOf, ADMINS, None));
    estate.observe(&write(2500, ann, "msDS-AllowedToDelegateTo", ValueOperation::Add, "cifs/ws1.lab.example"));
    assert!(held(&estate, ANN, EdgeKind::AllowedToDelegate, WS1, None));
}

#[test]
fn traffic_to_an_address_makes_an_address_node() {
    let mut estate = directory();
    let address: IpAddr = "10.0.0.9".parse().unwrap();
    let ntlm = Activity::NtlmLogon(Box::new(NtlmLogon { carrier: "smb".into(), ..NtlmLogon::default() }));
    let mut event = event(2000, ntlm);
    event.actor = Some(Account::named("CORP\\ann"));
    event.source = Some(Host::at(address));
    event.target = Some(Host::reported("ws1.lab.example"));
    estate.observe(&event);
    assert!(held(&estate, "ADDRESS:10.0.0.9", EdgeKind::ConnectedTo, WS1, None));
    assert!(held(&estate, ANN, EdgeKind::ConnectedTo, WS1, None));
    assert!(held(&estate, "ADDRESS:10.0.0.9", EdgeKind::LoggedOnFrom, ANN, None));
    event.source = Some(Host::at("127.0.0.1".parse().unwrap()));
    estate.observe(&event);
    assert_eq!(estate.find("ADDRESS:127.0.0.1"), None);
}

#[test]
fn invented_names_are_bounded() {
    let mut estate = Estate::new(Config { max_stubs: 10, max_open_sessions: 3, ..Config::default() });
    for number in 0..100 {
        estate.observe(&logon(number, "LAB\\ann", LogonType::Interactive, &format!("fake{number}"), 1));
    }
    assert_eq!(estate.node_count(), 10);
    assert_eq!(estate.counters().dropped_stubs_full, 91);
    assert_eq!(estate.counters().evicted_sessions, 6);
    assert_eq!(estate.sessions_of(estate.find("ACCOUNT:lab\\ann").unwrap()).len(), 3);
}

#[test]
fn a_checkpoint_brings_back_the_same_estate() {
    let mut estate = directory();
    estate.apply(&delta(1500, DeltaKind::Merge, vec![], vec![edge(ANN, EdgeKind::MemberOf, ADMINS)]));
    estate.observe(&logon(2000, "CORP\\ann", LogonType::Interactive, "WS1", 1));
    estate.observe(&logon(2000, "CORP\\bob", LogonType::Interactive, "WS7", 1));
    let mut float = node("F", NodeKind::Custom, &[]);
    float.properties.insert("f".into(), PropertyValue::Float(0.5));
    float.properties.insert("l".into(), PropertyValue::List(vec!["a".into()]));
    float.properties.insert("i".into(), PropertyValue::Integer(-4));
    let ws7 = node("S-7", NodeKind::Computer, &[("dnshostname", "ws7.lab.example")]);
    estate.apply(&delta(2100, DeltaKind::Merge, vec![float, ws7], vec![]));
    let bytes = estate.checkpoint().unwrap();
    let mut restored = Estate::restore(Config::default(), &bytes).unwrap();
    assert_eq!(restored.checkpoint().unwrap(), bytes);
    assert!(restored.nodes().eq(estate.nodes()));
    assert!(restored.edges().eq(estate.edges()));
    for estate in [&mut estate, &mut restored] {
        estate.observe(&logoff(3000, "CORP\\ann", "WS1", 1));
        estate.observe(&logoff(3000, "CORP\\bob", "WS7", 1));
    }
    assert!(restored.edges().eq(estate.edges()));
    assert!(!held(&restored, WS1, EdgeKind::HasSession, ANN, None));
    assert!(!held(&restored, "S-7", EdgeKind::HasSession, "ACCOUNT:corp\\bob", None));
}

#[test]
fn a_damaged_checkpoint_is_refused_by_name() {
    let bytes = directory().checkpoint().unwrap();
    let restore = |bytes: &[u8]| Estate::restore(Config::default(), bytes).map(|_| ()).unwrap_err();
    for length in 0..bytes.len() {
        assert!(matches!(restore(&bytes[..length]), Error::CheckpointCorrupt { .. }), "cut at {length}");
    }
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        let error = restore(&damaged);
        assert!(matches!(error, Error::CheckpointCorrupt { .. } | Error::CheckpointVersion { .. }), "{place}: {error}");
    }
}
