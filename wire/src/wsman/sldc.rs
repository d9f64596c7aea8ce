//! Streaming Lossless Data Compression (ECMA-321), in which Windows compresses forwarded events (`Content-Encoding: SLDC`,
//! `[MS-WSMV] 3.1.4.1.30.1`).
//!
//! ```text
//! stream          symbols, most significant bit first, until End Of Record; then zeros up to 32 bits
//! control symbol  111111111 xxxx: 0 flush, 1 scheme 1, 2 scheme 2, 3 file mark, 4 end of record, 5 reset 1, 6 reset 2,
//!                 f end marker (ECMA-321 §8.5)
//! scheme 1        0 bbbbbbbb                    the byte b (§8.4.1)
//!                 1 count displacement(10)      so many bytes of the history, from that place on (§8.4.2)
//!   count         0x 2–3 · 10xx 4–7 · 110xxx 8–15 · 1110xxxx 16–31 · 1111xxxxxxxx 32–271
//! scheme 2        bbbbbbbb                      the byte b; after ff a 0 (§8.4.3)
//! ```
//! The history is a ring of 1024 bytes into which every byte goes under either scheme; a displacement is a place in it, not
//! a distance. Only one record is read, as Windows sends it. There is no encoder: we compress nothing that we send.

use crate::error::{Error, Result};

/// Bytes of the history (ECMA-321 §8.2).
const HISTORY: usize = 1024;

/// Unpacks a record into at most `limit` bytes.
///
/// # Errors
/// [`Error::Incomplete`] where it ends before its End Of Record, [`Error::Malformed`] where a symbol is none or data come
/// before a scheme, [`Error::Bound`] where it unpacks to more than `limit`.
pub fn decode(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut bits = Bits { bytes, at: 0 };
    let mut out = Output { bytes: Vec::new(), history: [0; HISTORY], next: 0, limit };
    let mut scheme = Scheme::None;
    loop {
        if bits.peek(9)? == 0x1ff {
            bits.skip(9);
            match bits.take(4)? {
                // Nothing follows a flush but the padding to 32 bits, after which symbols go on (§8.6).
                0x0 => bits.align(),
                0x1 => scheme = Scheme::One,
                0x2 => scheme = Scheme::Two,
                0x3 | 0xf => {}
                0x4 => return Ok(out.bytes),
                0x5 => (scheme, out.next) = (Scheme::One, 0),
                0x6 => (scheme, out.next) = (Scheme::Two, 0),
                _ => return Err(bits.malformed()),
            }
            continue;
        }
        match scheme {
            Scheme::None => return Err(bits.malformed()),
            Scheme::One => one(&mut bits, &mut out)?,
            Scheme::Two => {
                let byte = bits.take(8)?;
                if byte == 0xff {
                    bits.take(1)?;
                }
                out.push(byte, &bits)?;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    None,
    One,
    Two,
}

fn one(bits: &mut Bits<'_>, out: &mut Output) -> Result<()> {
    if bits.take(1)? == 0 {
        let byte = bits.take(8)?;
        return out.push(byte, bits);
    }
    let count = count(bits)?;
    let from = bits.take(10)?;
    for step in 0..count {
        let place = usize::from(from.wrapping_add(step)) % HISTORY;
        let byte = out.history.get(place).copied().unwrap_or_default();
        out.push(u16::from(byte), bits)?;
    }
    Ok(())
}

/// The match count: ones tell how many bits follow.
fn count(bits: &mut Bits<'_>) -> Result<u16> {
    for (base, width) in [(2_u16, 1), (4, 2), (8, 3), (16, 4)] {
        if bits.take(1)? == 0 {
            return Ok(base.wrapping_add(bits.take(width)?));
        }
    }
    // 1111 1111xxxx would begin a control symbol, which was looked for before.
    Ok(32_u16.wrapping_add(bits.take(8)?))
}

struct Output {
    bytes: Vec<u8>,
    history: [u8; HISTORY],
    next: usize,
    limit: usize,
}

impl Output {
    fn push(&mut self, byte: u16, bits: &Bits<'_>) -> Result<()> {
        if self.bytes.len() >= self.limit {
            return Err(Error::Bound { what: "SLDC record", offset: bits.at / 8, bound: self.limit });
        }
        let [_, byte] = byte.to_be_bytes();
        self.bytes.push(byte);
        if let Some(place) = self.history.get_mut(self.next) {
            *place = byte;
        }
        self.next = self.next.wrapping_add(1) % HISTORY;
        Ok(())
    }
}

/// Bits of a message, the most significant of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The place of the next bit.
    at: usize,
}

impl Bits<'_> {
    /// The next up to sixteen bits, without moving.
    fn peek(&self, count: u8) -> Result<u16> {
        let byte = |offset: usize| self.bytes.get((self.at / 8).wrapping_add(offset)).copied();
        let end = self.at.saturating_add(usize::from(count));
        if end > self.bytes.len().saturating_mul(8) {
            return Err(Error::Incomplete { what: "SLDC record", offset: self.bytes.len(), needed: 1 });
        }
        let window = u32::from_be_bytes([0, byte(0).unwrap_or(0), byte(1).unwrap_or(0), byte(2).unwrap_or(0)]);
        let shift = 24_usize.saturating_sub(self.at % 8).saturating_sub(usize::from(count));
        let mask = (1_u32 << u32::from(count)).wrapping_sub(1);
        let value = window.checked_shr(u32::try_from(shift).unwrap_or(0)).unwrap_or(0) & mask;
        Ok(u16::try_from(value).unwrap_or(u16::MAX))
    }

    fn take(&mut self, count: u8) -> Result<u16> {
        let value = self.peek(count)?;
        self.skip(usize::from(count));
        Ok(value)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn align(&mut self) {
        self.at = self.at.checked_next_multiple_of(32).unwrap_or(usize::MAX);
    }

    fn malformed(&self) -> Error {
        Error::Malformed { what: "SLDC record", offset: self.at / 8 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes symbols as ECMA-321 has them: as `(value, bits)`.
    fn stream(symbols: &[(u32, u32)]) -> Vec<u8> {
        let mut bits: Vec<bool> =
            symbols.iter().flat_map(|(value, count)| (0..*count).rev().map(move |bit| value >> bit & 1 == 1)).collect();
        while !bits.len().is_multiple_of(32) {
            bits.push(false);
        }
        bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | u8::from(*bit))).collect()
    }

    const RESET_1: (u32, u32) = (0x1ff5, 13);
    const RESET_2: (u32, u32) = (0x1ff6, 13);
    const SCHEME_1: (u32, u32) = (0x1ff1, 13);
    const SCHEME_2: (u32, u32) = (0x1ff2, 13);
    const FLUSH: (u32, u32) = (0x1ff0, 13);
    const END: (u32, u32) = (0x1ff4, 13);

    fn literal(byte: u8) -> (u32, u32) {
        (u32::from(byte), 9)
    }

    /// A greedy encoder over the ring: an oracle that shares nothing with the decoder.
    fn encode(input: &[u8]) -> Vec<u8> {
        let mut symbols = vec![RESET_1];
        let mut at = 0;
        while at < input.len() {
            let window = at.saturating_sub(1000);
            let best = (window..at)
                .map(|from| {
                    (input[from..].iter().zip(&input[at..]).take(271).take_while(|(a, b)| a == b).count(), from)
                })
                .max()
                .filter(|(length, _)| *length >= 2);
            match best {
                Some((length, from)) => {
                    let count = u32::try_from(length).unwrap();
                    symbols.push((1, 1));
                    symbols.push(match count {
                        2..=3 => (count - 2, 2),
                        4..=7 => (0b10 << 2 | (count - 4), 4),
                        8..=15 => (0b110 << 3 | (count - 8), 6),
                        16..=31 => (0b1110 << 4 | (count - 16), 8),
                        _ => (0b1111 << 8 | (count - 32), 12),
                    });
                    symbols.push((u32::try_from(from % 1024).unwrap(), 10));
                    at += length;
                }
                None => {
                    symbols.push(literal(input[at]));
                    at += 1;
                }
            }
        }
        symbols.push(END);
        stream(&symbols)
    }

    #[test]
    fn a_record_decoded_by_hand() {
        // reset 1, "ab", copy 3 bytes from place 0 (overlapping itself: "aba"), end of record.
        let bytes = stream(&[RESET_1, literal(b'a'), literal(b'b'), (1, 1), (0b01, 2), (0, 10), END]);
        // 1111111110101 001100001 001100010 1 01 0000000000 1111111110100 and padding
        assert_eq!(bytes, [0xff, 0xa9, 0x84, 0xc5, 0x40, 0x0f, 0xfa, 0x00]);
        assert_eq!(decode(&bytes, 100).unwrap(), b"ababa");
    }

    #[test]
    fn schemes_change_in_the_middle_and_share_the_history() {
        let bytes =
            stream(&[RESET_2, (0x78, 8), (0xff, 8), (0, 1), (0x79, 8), SCHEME_1, (1, 1), (0b01, 2), (0, 10), FLUSH]);
        let mut bytes = bytes;
        bytes.extend(stream(&[SCHEME_2, (0x7a, 8), END]));
        assert_eq!(decode(&bytes, 100).unwrap(), b"x\xffyx\xffyz");
    }

    #[test]
    fn what_is_no_record_is_told_and_not_read_beyond() {
        assert!(
            matches!(decode(&stream(&[literal(b'a'), END]), 9), Err(Error::Malformed { .. })),
            "data before a scheme"
        );
        assert!(matches!(decode(&stream(&[(0x1ff7, 13)]), 9), Err(Error::Malformed { .. })), "a reserved symbol");
        let whole = encode(b"a whole record of some length, of some length");
        for cut in 0..whole.len() - 4 {
            assert!(decode(&whole[..cut], 1 << 16).is_err(), "{cut}");
        }
        let bomb = encode(&[b'x'; 100_000]);
        assert!(bomb.len() < 2_000);
        assert!(matches!(decode(&bomb, 99_999), Err(Error::Bound { .. })));
        assert_eq!(decode(&bomb, 100_000).unwrap().len(), 100_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_comes_out(input in proptest::collection::vec(0_u8..4, 0..3000)) {
            prop_assert_eq!(decode(&encode(&input), 1 << 20).unwrap(), input);
        }

        #[test]
        fn any_bytes_end(mut bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode(&bytes, 1 << 16);
            bytes.splice(0..0, [0xff, 0xa8]);
            let _ = decode(&bytes, 1 << 16);
        }
    }
}
