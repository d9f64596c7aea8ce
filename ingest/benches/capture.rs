//! Packets to events: a capture read with all analysers, on one thread and with its hosts shared among threads, each
//! running its share to completion. `HOPWATCH_BENCH_CAPTURE` names the capture; `docs/benchmarks.md` says how it is made.
//!
//! `HOPWATCH_BENCH_INTERFACE` names an interface instead, which is captured on for `HOPWATCH_BENCH_SECS` (20) seconds: what a
//! sensor's capture takes at the rate that something else sends.
//!
//! The events are counted and thrown away: what is measured is the reading. Processor time is that of the threads.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures and prints"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hopwatch_ingest::capture::live::{self, Options};
use hopwatch_ingest::capture::{Config, Pipeline, Reader};
use hopwatch_ingest::{Counters, DigestKey, Sink};
use hopwatch_model::{DirectoryDelta, Event};

#[derive(Default)]
struct Count(BTreeMap<&'static str, u64>);

impl Sink for Count {
    fn event(&mut self, event: Event) {
        *self.0.entry(event.activity.name()).or_default() += 1;
    }

    fn directory(&mut self, _: DirectoryDelta) {}
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn share(path: &str, index: usize, shares: usize) -> (Counters, Count, Duration) {
    let began = cpu();
    let (mut counters, mut count) = (Counters::default(), Count::default());
    let mut reader = Reader::open(std::fs::File::open(path).unwrap()).unwrap();
    let mut pipeline = Pipeline::new("bench", &Config::new(DigestKey::one_shot())).share(index, shares);
    while let Some(frame) = reader.next_frame(&mut counters).unwrap() {
        pipeline.frame(&frame, &mut counters, &mut count);
    }
    pipeline.finish(&mut counters, &mut count);
    (counters, count, cpu() - began)
}

fn run(path: &str, shares: usize) {
    let started = Instant::now();
    let done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shares).map(|index| scope.spawn(move || share(path, index, shares))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let wall = started.elapsed().as_secs_f64();
    let packets = done[0].0.read;
    let busy: f64 = done.iter().map(|(_, _, cpu)| cpu.as_secs_f64()).sum();
    let events: u64 = done.iter().map(|(counters, _, _)| counters.events).sum();
    let rate = |seconds: f64| f64::from(u32::try_from(packets).unwrap()) / seconds / 1000.0;
    println!(
        "{shares} threads: {packets} packets, {events} events, {wall:.2} s wall ({:.0} k packets/s), {busy:.2} s processor \
         ({:.0} k packets/s per core), peak {} MiB",
        rate(wall),
        rate(busy),
        peak_mib()
    );
    if shares == 1 {
        println!("  events {:?}", done[0].1.0);
        println!("  dropped {:?}", done[0].0.dropped);
    }
}

/// Captures on an interface; prints rate, share of a core and memory from the first frame to the last.
fn live(interface: &str, seconds: u64) {
    let options = Options {
        interface: interface.into(),
        source: "bench".into(),
        threads: 1,
        cpu_percent: 100,
        memory_bytes: 150 << 20,
        key: DigestKey::one_shot(),
    };
    let (stop, seen) = (AtomicBool::new(false), Mutex::new((Counters::default(), Duration::ZERO, 0_u32)));
    let deliver = |batch: live::Batch| {
        let mut seen = seen.lock().unwrap();
        if batch.counters.read > 0 {
            seen.0.add(&batch.counters);
            seen.1 += batch.cpu;
            seen.2 += 1;
        }
    };
    std::thread::scope(|scope| {
        let capture = scope.spawn(|| live::run(&options, &stop, &deliver));
        std::thread::park_timeout(Duration::from_secs(seconds));
        stop.store(true, Ordering::Relaxed);
        capture.join().unwrap().unwrap();
    });
    let (counters, cpu, batches) = seen.into_inner().unwrap();
    let lost = counters.dropped.get("frame lost in the ring").copied().unwrap_or(0);
    let (read, cpu) = (f64::from(u32::try_from(counters.read).unwrap()), cpu.as_secs_f64());
    println!(
        "{read} frames in some {batches} s, {lost} lost in the ring, {} events, {cpu:.2} s processor ({:.0} k frames/s per \
         core), peak {} MiB",
        counters.events,
        read / cpu / 1000.0,
        peak_mib()
    );
}

fn main() {
    if let Ok(interface) = std::env::var("HOPWATCH_BENCH_INTERFACE") {
        let seconds = std::env::var("HOPWATCH_BENCH_SECS").ok().and_then(|secs| secs.parse().ok());
        return live(&interface, seconds.unwrap_or(20));
    }
    let Ok(path) = std::env::var("HOPWATCH_BENCH_CAPTURE") else {
        println!("skipped: HOPWATCH_BENCH_CAPTURE names no capture");
        return;
    };
    for shares in [1, 1, 2] {
        run(&path, shares);
    }
}
