//! LDAP messages (RFC 4511), with Microsoft's sicily bind (`[MS-ADTS] 5.1.1.1.3`), and the frames of a SASL security layer
//! (RFC 4422 §3.7).
//!
//! Requests are read whole. Of a search's entries only the name is read: what the directory holds is the business of the
//! directory sync. Values are borrowed; attribute names and DNs are copied as text.

mod filter;
mod messages;
mod request;
mod sasl;

pub use filter::{FilterText, MAX_FILTER_TEXT};
pub use messages::{Control, LdapMessage, LdapResult, Operation};
pub use request::{Attribute, Authentication, BindRequest, Change, ChangeKind, ModifyDn, SearchRequest};
pub use sasl::{Layer, layer, ntlm_clear};

use crate::ber::{self, Reader};
use crate::error::{Error, Result};

/// The longest message that is waited for, in bytes. Windows takes requests of up to 10 MiB (`MaxReceiveBuffer`, `[MS-ADTS]
/// 3.1.1.3.4.6`); an entry with a large binary value may be as long.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The most entries of any list: attributes asked for, changes, values, controls. A group of 5,000 members written at once
/// is the longest that Windows accepts in one operation.
pub(crate) const MAX_LIST: usize = 10_000;

/// The size of the first message of a stream.
///
/// # Errors
/// [`Error::Incomplete`] where more must come, else where no LDAP message begins here.
pub fn message_size(stream: &[u8]) -> Result<usize> {
    match stream.first() {
        Some(0x30) | None => ber::frame_size(stream, MAX_MESSAGE),
        Some(_) => Err(Error::Malformed { what: "LDAPMessage", offset: 0 }),
    }
}

/// True where a message plausibly begins: a SEQUENCE, a message id of at most four octets, the tag of an operation. Finds
/// the way back into a stream of which bytes were lost.
#[must_use]
pub fn message_begins(stream: &[u8]) -> bool {
    if stream.first() != Some(&0x30) {
        return false;
    }
    let after_length = match stream.get(1) {
        Some(length @ 0x81..=0x84) => 2_usize.saturating_add(usize::from(length & 0x7f)),
        Some(0..=0x80) => 2,
        _ => return false,
    };
    let Some([2, id_len @ 1..=4, rest @ ..]) = stream.get(after_length..) else { return false };
    rest.get(usize::from(*id_len)).is_some_and(|tag| matches!(tag & 0xdf, 0x40..=0x59))
        && ber::announced_size(stream).is_none_or(|size| size <= MAX_MESSAGE)
}

/// The elements of a SEQUENCE OF or SET OF, each decoded.
pub(crate) fn list<'a, T>(
    mut reader: Reader<'a>,
    what: &'static str,
    mut item: impl FnMut(ber::Element<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    while let Some(element) = reader.next_element()? {
        if items.len() >= MAX_LIST {
            return Err(Error::Bound { what, offset: element.offset, bound: MAX_LIST });
        }
        items.push(item(element)?);
    }
    Ok(items)
}

/// Reads bytes as a message, a filter and a frame of a security layer: for the fuzzer.
pub fn decode_everything(bytes: &[u8]) {
    let _ = (LdapMessage::decode(bytes), message_size(bytes), message_begins(bytes), layer(bytes), ntlm_clear(bytes));
    if let Ok(element) = Reader::new(bytes).element() {
        let _ = FilterText::read(element);
    }
}

#[cfg(test)]
mod tests;
