//! DNS queries (RFC 1035). The failure code is the response code: 3 NXDOMAIN, 5 REFUSED.

use serde::{Deserialize, Serialize};

/// A query, with its answer where it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsQuery {
    /// The name asked for, lower case, without the final dot.
    pub name: String,
    /// The type: 1 A, 12 PTR, 16 TXT, 28 AAAA, 33 SRV, 251 IXFR, 252 AXFR, 255 ANY.
    pub qtype: u16,
    /// How many answers came.
    #[serde(default)]
    pub answers: u16,
    /// The size of question and answer in bytes.
    #[serde(default)]
    pub size_bytes: u32,
    /// Whether it is a dynamic update (RFC 2136).
    #[serde(default)]
    pub update: bool,
    /// Whether it went over TCP.
    #[serde(default)]
    pub tcp: bool,
}
