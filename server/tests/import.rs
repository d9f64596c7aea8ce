//! Files sent to a running server: by HTTP, and by the command line as users call it. The pipeline is the real one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::{Answer, PASSWORD, data, login, send};
use hopwatch::auth::{self, api_token};
use hopwatch::config::Config;
use hopwatch::feed::{Feed, Receipt};
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::{EventFilter, Role};
use serde_json::json;
use tokio::net::TcpListener;

/// The lab's fixtures, which are part of the repository.
fn lab(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/lab").join(file)
}

/// A server with its pipeline on a fresh folder.
struct Server {
    state: State,
    feed: Feed,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(mut config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        config.server.data_dir = folder.path().join("data");
        let pipeline = Pipeline::open(config).await.unwrap();
        let state = State::clone(pipeline.state());
        Self { feed: Feed::start(pipeline).unwrap(), state, folder }
    }

    async fn token(&self, role: Role) -> String {
        api_token::create(&self.state.store, "test", role, Duration::from_secs(60)).await.unwrap().0
    }

    async fn send(&self, token: &str, name: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/import/{name}")).header("authorization", format!("Bearer {token}"));
        send(&self.state, request.body(body.into()).unwrap()).await
    }

    async fn events(&self) -> u64 {
        self.state.events.count(&EventFilter::default()).await.unwrap()
    }

    /// Listens on loopback until the test ends.
    async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(hopwatch::http::serve(self.state.clone(), listener, std::future::pending()));
        address
    }
}

fn receipt(answer: &Answer) -> Receipt {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&answer.body)))
}

/// Calls the binary while the server of the test goes on.
async fn hopwatch(arguments: &[&str], token: &str) -> Output {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("hopwatch"));
    command.args(arguments).env("HOPWATCH_TOKEN", token);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_stored_judged_and_named() {
    let server = Server::start().await;
    let token = server.token(Role::Analyst).await;
    let directory = server.send(&token, "lab/directory.zip", std::fs::read(lab("directory.zip")).unwrap()).await;
    assert_eq!(directory.status, StatusCode::OK, "{}", directory.json());
    assert!(receipt(&directory).directory_parts > 0 && server.state.snapshot().node_count() > 100);
    let capture = std::fs::read(lab("dcsync.pcap.gz")).unwrap();
    let answer = server.send(&token, "lab/dcsync.pcap.gz", capture.clone()).await;
    let first = receipt(&answer);
    assert_eq!((answer.status, first.exit_code), (StatusCode::OK, 0));
    assert!(first.stored > 0 && first.stored == server.events().await);
    assert_eq!(first.files[0].path, "lab/dcsync.pcap.gz");
    server.feed.finish(hopwatch_detections::Mode::Judging).await.unwrap();

    auth::add_user(&server.state.store, "vic", Role::Viewer, PASSWORD).await.unwrap();
    let cookie = login(&server.state, "vic").await;
    let text = "{ alerts { nodes { detection evidence { source } } } \
                health { sources { name events firstEventAt lastEventAt } coverageGaps { subject reason count } } \
                overview { learning { detection ready progressPercent detail } } }";
    let seen = data(&server.state, &cookie, text, json!({})).await;
    let alerts = seen["alerts"]["nodes"].as_array().unwrap();
    let replication = alerts.iter().find(|alert| alert["detection"] == "malicious-replication").unwrap();
    assert_eq!(replication["evidence"][0]["source"], "lab/dcsync.pcap.gz", "records bear the sender's name");
    let sources = seen["health"]["sources"].as_array().unwrap();
    let source = sources.iter().find(|source| source["name"] == "lab/dcsync.pcap.gz").unwrap();
    assert!(source["firstEventAt"].as_str().unwrap() < source["lastEventAt"].as_str().unwrap(), "{source}");
    let gaps = seen["health"]["coverageGaps"].to_string();
    assert!(gaps.contains("DCE/RPC") || gaps.contains("name resolution"), "{gaps}");
    let learning = seen["overview"]["learning"].as_array().unwrap();
    assert_eq!(learning.len(), hopwatch_detections::ALL.len() + 2, "the baseline and the behaviour models, too");
    assert!(learning.iter().any(|row| row["ready"] == false) && learning.iter().any(|row| row["ready"] == true));

    let again = receipt(&server.send(&token, "lab/dcsync.pcap.gz", capture).await);
    assert_eq!((again.stored, again.repeated), (0, first.stored), "a second delivery changes nothing");
    assert_eq!(std::fs::read_dir(server.feed.incoming()).unwrap().count(), 0, "no received file stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused_with_the_reason() {
    let server = Server::start().await;
    let good = server.token(Role::Analyst).await;
    let refused = |answer: Answer| (answer.status, answer.json()["error"]["reason"].as_str().unwrap().to_owned());
    let (status, reason) = refused(server.send("hopwatch_wrong", "a.pcap", "x").await);
    assert_eq!((status, reason.as_str()), (StatusCode::UNAUTHORIZED, "the token is not known here"));
    let (status, reason) = refused(send(&server.state, Request::post("/import/a").body(Body::empty()).unwrap()).await);
    assert!(status == StatusCode::UNAUTHORIZED && reason.contains("Bearer"), "{reason}");
    let viewer = server.token(Role::Viewer).await;
    let (status, reason) = refused(server.send(&viewer, "a.pcap", "x").await);
    assert!(status == StatusCode::FORBIDDEN && reason.contains("viewer"), "{reason}");

    assert_eq!(
        server.send(&good, "a.pcap", "x").await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a good token is heard"
    );
    let id =
        server.state.store.api_tokens().await.unwrap().iter().find(|row| row.role == Role::Analyst).unwrap().id.clone();
    api_token::revoke(&server.state.store, &id).await.unwrap();
    let (status, reason) = refused(server.send(&good, "a.pcap", "x").await);
    assert_eq!((status, reason.as_str()), (StatusCode::UNAUTHORIZED, "the token was revoked"));
    let short = api_token::create(&server.state.store, "short", Role::Admin, Duration::ZERO).await.unwrap().0;
    let (status, reason) = refused(server.send(&short, "a.pcap", "x").await);
    assert_eq!((status, reason.as_str()), (StatusCode::UNAUTHORIZED, "the token has expired"));

    auth::add_user(&server.state.store, "ana", Role::Analyst, PASSWORD).await.unwrap();
    let cookie = login(&server.state, "ana").await;
    let by_session = |origin: &str| {
        let request = Request::post("/import/a").header("cookie", cookie.clone()).header("host", "here");
        request.header("origin", origin).body(Body::from("x")).unwrap()
    };
    assert_eq!(send(&server.state, by_session("http://here")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&server.state, by_session("http://evil")).await.status, StatusCode::FORBIDDEN);
    let stored = std::fs::read(server.folder.path().join("data/hopwatch.db")).unwrap();
    let holds = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(&good) && !holds(&viewer), "a token is kept as a digest only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_too_large_is_refused_however_it_is_sent() {
    let mut config = Config::default();
    config.server.import_bytes = 1000;
    let server = Server::with(config).await;
    let token = server.token(Role::Analyst).await;
    let announced = server.send(&token, "large", vec![b'x'; 1001]).await;
    assert_eq!(announced.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100]));
    let unannounced = server.send(&token, "large", Body::from_stream(futures_util::stream::iter(chunks))).await;
    assert_eq!(unannounced.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(unannounced.json()["error"]["reason"].as_str().unwrap().contains("1000"));
    assert_eq!(std::fs::read_dir(server.feed.incoming()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_at_the_same_time_come_in_a_row_and_a_bad_one_disturbs_none() {
    let names = ["dcsync.pcap.gz", "kerberoasting.pcap.gz", "pass-the-ticket.pcap.gz", "admin-work.audit.jsonl.gz"];
    let in_a_row = Server::start().await;
    let token = in_a_row.token(Role::Analyst).await;
    let mut wanted = 0;
    for name in names {
        wanted += receipt(&in_a_row.send(&token, name, std::fs::read(lab(name)).unwrap()).await).stored;
    }
    let server = Server::start().await;
    let token = server.token(Role::Analyst).await;
    let bad = server.send(&token, "bad.pcap", &b"\xd4\xc3\xb2\xa1cut"[..]);
    let [a, b, c, d] = names.map(|name| server.send(&token, name, std::fs::read(lab(name)).unwrap()));
    let (bad, a, b, c, d) = tokio::join!(bad, a, b, c, d);
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fault = receipt(&bad).files[0].error.clone().unwrap();
    assert!(!fault.code.is_empty() && !fault.reason.is_empty());
    let stored: u64 = [&a, &b, &c, &d].map(|answer| receipt(answer).stored).iter().sum();
    assert_eq!((stored, server.events().await), (wanted, wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cut_capture_lost_is_a_number_with_a_reason() {
    let mut config = Config::default();
    config.server.metrics = hopwatch::config::Metrics::Open;
    let server = Server::with(config).await;
    let token = server.token(Role::Analyst).await;
    let mut whole = Vec::new();
    let packed = std::fs::File::open(lab("dcsync.pcap.gz")).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(packed), &mut whole).unwrap();
    whole.truncate(whole.len() - 20);
    let answer = server.send(&token, "cut.pcap", whole).await;
    let cut = receipt(&answer);
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(cut.files[0].error.as_ref().map(|fault| fault.code.as_str()), Some("truncated"));
    assert!(cut.stored > 0 && server.events().await == cut.stored, "what precedes the cut is stored");
    let metrics = send(&server.state, Request::get("/metrics").body(Body::empty()).unwrap()).await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    let reason = cut.files[0].dropped.keys().next().unwrap();
    let has = |start: &str, rest: &str| metrics.lines().any(|line| line.starts_with(start) && line.contains(rest));
    assert!(has("hopwatch_records_dropped_total{", &format!("reason=\"{reason}\"")), "{metrics}");
    assert!(has("hopwatch_detection_entries{", "detection=\"kerberoasting\""), "{metrics}");
    assert!(has("hopwatch_watermark_lag_seconds", ""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sends_files_folders_and_zips() {
    let server = Server::start().await;
    let token = server.token(Role::Analyst).await;
    let url = format!("http://{}", server.listen().await);
    let logs = server.folder.path().join("logs/deep");
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::copy(lab("dcsync.audit.jsonl.gz"), logs.join("audit log.jsonl.gz")).unwrap();
    std::fs::write(logs.join("README"), "nothing to load").unwrap();
    let logs = server.folder.path().join("logs").display().to_string();
    let (zip, capture) = (lab("directory.zip").display().to_string(), lab("dcsync.pcap.gz").display().to_string());
    let output = hopwatch(&["import", &zip, &capture, &logs, "--server", &url], &token).await;
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(server.events().await > 0 && server.state.snapshot().node_count() > 100);
    let sources = server.state.store.sources().await.unwrap();
    assert!(sources.iter().any(|source| source.name.ends_with("logs/deep/audit log.jsonl.gz")), "{sources:?}");

    let bad = server.folder.path().join("bad.evtx");
    std::fs::write(&bad, b"ElfFile\0cut").unwrap();
    let bad = bad.display().to_string();
    let output = hopwatch(&["import", &bad, "/no/such/file", &capture, "--server", &url], &token).await;
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("bad.evtx") && text.contains("/no/such/file") && text.contains("(0 new)"), "{text}");

    let output = hopwatch(&["import", &capture, "--server", &url], "hopwatch_wrong").await;
    assert!(!output.status.success() && stderr(&output).contains("not known"), "{}", stderr(&output));
    let data_dir = server.state.store.data_dir().display().to_string();
    let output = hopwatch(&["import", &capture, "--data-dir", &data_dir], "").await;
    assert!(!output.status.success() && stderr(&output).contains("--server URL"), "{}", stderr(&output));

    let output = hopwatch(&["token", "create", "sensor", "--data-dir", &data_dir], "").await;
    let made = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let output = hopwatch(&["import", &capture, "--server", &url], &made).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let output = hopwatch(&["token", "list", "--data-dir", &data_dir], "").await;
    let list = String::from_utf8(output.stdout).unwrap();
    let id = list.lines().find(|line| line.ends_with("sensor")).unwrap().split(' ').next().unwrap();
    assert!(!list.contains(&made), "a token is shown once");
    assert!(hopwatch(&["token", "revoke", id, "--data-dir", &data_dir], "").await.status.success());
    let output = hopwatch(&["import", &capture, "--server", &url], &made).await;
    assert!(!output.status.success() && stderr(&output).contains("revoked"), "{}", stderr(&output));
}
