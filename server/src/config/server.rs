//! `[server]`: where the server listens, and the bounds of what one request may cost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::telemetry::Format;

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metrics {
    /// Only clients on this host.
    #[default]
    Loopback,
    /// Anyone who reaches the port.
    Open,
    /// Nobody.
    Off,
}

/// Where the server listens, and what one request may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port. Plain HTTP: for other than loopback put a proxy with TLS in front.
    pub listen: SocketAddr,
    /// The folder of database, graph and reports.
    pub data_dir: PathBuf,
    /// Who may read `/metrics`: `loopback`, `open`, `off`.
    pub metrics: Metrics,
    /// The form of logs: `text`, `json`.
    pub log: Format,
    /// Whether a proxy in front sets `X-Forwarded-For` and `X-Forwarded-Proto`; without one a client could forge them.
    pub trust_proxy: bool,
    /// The longest that a query may take, in seconds.
    pub query_secs: u64,
    /// The deepest nesting of a query.
    pub query_depth: usize,
    /// The most fields that a query may ask for, counted with the sizes of its lists.
    pub query_complexity: usize,
    /// The most nodes that a graph query returns.
    pub graph_nodes: usize,
    /// The largest file that may be sent for import, in bytes.
    pub import_bytes: u64,
    /// Geo-location databases (`*.mmdb`, or folders of them) that place the addresses of sign-ins.
    pub geoip: Vec<PathBuf>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            data_dir: PathBuf::from("hopwatch-data"),
            metrics: Metrics::default(),
            log: Format::default(),
            trust_proxy: false,
            query_secs: 20,
            query_depth: 16,
            query_complexity: 60_000,
            graph_nodes: 5_000,
            import_bytes: 4 << 30,
            geoip: Vec::new(),
        }
    }
}

impl Server {
    pub(super) fn check(&self) -> Result<(), Error> {
        for (key, value) in [
            ("server.query_depth", self.query_depth),
            ("server.query_complexity", self.query_complexity),
            ("server.graph_nodes", self.graph_nodes),
        ] {
            if value == 0 {
                return Err(Error::Value { key: key.into(), reason: "must be more than 0".into() });
            }
        }
        if self.query_secs == 0 {
            return Err(Error::Value { key: "server.query_secs".into(), reason: "must be more than 0".into() });
        }
        Ok(())
    }
}
