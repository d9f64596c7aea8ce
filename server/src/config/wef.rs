//! `[[sources]]` of kind `wef`: a collector to which Windows hosts forward their events. `docs/wef.md` has the hosts' side.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;

/// The form in which events come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WefContent {
    /// The event alone.
    #[default]
    Raw,
    /// With its text in the source's language; for other readers of the same subscription.
    RenderedText,
}

/// A collector to which Windows hosts forward their events, over HTTPS with a certificate of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wef {
    /// Address and port; Windows expects 5986.
    pub listen: SocketAddr,
    /// The collector's certificate with those of the authorities between, as PEM. Its name must be the one that hosts are
    /// told.
    pub certificate_file: PathBuf,
    /// The key of the certificate, as PEM.
    pub key_file: PathBuf,
    /// The authority whose certificates hosts show, as PEM: hosts of others are refused.
    pub client_ca_file: PathBuf,
    /// Which events hosts are asked for: a file with a `QueryList`. Without it, what the detections read.
    #[serde(default)]
    pub query_file: Option<PathBuf>,
    /// The form in which events come: `raw`, `rendered_text`.
    #[serde(default)]
    pub content: WefContent,
    /// How often a host that has nothing to send says so, in seconds.
    #[serde(default = "heartbeat_secs")]
    pub heartbeat_secs: u64,
    /// How long a host may wait for more events before it sends what it has, in seconds: shorter is sooner, longer fewer
    /// messages.
    #[serde(default = "latency_secs")]
    pub latency_secs: u64,
    /// Whether a host that is heard for the first time sends what its logs hold already.
    #[serde(default)]
    pub existing: bool,
    /// Hosts, by a name of their certificate, that forward the events of others, such as a Windows collector in between.
    /// Any other host may only send its own.
    #[serde(default)]
    pub relays: Vec<String>,
}

fn heartbeat_secs() -> u64 {
    900
}

fn latency_secs() -> u64 {
    5
}

impl Wef {
    pub(super) fn check(&self, name: &str) -> Result<(), Error> {
        for (key, value) in [("heartbeat_secs", self.heartbeat_secs), ("latency_secs", self.latency_secs)] {
            if value == 0 {
                return Err(Error::Value {
                    key: format!("sources.{name}.{key}"),
                    reason: "must be more than 0".into(),
                });
            }
        }
        Ok(())
    }
}
