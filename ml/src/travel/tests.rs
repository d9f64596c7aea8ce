//! Tests of the travel scorer.

use hopwatch_model::event::signin::Place;

use super::*;

const PARIS: (f64, f64, &str, &str) = (48.8566, 2.3522, "FR", "Paris");
const SINGAPORE: (f64, f64, &str, &str) = (1.3521, 103.8198, "SG", "Singapore");

fn sign_in((latitude, longitude, country, city): (f64, f64, &str, &str), device: &str, asn: u32) -> SignIn {
    SignIn {
        place: Place {
            country: Some(country.into()),
            city: Some(city.into()),
            latitude: Some(latitude),
            longitude: Some(longitude),
            accuracy_km: None,
        },
        asn: Some(asn),
        device: Some(device.into()),
        ..SignIn::default()
    }
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_secs(hours * 3600)
}

fn settled() -> Travel {
    let mut travel = Travel::default();
    for hour in 0..20 {
        let seen = travel.observe(&Config::default(), "ann", at(hour), None, &sign_in(PARIS, "laptop", 1)).unwrap();
        assert!(seen.score < 0.45);
    }
    travel
}

#[test]
fn another_continent_half_an_hour_later_on_a_new_device_is_suspicious() {
    let mut travel = settled();
    let time = at(19) + Duration::from_secs(1800);
    let seen = travel.observe(&Config::default(), "ann", time, None, &sign_in(SINGAPORE, "other", 9)).unwrap();
    assert_eq!(seen.suspicion, Suspicion::Travel);
    assert!(seen.score > 0.7, "{}", seen.score);
    assert!(seen.speed_kmh > 10_000.0);
}

#[test]
fn nothing_is_learned_from_a_suspicious_sign_in() {
    let mut travel = settled();
    let foreign = sign_in(SINGAPORE, "other", 9);
    for minute in 0..5 {
        let time = at(19) + Duration::from_secs(1800 + minute * 60);
        let seen = travel.observe(&Config::default(), "ann", time, None, &foreign).unwrap();
        assert!(seen.score > 0.7, "minute {minute}: {}", seen.score);
    }
}

#[test]
fn a_flight_is_no_breach() {
    let mut travel = settled();
    let seen = travel.observe(&Config::default(), "ann", at(19 + 14), None, &sign_in(SINGAPORE, "laptop", 9)).unwrap();
    assert_eq!(seen.suspicion, Suspicion::None);
}

#[test]
fn a_shared_exit_explains_the_jump() {
    let mut travel = settled();
    let exit = "203.0.113.7".parse().ok();
    for user in ["bob", "eve", "joe"] {
        travel.observe(&Config::default(), user, at(1), exit, &sign_in(SINGAPORE, user, 9));
    }
    let time = at(19) + Duration::from_secs(1800);
    let seen = travel.observe(&Config::default(), "ann", time, exit, &sign_in(SINGAPORE, "laptop", 9)).unwrap();
    assert!(seen.score < 0.45, "{}", seen.score);
}

#[test]
fn the_own_device_and_the_learning_period_damp() {
    let mut travel = settled();
    let time = at(19) + Duration::from_secs(1800);
    let own = travel.observe(&Config::default(), "ann", time, None, &sign_in(SINGAPORE, "laptop", 9)).unwrap();
    assert!(own.score < 0.45, "{}", own.score);
    let mut fresh = Travel::default();
    fresh.observe(&Config::default(), "new", at(0), None, &sign_in(PARIS, "a", 1));
    let seen = fresh.observe(&Config::default(), "new", at(1), None, &sign_in(SINGAPORE, "b", 9)).unwrap();
    assert!(seen.score < 0.7, "{}", seen.score);
}

#[test]
fn private_addresses_and_missing_places_are_no_fixes() {
    let mut travel = Travel::default();
    let inside = "10.0.0.1".parse().ok();
    assert!(travel.observe(&Config::default(), "ann", at(0), inside, &sign_in(PARIS, "a", 1)).is_none());
    assert!(travel.observe(&Config::default(), "ann", at(0), None, &SignIn::default()).is_none());
}

#[test]
fn the_offices_shared_exit_does_not_explain_a_place_never_seen() {
    let office = "192.0.2.10".parse().ok();
    let mut travel = Travel::default();
    for hour in 0..20 {
        for user in ["ann", "bob", "eve", "joe"] {
            travel.observe(&Config::default(), user, at(hour), office, &sign_in(PARIS, user, 1));
        }
    }
    let time = at(19) + Duration::from_secs(1800);
    let far = travel.observe(&Config::default(), "ann", time, None, &sign_in(SINGAPORE, "other", 9)).unwrap();
    assert!(far.score >= 0.45, "{}", far.score);
}
