//! Live capture on interfaces of this host: one thread per ring, each running its frames to their events without handing
//! them over. The rings share the interface by the pair of hosts; what a client asks of several servers is joined by the state
//! that the analysers share.
//!
//! A thread keeps to its share of a core by resting: what arrives meanwhile waits in the ring, and what finds no room
//! there is counted by the kernel and reported. Events leave in batches, at least once a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hopwatch_afpacket::{Options as RingOptions, Packet, Ring};
use hopwatch_model::{Event, Timestamp};
use hopwatch_wire::net::LinkType;

use super::{Config, Frame, Pipeline};
use crate::analyzers::dispatch::Dispatch;
use crate::flows::Caps;
use crate::sink::Collected;
use crate::{Counters, DigestKey};

/// How long a thread waits for frames before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// After how long a batch leaves, however small.
const BATCH_AGE: Duration = Duration::from_secs(1);
/// The most events of a batch.
const BATCH_EVENTS: usize = 4096;
/// Over how long a share of a core is measured.
const SHARE_WINDOW: Duration = Duration::from_millis(250);

/// How an interface is watched.
#[derive(Clone, Debug)]
pub struct Options {
    /// The interface, or `any`.
    pub interface: String,
    /// The name that events bear as their source.
    pub source: String,
    /// Threads, each with a ring of its own.
    pub threads: u16,
    /// The most that all threads together may take of one core, in per cent: 100 is a whole core.
    pub cpu_percent: u32,
    /// The most memory that may be taken, in bytes: a part for the rings, the rest for what flows keep.
    pub memory_bytes: usize,
    /// The key for digests of secrets.
    pub key: DigestKey,
}

/// What a thread made since its last batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events, their hosts not named yet.
    pub events: Vec<Event>,
    /// What was read, ignored and dropped since the last batch, the kernel's losses included.
    pub counters: Counters,
    /// Processor time since the last batch.
    pub cpu: Duration,
}

/// Captures until `stop` is set; `deliver` gets the batches of all threads.
///
/// # Errors
/// Where a ring cannot be opened, or its interface goes away.
pub fn run(options: &Options, stop: &AtomicBool, deliver: &(dyn Fn(Batch) + Sync)) -> std::io::Result<()> {
    let threads = options.threads.max(1);
    let rings: Vec<Ring> = (0..threads).map(|_| open(options, threads)).collect::<Result<_, _>>()?;
    let mut dispatches = vec![Dispatch::new()];
    for _ in 1..threads {
        let shared = dispatches[0].sharing();
        dispatches.push(shared);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = rings
            .into_iter()
            .zip(dispatches)
            .map(|(ring, dispatch)| {
                scope.spawn(move || {
                    let done = Worker::new(options, ring, dispatch).and_then(|worker| worker.run(stop, deliver));
                    // One thread that ends, ends all: half an interface would look like a quiet one.
                    stop.store(true, Ordering::Relaxed);
                    done
                })
            })
            .collect();
        let mut result = Ok(());
        for worker in workers {
            let broken = |_| Err(std::io::Error::other("a thread of the capture broke down"));
            result = result.and(worker.join().unwrap_or_else(broken));
        }
        result
    })
}

fn open(options: &Options, threads: u16) -> std::io::Result<Ring> {
    let mut ring = RingOptions::new(&options.interface);
    // A third of the memory for the rings.
    let blocks = options.memory_bytes / 3 / usize::from(threads) / usize::try_from(ring.block_bytes).unwrap_or(1);
    ring.blocks = u32::try_from(blocks).unwrap_or(u32::MAX).clamp(8, 1024);
    if threads > 1 {
        // The process's own number keeps two sensors of one host apart.
        ring.fanout = Some(u16::try_from(std::process::id() & 0xffff).unwrap_or(0));
    }
    Ring::open(&ring)
}

/// The bounds of flows in a part of the memory. A connection's own state is some 2 KiB with its analyser.
fn caps(memory: usize) -> Caps {
    let usual = Caps::default();
    Caps {
        flows: (memory / 4 / 2048).clamp(256, usual.flows),
        total_bytes: (memory / 2).clamp(1 << 20, usual.total_bytes),
        pending_bytes: usual.pending_bytes.min((memory / 8).max(256 * 1024)),
        ..usual
    }
}

struct Worker {
    ring: Ring,
    link: LinkType,
    pipeline: Pipeline,
    made: Collected,
    counters: Counters,
    number: u64,
    budget: Budget,
    sent: Instant,
    cpu_at_sent: Duration,
}

impl Worker {
    fn new(options: &Options, ring: Ring, dispatch: Dispatch) -> std::io::Result<Self> {
        let threads = usize::from(options.threads.max(1));
        let config = Config { key: options.key.clone(), caps: caps(options.memory_bytes * 2 / 3 / threads) };
        let link = link(ring.hardware()?);
        Ok(Self {
            ring,
            link,
            pipeline: Pipeline::with_dispatch(&options.source, &config, dispatch),
            made: Collected::default(),
            counters: Counters::default(),
            number: 0,
            budget: Budget::new(f64::from(options.cpu_percent) / 100.0 / f64::from(options.threads.max(1))),
            sent: now(),
            cpu_at_sent: cpu_time(),
        })
    }

    fn run(mut self, stop: &AtomicBool, deliver: &(dyn Fn(Batch) + Sync)) -> std::io::Result<()> {
        let ended = loop {
            if stop.load(Ordering::Relaxed) {
                break Ok(());
            }
            if let Err(error) = self.block() {
                break Err(error);
            }
            if self.made.events.len() >= BATCH_EVENTS || self.sent.elapsed() >= BATCH_AGE {
                self.deliver(deliver);
            }
            self.budget.keep();
        };
        self.pipeline.finish(&mut self.counters, &mut self.made);
        self.deliver(deliver);
        ended
    }

    fn block(&mut self) -> std::io::Result<()> {
        let Some(block) = self.ring.block(PATIENCE)? else {
            // Silence is time, too: what waits for an answer gives up.
            self.pipeline.tick(wall_clock(), &mut self.counters, &mut self.made);
            return Ok(());
        };
        for packet in block.packets() {
            self.number += 1;
            self.counters.read += 1;
            let frame = Frame { time: time(&packet), number: self.number, link: self.link, bytes: packet.bytes };
            self.pipeline.frame(&frame, &mut self.counters, &mut self.made);
        }
        Ok(())
    }

    fn deliver(&mut self, deliver: &(dyn Fn(Batch) + Sync)) {
        if let Ok(counted) = self.ring.statistics()
            && counted.drops > 0
        {
            *self.counters.dropped.entry("frame lost in the ring").or_default() += counted.drops;
            // They arrived, so that what was read is what was made plus what was lost.
            self.counters.read += counted.drops;
        }
        let cpu = cpu_time();
        deliver(Batch {
            events: std::mem::take(&mut self.made.events),
            counters: std::mem::take(&mut self.counters),
            cpu: cpu.saturating_sub(self.cpu_at_sent),
        });
        (self.sent, self.cpu_at_sent) = (now(), cpu);
    }
}

fn time(packet: &Packet<'_>) -> Timestamp {
    Timestamp::from_micros(i64::from(packet.seconds) * 1_000_000 + i64::from(packet.nanoseconds / 1000))
}

/// What the frames of an interface begin with, by its `ARPHRD_…`: tunnels and PPP devices hand over bare IP.
fn link(hardware: u16) -> LinkType {
    match hardware {
        1 | 772 => LinkType::ETHERNET,
        _ => LinkType::RAW,
    }
}

/// A share of a core.
struct Budget {
    share: f64,
    began: Instant,
    cpu_at_begin: Duration,
}

impl Budget {
    fn new(share: f64) -> Self {
        Self { share, began: now(), cpu_at_begin: cpu_time() }
    }

    /// Rests for as long as the work so far was too much.
    fn keep(&mut self) {
        let elapsed = self.began.elapsed();
        if self.share >= 1.0 || elapsed < SHARE_WINDOW {
            return;
        }
        let used = cpu_time().saturating_sub(self.cpu_at_begin);
        let due = used.div_f64(self.share.max(0.01));
        if let Some(rest) = due.checked_sub(elapsed) {
            // Bounded, so that the thread still hears that it is to stop.
            std::thread::park_timeout(rest.min(BATCH_AGE));
        }
        (self.began, self.cpu_at_begin) = (now(), cpu_time());
    }
}

/// The processor time of this thread: the first number of its `schedstat`, in nanoseconds. Zero where the kernel does not
/// keep it; then no share is kept either.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "a live source")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a live source: the kernel stamps frames by the same clock")]
fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
