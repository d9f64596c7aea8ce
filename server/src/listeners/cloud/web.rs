//! A small HTTPS client: one request a connection, bounded answers, no redirects (a token must not follow one).

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::cli::remote::connector;

/// The largest answer, in bytes: a thousand sign-ins with all their policies are some 20 MB.
const ANSWER_BYTES: usize = 64 << 20;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest wait that a service may ask for between two requests.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Times that a request is repeated because the service asked to wait.
const WAITS: u32 = 3;

pub(super) struct Web {
    tls: Option<TlsConnector>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Web {
    pub(super) fn new() -> Result<Self> {
        // A host without trusted certificates can still ask a proxy on itself in clear.
        Ok(Self { tls: connector().ok() })
    }

    /// Asks; only 200 is an answer. Where the service says that it was asked too often, waits as it says.
    pub(super) async fn ask(
        &self,
        method: Method,
        address: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Answer> {
        for _ in 0..WAITS {
            let asked = tokio::time::timeout(PATIENCE, self.once(method.clone(), address, headers, body)).await;
            let (status, answer) = asked.with_context(|| format!("{} did not answer in time", host(address)))??;
            match status {
                StatusCode::OK => return Ok(answer),
                StatusCode::TOO_MANY_REQUESTS => {
                    let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                    tokio::time::sleep(Duration::from_secs(wait.unwrap_or(30)).min(LONGEST_WAIT)).await;
                }
                status => bail!("{} answered {status}: {}", host(address), reason(&answer.body)),
            }
        }
        bail!("{} was asked too often", host(address))
    }

    async fn once(
        &self,
        method: Method,
        address: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<(StatusCode, Answer)> {
        let uri: Uri = address.parse().with_context(|| format!("`{address}` is no address"))?;
        let name =
            uri.host().with_context(|| format!("`{address}` names no host"))?.trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme_str() == Some("https");
        let local = name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        ensure!(secure || local, "{name} must be asked by https, since a secret goes there");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((name.as_str(), port))
            .await
            .with_context(|| format!("{name}:{port} cannot be reached"))?;
        let stream: Box<dyn Connection> = match (secure, &self.tls) {
            (false, _) => Box::new(stream),
            (true, Some(tls)) => Box::new(tls.connect(ServerName::try_from(name.clone())?, stream).await?),
            (true, None) => bail!("this host has no trusted certificates; install ca-certificates"),
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(method).uri(path).header("host", format!("{name}:{port}"));
        for (header, value) in headers {
            request = request.header(*header, *value);
        }
        let request = request.header("content-length", body.len()).body(Body::from(body.to_owned()))?;
        let answer = sender.send_request(request).await.with_context(|| format!("{name} broke off"))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES)
            .await
            .with_context(|| format!("{name}'s answer broke off, or is over {ANSWER_BYTES} bytes"))?;
        driver.abort();
        Ok((status, Answer { headers, body: body.to_vec() }))
    }
}

fn host(address: &str) -> String {
    address.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
}

/// What a service says of a refusal; no more than a line of it.
fn reason(body: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let told = ["/error_description", "/error/message", "/errorSummary", "/message", "/error"]
        .iter()
        .find_map(|path| json.pointer(path)?.as_str());
    told.unwrap_or("no reason given").lines().next().unwrap_or_default().chars().take(200).collect()
}
