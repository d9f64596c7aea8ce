//! The HTTP surface: the API, its subscriptions, health, metrics, report files, and the built viewer for everything else.
//!
//! Plain HTTP on purpose: TLS ends at a proxy in front. No route but `/healthz` and the viewer's own files answers
//! without a login or an operator's setting.

mod api;
mod caller;
mod download;
mod headers;
mod import;
pub mod mutual;
mod sensor;
mod socket;
mod viewer;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;

use crate::clock;
use crate::config::Metrics;
use crate::graphql::{ApiSchema, schema};
use crate::state::{State, Status};

/// The largest body of a request, in bytes: a query with a thousand exclusions fits many times.
const BODY_BYTES: usize = 1 << 20;
/// How long open requests may take after the server was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What every handler needs.
#[derive(Clone)]
struct App {
    state: State,
    schema: ApiSchema,
}

/// All routes.
pub fn router(state: &State) -> Router {
    let app = App { state: State::clone(state), schema: schema(state) };
    Router::new()
        .route("/graphql", post(api::post))
        .route("/graphql/ws", get(socket::upgrade))
        .route("/import", get(import::terms))
        .route("/import/{*name}", post(import::post))
        .route("/sensor/{name}/{epoch}/{sequence}", post(sensor::by_token))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics_text))
        .route("/reports/{id}/{file}", get(download::file))
        .fallback(viewer::file)
        .layer(middleware::from_fn(headers::secure))
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

/// Serves until `shutdown` is done, then lets open requests end.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    state: State,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router(&state).into_make_service_with_connect_info::<SocketAddr>();
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let signal = async move {
        shutdown.await;
        drop(stop);
    };
    let server = async move { axum::serve(listener, service).with_graceful_shutdown(signal).await };
    let grace = async move {
        // The channel closes when the server was told to stop.
        while stopped.changed().await.is_ok() {}
        tokio::time::sleep(GRACE).await;
    };
    let done = tokio::select! {
        result = server => result,
        () = grace => {
            tracing::warn!("requests were still open when the server stopped");
            Ok(())
        }
    };
    state.store.close().await;
    done
}

async fn healthz(Extract(app): Extract<App>) -> Response {
    if app.state.feed.get().is_some_and(|feed| !feed.alive()) {
        let body = axum::Json(serde_json::json!({ "status": "the pipeline has stopped" }));
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    axum::Json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })).into_response()
}

async fn metrics_text(Extract(app): Extract<App>, request: Request) -> Response {
    let local = caller::socket(&request).is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let allowed = match app.state.config.server.metrics {
        Metrics::Open => true,
        // Behind a proxy everyone comes from loopback.
        Metrics::Loopback => local && !app.state.config.server.trust_proxy,
        Metrics::Off => false,
    };
    if !allowed {
        return StatusCode::NOT_FOUND.into_response();
    }
    let snapshot = app.state.snapshot();
    gauge("hopwatch_graph_nodes", snapshot.node_count());
    gauge("hopwatch_graph_edges", snapshot.edge_count());
    gauge("hopwatch_coverage_gaps", app.state.gaps().len());
    standing(&app.state.status.load());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::metrics::render()).into_response()
}

/// What the pipeline says of itself.
fn standing(status: &Status) {
    for (slug, entries) in &status.entries {
        let entries = u32::try_from(*entries).unwrap_or(u32::MAX);
        metrics::gauge!("hopwatch_detection_entries", "detection" => *slug).set(f64::from(entries));
    }
    metrics::counter!("hopwatch_detections_repeated_total").absolute(status.repeated);
    if let Some(watermark) = status.watermark {
        metrics::gauge!("hopwatch_watermark_lag_seconds").set(clock::now().since(watermark).as_secs_f64());
    }
}

fn gauge(name: &'static str, value: usize) {
    metrics::gauge!(name).set(f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
}
