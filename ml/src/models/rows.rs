//! The latest rows of features, bounded: what models are trained on. Saved bit by bit as hexadecimal text, since a
//! restored scorer must train the same models.

use std::collections::VecDeque;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::features::{COUNT, Row};

/// The latest rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Saved", try_from = "Saved")]
pub struct Rows {
    cap: usize,
    rows: VecDeque<Row>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    cap: usize,
    width: usize,
    bits: String,
}

impl From<Rows> for Saved {
    fn from(rows: Rows) -> Self {
        let mut bits = String::with_capacity(rows.rows.len() * COUNT * 8);
        for value in rows.rows.iter().flatten() {
            // Writing to a string cannot fail.
            let _ = write!(bits, "{:08x}", value.to_bits());
        }
        Self { cap: rows.cap, width: COUNT, bits }
    }
}

impl TryFrom<Saved> for Rows {
    type Error = String;

    fn try_from(saved: Saved) -> Result<Self, String> {
        if saved.width != COUNT {
            return Err(format!("rows of {} features, expected {COUNT}", saved.width));
        }
        let word = |at: usize| saved.bits.get(at..at + 8).and_then(|text| u32::from_str_radix(text, 16).ok());
        let mut rows = VecDeque::new();
        for start in (0..saved.bits.len()).step_by(COUNT * 8) {
            let mut row = [0.0; COUNT];
            for (place, value) in row.iter_mut().enumerate() {
                let bits = word(start + place * 8).ok_or_else(|| format!("row {} is broken", rows.len()))?;
                *value = f32::from_bits(bits);
            }
            rows.push_back(row);
        }
        Ok(Self { cap: saved.cap, rows })
    }
}

impl Rows {
    /// At most `cap` rows.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self { cap: cap.max(1), rows: VecDeque::new() }
    }

    /// Adds a row; the oldest goes where there is no room.
    pub fn push(&mut self, row: Row) {
        if self.rows.len() >= self.cap {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    /// All rows, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_rows_come_back_bit_by_bit() {
        let mut rows = Rows::new(2);
        for value in [0.1, f32::MIN_POSITIVE, -7.25e9] {
            rows.push([value; COUNT]);
        }
        assert_eq!(rows.len(), 2);
        let text = serde_json::to_string(&rows).unwrap();
        assert_eq!(serde_json::from_str::<Rows>(&text).unwrap(), rows);
        assert!(serde_json::from_str::<Rows>(&text.replace("bits\":\"", "bits\":\"zz")).is_err());
    }
}
