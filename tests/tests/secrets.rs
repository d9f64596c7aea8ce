//! No secret leaves `ingest` (I7): neither a password of the lab's domain, in any form in which it may hide, nor a run of
//! a capture's own bytes, which is what a ticket's cipher text or an NTLM response would be.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use hopwatch_tests::lab;
use hopwatch_tests::recording::{Recording, judge};
use hopwatch_tests::truth::json;

/// Bytes that a run of hexadecimal digits must stand for to be looked up: an NTLM response has 24, a nonce 8.
const RUN_BYTES: usize = 12;

/// The passwords of every account of the lab, in clear, UTF-16 and hexadecimal.
fn canaries() -> Vec<Vec<u8>> {
    let truth = json(&lab().join("directory.truth.gz"));
    let passwords: BTreeSet<&str> =
        truth["accounts"].as_array().unwrap().iter().filter_map(|account| account["password"].as_str()).collect();
    assert!(passwords.len() > 100, "the truth holds {} passwords", passwords.len());
    let mut canaries = Vec::new();
    for password in passwords.into_iter().filter(|password| password.len() >= 6) {
        let clear = password.as_bytes().to_vec();
        let wide: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex: String = clear.iter().map(|byte| format!("{byte:02x}")).collect();
        canaries.extend([clear, wide, hex.into_bytes()]);
    }
    canaries
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(lab()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".pcap.gz") || name.ends_with(".audit.jsonl.gz")
    });
    files.sort();
    files
}

fn contains(text: &[u8], canary: &[u8]) -> bool {
    // The first byte narrows the search: a plain `windows` over every canary takes minutes in a debug build.
    let first = canary[0];
    let mut from = 0;
    while let Some(place) = text[from..].iter().position(|byte| *byte == first) {
        from += place;
        if text[from..].starts_with(canary) {
            return true;
        }
        from += 1;
    }
    false
}

/// Every canary in one pass: the places of each first pair of bytes, then a comparison.
fn found<'c>(text: &[u8], canaries: &'c [Vec<u8>]) -> Option<&'c [u8]> {
    let mut starts: std::collections::HashMap<[u8; 3], Vec<&'c [u8]>> = std::collections::HashMap::new();
    for canary in canaries {
        starts.entry([canary[0], canary[1], canary[2]]).or_default().push(canary);
    }
    for (place, window) in text.windows(3).enumerate() {
        let candidates = starts.get(&[window[0], window[1], window[2]]);
        let hit = candidates.and_then(|list| list.iter().find(|canary| text[place..].starts_with(canary)));
        if let Some(canary) = hit {
            return Some(canary);
        }
    }
    None
}

fn assert_clean(text: &str, canaries: &[Vec<u8>], what: &str) {
    let hit = found(text.as_bytes(), canaries).map(String::from_utf8_lossy);
    assert_eq!(hit, None, "{what} holds a password");
}

fn raw(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The runs of hexadecimal digits of a text, as bytes.
fn runs(text: &str) -> Vec<Vec<u8>> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() >= RUN_BYTES * 2);
    let bytes = |word: &str| {
        let pairs = word.as_bytes().chunks_exact(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    words.map(bytes).collect()
}

#[test]
fn no_password_of_the_lab_is_in_an_event() {
    let canaries = canaries();
    for file in files() {
        let recording = Recording::read(std::slice::from_ref(&file));
        let text = serde_json::to_string(&recording.collected.events).unwrap();
        assert_clean(&text, &canaries, &format!("an event of {}", file.display()));
        let shown = format!("{:?}", recording.collected.events);
        assert_clean(&shown, &canaries, &format!("the Debug form of an event of {}", file.display()));
    }
}

#[test]
fn no_event_repeats_a_run_of_the_captures_bytes() {
    for file in files().iter().filter(|file| file.to_string_lossy().ends_with(".pcap.gz")) {
        let recording = Recording::read(std::slice::from_ref(file));
        let text = serde_json::to_string(&recording.collected.events).unwrap();
        let runs = runs(&text);
        if runs.is_empty() {
            continue;
        }
        let bytes = raw(file);
        for run in runs {
            assert!(!contains(&bytes, &run), "{}: an event holds bytes of the capture: {run:02x?}", file.display());
        }
    }
}

#[test]
fn no_password_of_the_lab_is_in_an_alert_or_a_report_of_a_file() {
    let canaries = canaries();
    let directory = Recording::read(&[lab().join("directory.zip")]);
    for name in ["brute-force-ldap-simple", "ldap-cleartext-bind", "gpp-password", "password-change"] {
        let recording = Recording::read(&[lab().join(format!("{name}.pcap.gz"))]);
        let alerts = judge(&[&directory], &[], &[&recording]);
        assert_clean(&serde_json::to_string(&alerts).unwrap(), &canaries, &format!("an alert of {name}"));
        assert_clean(&recording.report.to_string(), &canaries, &format!("the report of {name}"));
    }
}

/// The check itself sees what it looks for: the passwords are in the captures, and in the clear where a simple bind is.
#[test]
fn the_canaries_are_in_the_captures() {
    let canaries = canaries();
    for name in ["ldap-cleartext-bind", "kerberoasting"] {
        let bytes = raw(&lab().join(format!("{name}.pcap.gz")));
        assert!(found(&bytes, &canaries).is_some(), "{name} shows no password, so its silence proves nothing");
    }
}
