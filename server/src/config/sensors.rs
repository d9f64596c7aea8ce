//! `[sensors]`: the port for sensors that show a certificate.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The port for sensors. Without this table sensors send to the server's own port, with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {
    /// Address and port.
    pub listen: SocketAddr,
    /// The server's certificate chain, in PEM.
    pub certificate: PathBuf,
    /// The key of it, in PEM.
    pub key: PathBuf,
    /// The authority that signs the sensors' certificates, in PEM. The common name of each is its sensor's name.
    pub client_authority: PathBuf,
}
