//! Running a server: what the doctor says, backups while it works, SQL, exports.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by a panic that it fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use hopwatch::auth::api_token;
use hopwatch::backup;
use hopwatch::config::Config;
use hopwatch::feed::{Feed, Spool, Upload};
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::{EventFilter, Role};
use hopwatch_detections::Mode;
use serde_json::Value;
use tokio::net::TcpListener;

fn lab(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lab").join(file)
}

fn hopwatch(arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("hopwatch"));
    command.args(arguments).env("HOPWATCH_TOKEN", "none").output().unwrap()
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn imported(folder: &Path, files: &[&str]) -> String {
    let data_dir = folder.join("data").to_str().unwrap().to_owned();
    for file in files {
        good(&hopwatch(&["import", lab(file).to_str().unwrap(), "--data-dir", &data_dir]));
    }
    data_dir
}

/// A server at work on a data folder.
async fn serve(data_dir: &str) -> (State, Feed) {
    let mut config = Config::default();
    config.server.data_dir = data_dir.into();
    let pipeline = Pipeline::open(config).await.unwrap();
    let state = State::clone(pipeline.state());
    (state, Feed::start(pipeline).unwrap())
}

async fn send(feed: &Feed, file: &str) {
    let spool = Spool::new(feed.incoming());
    let bytes = std::fs::copy(lab(file), spool.path()).unwrap();
    let upload = Upload { spool, bytes, name: file.into(), beside: false, mode: Mode::Judging };
    feed.file(upload).await.unwrap();
}

/// Every row of every table, as SQL tells them.
fn rows(data_dir: &str) -> BTreeMap<&'static str, String> {
    let tables = ["events", "alerts", "findings", "sources", "nodes", "edges"];
    let all = |table: &str| {
        good(&hopwatch(&["sql", &format!("SELECT * FROM {table} ORDER BY 1, 2, 3"), "--data-dir", data_dir]))
    };
    tables.into_iter().map(|table| (table, all(table))).collect()
}

#[test]
fn a_restored_folder_equals_the_one_that_was_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip", "dcsync.pcap.gz"]);
    good(&hopwatch(&["report", "--data-dir", &data_dir]));
    let (file, copy) = (folder.path().join("b.zip"), folder.path().join("copy"));
    let (file, copy) = (file.to_str().unwrap(), copy.to_str().unwrap());
    good(&hopwatch(&["backup", file, "--data-dir", &data_dir]));
    good(&hopwatch(&["restore", file, "--data-dir", copy]));
    let (before, after) = (rows(&data_dir), rows(copy));
    assert!(before["alerts"].contains("malicious-replication"));
    for (table, text) in &before {
        assert!(text == &after[table], "{table} differs");
    }
    let same = |name: &str| {
        std::fs::read(Path::new(&data_dir).join(name)).unwrap() == std::fs::read(Path::new(copy).join(name)).unwrap()
    };
    assert!(same("digest.key") && same("graph.checkpoint"));
    let reports = |dir: &str| std::fs::read_dir(Path::new(dir).join("reports")).unwrap().count();
    assert_eq!((reports(&data_dir), reports(copy)), (1, 1));
    // What is imported after a restore is known already.
    good(&hopwatch(&["import", lab("dcsync.pcap.gz").to_str().unwrap(), "--data-dir", copy]));
    assert_eq!(rows(copy)["events"], before["events"]);

    assert!(!hopwatch(&["restore", file, "--data-dir", copy]).status.success(), "nothing is written over");
    assert!(!hopwatch(&["backup", file, "--data-dir", &data_dir]).status.success(), "nor is an earlier backup");
    assert!(!hopwatch(&["backup", "x.zip", "--data-dir", "/no/such"]).status.success());
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip"]);
    let file = folder.path().join("b.zip");
    good(&hopwatch(&["backup", file.to_str().unwrap(), "--data-dir", &data_dir]));
    let whole = std::fs::read(&file).unwrap();
    let damaged = folder.path().join("d.zip");
    for at in [0, 100, whole.len() / 3, whole.len() / 2, whole.len() - 30] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        for bytes in [&bytes[..], &whole[..at]] {
            std::fs::write(&damaged, bytes).unwrap();
            let copy = folder.path().join("copy");
            let output = hopwatch(&["restore", damaged.to_str().unwrap(), "--data-dir", copy.to_str().unwrap()]);
            assert!(!output.status.success() || bytes.len() == whole.len() && rows_equal(&data_dir, &copy), "at {at}");
            std::fs::remove_dir_all(&copy).unwrap_or_default();
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}

/// A bit may lie where nothing is read of it: then what was restored is whole.
fn rows_equal(data_dir: &str, copy: &Path) -> bool {
    rows(data_dir) == rows(copy.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_working_server_disturbs_nothing_and_is_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip"]);
    let (state, feed) = serve(&data_dir).await;
    let files = ["dcsync.pcap.gz", "as-rep-roasting.pcap.gz", "brute-force-ntlm-vertical.pcap.gz"];
    let files = files.to_vec();
    let sender = {
        let (feed, files) = (feed.clone(), files.clone());
        tokio::spawn(async move {
            for file in files {
                send(&feed, file).await;
            }
        })
    };
    let mut backups = Vec::new();
    for number in 0..3 {
        let file = folder.path().join(format!("{number}.zip"));
        backup::write(Path::new(&data_dir), &file).await.unwrap();
        backups.push(file);
    }
    sender.await.unwrap();
    let last = folder.path().join("last.zip");
    backup::write(Path::new(&data_dir), &last).await.unwrap();
    let all = state.events.count(&EventFilter::default()).await.unwrap();
    assert!(all > 0, "the server went on");
    feed.stop().await;
    for (number, file) in backups.iter().chain([&last]).enumerate() {
        let copy = folder.path().join(format!("copy{number}"));
        backup::restore(file, &copy).unwrap();
        let (restored, feed) = serve(copy.to_str().unwrap()).await;
        for file in &files {
            send(&feed, file).await;
        }
        let events = restored.events.count(&EventFilter::default()).await.unwrap();
        let alerts = restored.store.alert_count(&hopwatch::store::AlertFilter::default()).await.unwrap();
        assert_eq!(events, all, "backup {number} goes on where it was taken");
        assert_eq!(alerts, state.store.alert_count(&hopwatch::store::AlertFilter::default()).await.unwrap());
        feed.stop().await;
    }
}

#[test]
fn sql_joins_events_with_the_graph_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip", "dcsync.pcap.gz"]);
    let ask = |statement: &str, more: &[&str]| {
        let mut arguments = vec!["sql", statement, "--data-dir", &data_dir];
        arguments.extend(more);
        hopwatch(&arguments)
    };
    let replication = "SELECT activity ->> 'operation' AS operation, count(*) AS calls FROM events WHERE what = 'rpc_call' \
                       GROUP BY 1 ORDER BY 2 DESC";
    let text = good(&ask(replication, &[]));
    assert!(text.starts_with("operation\tcalls\n") && text.contains("IDL_DRSGetNCChanges\t"), "{text}");
    let json = good(&ask("SELECT kind, count(*) AS n FROM nodes WHERE name = 'LAB.EXAMPLE'", &["--format", "json"]));
    let row: Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!((row["kind"].as_str(), row["n"].as_i64()), (Some("Domain"), Some(1)));
    let joined = good(&ask(
        "SELECT n.kind FROM events e JOIN nodes n ON lower(n.properties ->> 'samaccountname') = lower(e.actor) LIMIT 1",
        &["--format", "csv"],
    ));
    assert!(joined.starts_with("kind\r\n") || joined.starts_with("kind\n"), "{joined}");
    let exported = good(&hopwatch(&["graph", "export", "--data-dir", &data_dir])).lines().count();
    let counted = good(&ask("SELECT count(*) FROM edges WHERE holds_now", &["--format", "csv"]));
    assert_eq!(counted.lines().nth(1).unwrap(), exported.to_string());
    assert_eq!(good(&ask("SELECT id FROM events", &["--until", "2001-01-01T00:00:00Z"])), "id\n");

    let database = folder.path().join("data/hopwatch.db");
    let attach = format!("ATTACH '{}' AS d", database.display());
    for wrong in
        ["DELETE FROM events", "SELECT * FROM users", "SELEC 1", "INSERT INTO nodes VALUES (1)", "DROP TABLE alerts"]
    {
        let output = ask(wrong, &[]);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{wrong}");
    }
    drop(ask(&attach, &[]));
    assert_eq!(good(&ask("SELECT count(*) FROM alerts", &[])).lines().nth(1), Some("1"));
}

#[test]
fn every_form_of_export_holds_every_node_and_edge() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip"]);
    let export = |form: &str| good(&hopwatch(&["graph", "export", "--format", form, "--data-dir", &data_dir]));
    let edges = export("edges").lines().count();
    let opengraph: Value = serde_json::from_str(&export("opengraph")).unwrap();
    let nodes = opengraph["graph"]["nodes"].as_array().unwrap().len();
    let graphml = export("graphml");
    assert_eq!((graphml.matches("<node id=").count(), graphml.matches("<edge source=").count()), (nodes, edges));
    let cypher = export("neo4j");
    assert_eq!((cypher.matches("{id: '").count(), cypher.matches("{source: '").count()), (nodes, edges));
    assert!(cypher.lines().filter(|line| line.starts_with("UNWIND")).count() > 2);
    assert!(cypher.trim_end().ends_with(';'));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_the_same_of_a_folder_and_of_the_server_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = imported(folder.path(), &["directory.zip", "dcsync.pcap.gz"]);
    let output = hopwatch(&["doctor", "--data-dir", &data_dir, "--format", "json"]);
    let symptoms: Vec<Value> = serde_json::from_str(&good(&output)).unwrap();
    assert!(symptoms.iter().any(|symptom| symptom["check"] == "silent_controller"), "{symptoms:#?}");
    assert!(symptoms.iter().all(|symptom| !symptom["remedy"].as_str().unwrap().is_empty()));
    let text = good(&hopwatch(&["doctor", "--data-dir", &data_dir]));
    assert!(text.contains("do: ") && text.trim_end().ends_with("notices"), "{text}");
    let failing = hopwatch(&["doctor", "--data-dir", &data_dir, "--fail-on", "notice"]);
    assert_eq!(failing.status.code(), Some(1));
    let nowhere = hopwatch(&["doctor", "--data-dir", "/no/such"]);
    assert!(nowhere.status.code() == Some(1) && !nowhere.stderr.is_empty());

    let (state, feed) = serve(&data_dir).await;
    let (token, _) = api_token::create(&state.store, "t", Role::Viewer, Duration::from_secs(60)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(hopwatch::http::serve(State::clone(&state), listener, std::future::pending()));
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, token).unwrap();
    let asked = tokio::task::spawn_blocking(move || {
        let url = format!("http://{address}");
        let refused = hopwatch(&["doctor", "--server", &url]);
        let file = token_file.to_str().unwrap();
        (refused, hopwatch(&["doctor", "--server", &url, "--token-file", file, "--format", "json"]))
    });
    let (refused, answered) = asked.await.unwrap();
    assert!(!refused.status.success(), "a token that is none is refused");
    let asked: Vec<Value> = serde_json::from_str(&good(&answered)).unwrap();
    // A running server's clock makes old recordings late; all else is the same.
    let lasting = |symptoms: &[Value]| -> Vec<Value> {
        let mut lasting: Vec<Value> = symptoms
            .iter()
            .filter(|symptom| !symptom["text"].as_str().unwrap().starts_with("nothing came of it for"))
            .cloned()
            .collect();
        lasting.sort_by_key(ToString::to_string);
        lasting
    };
    assert_eq!(lasting(&asked), lasting(&symptoms));
    server.abort();
    feed.stop().await;
}
