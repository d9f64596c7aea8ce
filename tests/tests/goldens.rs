//! What the lab's captures and the sample estate become: counts per kind of activity and outcome, and of each kind the
//! fields that a detection reads. A change here is a change of what the product sees; look at it, then accept it with
//! `INSTA_UPDATE=always`.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use hopwatch_model::event::{BindMethod, Ticket};
use hopwatch_model::{Activity, Event, Outcome};
use hopwatch_tests::recording::Recording;
use hopwatch_tests::{lab, root, sample};

/// Distinct lines of one kind of activity that a golden lists; the rest is counted.
const LISTED: usize = 10;

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    found.sort();
    assert!(!found.is_empty(), "no {end} in {}", folder.display());
    found
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Unseen => String::from("unseen"),
        Outcome::Success => String::from("success"),
        Outcome::Failure(code) => format!("failure {code:#x}"),
    }
}

/// The etype of the issued ticket: of the ticket where it was seen, else as the log says.
fn etype(ticket: Option<&Ticket>, logged: Option<i32>) -> String {
    let number = ticket.map(|ticket| ticket.etype).or(logged);
    number.map_or_else(|| String::from("no ticket"), |number| format!("etype {number}"))
}

/// What a detection reads of an event, in a line; none where the kind alone says it.
fn fields(event: &Event) -> Option<String> {
    let line = match &event.activity {
        Activity::AsExchange(exchange) => {
            let preauthentication = if exchange.preauthenticated() { "proved" } else { "unproved" };
            format!(
                "{} {preauthentication}, {}",
                exchange.cname.name,
                etype(exchange.ticket.as_ref(), exchange.ticket_etype)
            )
        }
        Activity::TgsExchange(exchange) => {
            let s4u = exchange.for_user.as_ref().map(|user| format!(" for {}", user.name)).unwrap_or_default();
            format!("{}{s4u}, {}", exchange.sname.name, etype(exchange.ticket.as_ref(), exchange.ticket_etype))
        }
        Activity::TicketUse(usage) => format!("{} over {}", usage.ticket.sname.name, usage.carrier),
        Activity::NtlmLogon(logon) => {
            let who = event.actor.as_ref().map(|actor| actor.name.as_str()).unwrap_or_default();
            format!("{who} {:?} over {}", logon.version, logon.carrier)
        }
        Activity::Logon(logon) => format!("{:?} by {}", logon.logon_type, logon.package),
        Activity::LdapBind(bind) => match &bind.method {
            BindMethod::Simple { .. } => format!("simple {}", bind.name),
            other => format!("{other:?}"),
        },
        Activity::LdapSearch(search) => search.filter.chars().take(100).collect(),
        Activity::DirectoryChange(change) => format!("{} {:?}", change.attribute, change.operation),
        Activity::GroupChange(change) => format!("{} added {}", change.group.key(), change.added),
        Activity::AccountChange(change) => format!("{:?}", change.kind),
        Activity::RpcCall(call) => format!("{} {} {}", call.interface_name, call.opnum, call.operation),
        Activity::SmbSession(session) => session.dialect.clone(),
        Activity::SmbFile(file) => format!("{:?} {}", file.action, file.share),
        Activity::DnsQuery(query) => format!("type {}", query.qtype),
        Activity::SignIn(sign_in) => format!("{:?} {}", sign_in.kind, sign_in.application),
        Activity::Opaque(opaque) => format!("{:?}", opaque.protocol),
        Activity::Anomaly(anomaly) => format!("{}: {}", anomaly.protocol, anomaly.reason),
        _ => return None,
    };
    Some(line)
}

fn counted(lines: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn golden(recording: &Recording) -> String {
    let counters = recording.report.counters();
    let mut text = format!("{} read, {} events\n", counters.read, recording.collected.events.len());
    for (what, reasons) in [("ignored", &counters.ignored), ("dropped", &counters.dropped)] {
        for (reason, count) in reasons {
            writeln!(text, "{what} {count}: {reason}").unwrap();
        }
    }
    for (kind, events) in recording.activities() {
        let outcomes = counted(events.iter().map(|event| outcome(event.outcome)));
        let outcomes: Vec<_> = outcomes.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(text, "{kind}: {}", outcomes.join(", ")).unwrap();
        let mut lines = counted(events.iter().filter_map(|event| fields(event)));
        lines.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (line, count) in lines.iter().take(LISTED) {
            writeln!(text, "  {count} × {line}").unwrap();
        }
        if lines.len() > LISTED {
            writeln!(text, "  … {} more", lines.len() - LISTED).unwrap();
        }
    }
    text
}

/// One golden a file, all compared before any failure is told.
fn check(folder: &str, files: &[PathBuf]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut failed = Vec::new();
    for file in files {
        let recording = Recording::read(std::slice::from_ref(file));
        let name = file.file_name().unwrap().to_string_lossy().replace(".gz", "");
        assert_eq!(recording.report.exit_code(), 0, "{}", recording.report);
        let text = golden(&recording);
        let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            settings.bind(|| insta::assert_snapshot!(name.clone(), text));
        }));
        if compared.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "differ from their goldens: {}", failed.join(", "));
}

#[test]
fn the_labs_captures_become_the_events_on_record() {
    check("lab", &files(&lab(), ".pcap.gz"));
}

#[test]
fn the_labs_audit_logs_become_the_events_on_record() {
    check("lab", &files(&lab(), ".audit.jsonl.gz"));
}

#[test]
fn the_sample_estate_becomes_the_events_on_record() {
    let mut all = files(&sample(), ".pcap.gz");
    all.extend(files(&sample(), ".audit.jsonl.gz"));
    all.extend([sample().join("signins.csv"), sample().join("radius-accounting.txt")]);
    check("sample", &all);
}

#[test]
fn the_sample_estate_loads_whole() {
    let recording = Recording::read(&[sample()]);
    assert_eq!(recording.report.exit_code(), 0, "{}", recording.report);
    let told = |file: &&hopwatch_ingest::load::FileReport| file.bystander;
    let bystanders: Vec<_> = recording.report.files.iter().filter(told).map(|file| file.path.clone()).collect();
    assert!(
        bystanders.iter().all(|path| path.ends_with("README.md") || path.ends_with("story.json")),
        "{bystanders:?}"
    );
    assert!(!recording.collected.deltas.is_empty(), "no directory in the sample estate");
}

/// A golden whose input is gone would stand for something that is no longer looked at.
#[test]
fn every_golden_has_its_input() {
    for (folder, input) in [("lab", lab()), ("sample", sample())] {
        let goldens = root().join("tests/tests/snapshots").join(folder);
        for golden in files(&goldens, ".snap") {
            let name = golden.file_name().unwrap().to_string_lossy().replace(".snap", "");
            let plain = input.join(&name).exists();
            assert!(plain || input.join(format!("{name}.gz")).exists(), "{} has no input", golden.display());
        }
    }
}
