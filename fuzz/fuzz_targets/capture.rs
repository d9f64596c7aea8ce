//! A whole capture file through reader, flows and all analysers: any bytes, no panic, no hang, bounded memory.
#![no_main]

use hopwatch_ingest::capture::{Config, read_file};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{Counters, DigestKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut sink, mut counters) = (Collected::default(), Counters::default());
    let config = Config::new(DigestKey::new([7; 32]));
    let _refused = read_file(bytes, "fuzz", &config, &mut sink, &mut counters).is_err();
});
