//! Speed and memory of all detections together on seeded, mixed days of a domain, made as they are shown.
//!
//! `cargo bench -p hopwatch-detections --bench day [-- events [days]]`: one day of 10 M events by default; with days, so
//! many days of so many events in a row, with memory and table entries after each; with 0 days, what each detection
//! costs alone. Time is that of this thread on a
//! processor (Linux), without the making of the events, since a busy machine disturbs the wall clock.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot start says so")]

mod domain;

use std::collections::BTreeMap;
use std::fs;

use hopwatch_detections::engine::Settings;
use hopwatch_detections::{Engine, Mode};
use hopwatch_graph::Snapshot;

use domain::Domain;

/// Events made and shown at a time: their making is not timed.
const BATCH: usize = 1 << 14;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let events = numbers.next().unwrap_or(10_000_000);
    let days = numbers.next().unwrap_or(1);
    let domain = Domain::new();
    let snapshot = domain.snapshot();
    if days == 0 {
        return one_by_one(&domain, &snapshot, events);
    }
    let mut engine = Engine::new(&Settings::default()).expect("the default settings fit");
    println!("{} detections, {events} events a day, {days} days", engine.entries().count());
    println!("day  events/s of a core  alerts  shared entries  rules' entries  memory MB");
    let mut alerts: BTreeMap<String, u64> = BTreeMap::new();
    for day in 0..days {
        let mut making = domain.day(day, events);
        let (mut spent, mut shown) = (0_u64, 0_u64);
        loop {
            let batch: Vec<_> = making.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let started = on_processor();
            for event in &batch {
                for change in engine.observe(event, &snapshot, Mode::Judging) {
                    if let hopwatch_detections::AlertChange::Opened(alert) = change {
                        *alerts.entry(alert.detection).or_default() += 1;
                    }
                }
            }
            spent += on_processor() - started;
            shown += u64::try_from(batch.len()).unwrap_or(0);
        }
        let rate = shown.saturating_mul(1_000_000_000) / spent.max(1);
        let entries: usize = engine.entries().map(|(_, entries)| entries).sum();
        let opened: u64 = alerts.values().sum();
        let shared = engine.shared().entries();
        println!("{:>3}  {rate:>18}  {opened:>6}  {shared:>14}  {entries:>14}  {:>9}", day + 1, memory_mb());
    }
    let mut by_entries: Vec<_> = engine.entries().map(|(meta, entries)| (entries, meta.slug)).collect();
    by_entries.sort_unstable();
    println!("alerts by detection: {alerts:?}");
    println!("most entries: {:?}", by_entries.iter().rev().take(6).collect::<Vec<_>>());
}

/// What each detection adds to an event, in nanoseconds.
fn one_by_one(domain: &Domain, snapshot: &Snapshot, events: usize) {
    let batch: Vec<_> = domain.day(0, events).collect();
    let all: Vec<String> = hopwatch_detections::ALL.iter().map(|factory| factory.meta().slug.to_owned()).collect();
    let time = |only: Option<&String>| {
        let disabled = all.iter().filter(|slug| Some(*slug) != only).cloned().collect();
        let settings = Settings { disabled, ..Settings::default() };
        let mut engine = Engine::new(&settings).expect("the default settings fit");
        let started = on_processor();
        for event in &batch {
            std::hint::black_box(engine.observe(event, snapshot, Mode::Judging));
        }
        (on_processor() - started) / u64::try_from(events).unwrap_or(1).max(1)
    };
    let shared = time(None);
    println!("{shared:>6} ns  what all share");
    let mut costs: Vec<_> = all.iter().map(|slug| (time(Some(slug)).saturating_sub(shared), slug)).collect();
    costs.sort_unstable();
    for (nanos, slug) in costs.iter().rev() {
        println!("{nanos:>6} ns  {slug}");
    }
}

/// Nanoseconds that this thread was on a processor.
fn on_processor() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or(0)
}

/// Resident memory of the process.
fn memory_mb() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
