//! Object identifiers (X.690 §8.19), compared as bytes and shown in dots.

use std::fmt;

/// An object identifier: its content octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Oid<'a>(pub &'a [u8]);

impl Oid<'static> {
    /// SPNEGO, 1.3.6.1.5.5.2 (RFC 4178).
    pub const SPNEGO: Self = Self(&[0x2b, 6, 1, 5, 5, 2]);
    /// Kerberos 5, 1.2.840.113554.1.2.2 (RFC 4121).
    pub const KERBEROS: Self = Self(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2]);
    /// Microsoft's misspelt Kerberos, 1.2.840.48018.1.2.2 (`[MS-SPNG] 3.1.5.2`).
    pub const MS_KERBEROS: Self = Self(&[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2]);
    /// Kerberos user-to-user, 1.2.840.113554.1.2.2.3.
    pub const KERBEROS_USER_TO_USER: Self = Self(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2, 3]);
    /// NTLMSSP, 1.3.6.1.4.1.311.2.2.10 (`[MS-SPNG] 1.9`).
    pub const NTLMSSP: Self = Self(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a]);
    /// NEGOEX, 1.3.6.1.4.1.311.2.2.30 (`[MS-NEGOEX] 1.9`).
    pub const NEGOEX: Self = Self(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x1e]);
}

impl Oid<'_> {
    /// True for any of the spellings of Kerberos.
    #[must_use]
    pub fn kerberos(&self) -> bool {
        [Oid::KERBEROS, Oid::MS_KERBEROS, Oid::KERBEROS_USER_TO_USER].iter().any(|known| known.0 == self.0)
    }
}

impl fmt::Display for Oid<'_> {
    /// Dotted form; an arc beyond 64 bits is cut to its low bits, as nothing that is known has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arc = 0_u64;
        let mut first = true;
        for octet in self.0 {
            arc = arc << 7 | u64::from(octet & 0x7f);
            if octet & 0x80 != 0 {
                continue;
            }
            if first {
                let top = (arc / 40).min(2);
                write!(f, "{top}.{}", arc.saturating_sub(top.saturating_mul(40)))?;
                first = false;
            } else {
                write!(f, ".{arc}")?;
            }
            arc = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oids_are_shown_in_dots() {
        assert_eq!(Oid::SPNEGO.to_string(), "1.3.6.1.5.5.2");
        assert_eq!(Oid::MS_KERBEROS.to_string(), "1.2.840.48018.1.2.2");
        assert_eq!(Oid::NTLMSSP.to_string(), "1.3.6.1.4.1.311.2.2.10");
        assert_eq!(Oid(&[0x88, 0x37, 3]).to_string(), "2.999.3");
    }
}
