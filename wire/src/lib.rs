//! Bytes to typed messages: Kerberos, NTLM, SPNEGO, LDAP, SMB, DCE/RPC and its interfaces, DNS, RADIUS, security
//! descriptors, event XML.
//!
//! Pure and total: no I/O, no clock, no panic. A decoder allocates at most a constant times its input and nests at most
//! to a declared bound; what it cannot read is an [`Error`] with an offset.

#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod ber;
pub mod dcerpc;
pub mod dhcp;
pub mod dns;
pub mod error;
pub mod event_xml;
pub mod krb5;
pub mod ldap;
pub mod nbns;
pub mod net;
pub mod nmf;
pub mod ntlm;
pub mod radius;
pub mod reader;
pub mod rpc;
pub mod security_descriptor;
pub mod smb1;
pub mod smb2;
pub mod spnego;
pub mod wsman;

pub use error::Error;

/// A decoder for the fuzzer and the benchmarks: takes any bytes and must neither panic nor hang.
pub type Decoder = fn(&[u8]);

/// Every decoder by name.
pub static DECODERS: &[(&str, Decoder)] = &[
    ("ber", |bytes| {
        let _ = ber::frame_size(bytes, ber::MAX_LENGTH);
    }),
    ("krb5", krb5::decode_everything),
    ("ldap", ldap::decode_everything),
    ("event_xml", |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _ = event_xml::parse_event(text, |_| true);
            let _ = event_xml::parse_event_data(text);
            let _ = event_xml::time::parse(text);
        }
    }),
    ("radius", |bytes| {
        let _ = radius::decode(bytes);
    }),
    ("nmf", nmf::decode_everything),
    ("ntlm", |bytes| {
        let _ = ntlm::decode(bytes);
    }),
    ("spnego", |bytes| {
        let _ = spnego::decode(bytes);
    }),
    ("smb1", smb1::decode_all),
    ("smb2", smb2::decode_all),
    ("dcerpc", |bytes| {
        let _ = dcerpc::decode(bytes);
        let _ = dcerpc::decode_tower(bytes);
        let _ = dcerpc::decode_nl_auth(bytes);
    }),
    ("rpc", rpc::decode_all),
    ("security_descriptor", security_descriptor::decode_everything),
    ("wsman", wsman::decode_everything),
    ("dns", |bytes| {
        let _ = dns::decode(bytes);
    }),
    ("dhcp", |bytes| {
        let _ = dhcp::decode(bytes);
    }),
    ("nbns", |bytes| {
        let Ok(message) = dns::decode(bytes) else { return };
        for record in message.answers.iter().chain(&message.additionals) {
            let _ = nbns::NetbiosName::decode(&record.name);
            let _ = nbns::addresses(record);
            let _ = nbns::node_names(record);
        }
    }),
    ("net", |bytes| {
        // The first byte chooses the link layer, so that all of them are reached.
        let Some((link, frame)) = bytes.split_first() else { return };
        for link in [net::LinkType(u32::from(*link)), net::LinkType::ETHERNET, net::LinkType::LINUX_SLL2] {
            let _ = net::decode(link, frame);
        }
    }),
];

/// Runs the decoder of a name; nothing where there is none.
pub fn decode_by(name: &str, bytes: &[u8]) {
    if let Some((_, decode)) = DECODERS.iter().find(|(known, _)| *known == name) {
        decode(bytes);
    }
}
