//! The sensors' port: TLS on which both sides show a certificate. A connection without one, or with one of another
//! authority, ends in the handshake; what is left behind it is a name that the authority vouches for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::routing::post;
use axum::serve::{IncomingStream, Listener};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{App, sensor};
use crate::config::Sensors;
use crate::graphql::schema;
use crate::sensor::uplink::{certificates, private_key};
use crate::state::State;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections whose handshake is done and that wait to be served.
const WAITING: usize = 64;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    /// The common name of its certificate.
    pub(super) name: String,
}

/// A connection whose peer is known.
type Accepted = (TlsStream<TcpStream>, Certified);

/// A port whose handshakes run beside each other: one slow client does not keep the others waiting.
struct Port {
    ready: mpsc::Receiver<Accepted>,
}

impl Listener for Port {
    type Io = TlsStream<TcpStream>;
    type Addr = Certified;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(Certified { name: String::new() })
    }
}

impl Connected<IncomingStream<'_, Port>> for Certified {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Serves the sensors' port until the runtime ends; returns its address.
///
/// # Errors
/// Where a certificate or key cannot be read, or the port cannot be listened on.
pub async fn serve(state: &State, config: &Sensors) -> Result<SocketAddr> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(config)?));
    let wanted = config.listen;
    let listener = TcpListener::bind(wanted).await.with_context(|| format!("{wanted} cannot be listened on"))?;
    let local = listener.local_addr()?;
    let (sender, ready) = mpsc::channel(WAITING);
    drop(tokio::spawn(accept(listener, acceptor, sender)));
    let app = App { state: State::clone(state), schema: schema(state) };
    let routes = Router::new().route("/sensor/{name}/{epoch}/{sequence}", post(sensor::by_certificate)).with_state(app);
    let service = routes.into_make_service_with_connect_info::<Certified>();
    drop(tokio::spawn(async move { axum::serve(Port { ready }, service).await }));
    tracing::info!(address = %local, "sensors are listened for");
    Ok(local)
}

fn tls(config: &Sensors) -> Result<ServerConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&config.client_authority)? {
        roots.add(certificate).with_context(|| format!("{} holds no authority", config.client_authority.display()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let chain = certificates(&config.certificate)?;
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private_key(&config.key)?)?)
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<Accepted>) {
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files: the next try comes when some were closed.
                tracing::warn!(%error, "a sensor's connection could not be taken");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        drop(tokio::spawn(async move {
            let refused = |reason: &'static str| {
                metrics::counter!("hopwatch_sensor_connections_refused_total", "reason" => reason).increment(1);
            };
            let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::warn!(%error, peer = %address, "a sensor's handshake failed");
                    return refused("handshake");
                }
                Err(_) => return refused("silence"),
            };
            let Some(name) = common_name(&stream) else {
                tracing::warn!(peer = %address, "a sensor's certificate has no common name");
                return refused("name");
            };
            let _gone = ready.send((stream, Certified { name })).await.is_err();
        }));
    }
}

fn common_name(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, session) = stream.get_ref();
    let (_, certificate) = x509_parser::parse_x509_certificate(session.peer_certificates()?.first()?).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    Some(name.to_owned())
}
