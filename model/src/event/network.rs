//! What the network showed beside the acts themselves: names, traffic that cannot be read, broken protocol.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Resolution;

/// A name seen bound to an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameObserved {
    /// The host's name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// By what, and how sure.
    pub resolution: Resolution,
}

/// A protocol whose content was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpaqueProtocol {
    /// SMB3 transform header: encrypted.
    Smb,
    /// An RPC stub at privacy level.
    Rpc,
    /// LDAP under SASL confidentiality.
    Ldap,
    /// LDAP or anything else under TLS.
    Tls,
    /// Kerberos armoured by FAST.
    Kerberos,
}

/// Traffic that is there and cannot be read; counted per flow, reported when the flow ends or every 1,000 messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// The protocol.
    pub protocol: OpaqueProtocol,
    /// Messages that could not be read since the last such event of the flow.
    pub messages: u32,
}

/// Something broken or unusual in a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The protocol.
    pub protocol: String,
    /// What was wrong, in the decoder's words.
    pub reason: String,
}
