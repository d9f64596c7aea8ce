//! Broken, foreign and hostile files, given to the real command: a named reason on stderr, an exit code other than 0, and
//! the good file beside them still loads.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use hopwatch_tests::binary::{hopwatch, run, stderr, stdout};
use hopwatch_tests::{lab, sample};
use tempfile::TempDir;

/// Size of the hostile members: more than the bound below which no ratio is looked at (`Limits::free_bytes`, 256 MiB).
const BOMB_BYTES: u64 = 320 << 20;
/// Size of the JSON line.
const LINE_BYTES: usize = 64 << 20;

fn good() -> PathBuf {
    lab().join("dcsync.audit.jsonl.gz")
}

fn events(output: &std::process::Output) -> usize {
    stdout(output).lines().count()
}

/// Runs `hopwatch events BAD GOOD`: BAD is refused with `reason`, GOOD is read whole.
fn check(bad: &Path, reason: &str) {
    let alone = events(&run([Path::new("events"), &good()]));
    assert!(alone > 0);
    let output = run([Path::new("events"), bad, &good()]);
    let told = stderr(&output);
    assert!(!output.status.success(), "{} was taken without complaint: {told}", bad.display());
    let name = bad.file_name().unwrap().to_string_lossy().into_owned();
    let line = told.lines().find(|line| line.contains(&name)).unwrap_or_default();
    assert!(!line.is_empty(), "{name} is not named: {told}");
    assert!(line.contains(reason), "{name}: `{reason}` is not the reason given: {line}");
    assert!(events(&output) >= alone, "the file beside {name} was lost");
}

fn file(folder: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A member of the sample directory's zip whose name ends so.
fn member(end: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(File::open(sample().join("directory.zip")).unwrap()).unwrap();
    let name = archive.file_names().find(|name| name.ends_with(end)).unwrap().to_owned();
    let mut bytes = Vec::new();
    archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_capture_cut_in_a_packet_is_named_and_gives_what_precedes_the_cut() {
    let folder = TempDir::new().unwrap();
    let whole = unpacked(&lab().join("dcsync.pcap.gz"));
    let cut = file(&folder, "cut.pcap", &whole[..whole.len() / 2 + 7]);
    let output = run([Path::new("events"), &cut]);
    assert!(events(&output) > 0, "nothing of the first half was read");
    let told = stderr(&output);
    assert!(told.contains("cut.pcap") && (told.contains("truncated") || told.contains("cut")), "{told}");
}

#[test]
fn a_gzip_cut_in_the_middle_is_truncated() {
    let folder = TempDir::new().unwrap();
    let whole = fs::read(lab().join("dcsync.pcap.gz")).unwrap();
    check(&file(&folder, "cut.pcap.gz", &whole[..whole.len() / 2]), "truncated");
}

#[test]
fn an_empty_file_is_empty() {
    let folder = TempDir::new().unwrap();
    check(&file(&folder, "empty.pcap", b""), "empty");
}

#[test]
fn a_foreign_file_is_of_no_known_kind() {
    let folder = TempDir::new().unwrap();
    check(&file(&folder, "picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01"), "no known kind");
    let noise: Vec<u8> = (0_u32..4096).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    check(&file(&folder, "noise.bin", &noise), "no known kind");
}

#[test]
fn a_capture_of_garbage_is_malformed() {
    let folder = TempDir::new().unwrap();
    let mut bytes = unpacked(&lab().join("dcsync.pcap.gz"));
    bytes.truncate(24);
    bytes.extend([0xff; 4096]);
    let path = file(&folder, "garbage.pcap", &bytes);
    let output = run([Path::new("events"), &path, &good()]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("garbage.pcap"), "{}", stderr(&output));
}

#[test]
fn a_missing_file_is_named() {
    let folder = TempDir::new().unwrap();
    check(&folder.path().join("nowhere.evtx"), "cannot open");
}

#[test]
fn a_zip_bomb_is_hostile() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bomb.zip");
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    archive.start_file("20261122_users.json", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::copy(&mut Read::take(std::io::repeat(b' '), BOMB_BYTES), &mut archive).unwrap();
    archive.finish().unwrap();
    assert!(path.metadata().unwrap().len() < 1 << 20);
    check(&path, "");
}

#[test]
fn a_capture_that_unpacks_without_end_is_hostile() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bomb.jsonl.gz");
    let mut encoder = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    encoder.write_all(b"{\"timestamp\": \"").unwrap();
    std::io::copy(&mut Read::take(std::io::repeat(b'a'), BOMB_BYTES), &mut encoder).unwrap();
    encoder.finish().unwrap();
    check(&path, "");
}

#[test]
fn archives_in_archives_end_at_a_depth() {
    let folder = TempDir::new().unwrap();
    let mut bytes = fs::read(good()).unwrap();
    for _ in 0..8 {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        bytes = encoder.finish().unwrap();
    }
    check(&file(&folder, "nested.gz", &bytes), "hostile");
}

#[test]
fn a_directory_cut_in_the_middle_is_refused() {
    let folder = TempDir::new().unwrap();
    let users = member("users.json");
    check(&file(&folder, "cut_users.json", &users[..users.len() / 2]), "directory");
}

#[test]
fn a_directory_of_wrong_types_is_refused_or_counted() {
    let folder = TempDir::new().unwrap();
    let texts = [
        r#"{"data": 7, "meta": {"type": "users", "version": 6, "count": 1, "methods": 0}}"#,
        r#"{"data": [[], "x", null], "meta": {"type": "groups", "version": 6, "count": 3, "methods": 0}}"#,
        r#"{"meta": {"type": "users", "version": "six", "count": -1, "methods": {}}, "data": {}}"#,
    ];
    for (number, text) in texts.iter().enumerate() {
        check(&file(&folder, &format!("wrong{number}_users.json"), text.as_bytes()), "");
    }
}

#[test]
fn a_record_of_wrong_types_is_counted_and_the_next_is_read() {
    let folder = TempDir::new().unwrap();
    let mut lines = unpacked(&good());
    let before = events(&run([Path::new("events"), &good()]));
    lines.extend(b"{\"timestamp\": 5, \"type\": \"Authentication\", \"Authentication\": \"none\"}\n{ not json\n");
    let copy = lines.clone();
    lines.extend(copy);
    let output = run([Path::new("events"), &file(&folder, "mixed.jsonl", &lines)]);
    let told = stderr(&output);
    assert_eq!(events(&output), 2 * before, "{told}");
    assert!(told.contains("dropped"), "no drop is told: {told}");
}

#[test]
fn one_line_of_64_megabytes_is_survived() {
    let folder = TempDir::new().unwrap();
    let mut line = b"{\"timestamp\": \"2026-11-22T10:00:00.000000+0000\", \"type\": \"".to_vec();
    line.resize(LINE_BYTES, b'a');
    line.extend(b"\"}\n");
    check(&file(&folder, "line.jsonl", &line), "");
}

#[test]
fn json_nested_without_end_is_survived() {
    let folder = TempDir::new().unwrap();
    check(&file(&folder, "deep.json", "[".repeat(1 << 20).as_bytes()), "");
    let deep = format!("{{\"data\": {}", "{\"a\":".repeat(1 << 18));
    check(&file(&folder, "deep_users.json", deep.as_bytes()), "");
}

#[test]
fn import_keeps_what_was_good_beside_what_was_bad() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let bad = file(&folder, "empty.evtx", b"");
    let directory = sample().join("directory.zip");
    let output = run([Path::new("import"), &bad, &directory, Path::new("--data-dir"), &data]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("empty.evtx"), "{}", stderr(&output));
    let export = run([Path::new("graph"), Path::new("export"), Path::new("--data-dir"), &data]);
    assert!(export.status.success(), "{}", stderr(&export));
    assert!(stdout(&export).lines().count() > 1000, "the directory was lost");
}

/// `hopwatch events … | head -1`: the reader's wish, not a failure.
#[test]
fn a_reader_that_goes_is_no_error() {
    let mut child = hopwatch()
        .args([Path::new("events"), &sample().join("2026-11-09-monday.pcap.gz")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}: {}", output.status, stderr(&output));
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}
