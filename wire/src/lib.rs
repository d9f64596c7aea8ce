//! Bytes to typed messages: Kerberos, NTLM, SPNEGO, LDAP, SMB, DCE/RPC and its interfaces, DNS, RADIUS, security
//! descriptors, event XML.
//!
//! Pure and total: no I/O, no clock, no panic. A decoder allocates at most a constant times its input and nests at most
//! to a declared bound; what it cannot read is an [`Error`] with an offset.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod ber;
pub mod error;
pub mod event_xml;
pub mod krb5;
pub mod net;

pub use error::Error;

/// A decoder for the fuzzer and the benchmarks: takes any bytes and must neither panic nor hang.
pub type Decoder = fn(&[u8]);

/// Every decoder by name.
pub static DECODERS: &[(&str, Decoder)] = &[
    ("ber", |bytes| {
        let _ = ber::frame_size(bytes, ber::MAX_LENGTH);
    }),
    ("krb5", krb5::decode_everything),
];
