//! Microsoft's services: a token by client credentials (OAuth 2.0, RFC 6749 §4.4), then Graph's `auditLogs/signIns` or
//! `security/alerts_v2` page by page, or the Office 365 management API's list of content and each of its blobs.

use anyhow::{Context, Result, bail};
use axum::http::Method;
use serde_json::Value;

use super::web::Web;
use super::{PAGES, Span, Take, escaped, stamp};
use crate::config::{Cloud, CloudService};

pub(super) async fn read(web: &Web, cloud: &Cloud, secret: &str, span: Span, take: Take<'_>) -> Result<()> {
    let base = cloud.url.trim_end_matches('/');
    let token = token(web, cloud, secret).await.context("no token was given")?;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
    let first = match cloud.service {
        CloudService::M365 => return blobs(web, cloud, &headers, span, take).await,
        CloudService::Defender => "/v1.0/security/alerts_v2",
        _ => "/v1.0/auditLogs/signIns",
    };
    let filter = format!("createdDateTime ge {} and createdDateTime lt {}", stamp(span.since), stamp(span.until));
    let mut address = format!("{base}{first}?$top=500&$filter={}", escaped(&filter));
    for _ in 0..PAGES {
        let answer = web.ask(Method::GET, &address, &headers, "").await?;
        take(&answer.body);
        let page: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
        match page["@odata.nextLink"].as_str() {
            Some(next) if same_host(next, base) => address = next.to_owned(),
            Some(_) => bail!("the next page is at another host, to which the token does not go"),
            None => return Ok(()),
        }
    }
    bail!("more than {PAGES} pages")
}

async fn token(web: &Web, cloud: &Cloud, secret: &str) -> Result<String> {
    let base = cloud.url.trim_end_matches('/');
    let address = format!("{}/{}/oauth2/v2.0/token", cloud.login_url.trim_end_matches('/'), escaped(&cloud.tenant));
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
        escaped(&cloud.client_id),
        escaped(secret),
        escaped(&format!("{base}/.default"))
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = web.ask(Method::POST, &address, &headers, &body).await?;
    let json: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
    Ok(json["access_token"].as_str().context("the answer holds no token")?.to_owned())
}

/// The list of content takes 24 hours at a time.
async fn blobs(web: &Web, cloud: &Cloud, headers: &[(&'static str, &str)], span: Span, take: Take<'_>) -> Result<()> {
    let base = cloud.url.trim_end_matches('/');
    let feed = format!("{base}/api/v1.0/{}/activity/feed/subscriptions", escaped(&cloud.tenant));
    let mut since = span.since;
    let mut pages = 0;
    while since < span.until {
        let until = span.until.min(since + std::time::Duration::from_secs(86_400));
        let bounds = format!("startTime={}&endTime={}", escaped(&stamp(since)), escaped(&stamp(until)));
        let mut list = format!("{feed}/content?contentType=Audit.AzureActiveDirectory&{bounds}");
        loop {
            pages += 1;
            if pages > PAGES {
                bail!("more than {PAGES} pages");
            }
            let answer = web.ask(Method::GET, &list, headers, "").await?;
            let blobs: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
            for blob in blobs.as_array().into_iter().flatten() {
                let Some(address) = blob["contentUri"].as_str() else { continue };
                if !same_host(address, base) {
                    bail!("content is at another host, to which the token does not go");
                }
                take(&web.ask(Method::GET, address, headers, "").await?.body);
            }
            match answer.headers.get("nextpageuri").and_then(|value| value.to_str().ok()) {
                Some(next) if same_host(next, base) => list = next.to_owned(),
                _ => break,
            }
        }
        since = until;
    }
    Ok(())
}

pub(super) fn same_host(address: &str, base: &str) -> bool {
    let parts = |text: &str| {
        let uri: axum::http::Uri = text.parse().ok()?;
        Some((uri.scheme_str()?.to_owned(), uri.authority()?.as_str().to_lowercase()))
    };
    parts(address).is_some_and(|found| Some(found) == parts(base))
}
