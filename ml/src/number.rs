//! Conversions between counts and floating-point numbers that cannot fail, and logarithms that stay finite.

/// A count as a number; counts beyond 2^32 saturate.
#[must_use]
pub fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// A number at half precision. What does not fit saturates, what is no number becomes 0: no feature may be NaN.
#[must_use]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the only narrowing of floats, bounded above"
)]
pub fn single(value: f64) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(-3.0e38, 3.0e38) as f32 }
}

/// `ln(1 + count)`.
#[must_use]
pub fn log1p(value: f32) -> f32 {
    if value > 0.0 { value.ln_1p() } else { 0.0 }
}

/// The logistic function.
#[must_use]
pub fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}
