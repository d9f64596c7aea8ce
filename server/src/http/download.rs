//! `/reports/<id>/<file>`: the files of written reports, for whoever is logged in.

use axum::extract::{Path, Request, State as Extract};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::App;
use super::caller::{Caller, socket};

/// A report may style itself and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox";

pub(super) async fn file(
    Extract(app): Extract<App>,
    Path((id, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (peer, headers) = (socket(&request), request.headers().clone());
    let caller = Caller::of(&app.state, peer, &headers).await;
    if caller.identity.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(Some(report)) = app.state.store.report(&id).await else { return StatusCode::NOT_FOUND.into_response() };
    // Only a name that the report itself lists leads to a file: nothing of the address reaches the disk otherwise.
    let Some(file) = report.files.iter().find(|file| file.file == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let path = crate::reports::folder(app.state.store.data_dir(), &report.id).join(&file.file);
    let bytes = match tokio::fs::read(&path).await {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "a report's file cannot be read");
            return StatusCode::GONE.into_response();
        }
    };
    let attached = format!("attachment; filename=\"{}\"", file.file);
    let (kind, disposition) = match file.format.as_str() {
        "html" => ("text/html; charset=utf-8", "inline".to_owned()),
        "pdf" => ("application/pdf", attached),
        "xlsx" => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", attached),
        _ => ("application/octet-stream", attached),
    };
    let policy = POLICY.to_owned();
    let headers =
        [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition), (CONTENT_SECURITY_POLICY, policy)];
    (headers, bytes).into_response()
}
