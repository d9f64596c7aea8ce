//! WS-Management as Windows speaks it to an event collector (DSP0226, `[MS-WSMV]`): the SOAP envelopes of source-initiated
//! event forwarding, and the compression that they come in.
//!
//! Deliberately not read: WS-Transfer, shells, collector-initiated subscriptions and their pulls.

pub mod envelope;
pub mod sldc;

use std::borrow::Cow;

use crate::error::{Error, Result};

pub use envelope::{Action, Bookmark, Envelope};

/// The text of a body: UTF-16 or UTF-8 by its byte order mark, else by the charset of its content type. Windows sends
/// UTF-16LE with a mark.
///
/// # Errors
/// [`Error::Malformed`] where it is no text of that encoding.
pub fn text<'a>(body: &'a [u8], charset: &str) -> Result<Cow<'a, str>> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Result<Cow<'a, str>> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let malformed = |offset| Error::Malformed { what: "UTF-16 text", offset };
        if !rest.is_empty() {
            return Err(malformed(bytes.len()));
        }
        let decoded: std::result::Result<String, _> =
            char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
        decoded.map(Cow::Owned).map_err(|_| malformed(0))
    };
    match body {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ if charset.eq_ignore_ascii_case("utf-16be") => utf16(body, u16::from_be_bytes),
        _ if charset.to_ascii_lowercase().starts_with("utf-16") => utf16(body, u16::from_le_bytes),
        _ => utf8(body),
    }
}

fn utf8(body: &[u8]) -> Result<Cow<'_, str>> {
    let text = std::str::from_utf8(body);
    text.map(Cow::Borrowed).map_err(|error| Error::Malformed { what: "UTF-8 text", offset: error.valid_up_to() })
}

/// Feeds everything here with bytes, for the fuzzer.
pub fn decode_everything(bytes: &[u8]) {
    let _ = sldc::decode(bytes, 1 << 20);
    for charset in ["utf-8", "utf-16"] {
        if let Ok(text) = text(bytes, charset) {
            let _ = Envelope::decode(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_by_its_mark_and_else_by_its_charset() {
        assert_eq!(text(b"\xff\xfe<\0a\0", "utf-8").unwrap(), "<a");
        assert_eq!(text(b"\xfe\xff\0<\0a", "").unwrap(), "<a");
        assert_eq!(text(b"\xef\xbb\xbf<a", "utf-16").unwrap(), "<a");
        assert_eq!(text(b"<\0a\0", "UTF-16").unwrap(), "<a");
        assert_eq!(text("<ä".as_bytes(), "utf-8").unwrap(), "<ä");
        assert!(text(b"\xff\xfe<", "").is_err() && text(b"\xff\xfe\0\xd8", "").is_err() && text(b"\x80", "").is_err());
    }
}
