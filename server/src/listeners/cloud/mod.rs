//! Cloud services that are asked for their sign-ins and alerts: Entra ID and Defender by Microsoft Graph, Microsoft 365 by its
//! management API, Okta's system log, Duo's authentication log.
//!
//! A round asks for everything since the last good one, with an overlap: services write some records minutes late, and what
//! comes twice changes nothing. How far a source is stands in the data folder, so that a restart goes on there.

mod duo;
mod microsoft;
mod okta;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use hopwatch_ingest::DigestKey;
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::sources::live::Live;
use hopwatch_model::Timestamp;

use super::hub::{Batch, Hub};
use super::secret;
use crate::clock;
use crate::config::{Cloud, CloudService};
use crate::estate_file::write_whole;

/// How much earlier than its last round a round begins.
const OVERLAP: Duration = Duration::from_secs(900);
/// How far back the first round goes.
const FIRST: Duration = Duration::from_secs(86_400);
/// The furthest that a round goes back after a long stop: services keep sign-ins for 7 to 30 days.
const FURTHEST: Duration = Duration::from_secs(7 * 86_400);
/// Pages of one round; a service that never ends is left and asked again from there.
const PAGES: usize = 2000;

/// From when to when is asked.
#[derive(Clone, Copy, Debug)]
struct Span {
    since: Timestamp,
    until: Timestamp,
}

/// Takes one page of an answer.
type Take<'t> = &'t mut (dyn FnMut(&[u8]) + Send);

pub(super) fn start(name: &str, cloud: &Cloud, data_dir: &std::path::Path, hub: &Hub, key: &DigestKey) -> Result<()> {
    let secret = String::from_utf8(secret(&cloud.secret_file)?)
        .with_context(|| format!("{} is no text", cloud.secret_file.display()))?;
    let web = web::Web::new()?;
    let folder = data_dir.join("polled");
    crate::private::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let digest = blake3::hash(name.as_bytes()).to_hex();
    let poll = Poll {
        live: Live::new(name, key.clone()),
        name: name.to_owned(),
        mark: folder.join(&digest.as_str()[..16]),
        cloud: cloud.clone(),
        secret,
        web,
        hub: hub.clone(),
    };
    tokio::spawn(poll.run());
    Ok(())
}

struct Poll {
    live: Live,
    name: String,
    /// The file that says how far it is.
    mark: PathBuf,
    cloud: Cloud,
    secret: String,
    web: web::Web,
    hub: Hub,
}

impl Poll {
    async fn run(mut self) {
        loop {
            let error = match self.round().await {
                Ok(()) => None,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), source.name = self.name, "a service was not read");
                    self.live.lost("round failed", 1);
                    Some(format!("{error:#}"))
                }
            };
            let wait = Duration::from_secs(self.cloud.interval_secs.max(1));
            self.tell(Collected::default(), error).await;
            tokio::time::sleep(wait).await;
        }
    }

    /// Asks for what is new.
    async fn round(&mut self) -> Result<()> {
        let now = clock::now();
        let last = std::fs::read_to_string(&self.mark).ok().and_then(|text| text.trim().parse().ok());
        let since = last.map_or(now - FIRST, |micros| Timestamp::from_micros(micros) - OVERLAP);
        let span = Span { since: since.max(now - FURTHEST), until: now };
        let mut gathered = Collected::default();
        let live = &mut self.live;
        let asked = {
            let mut take = |page: &[u8]| {
                live.json(page, now, &mut gathered);
            };
            match self.cloud.service {
                CloudService::Entra | CloudService::Defender | CloudService::M365 => {
                    microsoft::read(&self.web, &self.cloud, &self.secret, span, &mut take).await
                }
                CloudService::Okta => okta::read(&self.web, &self.cloud, &self.secret, span, &mut take).await,
                CloudService::Duo => duo::read(&self.web, &self.cloud, &self.secret, span, &mut take).await,
            }
        };
        // What came before a failure is good, and comes again.
        self.tell(gathered, None).await;
        asked?;
        let mark = span.until.as_micros().to_string();
        write_whole(&self.mark, &[mark.as_bytes()])
            .with_context(|| format!("{} cannot be written", self.mark.display()))
    }

    async fn tell(&mut self, gathered: Collected, error: Option<String>) {
        let batch = Batch {
            name: self.name.clone(),
            kind: self.cloud.service.kind(),
            events: gathered.events,
            counters: self.live.counters().clone(),
            error,
        };
        self.hub.send(batch).await;
    }
}

/// A time as services want it: `2026-01-05T08:00:00Z`.
fn stamp(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}Z", text.get(..19).unwrap_or(&text))
}

/// A value as part of an address's query.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
