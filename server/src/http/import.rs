//! `POST /import/{name}`: a file as its sender has it, streamed to disk, read by the pipeline, answered once it survives a
//! crash. `GET /import` tells a sender beforehand whether it may, and how large a file may be.
//!
//! | status | meaning |
//! |---|---|
//! | 200 | everything in the file is stored and judged |
//! | 422 | it, or a member of it, is no readable file; the answer names the reason, and what was readable is stored |
//! | 400, 401, 403, 408, 413, 415 | nothing was read, for the reason that the answer names |
//! | 500, 503, 507 | the server could not, for the reason that the answer names; send it again |

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path as Name, Query, Request, State as Extract};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use hopwatch_detections::Mode;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::App;
use super::caller::{Caller, same_origin, socket};
use crate::auth::Identity;
use crate::clock;
use crate::feed::{self, Feed, Spool, Upload};
use crate::store::Role;

/// Files that are received at a time; with the largest size of one this bounds the disk that waiting files take.
const UPLOADS: usize = 8;
/// How long a sender may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest name, in bytes: the longest path that common systems take.
const NAME_BYTES: usize = 4096;

static PLACES: Semaphore = Semaphore::const_new(UPLOADS);

/// How a file is to be taken.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Learn from it without judging it.
    history: bool,
    /// It lay in a folder that is sent as a whole: an unknown kind is passed over.
    beside: bool,
}

/// Why a file was not taken.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    reason: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, reason: impl Into<String>) -> Self {
        Self { status, code, reason: reason.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        metrics::counter!("hopwatch_imports_refused_total", "reason" => self.code).increment(1);
        let body = serde_json::json!({ "error": { "code": self.code, "reason": self.reason } });
        (self.status, axum::Json(body)).into_response()
    }
}

pub(super) async fn terms(Extract(app): Extract<App>, request: Request) -> Response {
    match admitted(&app, socket(&request), request.headers().clone()).await {
        Ok((identity, _)) => axum::Json(serde_json::json!({
            "name": identity.name,
            "role": identity.role.name(),
            "maxBytes": app.state.config.server.import_bytes,
        }))
        .into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn post(
    Extract(app): Extract<App>,
    Name(name): Name<String>,
    options: Result<Query<Options>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Response {
    let (identity, feed) = match admitted(&app, socket(&request), request.headers().clone()).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal.into_response(),
    };
    let options = match options {
        Ok(Query(options)) => options,
        Err(error) => {
            return Refusal::new(StatusCode::BAD_REQUEST, "option", error.body_text()).into_response();
        }
    };
    // Held to the end: a file that waits for the pipeline takes disk as one that is received does.
    let Ok(_place) = PLACES.acquire().await else { return stopped().into_response() };
    let taken = match receive(&app, &feed, &name, request).await {
        Ok((spool, bytes)) => take(&app, &feed, &identity, (name, bytes, spool, &options)).await,
        Err(refusal) => Err(refusal),
    };
    taken.unwrap_or_else(IntoResponse::into_response)
}

/// Who sends, and the pipeline: nobody else's body is read.
async fn admitted(app: &App, peer: Option<SocketAddr>, headers: HeaderMap) -> Result<(Identity, Feed), Refusal> {
    let caller = Caller::of(&app.state, peer, &headers).await;
    let identity =
        caller.identity.ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", caller.refusal))?;
    if identity.role < Role::Analyst {
        let reason =
            format!("{} is a {}; only analysts and administrators import", identity.name, identity.role.name());
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", reason));
    }
    if !same_origin(&app.state, &headers) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "origin", "the request comes from a page of another site"));
    }
    let feed = app.state.feed.get().cloned().ok_or_else(stopped)?;
    Ok((identity, feed))
}

/// The body as a file on disk.
async fn receive(app: &App, feed: &Feed, name: &str, request: Request) -> Result<(Spool, u64), Refusal> {
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
        let reason = format!("a name has 1 to {NAME_BYTES} bytes and no control characters");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "name", reason));
    }
    let most = app.state.config.server.import_bytes;
    let headers = request.headers();
    if headers.contains_key(CONTENT_ENCODING) {
        let reason = "send the file's own bytes without a content encoding; compressed files are told by their content";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", reason));
    }
    if length(headers).is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let spool = Spool::new(feed.incoming());
    let bytes = write(spool.path(), request.into_body(), most).await?;
    Ok((spool, bytes))
}

async fn write(path: &Path, body: Body, most: u64) -> Result<u64, Refusal> {
    let mut file = File::create(path).await.map_err(|error| disk(&error))?;
    let mut stream = body.into_data_stream();
    let mut bytes: u64 = 0;
    loop {
        let next = tokio::time::timeout(SILENCE, stream.next()).await.map_err(|_| {
            let reason = format!("the sender said nothing for {} s", SILENCE.as_secs());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "silence", reason)
        })?;
        let Some(chunk) = next else { break };
        let chunk = chunk
            .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "cut", format!("the file ended early: {error}")))?;
        bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if bytes > most {
            return Err(too_large(most));
        }
        file.write_all(&chunk).await.map_err(|error| disk(&error))?;
    }
    file.flush().await.map_err(|error| disk(&error))?;
    Ok(bytes)
}

async fn take(
    app: &App,
    feed: &Feed,
    identity: &Identity,
    (name, bytes, spool, options): (String, u64, Spool, &Options),
) -> Result<Response, Refusal> {
    let mode = if options.history { Mode::Learning } else { Mode::Judging };
    let upload = Upload { spool, bytes, name: name.clone(), beside: options.beside, mode };
    let receipt = feed.file(upload).await.map_err(|error| match error {
        feed::Error::Stopped => stopped(),
        feed::Error::Failed(cause) => {
            tracing::error!(error = format!("{cause:#}"), source.name = name, "an import failed");
            Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the server could not store it; its log says why",
            )
        }
    })?;
    let detail = format!("{} events, {} new", receipt.events, receipt.stored);
    if let Err(error) = app.state.store.audit(clock::now(), &identity.name, "import", &name, &detail).await {
        tracing::error!(error = %crate::graphql::error::chain(&error), "an import could not be noted");
    }
    let status = if receipt.exit_code == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, axum::Json(receipt)).into_response())
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn stopped() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", "no pipeline is at work in this server")
}

fn too_large(most: u64) -> Refusal {
    let reason = format!("a file may have {most} bytes (`server.import_bytes` of the configuration)");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "size", reason)
}

fn disk(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "a received file cannot be written");
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "disk", "the server's disk is full")
        }
        _ => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "disk", "the server cannot write the file"),
    }
}
