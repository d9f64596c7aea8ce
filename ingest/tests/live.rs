//! Live capture on a pair of virtual interfaces in a network namespace of its own: frames of a recorded capture go in at
//! one end and come out of the ring at the other. Needs root; says so where it is skipped.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper fails the test; a skipped test says why")]

use std::collections::BTreeMap;
use std::io::Read;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use hopwatch_ingest::capture::live::{self, Batch, Options};
use hopwatch_ingest::capture::{self, Config};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{Counters, DigestKey};
use hopwatch_model::Event;

const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab/kerberoasting.pcap.gz");

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// A pair of interfaces, both ends in this process's namespace under names of their own; gone when dropped.
struct Pair(String, String);

impl Pair {
    fn new(tag: &str) -> Option<Self> {
        let number = std::process::id() % 10_000;
        let pair = Self(format!("hw{tag}a{number}"), format!("hw{tag}b{number}"));
        let made = ip(&["link", "add", &pair.0, "type", "veth", "peer", "name", &pair.1]);
        // No addresses and no IPv6 autoconfiguration: nothing but the replayed frames is on them.
        for end in [&pair.0, &pair.1] {
            let _quiet = std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1").is_ok();
        }
        (made && ip(&["link", "set", &pair.0, "up"]) && ip(&["link", "set", &pair.1, "up"])).then_some(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        ip(&["link", "del", &self.0]);
    }
}

/// Frames with the microseconds between them left out, sent by a packet socket of a helper program.
fn send(interface: &str, capture: &[u8]) -> bool {
    let program = "import socket,struct,sys,time\n\
        s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW);s.bind((sys.argv[1],0))\n\
        d=sys.stdin.buffer.read();o=24\n\
        while o+16<=len(d):\n\
        \x20n=struct.unpack('<I',d[o+8:o+12])[0];s.send(d[o+16:o+16+n]);o+=16+n;time.sleep(0.0002)\n";
    let child = Command::new("python3").args(["-c", program, interface]).stdin(std::process::Stdio::piped()).spawn();
    let Ok(mut child) = child else { return false };
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, capture).unwrap();
    drop(stdin);
    child.wait().unwrap().success()
}

fn kinds(events: &[Event]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for event in events {
        *kinds.entry(event.activity.name()).or_default() += 1;
    }
    kinds
}

fn recorded() -> (Vec<u8>, Vec<Event>, u64) {
    let mut pcap = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(CAPTURE).unwrap()).read_to_end(&mut pcap).unwrap();
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let config = Config::new(DigestKey::one_shot());
    capture::read_file(&pcap[..], "recorded", &config, &mut sink, &mut counters).unwrap();
    (pcap, sink.events, counters.read)
}

fn check(tag: &str, threads: u16) {
    let Some(pair) = Pair::new(tag) else {
        println!("skipped: virtual interfaces need root and `ip`");
        return;
    };
    let (pcap, expected, frames) = recorded();
    let options = Options {
        interface: pair.1.clone(),
        source: "live".into(),
        threads,
        cpu_percent: 100,
        memory_bytes: 64 << 20,
        key: DigestKey::one_shot(),
    };
    let (stop, all) = (AtomicBool::new(false), Mutex::new((Vec::new(), Counters::default())));
    let (woken, wake) = (std::sync::Condvar::new(), Mutex::new(0_u64));
    let deliver = |batch: Batch| {
        let mut all = all.lock().unwrap();
        all.0.extend(batch.events);
        all.1.add(&batch.counters);
        *wake.lock().unwrap() = all.1.read;
        woken.notify_all();
    };
    std::thread::scope(|scope| {
        let capture = scope.spawn(|| live::run(&options, &stop, &deliver));
        // The first batch says that the rings are open.
        let waiting = wake.lock().unwrap();
        let second = std::time::Duration::from_secs(5);
        drop(woken.wait_timeout(waiting, second).unwrap());
        assert!(send(&pair.0, &pcap), "python3 sends the frames");
        let waiting = wake.lock().unwrap();
        let (waiting, _) = woken.wait_timeout_while(waiting, second, |read| *read < frames).unwrap();
        drop(waiting);
        stop.store(true, Ordering::Relaxed);
        capture.join().unwrap().unwrap();
    });
    let (events, counters) = all.into_inner().unwrap();
    assert_eq!(counters.read, frames, "{counters:?}");
    assert_eq!(counters.dropped.get("frame lost in the ring"), None);
    assert_eq!(kinds(&events), kinds(&expected));
    assert!(events.iter().all(|event| &*event.provenance.source == "live"));
}

#[test]
fn a_ring_gives_the_events_of_the_recording() {
    check("s", 1);
}

#[test]
fn rings_that_share_an_interface_give_the_same_events() {
    check("m", 2);
}

#[test]
fn an_interface_that_does_not_exist_is_an_error() {
    let options = Options {
        interface: "none-such".into(),
        source: "live".into(),
        threads: 1,
        cpu_percent: 100,
        memory_bytes: 64 << 20,
        key: DigestKey::one_shot(),
    };
    assert!(live::run(&options, &AtomicBool::new(false), &|_| {}).is_err());
}
