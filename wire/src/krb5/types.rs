//! The types that Kerberos messages share: names, encrypted data, tickets (RFC 4120 §5.2, §5.3).

use hopwatch_model::event::{self, Principal, TicketDigest};

use super::MAX_LIST;
use crate::ber::{Class, Element, Reader, tag};
use crate::error::{Error, Result};

/// Calls `field` for each field of a structure with its number and the element inside its explicit tag. What is no
/// context tag is stepped over.
pub(super) fn fields<'a>(
    mut structure: Reader<'a>,
    what: &'static str,
    mut field: impl FnMut(u32, Element<'a>) -> Result<()>,
) -> Result<()> {
    while let Some(wrapper) = structure.next_element()? {
        if wrapper.class == Class::Context {
            field(wrapper.tag, wrapper.inner(what)?)?;
        }
    }
    Ok(())
}

/// The elements of a SEQUENCE OF, each decoded.
pub(super) fn list<'a, T>(
    sequence: Element<'a>,
    what: &'static str,
    mut item: impl FnMut(Element<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut reader = sequence.sequence(what)?;
    let mut items = Vec::new();
    while let Some(element) = reader.next_element()? {
        if items.len() >= MAX_LIST {
            return Err(Error::Bound { what, offset: element.offset, bound: MAX_LIST });
        }
        items.push(item(element)?);
    }
    Ok(items)
}

/// ```text
/// PrincipalName ::= SEQUENCE {
///     name-type   [0] Int32,
///     name-string [1] SEQUENCE OF KerberosString
/// }
/// ```
/// The realm is filled in by whoever holds it.
pub(super) fn principal(element: Element<'_>) -> Result<Principal> {
    let what = "PrincipalName";
    let mut principal = Principal::default();
    fields(element.sequence(what)?, what, |number, value| {
        match number {
            0 => principal.name_type = value.int32("name-type")?,
            1 => principal.name = list(value, "name-string", |part| part.text("name-string"))?.join("/"),
            _ => {}
        }
        Ok(())
    })?;
    Ok(principal)
}

/// ```text
/// EncryptedData ::= SEQUENCE {
///     etype  [0] Int32,
///     kvno   [1] UInt32 OPTIONAL,
///     cipher [2] OCTET STRING
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptedData<'a> {
    /// The encryption type (RFC 3961); negative ones are Microsoft's.
    pub etype: i32,
    /// The key version; read-only DCs put their number in the high half (`[MS-KILE] 3.1.5.8`).
    pub kvno: Option<u32>,
    /// The cipher text: a secret, to be digested or dropped.
    pub cipher: &'a [u8],
}

impl std::fmt::Debug for EncryptedData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedData")
            .field("etype", &self.etype)
            .field("kvno", &self.kvno)
            .field("cipher_bytes", &self.cipher.len())
            .finish()
    }
}

impl<'a> EncryptedData<'a> {
    pub(super) fn decode(element: Element<'a>) -> Result<Self> {
        let what = "EncryptedData";
        let (mut etype, mut kvno, mut cipher) = (None, None, None);
        fields(element.sequence(what)?, what, |number, value| {
            match number {
                0 => etype = Some(value.int32("etype")?),
                1 => kvno = Some(value.unsigned32("kvno")?),
                2 => cipher = Some(value.octets("cipher")?),
                _ => {}
            }
            Ok(())
        })?;
        let malformed = Error::Malformed { what, offset: element.offset };
        Ok(Self { etype: etype.ok_or(malformed)?, kvno, cipher: cipher.ok_or(malformed)? })
    }
}

/// The EncryptedData in field `number` of a message of which nothing else is of interest.
pub(super) fn sealed_part<'a>(body: Reader<'a>, number: u32, what: &'static str) -> Result<EncryptedData<'a>> {
    let mut part = None;
    fields(body, what, |found, value| {
        if found == number {
            part = Some(EncryptedData::decode(value)?);
        }
        Ok(())
    })?;
    part.ok_or(Error::Malformed { what, offset: body.offset() })
}

/// ```text
/// Ticket ::= [APPLICATION 1] SEQUENCE {
///     tkt-vno  [0] INTEGER (5),
///     realm    [1] Realm,
///     sname    [2] PrincipalName,
///     enc-part [3] EncryptedData
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// The service, with the realm that issued the ticket.
    pub sname: Principal,
    /// The encrypted part.
    pub enc_part: EncryptedData<'a>,
}

impl<'a> Ticket<'a> {
    pub(super) fn decode(element: Element<'a>) -> Result<Self> {
        let what = "Ticket";
        let malformed = Error::Malformed { what, offset: element.offset };
        if !element.application(1) {
            return Err(malformed);
        }
        let (mut realm, mut sname, mut enc_part) = (String::new(), Principal::default(), None);
        fields(element.inner(what)?.sequence(what)?, what, |number, value| {
            match number {
                1 => realm = value.text("realm")?,
                2 => sname = principal(value)?,
                3 => enc_part = Some(EncryptedData::decode(value)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { sname: Principal { realm, ..sname }, enc_part: enc_part.ok_or(malformed)? })
    }

    /// The ticket as an event shows it, its cipher text reduced to a digest.
    #[must_use]
    pub fn event(&self, digest: impl FnOnce(&[u8]) -> u64) -> event::Ticket {
        event::Ticket {
            digest: TicketDigest(digest(self.enc_part.cipher)),
            etype: self.enc_part.etype,
            kvno: self.enc_part.kvno,
            sname: self.sname.clone(),
            cipher_bytes: u32::try_from(self.enc_part.cipher.len()).unwrap_or(u32::MAX),
        }
    }
}

/// A KerberosTime, or `None` where it is none: a wrong time is no reason to lose the message.
pub(super) fn time(value: Element<'_>) -> Option<hopwatch_model::Timestamp> {
    value.universal(tag::GENERALIZED_TIME).then(|| value.generalized_time("KerberosTime").ok()).flatten()
}
