//! Commands that answer from files and data folders: reports of an analysis, choke points, the graph of the past.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn lab(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lab").join(file)
}

fn hopwatch(arguments: &[&Path]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("hopwatch")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A data folder with the lab's directory.
fn imported(folder: &Path) -> PathBuf {
    let data_dir = folder.join("data");
    let directory = lab("directory.zip");
    let output = hopwatch(&["import".as_ref(), &directory, "--data-dir".as_ref(), &data_dir]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    data_dir
}

#[test]
fn an_analysis_writes_every_kind_of_report() {
    let folder = tempfile::tempdir().unwrap();
    let (html, xlsx) = (folder.path().join("out.html"), folder.path().join("out.xlsx"));
    let pdf = folder.path().join("out.pdf");
    let (capture, directory) = (lab("dcsync.pcap.gz"), lab("directory.zip"));
    let option = |name: &'static str| Path::new(name);
    let output = hopwatch(&[
        option("analyze"),
        &capture,
        option("--directory"),
        &directory,
        option("--report"),
        &html,
        option("--report"),
        &xlsx,
        option("--report"),
        &pdf,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("malicious-replication"), "the result is printed all the same");
    let pdf = std::fs::read(&pdf).unwrap();
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.len() > 2_000, "{} bytes", pdf.len());
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("malicious-replication"), "{page}");
    use calamine::Reader;
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&xlsx).unwrap();
    let cells: Vec<String> = book
        .sheet_names()
        .iter()
        .flat_map(|name| {
            let range = book.worksheet_range(name).unwrap();
            range.cells().map(|(_, _, cell)| cell.to_string()).collect::<Vec<_>>()
        })
        .collect();
    assert!(cells.iter().any(|cell| cell.contains("malicious-replication")));
    assert!(cells.iter().any(|cell| cell.contains("dcsync.pcap.gz")), "the sources are told");
}

#[test]
fn a_report_of_an_unknown_ending_is_refused_before_the_work() {
    let output = hopwatch(&["analyze".as_ref(), &lab("dcsync.pcap.gz"), "--report".as_ref(), "out.docx".as_ref()]);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(text(&output.stderr).contains(".html, .xlsx and .pdf"), "{}", text(&output.stderr));
}

#[test]
fn choke_points_of_the_lab_are_listed_the_best_first() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path());
    let ask = |more: &[&str]| {
        let mut arguments: Vec<&Path> = ["graph", "choke-points"].map(Path::new).to_vec();
        arguments.extend(more.iter().map(Path::new));
        arguments.extend([Path::new("--data-dir"), &data_dir]);
        hopwatch(&arguments)
    };
    let output = ask(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let all = text(&output.stdout);
    let cut = |line: &str| -> u64 {
        line.split("cuts off ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
    };
    let cuts: Vec<u64> = all.lines().map(cut).collect();
    assert!(!cuts.is_empty() && cuts.is_sorted_by(|a, b| a >= b) && cuts[0] > 0, "{all}");
    let one = text(&ask(&["--limit", "1"]).stdout);
    assert_eq!(one.lines().collect::<Vec<_>>(), all.lines().take(1).collect::<Vec<_>>());
    let before = ask(&["--as-of", "2001-01-01T00:00:00Z"]);
    assert_eq!(before.status.code(), Some(1), "before anything was known there is none");
    assert!(!text(&before.stderr).is_empty());
    let wrong = ask(&["--as-of", "yesterday"]);
    assert!(text(&wrong.stderr).contains("RFC 3339"), "{}", text(&wrong.stderr));
}

#[test]
fn a_path_may_be_asked_by_options_and_of_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path());
    let ask = |more: &[&str]| {
        let mut arguments: Vec<&Path> = vec![Path::new("graph")];
        arguments.extend(more.iter().map(Path::new));
        arguments.extend([Path::new("--data-dir"), &data_dir]);
        hopwatch(&arguments)
    };
    let placed = ask(&["path", "Administrator", "Domain Admins"]);
    let named = ask(&["path", "--from", "Administrator", "--to", "Domain Admins"]);
    assert!(placed.status.success(), "{}", text(&placed.stderr));
    assert_eq!(placed.stdout, named.stdout);
    let edges = |as_of: &str| text(&ask(&["export", "--as-of", as_of]).stdout).lines().count();
    assert_eq!(edges("2001-01-01T00:00:00Z"), 0);
    assert!(edges("2999-01-01T00:00:00Z") > 100);
}
