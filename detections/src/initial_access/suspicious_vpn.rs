//! ## What it finds
//! A VPN connection that does not fit the user: another country, provider and device than ever before.
//!
//! ## Why it matters
//! A stolen password is first used from outside, and the VPN is where outside ends.
//!
//! ## Evidence it needs
//! RADIUS accounting or VPN logs with the user, the public address and, where there are, place, provider (ASN) and device.
//!
//! ## How it decides
//! A user is judged from the `days`th day after the first connection on, with at least `connections` in the last `days`
//! days (Defender for Identity: 30 and 5). What was never seen of that user in this time counts: the country 2, the
//! provider 1, the device 1. From `weight` on it fires; a country that `peers` other users came from in the same time counts
//! 1 only.
//!
//! ## Blind spots
//! An intruder in the user's own town on the user's own provider; sources without place and device.
//!
//! ## Likely benign causes
//! Travel with a new device; a new home.
//!
//! ## What to do
//! Ask the user by another way, end the session, reset the password.
//!
//! ## References
//! T1133, T1078; Defender for Identity 2025; RFC 2866.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{SignIn, SignInKind};
use hopwatch_model::{Activity, Event, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// The most users with a profile.
const USERS: usize = 100_000;
/// The most values of one feature remembered of a user; the one unseen for longest goes.
const VALUES: usize = 64;
/// The most users remembered of a country: beyond it, it is everybody's.
const PEERS: usize = 64;
const DAY: u64 = 86_400;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Days from the first connection until a user is judged, and the days that a profile reaches back.
    pub days: u64,
    /// Connections in that time until a user is judged.
    pub connections: usize,
    /// The sum of weights that fires.
    pub weight: f64,
    /// Other users from a country that make it less unusual.
    pub peers: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (days, connections, weight) = match sensitivity {
            Sensitivity::High => (30, 5, 3.0),
            Sensitivity::Medium => (7, 5, 2.0),
            Sensitivity::Low => (0, 1, 2.0),
        };
        Self { days, connections, weight, peers: 3 }
    }
}

/// A user's connections: times, and the values of each feature with the time when they were last seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Profile {
    first: Option<Timestamp>,
    times: Vec<Timestamp>,
    values: BTreeMap<String, Timestamp>,
}

/// Profiles by user, users by country.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SuspiciousVpn {
    users: Table<Profile>,
    countries: Table<BTreeSet<String>>,
}

impl Default for SuspiciousVpn {
    fn default() -> Self {
        Self { users: Table::new(USERS), countries: Table::new(512) }
    }
}

impl Rule for SuspiciousVpn {
    const META: Meta = Meta {
        slug: "suspicious-vpn",
        title: "VPN connection that does not fit the user",
        phase: Phase::InitialAccess,
        severity: Severity::Medium,
        techniques: &["T1133", "T1078"],
        external_id: Some(2025),
        actions: &[
            "Ask the user by another way whether the connection was theirs",
            "End the session and reset the password",
            "Look at what was done from the inside address of the session",
        ],
        source: include_str!("suspicious_vpn.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::SignIn(sign_in) = &event.activity else { return };
        // RADIUS stops and interim records repeat a session's start.
        let repeats = sign_in.accounting_status.is_some_and(|status| status != 1);
        if sign_in.kind != SignInKind::Vpn || event.outcome.failed() || repeats {
            return;
        }
        let user = change::actor(event, context.snapshot);
        if user.key.is_empty() {
            return;
        }
        let features = features(sign_in);
        let (new, weight) = self.judge(config, &user.key, &features, event.time);
        self.learn(config, &user.key, &features, event.time);
        let Some(new) = new else {
            verdicts.decline(event.time, user.key, "the user's profile is still learned");
            return;
        };
        if weight < config.weight {
            if weight > 0.0 {
                verdicts.decline(event.time, user.key, format!("weight {weight} of {}", config.weight));
            }
            return;
        }
        let address = event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
        let story = format!(
            "{} connected by VPN from {address}, with what was never seen of them: {}.",
            user.label,
            new.join(", ")
        );
        let text =
            format!("weight {weight} against {} days of connections; the threshold is {}", config.days, config.weight);
        let severity = if change::privileged(context.snapshot, user.node) { Severity::High } else { Severity::Medium };
        verdicts.raise(
            Verdict::of(event, format!("{}|{}", user.key, event.time.day()), story, "VPN connection")
                .because("new-to-the-user", weight, 50.0, text)
                .severity(severity)
                .score((50.0 + 10.0 * weight).min(95.0)),
        );
    }

    fn entries(&self) -> usize {
        self.users.len() + self.countries.len()
    }
}

/// The features of a connection: name and value.
fn features(sign_in: &SignIn) -> Vec<(&'static str, String)> {
    let country = sign_in.place.country.as_ref().map(|country| ("country", country.to_uppercase()));
    let provider = sign_in.asn.map(|number| ("provider", format!("AS{number}")));
    let device =
        sign_in.device.as_ref().filter(|device| !device.is_empty()).map(|device| ("device", device.to_lowercase()));
    country.into_iter().chain(provider).chain(device).collect()
}

impl SuspiciousVpn {
    /// What is new to the user and what it weighs; `None` while the profile is learned.
    fn judge(
        &self,
        config: &Config,
        user: &str,
        features: &[(&'static str, String)],
        now: Timestamp,
    ) -> (Option<Vec<String>>, f64) {
        let span = Duration::from_secs(config.days * DAY);
        let Some(profile) = self.users.get(user) else { return (None, 0.0) };
        let grown = profile.first.is_some_and(|first| now.since(first) >= span);
        let recent = profile.times.iter().filter(|time| config.days == 0 || now.since(**time) <= span).count();
        if !grown || recent < config.connections {
            return (None, 0.0);
        }
        let (mut new, mut sum) = (Vec::new(), 0.0);
        for (name, value) in features {
            // A feature that this user's sources never gave is no comparison.
            let given = profile.values.keys().any(|key| key.starts_with(&format!("{name}=")));
            if !given || profile.values.contains_key(&format!("{name}={value}")) {
                continue;
            }
            let others = self.countries.get(value).map_or(0, BTreeSet::len);
            sum += if *name == "country" && others < config.peers { 2.0 } else { 1.0 };
            new.push(format!("{name} {value}"));
        }
        (Some(new), sum)
    }

    fn learn(&mut self, config: &Config, user: &str, features: &[(&'static str, String)], now: Timestamp) {
        let keep = Duration::from_secs(config.days.max(30) * DAY);
        let profile = self.users.entry(user, Profile::default);
        profile.first = Some(profile.first.map_or(now, |first| first.min(now)));
        profile.times.retain(|time| now.since(*time) <= keep);
        if profile.times.len() < VALUES {
            profile.times.push(now);
        }
        profile.values.retain(|_, last| now.since(*last) <= keep);
        for (name, value) in features {
            if profile.values.len() >= VALUES {
                let oldest = profile.values.iter().min_by_key(|(_, last)| **last).map(|(key, _)| key.clone());
                oldest.and_then(|key| profile.values.remove(&key));
            }
            profile.values.insert(format!("{name}={value}"), now);
            if *name == "country" {
                let users = self.countries.entry(value, BTreeSet::new);
                if users.len() < PEERS {
                    users.insert(user.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::signin::Place;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "suspicious-vpn";
    const DAYS: i64 = 86_400;

    fn connect(secs: i64, user: &str, country: &str, asn: u32, device: &str) -> Event {
        let place = Place { country: Some(country.into()), ..Place::default() };
        let sign_in = SignIn { place, asn: Some(asn), device: Some(device.into()), ..SignIn::default() };
        by(event(secs, Activity::SignIn(Box::new(sign_in))), user, "198.51.100.9", Outcome::Success)
    }

    fn settled(user: &str, days: i64) -> Vec<Event> {
        (0..=days).map(|day| connect(day * DAYS, user, "FR", 1, "laptop")).collect()
    }

    fn then(mut events: Vec<Event>, last: Event) -> Vec<Event> {
        events.push(last);
        events
    }

    #[test]
    fn a_new_country_and_provider_after_thirty_days_fire_once_a_day() {
        let odd = |secs| connect(30 * DAYS + secs, "ann", "SG", 9, "laptop");
        let found = alerts(SLUG, &then(then(settled("ann", 29), odd(3600)), odd(7200)));
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("country SG, provider AS9"), "{}", found[0].explanation);
    }

    #[test]
    fn a_day_too_early_stays_silent() {
        assert!(alerts(SLUG, &then(settled("ann", 28), connect(30 * DAYS - 1, "ann", "SG", 9, "other"))).is_empty());
    }

    #[test]
    fn a_new_country_alone_and_a_new_device_at_home_stay_silent() {
        assert!(alerts(SLUG, &then(settled("ann", 30), connect(31 * DAYS, "ann", "SG", 1, "laptop"))).is_empty());
        assert!(alerts(SLUG, &then(settled("ann", 30), connect(31 * DAYS, "ann", "FR", 9, "other"))).is_empty());
    }

    #[test]
    fn a_country_from_which_colleagues_come_counts_less() {
        let mut events = settled("ann", 30);
        events.extend(["bob", "user1", "user2"].map(|user| connect(30 * DAYS + 60, user, "SG", 9, "laptop")));
        assert!(alerts(SLUG, &then(events, connect(31 * DAYS, "ann", "SG", 9, "laptop"))).is_empty());
    }

    #[test]
    fn a_session_that_ends_elsewhere_is_no_connection() {
        let mut stop = connect(31 * DAYS, "ann", "SG", 9, "other");
        if let Activity::SignIn(sign_in) = &mut stop.activity {
            sign_in.accounting_status = Some(2);
        }
        assert!(alerts(SLUG, &then(settled("ann", 30), stop)).is_empty());
    }
}
