//! Every scenario of the lab gives exactly the detections of `tests/fixtures/lab/expected.tsv`: from the capture alone,
//! and from the audit logs alone where those can show the act. The benign scenarios are the history of the others and
//! must give nothing themselves.
//!
//! A scenario whose detections are not in the catalogue is told as not built. What it raises beside is judged all the same.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; the table is shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hopwatch_tests::recording::{Recording, judge, slugs};
use hopwatch_tests::truth::{Expectation, Outcome, group, listed};
use hopwatch_tests::{binary, lab};

/// A row of `expected.tsv`.
struct Scenario {
    name: String,
    expectation: Expectation,
    benign: bool,
    /// What the audit logs show instead, where they cannot show the act.
    unlogged: Option<Unlogged>,
}

/// A row of `unlogged.tsv`.
#[derive(Clone)]
struct Unlogged {
    /// Why the logs cannot show the act.
    reason: String,
    /// The detections that what they do show must raise.
    shows: BTreeSet<String>,
}

fn table(file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(lab().join(file)).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn scenarios() -> Vec<Scenario> {
    let unseen = |row: &[String]| Unlogged { reason: row[1].clone(), shows: group(&row[2], '|') };
    let unlogged: BTreeMap<String, Unlogged> =
        table("unlogged.tsv").iter().map(|row| (row[0].clone(), unseen(row))).collect();
    let row = |row: Vec<String>| {
        let benign = row[3].starts_with("benign");
        let must = group(&row[1], '|');
        let mut may = group(&row[2], ',');
        if !benign {
            // Weaknesses that the tools of an attack show in passing are findings of their own right.
            may.extend(["weak-protocol".to_owned(), "cleartext-credentials".to_owned()]);
        }
        let must = if must.is_empty() { Vec::new() } else { vec![must] };
        let unlogged = unlogged.get(&row[0]).cloned();
        Scenario { name: row[0].clone(), expectation: Expectation { must, may }, benign, unlogged }
    };
    let scenarios: Vec<_> = table("expected.tsv").into_iter().map(row).collect();
    for name in unlogged.keys() {
        assert!(scenarios.iter().any(|scenario| scenario.name == *name), "unlogged.tsv names {name}, which is none");
    }
    scenarios
}

fn existing(name: &str, ends: &[&str]) -> Vec<PathBuf> {
    ends.iter().map(|end| lab().join(format!("{name}{end}"))).filter(|path| path.exists()).collect()
}

const CAPTURE: &[&str] = &[".pcap.gz"];
const AUDIT: &[&str] = &[".audit.jsonl.gz", ".srv1.audit.jsonl.gz"];

/// Runs `work` for every index below `count` on all processors.
fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let result = work(index);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// Judges every scenario by the files that end so; `None` where it has none.
fn judged(scenarios: &[Scenario], ends: &[&str]) -> Vec<Option<BTreeSet<String>>> {
    let directory = Recording::read(&[lab().join("directory.zip")]);
    let recordings: Vec<Option<Recording>> = scenarios
        .iter()
        .map(|scenario| {
            let files = existing(&scenario.name, ends);
            (!files.is_empty()).then(|| Recording::read(&files))
        })
        .collect();
    in_parallel(scenarios.len(), |index| {
        let benign = |other: &usize| *other != index && scenarios[*other].benign;
        let others = (0..scenarios.len()).filter(benign);
        let history: Vec<&Recording> = others.filter_map(|other| recordings[other].as_ref()).collect();
        let own = recordings[index].as_ref()?;
        Some(slugs(&judge(&[&directory], &history, &[own])))
    })
}

/// Prints the table and fails where a row is wrong.
fn check(view: &str, rows: Vec<(&Scenario, BTreeSet<String>, Outcome)>) {
    let (mut good, mut not_built, mut wrong) = (0, 0, Vec::new());
    println!("{view}");
    for (scenario, fired, outcome) in rows {
        let verdict = match outcome {
            Outcome::Good => {
                good += 1;
                String::from("as expected")
            }
            Outcome::NotBuilt(missing) => {
                not_built += 1;
                format!("not built: {missing}")
            }
            Outcome::Wrong(why) => {
                wrong.push(format!("{}: {why}", scenario.name));
                format!("WRONG: {why}")
            }
        };
        println!("  {:<38} {:<52} {:<44} {verdict}", scenario.name, scenario.expectation.wanted(), listed(&fired));
    }
    println!("{view}: {good} as expected, {not_built} not built, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{view}: {}", wrong.join("; "));
}

#[test]
fn every_capture_gives_its_detections_and_no_others() {
    let scenarios = scenarios();
    let fired = judged(&scenarios, CAPTURE);
    let rows = scenarios.iter().zip(fired).map(|(scenario, fired)| {
        let fired = fired.unwrap_or_else(|| panic!("{} has no capture", scenario.name));
        let outcome = scenario.expectation.compare(&fired);
        (scenario, fired, outcome)
    });
    check("from the capture", rows.collect());
}

#[test]
fn every_audit_log_gives_its_detections_and_no_others() {
    let scenarios = scenarios();
    let fired = judged(&scenarios, AUDIT);
    let mut unlogged = Vec::new();
    let mut rows = Vec::new();
    for (scenario, fired) in scenarios.iter().zip(fired) {
        let Some(fired) = fired else { continue };
        let outcome = match &scenario.unlogged {
            Some(unseen) => {
                unlogged.push(format!("{}: {}", scenario.name, unseen.reason));
                // What the log shows instead must fire, and nothing else; the act itself, which it was thought not to
                // show, is a row to take out.
                let must = if unseen.shows.is_empty() { Vec::new() } else { vec![unseen.shows.clone()] };
                Expectation { must, may: scenario.expectation.may.clone() }.compare(&fired)
            }
            None => scenario.expectation.compare(&fired),
        };
        rows.push((scenario, fired, outcome));
    }
    println!("the logs cannot show: {}", unlogged.join("; "));
    check("from the audit logs", rows);
}

/// What the suite computes in memory is what the command prints.
#[test]
fn the_command_says_the_same_as_the_suite() {
    let scenarios = scenarios();
    let directory = lab().join("directory.zip");
    let read = |name: &str| Recording::read(&existing(name, CAPTURE));
    let history: Vec<String> =
        scenarios.iter().filter(|scenario| scenario.benign).map(|scenario| scenario.name.clone()).collect();
    for name in ["dcsync", "brute-force-kerberos-vertical"] {
        let recordings: Vec<Recording> = history.iter().map(|name| read(name)).collect();
        let own = read(name);
        let expected = judge(
            &[&Recording::read(std::slice::from_ref(&directory))],
            &recordings.iter().collect::<Vec<_>>(),
            &[&own],
        );
        let mut command = binary::hopwatch();
        command.arg("analyze").args(existing(name, CAPTURE)).arg("--directory").arg(&directory);
        for benign in &history {
            command.arg("--history").args(existing(benign, CAPTURE));
        }
        let output = command.args(["--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", binary::stderr(&output));
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = printed["alerts"].as_array().unwrap().iter().chain(printed["findings"].as_array().unwrap());
        let told: BTreeSet<_> = all.map(|alert| alert["explanation"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, expected.iter().map(|alert| alert.explanation.clone()).collect(), "{name}");
        assert!(!told.is_empty(), "{name} gives no alert");
    }
}
