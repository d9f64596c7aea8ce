//! ## What it finds
//! Data carried out in the names of DNS queries.
//!
//! ## Why it matters
//! Resolvers pass queries on where no other traffic leaves the network: slow, but nearly everywhere open.
//!
//! ## Evidence it needs
//! Wire: DNS queries at the resolver or the controllers. DNS logs.
//!
//! ## How it decides
//! Per source and registered domain within `window_secs`: at least `names` distinct names below the domain, whose part
//! before the domain is `length` characters long on average, with an entropy of at least `entropy` bits a character, and
//! `bytes` characters together. Domains of the estate itself, reverse look-ups and `ignored` ones do not count; nor do
//! domains to which `sources` hosts ask such names (content networks, reputation services).
//!
//! ## Blind spots
//! A few long answers (TXT) with short names; tunnels in DNS over HTTPS.
//!
//! ## Likely benign causes
//! Reputation services of security products, telemetry; add them to `ignored`.
//!
//! ## What to do
//! Isolate the source, look for the process that asks, block the domain.
//!
//! ## References
//! T1071.004, T1048.003; Defender for Identity 2031; RFC 1035 §2.3.4.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_graph::Snapshot;
use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::{Activity, Event, Evidence, Host, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;

/// The most pairs of source and domain watched at a time.
const PAIRS: usize = 50_000;
/// The most names remembered of one pair.
const NAMES: usize = 500;
/// The longest name below a domain that is kept (RFC 1035 §2.3.4).
const LONGEST: usize = 255;
/// Second labels under which a country's registry registers names at the third (`co.uk`, `com.au` …).
const SECOND_LEVEL: [&str; 9] = ["ac", "co", "com", "edu", "gov", "gv", "net", "ne", "org"];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct names below the domain.
    pub names: usize,
    /// Their mean length without the domain, in characters.
    pub length: f64,
    /// Their entropy, in bits a character.
    pub entropy: f64,
    /// Their characters together.
    pub bytes: usize,
    /// Sources that make a domain popular.
    pub sources: usize,
    /// Domains that do not count, with what lies below them.
    pub ignored: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let names = match sensitivity {
            Sensitivity::High => 50,
            Sensitivity::Medium => 25,
            Sensitivity::Low => 10,
        };
        let ignored = [
            "in-addr.arpa",
            "ip6.arpa",
            "local",
            "sophosxl.net",
            "mcafee.com",
            "spamhaus.org",
            "barracudacentral.org",
            "e5.sk",
            "trendmicro.com",
            "akadns.net",
            "cloudfront.net",
            "amazonaws.com",
            "windows.net",
            "googleusercontent.com",
        ];
        Self {
            window_secs: 600,
            names,
            length: 20.0,
            entropy: 3.0,
            bytes: names * 30,
            sources: 5,
            ignored: ignored.map(String::from).into(),
        }
    }
}

/// Names by source and domain, sources by domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DnsTunnelling {
    pairs: Table<Sliding<String>>,
    domains: Table<BTreeSet<String>>,
    first: Table<Evidence>,
}

impl Default for DnsTunnelling {
    fn default() -> Self {
        Self { pairs: Table::new(PAIRS), domains: Table::new(PAIRS), first: Table::new(PAIRS) }
    }
}

impl Rule for DnsTunnelling {
    const META: Meta = Meta {
        slug: "dns-tunnelling",
        title: "Data carried out in DNS queries",
        phase: Phase::Exfiltration,
        severity: Severity::Medium,
        techniques: &["T1071.004", "T1048.003"],
        external_id: Some(2031),
        actions: &[
            "Isolate the source host and find the process that asks",
            "Block the domain at the resolver",
            "Find out what data the host could reach",
        ],
        source: include_str!("dns_tunnelling.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DnsQuery(query) = &event.activity else { return };
        let Some(source) = event.source.as_ref().map(Host::key).filter(|key| !key.is_empty() && !query.update) else {
            return;
        };
        let Some((payload, domain)) = split(&query.name) else { return };
        // Short names carry nothing: they are neither kept nor counted.
        if as_f64(payload.len()) < config.length / 2.0 || payload.len() > LONGEST || ignored(domain, config) {
            return;
        }
        let sources = self.domains.entry(domain, BTreeSet::new);
        if sources.len() < config.sources {
            sources.insert(source.clone());
        }
        let popular = sources.len() >= config.sources;
        let pair = format!("{source}|{domain}");
        let window = self.pairs.entry(&pair, Sliding::new);
        if window.is_empty() {
            let seen = evidence(event, "the first such name");
            self.first.entry(&pair, || seen.clone()).clone_from(&seen);
        }
        window.push(event.time, payload.to_owned(), Duration::from_secs(config.window_secs), NAMES);
        // The cheap test first: a measure is taken only where there are names enough.
        if context.mode == Mode::Learning || window.len() < config.names {
            return;
        }
        let measure = Measure::of(&window.distinct());
        if measure.names < config.names
            || measure.length < config.length
            || measure.entropy < config.entropy
            || measure.bytes < config.bytes
        {
            return;
        }
        if popular || own(domain, context.snapshot) {
            verdicts.decline(event.time, pair, "the domain is the estate's own, or many hosts ask so");
            return;
        }
        let minutes = config.window_secs / 60;
        let story = format!(
            "{source} sent {} characters in {} names below {domain} within {minutes} minutes.",
            measure.bytes, measure.names
        );
        let text = format!(
            "{} names of {:.0} characters at {:.1} bits each; thresholds {}, {:.0} and {:.1}",
            measure.names, measure.length, measure.entropy, config.names, config.length, config.entropy
        );
        let first = self.first.get(&pair).cloned();
        verdicts.raise(
            Verdict::of(event, pair, story, "a name that carries data")
                .against(domain)
                .because("payload", as_f64(measure.bytes), 60.0, text)
                .score(82.0)
                .with_evidence(first),
        );
    }

    fn entries(&self) -> usize {
        self.pairs.len() + self.domains.len() + self.first.len()
    }
}

/// The part of a name below its registered domain, and that domain.
fn split(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches('.');
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(at, _)| at).take(3).collect();
    let second = dots.get(1).and_then(|at| name.get(at + 1..*dots.first()?));
    let deep = second.is_some_and(|label| SECOND_LEVEL.contains(&label)) && name.len() - dots.first()? <= 3;
    let at = *dots.get(if deep { 2 } else { 1 })?;
    Some((name.get(..at)?, name.get(at + 1..)?))
}

fn ignored(domain: &str, config: &Config) -> bool {
    config.ignored.iter().any(|known| {
        domain.eq_ignore_ascii_case(known)
            || domain.to_lowercase().ends_with(&format!(".{}", known.to_lowercase()))
            // A name that is longer than the registered domain (`in-addr.arpa` itself is one).
            || known.to_lowercase().ends_with(&format!(".{}", domain.to_lowercase()))
    })
}

/// True for the domains of the estate.
fn own(domain: &str, snapshot: &Snapshot) -> bool {
    snapshot.nodes().filter(|id| snapshot.kind(*id) == NodeKind::Domain).any(|id| {
        snapshot.node(id).and_then(|node| node.text("name")).is_some_and(|name| {
            let name = name.to_lowercase();
            name == domain || name.ends_with(&format!(".{domain}"))
        })
    })
}

/// What names carry.
struct Measure {
    names: usize,
    length: f64,
    entropy: f64,
    bytes: usize,
}

impl Measure {
    fn of(names: &BTreeSet<&String>) -> Self {
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        let mut bytes = 0;
        for character in names.iter().flat_map(|name| name.chars()).filter(|character| *character != '.') {
            *counts.entry(character).or_default() += 1;
            bytes += 1;
        }
        let total = as_f64(bytes);
        let entropy = counts.values().map(|count| as_f64(*count) / total).map(|share| -share * share.log2()).sum();
        Self { names: names.len(), length: total / as_f64(names.len().max(1)), entropy, bytes }
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::DnsQuery;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "dns-tunnelling";

    fn query(secs: i64, name: &str, source: &str) -> Event {
        let query = DnsQuery { name: name.into(), qtype: 16, ..DnsQuery::default() };
        by(event(secs, Activity::DnsQuery(Box::new(query))), "", source, Outcome::Success)
    }

    /// A name as tunnels make it: 32 hexadecimal characters that differ each time.
    fn payload(number: i64) -> String {
        let mixed = u128::try_from(number + 1).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!("{mixed:032x}")
    }

    fn tunnel(count: i64, domain: &str, source: &str) -> Vec<Event> {
        (0..count).map(|i| query(i, &format!("{}.{domain}", payload(i)), source)).collect()
    }

    #[test]
    fn fifty_names_of_payload_fire_once_and_forty_nine_do_not() {
        assert_eq!(alerts(SLUG, &tunnel(80, "evil.test", "10.0.0.9")).len(), 1);
        assert!(alerts(SLUG, &tunnel(49, "evil.test", "10.0.0.9")).is_empty());
    }

    #[test]
    fn the_estates_own_domain_and_reverse_lookups_stay_silent() {
        assert!(alerts(SLUG, &tunnel(80, "lab.example", "10.0.0.9")).is_empty());
        assert!(alerts(SLUG, &tunnel(80, "10.in-addr.arpa", "10.0.0.9")).is_empty());
    }

    #[test]
    fn a_domain_that_many_hosts_ask_so_stays_silent() {
        let mut events: Vec<Event> = (0..5)
            .map(|i| query(i - 60, &format!("{}.cdn.test", payload(1000 + i)), &format!("10.0.0.{}", 20 + i)))
            .collect();
        events.extend(tunnel(80, "cdn.test", "10.0.0.9"));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn short_names_and_one_name_asked_often_stay_silent() {
        let short: Vec<Event> = (0..200).map(|i| query(i, &format!("www{i}.shop.test"), "10.0.0.9")).collect();
        assert!(alerts(SLUG, &short).is_empty());
        let same: Vec<Event> = (0..200).map(|i| query(i, &format!("{}.evil.test", payload(1)), "10.0.0.9")).collect();
        assert!(alerts(SLUG, &same).is_empty());
    }

    #[test]
    fn a_registered_domain_is_told_from_a_registrys() {
        assert_eq!(split("a.b.evil.test"), Some(("a.b", "evil.test")));
        assert_eq!(split("a.evil.co.uk"), Some(("a", "evil.co.uk")));
        assert_eq!(split("evil.test"), None);
    }
}
