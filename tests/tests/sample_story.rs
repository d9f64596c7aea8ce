//! The story of the sample estate: Monday to Thursday are learned from, Friday is judged by the real command as one
//! recording. Every act that must be detected is, by an alert that points into the act's own files; nothing else is told.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; the table is shown")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use hopwatch_tests::recording::file_name;
use hopwatch_tests::truth::{Expectation, Outcome, group, json, listed};
use hopwatch_tests::{binary, sample};
use serde_json::Value;

/// Something that happened in the story.
struct Act {
    name: String,
    time: String,
    files: BTreeSet<String>,
    expectation: Expectation,
}

/// An alert as the command prints it.
struct Told {
    slug: String,
    last_at: String,
    files: BTreeSet<String>,
    explanation: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().map(|items| items.iter().map(text).collect()).unwrap_or_default()
}

/// A time in ISO 8601 to the second, which compares as text.
fn time(value: &Value) -> String {
    value.as_str().unwrap().chars().take("2026-11-13T09:20:00".len()).collect()
}

fn acts() -> Vec<Act> {
    let story = json(&sample().join("story.json"));
    let acts = story["acts"].as_array().unwrap().iter().map(|act| Act {
        name: text(&act["act"]),
        time: time(&act["time"]),
        files: list(&act["audit"]).into_iter().chain([text(&act["file"])]).collect(),
        expectation: Expectation {
            must: list(&act["expect"]).iter().map(|slugs| group(slugs, '|')).collect(),
            may: list(&act["may"]).into_iter().collect(),
        },
    });
    acts.collect()
}

fn told(value: &Value) -> Told {
    let evidence = value["evidence"].as_array().unwrap();
    Told {
        slug: text(&value["detection"]),
        last_at: time(&value["lastTime"]),
        files: evidence.iter().map(|item| file_name(item["source"].as_str().unwrap()).to_owned()).collect(),
        explanation: text(&value["explanation"]),
    }
}

/// Whether an alert speaks of an act: it rests on records of its files, and does not end before it.
fn speaks_of(alert: &Told, act: &Act) -> bool {
    !alert.files.is_disjoint(&act.files) && alert.last_at >= act.time
}

fn week() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(sample()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let friday = |path: &PathBuf| name(path).starts_with("2026-11-13");
    let (friday, before): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().filter(|path| name(path).starts_with("2026-11-")).partition(friday);
    (before, friday)
}

#[test]
fn the_week_is_told_act_by_act() {
    let (before, friday) = week();
    let mut command = binary::hopwatch();
    command.arg("analyze").args(&friday).args([sample().join("signins.csv"), sample().join("radius-accounting.txt")]);
    command.arg("--directory").arg(sample().join("directory.zip"));
    for file in &before {
        command.arg("--history").arg(file);
    }
    let output = command.args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", binary::stderr(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let values = ["alerts", "findings"].into_iter().flat_map(|list| printed[list].as_array().unwrap());
    let alerts: Vec<Told> = values.map(told).collect();
    let acts = acts();

    let mut wrong = Vec::new();
    let (mut good, mut not_built) = (0, 0);
    for act in acts.iter().filter(|act| !act.expectation.must.is_empty()) {
        let fired: BTreeSet<String> =
            alerts.iter().filter(|alert| speaks_of(alert, act)).map(|alert| alert.slug.clone()).collect();
        // What fired beyond the act is judged below, since acts share files.
        let own = Expectation { must: act.expectation.must.clone(), may: fired.clone() };
        let verdict = match own.compare(&fired) {
            Outcome::Good => {
                good += 1;
                String::from("as expected")
            }
            Outcome::NotBuilt(missing) => {
                not_built += 1;
                format!("not built: {missing}")
            }
            Outcome::Wrong(why) => {
                wrong.push(format!("{}: {why}", act.name));
                format!("WRONG: {why}")
            }
        };
        println!("  {:<26} {:<52} {:<44} {verdict}", act.name, act.expectation.wanted(), listed(&fired));
    }
    for alert in &alerts {
        let explained = acts.iter().any(|act| {
            let expectation = &act.expectation;
            let allowed = expectation.may.contains(&alert.slug)
                || expectation.must.iter().any(|group| group.contains(&alert.slug));
            allowed && speaks_of(alert, act)
        });
        if !explained {
            wrong.push(format!("{} too: {}", alert.slug, alert.explanation));
        }
    }
    println!("{good} acts as expected, {not_built} not built, {} alerts", alerts.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The honest days alone, each judged with the others as its history, raise no alert of an attack.
#[test]
fn an_honest_day_raises_nothing_beyond_what_the_story_allows() {
    let (before, _) = week();
    let thursday = |path: &PathBuf| path.to_string_lossy().contains("thursday");
    let (judged, history): (Vec<PathBuf>, Vec<PathBuf>) = before.into_iter().partition(thursday);
    let mut command = binary::hopwatch();
    command.arg("analyze").args(&judged).arg("--directory").arg(sample().join("directory.zip"));
    for file in &history {
        command.arg("--history").arg(file);
    }
    let output = command.args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", binary::stderr(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let act = acts().into_iter().find(|act| act.name == "thursday").unwrap();
    for alert in ["alerts", "findings"].into_iter().flat_map(|list| printed[list].as_array().unwrap()) {
        let alert = told(alert);
        assert!(act.expectation.may.contains(&alert.slug), "{}: {}", alert.slug, alert.explanation);
    }
}
