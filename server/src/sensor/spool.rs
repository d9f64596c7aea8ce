//! Batches on the sensor's disk, from when they are made until the server has them. Bounded: where the server is away for
//! too long the oldest go first, and are counted.
//!
//! A file's name is `<epoch>-<sequence>.batch`, both in hexadecimal: the epoch is the time at which the sensor started, so
//! that names sort by age and numbers never come twice.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hopwatch_model::Timestamp;

/// The number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    /// When its sensor started, in microseconds.
    pub epoch: u64,
    /// From 1.
    pub sequence: u64,
}

impl Number {
    fn name(self) -> String {
        format!("{:016x}-{:016x}.batch", self.epoch, self.sequence)
    }

    fn parse(name: &str) -> Option<Self> {
        let (epoch, sequence) = name.strip_suffix(".batch")?.split_once('-')?;
        Some(Self { epoch: u64::from_str_radix(epoch, 16).ok()?, sequence: u64::from_str_radix(sequence, 16).ok()? })
    }
}

/// The spool of one sensor.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    most_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Number,
    /// What waits, oldest first, with its size.
    waiting: Vec<(Number, u64)>,
    bytes: u64,
    dropped: u64,
}

impl Spool {
    /// Opens the folder, with what an earlier run left there.
    ///
    /// # Errors
    /// Where it can be neither read nor made.
    pub fn open(folder: &Path, most_bytes: u64, started: Timestamp) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut waiting = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_name().to_str().and_then(Number::parse) {
                Some(number) => waiting.push((number, entry.metadata()?.len())),
                // A crash in the midst of writing leaves a piece that nobody was promised.
                None if entry.path().extension().is_some_and(|end| end == "part") => fs::remove_file(entry.path())?,
                None => {}
            }
        }
        waiting.sort_unstable();
        let bytes = waiting.iter().map(|(_, size)| size).sum();
        let latest = waiting.last().map_or(0, |(number, _)| number.epoch);
        // A clock that went back must not give out an old epoch again.
        let epoch = u64::try_from(started.as_micros()).unwrap_or(0).max(latest.saturating_add(1));
        let next = Number { epoch, sequence: 1 };
        Ok(Self {
            folder: folder.to_owned(),
            most_bytes,
            state: Mutex::new(State { next, waiting, bytes, dropped: 0 }),
        })
    }

    /// Puts a batch in; on return it survives a crash.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn push(&self, packed: &[u8]) -> io::Result<Number> {
        let size = u64::try_from(packed.len()).unwrap_or(u64::MAX);
        let mut state = self.state();
        while state.bytes.saturating_add(size) > self.most_bytes && !state.waiting.is_empty() {
            let (oldest, freed) = state.waiting.remove(0);
            remove(&self.folder.join(oldest.name()))?;
            state.bytes -= freed;
            state.dropped += 1;
        }
        let number = state.next;
        let path = self.folder.join(number.name());
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part)?;
        file.write_all(packed)?;
        file.sync_data()?;
        fs::rename(&part, &path)?;
        state.next.sequence += 1;
        state.waiting.push((number, size));
        state.bytes += size;
        Ok(number)
    }

    /// The oldest batch that waits.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn oldest(&self) -> io::Result<Option<(Number, Vec<u8>)>> {
        let Some((number, _)) = self.state().waiting.first().copied() else { return Ok(None) };
        Ok(Some((number, fs::read(self.folder.join(number.name()))?)))
    }

    /// The server has it, or will never take it.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn done(&self, number: Number) -> io::Result<()> {
        let mut state = self.state();
        if let Some(at) = state.waiting.iter().position(|(waiting, _)| *waiting == number) {
            let (_, size) = state.waiting.remove(at);
            state.bytes -= size;
        }
        remove(&self.folder.join(number.name()))
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Batches that were pushed out unsent since this was asked last.
    pub fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.state().dropped)
    }

    /// A panic elsewhere does not make the list wrong: every change of it is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(folder: &Path, most: u64, secs: i64) -> Spool {
        Spool::open(folder, most, Timestamp::from_secs(secs)).unwrap()
    }

    #[test]
    fn batches_leave_in_order_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = spool(folder.path(), 1000, 5);
        for text in [b"one", b"two"] {
            first.push(text).unwrap();
        }
        drop(first);
        fs::write(folder.path().join("torn.part"), b"x").unwrap();
        let again = spool(folder.path(), 1000, 6);
        again.push(b"three").unwrap();
        let mut seen = Vec::new();
        while let Some((number, bytes)) = again.oldest().unwrap() {
            seen.push((number.sequence, String::from_utf8(bytes).unwrap()));
            again.done(number).unwrap();
        }
        assert_eq!(seen, [(1, "one".into()), (2, "two".into()), (1, "three".into())]);
        assert_eq!((again.bytes(), fs::read_dir(folder.path()).unwrap().count()), (0, 0));
    }

    #[test]
    fn the_oldest_go_first_where_the_disk_is_full_and_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let spool = spool(folder.path(), 10, 5);
        for _ in 0..5 {
            spool.push(b"1234").unwrap();
        }
        assert_eq!((spool.bytes(), spool.take_dropped(), spool.take_dropped()), (8, 3, 0));
        assert_eq!(spool.oldest().unwrap().unwrap().0.sequence, 4);
    }

    #[test]
    fn a_clock_that_went_back_gives_out_no_number_twice() {
        let folder = tempfile::tempdir().unwrap();
        let first = spool(folder.path(), 100, 500).push(b"a").unwrap();
        let second = spool(folder.path(), 100, 5).push(b"b").unwrap();
        assert!(second > first);
    }
}
