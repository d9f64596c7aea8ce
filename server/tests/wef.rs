//! Windows event forwarding as a Windows host speaks it: a client with a certificate asks for subscriptions, beats, sends
//! events packed by SLDC in UTF-16, and sends them again. Messages have the shapes of `[MS-WSMV]` and of Windows 10.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by a panic that it fails")]

use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hopwatch::config::{Config, SourceForm};
use hopwatch::feed::Feed;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::EventFilter;
use hopwatch::wef::{self, Listener};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// An authority, with its certificate as PEM.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate of a host and its key, as PEM.
    fn issue(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server with a collector.
struct Server {
    state: State,
    feed: Feed,
    listener: Listener,
}

impl Server {
    async fn start(folder: &Path, authority: &Authority) -> Self {
        let (certificate, key) = authority.issue("localhost");
        for (name, text) in [("c.pem", &certificate), ("k.pem", &key), ("ca.pem", &authority.pem)] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let path = |name: &str| folder.join(name).display().to_string();
        let text = format!(
            "[server]\ndata_dir = \"{}\"\n[[sources]]\nname = \"wec\"\nkind = \"wef\"\nlisten = \"127.0.0.1:0\"\n\
             certificate_file = \"{}\"\nkey_file = \"{}\"\nclient_ca_file = \"{}\"\nrelays = [\"relay.lab.example\"]\n",
            path("data"),
            path("c.pem"),
            path("k.pem"),
            path("ca.pem")
        );
        let config = Config::parse(Path::new("test.toml"), &text).unwrap();
        let SourceForm::Wef(source) = config.sources[0].form.clone() else { panic!("no collector") };
        let pipeline = Pipeline::open(config).await.unwrap();
        let (state, key) = (State::clone(pipeline.state()), pipeline.key().unwrap());
        let feed = Feed::start(pipeline).unwrap();
        let listener = wef::start("wec", &source, &state, &feed, key).await.unwrap();
        Self { state, feed, listener }
    }

    async fn events(&self) -> u64 {
        self.state.events.count(&EventFilter::default()).await.unwrap()
    }

    async fn stop(self) {
        drop(self.listener);
        self.feed.stop().await;
        self.state.store.close().await;
    }

    /// A host that shows a certificate, or none.
    async fn connect(&self, trusted: &Authority, shown: Option<&(String, String)>) -> std::io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(self.listener.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Ok(Client { sender, host: format!("localhost:{}", self.listener.address.port()) })
    }
}

struct Client {
    sender: hyper::client::conn::http1::SendRequest<Body>,
    host: String,
}

/// How a body is sent.
#[derive(Clone, Copy, PartialEq)]
enum Packing {
    Plain,
    Sldc,
}

impl Client {
    async fn send(&mut self, path: &str, text: &str, packing: Packing) -> (StatusCode, String) {
        let mut bytes = Vec::new();
        if !text.is_empty() {
            bytes = vec![0xff, 0xfe];
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        }
        if packing == Packing::Sldc {
            bytes = packed(&bytes);
        }
        let (status, body) = self.raw(path, bytes, packing == Packing::Sldc).await.unwrap();
        let words: Vec<u16> = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        (status, String::from_utf16(&words).unwrap())
    }

    async fn raw(&mut self, path: &str, bytes: Vec<u8>, packed: bool) -> hyper::Result<(StatusCode, Vec<u8>)> {
        let mut request = Request::post(path)
            .header("host", &self.host)
            .header("content-type", "application/soap+xml;charset=UTF-16")
            .header("authorization", "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual")
            .header("content-length", bytes.len());
        if packed {
            request = request.header("content-encoding", "SLDC");
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Body::from(bytes)).unwrap()).await?;
        let status = answer.status();
        Ok((status, to_bytes(Body::new(answer.into_body()), 1 << 20).await.unwrap().to_vec()))
    }
}

/// SLDC by scheme 2 alone (ECMA-321 §8.4.3): every byte as it is, a 0 after 255.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut bits: Vec<u8> = Vec::new();
    let mut put = |value: u32, count: u32| bits.extend((0..count).rev().map(|bit| u8::from(value >> bit & 1 == 1)));
    put(0x1ff6, 13);
    for byte in bytes {
        put(u32::from(*byte), 8);
        if *byte == 0xff {
            put(0, 1);
        }
    }
    put(0x1ff4, 13);
    bits.resize(bits.len().next_multiple_of(32), 0);
    bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

const MANAGER: &str = "/wsman/SubscriptionManager/WEC";

fn envelope(action: &str, header: &str, body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header><a:To>https://localhost/</a:To><m:MachineID xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/machineid" s:mustUnderstand="false">dc1.lab.example</m:MachineID><a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo><a:Action s:mustUnderstand="true">{action}</a:Action><w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize><a:MessageID>uuid:E9802257-6A7D-4C0D-BFA4-E81C7B1C447E</a:MessageID><w:Locale xml:lang="en-US" s:mustUnderstand="false" /><p:OperationID s:mustUnderstand="false">uuid:03A3D1BB-9B16-4847-9F04-C9A8ED38E1E4</p:OperationID><p:SequenceId s:mustUnderstand="false">1</p:SequenceId><w:OperationTimeout>PT60.000S</w:OperationTimeout>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

fn enumerate() -> String {
    let body = "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements></n:Enumerate>";
    envelope("http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate", "", body)
}

const IDENTIFIER: &str =
    r#"<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">V</e:Identifier><w:AckRequested/>"#;

fn heartbeat() -> String {
    envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/Heartbeat", IDENTIFIER, "<w:Events></w:Events>")
}

fn events(events: &[String], record: u64) -> String {
    let header = format!(
        r#"<w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="{record}" IsCurrent="true"/></BookmarkList></w:Bookmark>{IDENTIFIER}"#
    );
    let body: String = events
        .iter()
        .map(|event| format!(r#"<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event">{event}</w:Event>"#))
        .collect();
    envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", &header, &format!("<w:Events>{body}</w:Events>"))
}

fn logon(computer: &str, record: u64) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider \
         Name='Microsoft-Windows-Security-Auditing' Guid='{{54849625-5478-4994-a5ba-3e3b0328c30d}}'/><EventID>4624</EventID>\
         <Version>2</Version><Level>0</Level><Keywords>0x8020000000000000</Keywords><TimeCreated \
         SystemTime='2026-11-22T08:05:1{}.0000000Z'/><EventRecordID>{record}</EventRecordID><Channel>Security</Channel>\
         <Computer>{computer}</Computer><Security/></System><EventData><Data Name='TargetUserName'>ann</Data><Data \
         Name='TargetDomainName'>LAB</Data><Data Name='TargetLogonId'>0x{record:x}</Data><Data Name='LogonType'>3</Data><Data \
         Name='AuthenticationPackageName'>Kerberos</Data><Data Name='IpAddress'>10.0.0.9</Data></EventData>\
         <RenderingInfo Culture='en-US'><Message>An account was successfully logged on.</Message></RenderingInfo></Event>",
        record % 10
    )
}

fn cdata(event: &str) -> String {
    format!("<![CDATA[{event}]]>")
}

/// The path of the first `NotifyTo` of an answer.
fn notify_to(answer: &str) -> String {
    let notify = answer.split("<e:NotifyTo>").nth(1).unwrap();
    let address = notify.split("<a:Address>").nth(1).unwrap().split('<').next().unwrap();
    address.strip_prefix("https://localhost").unwrap().split_once('/').map(|(_, path)| format!("/{path}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_speaks_the_whole_exchange_and_sends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = Server::start(folder.path(), &authority).await;
    let shown = authority.issue("dc1.lab.example");
    let mut host = server.connect(&authority, Some(&shown)).await.unwrap();
    assert_eq!(host.send(MANAGER, "", Packing::Plain).await, (StatusCode::OK, String::new()), "a conversation begins");
    let (status, answer) = host.send(MANAGER, &enumerate(), Packing::Plain).await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer.contains("EnumerateResponse</a:Action>"), "{answer}");
    assert!(answer.contains("<a:RelatesTo>uuid:E9802257-6A7D-4C0D-BFA4-E81C7B1C447E</a:RelatesTo>"));
    assert!(answer.contains("<w:SendBookmarks/>") && !answer.contains("<w:Bookmark>"), "it was never heard");
    let der = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    let issuer = hopwatch_ingest::sources::wef::thumbprint(&der);
    assert!(answer.contains(&format!("<auth:Thumbprint Role=\"issuer\">{issuer}</auth:Thumbprint>")));
    let end = envelope("http://schemas.microsoft.com/wbem/wsman/1/wsman/End", "", "");
    assert_eq!(host.send(MANAGER, &end, Packing::Plain).await.0, StatusCode::NO_CONTENT);

    let path = notify_to(&answer);
    let mut host = server.connect(&authority, Some(&shown)).await.unwrap();
    let (status, ack) = host.send(&path, &heartbeat(), Packing::Sldc).await;
    assert!(status == StatusCode::OK && ack.contains("/wsman/Ack</a:Action>"), "{ack}");
    assert!(ack.contains("uuid:03A3D1BB-9B16-4847-9F04-C9A8ED38E1E4"), "the operation is repeated");
    let first = events(&[cdata(&logon("DC1.lab.example", 1)), logon("DC1.lab.example", 2)], 2);
    let (status, ack) = host.send(&path, &first, Packing::Sldc).await;
    assert!(status == StatusCode::OK && ack.contains("/wsman/Ack</a:Action>"), "{ack}");
    assert_eq!(server.events().await, 2, "what was acknowledged is stored");
    let replayed = host.send(&path, &first, Packing::Sldc).await;
    assert_eq!((replayed.0, server.events().await), (StatusCode::OK, 2), "the answer was lost, the events were not");
    let second = events(&[cdata(&logon("DC1.lab.example", 2)), cdata(&logon("DC1.lab.example", 3))], 3);
    host.send(&path, &second, Packing::Plain).await;
    assert_eq!(server.events().await, 3);
    let stored = server.state.events.arrivals(0, 10).await.unwrap();
    let event = &stored[0].event;
    assert_eq!(
        (event.provenance.source.as_ref(), event.provenance.reporter.as_deref()),
        ("wec", Some("DC1.lab.example"))
    );
    assert_eq!(event.actor.as_ref().unwrap().name, "ann");
    let (_, answer) = host.send(MANAGER, &enumerate(), Packing::Plain).await;
    assert!(
        answer.contains(r#"<w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="3" IsCurrent="true"/>"#)
    );
    server.stop().await;

    // After a restart the host goes on where it was, under the same address.
    let server = Server::start(folder.path(), &authority).await;
    let mut host = server.connect(&authority, Some(&shown)).await.unwrap();
    let (_, answer) = host.send(MANAGER, &enumerate(), Packing::Plain).await;
    assert!(answer.contains(r#"RecordId="3""#) && notify_to(&answer) == path, "{answer}");
    let mut other = server.connect(&authority, Some(&authority.issue("dc2.lab.example"))).await.unwrap();
    let (_, answer) = other.send(MANAGER, &enumerate(), Packing::Plain).await;
    assert!(!answer.contains("RecordId="), "another host has bookmarks of its own");
    let machine = hopwatch_subscription(&path);
    let known = server.state.store.wef_machine(&machine, "dc1.lab.example").await.unwrap().unwrap();
    assert_eq!((known.events, known.bookmarks[0].record_id), (6, 3), "records as they came, the repeated ones too");
    server.stop().await;
}

fn hopwatch_subscription(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_certificate_of_the_authority_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = Server::start(folder.path(), &authority).await;
    let foreign = Authority::new().issue("dc1.lab.example");
    for shown in [None, Some(&foreign)] {
        // TLS 1.3 tells a client of its refusal only when it reads.
        let refused = match server.connect(&authority, shown).await {
            Err(_) => true,
            Ok(mut client) => client.raw(MANAGER, Vec::new(), false).await.is_err(),
        };
        assert!(refused);
    }
    let good = authority.issue("dc1.lab.example");
    let mut host = server.connect(&authority, Some(&good)).await.unwrap();
    assert_eq!(host.send(MANAGER, &enumerate(), Packing::Plain).await.0, StatusCode::OK, "others are not disturbed");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_speaks_for_itself_alone_and_a_relay_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = Server::start(folder.path(), &authority).await;
    let mut host = server.connect(&authority, Some(&authority.issue("ws1.lab.example"))).await.unwrap();
    let path = notify_to(&host.send(MANAGER, &enumerate(), Packing::Plain).await.1);
    let forged = events(&[cdata(&logon("dc1.lab.example", 1)), cdata(&logon("ws1.lab.example", 2))], 2);
    assert_eq!(host.send(&path, &forged, Packing::Sldc).await.0, StatusCode::OK, "or it would send them for ever");
    assert_eq!(server.events().await, 1);
    let source = server.state.store.sources().await.unwrap().into_iter().find(|source| source.name == "wec").unwrap();
    assert_eq!(source.dropped["event of another host than the certificate names"], 1);
    assert_eq!((source.kind.as_str(), source.read, source.events), ("wef", 2, 1));
    let mut relay = server.connect(&authority, Some(&authority.issue("relay.lab.example"))).await.unwrap();
    relay.send(&path, &events(&[cdata(&logon("dc1.lab.example", 1))], 1), Packing::Sldc).await;
    assert_eq!(server.events().await, 2);
    server.stop().await;
}

/// A record that unpacks to sixteen megabytes and more: copies of 271 bytes in 23 bits each.
fn bomb() -> Vec<u8> {
    let mut bits: Vec<u8> = Vec::new();
    let mut put = |value: u32, count: u32| bits.extend((0..count).rev().map(|bit| u8::from(value >> bit & 1 == 1)));
    put(0x1ff5, 13);
    put(u32::from(b'<'), 9);
    for _ in 0..70_000 {
        put(1, 1);
        put(0xfef, 12);
        put(0, 10);
    }
    put(0x1ff4, 13);
    bits.resize(bits.len().next_multiple_of(32), 0);
    bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_and_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = Server::start(folder.path(), &authority).await;
    let shown = authority.issue("dc1.lab.example");
    let mut host = server.connect(&authority, Some(&shown)).await.unwrap();
    let path = notify_to(&host.send(MANAGER, &enumerate(), Packing::Plain).await.1);
    let good = events(&[cdata(&logon("dc1.lab.example", 1))], 1);
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(good.encode_utf16().flat_map(u16::to_le_bytes));
    let whole = packed(&utf16);
    let deep: Vec<u8> = "<a>".repeat(100_000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: Vec<(&str, Vec<u8>, bool, StatusCode)> = vec![
        ("a cut record", whole[..whole.len() / 2].to_vec(), true, StatusCode::BAD_REQUEST),
        ("a bomb", bomb(), true, StatusCode::BAD_REQUEST),
        ("no record", vec![0x41; 1000], true, StatusCode::BAD_REQUEST),
        ("half a character", utf16[..utf16.len() - 1].to_vec(), false, StatusCode::BAD_REQUEST),
        ("deep nesting", deep, false, StatusCode::BAD_REQUEST),
        ("too much", vec![0x41; (4 << 20) + 1], false, StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (what, body, packed, expected) in cases {
        // A body that is refused before it is read may break the connection instead.
        let mut host = server.connect(&authority, Some(&shown)).await.unwrap();
        match host.raw(&path, body, packed).await {
            Ok((status, _)) => assert_eq!(status, expected, "{what}"),
            Err(_) => assert_eq!(expected, StatusCode::PAYLOAD_TOO_LARGE, "{what}"),
        }
    }
    let unknown = host.send("/wsman/subscriptions/00000000-0000-4000-8000-000000000000", &good, Packing::Sldc).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let foreign = envelope("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", "", "");
    assert_eq!(host.send(MANAGER, &foreign, Packing::Plain).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.events().await, 0);
    let mixed = events(&[cdata("<Event><System>"), cdata(&logon("dc1.lab.example", 1))], 1);
    assert_eq!(host.send(&path, &mixed, Packing::Sldc).await.0, StatusCode::OK, "one bad event is one loss");
    assert_eq!(server.events().await, 1);
    // Where events cannot be kept they are not acknowledged, and come again.
    server.feed.stop().await;
    let (status, _) = host.send(&path, &events(&[cdata(&logon("dc1.lab.example", 2))], 2), Packing::Sldc).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
