//! The sender's side of `POST /import/{name}` (`http::import`): walks folders and sends file by file, so that one bad file
//! is one bad answer. HTTP/1.1, a connection a file; TLS is checked against the host's own certificates.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{Method, Request, StatusCode, Uri};
use hopwatch_detections::Mode;
use hopwatch_ingest::load::{self, Found, Progress, Report};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::progress::Bar;
use crate::doctor::Symptom;
use crate::feed::{Receipt, Received};

/// The variable that holds the token where no file does.
const VARIABLE: &str = "HOPWATCH_TOKEN";
/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;
/// The media type of files.
const BINARY: &str = "application/octet-stream";
/// The largest answer: a zip of a hundred thousand members has a line for each.
const ANSWER_BYTES: usize = 256 << 20;

/// What is to be sent.
pub(super) struct Order<'a> {
    pub(super) paths: &'a [std::path::PathBuf],
    pub(super) mode: Mode,
    pub(super) verbose: bool,
}

/// The token of a file, or of the environment.
pub(super) fn token(file: Option<&Path>) -> Result<String> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?,
        None => std::env::var(VARIABLE)
            .map_err(|_| anyhow!("the server wants a token: give --token-file FILE, or set {VARIABLE}"))?,
    };
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        bail!("the token must be one word; `hopwatch token create NAME` makes one");
    }
    Ok(token.to_owned())
}

/// Sends everything; the exit code is that of the offline import.
pub(super) async fn import(server: &str, token: &str, order: &Order<'_>) -> Result<ExitCode> {
    let client = Client::new(server, token)?;
    let most = client.terms().await?;
    let mut unreadable = Report::default();
    let files = load::files(order.paths, &mut unreadable);
    let mut total = Total::default();
    unreadable.files.iter().for_each(|file| total.failed(&file.to_string()));
    let bar = Arc::new(Bar::new());
    bar.started(files.len(), files.iter().map(|file| file.bytes).sum());
    for found in &files {
        let name = found.name();
        if found.bytes > most {
            total.failed(&format!("{name}: failed: the server takes files of {most} bytes at the most"));
            continue;
        }
        match client.send(found, order.mode, &bar).await? {
            Ok(receipt) => total.add(&receipt, order.verbose),
            Err(reason) => total.failed(&format!("{name}: failed: {reason}")),
        }
        bar.finished(&found.path, 0);
    }
    drop(bar);
    eprintln!(
        "{} files, {} records, {} events ({} new), {} directory parts",
        total.files, total.read, total.events, total.stored, total.parts
    );
    Ok(ExitCode::from(u8::from(total.loaded == 0 || total.failed > 0)))
}

/// Asks a server's doctor.
pub(super) async fn doctor(server: &str, token: &str) -> Result<Vec<Symptom>> {
    let client = Client::new(server, token)?;
    let query = json!({ "query": "{ doctor { check level subject text remedy } }" }).to_string();
    let (status, mut body) = client
        .ask(Method::POST, "/graphql", ("application/json", u64::try_from(query.len())?), Body::from(query))
        .await?;
    if let Some(error) = body["errors"][0]["message"].as_str() {
        bail!("{} refuses: {error}", client.host);
    }
    let Some(symptoms) = body["data"]["doctor"].as_array_mut() else {
        bail!("{} refuses: {}", client.host, reason(status, &body));
    };
    for symptom in symptoms.iter_mut() {
        // GraphQL spells enumerations in capitals.
        for field in ["check", "level"] {
            symptom[field] = symptom[field].as_str().unwrap_or_default().to_lowercase().into();
        }
    }
    serde_json::from_value(body["data"]["doctor"].take()).context("the server's answer cannot be read")
}

/// What became of all files.
#[derive(Default)]
struct Total {
    files: usize,
    loaded: usize,
    failed: usize,
    read: u64,
    events: u64,
    stored: u64,
    parts: usize,
}

impl Total {
    fn failed(&mut self, line: &str) {
        eprintln!("{line}");
        self.files += 1;
        self.failed += 1;
    }

    fn add(&mut self, receipt: &Receipt, verbose: bool) {
        for file in &receipt.files {
            self.files += 1;
            self.loaded += usize::from(file.error.is_none());
            self.failed += usize::from(file.error.is_some() && !file.bystander);
            if verbose || worth_telling(file) {
                eprintln!("{}", file.line);
            }
        }
        self.read += receipt.read;
        self.events += receipt.events;
        self.stored += receipt.stored;
        self.parts += receipt.directory_parts;
    }
}

fn worth_telling(file: &Received) -> bool {
    (file.error.is_some() && !file.bystander) || !file.dropped.is_empty()
}

/// Either kind of connection.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// A server with the token for it.
struct Client {
    host: String,
    port: u16,
    /// The folder of the address, without slash at its end.
    base: String,
    tls: Option<TlsConnector>,
    token: String,
}

impl Client {
    fn new(server: &str, token: &str) -> Result<Self> {
        let wrong = || format!("`{server}` is no address like http://127.0.0.1:8080");
        let uri: Uri = server.parse().with_context(wrong)?;
        let host = uri.host().with_context(wrong)?.trim_matches(['[', ']']).to_owned();
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => (Some(connector()?), 443),
            _ => bail!(wrong()),
        };
        let local = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if tls.is_none() && !local {
            eprintln!("hopwatch: the token and the files go to {host} unencrypted; use https:// where others listen");
        }
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { host, port, base: uri.path().trim_end_matches('/').to_owned(), tls, token: token.to_owned() })
    }

    /// Asks whether files are taken; returns the size of the largest.
    async fn terms(&self) -> Result<u64> {
        let (status, body) = self.ask(Method::GET, "/import", (BINARY, 0), Body::empty()).await?;
        if status != StatusCode::OK {
            bail!("{} refuses: {}", self.host, reason(status, &body));
        }
        body["maxBytes"].as_u64().with_context(|| format!("{} is no Hopwatch server", self.host))
    }

    /// Sends a file. `Err` inside: this file was not taken, others may be.
    async fn send(&self, found: &Found, mode: Mode, bar: &Arc<Bar>) -> Result<Result<Receipt, String>> {
        let file = match tokio::fs::File::open(&found.path).await {
            Ok(file) => file,
            Err(error) => return Ok(Err(format!("cannot open: {error}"))),
        };
        let mut address = format!("/import/{}", escaped(&found.name()));
        let options = [("history", mode == Mode::Learning), ("beside", !found.named)];
        for (number, (option, _)) in options.iter().filter(|(_, set)| *set).enumerate() {
            address.push_str(if number == 0 { "?" } else { "&" });
            address.push_str(&format!("{option}=true"));
        }
        let (status, body) =
            match self.ask(Method::POST, &address, (BINARY, found.bytes), body(file, found.bytes, bar)).await {
                Ok(answer) => answer,
                Err(error) => return Ok(Err(format!("{error:#}"))),
            };
        match status {
            StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Ok(serde_json::from_value(body).context("the server's answer cannot be read")?))
            }
            // The token was good a moment ago: without it no other file will be taken either.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                bail!("{} refuses: {}", self.host, reason(status, &body))
            }
            _ => Ok(Err(reason(status, &body))),
        }
    }

    async fn ask(
        &self,
        method: Method,
        address: &str,
        (kind, length): (&str, u64),
        body: Body,
    ) -> Result<(StatusCode, Value)> {
        let connection =
            self.connect().await.with_context(|| format!("{}:{} cannot be reached", self.host, self.port))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection)).await?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{address}", self.base))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, length)
            .body(body)?;
        let answer = sender.send_request(request).await.context("the connection broke before the answer")?;
        let status = answer.status();
        let bytes = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES).await.context("the answer broke off")?;
        driver.abort();
        Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    async fn connect(&self) -> Result<Box<dyn Connection>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(tls.connect(ServerName::try_from(self.host.clone())?, stream).await?),
        })
    }
}

fn reason(status: StatusCode, body: &Value) -> String {
    match body["error"]["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => format!("it answered {status}"),
    }
}

fn connector() -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (good, _bad) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        bail!("this host has no trusted certificates; install ca-certificates, or name a file by SSL_CERT_FILE");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The first `bytes` of a file: it may grow while it is sent.
fn body(file: tokio::fs::File, bytes: u64, bar: &Arc<Bar>) -> Body {
    let bar = Arc::clone(bar);
    Body::from_stream(futures_util::stream::try_unfold((file, bytes), move |(mut file, left)| {
        let bar = Arc::clone(&bar);
        async move {
            let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            if want == 0 {
                return Ok(None);
            }
            let mut chunk = vec![0; want];
            let count = file.read(&mut chunk).await?;
            if count == 0 {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::UnexpectedEof,
                    "the file shrank while it was sent",
                ));
            }
            chunk.truncate(count);
            let sent = u64::try_from(count).unwrap_or(0);
            bar.advance(sent);
            Ok(Some((Bytes::from(chunk), (file, left.saturating_sub(sent)))))
        }
    }))
}

/// A path as part of an address (RFC 3986 §2.3): other than unreserved characters and slashes are escaped. What leads to
/// the root or the working folder is left out, since servers in between would take it for their own.
fn escaped(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let escape = |part: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        part.bytes().map(byte).collect()
    };
    let parts: Vec<String> = parts.map(escape).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_folders_and_nothing_that_an_address_means_otherwise() {
        assert_eq!(escaped("/var/log/a b?.evtx"), "var/log/a%20b%3F.evtx");
        assert_eq!(escaped("./../x/%2e/ö"), "x/%252e/%C3%B6");
    }

    #[test]
    fn an_address_without_scheme_is_refused_by_name() {
        let refused = Client::new("localhost:8080", "t").err().map(|error| error.to_string());
        assert!(refused.is_some_and(|text| text.contains("localhost:8080")));
    }

    #[test]
    fn an_address_may_have_a_folder_and_brackets() {
        let client = Client::new("http://[::1]:9/hop/", "t").unwrap();
        assert_eq!((client.host.as_str(), client.port, client.base.as_str()), ("::1", 9, "/hop"));
    }
}
