//! What holds for every detection of the catalogue, tried on one stream of mixed attacks and ordinary work: repeated
//! delivery, late events, replay, a checkpoint in the middle, floods of distinct names. What each detection finds is told by
//! its own tests.

use hopwatch_model::event::{LdapSearch, RpcArguments, TgsExchange};
use hopwatch_model::{Activity, Alert, Event, Guid, Outcome};

use crate::engine::{Engine, Settings};
use crate::frame::{Mode, Sensitivity};
use crate::testing::{as_exchange, by, call, event, ntlm, snapshot, ticket, ticket_use};

/// The most entries that any detection may hold per event shown: state grows with what is seen, never faster.
const PER_EVENT: usize = 1;
/// DRSUAPI, SAMR and SVCCTL (`[MS-DRSR] 1.9`, `[MS-SAMR] 1.9`, `[MS-SCMR] 1.9`).
const INTERFACES: [Guid; 3] = [
    Guid::from_u128(0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2),
    Guid::from_u128(0x1234_5778_1234_abcd_ef00_0123_4567_89ac),
    Guid::from_u128(0x367a_bb81_9844_35f1_ad32_98f0_3800_1003),
];
/// Names of the flood, and the events shown with them.
const NAMES: i64 = 4_000;
const SHOWN: usize = 16_030;
const WRONG: Outcome = Outcome::Failure(24);
const UNKNOWN: Outcome = Outcome::Failure(6);

fn request(secs: i64, account: &str, source: &str, service: &str) -> Event {
    let tgt = Some(ticket(7, "krbtgt/LAB.EXAMPLE", 18));
    let exchange =
        TgsExchange { tgt, ticket: Some(ticket(900 + secs.unsigned_abs(), service, 23)), ..TgsExchange::default() };
    by(event(secs, Activity::TgsExchange(Box::new(exchange))), account, source, Outcome::Success)
}

fn search(secs: i64, filter: &str, source: &str) -> Event {
    let search =
        LdapSearch { base: "DC=lab,DC=example".into(), scope: 2, filter: filter.into(), ..LdapSearch::default() };
    by(event(secs, Activity::LdapSearch(Box::new(search))), "ann", source, Outcome::Success)
}

/// Two hours of ordinary logons with a spray, an enumeration, a collection, a replication and stolen tickets among them.
fn stream() -> Vec<Event> {
    let mut events = Vec::new();
    for i in 0..240 {
        let user = format!("user{}", i % 40);
        events.push(as_exchange(i * 30, &user, "ws1", Outcome::Success));
        events.push(ntlm(i * 30 + 3, &user, "ws2", "srv1", Outcome::Success));
        events.push(request(i * 30 + 5, &user, "ws1", "cifs/srv1.lab.example"));
    }
    events.extend((0..30).map(|i| as_exchange(1_000 + i, &format!("user{i}"), "10.0.0.9", WRONG)));
    events.extend((0..30).map(|i| as_exchange(2_000 + i, &format!("nobody{i}"), "10.0.0.9", UNKNOWN)));
    let filters = ["(servicePrincipalName=*)", "(adminCount=1)", "(objectClass=trustedDomain)", "(sIDHistory=*)"];
    events.extend((3_000..).zip(filters).map(|(secs, filter)| search(secs, filter, "10.0.0.9")));
    events.push(call(4_000, INTERFACES[0], 3, RpcArguments::None, "ann", "ws2"));
    events.extend((0..3).map(|i| {
        ticket_use(
            5_000 + i,
            ticket(7, "krbtgt/LAB.EXAMPLE", 18),
            ["ws1", "ws2", "10.0.0.9"][usize::try_from(i).unwrap()],
        )
    }));
    events.sort_by_key(|event| event.time);
    events
}

fn engine() -> Engine {
    Engine::new(&Settings { sensitivity: Sensitivity::Low, ..Settings::default() }).unwrap()
}

fn judge(events: &[Event]) -> Vec<Alert> {
    let (mut engine, snapshot) = (engine(), snapshot());
    events.iter().for_each(|event| drop(engine.observe(event, &snapshot, Mode::Judging)));
    engine.finish(&snapshot, Mode::Judging);
    engine.alerts().into_iter().cloned().collect()
}

#[test]
fn the_stream_raises_several_detections() {
    let slugs: std::collections::BTreeSet<_> = judge(&stream()).into_iter().map(|alert| alert.detection).collect();
    for slug in ["password-spray", "account-enumeration", "directory-enumeration", "malicious-replication"] {
        assert!(slugs.contains(slug), "{slug} is not among {slugs:?}");
    }
}

#[test]
fn a_replay_and_repeated_delivery_change_nothing() {
    let events = stream();
    let once = judge(&events);
    assert_eq!(once, judge(&events), "a replay");
    let twice: Vec<Event> = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
    assert_eq!(once, judge(&twice), "each delivered twice in a row");
    let again: Vec<Event> = events.iter().chain(&events).cloned().collect();
    let raised = |alerts: &[Alert]| alerts.iter().map(|alert| (alert.key.clone(), alert.events)).collect::<Vec<_>>();
    assert_eq!(raised(&once), raised(&judge(&again)), "the whole delivered again");
}

#[test]
fn a_checkpoint_in_the_middle_changes_nothing() {
    let (events, snapshot) = (stream(), snapshot());
    let mut first = engine();
    events[..events.len() / 2].iter().for_each(|event| drop(first.observe(event, &snapshot, Mode::Judging)));
    let mut second = engine();
    second.restore(first.save().unwrap()).unwrap();
    for engine in [&mut first, &mut second] {
        events[events.len() / 2..].iter().for_each(|event| drop(engine.observe(event, &snapshot, Mode::Judging)));
        engine.finish(&snapshot, Mode::Judging);
    }
    assert_eq!(first.alerts(), second.alerts());
}

/// Hours late, one by one: nothing panics, no alert is of the future, and what one call decides is still found.
#[test]
fn late_events_break_nothing() {
    let mut events = stream();
    events.reverse();
    let last = events[0].time;
    let alerts = judge(&events);
    assert!(alerts.iter().all(|alert| alert.first_at <= alert.last_at && alert.last_at <= last));
    assert!(alerts.iter().any(|alert| alert.detection == "malicious-replication"));
}

#[test]
fn a_flood_of_distinct_names_grows_no_state_beyond_itself_and_hides_no_other_attack() {
    // The default level: a flood that raised an alert per name would time the alerts, not the tables.
    let (mut engine, snapshot) = (Engine::new(&Settings::default()).unwrap(), snapshot());
    let mut show = |event: &Event| drop(engine.observe(event, &snapshot, Mode::Judging));
    for i in 0..NAMES {
        let (name, source) = (format!("flood{i}"), format!("10.{}.{}.{}", i >> 16, (i >> 8) & 255, i & 255));
        show(&as_exchange(i / 2, &name, &source, UNKNOWN));
        show(&ntlm(i / 2, &name, &source, "srv1", Outcome::Success));
        show(&request(i / 2, &name, &source, &format!("http/host{i}.lab.example")));
        show(&call(i / 2, INTERFACES[usize::try_from(i % 3).unwrap()], 12, RpcArguments::None, &name, &source));
    }
    (0..30).for_each(|i| show(&as_exchange(2_000 + i, &format!("user{i}"), "192.168.1.9", WRONG)));
    for (meta, entries) in engine.entries() {
        assert!(entries <= PER_EVENT * SHOWN, "{} holds {entries}", meta.slug);
    }
    engine.finish(&snapshot, Mode::Judging);
    let spray = |alert: &&Alert| alert.detection == "password-spray" && alert.explanation.contains("192.168.1.9");
    assert!(engine.alerts().iter().any(spray));
}
