//! The listeners over real sockets: what is sent becomes events in the history, what is refused is counted and answered as its
//! protocol asks, and every source has its standing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hopwatch::config::Config;
use hopwatch::feed::Feed;
use hopwatch::listeners;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::{EventFilter, SourceStatus};
use md5::{Digest, Md5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A port that is free for TCP and UDP.
fn port() -> SocketAddr {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.local_addr().unwrap()
}

async fn serve(folder: &Path, sources: &str) -> Result<(State, Feed), anyhow::Error> {
    let mut config = Config::parse(Path::new("hopwatch.toml"), sources).unwrap();
    config.server.data_dir = folder.join("data");
    let pipeline = Pipeline::open(config).await.unwrap();
    let state = Arc::clone(pipeline.state());
    let key = pipeline.key().unwrap();
    let feed = Feed::start(pipeline).unwrap();
    listeners::start(&state, &feed, &key).await?;
    Ok((state, feed))
}

/// Waits until a source's standing is as asked; a minute is patience, not a measure.
async fn standing(state: &State, name: &str, wanted: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
    let mut last = None;
    for _ in 0..1200 {
        let sources = state.store.sources().await.unwrap();
        let found = sources.into_iter().find(|source| source.name == name);
        match found {
            Some(found) if wanted(&found) => return found,
            other => last = other,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{last:?}");
}

const ASA: &str = "Group <g> User <ann> IP <203.0.113.7> AnyConnect parent session started.";

fn message(second: u32) -> String {
    format!("<166>Jan 05 2026 09:00:{second:02} fw1 : %ASA-6-113039: {ASA}")
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_comes_by_datagram_and_by_stream() {
    let folder = tempfile::tempdir().unwrap();
    let address = port();
    let sources = format!("[[sources]]\nname = \"firewall\"\nkind = \"syslog\"\nlisten = \"{address}\"\n");
    let (state, feed) = serve(folder.path(), &sources).await.unwrap();

    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    udp.send_to(message(1).as_bytes(), address).await.unwrap();
    udp.send_to(b"nothing that anybody knows", address).await.unwrap();
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let counted = message(2);
    tcp.write_all(format!("{} {counted}{}\n", counted.len(), message(3)).as_bytes()).await.unwrap();
    tcp.write_all(&vec![b'x'; 300 * 1024]).await.unwrap();
    tcp.write_all(format!("\n{}\n", message(4)).as_bytes()).await.unwrap();
    tcp.write_all(b"77 <166>cut").await.unwrap();
    drop(tcp);
    // A clock that is years ahead would take the detections' windows with it.
    udp.send_to(message(5).replace("2026", "2199").as_bytes(), address).await.unwrap();

    let status = standing(&state, "firewall", |status| status.read == 8).await;
    assert_eq!((status.kind.as_str(), status.events), ("syslog", 4));
    assert_eq!(status.dropped["syslog message is too long"], 1);
    assert_eq!(status.dropped["syslog message is cut off"], 1);
    assert_eq!(status.dropped["event from the future: the sender's clock is ahead"], 1);
    assert_eq!(state.events.count(&EventFilter::default()).await.unwrap(), 4);
    assert!(status.last_event_at.is_some());
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tls_listener_takes_senders_with_a_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    let address = port();
    let sources = format!(
        "[[sources]]\nname = \"relay\"\nkind = \"syslog\"\nlisten = \"{address}\"\n[sources.tls]\ncertificate_file = {:?}\n\
         key_file = {:?}\nclient_ca_file = {:?}\n",
        fixture("server.pem"),
        fixture("server.key"),
        fixture("ca.pem")
    );
    let (state, feed) = serve(folder.path(), &sources).await.unwrap();

    let mut stream = connect(address, true).await.unwrap();
    let text = message(1);
    stream.write_all(format!("{} {text}", text.len()).as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    // TLS 1.3 tells a client only with the first answer that its certificate was missed.
    if let Ok(mut refused) = connect(address, false).await {
        let _sent = refused.write_all(format!("{}\n", message(2)).as_bytes()).await.is_ok();
        assert!(!matches!(refused.read(&mut [0; 1]).await, Ok(1..)));
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(format!("{}\n", message(3)).as_bytes()).await.unwrap();

    let failed = |status: &SourceStatus| status.dropped.get("TLS handshake failed") == Some(&2);
    let status = standing(&state, "relay", |status| status.events == 1 && failed(status)).await;
    assert_eq!(status.read, 3);
    drop(stream);
    feed.stop().await;
}

async fn connect(address: SocketAddr, certified: bool) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if certified {
        let chain = vec![CertificateDer::from_pem_file(fixture("client.pem")).unwrap()];
        builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(fixture("client.key")).unwrap()).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// An Accounting-Request (RFC 2866 §3) of a start of ann's session.
fn accounting(identifier: u8, secret: &[u8]) -> Vec<u8> {
    let attributes = b"\x01\x05ann\x28\x06\0\0\0\x01\x2c\x04s1\x1f\x0d203.0.113.7\x37\x06\x69\x5b\x6e\xc0";
    let size = u16::try_from(20 + attributes.len()).unwrap().to_be_bytes();
    let head = [4, identifier, size[0], size[1]];
    let mut md5 = Md5::new();
    for part in [&head[..], &[0; 16], attributes, secret] {
        md5.update(part);
    }
    [&head[..], &md5.finalize()[..], attributes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn radius_accounting_is_answered_where_the_secret_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let address = port();
    let sources = format!(
        "[[sources]]\nname = \"vpn\"\nkind = \"radius\"\nlisten = \"{address}\"\nclients = [{{ address = \"127.0.0.1\", \
         secret_file = {secret:?} }}]\n"
    );
    let (state, feed) = serve(folder.path(), &sources).await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(&accounting(1, b"wrong"), address).await.unwrap();
    client.send_to(b"\x04\x01", address).await.unwrap();
    let request = accounting(2, b"s3cret");
    client.send_to(&request, address).await.unwrap();
    let mut answer = [0; 64];
    let size = tokio::time::timeout(Duration::from_secs(20), client.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!((size, &answer[..4]), (20, &[5, 2, 0, 20][..]), "the wrong secret was not answered");
    let mut md5 = Md5::new();
    for part in [&answer[..4], &request[4..20], b"s3cret"] {
        md5.update(part);
    }
    assert_eq!(answer[4..20], md5.finalize()[..]);
    let status = standing(&state, "vpn", |status| status.read == 3).await;
    assert_eq!((status.kind.as_str(), status.events), ("RADIUS accounting", 1));
    assert_eq!(status.dropped["RADIUS authenticator does not match the shared secret"], 1);
    assert_eq!(status.dropped["RADIUS packet malformed"], 1);
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_start_is_named_with_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let busy = format!("[[sources]]\nname = \"busy\"\nkind = \"syslog\"\nlisten = \"{address}\"\n");
    let keyless = format!(
        "[[sources]]\nname = \"keyless\"\nkind = \"syslog\"\nlisten = \"127.0.0.1:0\"\n[sources.tls]\ncertificate_file = {:?}\n\
         key_file = \"/nowhere/key.pem\"\n",
        fixture("server.pem")
    );
    let mute =
        "[[sources]]\nname = \"mute\"\nkind = \"radius\"\nlisten = \"127.0.0.1:0\"\nsecret_file = \"/nowhere/s\"\n";
    for (n, (sources, expect)) in
        [(busy.as_str(), address.to_string()), (&keyless, "/nowhere/key.pem".into()), (mute, "/nowhere/s".into())]
            .into_iter()
            .enumerate()
    {
        let error = serve(&folder.path().join(n.to_string()), sources).await.err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("source `") && error.contains(&expect), "{error}");
    }
}
