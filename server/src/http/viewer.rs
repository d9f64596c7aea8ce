//! The built viewer, embedded. An address that is no file is a page of the viewer's own and gets its index.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
struct Dist;

/// Shown where the server was built without the viewer.
const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Hopwatch</title>\
<h1>The viewer is not built</h1><p>The API works at <code>/graphql</code>. To build the viewer: \
<code>npm ci &amp;&amp; npm run build</code> in <code>frontend/</code>, then build the server again.</p>";

pub(super) async fn file(request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Dist::get(path) {
        let kind = file.metadata.mimetype().to_owned();
        // Built assets bear a digest in their name; the index must be asked for anew.
        let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        return ([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache.to_owned())], file.data.into_owned()).into_response();
    }
    if ["assets/", "graphql", "import/", "reports/"].iter().any(|own| path.starts_with(own)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Dist::get("index.html") {
        Some(index) => ([(CACHE_CONTROL, "no-cache")], Html(index.data.into_owned())).into_response(),
        None => Html(NOT_BUILT).into_response(),
    }
}
