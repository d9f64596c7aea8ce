//! The command line as users know it: help, the catalogue, a manual page. Goldens, so that a change is seen.

use hopwatch_tests::binary::{run, stderr, stdout};

/// The version is the release's business.
fn golden(name: &str, arguments: &[&str]) {
    let output = run(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn help_names_every_command() {
    golden("help", &["--help"]);
}

#[test]
fn every_command_says_what_it_takes() {
    for command in ["import", "analyze", "events", "graph", "detections"] {
        golden(&format!("{command}-help"), &[command, "--help"]);
    }
}

#[test]
fn a_manual_page_is_the_detections_header() {
    golden("show-malicious-replication", &["detections", "show", "malicious-replication"]);
}

#[test]
fn the_list_has_a_line_a_detection() {
    let output = run(["detections", "list"]);
    let text = stdout(&output);
    let slugs: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let catalogue: Vec<_> = hopwatch_detections::ALL.iter().map(|factory| factory.meta().slug).collect();
    assert_eq!(slugs, catalogue);
}

#[test]
fn an_unknown_detection_is_refused_by_name() {
    let output = run(["detections", "show", "no-such-thing"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("no-such-thing"), "{}", stderr(&output));
}

#[test]
fn an_unknown_command_is_refused() {
    let output = run(["no-such-command"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).is_empty());
}
