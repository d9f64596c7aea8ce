//! Hand-made samples of each source become the events on record.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};

use hopwatch_ingest::DigestKey;
use hopwatch_ingest::load::{self, Config, Quiet, Report};
use hopwatch_ingest::sink::Collected;
use hopwatch_model::{Event, Timestamp};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn load(name: &str) -> (Vec<Event>, Report) {
    let mut sink = Collected::default();
    let config = Config::new(DigestKey::one_shot(), Timestamp::from_secs(0));
    let report = load::paths(&[fixture(name)], &config, &mut sink, &Quiet);
    for event in &mut sink.events {
        event.provenance.source = Path::new(&*event.provenance.source).file_name().unwrap().to_string_lossy().into();
    }
    (sink.events, report)
}

fn check(name: &str, snapshot: &str) {
    let (events, report) = load(name);
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("canary-secret"), "a secret is in an event");
    let counters = report.counters();
    insta::assert_json_snapshot!(
        snapshot,
        serde_json::json!({ "events": events, "read": counters.read, "ignored": counters.ignored, "dropped": counters.dropped })
    );
}

#[test]
fn windows_events_of_every_id_become_events() {
    check("windows/security.xml", "windows");
}

#[test]
fn samba_audit_records_become_events() {
    check("samba/audit.log", "samba");
}

#[test]
fn sign_ins_of_every_provider_become_events() {
    check("signin/providers.json", "providers");
}

#[test]
fn a_table_of_ones_own_becomes_sign_ins() {
    check("signin/own.csv", "own");
}

#[test]
fn radius_logs_become_sign_ins() {
    check("radius/detail", "radius_detail");
    check("radius/nps.log", "nps_rows");
    check("radius/nps.xml", "nps_xml");
}

#[test]
fn syslog_of_siems_and_vpns_becomes_events() {
    check("syslog/siem.log", "syslog_siem");
    check("syslog/vpn.log", "syslog_vpn");
}

/// Six forms of one validation differ in nothing that a detection reads.
#[test]
fn every_siem_form_gives_the_same_validation() {
    let (events, _) = load("syslog/siem.log");
    let validations: Vec<&Event> = events.iter().filter(|e| e.provenance.event_id == Some(4776)).collect();
    assert_eq!(validations.len(), 6, "{events:?}");
    for event in &validations {
        let told = (event.time, &event.actor, &event.source, &event.target, event.outcome, &event.activity);
        let first = validations[0];
        let expect = (first.time, &first.actor, &first.source, &first.target, first.outcome, &first.activity);
        assert_eq!(told, expect, "{}", event.provenance.record);
    }
}

#[test]
fn zeek_rows_become_the_events_of_our_own_analysers() {
    check("zeek/tsv", "zeek");
}

/// Whether Zeek wrote tables or JSON must not matter.
#[test]
fn both_forms_of_zeeks_logs_give_the_same_events() {
    let plain = |name: &str| {
        let (mut events, _) = load(name);
        for event in &mut events {
            event.provenance.digest = 0;
            event.provenance.record = hopwatch_model::Record::Item(0);
        }
        events
    };
    let (tables, objects) = (plain("zeek/tsv"), plain("zeek/json"));
    assert!(tables.len() > 30, "{}", tables.len());
    for (table, object) in tables.iter().zip(&objects) {
        assert_eq!(table, object);
    }
    assert_eq!(tables.len(), objects.len());
}

#[test]
fn one_record_is_the_same_event_in_every_carrier() {
    let (events, report) = load("windows/carriers");
    assert_eq!(report.exit_code(), 0, "{report}");
    let plain = |event: &Event| {
        let mut event = event.clone();
        event.provenance.record = hopwatch_model::Record::Item(0);
        event.provenance.source = "".into();
        event
    };
    let first = plain(&events[0]);
    assert_eq!(events.len(), report.files.len(), "{report}");
    for event in &events {
        assert_eq!(plain(event), first, "{}", event.provenance.source);
    }
}
