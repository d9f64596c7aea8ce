//! The syslog listener: RFC 5426 datagrams and RFC 6587 streams on one port, or RFC 5425 (TLS) alone where a certificate is
//! configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::sources::live::MAX_MESSAGE_BYTES;
use hopwatch_ingest::sources::syslog::framing::{Frame, Framer};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::hub::Hub;
use super::intake::{Intake, Message};
use super::tls;
use crate::config::Tls;

/// Connections at a time; each holds one message and a buffer.
const CONNECTIONS: usize = 1024;
/// How long a connection may say nothing: relays keep one open for hours, and its end frees its place.
const SILENCE: Duration = Duration::from_secs(6 * 3600);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

pub(super) async fn start(
    name: &str,
    listen: SocketAddr,
    secured: Option<&Tls>,
    hub: &Hub,
    key: &DigestKey,
) -> Result<SocketAddr> {
    let acceptor = secured.map(tls::acceptor).transpose()?;
    let refused = || format!("{listen} cannot be listened on");
    let tcp = TcpListener::bind(listen).await.with_context(refused)?;
    let address = tcp.local_addr()?;
    let intake = Intake::start(name, "syslog", hub, key);
    if acceptor.is_none() {
        // The same port, also where the system chose it.
        let udp = UdpSocket::bind(address).await.with_context(refused)?;
        tokio::spawn(datagrams(udp, intake.clone()));
    }
    tracing::info!(source.name = name, %address, tls = acceptor.is_some(), "syslog is listened to");
    tokio::spawn(connections(tcp, acceptor, intake));
    Ok(address)
}

async fn datagrams(socket: UdpSocket, intake: Intake) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((size, peer)) => {
                let message = buffer.get(..size).unwrap_or_default().to_vec();
                intake.offer(Message::Syslog(message, peer.ip()));
            }
            // An ICMP answer to something that was sent; nothing is, so that it passes.
            Err(error) => {
                tracing::warn!(%error, "a syslog datagram could not be received");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connections(listener: TcpListener, acceptor: Option<TlsAcceptor>, intake: Intake) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a syslog connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            intake.offer(Message::Refused("more connections than 1024"));
            continue;
        };
        let (acceptor, intake) = (acceptor.clone(), intake.clone());
        tokio::spawn(async move {
            match acceptor {
                None => read(stream, peer, &intake).await,
                Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => read(stream, peer, &intake).await,
                    Ok(Err(error)) => {
                        tracing::info!(%error, %peer, "a TLS handshake failed");
                        intake.offer(Message::Refused("TLS handshake failed"));
                    }
                    Err(_) => intake.offer(Message::Refused("TLS handshake took too long")),
                },
            }
            drop(place);
        });
    }
}

async fn read(mut stream: impl AsyncRead + Unpin, peer: SocketAddr, intake: &Intake) {
    let mut framer = Framer::default();
    let mut buffer = vec![0; CHUNK];
    while let Ok(Ok(size)) = tokio::time::timeout(SILENCE, stream.read(&mut buffer)).await {
        if size == 0 {
            break;
        }
        framer.push(buffer.get(..size).unwrap_or_default());
        while let Some(frame) = framer.pop() {
            if !intake.put(message(frame, peer)).await {
                return;
            }
        }
    }
    if let Some(frame) = framer.finish() {
        intake.put(message(frame, peer)).await;
    }
}

fn message(frame: Frame, peer: SocketAddr) -> Message {
    match frame {
        Frame::Message(bytes) if bytes.len() <= MAX_MESSAGE_BYTES => Message::Syslog(bytes, peer.ip()),
        Frame::Message(_) => Message::Refused("syslog message is too long"),
        Frame::Bad(reason) => Message::Refused(reason),
    }
}
