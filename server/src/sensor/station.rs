//! A sensor at work: captures, packs and spools until it is told to stop.
//!
//! The threads of the capture never wait for the disk: where the spool is slower than the wire, events are dropped and
//! counted.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use hopwatch_ingest::Counters;
use hopwatch_ingest::capture::live::{self, Options};

use super::spool::Spool;
use super::{Batch, Health};
use crate::clock;

/// Batches of the capture's threads that wait to be packed: some ten MB at the most.
const WAITING: usize = 16;
/// After how long a batch is spooled, however small; also how often the standing is told on a quiet wire.
const AGE: Duration = Duration::from_secs(1);
/// How often the standing is told where nothing happens.
const QUIET: Duration = Duration::from_secs(30);
/// Events after which a batch is spooled at once.
const EVENTS: usize = 8192;

/// Captures until `stop` is set; `spooled` is called after every batch.
///
/// # Errors
/// Where the interface cannot be captured on, or the disk fails.
pub fn run(options: &Options, spool: &Spool, stop: &AtomicBool, spooled: &(dyn Fn(&Health) + Sync)) -> io::Result<()> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let packer = scope.spawn(|| {
            let done = Packer::new(options, spool).run(&receiver, spooled);
            stop.store(true, Ordering::Relaxed);
            // The capture's threads must not find nobody there.
            drop(receiver);
            done
        });
        let captured = capture(options, stop, &sender);
        // The packer ends when nobody can send any more.
        drop(sender);
        let packed = packer.join().unwrap_or_else(|_| Err(io::Error::other("the spool's thread broke down")));
        captured.and(packed)
    })
}

fn capture(options: &Options, stop: &AtomicBool, sender: &SyncSender<live::Batch>) -> io::Result<()> {
    live::run(options, stop, &|batch| {
        if let Err(TrySendError::Full(mut batch) | TrySendError::Disconnected(mut batch)) = sender.try_send(batch) {
            // The counts are worth more than the events: they say what is missing.
            let lost = u64::try_from(batch.events.len()).unwrap_or(u64::MAX);
            batch.events = Vec::new();
            *batch.counters.dropped.entry("events lost: the spool is behind").or_default() += lost;
            let _gone = sender.send(batch).is_err();
        }
    })
}

struct Packer<'a> {
    spool: &'a Spool,
    batch: Batch,
    cpu: Duration,
    since: std::time::Instant,
}

impl<'a> Packer<'a> {
    fn new(options: &Options, spool: &'a Spool) -> Self {
        let health = Health {
            version: env!("CARGO_PKG_VERSION").into(),
            interface: options.interface.clone(),
            ..Health::default()
        };
        let batch = Batch { health, ..Batch::default() };
        Self { spool, batch, cpu: Duration::ZERO, since: clock::instant() }
    }

    fn run(mut self, receiver: &Receiver<live::Batch>, spooled: &(dyn Fn(&Health) + Sync)) -> io::Result<()> {
        loop {
            let ended = match receiver.recv_timeout(AGE) {
                Ok(made) => {
                    self.batch.health.count(&made.counters);
                    self.batch.events.extend(made.events);
                    self.cpu += made.cpu;
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            let age = self.since.elapsed();
            let due = !self.batch.events.is_empty() && (age >= AGE || self.batch.events.len() >= EVENTS);
            if ended || due || age >= QUIET {
                self.spool(age)?;
                spooled(&self.batch.health);
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn spool(&mut self, age: Duration) -> io::Result<()> {
        let pushed_out = self.spool.take_dropped();
        if pushed_out > 0 {
            let mut counters = Counters::default();
            counters.dropped.insert("batches lost: the spool was full", pushed_out);
            self.batch.health.count(&counters);
        }
        let health = &mut self.batch.health;
        health.cpu_percent = self.cpu.as_secs_f64() / age.as_secs_f64().max(0.001) * 100.0;
        health.memory_bytes = resident();
        health.spool_bytes = self.spool.bytes();
        self.spool.push(&self.batch.pack()?)?;
        self.batch.events = Vec::new();
        (self.cpu, self.since) = (Duration::ZERO, clock::instant());
        Ok(())
    }
}

/// The memory of this process that is in use (`VmRSS`), in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
