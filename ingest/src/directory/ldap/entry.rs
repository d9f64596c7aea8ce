//! An entry of the directory: the attributes that were asked for, as bytes, and what they say.

use std::sync::Arc;

use hopwatch_model::{Guid, Sid, Timestamp};
use hopwatch_wire::security_descriptor::SidRef;
use ldap3::asn1::{PL, StructureTag};

use super::attributes;

/// Seconds from 1601, where FILETIME begins, to 1970.
const FILETIME_TICKS_PER_SECOND: i64 = 10_000_000;

/// The tag of a search result entry, RFC 4511 §4.5.2.
const SEARCH_RESULT_ENTRY: u64 = 4;

/// An entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The distinguished name as the server writes it.
    pub dn: String,
    /// Values by name, in the spelling of [`attributes::ALL`]. Few names each, so that a search through all is cheap.
    attributes: Vec<(&'static str, Vec<Box<[u8]>>)>,
    /// `nTSecurityDescriptor`; entries with the same one share it, which most of a folder do.
    pub descriptor: Option<Arc<[u8]>>,
}

/// A list of values of which the server gave only the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial {
    /// The attribute.
    pub(super) attribute: &'static str,
    /// The first value that is missing, counted from 0.
    pub(super) next: u64,
}

/// What an answer held beside the entry.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The entry.
    pub(super) entry: Entry,
    /// Its lists that are not complete.
    pub(super) partial: Vec<Partial>,
}

impl Entry {
    /// An entry of its parts, for tests and for other sources of the same data.
    #[must_use]
    pub fn new(dn: &str, values: &[(&str, &[u8])]) -> Self {
        let mut entry = Self { dn: dn.to_owned(), ..Self::default() };
        for (name, value) in values {
            if let Some(name) = attributes::known(name) {
                entry.push(name, Box::from(*value));
            }
        }
        entry
    }

    pub(super) fn push(&mut self, name: &'static str, value: Box<[u8]>) {
        if name == "nTSecurityDescriptor" {
            self.descriptor = Some(Arc::from(value));
            return;
        }
        match self.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.attributes.push((name, vec![value])),
        }
    }

    /// Every attribute with its values, but for the descriptor.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'static str, &[Box<[u8]>])> {
        self.attributes.iter().map(|(name, values)| (*name, values.as_slice()))
    }

    /// Changes the values that are names: `new` says what becomes of one, `Some(None)` takes it off.
    pub(super) fn rewrite(&mut self, name: &str, new: impl Fn(&str) -> Option<Option<String>>) {
        let Some((_, values)) = self.attributes.iter_mut().find(|(known, _)| *known == name) else { return };
        values.retain_mut(|value| match std::str::from_utf8(value).ok().and_then(&new) {
            Some(Some(text)) => {
                *value = text.into_bytes().into_boxed_slice();
                true
            }
            Some(None) => false,
            None => true,
        });
        self.attributes.retain(|(_, values)| !values.is_empty());
    }

    /// The values of an attribute, in the server's order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        found.into_iter().flat_map(|(_, values)| values.iter().map(AsRef::as_ref))
    }

    /// Whether it has the attribute.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The values that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The first value as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// The first value as a number; enumerations of flags above 2^31 are negative in LDAP.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// The low 32 bits of the first value, for flags.
    #[must_use]
    pub fn flags(&self, name: &str) -> Option<u32> {
        u32::try_from(self.integer(name)? & 0xffff_ffff).ok()
    }

    /// The first value as a truth value.
    #[must_use]
    pub fn boolean(&self, name: &str) -> Option<bool> {
        Some(self.text(name)?.eq_ignore_ascii_case("true"))
    }

    /// The first value as a SID.
    #[must_use]
    pub fn sid(&self, name: &str) -> Option<Sid> {
        SidRef::decode(self.values(name).next()?).ok()?.to_sid()
    }

    /// The first value as a GUID of 16 bytes.
    #[must_use]
    pub fn guid(&self, name: &str) -> Option<Guid> {
        self.values(name).next()?.try_into().ok().map(Guid::from_wire)
    }

    /// The first value as seconds since 1970, of a FILETIME; 0 where there is none or it stands for never.
    #[must_use]
    pub fn filetime_secs(&self, name: &str) -> i64 {
        let ticks = self.integer(name).and_then(|ticks| u64::try_from(ticks).ok());
        ticks.and_then(Timestamp::from_filetime).map_or(0, Timestamp::as_secs)
    }

    /// The first value as a span of seconds, of a negative FILETIME; `None` where it stands for no limit.
    #[must_use]
    pub fn interval_secs(&self, name: &str) -> Option<i64> {
        let ticks = self.integer(name)?;
        (ticks != i64::MIN).then(|| ticks.saturating_abs() / FILETIME_TICKS_PER_SECOND)
    }

    /// The first value as seconds since 1970, of generalized time (`20260101120000.0Z`).
    #[must_use]
    pub fn time_secs(&self, name: &str) -> Option<i64> {
        let digits = self.text(name)?.get(..14)?;
        let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    }

    /// Whether the class is among its classes.
    #[must_use]
    pub fn class(&self, name: &str) -> bool {
        self.texts("objectClass").any(|class| class.eq_ignore_ascii_case(name))
    }
}

/// Reads `SearchResultEntry ::= [APPLICATION 4] SEQUENCE { objectName, attributes }`; `None` where it is none.
pub(super) fn read(tag: StructureTag) -> Option<Read> {
    if tag.id != SEARCH_RESULT_ENTRY {
        return None;
    }
    let mut parts = constructed(tag)?.into_iter();
    let mut read = Read::default();
    read.entry.dn = String::from_utf8_lossy(&primitive(parts.next()?)?).into_owned();
    for attribute in constructed(parts.next()?)? {
        let mut attribute = constructed(attribute)?.into_iter();
        let name = primitive(attribute.next()?)?;
        let name = std::str::from_utf8(&name).ok()?;
        let (base, option) = name.split_once(';').unwrap_or((name, ""));
        let Some(known) = attributes::known(base) else { continue };
        for value in constructed(attribute.next()?)? {
            read.entry.push(known, primitive(value)?.into_boxed_slice());
        }
        if let Some(next) = next_of_range(option) {
            read.partial.push(Partial { attribute: known, next });
        }
    }
    Some(read)
}

/// The first value that `range=FROM-TO` leaves out; `None` for `range=FROM-*`, the last one (`[MS-ADTS] 3.1.1.3.1.3.3`).
fn next_of_range(option: &str) -> Option<u64> {
    let (name, range) = option.split_once('=')?;
    let (_, to) = range.split_once('-')?;
    name.eq_ignore_ascii_case("range").then(|| to.parse::<u64>().ok())??.checked_add(1)
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_what_they_are() {
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let entry = Entry::new(
            "CN=x",
            &[
                ("objectsid", &sid),
                ("whenCreated", b"20260101120000.0Z"),
                ("pwdLastSet", b"116444736010000000"),
                ("maxPwdAge", b"-9223372036854775808"),
                ("minPwdAge", b"-864000000000"),
                ("groupType", b"-2147483646"),
                ("not asked for", b"1"),
            ],
        );
        assert_eq!(entry.sid("objectSid").unwrap().to_string(), "S-1-5-32-544");
        assert_eq!(entry.time_secs("whenCreated"), Some(1_767_268_800));
        assert_eq!(entry.filetime_secs("pwdLastSet"), 1);
        assert_eq!((entry.interval_secs("maxPwdAge"), entry.interval_secs("minPwdAge")), (None, Some(86_400)));
        assert_eq!(entry.flags("groupType"), Some(0x8000_0002));
        assert!(!entry.has("not asked for"));
    }

    #[test]
    fn only_a_range_with_an_end_has_a_next() {
        assert_eq!(next_of_range("range=0-1499"), Some(1500));
        assert_eq!(next_of_range("Range=1500-2999"), Some(3000));
        for option in ["", "range=1500-*", "binary", "range=0", "range=0-18446744073709551615"] {
            assert_eq!(next_of_range(option), None, "{option}");
        }
    }
}
