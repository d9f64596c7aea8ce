//! Invariants of ARCHITECTURE.md that no single room can check: decoders survive any bytes (I1), a replay equals the first
//! run (I4), every alert points to records that exist (I5).

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; figures are shown")]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use hopwatch_tests::recording::{Recording, judge};
use hopwatch_tests::{lab, sample};

/// Inputs made of each capture for every decoder.
const MUTANTS: usize = 12;
/// The longest input: a segment's size is what a decoder sees in general, a few together what a reassembled message is.
const INPUT_BYTES: usize = 4096;

/// A small generator of the same numbers on every machine (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

fn captures() -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(lab()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".pcap.gz"));
    files.sort();
    files
}

/// A piece of real traffic, with bytes changed, cut out or doubled.
fn mutant(real: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let length = 1 + numbers.below(INPUT_BYTES);
    let start = numbers.below(real.len().saturating_sub(length));
    let mut input = real[start..(start + length).min(real.len())].to_vec();
    for _ in 0..numbers.below(16) {
        let place = numbers.below(input.len());
        match numbers.below(4) {
            0 => input[place] = 0xff,
            1 => input[place] = u8::try_from(numbers.below(256)).unwrap(),
            2 => input.truncate(place + 1),
            _ => {
                let tail = input[place..].to_vec();
                input.extend(tail);
                input.truncate(INPUT_BYTES);
            }
        }
    }
    input
}

/// Messages start at places that chance rarely hits: the payload of every frame is given to every decoder as it stands,
/// and cut short at a random place.
fn payloads(pcap: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = &pcap[24..];
    while rest.len() > 16 {
        let length = usize::try_from(u32::from_le_bytes(rest[8..12].try_into().unwrap())).unwrap();
        let Some(frame) = rest.get(16..16 + length) else { break };
        // Ethernet, IPv4 and TCP (20 bytes of each, or 32 with time stamps) or UDP before it.
        let behind = |header: usize| frame.get(header..).filter(|payload| !payload.is_empty());
        frames.extend([42, 54, 66].into_iter().filter_map(behind));
        rest = &rest[16 + length..];
    }
    frames
}

#[test]
fn no_decoder_panics_on_mutated_traffic() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut inputs = 0_u64;
    for capture in captures() {
        let mut real = Vec::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(&capture).unwrap()).read_to_end(&mut real).unwrap();
        let frames = payloads(&real);
        let mut batch: Vec<Vec<u8>> = (0..MUTANTS).map(|_| mutant(&real, &mut numbers)).collect();
        for _ in 0..4 * MUTANTS {
            let frame = frames[numbers.below(frames.len())];
            batch.push(frame[..=numbers.below(frame.len())].to_vec());
            let mut changed = frame.to_vec();
            let place = numbers.below(changed.len());
            changed[place] ^= 1 << numbers.below(8);
            batch.push(changed);
        }
        for input in &batch {
            for (name, decode) in hopwatch_wire::DECODERS {
                let survived = std::panic::catch_unwind(|| decode(input));
                assert!(survived.is_ok(), "{name} panics on {input:02x?}");
                inputs += 1;
            }
        }
    }
    println!("{inputs} inputs");
}

#[test]
fn every_decoder_survives_every_short_input() {
    for (name, decode) in hopwatch_wire::DECODERS {
        for first in 0..=u8::MAX {
            for second in [0, 1, 0x30, 0x7f, 0x80, 0x82, 0x84, 0xff] {
                for input in [&[][..], &[first], &[first, second], &[first, second, second, first, second, second]] {
                    assert!(std::panic::catch_unwind(|| decode(input)).is_ok(), "{name} panics on {input:02x?}");
                }
            }
        }
    }
}

/// The same bytes for the same input: events of a recording, and what is judged of them.
#[test]
fn a_replay_equals_the_first_run() {
    let directory = sample().join("directory.zip");
    let day = [sample().join("2026-11-13-11-dcsync.pcap.gz"), sample().join("2026-11-13-06-password-spray.pcap.gz")];
    let once = || {
        let directory = Recording::read(std::slice::from_ref(&directory));
        let history = Recording::read(&[sample().join("2026-11-09-monday.pcap.gz")]);
        let judged = Recording::read(&day);
        let alerts = judge(&[&directory], &[&history], &[&judged]);
        let events = serde_json::to_string(&judged.collected.events).unwrap();
        (events, serde_json::to_string(&alerts).unwrap())
    };
    let (events, alerts) = once();
    assert!(alerts.len() > 100, "nothing was judged");
    let (again_events, again_alerts) = once();
    assert!(events == again_events, "events differ");
    assert!(alerts == again_alerts, "alerts differ");
}

/// The order in which files are named changes nothing: events are put in the order of their time.
#[test]
fn the_order_of_files_changes_no_alert() {
    let directory = Recording::read(&[sample().join("directory.zip")]);
    let read = |name: &str| Recording::read(&[sample().join(name)]);
    let one = read("2026-11-13-11-dcsync.pcap.gz");
    let other = read("2026-11-13-06-password-spray.pcap.gz");
    let forward = judge(&[&directory], &[], &[&one, &other]);
    let backward = judge(&[&directory], &[], &[&other, &one]);
    assert_eq!(forward, backward);
}

#[test]
fn every_alert_points_to_records_of_its_input() {
    let directory = Recording::read(&[lab().join("directory.zip")]);
    let mut alerts = 0;
    for capture in captures() {
        let recording = Recording::read(std::slice::from_ref(&capture));
        let records: BTreeSet<String> = recording
            .collected
            .events
            .iter()
            .map(|event| format!("{} {}", event.provenance.source, event.provenance.record))
            .collect();
        for alert in judge(&[&directory], &[], &[&recording]) {
            alerts += 1;
            assert!(!alert.evidence.is_empty(), "{} rests on nothing", alert.key);
            for evidence in &alert.evidence {
                let record = format!("{} {}", evidence.provenance.source, evidence.provenance.record);
                assert!(records.contains(&record), "{}: {record} is no record of its input", alert.key);
            }
        }
    }
    assert!(alerts > 10, "only {alerts} alerts");
}
