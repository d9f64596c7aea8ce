//! ## What it finds
//! Sign-ins of one user from places between which nobody travels that fast.
//!
//! ## Why it matters
//! It is how a phished password shows: the owner works in one city, the intruder signs in from another continent.
//!
//! ## Evidence it needs
//! Sign-ins with a place: cloud applications (Entra ID, Okta, M365, Duo), VPN and RADIUS with a geo-located outer address,
//! mail, remote desktop gateways. A place comes with the sign-in or from the geo-location database that the
//! configuration names.
//!
//! ## How it decides
//! The distance between this sign-in and the user's last trusted one, less both error radii, over the time between them
//! plus a quarter of an hour, exceeds `speed_kmh` and `distance_km`. The score grows with the speed and is damped by what
//! explains it (a shared egress, a familiar city, network, country or device, a young profile) and raised by what does
//! not (an unknown device, an unknown network, no second factor). From `threshold` on it is an alert: low, from 0.7
//! medium, high only where the account is of Tier Zero. Failed sign-ins are not judged. One alert a user and day.
//!
//! ## Blind spots
//! An intruder in the same region, on the user's own device, or behind an exit that colleagues share.
//!
//! ## Likely benign causes
//! A private VPN, a phone that roams through its home carrier, a geo-location database that is wrong.
//!
//! ## What to do
//! Ask the user by another way; end the sessions; reset the password and look at what the second sign-in did.
//!
//! ## References
//! T1078; arXiv 2605.21937 for geo-location errors.

use hopwatch_graph::NodeFlags;
use hopwatch_ml::travel::{Assessment, Suspicion, Travel};
use hopwatch_model::event::SignIn;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// The score from which an alert is medium.
const MEDIUM: f64 = 0.7;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Speed beyond which nobody travels, in km/h.
    pub speed_kmh: f64,
    /// Distance below which geo-location is noise, in km.
    pub distance_km: f64,
    /// The error radius where a source gives none, in km.
    pub radius_km: f64,
    /// Distinct users that make an address a shared egress.
    pub sharers: usize,
    /// Sign-ins until a profile counts in full.
    pub learning_sign_ins: u32,
    /// The score from which an alert is raised, 0–1.
    pub threshold: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let base = hopwatch_ml::travel::Config::default();
        let (threshold, learning_sign_ins) = match sensitivity {
            Sensitivity::High => (base.threshold, base.learning_sign_ins),
            Sensitivity::Medium => (0.35, 5),
            Sensitivity::Low => (0.25, 0),
        };
        Self {
            speed_kmh: base.speed_kmh,
            distance_km: base.distance_km,
            radius_km: base.radius_km,
            sharers: base.sharers,
            learning_sign_ins,
            threshold,
        }
    }
}

impl Config {
    fn numbers(&self) -> hopwatch_ml::travel::Config {
        hopwatch_ml::travel::Config {
            speed_kmh: self.speed_kmh,
            distance_km: self.distance_km,
            radius_km: self.radius_km,
            sharers: self.sharers,
            learning_sign_ins: self.learning_sign_ins,
            threshold: self.threshold,
        }
    }
}

/// The travel profiles.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImpossibleTravel {
    travel: Travel,
}

impl Rule for ImpossibleTravel {
    const META: Meta = Meta {
        slug: "impossible-travel",
        title: "Sign-ins from places too far apart",
        phase: Phase::InitialAccess,
        severity: Severity::Low,
        techniques: &["T1078"],
        external_id: None,
        actions: &[
            "Ask the user by another way whether the sign-in was theirs",
            "End the account's sessions and reset its password",
            "Look at what was done after the second sign-in",
        ],
        source: include_str!("impossible_travel.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::SignIn(sign_in) = &event.activity else { return };
        // RADIUS stops and interim records repeat a session's start.
        if event.outcome.failed() || sign_in.accounting_status.is_some_and(|status| status != 1) {
            return;
        }
        let Some(actor) = event.actor.as_ref().filter(|actor| !actor.key().is_empty()) else { return };
        let address = event.source.as_ref().and_then(|source| source.address);
        let user = actor.key();
        let Some(seen) = self.travel.observe(&config.numbers(), &user, event.time, address, sign_in) else {
            verdicts.decline(event.time, user, "the sign-in has no place");
            return;
        };
        if seen.suspicion != Suspicion::Travel || seen.score < config.threshold {
            if seen.suspicion == Suspicion::Travel {
                verdicts.decline(
                    event.time,
                    user,
                    format!("score {:.2}, threshold {:.2}", seen.score, config.threshold),
                );
            }
            return;
        }
        let tier_zero = directory::account(context.snapshot, actor)
            .is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::TIER_ZERO));
        verdicts.raise(verdict(event, &user, sign_in, seen, tier_zero));
    }

    fn entries(&self) -> usize {
        self.travel.entries()
    }
}

fn verdict(event: &Event, user: &str, sign_in: &SignIn, seen: Assessment, tier_zero: bool) -> Verdict {
    let here = seen.here.label();
    let there = seen.before.as_ref().map(hopwatch_ml::travel::Fix::label).unwrap_or_default();
    let minutes = seen.before.as_ref().map_or(0, |before| seen.here.time.since(before.time).as_secs() / 60);
    let apart = seen.before.as_ref().map_or(0.0, |before| before.point.distance_km(seen.here.point));
    let with = if sign_in.application.is_empty() { String::new() } else { format!(" to {}", sign_in.application) };
    let story = format!("{user} signed in{with} from {here}, {minutes} minutes after {there}, {apart:.0} km away.");
    let severity = match () {
        () if tier_zero => Severity::High,
        () if seen.score >= MEDIUM => Severity::Medium,
        () => Severity::Low,
    };
    let key = format!("{user}|{}", event.time.day());
    let mut verdict = Verdict::of(event, key, story, &format!("sign-in from {here}"))
        .severity(severity)
        .score((seen.score * 100.0).min(100.0));
    verdict.reasons = seen.parts;
    verdict
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::signin::Place;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "impossible-travel";

    fn sign_in(secs: i64, user: &str, place: (f64, f64), device: &str, outcome: Outcome) -> Event {
        let place = Place { latitude: Some(place.0), longitude: Some(place.1), ..Place::default() };
        let asn = Some(if device == "laptop" { 1 } else { 9 });
        let sign_in = SignIn { place, device: Some(device.into()), asn, ..SignIn::default() };
        by(event(secs, Activity::SignIn(Box::new(sign_in))), user, "198.51.100.9", outcome)
    }

    const PARIS: (f64, f64) = (48.8566, 2.3522);
    const SINGAPORE: (f64, f64) = (1.3521, 103.8198);

    fn settled(user: &str) -> Vec<Event> {
        (0..15).map(|i| sign_in(i * 3600, user, PARIS, "laptop", Outcome::Success)).collect()
    }

    #[test]
    fn a_jump_to_another_continent_fires_once_a_day() {
        let mut events = settled("ann");
        events.extend((0..3).map(|i| sign_in(14 * 3600 + 1800 + i, "ann", SINGAPORE, "other", Outcome::Success)));
        let found = alerts(SLUG, &events);
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("km away"), "{}", found[0].explanation);
    }

    #[test]
    fn a_failed_sign_in_alone_stays_silent() {
        let mut events = settled("ann");
        events.push(sign_in(14 * 3600 + 1800, "ann", SINGAPORE, "other", Outcome::Failure(50126)));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_administrator_makes_it_high() {
        let mut events = settled("admin");
        events.push(sign_in(14 * 3600 + 1800, "admin", SINGAPORE, "other", Outcome::Success));
        assert_eq!(alerts(SLUG, &events)[0].severity, Severity::High);
    }
}
