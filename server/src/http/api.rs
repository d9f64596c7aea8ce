//! `POST /graphql`: one request per body, as JSON. Forms and plain text are refused, since a page of another site could
//! send those without asking.

use std::time::Duration;

use async_graphql::{ErrorExtensionValues, Response as Answer, ServerError};
use axum::body::to_bytes;
use axum::extract::{Request, State as Extract};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, same_origin, socket};
use super::{App, BODY_BYTES};

pub(super) async fn post(Extract(app): Extract<App>, request: Request) -> Response {
    let (peer, headers) = (socket(&request), request.headers().clone());
    if !json(&headers) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content type", "send `Content-Type: application/json`");
    }
    if !same_origin(&app.state, &headers) {
        return refuse(StatusCode::FORBIDDEN, "origin", "the request comes from a page of another site");
    }
    let Ok(body) = to_bytes(request.into_body(), BODY_BYTES).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "size", "the request is larger than 1 MiB");
    };
    let mut query: async_graphql::Request = match serde_json::from_slice(&body) {
        Ok(query) => query,
        Err(error) => {
            return refuse(StatusCode::BAD_REQUEST, "form", &format!("the body is no GraphQL request: {error}"));
        }
    };
    let caller = Caller::of(&app.state, peer, &headers).await;
    query.data = caller.data(Some(Duration::from_secs(app.state.config.server.query_secs)));
    let started = crate::clock::instant();
    let answer = app.schema.execute(query).await;
    metrics::histogram!("hopwatch_query_seconds").record(started.elapsed());
    respond(StatusCode::OK, answer)
}

fn json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn respond(status: StatusCode, answer: Answer) -> Response {
    let headers = answer.http_headers.clone();
    let mut response = (status, axum::Json(answer)).into_response();
    response.headers_mut().extend(headers);
    response
}

fn refuse(status: StatusCode, reason: &'static str, text: &str) -> Response {
    metrics::counter!("hopwatch_requests_refused_total", "reason" => reason).increment(1);
    let mut error = ServerError::new(text, None);
    let mut values = ErrorExtensionValues::default();
    values.set("code", if status == StatusCode::FORBIDDEN { "FORBIDDEN" } else { "BAD_USER_INPUT" });
    error.extensions = Some(values);
    respond(status, Answer::from_errors(vec![error]))
}
