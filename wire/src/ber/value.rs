//! Values of primitive elements: integers, strings, times (X.690 §8).

use hopwatch_model::Timestamp;

use super::{Element, Oid};
use crate::error::{Error, Result};

impl<'a> Element<'a> {
    /// An INTEGER or ENUMERATED of up to 64 bits, two's complement. Longer forms with sign octets in front are read;
    /// Heimdal writes unsigned 32-bit values as negative ones, which callers fold with [`Element::unsigned32`].
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is constructed, empty, or does not fit.
    pub fn integer(&self, what: &'static str) -> Result<i64> {
        let malformed = Error::Malformed { what, offset: self.offset };
        let octets = self.octets(what)?;
        let first = *octets.first().ok_or(malformed)?;
        let sign = if first & 0x80 == 0 { 0_u8 } else { 0xff };
        let significant = octets.iter().skip_while(|octet| **octet == sign).count();
        if significant > 8 {
            return Err(malformed);
        }
        let mut value = if sign == 0 { 0_i64 } else { -1 };
        for octet in octets.iter().skip(octets.len().saturating_sub(8)) {
            value = value << 8 | i64::from(*octet);
        }
        // Eight significant octets whose top bit disagrees with the sign do not fit in 64 bits.
        if value.is_negative() == (sign == 0xff) { Ok(value) } else { Err(malformed) }
    }

    /// An INTEGER that must fit 32 bits.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it does not.
    pub fn int32(&self, what: &'static str) -> Result<i32> {
        i32::try_from(self.integer(what)?).map_err(|_| Error::Malformed { what, offset: self.offset })
    }

    /// An unsigned 32-bit INTEGER; the negative number of the same 32 bits, as some encoders write it, is folded in.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it does not fit.
    pub fn unsigned32(&self, what: &'static str) -> Result<u32> {
        let value = self.integer(what)?;
        u32::try_from(value)
            .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
            .map_err(|_| Error::Malformed { what, offset: self.offset })
    }

    /// A BOOLEAN: any octet but zero is true.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is not one octet.
    pub fn boolean(&self, what: &'static str) -> Result<bool> {
        match self.octets(what)? {
            [octet] => Ok(*octet != 0),
            _ => Err(Error::Malformed { what, offset: self.offset }),
        }
    }

    /// The octets of a primitive element.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is constructed.
    pub fn octets(&self, what: &'static str) -> Result<&'a [u8]> {
        if self.constructed { Err(Error::Malformed { what, offset: self.offset }) } else { Ok(self.content) }
    }

    /// A string as UTF-8, what is no UTF-8 replaced: KerberosString, LDAPString, DNs.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is constructed.
    pub fn text(&self, what: &'static str) -> Result<String> {
        Ok(String::from_utf8_lossy(self.octets(what)?).into_owned())
    }

    /// An OBJECT IDENTIFIER.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is constructed or empty.
    pub fn oid(&self, what: &'static str) -> Result<Oid<'a>> {
        match self.octets(what)? {
            [] => Err(Error::Malformed { what, offset: self.offset }),
            octets => Ok(Oid(octets)),
        }
    }

    /// The first 32 bits of a BIT STRING, bit 0 the most significant (KerberosFlags, RFC 4120 §5.2.8); a shorter one is
    /// filled with zeros.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is constructed or lacks the octet that counts unused bits.
    pub fn flags(&self, what: &'static str) -> Result<u32> {
        let (_unused, bits) = self.octets(what)?.split_first().ok_or(Error::Malformed { what, offset: self.offset })?;
        let mut octets = bits.iter().copied();
        Ok(u32::from_be_bytes(std::array::from_fn(|_| octets.next().unwrap_or(0))))
    }

    /// A GeneralizedTime: `YYYYMMDDHHMMSS`, an optional fraction, `Z` or an offset.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is no such time.
    pub fn generalized_time(&self, what: &'static str) -> Result<Timestamp> {
        generalized_time(self.octets(what)?).ok_or(Error::Malformed { what, offset: self.offset })
    }
}

fn generalized_time(text: &[u8]) -> Option<Timestamp> {
    let (digits, tail) = text.split_at_checked(14)?;
    let year = number(digits.get(..4)?)?;
    let mut parts = digits.get(4..)?.chunks(2).map(number);
    let mut part = |low: i64, high: i64| parts.next().flatten().filter(|value| (low..=high).contains(value));
    let (month, day) = (part(1, 12)?, part(1, 31)?);
    // The second 60 is a leap second.
    let (hour, minute, second) = (part(0, 23)?, part(0, 59)?, part(0, 60)?);
    let (micros, zone) = fraction(tail)?;
    let offset_secs = zone_secs(zone)?;
    let secs = days_since_1970(year, month, day)
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?
        .checked_sub(offset_secs)?;
    Some(Timestamp::from_secs(secs).shifted(micros))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        value.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// The microseconds of `.f…` and what follows it.
fn fraction(tail: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.' | b',', after)) = tail.split_first() else { return Some((0, tail)) };
    let count = after.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, zone) = after.split_at_checked(count)?;
    let six: Vec<u8> = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6).collect();
    Some((number(&six)?, zone))
}

fn zone_secs(zone: &[u8]) -> Option<i64> {
    match zone {
        [] | [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let span = number(&[*h1, *h2])?.checked_mul(3600)?.checked_add(number(&[*m1, *m2])?.checked_mul(60)?)?;
            Some(if *sign == b'+' { span } else { span.saturating_neg() })
        }
        _ => None,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. The year is taken to begin in March, so that the
/// leap day is its last and the days before a month are `(153·m + 2) / 5`. For years 0 to 9999 nothing saturates.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) =
        if month > 2 { (year, month.saturating_sub(3)) } else { (year.saturating_sub(1), month.saturating_add(9)) };
    let in_year = month.saturating_mul(153).saturating_add(2) / 5;
    let leaps = year.div_euclid(4).saturating_sub(year.div_euclid(100)).saturating_add(year.div_euclid(400));
    year.saturating_mul(365).saturating_add(leaps).saturating_add(in_year).saturating_add(day).saturating_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn integer(content: &[u8]) -> Result<i64> {
        Reader::new(&element(2, content)).element().unwrap().integer("n")
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(integer(&[0x00, 0x80]), Ok(128));
        assert_eq!(integer(&[0x80]), Ok(-128));
        assert_eq!(integer(&[0xff, 0x7b]), Ok(-133));
        assert_eq!(integer(&[0x00, 0xff, 0xff, 0xff, 0xff]), Ok(0xffff_ffff));
        assert_eq!(integer(&[0; 20]), Ok(0));
        assert_eq!(integer(&[0xff; 20]), Ok(-1));
        assert_eq!(integer(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Ok(i64::MAX));
        assert_eq!(integer(&[0x80, 0, 0, 0, 0, 0, 0, 0]), Ok(i64::MIN));
        assert!(integer(&[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(integer(&[0x01, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(integer(&[]).is_err());
    }

    #[test]
    fn a_nonce_written_as_negative_is_the_unsigned_number_of_its_bits() {
        let bytes = element(2, &[0xf0, 0, 0, 1]);
        assert_eq!(Reader::new(&bytes).element().unwrap().unsigned32("nonce"), Ok(0xf000_0001));
    }

    #[test]
    fn generalized_times_are_read() {
        let time = |text: &str| generalized_time(text.as_bytes()).map(|t| t.to_string());
        assert_eq!(time("19700101000000Z").as_deref(), Some("1970-01-01T00:00:00.000000Z"));
        assert_eq!(time("20370913024805Z").as_deref(), Some("2037-09-13T02:48:05.000000Z"));
        assert_eq!(time("20000229120000.5Z").as_deref(), Some("2000-02-29T12:00:00.500000Z"));
        assert_eq!(time("20260301003000+0100").as_deref(), Some("2026-02-28T23:30:00.000000Z"));
        for wrong in ["", "2026", "20261301000000Z", "20260101250000Z", "2026010100000xZ", "20260101000000Q"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn flags_count_from_the_most_significant_bit() {
        let flags = |content: &[u8]| Reader::new(&element(3, content)).element().unwrap().flags("options");
        assert_eq!(flags(&[0, 0x40, 0x81, 0x00, 0x10]), Ok(0x4081_0010));
        assert_eq!(flags(&[7, 0x80]), Ok(0x8000_0000));
        assert_eq!(flags(&[0, 1, 2, 3, 4, 5]), Ok(0x0102_0304));
        assert!(flags(&[]).is_err());
    }
}
