//! The collector of Windows event forwarding: listens for hosts, tells them what to send, takes what they send, and
//! acknowledges it once it survives a crash. What messages mean is `ingest::sources::wef`'s.
//!
//! HTTPS with client certificates only. A host without a certificate of the configured authority does not get beyond the
//! handshake. Connections, waits and bodies are bounded; what is over a bound, or cannot be read, is counted by reason.
//!
//! *Blind spots*: Kerberos over HTTP is not spoken yet, so that every host needs a certificate. Revocation lists are not
//! asked: a host is shut out by another authority, or by its own removal from the domain's enrolment.

mod service;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::sources::wef::{Content, DEFAULT_QUERY, Subscription, names};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::config::{Wef, WefContent};
use crate::feed::Feed;
use crate::state::State;
use service::Collector;

/// Connections at a time. A host holds one or two; a connection takes some 30 kB.
const CONNECTIONS: usize = 16_384;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long the head of a request may take. It bounds the idle time of a connection too, so that it is longer than the
/// hosts' own pauses within a conversation; they connect anew for the next.
const HEAD: Duration = Duration::from_secs(120);

/// A collector at work; it ends when this is dropped.
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a collector.
///
/// # Errors
/// Where its files cannot be read, or its port is taken.
pub async fn start(name: &str, config: &Wef, state: &State, feed: &Feed, key: DigestKey) -> Result<Listener> {
    let (acceptor, issuer) = tls::acceptor(config).with_context(|| format!("source {name}"))?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("source {name}: {} cannot be listened on", config.listen))?;
    let address = listener.local_addr()?;
    let subscription = subscription(name, config)?;
    let collector = Collector::new(name, subscription, issuer, config.relays.clone(), state, feed.clone(), key).await?;
    let task = tokio::spawn(accept(listener, acceptor, Arc::new(collector)));
    tracing::info!(source.name = name, %address, "a collector of forwarded events listens");
    Ok(Listener { address, task })
}

fn subscription(name: &str, config: &Wef) -> Result<Subscription> {
    let query = match &config.query_file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?,
        None => DEFAULT_QUERY.to_owned(),
    };
    Ok(Subscription {
        name: format!("hopwatch-{name}"),
        query,
        content: match config.content {
            WefContent::Raw => Content::Raw,
            WefContent::RenderedText => Content::RenderedText,
        },
        heartbeat: Duration::from_secs(config.heartbeat_secs),
        latency: Duration::from_secs(config.latency_secs),
        existing: config.existing,
    })
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, collector: Arc<Collector>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles: wait until some are back instead of spinning.
                refused(&collector, "accept", &error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, collector) = (acceptor.clone(), Arc::clone(&collector));
        tokio::spawn(async move {
            serve(stream, peer, &acceptor, &collector).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, acceptor: &TlsAcceptor, collector: &Arc<Collector>) {
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return refused(collector, "handshake", &error),
        Err(_) => return refused(collector, "handshake_timeout", &"no handshake in time"),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let names = certificate.map(|certificate| names(certificate)).unwrap_or_default();
    if names.is_empty() {
        return refused(collector, "certificate_without_name", &peer);
    }
    let host = Arc::new(collector.host(names));
    let service = service_fn(move |request| {
        let (collector, host) = (Arc::clone(collector), Arc::clone(&host));
        async move { Ok::<_, std::convert::Infallible>(collector.answer(request, &host).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        // A host that goes to sleep breaks its connection: nothing is lost, since what was not acknowledged comes again.
        tracing::debug!(%error, source.name = %collector.name(), %peer, "a connection ended");
    }
}

fn refused(collector: &Collector, reason: &'static str, error: &dyn std::fmt::Display) {
    tracing::debug!(%error, reason, source.name = %collector.name(), "a host was refused");
    metrics::counter!("hopwatch_wef_refused_total", "reason" => reason).increment(1);
}
