//! A batch as it is spooled and sent: zstd over lines of JSON, the first with the sensor's standing, each further one an
//! event. Lines, so that a newer sensor's unknown event costs one line and not the batch.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};

use hopwatch_ingest::Counters;
use hopwatch_model::Event;
use serde::{Deserialize, Serialize};

/// The most bytes of a batch as it is sent.
pub const MAX_PACKED: usize = 32 << 20;
/// The most bytes of a batch unpacked.
pub const MAX_UNPACKED: u64 = 512 << 20;
/// The longest line: an event with the XML of a scheduled task.
const MAX_LINE: u64 = 4 << 20;
/// The effort of the compression: the lowest but one costs little processor time and takes nine tenths off.
const LEVEL: i32 = 1;

/// What a sensor says of itself with every batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// The program's version.
    pub version: String,
    /// The interface that it watches.
    pub interface: String,
    /// Frames read since it started, those lost in the ring included.
    pub read: u64,
    /// Events made since it started.
    pub events: u64,
    /// What was lost since it started, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// What deliberately made no event since it started, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// The share of one core that its capture took lately, in per cent.
    pub cpu_percent: f64,
    /// The memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// What waits on its disk, in bytes.
    pub spool_bytes: u64,
}

impl Health {
    /// Adds what was counted since.
    pub fn count(&mut self, counters: &Counters) {
        self.read += counters.read;
        self.events += counters.events;
        for (reason, count) in &counters.dropped {
            *self.dropped.entry((*reason).to_owned()).or_default() += count;
        }
        for (reason, count) in &counters.ignored {
            *self.ignored.entry((*reason).to_owned()).or_default() += count;
        }
    }
}

/// A batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The sensor's standing.
    pub health: Health,
    /// Its events, in order of arrival.
    pub events: Vec<Event>,
    /// Lines that were no event that this version knows.
    pub unread: u64,
}

/// Why bytes are no batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// They cannot be unpacked, or break off.
    #[error("the batch cannot be unpacked")]
    Packed(#[from] std::io::Error),
    /// The first line is no standing.
    #[error("the batch does not begin with the sensor's standing")]
    Health(#[source] serde_json::Error),
    /// It, or a line of it, is longer than any honest one.
    #[error("the batch is larger than {MAX_UNPACKED} bytes or has a line of more than {MAX_LINE}")]
    TooLarge,
}

impl Batch {
    /// As it is sent.
    ///
    /// # Errors
    /// Where memory cannot be written to.
    pub fn pack(&self) -> std::io::Result<Vec<u8>> {
        let mut packed = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
        serde_json::to_writer(&mut packed, &self.health)?;
        for event in &self.events {
            packed.write_all(b"\n")?;
            serde_json::to_writer(&mut packed, event)?;
        }
        packed.finish()
    }

    /// Reads what was sent.
    ///
    /// # Errors
    /// Where it is no batch; a line that is no event is counted and not an error.
    pub fn unpack(packed: &[u8]) -> Result<Self, Error> {
        let unpacked = zstd::stream::read::Decoder::new(packed)?.take(MAX_UNPACKED + 1);
        let mut lines = BufReader::new(unpacked);
        let mut line = Vec::new();
        let mut batch = Self::default();
        let mut total = 0;
        let mut first = true;
        loop {
            line.clear();
            let read = (&mut lines).take(MAX_LINE + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            let length = u64::try_from(read).unwrap_or(u64::MAX);
            total += length;
            if length > MAX_LINE || total > MAX_UNPACKED {
                return Err(Error::TooLarge);
            }
            if std::mem::take(&mut first) {
                batch.health = serde_json::from_slice(&line).map_err(Error::Health)?;
            } else if let Ok(event) = serde_json::from_slice(&line) {
                batch.events.push(event);
            } else {
                batch.unread += 1;
            }
        }
        if first {
            return Err(Error::Packed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_ingest::capture::{self, Config};
    use hopwatch_ingest::sink::Collected;
    use hopwatch_ingest::{Counters, DigestKey};

    use super::*;

    /// A batch with the events of a recorded capture.
    pub(crate) fn sample() -> Batch {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab/kerberoasting.pcap.gz");
        let (mut sink, mut counters) = (Collected::default(), Counters::default());
        let config = Config::new(DigestKey::one_shot());
        capture::read_file(std::fs::File::open(path).unwrap(), "s", &config, &mut sink, &mut counters).unwrap();
        let mut health = Health { interface: "eth0".into(), ..Health::default() };
        health.count(&counters);
        Batch { health, events: sink.events, unread: 0 }
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        let batch = sample();
        assert!(!batch.events.is_empty() && batch.health.read > 0);
        assert_eq!(Batch::unpack(&batch.pack().unwrap()).unwrap(), batch);
    }

    #[test]
    fn a_batch_cut_anywhere_is_refused_and_not_read_in_part() {
        let packed = sample().pack().unwrap();
        for length in 0..packed.len() {
            assert!(Batch::unpack(&packed[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn an_unknown_event_costs_its_line() {
        let mut text = serde_json::to_vec(&Health::default()).unwrap();
        text.extend(b"\n{\"of\":\"a newer version\"}\n");
        let packed = zstd::stream::encode_all(&text[..], 1).unwrap();
        let batch = Batch::unpack(&packed).unwrap();
        assert_eq!((batch.events.len(), batch.unread), (0, 1));
    }

    #[test]
    fn a_bomb_of_one_line_is_refused() {
        let text = [serde_json::to_vec(&Health::default()).unwrap(), vec![b'\n'], vec![b' '; 8 << 20]].concat();
        let packed = zstd::stream::encode_all(&text[..], 1).unwrap();
        assert!(packed.len() < 100_000 && matches!(Batch::unpack(&packed), Err(Error::TooLarge)));
    }
}
