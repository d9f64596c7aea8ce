//! The decoder `wsman` of `hopwatch_wire::DECODERS`: any bytes, no panic, no hang.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hopwatch_wire::decode_by("wsman", bytes));
