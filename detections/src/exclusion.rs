//! Exclusions: what an operator does not want to be alerted of, with a reason and an expiry. One exclusion may name many
//! accounts, hosts and subnets at once.
//!
//! An exclusion silences alerts, not learning: baselines and ledgers see excluded activity like any other, and what was
//! silenced is counted and can be asked for ("why did this not fire").

use std::net::IpAddr;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Host, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::frame::Verdict;

/// The most names of one kind in one exclusion: a department's machines fit, a mistaken paste of a log does not.
pub const MAX_NAMES: usize = 10_000;

/// One exclusion. Of each list that is not empty one entry must match; an empty list matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exclusion {
    /// Detections it holds for, by slug; empty = all.
    pub detections: Vec<String>,
    /// The actor: `name`, `DOMAIN\name` or a SID; `*` at the end stands for any ending.
    #[serde(alias = "account", deserialize_with = "one_or_many")]
    pub accounts: Vec<String>,
    /// The source host: its name, with `*` as for accounts, or its address. Where a judgement has no source, the target.
    #[serde(alias = "host", deserialize_with = "one_or_many")]
    pub hosts: Vec<String>,
    /// The source's subnet, `10.0.0.0/8`.
    #[serde(alias = "subnet", deserialize_with = "one_or_many")]
    pub subnets: Vec<String>,
    /// Why; shown where it made an alert silent.
    pub reason: String,
    /// Until when, in event time; without it for ever.
    pub until: Option<Timestamp>,
}

/// Why an exclusion cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It names neither detection nor entity, and would silence everything.
    #[error("an exclusion names at least a detection, an account, a host or a subnet")]
    Empty,
    /// It gives no reason.
    #[error("an exclusion gives a reason, so that the next reader knows why")]
    Reason,
    /// A subnet that is none.
    #[error("`{text}` is no subnet like 10.0.0.0/8")]
    Subnet {
        /// The text.
        text: String,
    },
    /// A detection that does not exist.
    #[error("there is no detection `{slug}`")]
    Unknown {
        /// The slug.
        slug: String,
    },
    /// A name of nothing, or of everything.
    #[error("`{text}` names nothing in particular")]
    Name {
        /// The text.
        text: String,
    },
    /// Too many names.
    #[error("an exclusion has at most {MAX_NAMES} names of a kind")]
    Many,
}

impl Exclusion {
    /// Looks whether the exclusion says something that can be meant.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), Error> {
        let lists = [&self.detections, &self.accounts, &self.hosts, &self.subnets];
        if lists.iter().all(|list| list.is_empty()) {
            return Err(Error::Empty);
        }
        if lists.iter().any(|list| list.len() > MAX_NAMES) {
            return Err(Error::Many);
        }
        if self.reason.trim().is_empty() {
            return Err(Error::Reason);
        }
        if let Some(text) = self.subnets.iter().find(|text| subnet(text).is_none()) {
            return Err(Error::Subnet { text: text.clone() });
        }
        let empty = |text: &&String| text.trim().trim_matches('*').is_empty();
        if let Some(text) = self.accounts.iter().chain(&self.hosts).find(empty) {
            return Err(Error::Name { text: text.clone() });
        }
        let known = |slug: &str| crate::rule_slug(slug) || crate::ALL.iter().any(|factory| factory.meta().slug == slug);
        match self.detections.iter().find(|slug| !known(slug)) {
            Some(slug) => Err(Error::Unknown { slug: slug.clone() }),
            None => Ok(()),
        }
    }

    /// True where it silences a verdict of a detection. An exclusion that names nothing covers nothing.
    #[must_use]
    pub fn covers(&self, slug: &str, verdict: &Verdict) -> bool {
        let last = verdict.evidence.iter().map(|evidence| evidence.time).max();
        let host = verdict.source.as_ref().or(verdict.target_host.as_ref());
        last.is_none_or(|last| self.in_force(last)) && self.holds_for(slug, verdict.actor.as_ref(), host)
    }

    /// True where it has not expired at a time.
    #[must_use]
    pub fn in_force(&self, time: Timestamp) -> bool {
        self.until.is_none_or(|until| time <= until)
    }

    /// True where detection, account and host are all covered.
    #[must_use]
    pub fn holds_for(&self, slug: &str, account: Option<&Account>, host: Option<&Host>) -> bool {
        let any = [&self.detections, &self.accounts, &self.hosts, &self.subnets].iter().any(|list| !list.is_empty());
        let one =
            |list: &[String], matches: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|name| matches(name));
        any && one(&self.detections, &|name| name == slug)
            && one(&self.accounts, &|name| account.is_some_and(|account| is_account(name, account)))
            && one(&self.hosts, &|name| host.is_some_and(|host| is_host(name, host)))
            && one(&self.subnets, &|subnet| {
                host.and_then(|host| host.address).is_some_and(|address| within(address, subnet))
            })
    }
}

/// `"ann"` and `["ann", "bob"]` are both lists of names.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        None,
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::None => Vec::new(),
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    })
}

fn is_account(pattern: &str, account: &Account) -> bool {
    if account.sid.as_ref().is_some_and(|sid| sid.to_string().eq_ignore_ascii_case(pattern)) {
        return true;
    }
    let wanted = Account::named(pattern);
    let domain = match (&wanted.domain, &account.domain) {
        // A NetBIOS name and a DNS name of one domain share their first label.
        (Some(wanted), Some(domain)) => short_name(wanted) == short_name(domain),
        _ => true,
    };
    domain && like(&wanted.name, &account.name)
}

fn is_host(pattern: &str, host: &Host) -> bool {
    if pattern.parse::<IpAddr>().is_ok_and(|address| host.address == Some(address.to_canonical())) {
        return true;
    }
    match pattern.strip_suffix('*') {
        Some(_) => like(pattern, &host.key()),
        None => !host.key().is_empty() && host.key() == short_name(pattern),
    }
}

/// Case does not matter; `*` at the end stands for any ending.
fn like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => !name.is_empty() && name == pattern,
    }
}

/// True where an address lies in a subnet in prefix notation; a malformed subnet holds nothing.
#[must_use]
pub fn within(address: IpAddr, text: &str) -> bool {
    match (subnet(text), address) {
        (Some((IpAddr::V4(network), length)), IpAddr::V4(address)) => {
            let shift = 32 - length;
            u64::from(u32::from(network)) >> shift == u64::from(u32::from(address)) >> shift
        }
        (Some((IpAddr::V6(network), length)), IpAddr::V6(address)) => {
            let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
            u128::from(network) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

/// True for a subnet in prefix notation, or an address.
#[must_use]
pub fn is_subnet(text: &str) -> bool {
    subnet(text).is_some()
}

/// Network and prefix length; an address alone is the subnet of itself.
fn subnet(text: &str) -> Option<(IpAddr, u32)> {
    let (network, length) = match text.split_once('/') {
        Some((network, length)) => (network.parse::<IpAddr>().ok()?, Some(length.parse::<u32>().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let most = if network.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(most);
    (length <= most).then_some((network, length))
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
        assert!(within(at("10.1.2.3"), "10.1.2.3"));
    }

    fn excluding(change: impl FnOnce(&mut Exclusion)) -> Exclusion {
        let mut exclusion = Exclusion { reason: "a test".into(), ..Exclusion::default() };
        change(&mut exclusion);
        exclusion
    }

    #[test]
    fn one_of_many_names_is_enough_and_every_kind_must_match() {
        let both = excluding(|e| {
            e.accounts = vec!["LAB\\svc_*".into(), "ann".into()];
            e.subnets = vec!["10.9.0.0/16".into(), "10.1.0.0/16".into()];
        });
        let account = |name: &str| Account::named(name).in_domain("lab.example");
        let host = Host::at("10.1.2.3".parse().unwrap());
        assert!(both.holds_for("brute-force", Some(&account("svc_scan")), Some(&host)));
        assert!(both.holds_for("brute-force", Some(&account("ANN")), Some(&host)));
        assert!(!both.holds_for("brute-force", Some(&account("bob")), Some(&host)));
        assert!(!both.holds_for("brute-force", Some(&account("ann")), Some(&Host::reported("ws1"))));
        assert!(!both.holds_for("brute-force", None, Some(&host)));
    }

    #[test]
    fn what_names_nothing_or_everything_is_refused() {
        assert_eq!(excluding(|_| {}).check(), Err(Error::Empty));
        assert!(excluding(|e| e.accounts = vec!["*".into()]).check().is_err());
        assert!(excluding(|e| e.subnets = vec!["10.0.0.0/33".into()]).check().is_err());
        assert!(excluding(|e| e.detections = vec!["no-such".into()]).check().is_err());
        assert_eq!(excluding(|e| e.hosts = vec!["ws*".into()]).check(), Ok(()));
        assert!(!Exclusion::default().holds_for("brute-force", None, None));
    }

    #[test]
    fn a_name_and_a_list_of_names_are_both_read() {
        let one: Exclusion = serde_json::from_str(r#"{"account": "ann", "reason": "r"}"#).unwrap();
        let many: Exclusion = serde_json::from_str(r#"{"accounts": ["ann"], "reason": "r"}"#).unwrap();
        assert_eq!(one, many);
    }

    #[test]
    fn an_exclusion_ends() {
        let ended = excluding(|e| {
            e.accounts = vec!["ann".into()];
            e.until = Some(Timestamp::from_secs(100));
        });
        assert!(ended.in_force(Timestamp::from_secs(100)) && !ended.in_force(Timestamp::from_secs(101)));
    }
}
