//! Sign-ins from places that one person cannot have been at, and sign-ins that are unlike the user's.
//!
//! Inputs: successful sign-ins with a place (error radius in km), autonomous system, device, second factor. Per user the
//! last trusted fix and counters of cities, countries, systems and devices; over all users the addresses that several
//! share (learned egress). Score 0–1 by `facts` of §C of the method: speed beyond an airliner after both error radii are
//! taken off, damped by what explains it, raised by what does not. Nothing is learned from a sign-in that scores as
//! suspicious, so that an intruder does not become familiar.
//!
//! Cold start: under [`Config::learning_sign_ins`] sign-ins a score is damped. Known failure: mobile carriers whose exits
//! lie far from their users; an intruder on the victim's own device or behind a learned egress.

pub mod earth;
mod profile;

use std::net::IpAddr;
use std::time::Duration;

use hopwatch_model::Timestamp;
use hopwatch_model::alert::ScorePart;
use hopwatch_model::event::SignIn;
use serde::{Deserialize, Serialize};

pub use self::earth::Point;
pub use self::profile::{Fix, Profile};
use crate::bounded::Table;

/// The most users with a profile.
const USERS: usize = 200_000;
/// The most addresses watched for being shared.
const ADDRESSES: usize = 200_000;
/// How many users of an address are remembered: enough to tell that it is shared.
const SHARERS: usize = 8;

/// Numbers of the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// An airliner's speed: beyond it nobody travels.
    pub speed_kmh: f64,
    /// Distances below it are noise of geo-location.
    pub distance_km: f64,
    /// The error radius where a source gives none. Median errors are 3–16 km for fixed lines, about 200 km for mobile.
    pub radius_km: f64,
    /// Distinct users that make an address a shared egress.
    pub sharers: usize,
    /// Sign-ins until a profile counts in full.
    pub learning_sign_ins: u32,
    /// The score from which a sign-in is suspicious, and not learned from.
    pub threshold: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            speed_kmh: 900.0,
            distance_km: 100.0,
            radius_km: 150.0,
            sharers: 3,
            learning_sign_ins: 10,
            threshold: 0.45,
        }
    }
}

/// What kind of suspicion a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    /// Nothing stands out.
    None,
    /// Two fixes that one person cannot join.
    Travel,
    /// A new device on a new network, without a breach of speed.
    Unfamiliar,
}

/// The judgement on one sign-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The kind.
    pub suspicion: Suspicion,
    /// 0–1, at least; unbounded above by little.
    pub score: f64,
    /// Every factor, with its reason.
    pub parts: Vec<ScorePart>,
    /// The trusted fix before, where there was one.
    pub before: Option<Fix>,
    /// This sign-in's fix.
    pub here: Fix,
    /// The distance after both radii are taken off.
    pub distance_km: f64,
    /// The speed that it would take.
    pub speed_kmh: f64,
}

/// Profiles of all users, bounded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Travel {
    users: Table<Profile>,
    addresses: Table<Vec<String>>,
}

impl Default for Travel {
    fn default() -> Self {
        Self { users: Table::new(USERS), addresses: Table::new(ADDRESSES) }
    }
}

impl Travel {
    /// Judges a successful sign-in of a user and learns from it unless it is suspicious; `None` without a place.
    pub fn observe(
        &mut self,
        config: &Config,
        user: &str,
        time: Timestamp,
        address: Option<IpAddr>,
        sign_in: &SignIn,
    ) -> Option<Assessment> {
        let here = Fix::of(time, address, sign_in, config.radius_km)?;
        let shared_here = self.shared(config, user, here.address.as_deref());
        let profile = self.users.get(user).cloned().unwrap_or_default();
        let before = profile.last.clone();
        let shared_before = before.as_ref().is_some_and(|fix| self.shared(config, user, fix.address.as_deref()));
        let shared = Shared { here: shared_here, before: shared_before };
        let assessment = assess(config, &profile, before, here, sign_in, shared);
        self.remember_address(user, assessment.here.address.as_deref());
        let profile = self.users.entry(user, Profile::default);
        profile.total = profile.total.saturating_add(1);
        if assessment.score < config.threshold {
            profile.learn(&assessment.here, sign_in);
        }
        Some(assessment)
    }

    /// How many profiles and addresses it holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.users.len() + self.addresses.len()
    }

    /// True where an address is used by several other users.
    fn shared(&self, config: &Config, user: &str, address: Option<&str>) -> bool {
        let Some(sharers) = address.and_then(|address| self.addresses.get(address)) else { return false };
        sharers.iter().filter(|sharer| *sharer != user).count() >= config.sharers
    }

    fn remember_address(&mut self, user: &str, address: Option<&str>) {
        let Some(address) = address else { return };
        let sharers = self.addresses.entry(address, Vec::new);
        if sharers.len() < SHARERS && !sharers.iter().any(|sharer| sharer == user) {
            sharers.push(user.to_owned());
        }
    }
}

/// Which end of a jump lies at an address that several users share.
#[derive(Clone, Copy)]
struct Shared {
    here: bool,
    before: bool,
}

fn assess(
    config: &Config,
    profile: &Profile,
    before: Option<Fix>,
    here: Fix,
    sign_in: &SignIn,
    shared: Shared,
) -> Assessment {
    let (distance_km, speed_kmh) = before.as_ref().map_or((0.0, 0.0), |before| speed(before, &here));
    let mut score = Score::default();
    let breach = speed_kmh > config.speed_kmh && distance_km > config.distance_km;
    let suspicion = if breach {
        travel(config, profile, before.as_ref(), &here, sign_in, shared, (distance_km, speed_kmh), &mut score);
        Suspicion::Travel
    } else if unfamiliar(config, profile, &here, sign_in, &mut score) {
        Suspicion::Unfamiliar
    } else {
        Suspicion::None
    };
    Assessment { suspicion, score: score.value, parts: score.parts, before, here, distance_km, speed_kmh }
}

/// The effective distance and speed between two fixes: both radii off the distance, a quarter of an hour on the time, for
/// clocks and sessions that outlive a departure.
fn speed(before: &Fix, here: &Fix) -> (f64, f64) {
    let apart = before.point.distance_km(here.point);
    let distance_km = (apart - before.radius_km - here.radius_km).max(0.0);
    let elapsed = if here.time > before.time { here.time.since(before.time) } else { before.time.since(here.time) };
    let hours = elapsed.as_secs_f64() / 3600.0 + Duration::from_secs(900).as_secs_f64() / 3600.0;
    (distance_km, distance_km / hours)
}

#[derive(Default)]
struct Score {
    value: f64,
    parts: Vec<ScorePart>,
}

impl Score {
    fn set(&mut self, name: &str, value: f64, text: String) {
        self.value = value;
        self.parts.push(ScorePart { name: name.into(), value, contribution: value, text });
    }

    fn times(&mut self, name: &str, factor: f64, text: &str) {
        let before = self.value;
        self.value *= factor;
        let contribution = self.value - before;
        self.parts.push(ScorePart { name: name.into(), value: factor, contribution, text: text.into() });
    }
}

#[expect(clippy::too_many_arguments, reason = "the factors of one formula, each named")]
fn travel(
    config: &Config,
    profile: &Profile,
    before: Option<&Fix>,
    here: &Fix,
    sign_in: &SignIn,
    shared: Shared,
    (distance_km, speed_kmh): (f64, f64),
    score: &mut Score,
) {
    let base = 0.2 + ((speed_kmh / config.speed_kmh + 1.0).ln() / 3.0).min(1.0);
    let radii = before.map_or(0.0, |before| before.radius_km) + here.radius_km;
    score.set(
        "speed",
        base,
        format!("{distance_km:.0} km at {speed_kmh:.0} km/h, after radii of {radii:.0} km are taken off"),
    );
    let familiar = profile.city(here) > 0 || profile.system(sign_in) > 0 || profile.country(here) > 0;
    let known_device = profile.device(sign_in) || sign_in.device.is_none();
    if shared.here && !known_device {
        // Intruders rent the exits that colleagues rent: such an exit explains a jump of the user's own device alone.
        score.times("shared-egress-unknown-device", 0.5, "a shared exit, but the device was never seen with this user");
    } else if shared.here || (shared.before && familiar) {
        score.times("shared-egress", 0.15, "one of the addresses is shared by several users: a VPN or proxy exit");
    } else if shared.before {
        // The office's exit explains where the user seemed to be, not why the user is now in a place never seen before.
        score.times("shared-egress-before", 0.7, "the sign-in before came through an exit that several users share");
    }
    if profile.city(here) >= 2 || profile.system(sign_in) >= 3 {
        score.times("familiar-place", 0.2, "the user is often in this city or on this network");
    } else if profile.country(here) > 0 {
        score.times("familiar-country", 0.5, "the user was in this country before");
    }
    if profile.device(sign_in) {
        score.times("known-device", 0.35, "the device is the user's own");
    } else if sign_in.device.is_some() {
        score.times("unknown-device", 1.5, "the device was never seen with this user");
        if profile.system(sign_in) == 0 && sign_in.asn.is_some() && score.value < 0.5 && !shared.here {
            let text = String::from("unknown device on a network never seen with this user");
            score.set("unknown-device-and-network", 0.5, text);
        }
    }
    if sign_in.multi_factor == Some(false) {
        score.times("no-second-factor", 1.3, "no second factor was asked for");
        if !known_device && score.value < 0.5 {
            score.set("unknown-device-alone", 0.5, "an unknown device, and nothing but the password".into());
        }
    } else if sign_in.multi_factor == Some(true) && !known_device && profile.country(here) > 0 {
        score.times(
            "second-factor",
            0.6,
            "a second factor was satisfied, in a known country: a new device of the user's",
        );
    }
    if profile.total < config.learning_sign_ins {
        score.times("learning", 0.3, "the user's profile is still being learned");
    }
}

/// A new device: 0.3 on a new network, 0.2 on a known one; 0.2 more in a new country, 0.05 in a new city, and 0.2 without a
/// second factor. Where network, country and city are known, a device is one more of the user's.
fn unfamiliar(config: &Config, profile: &Profile, here: &Fix, sign_in: &SignIn, score: &mut Score) -> bool {
    let new_device = sign_in.device.is_some() && !profile.device(sign_in);
    if !new_device || profile.total < config.learning_sign_ins {
        return false;
    }
    let new_network = sign_in.asn.is_some() && profile.system(sign_in) == 0;
    let (new_country, new_city) = (profile.country(here) == 0, profile.city(here) == 0);
    if !new_network && !new_city {
        return false;
    }
    let network = if new_network { "a new device on a new network" } else { "a new device on a known network" };
    score.set("unfamiliar", if new_network { 0.3 } else { 0.2 }, network.into());
    let (more, place) = match (new_country, new_city) {
        (true, _) => (0.2, "in a country never seen with this user"),
        (false, true) => (0.05, "in a city never seen with this user"),
        (false, false) => (0.0, "in a known city"),
    };
    score.set("unfamiliar-place", score.value + more, place.into());
    if sign_in.multi_factor == Some(false) {
        score.set("no-second-factor", score.value + 0.2, "no second factor was asked for".into());
    }
    true
}

#[cfg(test)]
mod tests;
