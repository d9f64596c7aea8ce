//! Domain names with compression (RFC 1035 §3.1, §4.1.4).
//!
//! A pointer must lead to before the place where the labels it continues began, so that no chain of them can loop; a
//! name has at most 255 bytes on the wire.

use std::fmt::Write;

use crate::error::{Error, Result};

/// The most bytes of a name (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 255;

/// Reads the name at `start`; returns it without the final dot, and where the field behind it begins.
pub(crate) fn read(message: &[u8], start: usize) -> Result<(String, usize)> {
    let what = "DNS name";
    let mut name = String::new();
    let (mut at, mut segment, mut total) = (start, start, 0usize);
    let mut end = None;
    loop {
        let cut = Error::Incomplete { what, offset: at, needed: 1 };
        let first = *message.get(at).ok_or(cut)?;
        let next = at.saturating_add(1);
        match first {
            0 => return Ok((name, end.unwrap_or(next))),
            1..=63 => {
                let after = next.saturating_add(first.into());
                let label = message.get(next..after).ok_or(cut)?;
                total = total.saturating_add(label.len()).saturating_add(1);
                if total >= MAX_NAME_BYTES {
                    return Err(Error::Bound { what, offset: at, bound: MAX_NAME_BYTES });
                }
                if !name.is_empty() {
                    name.push('.');
                }
                push_label(&mut name, label);
                at = after;
            }
            0xc0.. => {
                let second = *message.get(next).ok_or(cut)?;
                end.get_or_insert(next.saturating_add(1));
                let target = usize::from(u16::from_be_bytes([first & 0x3f, second]));
                if target >= segment {
                    return Err(Error::Malformed { what, offset: at });
                }
                at = target;
                segment = target;
            }
            _ => return Err(Error::Malformed { what, offset: at }),
        }
    }
}

/// Appends a label as text: UTF-8 as it is (multicast DNS), dots, backslashes and other bytes escaped (RFC 4343 §2.1).
fn push_label(name: &mut String, label: &[u8]) {
    let plain = |c: char| !c.is_control() && c != '.' && c != '\\' && c != ' ';
    match std::str::from_utf8(label) {
        Ok(text) if text.chars().all(plain) => name.push_str(text),
        _ => {
            for byte in label {
                match byte {
                    b'.' | b'\\' => {
                        name.push('\\');
                        name.push(char::from(*byte));
                    }
                    0x21..=0x7e => name.push(char::from(*byte)),
                    // Writing to a string does not fail.
                    _ => drop(write!(name, "\\{byte:03}")),
                }
            }
        }
    }
}
