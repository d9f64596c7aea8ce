//! Connections through the table with an analyser that writes down what it is given.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hopwatch_model::{Event, Timestamp};
use hopwatch_wire::net::Tcp;

use super::{Caps, Table};
use crate::analyzers::dispatch::{Dispatch, Protocol};
use crate::analyzers::{Chunk, Direction, Output, StreamAnalyzer};
use crate::{Counters, DigestKey};

/// Consumes whole lines; a line `+n` asks to skip the n bytes behind it. `>` to the server, `<` to the client.
struct Lines(Arc<Mutex<Vec<String>>>);

fn mark(direction: Direction) -> char {
    if direction == Direction::ToServer { '>' } else { '<' }
}

impl StreamAnalyzer for Lines {
    fn data(&mut self, chunk: Chunk<'_>, _: &mut Output<'_>) -> usize {
        let Some(end) = chunk.bytes.iter().position(|byte| *byte == b'\n') else { return 0 };
        let line = String::from_utf8_lossy(&chunk.bytes[..end]).into_owned();
        let skip: usize = line.strip_prefix('+').map_or(0, |count| count.parse().unwrap());
        self.0.lock().unwrap().push(format!("{}{line}@{}", mark(chunk.direction), chunk.frame));
        end + 1 + skip
    }

    fn gap(&mut self, direction: Direction, bytes: u64, _: &mut Output<'_>) {
        self.0.lock().unwrap().push(format!("{}gap {bytes}", mark(direction)));
    }

    fn close(&mut self, _: &mut Output<'_>) {
        self.0.lock().unwrap().push("close".into());
    }
}

const S: u8 = Tcp::SYN;
const A: u8 = Tcp::ACK;
const SA: u8 = Tcp::SYN | Tcp::ACK;
const FA: u8 = Tcp::FIN | Tcp::ACK;
const R: u8 = Tcp::RST;

/// A segment: time in ms, whether the client sends it, flags, sequence, acknowledgement, bytes.
type Line<'a> = (i64, bool, u8, u32, u32, &'a str);

struct Bench {
    log: Arc<Mutex<Vec<String>>>,
    table: Table,
    dispatch: Dispatch,
    counters: Counters,
    events: Vec<Event>,
    frame: u64,
}

impl Bench {
    fn new(caps: Caps) -> Self {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Arc::clone(&log);
        let dispatch =
            Dispatch::new().with_stream(Protocol::Kerberos, Box::new(move |_| Box::new(Lines(Arc::clone(&shared)))));
        Self { log, table: Table::new(caps), dispatch, counters: Counters::default(), events: Vec::new(), frame: 0 }
    }

    fn send_from(&mut self, client: SocketAddr, (millis, by_client, flags, seq, ack, payload): Line<'_>) {
        let server = SocketAddr::from(([10, 0, 0, 2], 88));
        let (source, target) = if by_client { (client, server) } else { (server, client) };
        let tcp = Tcp { source, target, seq, ack, flags, payload: payload.as_bytes(), cut: 0 };
        self.frame += 1;
        let (key, source) = (DigestKey::one_shot(), Arc::from("test"));
        let mut out =
            Output { events: &mut self.events, counters: &mut self.counters, key: &key, source: &source, tap: None };
        let time = Timestamp::from_micros(millis * 1000);
        self.table.segment(&tcp, time, self.frame, &mut self.dispatch, &mut out);
    }

    fn finish(&mut self) -> Vec<String> {
        let (key, source) = (DigestKey::one_shot(), Arc::from("test"));
        let mut out =
            Output { events: &mut self.events, counters: &mut self.counters, key: &key, source: &source, tap: None };
        self.table.finish(&mut out);
        self.log.lock().unwrap().clone()
    }
}

fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn check(lines: &[Line<'_>], expect: &[&str]) {
    let mut bench = Bench::new(Caps::default());
    for line in lines {
        bench.send_from(client(50000), *line);
    }
    assert_eq!(bench.finish(), expect);
    assert_eq!(bench.table.held, 0);
}

#[test]
fn a_whole_connection_is_read_and_closed_once() {
    check(
        &[
            (0, true, S, 99, 0, ""),
            (1, false, SA, 499, 100, ""),
            (2, true, A, 100, 500, "ask\n"),
            (3, false, A, 500, 104, "answer\n"),
            (4, true, FA, 104, 507, ""),
            (5, false, FA, 507, 105, ""),
            (6, true, A, 105, 508, ""),
            (7, true, A, 100, 500, "ask\n"),
        ],
        &[">ask@3", "<answer@4", "close"],
    );
}

#[test]
fn a_message_across_segments_is_read_with_the_frame_that_completes_it() {
    check(
        &[
            (0, true, S, 99, 0, ""),
            (1, true, A, 100, 0, "as"),
            (2, true, A, 102, 0, "k\nmo"),
            (3, true, A, 106, 0, "re\n"),
        ],
        &[">ask@3", ">more@4", "close"],
    );
}

#[test]
fn a_connection_met_in_its_midst_finds_its_roles_by_port() {
    check(&[(0, false, A, 500, 104, "answer\n"), (1, true, A, 104, 507, "ask\n")], &["<answer@1", ">ask@2", "close"]);
}

#[test]
fn one_side_alone_is_read() {
    check(&[(0, true, A, 100, 500, "one\n"), (1, true, A, 104, 600, "two\n")], &[">one@1", ">two@2", "close"]);
}

#[test]
fn an_answer_proves_that_the_hole_before_it_is_lost() {
    check(
        &[
            (0, true, A, 96, 500, "old\n"),
            (1, true, A, 104, 500, "two\n"),
            (2, false, A, 500, 108, "answer\n"),
            (3, true, A, 100, 500, "one\n"),
        ],
        &[">old@1", ">gap 4", ">two@2", "<answer@3", "close"],
    );
}

#[test]
fn a_reset_ends_the_connection_and_a_syn_opens_it_anew() {
    check(
        &[
            (0, true, S, 99, 0, ""),
            (1, true, A, 100, 0, "one\n"),
            (2, false, R, 500, 0, ""),
            (3, true, S, 7000, 0, ""),
            (4, true, A, 7001, 0, "two\n"),
        ],
        &[">one@2", "close", ">two@5", "close"],
    );
}

#[test]
fn ports_used_again_without_a_seen_end_make_a_new_connection() {
    check(
        &[
            (0, true, S, 99, 0, ""),
            (1, true, A, 100, 0, "one\n"),
            (2, true, S, 99, 0, ""),
            (3, true, S, 7000, 0, ""),
            (4, true, A, 7001, 0, "two\n"),
        ],
        &[">one@2", "close", ">two@5", "close"],
    );
}

#[test]
fn skipped_bytes_never_reach_the_analyser() {
    check(
        &[(0, true, S, 99, 0, ""), (1, true, A, 100, 0, "+9\n1234"), (2, true, A, 107, 0, "56789ask\n")],
        &[">+9@2", ">ask@3", "close"],
    );
}

#[test]
fn a_gap_inside_skipped_bytes_is_not_reported() {
    check(
        &[
            (0, true, S, 99, 0, ""),
            (1, true, A, 100, 0, "+9\n1234"),
            (2, true, A, 110, 0, "89ask\n"),
            (3, false, A, 0, 116, "x\n"),
        ],
        &[">+9@2", ">ask@3", "<x@4", "close"],
    );
}

#[test]
fn an_endless_message_is_given_up_at_the_cap() {
    let mut bench = Bench::new(Caps { pending_bytes: 1000, ..Caps::default() });
    let block = "x".repeat(400);
    for turn in 0..3 {
        bench.send_from(client(1), (0, true, A, 100 + turn * 400, 0, &block));
    }
    assert_eq!(bench.finish(), [">gap 1200", "close"]);
    assert_eq!(bench.counters.dropped["message longer than the stream buffer"], 1);
}

#[test]
fn the_connection_used_longest_ago_is_evicted_at_the_cap() {
    let mut bench = Bench::new(Caps { flows: 2, ..Caps::default() });
    for port in [1, 2, 1, 3] {
        bench.send_from(client(port), (0, true, A, 100, 0, &format!("{port}\n")));
    }
    assert_eq!(bench.log.lock().unwrap().as_slice(), [">1@1", ">2@2", "close", ">3@4"]);
    assert_eq!(bench.counters.dropped["connection evicted"], 1);
    assert_eq!(bench.table.index.len(), 2);
}

#[test]
fn memory_of_all_connections_together_is_bounded() {
    let mut bench = Bench::new(Caps { total_bytes: 4000, ..Caps::default() });
    let block = "x".repeat(1000);
    for port in 1001..1100 {
        bench.send_from(client(port), (0, true, A, 100, 0, &block));
        assert!(bench.table.held <= 4000);
    }
    assert_eq!(bench.counters.dropped["connection evicted for memory"], 95);
}

#[test]
fn silent_connections_end() {
    let mut bench = Bench::new(Caps::default());
    bench.send_from(client(1), (0, true, A, 100, 0, "one\n"));
    bench.send_from(client(2), (3_700_000, true, A, 100, 0, "two\n"));
    assert_eq!(bench.log.lock().unwrap().as_slice(), [">one@1", "close", ">two@2"]);
}

#[test]
fn a_scan_does_not_push_out_what_is_read() {
    let mut bench = Bench::new(Caps { flows: 100, ..Caps::default() });
    bench.send_from(client(1), (0, true, A, 100, 0, "one\n"));
    for port in 1000..3000 {
        bench.send_from(client(port), (1, true, S, 5, 0, ""));
    }
    bench.send_from(client(1), (2, true, A, 104, 0, "two\n"));
    assert_eq!(bench.log.lock().unwrap().as_slice(), [">one@1", ">two@2002"]);
}
