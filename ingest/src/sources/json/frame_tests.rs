//! Tests of the record scanner.

use super::frame::*;
use std::io::BufReader;

fn check(text: &str, expect: &[&str]) {
    for capacity in [1, 7, 4096] {
        let mut frames = Frames::new(BufReader::with_capacity(capacity, text.as_bytes()));
        let mut got = Vec::new();
        while let Some(frame) = frames.next_frame().unwrap() {
            got.push(match frame {
                Frame::Record { bytes, line, item } => {
                    format!("{line}/{item} {}", String::from_utf8_lossy(bytes).replace(['\n', ' '], ""))
                }
                Frame::Bad(reason) => reason.to_owned(),
            });
        }
        assert_eq!(got, expect, "{text} at {capacity}");
    }
}

#[test]
fn lines_arrays_and_pretty_values_are_found() {
    check("{\"a\":1}\n\n{\"b\":\"}\\\"{\"}\n", &["1/0 {\"a\":1}", "3/0 {\"b\":\"}\\\"{\"}"]);
    check("[{\"a\":1},\n {\"b\":[{}]}]\n", &["1/1 {\"a\":1}", "2/2 {\"b\":[{}]}"]);
    check("\u{feff}{\n \"a\": {\n }\n}\n{\"b\":2}", &["1/0 {\"a\":{}}", "5/0 {\"b\":2}"]);
    check("{\"a\":1}{\"b\":2}", &["1/0 {\"a\":1}", "1/0 {\"b\":2}"]);
}

#[test]
fn wrappers_are_opened_and_a_records_own_arrays_are_not() {
    check("{\"count\":2,\"records\":[{\"a\":1},{\"b\":2}],\"next\":\"x\"}", &["1/1 {\"a\":1}", "1/2 {\"b\":2}"]);
    check("{\"hits\":{\"total\":1,\"hits\":[{\"a\":1}]}}", &["1/1 {\"a\":1}"]);
    check("{\"EventID\":1,\"data\":[{\"x\":1}]}", &["1/0 {\"EventID\":1,\"data\":[{\"x\":1}]}"]);
}

#[test]
fn prefixes_and_headers_are_passed_over() {
    check(
        "[2026/01/01 00:00:00, 3] x.c:1(f)\n  {\"a\":1}\nsmbd: {\"b\":2}\n",
        &["line without JSON", "2/0 {\"a\":1}", "3/0 {\"b\":2}"],
    );
}

#[test]
fn a_cut_record_costs_itself_alone() {
    check("{\"a\":\"x\n{\"b\":2}\n", &["JSON record is cut off", "2/0 {\"b\":2}"]);
    check("{\"a\":1,\n{\"b\":2}\n", &["JSON record is cut off", "2/0 {\"b\":2}"]);
    check("{\"a\":1]}\n{\"b\":2}\n", &["JSON record is malformed", "2/0 {\"b\":2}"]);
    check("{\"a\":1", &["JSON record is cut off"]);
}

#[test]
fn a_record_over_the_bound_is_counted_and_passed() {
    let text = format!("[{{\"a\":\"{}\"}},{{\"b\":2}}]", "x".repeat(MAX_RECORD_BYTES));
    let mut frames = Frames::new(text.as_bytes());
    assert_eq!(frames.next_frame().unwrap(), Some(Frame::Bad("JSON record over 8 MiB")));
    assert!(matches!(frames.next_frame().unwrap(), Some(Frame::Record { bytes: b"{\"b\":2}", item: 2, .. })));
    assert_eq!(frames.next_frame().unwrap(), None);
}
