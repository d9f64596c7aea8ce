//! `/graphql/ws`: subscriptions over graphql-transport-ws. The session's cookie decides who listens.

use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::extract::{ConnectInfo, State as Extract, WebSocketUpgrade};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::App;
use super::caller::{Caller, same_origin};

/// The largest message of a client, in bytes.
const MESSAGE_BYTES: usize = 64 << 10;
/// Connections at a time: two monitors of every analyst of a large estate.
const CONNECTIONS: usize = 512;
/// How long a silent client is kept.
const KEEPALIVE: Duration = Duration::from_secs(60);

static PLACES: Semaphore = Semaphore::const_new(CONNECTIONS);

pub(super) async fn upgrade(
    Extract(app): Extract<App>,
    headers: HeaderMap,
    extensions: Extensions,
    protocol: GraphQLProtocol,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !same_origin(&app.state, &headers) {
        metrics::counter!("hopwatch_requests_refused_total", "reason" => "origin").increment(1);
        return StatusCode::FORBIDDEN.into_response();
    }
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let caller = Caller::of(&app.state, peer, &headers).await;
    if caller.identity.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(place) = PLACES.try_acquire() else {
        metrics::counter!("hopwatch_requests_refused_total", "reason" => "connections").increment(1);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let data = caller.data(None);
    upgrade.max_message_size(MESSAGE_BYTES).protocols(ALL_WEBSOCKET_PROTOCOLS).on_upgrade(move |stream| async move {
        let socket = GraphQLWebSocket::new(stream, app.schema, protocol);
        socket.with_data(data).keepalive_timeout(KEEPALIVE).serve().await;
        drop(place);
    })
}
