//! Okta's system log (`GET /api/v1/logs`), oldest first, the next page by the `Link` header (RFC 8288).

use anyhow::{Result, bail};
use axum::http::Method;

use super::microsoft::same_host;
use super::web::Web;
use super::{PAGES, Span, Take, escaped, stamp};
use crate::config::Cloud;

pub(super) async fn read(web: &Web, cloud: &Cloud, secret: &str, span: Span, take: Take<'_>) -> Result<()> {
    let base = cloud.url.trim_end_matches('/');
    let key = format!("SSWS {secret}");
    let headers = [("authorization", key.as_str()), ("accept", "application/json")];
    let bounds = format!("since={}&until={}", escaped(&stamp(span.since)), escaped(&stamp(span.until)));
    let mut address = format!("{base}/api/v1/logs?limit=1000&sortOrder=ASCENDING&{bounds}");
    for _ in 0..PAGES {
        let answer = web.ask(Method::GET, &address, &headers, "").await?;
        // The log of a running tenant always has a next page; an empty one is the end.
        if answer.body.trim_ascii() == b"[]" {
            return Ok(());
        }
        take(&answer.body);
        let links = answer.headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
        let next = links.flat_map(|value| value.split(',')).find(|link| link.contains("rel=\"next\""));
        let next = next.and_then(|link| link.split_once('<')?.1.split_once('>')).map(|(next, _)| next);
        match next {
            Some(next) if same_host(next, base) => address = next.to_owned(),
            Some(_) => bail!("the next page is at another host, to which the token does not go"),
            None => return Ok(()),
        }
    }
    bail!("more than {PAGES} pages")
}
