//! What the server has of each sensor: the last batch of each of its runs, so that one that is sent again is known and
//! one that is missing is counted. Kept in a file of the data folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::spool::Number;

/// The file.
const FILE: &str = "sensors.json";
/// The most sensors; a large estate has a hundred controllers.
const MAX_SENSORS: usize = 4096;
/// The most runs of a sensor that are remembered: the spool of one that restarted often is emptied oldest first.
const MAX_EPOCHS: usize = 64;

/// The last batch by sensor and run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Sensors(BTreeMap<String, BTreeMap<u64, u64>>);

/// What a batch is to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is new; so many before it never came.
    New {
        /// Batches that are missing.
        missing: u64,
    },
    /// It came before.
    Repeated,
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    sensors: Sensors,
}

impl Ledger {
    /// Reads what an earlier run of the server knew.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let sensors = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Sensors::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, sensors })
    }

    /// What a batch is to those before it.
    #[must_use]
    pub fn standing(&self, sensor: &str, number: Number) -> Standing {
        let last = self.sensors.0.get(sensor).and_then(|epochs| epochs.get(&number.epoch)).copied();
        match last {
            Some(last) if number.sequence <= last => Standing::Repeated,
            Some(last) => Standing::New { missing: number.sequence - last - 1 },
            None => Standing::New { missing: number.sequence.saturating_sub(1) },
        }
    }

    /// A batch is durable.
    ///
    /// # Errors
    /// Where the file cannot be written; the batch is then known until the server ends.
    pub fn note(&mut self, sensor: &str, number: Number) -> io::Result<()> {
        if self.sensors.0.len() >= MAX_SENSORS && !self.sensors.0.contains_key(sensor) {
            return Err(io::Error::other("there are too many sensors"));
        }
        let epochs = self.sensors.0.entry(sensor.to_owned()).or_default();
        epochs.insert(number.epoch, number.sequence);
        while epochs.len() > MAX_EPOCHS {
            epochs.pop_first();
        }
        let part = self.path.with_extension("part");
        std::fs::write(&part, serde_json::to_vec(&self.sensors)?)?;
        std::fs::rename(&part, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(epoch: u64, sequence: u64) -> Number {
        Number { epoch, sequence }
    }

    #[test]
    fn repeated_and_missing_batches_are_told_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(ledger.standing("s", number(7, 1)), Standing::New { missing: 0 });
        ledger.note("s", number(7, 1)).unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        assert_eq!(ledger.standing("s", number(7, 1)), Standing::Repeated);
        assert_eq!(ledger.standing("s", number(7, 4)), Standing::New { missing: 2 });
        assert_eq!(ledger.standing("s", number(8, 1)), Standing::New { missing: 0 });
        assert_eq!(ledger.standing("t", number(7, 1)), Standing::New { missing: 0 });
        for epoch in 8..200 {
            ledger.note("s", number(epoch, 1)).unwrap();
        }
        assert_eq!(ledger.sensors.0["s"].len(), MAX_EPOCHS);
    }
}
