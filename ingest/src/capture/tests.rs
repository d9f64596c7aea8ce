//! Capture files built byte by byte, and every file of the corpus.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::sink::Collected;

/// How a machine stores a word.
type Encode = fn(u32) -> [u8; 4];

/// A classic file of one 4-byte frame per entry of `times`: (seconds, fraction).
fn pcap(order: Encode, magic: u32, times: &[(u32, u32)]) -> Vec<u8> {
    let mut file = Vec::new();
    // version 2.4 in one word differs by order; readers do not look at it
    for word in [magic, 0x0004_0002, 0, 0, 65535, 101] {
        file.extend(order(word));
    }
    for (secs, fraction) in times {
        for word in [*secs, *fraction, 4, 60] {
            file.extend(order(word));
        }
        file.extend(b"abcd");
    }
    file
}

/// (time in µs, link type, bytes) of every frame, and the counters.
fn frames(file: &[u8]) -> (Vec<(i64, u32, Vec<u8>)>, Counters) {
    let (mut counters, mut frames) = (Counters::default(), Vec::new());
    let mut reader = Reader::open(file).unwrap();
    while let Some(frame) = reader.next_frame(&mut counters).unwrap() {
        assert_eq!(frame.number, u64::try_from(frames.len()).unwrap() + 1);
        frames.push((frame.time.as_micros(), frame.link.0, frame.bytes.to_vec()));
    }
    (frames, counters)
}

#[test]
fn classic_files_of_both_orders_and_clocks_are_read() {
    let expect = vec![(5_000_007, 101, b"abcd".to_vec()), (6_000_000, 101, b"abcd".to_vec())];
    let files: [(Encode, u32, u32); 4] = [
        (u32::to_le_bytes, 0xa1b2_c3d4, 7),
        (u32::to_be_bytes, 0xa1b2_c3d4, 7),
        (u32::to_le_bytes, 0xa1b2_3c4d, 7_999),
        (u32::to_be_bytes, 0xa1b2_3c4d, 7_999),
    ];
    for (order, magic, fraction) in files {
        let file = pcap(order, magic, &[(5, fraction), (6, 0)]);
        assert_eq!(frames(&file).0, expect);
    }
}

#[test]
fn compressed_files_are_read_by_their_magic() {
    let plain = pcap(u32::to_le_bytes, 0xa1b2_c3d4, &[(5, 7)]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    assert_eq!(frames(&gzip).0, frames(&plain).0);
    assert_eq!(frames(&zstd).0, frames(&plain).0);
    assert!(recognises(&gzip) && recognises(&zstd) && recognises(&plain) && !recognises(b"ElfFile\0"));
    let times: Vec<(u32, u32)> = (0..20_000).map(|n: u32| (n, n.wrapping_mul(2_654_435_761) % 1_000_000)).collect();
    let whole = zstd::encode_all(pcap(u32::to_le_bytes, 0xa1b2_c3d4, &times).as_slice(), 1).unwrap();
    let (read, counters) = frames(&whole[..whole.len() / 2]);
    assert!((1..20_000).contains(&read.len()), "{}", read.len());
    assert_eq!(counters.dropped["truncated capture"], 1);
}

#[test]
fn a_file_cut_anywhere_yields_what_was_read_and_one_count() {
    let whole = pcap(u32::to_le_bytes, 0xa1b2_c3d4, &[(5, 7), (6, 0), (7, 0)]);
    for length in 24..whole.len() {
        let (read, counters) = frames(&whole[..length]);
        assert_eq!(read.len(), (length - 24) / 20);
        let on_border = (length - 24).is_multiple_of(20);
        assert_eq!(counters.dropped.get("truncated capture").copied(), (!on_border).then_some(1));
    }
    assert!(matches!(Reader::open(&whole[..20]), Err(Error::Malformed { .. })));
}

#[test]
fn empty_and_foreign_files_are_named_errors() {
    assert!(matches!(Reader::open(&b""[..]), Err(Error::Empty)));
    let error = Reader::open(&b"ElfFile\0"[..]).err().unwrap();
    assert_eq!(error.to_string(), "not a capture file (pcap or pcapng): it starts with 456c6646");
}

#[test]
fn an_impossible_record_ends_the_reading_with_a_count() {
    let mut file = pcap(u32::to_le_bytes, 0xa1b2_c3d4, &[(5, 7), (6, 0)]);
    file[52..56].fill(0xff);
    let (read, counters) = frames(&file);
    assert_eq!((read.len(), counters.dropped["malformed capture record"]), (1, 1));
}

/// A pcapng block: type, body padded to 4, both lengths.
fn block(order: Encode, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = order(u32::try_from(padded + 12).unwrap());
    let mut out = [&order(kind)[..], &total, body].concat();
    out.resize(8 + padded, 0);
    out.extend(total);
    out
}

fn words(order: Encode, words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| order(*word)).collect()
}

#[test]
fn pcapng_with_several_interfaces_and_sections_is_read() {
    let (le, be): (Encode, Encode) = (u32::to_le_bytes, u32::to_be_bytes);
    let mut file = block(le, 0x0a0d_0d0a, &words(le, &[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    // Ethernet, microseconds by default
    file.extend(block(le, 1, &words(le, &[1, 65535])));
    // raw IP, nanoseconds (if_tsresol 9), 100 s offset (if_tsoffset)
    let options =
        [&words(le, &[101, 0])[..], &[9, 0, 1, 0, 9, 0, 0, 0, 14, 0, 8, 0, 100, 0, 0, 0, 0, 0, 0, 0]].concat();
    file.extend(block(le, 1, &options));
    file.extend(block(le, 6, &[&words(le, &[0, 0, 5_000_007, 3, 3])[..], b"abc"].concat()));
    file.extend(block(le, 5, &words(le, &[0, 0, 0])));
    file.extend(block(le, 6, &[&words(le, &[1, 1, 705_032_704, 4, 4])[..], b"defg"].concat()));
    file.extend(block(le, 3, &[&words(le, &[2])[..], b"hi"].concat()));
    // an interface that was not declared: that block is counted, the rest is read
    file.extend(block(le, 6, &words(le, &[9, 0, 0, 0, 0])));
    file.extend(block(be, 0x0a0d_0d0a, &words(be, &[0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX])));
    file.extend(block(be, 1, &words(be, &[101 << 16, 0])));
    // the obsolete packet block: interface and drops share a word
    file.extend(block(be, 2, &[&words(be, &[0, 0, 9, 1, 1])[..], b"z"].concat()));
    let (read, counters) = frames(&file);
    assert_eq!(
        read,
        [
            (5_000_007, 1, b"abc".to_vec()),
            (105_000_000, 101, b"defg".to_vec()),
            (105_000_000, 1, b"hi".to_vec()),
            (9, 101, b"z".to_vec()),
        ]
    );
    assert_eq!(counters.dropped["malformed capture block"], 1);
    for length in 0..file.len() {
        if let Ok(mut reader) = Reader::open(&file[..length]) {
            while reader.next_frame(&mut Counters::default()).unwrap().is_some() {}
        }
    }
}

/// All files below a folder, sorted.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => walk(&path, files),
            path => files.push(path),
        }
    }
    files.sort();
}

#[test]
fn every_capture_of_the_corpus_is_read() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("HOPWATCH_CORPUS").map_or(base, PathBuf::from).join("pcap");
    let mut files = Vec::new();
    walk(&folder, &mut files);
    if files.is_empty() {
        eprintln!("skipped: no corpus");
        return;
    }
    let (mut all, config) = (Counters::default(), Config::new(DigestKey::one_shot()));
    for path in &files {
        let (mut counters, mut sink) = (Counters::default(), Collected::default());
        let file = std::fs::File::open(path).unwrap();
        let result = read_file(file, &path.to_string_lossy(), &config, &mut sink, &mut counters);
        match result {
            Ok(()) | Err(Error::Empty) => {}
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
        assert_eq!(counters.events, u64::try_from(sink.events.len()).unwrap());
        all.add(&counters);
    }
    eprintln!("{} files, {} frames, {} events", files.len(), all.read, all.events);
    eprintln!("ignored: {:#?}\ndropped: {:#?}", all.ignored, all.dropped);
    assert!(all.read > 0);
}
