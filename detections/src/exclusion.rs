//! Exclusions: what an operator does not want to be alerted of, with a reason and an expiry.

use std::net::IpAddr;

use hopwatch_model::Timestamp;
use hopwatch_model::identity::short_name;
use serde::{Deserialize, Serialize};

use crate::frame::Verdict;

/// One exclusion. Every field that is set must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// Detections it holds for; empty = all.
    #[serde(default)]
    pub detections: Vec<String>,
    /// The actor's name.
    #[serde(default)]
    pub account: Option<String>,
    /// The source host's name or address.
    #[serde(default)]
    pub host: Option<String>,
    /// The source's subnet, `10.0.0.0/8`.
    #[serde(default)]
    pub subnet: Option<String>,
    /// Why; shown where it made an alert silent.
    pub reason: String,
    /// Until when; without it for ever.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl Exclusion {
    /// True where it silences a verdict of a detection. An exclusion that names nothing covers nothing.
    #[must_use]
    pub fn covers(&self, slug: &str, verdict: &Verdict) -> bool {
        let last = verdict.evidence.iter().map(|evidence| evidence.time).max();
        if self.until.zip(last).is_some_and(|(until, last)| last > until) {
            return false;
        }
        if self.detections.is_empty() && self.account.is_none() && self.host.is_none() && self.subnet.is_none() {
            return false;
        }
        let detection = self.detections.is_empty() || self.detections.iter().any(|name| name == slug);
        let account = self
            .account
            .as_ref()
            .is_none_or(|name| verdict.actor.as_ref().is_some_and(|actor| actor.name.eq_ignore_ascii_case(name)));
        let host = self.host.as_ref().is_none_or(|name| {
            verdict.source.as_ref().is_some_and(|source| {
                source.key() == short_name(name) || source.address.is_some_and(|address| address.to_string() == *name)
            })
        });
        let subnet = self.subnet.as_ref().is_none_or(|subnet| {
            verdict.source.as_ref().and_then(|source| source.address).is_some_and(|address| within(address, subnet))
        });
        detection && account && host && subnet
    }
}

/// True where an address lies in a subnet in prefix notation; a malformed subnet holds nothing.
#[must_use]
pub fn within(address: IpAddr, subnet: &str) -> bool {
    let Some((network, length)) = subnet.split_once('/') else {
        return subnet.parse() == Ok(address);
    };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) if length <= 32 => {
            let shift = 32 - length;
            u64::from(u32::from(network)) >> shift == u64::from(u32::from(address)) >> shift
        }
        (IpAddr::V6(network), IpAddr::V6(address)) if length <= 128 => {
            let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
            u128::from(network) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_hold_their_addresses() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(within(at("10.1.2.3"), "10.0.0.0/8"));
        assert!(!within(at("11.1.2.3"), "10.0.0.0/8"));
        assert!(within(at("11.1.2.3"), "0.0.0.0/0"));
        assert!(within(at("fd00::1"), "fd00::/8"));
        assert!(!within(at("10.1.2.3"), "10.0.0.0/99"));
    }
}
