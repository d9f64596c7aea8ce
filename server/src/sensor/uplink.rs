//! The sensor's way to the server: spooled batches, oldest first, over TLS with the sensor's own certificate, or with a
//! token. Where the server is away the spool grows and is tried again, less and less often.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode, Uri};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

use super::spool::{Number, Spool};

/// The shortest and the longest wait after a failure.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long a connection may take to come about, and the server to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of an answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// How the sensor shows who it is.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Its certificate chain and key, in PEM.
    pub certificate: Option<(std::path::PathBuf, std::path::PathBuf)>,
    /// The authority of the server's certificate, in PEM; without it this host's own trusted ones.
    pub authority: Option<std::path::PathBuf>,
    /// A token of the server.
    pub token: Option<String>,
}

/// The way to one server.
pub struct Uplink {
    sensor: String,
    host: String,
    port: u16,
    base: String,
    tls: Option<TlsConnector>,
    token: Option<String>,
    open: Option<SendRequest<Body>>,
}

/// What the server said to a batch.
enum Answer {
    Taken,
    /// It will never be taken.
    Refused(String),
}

impl Uplink {
    /// A way to a server; nothing is sent yet.
    ///
    /// # Errors
    /// Where the address, a certificate or a key cannot be read, or neither certificate nor token is there.
    pub fn new(server: &str, sensor: &str, credentials: &Credentials) -> Result<Self> {
        let wrong = || format!("`{server}` is no address like https://hopwatch.example:8443");
        let uri: Uri = server.parse().with_context(wrong)?;
        let host = uri.host().with_context(wrong)?.trim_matches(['[', ']']).to_owned();
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(connector(credentials)?), 443),
            _ => bail!(wrong()),
        };
        if credentials.token.is_none() && credentials.certificate.is_none() {
            bail!("a sensor needs a certificate (--certificate, --key) or a token (--token-file)");
        }
        if tls.is_none() && credentials.certificate.is_some() {
            bail!("a certificate is shown over TLS alone: use https://");
        }
        let local = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if tls.is_none() && !local {
            bail!("events do not go to {host} unencrypted: use https://");
        }
        Ok(Self {
            sensor: sensor.to_owned(),
            port: uri.port_u16().unwrap_or(port),
            base: uri.path().trim_end_matches('/').to_owned(),
            token: credentials.token.clone(),
            host,
            tls,
            open: None,
        })
    }

    /// Sends what is spooled, for ever; `spooled` says that there may be more.
    pub async fn run(mut self, spool: &Spool, spooled: &Notify) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.drain(spool).await {
                Ok(()) => {
                    wait = FIRST_WAIT;
                    spooled.notified().await;
                }
                Err(error) => {
                    self.open = None;
                    let (server, retry) = (&self.host, wait.as_secs_f64());
                    tracing::warn!(error = format!("{error:#}"), server, retry_secs = retry, "events wait on disk");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Sends what is spooled now.
    ///
    /// # Errors
    /// Where the server cannot be reached or does not take it now; what was not taken stays in the spool.
    pub async fn drain(&mut self, spool: &Spool) -> Result<()> {
        while let Some((number, packed)) = spool.oldest()? {
            let answer = tokio::time::timeout(PATIENCE, self.send(number, packed)).await;
            match answer.context("the server does not answer")?? {
                Answer::Taken => {}
                Answer::Refused(reason) => {
                    tracing::error!(number.epoch, number.sequence, reason, "the server refuses a batch; it is dropped");
                }
            }
            spool.done(number)?;
        }
        Ok(())
    }

    async fn send(&mut self, number: Number, packed: Vec<u8>) -> Result<Answer> {
        let mut sender = match self.open.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => self.connect().await.with_context(|| format!("{}:{} cannot be reached", self.host, self.port))?,
        };
        let Number { epoch, sequence } = number;
        let mut request = Request::post(format!("{}/sensor/{}/{epoch}/{sequence}", self.base, self.sensor))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(CONTENT_TYPE, "application/zstd")
            .header(CONTENT_LENGTH, packed.len());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        sender.ready().await.context("the connection broke")?;
        let answer = sender.send_request(request.body(Body::from(packed))?).await.context("the connection broke")?;
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES).await.context("the answer broke off")?;
        self.open = Some(sender);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let reason = body["error"]["reason"].as_str().map_or_else(|| format!("it answered {status}"), str::to_owned);
        match status {
            StatusCode::OK => Ok(Answer::Taken),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Answer::Refused(reason))
            }
            _ => bail!("{} does not take it: {reason}", self.host),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Body>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => handshake(stream).await?,
            Some(tls) => handshake(tls.connect(ServerName::try_from(self.host.clone())?, stream).await?).await?,
        })
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender, or with the server.
    drop(tokio::spawn(connection));
    Ok(sender)
}

fn connector(credentials: &Credentials) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match &credentials.authority {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).with_context(|| format!("{} holds no authority", path.display()))?;
            }
        }
        None => {
            let (_good, _bad) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        bail!("no certificate authority is trusted; name the server's by --ca");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match &credentials.certificate {
        Some((certificate, key)) => builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?)?,
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a PEM file.
///
/// # Errors
/// Where the file cannot be read or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let what = || format!("certificates cannot be read from {}", path.display());
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).with_context(what)?.collect::<Result<_, _>>().with_context(what)?;
    if found.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(found)
}

/// The private key of a PEM file.
///
/// # Errors
/// Where the file cannot be read or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).with_context(|| format!("no private key can be read from {}", path.display()))
}
