//! A listening server: subscriptions over a real socket, and a stop that does not hang.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use std::time::Duration;

use common::{alert, login, state};
use hopwatch::state::ChangeKind;
use hopwatch_model::Severity;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A client of graphql-transport-ws, as much of RFC 6455 as the test needs: short masked text frames out, text in.
struct Client(TcpStream);

impl Client {
    async fn open(address: std::net::SocketAddr, headers: &str) -> Result<Self, String> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /graphql/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 101") { Ok(Self(stream)) } else { Err(head) }
    }

    async fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        let _opcode = self.0.read_u8().await.unwrap();
        let length = match self.0.read_u8().await.unwrap() {
            126 => u64::from(self.0.read_u16().await.unwrap()),
            127 => self.0.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_hears_of_a_new_alert_and_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move { stopped.await.unwrap_or(()) };
    let server = tokio::spawn(hopwatch::http::serve(state.clone(), listener, shutdown));

    assert!(Client::open(address, "").await.err().unwrap().starts_with("HTTP/1.1 401"));
    let cookie = login(&state, "vic").await;
    let foreign = format!("Cookie: {cookie}\r\nOrigin: http://evil\r\n");
    assert!(Client::open(address, &foreign).await.err().unwrap().starts_with("HTTP/1.1 403"));

    let mut client = Client::open(address, &format!("Cookie: {cookie}\r\n")).await.unwrap();
    client.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(client.receive().await["type"], "connection_ack");
    let text = "subscription { alertChanged { kind alert { detection actor { name } } } }";
    client.send(&json!({ "id": "1", "type": "subscribe", "payload": { "query": text } })).await;
    // The subscription starts some time after the message: alerts are raised until it hears one.
    let raise = async {
        for n in 0.. {
            state.take_alert(ChangeKind::Opened, &alert("ann", n * 100_000, Severity::High)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let heard = tokio::select! {
        heard = client.receive() => heard,
        () = raise => unreachable!(),
    };
    assert_eq!(heard["payload"]["data"]["alertChanged"]["kind"], "OPENED", "{heard}");
    assert_eq!(heard["payload"]["data"]["alertChanged"]["alert"]["actor"]["name"], "ann");

    drop(client);
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), server).await;
    assert!(ended.unwrap().unwrap().is_ok());
}
