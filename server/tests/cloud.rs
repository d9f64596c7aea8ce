//! Cloud services against a server of our own that answers as they do: tokens, pages, signatures, refusals.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hopwatch::config::Config;
use hopwatch::feed::Feed;
use hopwatch::listeners;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch::store::{EventFilter, SourceStatus};
use serde_json::json;

#[derive(Clone)]
struct Service {
    base: String,
    asked: Arc<AtomicUsize>,
}

fn sign_in(user: &str, minute: u32) -> serde_json::Value {
    json!({
        "id": format!("{user}{minute}"), "createdDateTime": format!("2026-01-05T08:{minute:02}:00Z"),
        "userPrincipalName": format!("{user}@lab.example"), "ipAddress": "203.0.113.7", "appDisplayName": "Mail",
        "status": { "errorCode": 0 },
        "location": { "countryOrRegion": "DE", "geoCoordinates": { "latitude": 52.5, "longitude": 13.4 } }
    })
}

async fn token(request: Request) -> Response {
    let body = axum::body::to_bytes(request.into_body(), 4096).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    if body.contains("client_secret=s%26cret") && body.contains("grant_type=client_credentials") {
        return axum::Json(json!({ "access_token": "t0ken", "expires_in": 3600 })).into_response();
    }
    (StatusCode::UNAUTHORIZED, axum::Json(json!({ "error_description": "the secret is wrong" }))).into_response()
}

async fn graph(Extract(service): Extract<Service>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    if headers["authorization"] != "Bearer t0ken" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let query = query.unwrap_or_default();
    if query.contains("page=2") {
        return axum::Json(json!({ "value": [sign_in("bob", 3)] })).into_response();
    }
    assert!(query.contains("createdDateTime%20ge%20"), "{query}");
    // Asked too often once: the client waits and asks again.
    if service.asked.fetch_add(1, Ordering::Relaxed) == 0 {
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "").into_response();
    }
    let next = format!("{}/v1.0/auditLogs/signIns?page=2", service.base);
    axum::Json(json!({ "value": [sign_in("ann", 1), sign_in("ann", 2)], "@odata.nextLink": next })).into_response()
}

async fn okta(Extract(service): Extract<Service>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    assert_eq!(headers["authorization"], "SSWS s&cret");
    if query.unwrap_or_default().contains("after=1") {
        return axum::Json(json!([])).into_response();
    }
    let record = json!([{
        "uuid": "1", "published": "2026-01-05T08:00:00.000Z", "eventType": "user.session.start",
        "actor": { "alternateId": "ann@lab.example" }, "outcome": { "result": "FAILURE" },
        "client": { "ipAddress": "198.51.100.9" }
    }]);
    let link = format!("<{0}/api/v1/logs>; rel=\"self\", <{0}/api/v1/logs?after=1>; rel=\"next\"", service.base);
    ([("link", link)], axum::Json(record)).into_response()
}

async fn duo(headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    assert!(headers["authorization"].to_str().unwrap().starts_with("Basic ") && headers.contains_key("date"));
    let record = |id: &str| {
        json!({ "txid": id, "isotimestamp": "2026-01-05T08:00:00Z", "eventtype": "authentication", "result": "success",
            "user": { "name": "ann" }, "application": { "name": "VPN" }, "access_device": { "ip": "203.0.113.7" } })
    };
    let (id, next) = match query.unwrap_or_default().contains("next_offset=1%2Ca") {
        true => ("b", json!(null)),
        false => ("a", json!(["1", "a"])),
    };
    let page = json!({ "authlogs": [record(id)], "metadata": { "next_offset": next } });
    axum::Json(json!({ "stat": "OK", "response": page })).into_response()
}

async fn content(Extract(service): Extract<Service>) -> Response {
    axum::Json(json!([{ "contentUri": format!("{}/blob", service.base), "contentId": "1" }])).into_response()
}

async fn blob() -> Response {
    axum::Json(json!([{ "CreationTime": "2026-01-05T08:00:00", "Operation": "UserLoggedIn", "RecordType": 15,
        "Workload": "AzureActiveDirectory", "UserId": "ann@lab.example", "ClientIP": "203.0.113.7" }]))
    .into_response()
}

async fn service() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = Service { base: base.clone(), asked: Arc::default() };
    let router = Router::new()
        .route("/tenant-1/oauth2/v2.0/token", post(token))
        .route("/v1.0/auditLogs/signIns", get(graph))
        .route("/api/v1/logs", get(okta))
        .route("/admin/v2/logs/authentication", get(duo))
        .route("/api/v1.0/tenant-1/activity/feed/subscriptions/content", get(content))
        .route("/blob", get(blob))
        .with_state(service);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

async fn serve(folder: &Path, sources: &str) -> (State, Feed) {
    let mut config = Config::parse(Path::new("hopwatch.toml"), sources).unwrap();
    config.server.data_dir = folder.join("data");
    let pipeline = Pipeline::open(config).await.unwrap();
    let state = Arc::clone(pipeline.state());
    let key = pipeline.key().unwrap();
    let feed = Feed::start(pipeline).unwrap();
    listeners::start(&state, &feed, &key).await.unwrap();
    (state, feed)
}

async fn standing(state: &State, name: &str, wanted: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
    let mut last = None;
    for _ in 0..1200 {
        let sources = state.store.sources().await.unwrap();
        match sources.into_iter().find(|source| source.name == name) {
            Some(found) if wanted(&found) => return found,
            other => last = other,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_is_read_page_by_page_and_repeats_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s&cret\n").unwrap();
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "other\n").unwrap();
    let base = service().await;
    let source = |name: &str, service: &str, secret: &Path| {
        format!(
            "[[sources]]\nname = \"{name}\"\nkind = \"cloud\"\nservice = \"{service}\"\nurl = \"{base}\"\nlogin_url = \"{base}\"\n\
             tenant = \"tenant-1\"\nclient_id = \"id\"\nsecret_file = {secret:?}\ninterval_secs = 1\n"
        )
    };
    let sources: String = ["entra", "okta", "duo", "m365"].iter().map(|name| source(name, name, &secret)).collect();
    let (state, feed) = serve(folder.path(), &(sources + &source("locked", "entra", &wrong))).await;

    for (name, kind, at_least) in
        [("entra", "Entra ID", 6), ("okta", "Okta", 2), ("duo", "Duo", 4), ("m365", "Microsoft 365", 2)]
    {
        // Two rounds at least: the second brings the same records again.
        let status = standing(&state, name, |status| status.events >= at_least).await;
        assert_eq!((status.kind.as_str(), status.error), (kind, None), "{name}");
    }
    assert_eq!(state.events.count(&EventFilter::default()).await.unwrap(), 3 + 1 + 2 + 1);
    let locked = standing(&state, "locked", |status| status.error.is_some()).await;
    let error = locked.error.unwrap();
    assert!(error.contains("the secret is wrong") && !error.contains("other"), "{error}");
    assert!(locked.dropped["round failed"] >= 1);
    feed.stop().await;
}
