//! The key of a connection: the same for both of its directions.

use std::net::{IpAddr, SocketAddr};

/// Both ends, the lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: u128,
    high: u128,
    ports: u32,
}

/// Which end of a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl Key {
    /// The key of a segment, and which end sent it.
    pub(super) fn of(source: SocketAddr, target: SocketAddr) -> (Self, End) {
        let (from, to) = ((bits(source.ip()), source.port()), (bits(target.ip()), target.port()));
        let (low, high, sender) = if from <= to { (from, to, End::Low) } else { (to, from, End::High) };
        (Self { low: low.0, high: high.0, ports: u32::from(low.1) << 16 | u32::from(high.1) }, sender)
    }
}

/// IPv4 as its IPv4-mapped IPv6 address, so that both families share one key.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) | 0xffff << 32,
        IpAddr::V6(address) => u128::from(address),
    }
}
