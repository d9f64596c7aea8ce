//! Who and where: accounts and hosts as a source named them, and how sure we are of a host's identity.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Sid;

/// An account as the source named it: any of name, domain and SID may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// `sAMAccountName` or principal name without realm, as spelt by the source; empty where only the SID is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// NetBIOS domain, DNS domain or Kerberos realm, as spelt by the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The security identifier, where the source gave it or the directory resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Sid>,
}

impl Account {
    /// An account of which only the name is known. `DOMAIN\name` and `name@realm` come apart; a distinguished name,
    /// which may hold both characters, stays whole.
    #[must_use]
    pub fn named(name: &str) -> Self {
        if name.contains('=') && name.contains(',') {
            return Self { name: name.into(), domain: None, sid: None };
        }
        if let Some((domain, name)) = name.split_once('\\') {
            return Self {
                name: name.into(),
                domain: Some(domain.into()).filter(|d: &String| !d.is_empty()),
                sid: None,
            };
        }
        match name.rsplit_once('@') {
            Some((name, realm)) if !name.is_empty() && !realm.is_empty() => {
                Self { name: name.into(), domain: Some(realm.into()), sid: None }
            }
            _ => Self { name: name.into(), domain: None, sid: None },
        }
    }

    /// The same account with a domain, kept where it has one already.
    #[must_use]
    pub fn in_domain(mut self, domain: &str) -> Self {
        if self.domain.is_none() && !domain.is_empty() {
            self.domain = Some(domain.into());
        }
        self
    }

    /// True for a computer's own account, whose name ends in `$`.
    #[must_use]
    pub fn machine(&self) -> bool {
        self.name.ends_with('$')
    }

    /// The key under which per-account state is kept: lower-case name without domain. Two domains of one estate that
    /// use the same name are told apart by the directory, not here.
    #[must_use]
    pub fn key(&self) -> String {
        if self.name.is_empty() {
            self.sid.as_ref().map(ToString::to_string).unwrap_or_default()
        } else {
            self.name.to_lowercase()
        }
    }
}

/// How sure an address-to-host resolution is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Nothing is known of the host but its address.
    #[default]
    Unknown,
    /// Weak: DNS name without confirmation, or an old binding.
    Low,
    /// One recent passive binding (DNS answer, NetBIOS, workstation name of a logon).
    Medium,
    /// A binding by authentication: the host's own machine account, a DHCP lease, or the host itself logged the event.
    High,
}

/// By what a host was identified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolutionMethod {
    /// Not resolved.
    #[default]
    None,
    /// The source itself names the host (event log's `Computer`, a logon's `WorkstationName`).
    Reported,
    /// Its machine account authenticated from the address (Kerberos `cname`).
    Kerberos,
    /// NTLM `AUTHENTICATE_MESSAGE` workstation or `CHALLENGE_MESSAGE` target information.
    Ntlm,
    /// A DHCP lease or request.
    Dhcp,
    /// A DNS answer or dynamic update.
    Dns,
    /// NetBIOS, LLMNR or mDNS.
    Netbios,
    /// An RDP client's cookie or a TLS server name.
    Tls,
    /// An attribute of the directory.
    Directory,
}

/// The standing of a host's identity at the time of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolution {
    /// How sure.
    pub certainty: Certainty,
    /// By what.
    pub method: ResolutionMethod,
}

/// A host as an event saw it: address, name, or both, and how they were joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Host {
    /// The address; IPv4-mapped IPv6 is unwrapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The port of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The name, as the source or the resolution table spelt it: short or fully qualified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How name and address were joined.
    #[serde(default)]
    pub resolution: Resolution,
}

impl Host {
    /// A host of which only the address is known.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self { address: Some(address.to_canonical()), ..Self::default() }
    }

    /// A host whose name the source itself reported.
    #[must_use]
    pub fn reported(name: &str) -> Self {
        Self {
            name: Some(name.into()),
            resolution: Resolution { certainty: Certainty::High, method: ResolutionMethod::Reported },
            ..Self::default()
        }
    }

    /// The key under which per-host state is kept: the short name in lower case, else the address, else empty.
    #[must_use]
    pub fn key(&self) -> String {
        match (&self.name, self.address) {
            (Some(name), _) => short_name(name),
            (None, Some(address)) => address.to_string(),
            (None, None) => String::new(),
        }
    }

    /// What to show an analyst: the short name, else the address, else `unknown host`.
    #[must_use]
    pub fn label(&self) -> String {
        let key = self.key();
        if key.is_empty() { "unknown host".into() } else { key }
    }
}

/// The first label of a DNS name or a NetBIOS name, in lower case, without `$`; addresses stay whole.
#[must_use]
pub fn short_name(name: &str) -> String {
    let name = name.trim_start_matches('\\').trim_end_matches('$');
    // Only what begins like an address is tried as one: this runs for every host of every event.
    let address = name.contains(':') || name.starts_with(|first: char| first.is_ascii_digit());
    if address && name.parse::<IpAddr>().is_ok() {
        return name.to_lowercase();
    }
    name.split('.').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_from_their_domains() {
        assert_eq!(Account::named("LAB\\ann").domain.as_deref(), Some("LAB"));
        assert_eq!(Account::named("ann@lab.example").name, "ann");
        assert_eq!(Account::named("@").name, "@");
    }

    #[test]
    fn an_address_is_not_cut_at_its_first_dot() {
        assert_eq!(short_name("10.0.0.1"), "10.0.0.1");
        assert_eq!(short_name("WS1.lab.example"), "ws1");
    }
}
