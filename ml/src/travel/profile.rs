//! What is usual for one user: the last trusted fix, and counters of cities, countries, networks and devices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hopwatch_model::Timestamp;
use hopwatch_model::event::SignIn;
use serde::{Deserialize, Serialize};

use super::earth::Point;

/// The most entries of each counter of a user; what is counted least goes.
const ENTRIES: usize = 64;

/// Where and when a sign-in was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// When.
    pub time: Timestamp,
    /// Where.
    pub point: Point,
    /// The radius in which the true place lies.
    pub radius_km: f64,
    /// The address.
    pub address: Option<String>,
    /// The city, where known.
    pub city: Option<String>,
    /// The country, where known.
    pub country: Option<String>,
}

impl Fix {
    /// The fix of a sign-in; `None` where it has no place, or its address is a private one.
    #[must_use]
    pub fn of(time: Timestamp, address: Option<IpAddr>, sign_in: &SignIn, radius_km: f64) -> Option<Self> {
        let place = &sign_in.place;
        let point = Point::new(place.latitude?, place.longitude?)?;
        if address.is_some_and(private) {
            return None;
        }
        Some(Self {
            time,
            point,
            radius_km: place.accuracy_km.filter(|radius| radius.is_finite() && *radius >= 0.0).unwrap_or(radius_km),
            address: address.map(|address| address.to_string()),
            city: place.city.clone(),
            country: place.country.clone(),
        })
    }

    /// What to show: `Paris, FR`, else the coordinates.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.city, &self.country) {
            (Some(city), Some(country)) => format!("{city}, {country}"),
            (Some(name), None) | (None, Some(name)) => name.clone(),
            (None, None) => format!("{:.2}, {:.2}", self.point.latitude, self.point.longitude),
        }
    }

    fn city_key(&self) -> String {
        match &self.city {
            Some(city) => format!("{}/{city}", self.country.as_deref().unwrap_or_default()),
            // A tenth of a degree is about 11 km: a city.
            None => format!("{:.1}/{:.1}", self.point.latitude, self.point.longitude),
        }
    }
}

/// Addresses that no geo-location database can place.
fn private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// A user's habits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The last fix that was not suspicious.
    pub last: Option<Fix>,
    /// All sign-ins, suspicious ones included.
    pub total: u32,
    cities: BTreeMap<String, u32>,
    countries: BTreeMap<String, u32>,
    systems: BTreeMap<u32, u32>,
    devices: BTreeSet<String>,
}

impl Profile {
    /// How often the user was in the city of a fix.
    #[must_use]
    pub fn city(&self, fix: &Fix) -> u32 {
        self.cities.get(&fix.city_key()).copied().unwrap_or(0)
    }

    /// How often the user was in the country of a fix.
    #[must_use]
    pub fn country(&self, fix: &Fix) -> u32 {
        fix.country.as_ref().and_then(|country| self.countries.get(country)).copied().unwrap_or(0)
    }

    /// How often the user came through the autonomous system of a sign-in.
    #[must_use]
    pub fn system(&self, sign_in: &SignIn) -> u32 {
        sign_in.asn.and_then(|asn| self.systems.get(&asn)).copied().unwrap_or(0)
    }

    /// Whether the device of a sign-in is known.
    #[must_use]
    pub fn device(&self, sign_in: &SignIn) -> bool {
        sign_in.device.as_ref().is_some_and(|device| self.devices.contains(device))
    }

    pub(super) fn learn(&mut self, fix: &Fix, sign_in: &SignIn) {
        // A late record does not move the fix back in time.
        if self.last.as_ref().is_none_or(|last| last.time <= fix.time) {
            self.last = Some(fix.clone());
        }
        count(&mut self.cities, fix.city_key());
        if let Some(country) = &fix.country {
            count(&mut self.countries, country.clone());
        }
        if let Some(asn) = sign_in.asn {
            count(&mut self.systems, asn);
        }
        if let Some(device) = sign_in.device.as_ref().filter(|_| self.devices.len() < ENTRIES) {
            self.devices.insert(device.clone());
        }
    }
}

fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: K) {
    if !counts.contains_key(&key) && counts.len() >= ENTRIES {
        let least = counts.iter().min_by_key(|(_, count)| **count).map(|(key, _)| key.clone());
        least.and_then(|key| counts.remove(&key));
    }
    let entry = counts.entry(key).or_default();
    *entry = entry.saturating_add(1);
}
