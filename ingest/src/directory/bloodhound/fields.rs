//! Lenient JSON fields: keys match without regard to case, as in BloodHound's own decoder, and a value of a neighbouring
//! type (`"true"`, `"32"`, `null`) is taken for what it means, because collectors drift. What has no such meaning makes
//! its object malformed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use hopwatch_model::PropertyValue;
use hopwatch_model::directory::Properties;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Declares records whose keys match without regard to case; unknown keys are skipped, `null` and absence are defaults.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $($(#[$field_doc])* pub(super) $field: $type,)*
            marker: std::marker::PhantomData<&'a ()>,
        }

        impl<'de> serde::Deserialize<'de> for $name<'de> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
                        Ok($name::default())
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut record = $name::default();
                        while let Some(key) = map.next_key::<$crate::directory::bloodhound::fields::Key>()? {
                            match key.as_str() {
                                $($key => record.$field = map.next_value()?,)*
                                _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                            }
                        }
                        Ok(record)
                    }
                }
                deserializer.deserialize_any(Members)
            }
        }
    )*};
}
pub(super) use records;

/// A key in lower case, without allocation; a key longer than every known one is empty.
pub(super) struct Key {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Key {
    /// Longer than the longest key of any record.
    const LONGEST: usize = 40;

    /// The key.
    pub(super) fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lower;
        impl Visitor<'_> for Lower {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
                let mut key = Key { bytes: [0; Key::LONGEST], length: 0 };
                if let Some(bytes) = key.bytes.get_mut(..text.len()) {
                    bytes.copy_from_slice(text.as_bytes());
                    bytes.make_ascii_lowercase();
                    key.length = text.len();
                }
                Ok(key)
            }
        }
        deserializer.deserialize_str(Lower)
    }
}

/// A text: a number or truth value counts as its spelling, `null` as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as an identifier: trimmed, upper case.
    pub(super) fn id(&self) -> String {
        self.0.trim().to_uppercase()
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl<'de> Visitor<'de> for AnyText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
        }
        deserializer.deserialize_any(AnyText)
    }
}

/// A truth value: `true`, `"True"`, `1`; absent where it is `null` or has no such meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) Option<bool>);

impl Flag {
    /// Whether it is there and true.
    pub(super) fn is_true(self) -> bool {
        self.0 == Some(true)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)?.0 {
            Some(PropertyValue::Bool(value)) => Some(value),
            Some(PropertyValue::Integer(value)) => Some(value != 0),
            Some(PropertyValue::Text(text)) => text.trim().to_ascii_lowercase().parse().ok(),
            Some(PropertyValue::Float(_) | PropertyValue::List(_)) | None => None,
        }))
    }
}

/// A whole number, also as text; absent where it is `null` or has no such meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Number(pub(super) Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)?.0 {
            Some(PropertyValue::Integer(value)) => Some(value),
            Some(PropertyValue::Text(text)) => text.trim().parse().ok(),
            Some(PropertyValue::Bool(value)) => Some(i64::from(value)),
            Some(PropertyValue::Float(value)) => format!("{value:.0}").parse().ok(),
            Some(PropertyValue::List(_)) | None => None,
        }))
    }
}

/// A list; `null` is an empty one.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// A property's value; `None` where it is `null`.
#[derive(Debug, Default)]
pub(crate) struct Scalar(pub(crate) Option<PropertyValue>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar(None))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(Some(PropertyValue::Bool(value))))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(Some(PropertyValue::Integer(value))))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(Some(match i64::try_from(value) {
                    Ok(value) => PropertyValue::Integer(value),
                    Err(_) => PropertyValue::Text(value.to_string()),
                })))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(Some(PropertyValue::Float(value))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(Some(PropertyValue::Text(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
                let mut items = Vec::new();
                while let Some(Scalar(item)) = seq.next_element()? {
                    items.extend(item.map(spelling));
                }
                Ok(Scalar(Some(PropertyValue::List(items))))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                let mut items = Vec::new();
                while let Some((key, Scalar(value))) = map.next_entry::<Text<'_>, Scalar>()? {
                    items.push(format!("{}={}", key.as_str(), value.map(spelling).unwrap_or_default()));
                }
                Ok(Scalar(Some(PropertyValue::List(items))))
            }
        }
        deserializer.deserialize_any(AnyValue)
    }
}

/// A value inside a list, which holds texts only.
fn spelling(value: PropertyValue) -> String {
    match value {
        PropertyValue::Bool(value) => value.to_string(),
        PropertyValue::Integer(value) => value.to_string(),
        PropertyValue::Float(value) => value.to_string(),
        PropertyValue::Text(text) => text,
        PropertyValue::List(items) => items.join(", "),
    }
}

/// The `Properties` of an object, every one kept under its lower-case name.
#[derive(Debug, Default)]
pub(crate) struct Bag(pub(crate) Properties);

impl<'de> Deserialize<'de> for Bag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Bag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of properties")
            }

            fn visit_unit<E>(self) -> Result<Bag, E> {
                Ok(Bag::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bag, A::Error> {
                // PHP-style collectors write an empty map as an empty list.
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Bag::default()),
                    Some(_) => Err(A::Error::custom("a list where properties belong")),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bag, A::Error> {
                // Built in one go from a sorted list: its nodes are full then, which halves the memory of an estate.
                let mut bag = Vec::with_capacity(32);
                while let Some((key, Scalar(value))) = map.next_entry::<Text<'_>, Scalar>()? {
                    if let Some(value) = value {
                        bag.push((key.as_str().to_ascii_lowercase(), value));
                    }
                }
                let bag = Properties::from_iter(bag);
                Ok(Bag(bag))
            }
        }
        deserializer.deserialize_any(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    records! {
        /// A record of a test.
        Sample { name: Text<'a> = "name", flag: Flag = "isdc", number: Number = "port", list: List<Number> = "items", }
    }

    #[test]
    fn keys_match_without_regard_to_case() {
        let sample: Sample<'_> =
            serde_json::from_str(r#"{"NAME":"x","IsDC":true,"Port":5,"other":{"a":[1]}}"#).unwrap();
        assert_eq!((sample.name.as_str(), sample.flag.0, sample.number.0), ("x", Some(true), Some(5)));
    }

    #[test]
    fn neighbouring_types_count_and_null_is_absence() {
        let sample: Sample<'_> = serde_json::from_str(r#"{"name":12,"isdc":"True","port":"32","items":null}"#).unwrap();
        assert_eq!((sample.name.as_str(), sample.flag.0, sample.number.0), ("12", Some(true), Some(32)));
        assert!(sample.list.0.is_empty());
        let none: Sample<'_> = serde_json::from_str("null").unwrap();
        assert!(none.name.is_empty());
    }

    #[test]
    fn what_has_no_such_meaning_is_malformed() {
        assert!(serde_json::from_str::<Sample<'_>>(r#"{"items":{"a":1}}"#).is_err());
        assert!(serde_json::from_str::<Sample<'_>>(r#"[1]"#).is_err());
    }

    #[test]
    fn unknown_properties_are_kept_and_nulls_are_not() {
        let Bag(bag) = serde_json::from_str(r#"{"Name":"x","new":[1,"b"],"gone":null,"n":{"k":true}}"#).unwrap();
        assert_eq!(bag.get("new"), Some(&PropertyValue::List(vec!["1".into(), "b".into()])));
        assert_eq!(bag.get("n"), Some(&PropertyValue::List(vec!["k=true".into()])));
        assert_eq!(bag.len(), 3);
    }
}
