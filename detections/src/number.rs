//! Counts as floating-point numbers, for shares and factors.

/// A count as a number; counts beyond 2^32 saturate.
#[must_use]
pub fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
