//! Sensors and the server's end of them: batches with a token and with a certificate, sent twice, out of order, by the
//! wrong sensor, while the server is away; and the sensor as users call it, on a virtual interface.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::{Answer, at, send};
use hopwatch::auth::api_token;
use hopwatch::config::{Config, Sensors};
use hopwatch::feed::Feed;
use hopwatch::http::mutual;
use hopwatch::pipeline::Pipeline;
use hopwatch::sensor::spool::Spool;
use hopwatch::sensor::uplink::{Credentials, Uplink};
use hopwatch::sensor::{Batch, Health};
use hopwatch::state::State;
use hopwatch::store::{EventFilter, Role};
use hopwatch_ingest::capture::{self, Config as CaptureConfig};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{Counters, DigestKey};

/// A server with its pipeline on a fresh folder.
struct Server {
    state: State,
    #[allow(dead_code, reason = "the pipeline works while it is held")]
    feed: Feed,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data_dir = folder.path().join("data");
        let pipeline = Pipeline::open(config).await.unwrap();
        let state = State::clone(pipeline.state());
        Self { feed: Feed::start(pipeline).unwrap(), state, folder }
    }

    async fn token(&self, role: Role) -> String {
        api_token::create(&self.state.store, "test", role, Duration::from_secs(60)).await.unwrap().0
    }

    async fn send(&self, token: &str, place: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(format!("/sensor/{place}")).header("authorization", format!("Bearer {token}"));
        send(&self.state, request.body(Body::from(body)).unwrap()).await
    }

    async fn events(&self) -> u64 {
        self.state.events.count(&EventFilter::default()).await.unwrap()
    }
}

/// The events of a recorded capture, in so many batches.
fn batches(count: usize) -> (Vec<Vec<u8>>, u64) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab/kerberoasting.pcap.gz");
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let config = CaptureConfig::new(DigestKey::one_shot());
    capture::read_file(std::fs::File::open(path).unwrap(), "s", &config, &mut sink, &mut counters).unwrap();
    let mut health = Health { interface: "eth0".into(), ..Health::default() };
    health.count(&counters);
    let size = sink.events.len().div_ceil(count);
    let pack = |events: &[hopwatch_model::Event]| {
        Batch { health: health.clone(), events: events.to_vec(), unread: 0 }.pack().unwrap()
    };
    (sink.events.chunks(size).map(pack).collect(), u64::try_from(sink.events.len()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_taken_once_and_its_sensor_stands_among_the_sources() {
    let server = Server::start().await;
    let token = server.token(Role::Analyst).await;
    let (batches, events) = batches(1);
    let first = server.send(&token, "dc1/7/1", batches[0].clone()).await;
    assert_eq!((first.status, first.json()["stored"].as_u64()), (StatusCode::OK, Some(events)));
    let second = server.send(&token, "dc1/7/1", batches[0].clone()).await;
    assert_eq!((second.status, second.json()["repeated"].as_bool()), (StatusCode::OK, Some(true)));
    // Another run of the sensor sends the same events: their digests are known.
    let third = server.send(&token, "dc1/8/1", batches[0].clone()).await;
    assert_eq!((third.status, third.json()["stored"].as_u64()), (StatusCode::OK, Some(0)));
    assert_eq!(server.events().await, events);
    let sources = server.state.store.sources().await.unwrap();
    let sensor = sources.iter().find(|source| source.name == "sensor:dc1").unwrap();
    assert_eq!((sensor.kind.as_str(), sensor.events), ("sensor", events));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_or_comes_from_nobody_is_refused() {
    let server = Server::start().await;
    let (analyst, viewer) = (server.token(Role::Analyst).await, server.token(Role::Viewer).await);
    let (batches, _) = batches(1);
    let cases: [(&str, &str, Vec<u8>, StatusCode); 6] = [
        ("", "dc1/7/1", batches[0].clone(), StatusCode::UNAUTHORIZED),
        (&viewer, "dc1/7/1", batches[0].clone(), StatusCode::FORBIDDEN),
        (&analyst, "dc1/7/1", b"rubbish".to_vec(), StatusCode::UNPROCESSABLE_ENTITY),
        (&analyst, "dc1/7/1", batches[0][..batches[0].len() / 2].to_vec(), StatusCode::UNPROCESSABLE_ENTITY),
        (&analyst, "dc1/7/0", batches[0].clone(), StatusCode::BAD_REQUEST),
        (&analyst, "d%20c/7/1", batches[0].clone(), StatusCode::BAD_REQUEST),
    ];
    for (token, place, body, status) in cases {
        assert_eq!(server.send(token, place, body).await.status, status, "{place}");
    }
    assert_eq!(server.events().await, 0);
}

/// An authority with a server's certificate and those of two sensors, as PEM files in a folder.
fn certificates(folder: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        std::fs::write(folder.join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        Issuer::new(params, key)
    };
    let (ours, foreign) = (authority("ours"), authority("foreign"));
    for (name, issuer) in [("server", &ours), ("dc1", &ours), ("dc2", &ours), ("stranger", &foreign)] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn uplink(folder: &Path, address: SocketAddr, sensor: &str, certificate: &str) -> Uplink {
    let file = |end: &str| folder.join(format!("{certificate}.{end}"));
    let credentials = Credentials {
        certificate: Some((file("pem"), file("key"))),
        authority: Some(folder.join("ours.pem")),
        token: None,
    };
    Uplink::new(&format!("https://localhost:{}", address.port()), sensor, &credentials).unwrap()
}

fn listening(folder: &Path, port: u16) -> Sensors {
    Sensors {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_authority: folder.join("ours.pem"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_with_its_certificate_is_let_in_and_nobody_else() {
    let server = Server::start().await;
    let folder: PathBuf = server.folder.path().into();
    certificates(&folder);
    let address = mutual::serve(&server.state, &listening(&folder, 0)).await.unwrap();
    let (batches, events) = batches(3);
    let spool = Spool::open(&folder.join("spool"), 1 << 30, at(0)).unwrap();
    for batch in &batches {
        spool.push(batch).unwrap();
    }
    // Of another authority; another sensor's name; no certificate at all.
    assert!(uplink(&folder, address, "stranger", "stranger").drain(&spool).await.is_err());
    let error = uplink(&folder, address, "dc1", "dc2").drain(&spool).await.unwrap_err();
    assert!(format!("{error:#}").contains("the certificate is that of dc2"), "{error:#}");
    let credentials =
        Credentials { authority: Some(folder.join("ours.pem")), token: Some("t".into()), ..Credentials::default() };
    let bare = Uplink::new(&format!("https://localhost:{}", address.port()), "dc1", &credentials);
    assert!(bare.unwrap().drain(&spool).await.is_err());
    assert_eq!(server.events().await, 0);
    assert!(spool.bytes() > 0, "what was not taken waits");
    uplink(&folder, address, "dc1", "dc1").drain(&spool).await.unwrap();
    assert_eq!((server.events().await, spool.bytes()), (events, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spooled_while_the_server_was_away_arrives_when_it_is_back() {
    let server = Server::start().await;
    let folder: PathBuf = server.folder.path().into();
    certificates(&folder);
    // A port on which nobody listens yet.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (batches, events) = batches(2);
    let spool = std::sync::Arc::new(Spool::open(&folder.join("spool"), 1 << 30, at(0)).unwrap());
    for batch in &batches {
        spool.push(batch).unwrap();
    }
    let mut way = uplink(&folder, address, "dc1", "dc1");
    assert!(way.drain(&spool).await.is_err());
    let sending = tokio::spawn({
        let spool = std::sync::Arc::clone(&spool);
        async move { way.run(&spool, &tokio::sync::Notify::new()).await }
    });
    mutual::serve(&server.state, &listening(&folder, port)).await.unwrap();
    let arrived = async {
        while spool.bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived).await.unwrap();
    sending.abort();
    assert_eq!(server.events().await, events);
}

/// A pair of virtual interfaces; gone when dropped.
struct Pair(String, String);

impl Pair {
    fn new() -> Option<Self> {
        let number = std::process::id() % 10_000;
        let pair = Self(format!("hwsa{number}"), format!("hwsb{number}"));
        let ip = |arguments: &[&str]| {
            std::process::Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
        };
        let made = ip(&["link", "add", &pair.0, "type", "veth", "peer", "name", &pair.1]);
        for end in [&pair.0, &pair.1] {
            let _quiet = std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1").is_ok();
        }
        (made && ip(&["link", "set", &pair.0, "up"]) && ip(&["link", "set", &pair.1, "up"])).then_some(pair)
    }

    /// Sends the frames of a recorded capture into one end, until it is told to stop.
    fn replay(&self, stop: &std::sync::atomic::AtomicBool) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab/kerberoasting.pcap.gz");
        let program = "import gzip,socket,struct,sys,time\n\
            s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind((sys.argv[1],0))\n\
            d=gzip.open(sys.argv[2]).read();o=24\n\
            while o+16<=len(d):\n\
            \x20n=struct.unpack('<I',d[o+8:o+12])[0];s.send(d[o+16:o+16+n]);o+=16+n;time.sleep(0.0002)\n";
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let sent = std::process::Command::new("python3").args(["-c", program, &self.0, path]).status();
            assert!(sent.is_ok_and(|status| status.success()), "python3 sends the frames");
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _gone = std::process::Command::new("ip").args(["link", "del", &self.0]).output().is_ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_captures_and_sends_until_it_is_stopped() {
    let Some(pair) = Pair::new() else {
        eprintln!("skipped: virtual interfaces need root and `ip`");
        return;
    };
    let server = Server::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(hopwatch::http::serve(State::clone(&server.state), listener, std::future::pending()));
    let token = server.folder.path().join("token");
    std::fs::write(&token, server.token(Role::Analyst).await).unwrap();
    let mut sensor = std::process::Command::new(env!("CARGO_BIN_EXE_hopwatch"))
        .args(["capture", "--interface", &pair.1, "--name", "dc1", "--to", &format!("http://{address}")])
        .args(["--token-file".as_ref(), token.as_os_str(), "--spool".as_ref()])
        .arg(server.folder.path().join("spool"))
        .spawn()
        .unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // The sensor takes a moment to open its ring: the frames are sent again until their events arrive.
        scope.spawn(|| pair.replay(&stop));
        let runtime = tokio::runtime::Handle::current();
        let arrived = async {
            while server.events().await == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let arrived =
            tokio::task::block_in_place(|| runtime.block_on(tokio::time::timeout(Duration::from_secs(30), arrived)));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        arrived.expect("events of the sensor arrive");
    });
    let told = std::process::Command::new("kill").args(["-TERM", &sensor.id().to_string()]).status().unwrap();
    assert!(told.success() && sensor.wait().unwrap().success(), "it ends well when it is told to");
    let sources = server.state.store.sources().await.unwrap();
    let standing = sources.iter().find(|source| source.name == "sensor:dc1").unwrap();
    assert!(standing.read > 0 && standing.events > 0, "{standing:?}");
    assert!(Spool::open(&server.folder.path().join("spool"), 1, at(0)).unwrap().bytes() == 0, "nothing is left behind");
}
