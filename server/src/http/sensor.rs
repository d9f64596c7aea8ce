//! `POST /sensor/{name}/{epoch}/{sequence}`: a batch of a sensor's events, answered once it survives a crash.
//!
//! On the server's own port a sensor shows a token of an analyst or administrator. On the sensors' port (`[sensors]`) it
//! shows a client certificate, whose common name is the sensor's name; that port has this route alone.
//!
//! | status | meaning |
//! |---|---|
//! | 200 | it is stored; `repeated` where it was before |
//! | 400, 413, 422 | it is no batch and never will be |
//! | 401, 403 | the sensor is not known, or is another |
//! | 500, 503 | the server could not: send it again |

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Path, Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hopwatch_model::Event;
use hopwatch_model::provenance::SourceKind;

use super::App;
use super::caller::{Caller, socket};
use super::mutual::Certified;
use crate::feed::Feed;
use crate::sensor::batch::{self, Batch, MAX_PACKED};
use crate::sensor::ledger::Standing;
use crate::sensor::spool::Number;
use crate::store::{Role, SourceStatus};

/// The longest name of a sensor.
const NAME_BYTES: usize = 128;

type Place = Path<(String, u64, u64)>;

/// On the server's own port.
pub(super) async fn by_token(app: Extract<App>, place: Place, request: Request) -> Response {
    let (peer, headers): (_, HeaderMap) = (socket(&request), request.headers().clone());
    let caller = Caller::of(&app.state, peer, &headers).await;
    match caller.identity {
        None => refuse(StatusCode::UNAUTHORIZED, "unauthenticated", caller.refusal),
        Some(identity) if identity.role < Role::Analyst => {
            refuse(StatusCode::FORBIDDEN, "forbidden", "only tokens of analysts and administrators send events")
        }
        Some(_) => take(app, place, request).await,
    }
}

/// On the sensors' port, where the connection has shown a certificate.
pub(super) async fn by_certificate(
    app: Extract<App>,
    ConnectInfo(peer): ConnectInfo<Certified>,
    place: Place,
    request: Request,
) -> Response {
    if peer.name != place.0.0 {
        let reason = format!("the certificate is that of {}", peer.name);
        return refuse(StatusCode::FORBIDDEN, "name", &reason);
    }
    take(app, place, request).await
}

async fn take(Extract(app): Extract<App>, Path((name, epoch, sequence)): Place, request: Request) -> Response {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(plain) || sequence == 0 {
        return refuse(StatusCode::BAD_REQUEST, "name", "a sensor's name is a host's name, and batches count from 1");
    }
    let Some(feed) = app.state.feed.get().cloned() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "stopped", "no pipeline is at work in this server");
    };
    let Ok(packed) = to_bytes(request.into_body(), MAX_PACKED).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "size", "a batch has 32 MiB at the most, and must be whole");
    };
    // Unpacking some MB is work that other requests should not wait for.
    let unpacked = tokio::task::spawn_blocking(move || Batch::unpack(&packed)).await;
    let batch = match unpacked {
        Ok(Ok(batch)) => batch,
        Ok(Err(error @ batch::Error::TooLarge)) => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "size", &error.to_string());
        }
        Ok(Err(error)) => {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "form", &crate::graphql::error::chain(&error));
        }
        Err(_) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the batch could not be unpacked"),
    };
    // One batch after another: of two that are the same the second must see the first.
    let mut ledger = app.state.sensors.lock().await;
    let number = Number { epoch, sequence };
    let missing = match ledger.standing(&name, number) {
        Standing::Repeated => {
            metrics::counter!("hopwatch_sensor_batches_repeated_total").increment(1);
            return axum::Json(serde_json::json!({ "repeated": true, "stored": 0 })).into_response();
        }
        Standing::New { missing } => missing,
    };
    if missing > 0 {
        metrics::counter!("hopwatch_sensor_batches_missing_total", "sensor" => name.clone()).increment(missing);
        tracing::warn!(source.name = name, missing, "batches of a sensor never came");
    }
    match store(&feed, &name, batch).await {
        Ok(stored) => {
            if let Err(error) = ledger.note(&name, number) {
                tracing::error!(%error, "a sensor's batch could not be noted; sent again it changes nothing");
            }
            axum::Json(serde_json::json!({ "repeated": false, "stored": stored })).into_response()
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), source.name = name, "a sensor's batch could not be stored");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server could not store it; its log says why")
        }
    }
}

async fn store(feed: &Feed, name: &str, batch: Batch) -> anyhow::Result<u64> {
    let source: std::sync::Arc<str> = format!("sensor:{name}").into();
    let (status, unread) = (standing(&source, &batch), batch.unread);
    if unread > 0 {
        metrics::counter!("hopwatch_records_dropped_total", "source" => "sensor", "reason" => "event not known")
            .increment(unread);
    }
    // Where events come from is the server's word, not the sensor's.
    let own = |mut event: Event| {
        event.provenance.source = std::sync::Arc::clone(&source);
        event.provenance.kind = SourceKind::Capture;
        event
    };
    let events = batch.events.into_iter().map(own).collect();
    Ok(feed.live(events, status).await?.stored)
}

/// The sensor on the health page, and in the metrics.
fn standing(source: &str, batch: &Batch) -> SourceStatus {
    let health = &batch.health;
    let sensor = || source.to_owned();
    metrics::gauge!("hopwatch_sensor_cpu_percent", "sensor" => sensor()).set(health.cpu_percent);
    for (name, bytes) in
        [("hopwatch_sensor_memory_bytes", health.memory_bytes), ("hopwatch_sensor_spool_bytes", health.spool_bytes)]
    {
        metrics::gauge!(name, "sensor" => sensor())
            .set(f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) * 1024.0);
    }
    metrics::counter!("hopwatch_sensor_frames_total", "sensor" => sensor()).absolute(health.read);
    for (reason, count) in &health.dropped {
        let labels = [("sensor", sensor()), ("reason", reason.clone())];
        metrics::counter!("hopwatch_sensor_dropped_total", &labels).absolute(*count);
    }
    let times = || batch.events.iter().map(|event| event.time);
    SourceStatus {
        name: sensor(),
        kind: "sensor".into(),
        read: health.read,
        events: health.events,
        first_event_at: times().min(),
        last_event_at: times().max(),
        dropped: health.dropped.clone(),
        error: None,
    }
}

fn refuse(status: StatusCode, code: &'static str, reason: &str) -> Response {
    metrics::counter!("hopwatch_sensor_batches_refused_total", "reason" => code).increment(1);
    (status, axum::Json(serde_json::json!({ "error": { "code": code, "reason": reason } }))).into_response()
}
