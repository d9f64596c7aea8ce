//! What the doctor says of estates of which something is missing, and of one where nothing is.

use std::collections::BTreeMap;
use std::sync::Arc;

use hopwatch_graph::Estate;
use hopwatch_model::directory::Properties;
use hopwatch_model::event::{AsExchange, LdapSearch, Opaque, OpaqueProtocol};
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{
    Activity, DirectoryDelta, DirectoryNode, Event, Host, NodeKind, Outcome, PropertyValue, Provenance, Record,
};

use super::*;

fn estate(controllers: &[&str]) -> Estate {
    let mut estate = Estate::default();
    let node = |id: String, kind, properties: Vec<(&str, PropertyValue)>| DirectoryNode {
        id,
        kind,
        properties: properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Properties>(),
    };
    let text = |value: &str| PropertyValue::Text(value.to_owned());
    let mut nodes = vec![node("S-1-5-21-1".into(), NodeKind::Domain, vec![("name", text("LAB.EXAMPLE"))])];
    for (number, name) in controllers.iter().enumerate() {
        let properties = vec![("dnshostname", text(name)), ("isdc", PropertyValue::Bool(true))];
        nodes.push(node(format!("S-1-5-21-1-{}", 1000 + number), NodeKind::Computer, properties));
    }
    estate.apply(&DirectoryDelta { time: Timestamp::from_secs(1), nodes, ..DirectoryDelta::default() });
    estate
}

fn event(kind: SourceKind, host: &str, id: Option<u32>, secs: i64, activity: Activity) -> Event {
    Event {
        time: Timestamp::from_secs(secs),
        provenance: Provenance {
            kind,
            source: "s".into(),
            record: Record::Item(1),
            digest: 1,
            event_id: id,
            reporter: (kind != SourceKind::Capture).then(|| Arc::from(host)),
        },
        actor: None,
        source: None,
        target: Some(Host::reported(host)),
        outcome: Outcome::Success,
        activity,
    }
}

fn logged(host: &str, id: u32, secs: i64) -> Event {
    event(SourceKind::WindowsEvent, host, Some(id), secs, Activity::Logon(Box::default()))
}

fn captured(host: &str, secs: i64, ahead: i64) -> Event {
    let exchange = AsExchange { kdc_ahead_millis: Some(ahead), ..AsExchange::default() };
    event(SourceKind::Capture, host, None, secs, Activity::AsExchange(Box::new(exchange)))
}

fn check(estate: &Estate, events: &[Event], sources: &[SourceStatus], now: i64) -> Vec<Symptom> {
    let mut coverage = Coverage::default();
    events.iter().for_each(|event| coverage.observe(event));
    let now = Timestamp::from_secs(now);
    let snapshot = estate.snapshot(None);
    examine(&Patient { snapshot: &snapshot, coverage: &coverage, sources, until: now, now })
}

fn of(symptoms: &[Symptom], check: Check) -> Vec<&Symptom> {
    symptoms.iter().filter(|symptom| symptom.check == check).collect()
}

#[test]
fn a_controller_of_which_nothing_ever_came_is_a_problem_and_the_other_is_none() {
    let estate = estate(&["dc1.lab.example", "dc2.lab.example"]);
    let events = [logged("DC1.lab.example", 4624, 90), captured("dc1.lab.example", 95, 0)];
    let symptoms = check(&estate, &events, &[], 100);
    let silent = of(&symptoms, Check::SilentController);
    assert_eq!(silent.len(), 1, "{symptoms:#?}");
    assert_eq!((silent[0].subject.as_str(), silent[0].level), ("dc2.lab.example", Level::Problem));
    assert!(silent[0].remedy.contains("forward"));
}

#[test]
fn a_controller_that_fell_silent_is_told_with_the_time() {
    let estate = estate(&["dc1.lab.example"]);
    let symptoms = check(&estate, &[logged("dc1", 4624, 100), captured("dc1.lab.example", 50, 0)], &[], 100 + 7_300);
    let silent = of(&symptoms, Check::SilentController);
    assert!(silent.len() == 1 && silent[0].text.contains("2 h"), "{silent:?}");
}

#[test]
fn event_ids_that_never_came_are_named_with_their_subcategory_per_controller() {
    let estate = estate(&["dc1.lab.example", "dc2.lab.example"]);
    let mut events: Vec<Event> = [4624, 4768, 4769, 4776, 8004].iter().map(|id| logged("dc1", *id, 90)).collect();
    events.extend([4624, 4728].iter().map(|id| logged("dc2", *id, 90)));
    let symptoms = check(&estate, &events, &[], 100);
    let level = |host: &str, subcategory: &str| {
        let found: Vec<_> = of(&symptoms, Check::AuditPolicy)
            .into_iter()
            .filter(|symptom| symptom.subject == host && symptom.remedy.contains(subcategory))
            .collect();
        assert!(found.len() < 2);
        found.first().map(|symptom| symptom.level)
    };
    assert_eq!(level("dc1.lab.example", "Kerberos Authentication Service"), None);
    assert_eq!(level("dc2.lab.example", "Kerberos Authentication Service"), Some(Level::Problem));
    assert_eq!(
        level("dc1.lab.example", "Security Group Management"),
        Some(Level::Notice),
        "perhaps nobody changed one"
    );
    assert_eq!(level("dc2.lab.example", "Security Group Management"), None);
    assert_eq!(level("dc1.lab.example", "Audit NTLM"), None);
    assert_eq!(level("dc2.lab.example", "Audit NTLM"), Some(Level::Notice));
}

#[test]
fn a_rare_event_is_missed_after_a_week_and_what_the_wire_shows_is_not() {
    let estate = estate(&["dc1.lab.example"]);
    let week = 8 * 86_400;
    let events = [logged("dc1", 4624, 0), logged("dc1", 4624, week), captured("dc1.lab.example", week, 0)];
    let symptoms = check(&estate, &events, &[], week);
    let policy = of(&symptoms, Check::AuditPolicy);
    let find = |name: &str| policy.iter().find(|symptom| symptom.remedy.contains(name)).unwrap();
    assert_eq!(find("Security Group Management").level, Level::Warning);
    assert_eq!(find("Kerberos Authentication Service").level, Level::Notice);
    assert!(find("Kerberos Authentication Service").text.contains("its traffic shows the same"));
}

#[test]
fn clocks_that_are_off_are_told_by_how_much_and_to_which_side() {
    let estate = estate(&["dc1.lab.example"]);
    let events = [captured("dc1.lab.example", 90, -400_000), captured("dc3.lab.example", 90, 1_000)];
    let symptoms = check(&estate, &events, &[], 100);
    let clocks = of(&symptoms, Check::ClockSkew);
    assert_eq!(clocks.len(), 1, "{clocks:?}");
    assert_eq!((clocks[0].subject.as_str(), clocks[0].level), ("dc1.lab.example", Level::Problem));
    assert!(clocks[0].text.contains("6 min behind"), "{}", clocks[0].text);
    let future = check(&estate, &[logged("dc1.lab.example", 4624, 1_000)], &[], 100);
    assert_eq!(of(&future, Check::ClockSkew)[0].level, Level::Problem);
}

#[test]
fn sealed_traffic_and_hosts_without_names_are_shares() {
    let opaque = Opaque { protocol: OpaqueProtocol::Ldap, messages: 3 };
    let mut sealed = event(SourceKind::Capture, "dc1", None, 90, Activity::Opaque(Box::new(opaque)));
    sealed.target = Some(Host { address: Some([10, 0, 0, 1].into()), ..Host::default() });
    let read = event(SourceKind::Capture, "dc1", None, 90, Activity::LdapSearch(Box::<LdapSearch>::default()));
    let symptoms = check(&estate(&["dc1"]), &[sealed, read], &[], 100);
    let opaque = of(&symptoms, Check::Opaque);
    assert!(opaque[0].text.contains("75.0 %") && opaque[0].level == Level::Warning, "{opaque:?}");
    let names = of(&symptoms, Check::NameResolution);
    assert!(names[0].text.contains("1 of 2") && names[0].level == Level::Warning, "{names:?}");
}

#[test]
fn a_live_source_lags_and_a_file_does_not() {
    let source = |name: &str, kind: &str, last| SourceStatus {
        name: name.into(),
        kind: kind.into(),
        read: 10,
        last_event_at: Some(Timestamp::from_secs(last)),
        ..SourceStatus::default()
    };
    let mut lossy = source("b.pcap", "capture", 0);
    lossy.dropped = BTreeMap::from([("frame is cut off".to_owned(), 2)]);
    lossy.error = Some("truncated capture".into());
    let sources = [source("collector", "wef", 0), source("radius", "radius", 1_990), lossy];
    let symptoms = check(&estate(&["dc1"]), &[], &sources, 2_000);
    let lag = of(&symptoms, Check::SourceLag);
    assert_eq!(lag.iter().map(|symptom| symptom.subject.as_str()).collect::<Vec<_>>(), ["collector"]);
    let drops = of(&symptoms, Check::SourceDrops);
    assert_eq!(drops.len(), 2);
    assert!(drops[0].text.contains("truncated capture") && drops[0].level == Level::Problem);
    assert!(drops[1].text.contains("2 × frame is cut off") && drops[1].level == Level::Warning);
}

#[test]
fn a_whole_estate_has_no_symptom() {
    let estate = estate(&["dc1.lab.example"]);
    let ids = [4624, 4768, 4769, 4776, 4728, 4720, 4741, 4662, 5136, 7045, 8004];
    let mut events: Vec<Event> = ids.iter().map(|id| logged("dc1.lab.example", *id, 90)).collect();
    events.push(captured("dc1.lab.example", 95, 100));
    let source = SourceStatus { name: "a".into(), kind: "event log".into(), read: 1, ..SourceStatus::default() };
    assert_eq!(check(&estate, &events, &[source], 100), Vec::new());
    assert_eq!(check(&Estate::default(), &[], &[], 100)[0].check, Check::Directory, "nothing at all is a problem");
}
