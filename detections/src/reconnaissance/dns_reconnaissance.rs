//! ## What it finds
//! The network mapped over DNS: zone transfers by hosts that are no DNS servers, sweeps of addresses and services.
//!
//! ## Why it matters
//! A zone names every host and service of the domain; one request gives it all where transfers are open.
//!
//! ## Evidence it needs
//! Wire: DNS over UDP and TCP, answered or not.
//!
//! ## How it decides
//! (a) AXFR or IXFR from a host that is no domain controller, no host of `secondaries`, and made no transfer while
//! learning: the first request decides, refused or not. (b) Within `window_secs` from one source, `sweep` distinct names
//! asked for by PTR, or `queries` by ANY, SRV, TXT, MX or NS. Dynamic updates are no queries. A source that did so while
//! learning is spared.
//!
//! ## Blind spots
//! Sweeps slower than the window; queries by way of another resolver.
//!
//! ## Likely benign causes
//! Secondary name servers, monitoring, mail gateways (PTR, TXT): name or learn them.
//!
//! ## What to do
//! Restrict transfers to the secondaries; find the process on the source.
//!
//! ## References
//! T1018, T1590.002; Defender for Identity 2007; RFC 5936; RFC 1995; RFC 1035 §3.2.

use std::time::Duration;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use crate::usual::Usual;
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched, and names remembered of one.
const SOURCES: usize = 50_000;
const NAMES: usize = 1000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct names by PTR.
    pub sweep: usize,
    /// Distinct names by ANY, SRV, TXT, MX or NS.
    pub queries: usize,
    /// Name servers that transfer zones by right: short names or addresses.
    pub secondaries: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (sweep, queries) = match sensitivity {
            Sensitivity::High => (100, 60),
            Sensitivity::Medium => (50, 30),
            Sensitivity::Low => (20, 15),
        };
        Self { window_secs: 600, sweep, queries, secondaries: Vec::new() }
    }
}

/// Names asked for by source, and habits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DnsReconnaissance {
    sweeps: Table<Sliding<String>>,
    queries: Table<Sliding<String>>,
    usual: Usual,
}

impl Default for DnsReconnaissance {
    fn default() -> Self {
        Self { sweeps: Table::new(SOURCES), queries: Table::new(SOURCES), usual: Usual::default() }
    }
}

impl Rule for DnsReconnaissance {
    const META: Meta = Meta {
        slug: "dns-reconnaissance",
        title: "The network mapped over DNS",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1018"],
        external_id: Some(2007),
        actions: &["Restrict zone transfers to the secondary servers", "Find the process on the source host"],
        source: include_str!("dns_reconnaissance.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DnsQuery(query) = &event.activity else { return };
        let Some(source) = event.source.as_ref().filter(|_| !query.update) else { return };
        let window = Duration::from_secs(config.window_secs);
        let (what, count, least) = match query.qtype {
            251 | 252 => ("a zone transfer", 1, 1),
            12 => {
                let seen = self.sweeps.entry(&source.key(), Sliding::new);
                seen.push(event.time, query.name.clone(), window, NAMES);
                ("a sweep of addresses", seen.distinct().len(), config.sweep)
            }
            255 | 33 | 16 | 15 | 2 => {
                let seen = self.queries.entry(&source.key(), Sliding::new);
                seen.push(event.time, format!("{} {}", query.qtype, query.name), window, NAMES);
                ("a sweep of services", seen.distinct().len(), config.queries)
            }
            _ => return,
        };
        if count < least {
            return;
        }
        let right = |name: &String| {
            short_name(name) == source.key() || source.address.is_some_and(|address| address.to_string() == *name)
        };
        if context.shared.controllers.contains(source, context.snapshot) || config.secondaries.iter().any(right) {
            verdicts.decline(event.time, source.key(), "a name server");
            return;
        }
        if self.usual.met(&format!("{}|{what}", source.key()), context.mode) && context.mode == Mode::Judging {
            verdicts.decline(event.time, source.key(), format!("{what} is the source's habit"));
            return;
        }
        let who = words::who(event, context.snapshot);
        let on = words::target(event);
        let story = match least {
            1 => format!("{who} asked {on} for a transfer of the zone {}{}.", query.name, words::answer(event)),
            _ => format!("{who} asked {on} for {count} names: {what}."),
        };
        let text = format!("{what}: {count}, where the threshold is {least}");
        let key = format!("{}|{what}", source.key());
        let verdict = Verdict::of(event, key, story, what).against(query.name.clone());
        verdicts.raise(verdict.because("queries", as_f64(count), 60.0, text).score(if least == 1 {
            85.0
        } else {
            65.0
        }));
    }

    fn entries(&self) -> usize {
        self.sweeps.len() + self.queries.len() + self.usual.entries()
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::DnsQuery;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "dns-reconnaissance";

    fn query(secs: i64, name: &str, qtype: u16, source: &str) -> Event {
        let query = DnsQuery { name: name.into(), qtype, ..DnsQuery::default() };
        by(event(secs, Activity::DnsQuery(Box::new(query))), "", source, Outcome::Failure(5))
    }

    #[test]
    fn a_transfer_fires_also_where_it_is_refused() {
        assert_eq!(alerts(SLUG, &[query(0, "lab.example", 252, "ws1"), query(1, "_msdcs", 251, "ws1")]).len(), 1);
    }

    #[test]
    fn controllers_secondaries_of_habit_and_updates_stay_silent() {
        assert!(alerts(SLUG, &[query(0, "lab.example", 252, "dc1")]).is_empty());
        let history = [query(-9000, "lab.example", 252, "ws2")];
        assert!(run(SLUG, Sensitivity::High, &history, &[query(0, "lab.example", 252, "ws2")]).is_empty());
        let mut update = query(0, "lab.example", 252, "ws1");
        if let Activity::DnsQuery(query) = &mut update.activity {
            query.update = true;
        }
        assert!(alerts(SLUG, &[update]).is_empty());
    }

    #[test]
    fn a_sweep_fires_at_its_threshold() {
        let sweep = |count: i64| -> Vec<Event> {
            (0..count).map(|i| query(i, &format!("{i}.0.0.10.in-addr.arpa"), 12, "ws1")).collect()
        };
        assert_eq!(alerts(SLUG, &sweep(100)).len(), 1);
        assert!(alerts(SLUG, &sweep(99)).is_empty());
    }

    #[test]
    fn the_same_name_again_is_no_sweep() {
        let events: Vec<Event> = (0..500).map(|i| query(i, "dc1.lab.example", 255, "ws1")).collect();
        assert!(alerts(SLUG, &events).is_empty());
    }
}
