//! Every decoder of `hopwatch_wire::DECODERS` on bytes that nobody meant well: generated ones, real messages cut at every
//! offset and with bytes changed, hostile nesting and counts, and what once crashed (`fuzz/regressions`). A decoder passes
//! where it returns, in time that grows with its input and not faster. The same targets run under a fuzzer in `fuzz/`.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a helper fails the test; time is bounded")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use hopwatch_ingest::Counters;
use hopwatch_ingest::capture::Reader;
use hopwatch_wire::DECODERS;
use hopwatch_wire::net::{self, Unit};
use proptest::prelude::*;

const LAB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/lab");
const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");

/// Payloads of real traffic by the lower port of their connection, different lengths first, at most so many of each.
fn payloads(most: usize) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let mut found: BTreeMap<u16, BTreeMap<usize, Vec<u8>>> = BTreeMap::new();
    for name in
        ["kerberoasting", "ldap-queries", "dcsync", "recon-samr", "dns-lookups", "smb-browse", "smbv1", "ntlmv1"]
    {
        let file = std::fs::File::open(format!("{LAB}/{name}.pcap.gz")).unwrap();
        let (mut reader, mut counters) = (Reader::open(file).unwrap(), Counters::default());
        while let Some(frame) = reader.next_frame(&mut counters).unwrap() {
            let (ports, payload) = match net::decode(frame.link, frame.bytes) {
                Ok(Unit::Tcp(tcp)) => ((tcp.source.port(), tcp.target.port()), tcp.payload),
                Ok(Unit::Udp(udp)) => ((udp.source.port(), udp.target.port()), udp.payload),
                _ => continue,
            };
            let of_port = found.entry(ports.0.min(ports.1)).or_default();
            if !payload.is_empty() && of_port.len() < most {
                of_port.insert(payload.len(), payload.to_vec());
            }
        }
    }
    found.into_iter().map(|(port, by_length)| (port, by_length.into_values().collect())).collect()
}

fn all(bytes: &[u8]) {
    for (_, decode) in DECODERS {
        decode(bytes);
    }
}

#[test]
fn real_messages_cut_at_every_offset_are_survived() {
    for payload in payloads(5).into_values().flatten() {
        for end in 0..payload.len() {
            all(&payload[..end]);
            // Records of a stream: the message behind its length.
            if let Some(message) = payload.get(4..end) {
                all(message);
            }
        }
    }
}

#[test]
fn real_messages_with_any_byte_at_its_extremes_are_survived() {
    for payload in payloads(2).into_values().flatten() {
        for at in 0..payload.len().min(400) {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut changed = payload.clone();
                changed[at] = value;
                all(&changed);
            }
        }
    }
}

/// Runs all decoders on an input of so many times a piece; it must take less than a second even unoptimised.
fn hostile(name: &str, input: &[u8]) {
    for (decoder, decode) in DECODERS {
        let started = Instant::now();
        decode(input);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(2), "{decoder} takes {took:?} for {name} of {} bytes", input.len());
    }
}

/// Elements in elements: each tag holds all that follows, with lengths that fit.
fn nested(tag: u8, depth: usize) -> Vec<u8> {
    let mut bytes = vec![tag, 0];
    for _ in 0..depth {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes = [&[tag, 0x84][..], &length, &bytes].concat();
    }
    bytes
}

#[test]
fn nesting_is_bounded() {
    for tag in [0x30, 0x31, 0x60, 0x6e, 0xa0, 0xa1, 0xa2] {
        hostile("nested elements", &nested(tag, 4000));
    }
    // A search whose filter is nothing but NOTs: message, id, search with base, scope, aliases, limits, types.
    let filter = nested(0xa2, 3000);
    let head = [4, 0, 10, 1, 0, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    let search = [&head[..], &filter].concat();
    let long = |tag: u8, content: &[u8]| {
        [&[tag, 0x84][..], &u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    };
    hostile("a filter of NOTs", &long(0x30, &[&[2, 1, 1][..], &long(0x63, &search)].concat()));
    // Indefinite lengths that never end.
    hostile("endless elements", &[0x30, 0x80].repeat(30_000));
    // Tags, labels and tunnels on top of one another.
    hostile("VLAN tags", &[&[1; 13][..], &[0x81, 0, 0, 1].repeat(15_000)].concat());
    hostile("MPLS labels", &[&[1; 13][..], &[0x88, 0x47], &[0; 60_000]].concat());
    hostile("XML", "<a>".repeat(20_000).as_bytes());
}

#[test]
fn counts_and_offsets_that_lead_nowhere_are_refused() {
    // Everything that is a length, a count or an offset says "as much as possible".
    for head in [
        &b"\xfeSMB\x40\0"[..],
        b"\xffSMBs",
        b"NTLMSSP\0\x03\0\0\0",
        b"\x05\0\x0b\x03\x10\0\0\0",
        b"\x05\0\0\x03\x10\0\0\0",
    ] {
        for fill in [0, 1, 0x7f, 0xff] {
            hostile("a head and its fill", &[head, &vec![fill; 65_000]].concat());
        }
    }
    // Names that point at each other, as many as fit.
    let mut names = vec![0x12, 0x34, 0x81, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    names.extend([0xc0, 0x0c].repeat(30_000));
    hostile("names that point at names", &names);
}

#[test]
fn what_once_crashed_is_survived() {
    for entry in std::fs::read_dir(Path::new(FUZZ).join("regressions")).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            all(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn every_decoder_has_its_fuzz_target() {
    for (name, _) in DECODERS {
        let target = Path::new(FUZZ).join(format!("fuzz_targets/{name}.rs"));
        let text = std::fs::read_to_string(&target).unwrap();
        assert!(text.contains(&format!("decode_by(\"{name}\", bytes)")), "{}", target.display());
        let manifest = std::fs::read_to_string(Path::new(FUZZ).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no target of the manifest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_generated_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        all(&bytes);
    }

    /// Small values make lengths and counts that fit, so that decoders get further.
    #[test]
    fn no_bytes_of_small_values_panic(bytes in prop::collection::vec(prop_oneof![0u8..8, 0x30u8..0x33, 0x60u8..0x70, 0xa0u8..0xa8], 0..300)) {
        all(&bytes);
    }
}
