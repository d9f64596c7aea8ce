//! Which parts of directory files the graph holds already, by their content: the same file imported twice says nothing new,
//! whatever it is called the second time.
//!
//! Events need none of this, since each bears a digest of its own. What a live directory answers is not asked here either:
//! an answer that equals yesterday's says that things still hold.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufWriter, Write as _};

use hopwatch_model::DirectoryDelta;
use serde::{Deserialize, Serialize};

/// Parts that are remembered; the oldest go first. A part is some thousand objects, so that this is a directory of a hundred
/// million; a part that was forgotten and comes again raises the counts of its edges and nothing else.
const PARTS: usize = 65_536;
/// Bytes that are hashed at once.
const CHUNK: usize = 64 << 10;

/// The digests of the parts, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Imported {
    order: VecDeque<u64>,
    known: BTreeSet<u64>,
}

impl Imported {
    /// Notes a part; true where it is new. One that is not is counted.
    pub fn first(&mut self, delta: &DirectoryDelta) -> bool {
        // A part without a digest is taken as new: twice is better than never.
        let Ok(digest) = digest(delta) else { return true };
        if !self.known.insert(digest) {
            metrics::counter!("hopwatch_directory_parts_dropped_total", "reason" => "repeated").increment(1);
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > PARTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl From<Vec<u64>> for Imported {
    fn from(order: Vec<u64>) -> Self {
        Self { known: order.iter().copied().collect(), order: order.into() }
    }
}

impl From<Imported> for Vec<u64> {
    fn from(imported: Imported) -> Self {
        imported.order.into()
    }
}

/// A digest of what a part says, without when and by which name it came; gaps begin with that name.
fn digest(delta: &DirectoryDelta) -> serde_json::Result<u64> {
    let gaps: Vec<&str> = delta.gaps.iter().map(|gap| gap.strip_prefix(delta.source.as_str()).unwrap_or(gap)).collect();
    let mut hasher = BufWriter::with_capacity(CHUNK, blake3::Hasher::new());
    serde_json::to_writer(&mut hasher, &(delta.kind, &delta.nodes, &delta.edges, &delta.removed, &gaps))?;
    hasher.flush().map_err(serde_json::Error::io)?;
    let mut out = [0; 8];
    hasher.get_ref().finalize_xof().fill(&mut out);
    Ok(u64::from_le_bytes(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hopwatch_model::Timestamp;

    fn part(secs: i64, gap: &str) -> DirectoryDelta {
        DirectoryDelta {
            time: Timestamp::from_secs(secs),
            source: format!("{secs}.zip"),
            gaps: vec![format!("{secs}.zip: 1 {gap}")],
            ..DirectoryDelta::default()
        }
    }

    #[test]
    fn what_was_said_before_is_not_new_whenever_and_under_whatever_name_it_comes() {
        let mut imported = Imported::default();
        assert!(imported.first(&part(1, "a")));
        assert!(imported.first(&part(1, "b")));
        assert!(!imported.first(&part(2, "a")));
        let text = serde_json::to_string(&imported).unwrap();
        let mut read: Imported = serde_json::from_str(&text).unwrap();
        assert_eq!(read, imported);
        assert!(!read.first(&part(3, "b")));
    }

    #[test]
    fn the_list_keeps_to_its_cap() {
        let mut imported = Imported::from((0..).take(PARTS).collect::<Vec<u64>>());
        assert!(imported.first(&part(1, "a")));
        assert_eq!((imported.order.len(), imported.known.len()), (PARTS, PARTS));
        assert!(!imported.known.contains(&0), "the oldest went");
    }
}
