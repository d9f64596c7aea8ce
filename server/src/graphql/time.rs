//! Times as text: ISO 8601 in, ISO 8601 in UTC with microseconds out.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use hopwatch_model::Timestamp;

/// An ISO 8601 time in UTC with microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(pub Timestamp);

impl DateTime {
    /// A time, unless it stands for "always" or "still".
    #[must_use]
    pub fn finite(time: Timestamp) -> Option<Self> {
        (time != Timestamp::MIN && time != Timestamp::MAX).then_some(Self(time))
    }
}

/// An ISO 8601 time in UTC with microseconds.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let parsed: jiff::Timestamp =
            text.parse().map_err(|_| InputValueError::custom(format!("`{text}` is no ISO 8601 time with its zone")))?;
        Ok(Self(Timestamp::from_micros(parsed.as_microsecond())))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}
