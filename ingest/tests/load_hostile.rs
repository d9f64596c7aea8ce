//! Packed, broken and hostile files: each has its named outcome and costs no other file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use hopwatch_ingest::DigestKey;
use hopwatch_ingest::load::{self, Config, Quiet, Report};
use hopwatch_ingest::sink::Collected;
use hopwatch_model::Timestamp;
use zip::write::SimpleFileOptions;

const LOGON: &[u8] = include_bytes!("fixtures/windows/carriers/winlogbeat.json");

fn load_with(paths: &[PathBuf], adjust: impl Fn(&mut Config)) -> (usize, Report) {
    let mut sink = Collected::default();
    let mut config = Config::new(DigestKey::one_shot(), Timestamp::from_secs(0));
    adjust(&mut config);
    let report = load::paths(paths, &config, &mut sink, &Quiet);
    (sink.events.len(), report)
}

/// Writes the files, loads their folder, and compares `name kind-or-error events` of each.
fn check(files: &[(&str, Vec<u8>)], expect: &[&str]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (_, report) = load_with(&[folder.path().to_path_buf()], |config| {
        config.limits.free_bytes = 1 << 20;
        config.limits.memory_bytes = 4 << 20;
    });
    let outcome = |file: &load::FileReport| {
        let name = Path::new(&file.path).strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        let what = file.error.as_ref().map_or(file.kind.unwrap_or("?"), |error| error.code());
        format!("{name}: {what} {}{}", file.counters.events, if file.bystander { " bystander" } else { "" })
    };
    let got: Vec<String> = report.files.iter().map(outcome).collect();
    assert_eq!(got, expect);
    report
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn archives_are_unpacked_whatever_their_names() {
    let inner = zip(&[("a log $1 %4.txt", LOGON)]);
    let files = [
        ("a.gz.gz", gzip(&gzip(LOGON))),
        ("b.bin", zip(&[("sub/in ner.zip", &inner), ("z.json", LOGON)])),
        ("c.zst", zstd::encode_all(LOGON, 3).unwrap()),
    ];
    let report = check(
        &files,
        &[
            "a.gz.gz: JSON records 1",
            "b.bin/sub/in ner.zip/a log $1 %4.txt: JSON records 1",
            "b.bin/z.json: JSON records 1",
            "c.zst: JSON records 1",
        ],
    );
    assert_eq!(report.exit_code(), 0);
}

#[test]
fn bad_files_are_named_and_the_rest_loads() {
    let cut = gzip(&LOGON.repeat(50));
    let files = [
        ("a.json", LOGON.to_vec()),
        ("b-empty.json", Vec::new()),
        ("c-noise.evtx", vec![7; 4096]),
        ("d-cut.json.gz", cut[..cut.len() - 12].to_vec()),
        ("e-cut.zip", zip(&[("x.json", LOGON)])[..60].to_vec()),
        ("f-header.evtx", b"ElfFile\0".to_vec()),
        ("g-foreign.json", b"{\"a\": 1}\n".to_vec()),
        ("h-broken.json", b"{\"a\": 1]\n{\"b\": }\n".to_vec()),
        ("i.json", LOGON.to_vec()),
    ];
    let report = check(
        &files,
        &[
            "a.json: JSON records 1",
            "b-empty.json: empty 0",
            "c-noise.evtx: unknown 0 bystander",
            "d-cut.json.gz: truncated 49",
            "e-cut.zip: malformed 0",
            "f-header.evtx: malformed 0",
            "g-foreign.json: unknown 0 bystander",
            "h-broken.json: useless 0",
            "i.json: JSON records 1",
        ],
    );
    assert_eq!(report.exit_code(), 1);
    assert_eq!(report.failures().count(), 5);
}

#[test]
fn bombs_are_refused_while_they_unpack() {
    let mut spaces = LOGON.to_vec();
    spaces.resize(8 << 20, b' ');
    let mut nested = LOGON.to_vec();
    for depth in 0..6 {
        nested = zip(&[(&format!("{depth}.zip"), &nested)]);
    }
    let report = check(
        &[
            ("a.json", LOGON.to_vec()),
            ("b.gz", gzip(&spaces)),
            ("c.zip", zip(&[("x", &spaces), ("y.json", LOGON)])),
            ("d.zip", nested),
        ],
        &[
            "a.json: JSON records 1",
            "b.gz: hostile 1",
            "c.zip/x: hostile 1",
            "c.zip/y.json: JSON records 1",
            "d.zip/5.zip/4.zip/3.zip/2.zip: hostile 0",
        ],
    );
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_named_file_of_no_known_kind_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, b"nothing of interest\nhere\n").unwrap();
    let (events, report) = load_with(&[path, folder.path().join("missing")], |_| {});
    assert_eq!((events, report.failures().count(), report.exit_code()), (0, 2, 1));
}

#[test]
fn a_large_array_on_one_line_streams() {
    let mut text = b"[".to_vec();
    for at in 0..5000 {
        if at > 0 {
            text.push(b',');
        }
        text.extend_from_slice(LOGON.trim_ascii());
    }
    text.push(b']');
    check(&[("a.json", text)], &["a.json: JSON records 5000"]);
}

#[test]
fn every_truncation_of_a_sample_is_an_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for sample in [
        "windows/security.xml",
        "samba/audit.log",
        "signin/providers.json",
        "signin/own.csv",
        "radius/detail",
        "radius/nps.log",
        "zeek/tsv/kerberos.log",
        "syslog/siem.log",
        "syslog/vpn.log",
        "zeek/json/ldap.log",
    ] {
        let whole = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(sample)).unwrap();
        for end in (1..whole.len()).step_by(97) {
            std::fs::write(&path, &whole[..end]).unwrap();
            let (events, report) = load_with(std::slice::from_ref(&path), |_| {});
            assert_eq!(report.files.len(), 1);
            assert_eq!(u64::try_from(events).unwrap(), report.counters().events, "{sample} at {end}");
        }
    }
}
