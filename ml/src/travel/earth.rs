//! Distances on the globe.

/// The mean radius of the earth (IUGG).
const RADIUS_KM: f64 = 6371.0;

/// A point on the globe.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Point {
    /// A point, where both are finite and on the globe; `(0, 0)` is what databases write for "unknown".
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_globe =
            latitude.is_finite() && longitude.is_finite() && latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        (on_globe && (latitude != 0.0 || longitude != 0.0)).then_some(Self { latitude, longitude })
    }

    /// The great-circle distance by the haversine formula, which stays exact for near points.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half = |x: f64| (x / 2.0).sin().powi(2);
        let h = half(a - b) + a.cos() * b.cos() * half((self.longitude - other.longitude).to_radians());
        2.0 * RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paris_to_singapore_is_ten_thousand_seven_hundred_kilometres() {
        let paris = Point::new(48.8566, 2.3522).unwrap();
        let singapore = Point::new(1.3521, 103.8198).unwrap();
        assert!((paris.distance_km(singapore) - 10_730.0).abs() < 50.0);
        assert_eq!(paris.distance_km(paris), 0.0);
    }

    #[test]
    fn places_off_the_globe_are_none() {
        assert!(Point::new(0.0, 0.0).is_none());
        assert!(Point::new(91.0, 0.0).is_none());
        assert!(Point::new(f64::NAN, 1.0).is_none());
    }
}
