//! ## What it finds
//! A sign-in on a device that the user never used, on a new network or in a new city, without a breach of speed: the
//! companion of impossible-travel.
//!
//! ## Why it matters
//! An intruder in the victim's own region, or behind an exit near it, travels at no impossible speed; his device and his
//! network are still not the victim's.
//!
//! ## Evidence it needs
//! Sign-ins with a place, a device and an autonomous system: cloud applications (Entra ID, Okta, M365, Duo), VPN and RADIUS.
//!
//! ## How it decides
//! The device is new to a user with at least `learning_sign_ins` sign-ins, and so is the network or the city. The score is
//! 0.3 on a new network and 0.2 on a known one, 0.2 more in a new country, 0.05 in a new city, and 0.2 without a second
//! factor. From `threshold` on it is an alert, medium where the account is of Tier Zero. Failed sign-ins are not judged;
//! nothing is learned from what was suspicious. One alert a user and day.
//!
//! ## Blind spots
//! Sources that name no device or no network; a stolen token on the victim's own device.
//!
//! ## Likely benign causes
//! A new phone on a journey, a hotel's network with a borrowed computer.
//!
//! ## What to do
//! Ask the user by another way; end the sessions; look at what was done after the sign-in.
//!
//! ## References
//! T1078.

use hopwatch_graph::NodeFlags;
use hopwatch_ml::travel::{Assessment, Config as Numbers, Suspicion, Travel};
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Sign-ins until a profile counts.
    pub learning_sign_ins: u32,
    /// The score from which an alert is raised, 0–1.
    pub threshold: f64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (threshold, learning_sign_ins) = match sensitivity {
            Sensitivity::High => (0.65, 20),
            Sensitivity::Medium => (0.45, 10),
            Sensitivity::Low => (0.3, 5),
        };
        Self { learning_sign_ins, threshold }
    }
}

/// The profiles of sign-ins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UnfamiliarSignIn {
    travel: Travel,
}

impl Rule for UnfamiliarSignIn {
    const META: Meta = Meta {
        slug: "unfamiliar-sign-in",
        title: "Sign-in on an unknown device",
        phase: Phase::InitialAccess,
        severity: Severity::Low,
        techniques: &["T1078"],
        external_id: None,
        actions: &[
            "Ask the user by another way whether the sign-in was theirs",
            "End the account's sessions and reset its password",
            "Look at what was done after the sign-in",
        ],
        source: include_str!("unfamiliar_sign_in.rs"),
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
        let numbers = Numbers { learning_sign_ins: config.learning_sign_ins, ..Numbers::default() };
        let Some(seen) = self.travel.observe(&numbers, &user, event.time, address, sign_in) else { return };
        if seen.suspicion != Suspicion::Unfamiliar {
            return;
        }
        if seen.score < config.threshold {
            let reason = format!("score {:.2}, threshold {:.2}", seen.score, config.threshold);
            verdicts.decline(event.time, user, reason);
            return;
        }
        let tier_zero = directory::account(context.snapshot, actor)
            .is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::TIER_ZERO));
        verdicts.raise(verdict(event, &user, seen, tier_zero));
    }

    fn entries(&self) -> usize {
        self.travel.entries()
    }
}

fn verdict(event: &Event, user: &str, seen: Assessment, tier_zero: bool) -> Verdict {
    let here = seen.here.label();
    let story = format!("{user} signed in from {here} on a device that the account never used.");
    let severity = if tier_zero { Severity::Medium } else { Severity::Low };
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
    use hopwatch_model::event::SignIn;
    use hopwatch_model::event::signin::Place;

    use super::*;
    use crate::testing::{alerts, by, event};

    const SLUG: &str = "unfamiliar-sign-in";

    fn sign_in(secs: i64, country: &str, device: &str, asn: u32, second: bool) -> Event {
        let (latitude, longitude) = if country == "FR" { (Some(48.8), Some(2.3)) } else { (Some(50.8), Some(4.3)) };
        let place = Place { latitude, longitude, country: Some(country.into()), ..Place::default() };
        let device = Some(device.into());
        let sign_in = SignIn { place, device, asn: Some(asn), multi_factor: Some(second), ..SignIn::default() };
        by(event(secs, Activity::SignIn(Box::new(sign_in))), "ann", "198.51.100.9", Outcome::Success)
    }

    fn settled() -> Vec<Event> {
        (0..30).map(|hour| sign_in(hour * 3600, "FR", "laptop", 1, true)).collect()
    }

    fn found(last: Event) -> usize {
        let mut events = settled();
        events.push(last);
        alerts(SLUG, &events).len()
    }

    #[test]
    fn an_unknown_device_and_network_abroad_without_a_second_factor_fires() {
        assert_eq!(found(sign_in(60 * 3600, "BE", "other", 9, false)), 1);
    }

    #[test]
    fn a_new_network_or_a_new_device_alone_stays_silent() {
        assert_eq!(found(sign_in(60 * 3600, "BE", "laptop", 9, false)), 0);
        assert_eq!(found(sign_in(60 * 3600, "FR", "other", 1, false)), 0);
    }

    #[test]
    fn a_new_user_only_learns() {
        let events = [sign_in(0, "FR", "a", 1, true), sign_in(3600, "BE", "b", 9, false)];
        assert!(alerts(SLUG, &events).is_empty());
    }
}
