//! Duo's authentication log (Admin API `/admin/v2/logs/authentication`): requests are signed by HMAC-SHA1 over date, method, host,
//! path and parameters (Duo, *Admin API: Authentication*).

use anyhow::{Context, Result, bail};
use axum::http::{Method, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hopwatch_model::Timestamp;
use serde_json::Value;
use sha1::{Digest, Sha1};

use super::web::Web;
use super::{PAGES, Span, Take, escaped};
use crate::clock;
use crate::config::Cloud;

const PATH: &str = "/admin/v2/logs/authentication";
/// The block of SHA-1 (RFC 2104 §2).
const BLOCK: usize = 64;

pub(super) async fn read(web: &Web, cloud: &Cloud, secret: &str, span: Span, take: Take<'_>) -> Result<()> {
    let base = cloud.url.trim_end_matches('/');
    let uri: Uri = base.parse().with_context(|| format!("`{base}` is no address"))?;
    let host = uri.authority().map(|authority| authority.as_str().to_lowercase()).unwrap_or_default();
    let mut offset: Option<String> = None;
    for _ in 0..PAGES {
        // In order of their names, as they are signed.
        let mut parameters =
            vec![("limit", "1000".to_owned()), ("maxtime", millis(span.until)), ("mintime", millis(span.since))];
        if let Some(offset) = &offset {
            parameters.push(("next_offset", offset.clone()));
        }
        let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let query = query.join("&");
        let date = date(clock::now());
        let signed = format!("{date}\nGET\n{host}\n{PATH}\n{query}");
        let sum: String = hmac(secret.as_bytes(), signed.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{sum}", cloud.client_id)));
        let headers = [("authorization", basic.as_str()), ("date", date.as_str())];
        let answer = web.ask(Method::GET, &format!("{base}{PATH}?{query}"), &headers, "").await?;
        take(&answer.body);
        let page: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
        let next = &page["response"]["metadata"]["next_offset"];
        offset = match next {
            Value::Array(parts) => {
                let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                Some(parts.join(","))
            }
            Value::String(text) => Some(text.clone()),
            _ => return Ok(()),
        };
    }
    bail!("more than {PAGES} pages")
}

fn millis(time: Timestamp) -> String {
    (time.as_micros() / 1000).to_string()
}

/// RFC 5322's form, `Mon, 05 Jan 2026 08:00:00 -0000`.
fn date(time: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let day = DAYS.get(usize::from(time.weekday())).copied().unwrap_or_default();
    format!("{day}, {} {} {} {} -0000", part(8, 10), month.copied().unwrap_or_default(), part(0, 4), part(11, 19))
}

/// HMAC (RFC 2104) with SHA-1.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; BLOCK];
    let hashed: [u8; 20];
    let key = if key.len() > BLOCK {
        hashed = Sha1::digest(key).into();
        &hashed[..]
    } else {
        key
    };
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let inner = Sha1::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 §3, test cases 2 and 6.
    #[test]
    fn the_sums_of_rfc_2202_come_out() {
        let hex = |sum: [u8; 20]| sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(hmac(b"Jefe", b"what do ya want for nothing?")), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let long = [0xaa; 80];
        let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(hex(hmac(&long, text)), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }

    #[test]
    fn a_date_is_written_as_mail_does() {
        assert_eq!(date(Timestamp::from_secs(1_767_600_000)), "Mon, 05 Jan 2026 08:00:00 -0000");
    }
}
