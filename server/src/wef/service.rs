//! What the collector does with a request.
//!
//! | request | answer |
//! |---|---|
//! | `POST /wsman/SubscriptionManager/WEC`, `Enumerate` | 200, the subscription with the host's own bookmarks |
//! | `POST /wsman/subscriptions/<id>`, `Heartbeat`, `Events` | 200 and `Ack` once it is kept; 503 where it cannot be kept, so that it comes again |
//! | either, `SubscriptionEnd` or `End` | 204 |
//! | a body that cannot be read | 400; 413 where it is too large |

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::sources::Context;
use hopwatch_ingest::sources::wef::{self, Action, Answers, Envelope, Speaker, Subscription};
use hopwatch_ingest::sources::windows::Sessions;
use hopwatch_ingest::{Counters, DigestKey};
use hopwatch_model::Timestamp;
use hyper::body::Incoming;
use tokio::sync::Mutex;

use crate::clock;
use crate::feed::Feed;
use crate::state::State;
use crate::store::SourceStatus;

/// The largest body as it comes, in bytes; hosts are asked to keep to half a megabyte of text.
const BODY: usize = 4 << 20;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest address that a host may have used for us, in bytes.
const HOST_BYTES: usize = 300;

/// A host behind a connection.
pub(super) struct Host {
    /// Its first name, in lower case: the key of its bookmarks.
    machine: String,
    speaker: Speaker,
}

/// A collector.
pub(super) struct Collector {
    name: Arc<str>,
    subscription: Subscription,
    id: String,
    issuer: String,
    relays: Vec<String>,
    state: State,
    feed: Feed,
    key: DigestKey,
    standing: Mutex<Standing>,
}

/// What goes on from message to message.
struct Standing {
    status: SourceStatus,
    /// Whence the actors of changes came, by their logon ids.
    sessions: Sessions,
}

/// Why a request is not answered as wanted.
struct Refusal(StatusCode, &'static str);

impl Collector {
    pub(super) async fn new(
        name: &str,
        subscription: Subscription,
        issuer: String,
        relays: Vec<String>,
        state: &State,
        feed: Feed,
        key: DigestKey,
    ) -> Result<Self> {
        let known = state.store.sources().await?.into_iter().find(|source| source.name == name && source.kind == "wef");
        let status =
            known.unwrap_or_else(|| SourceStatus { name: name.into(), kind: "wef".into(), ..SourceStatus::default() });
        state.store.put_source(&status).await?;
        Ok(Self {
            name: name.into(),
            id: subscription.id(),
            subscription,
            issuer,
            relays,
            state: State::clone(state),
            feed,
            key,
            standing: Mutex::new(Standing { status, sessions: Sessions::default() }),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The host of a certificate's names, of which there is one at least.
    pub(super) fn host(&self, names: Vec<String>) -> Host {
        let relay = names.iter().any(|name| self.relays.iter().any(|relay| relay.eq_ignore_ascii_case(name)));
        let machine = names.first().map(|name| name.to_lowercase()).unwrap_or_default();
        Host { machine, speaker: Speaker { names, relay } }
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer(&self, request: Request<Incoming>, host: &Host) -> Response<Body> {
        let charset = charset(request.headers()).to_owned();
        match self.take(request, host).await {
            Ok(Some(text)) => reply(&text, &charset),
            Ok(None) => plain(StatusCode::NO_CONTENT),
            Err(Refusal(status, reason)) => {
                tracing::warn!(source.name = %self.name, host.name = host.machine, reason, "a request was refused");
                metrics::counter!("hopwatch_wef_refused_total", "reason" => reason).increment(1);
                plain(status)
            }
        }
    }

    async fn take(&self, request: Request<Incoming>, host: &Host) -> Result<Option<String>, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "method"));
        }
        let (parts, body) = request.into_parts();
        let body = receive(&parts.headers, body).await?;
        if body.is_empty() {
            // Windows opens a conversation with an empty request, to be told how to log in. It has by its certificate.
            return Ok(Some(String::new()));
        }
        let encoding = header(&parts.headers, CONTENT_ENCODING.as_str());
        let text = wef::text(&body, encoding, charset(&parts.headers)).map_err(|error| unreadable(&error))?;
        let envelope = Envelope::decode(&text).map_err(|error| unreadable(&error))?;
        let address = address(&parts.headers);
        let manager = parts.uri.path().eq_ignore_ascii_case("/wsman/SubscriptionManager/WEC");
        let subscribed = parts.uri.path().strip_prefix("/wsman/subscriptions/");
        let ours = subscribed.is_some_and(|rest| rest.split('/').next().unwrap_or(rest).eq_ignore_ascii_case(&self.id));
        match &envelope.action {
            Action::Enumerate if manager => self.enumerate(&envelope, host, &address).await.map(Some),
            Action::Heartbeat if ours => self.heartbeat(&envelope, host, &address).await.map(Some),
            Action::Events if ours => self.events(&envelope, host, &address).await.map(Some),
            Action::SubscriptionEnd | Action::End => Ok(None),
            // A subscription of another configuration: the host learns of the present one when it asks again.
            Action::Heartbeat | Action::Events => Err(Refusal(StatusCode::NOT_FOUND, "subscription_unknown")),
            Action::Enumerate | Action::Other => Err(Refusal(StatusCode::BAD_REQUEST, "action_unknown")),
        }
    }

    async fn enumerate(&self, envelope: &Envelope<'_>, host: &Host, address: &str) -> Result<String, Refusal> {
        let known = self.state.store.wef_machine(&self.id, &host.machine).await.map_err(|error| self.broken(&error))?;
        let bookmarks = known.map(|known| known.bookmarks).unwrap_or_default();
        let mut fresh = fresh;
        let mut answers = Answers { address, issuer: &self.issuer, fresh: &mut fresh };
        Ok(wef::subscriptions(envelope, &[(&self.subscription, bookmarks)], &mut answers))
    }

    async fn heartbeat(&self, envelope: &Envelope<'_>, host: &Host, address: &str) -> Result<String, Refusal> {
        let heard = self.state.store.hear_wef(&self.id, &host.machine, None, clock::now()).await;
        heard.map_err(|error| self.broken(&error))?;
        metrics::counter!("hopwatch_wef_heartbeats_total").increment(1);
        Ok(self.acknowledge(envelope, address))
    }

    /// Keeps events, then the bookmarks, then acknowledges: a crash in between brings events again, which are known by
    /// their digests, and never loses one.
    async fn events(&self, envelope: &Envelope<'_>, host: &Host, address: &str) -> Result<String, Refusal> {
        let (collected, counters) = self.read(envelope, host, &mut self.standing.lock().await.sessions);
        let times = || collected.events.iter().map(|event| event.time);
        let span = times().min().zip(times().max());
        let mut standing = self.standing.lock().await;
        let status = grown(&standing.status, &counters, span);
        let kept = self.feed.live(collected.events, status.clone()).await;
        kept.map_err(|error| self.broken(&error))?;
        standing.status = status;
        drop(standing);
        for (reason, count) in &counters.dropped {
            let labels = [("source", "wef"), ("reason", *reason)];
            metrics::counter!("hopwatch_records_dropped_total", &labels).increment(*count);
        }
        let received = Some((envelope.bookmarks.as_slice(), counters.read));
        let heard = self.state.store.hear_wef(&self.id, &host.machine, received, clock::now()).await;
        heard.map_err(|error| self.broken(&error))?;
        Ok(self.acknowledge(envelope, address))
    }

    fn read(&self, envelope: &Envelope<'_>, host: &Host, sessions: &mut Sessions) -> (Collected, Counters) {
        let mut collected = Collected::default();
        let mut context = Context::new(&self.name, &self.key, 1, &mut collected);
        std::mem::swap(&mut context.sessions, sessions);
        wef::collect(envelope, &host.speaker, &mut context);
        std::mem::swap(&mut context.sessions, sessions);
        let counters = context.counters;
        (collected, counters)
    }

    fn acknowledge(&self, envelope: &Envelope<'_>, address: &str) -> String {
        let mut fresh = fresh;
        wef::acknowledgement(envelope, &mut Answers { address, issuer: &self.issuer, fresh: &mut fresh })
    }

    fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Refusal {
        tracing::error!(error = %crate::graphql::error::chain(error), source.name = %self.name, "events cannot be kept");
        Refusal(StatusCode::SERVICE_UNAVAILABLE, "not_kept")
    }
}

/// The standing of a source after more was read.
fn grown(before: &SourceStatus, counters: &Counters, span: Option<(Timestamp, Timestamp)>) -> SourceStatus {
    let mut status = before.clone();
    status.read += counters.read;
    status.events += counters.events;
    if let Some((first, last)) = span {
        status.first_event_at = Some(status.first_event_at.map_or(first, |known| known.min(first)));
        status.last_event_at = status.last_event_at.max(Some(last));
    }
    for (reason, count) in &counters.dropped {
        *status.dropped.entry((*reason).to_owned()).or_default() += count;
    }
    status
}

async fn receive(headers: &HeaderMap, body: Incoming) -> Result<Bytes, Refusal> {
    const TOO_LARGE: Refusal = Refusal(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
    let promised: Option<usize> = header(headers, CONTENT_LENGTH.as_str()).parse().ok();
    if promised.is_some_and(|length| length > BODY) {
        return Err(TOO_LARGE);
    }
    match tokio::time::timeout(PATIENCE, to_bytes(Body::new(body), BODY)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let whole =
                std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
            Err(if whole { TOO_LARGE } else { Refusal(StatusCode::BAD_REQUEST, "body_cut") })
        }
        Err(_) => Err(Refusal(StatusCode::REQUEST_TIMEOUT, "body_timeout")),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    tracing::debug!(%error, "a body cannot be read");
    Refusal(StatusCode::BAD_REQUEST, "body_malformed")
}

/// How the host calls us: what it reached us by serves for its events too. Other characters than those of an address make
/// it none.
fn address(headers: &HeaderMap) -> String {
    let host = header(headers, HOST.as_str());
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    let host = if !host.is_empty() && host.len() <= HOST_BYTES && host.chars().all(fine) { host } else { "localhost" };
    format!("https://{host}")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
}

fn charset(headers: &HeaderMap) -> &str {
    let kind = header(headers, CONTENT_TYPE.as_str());
    let parameters = kind.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let found =
        parameters.filter(|(name, _)| name.eq_ignore_ascii_case("charset")).map(|(_, value)| value.trim_matches('"'));
    found.last().unwrap_or("utf-8")
}

/// A reply in the charset of the request.
fn reply(text: &str, charset: &str) -> Response<Body> {
    let (kind, body) = if charset.to_ascii_lowercase().starts_with("utf-16") {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        ("application/soap+xml;charset=UTF-16", bytes)
    } else {
        ("application/soap+xml;charset=UTF-8", text.as_bytes().to_vec())
    };
    let body = if text.is_empty() { Vec::new() } else { body };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn fresh() -> String {
    wef::uuid(&rand::random())
}
