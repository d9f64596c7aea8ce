//! Vectors put together by hand after C706 §12.6.4 and `[MS-RPCE] 2.2.2`.

use proptest::prelude::*;

use super::*;
use crate::Error;

const SAMR: u128 = 0x1234_5778_1234_abcd_ef00_0123_4567_89ac;

fn pdu(kind: u8, flags: u8, body: &[u8], auth: &[u8]) -> Vec<u8> {
    let mut bytes = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    let trailer = if auth.is_empty() { 0 } else { 8 + auth.len() };
    bytes.extend(u16::try_from(16 + body.len() + trailer).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(auth.len()).unwrap().to_le_bytes());
    bytes.extend(9u32.to_le_bytes());
    bytes.extend(body);
    if !auth.is_empty() {
        // NTLM, privacy, two bytes of padding inside the body, context 79231.
        bytes.extend([10, 6, 2, 0, 0x7f, 0x35, 1, 0]);
        bytes.extend(auth);
    }
    bytes
}

fn bind_body() -> Vec<u8> {
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 2, 0, 0, 0];
    for (context, syntax) in [(0u8, NDR), (1, NDR64)] {
        body.extend([context, 0, 1, 0]);
        body.extend(Guid::from_u128(SAMR).to_wire());
        body.extend([1, 0, 0, 0]);
        body.extend(syntax.to_wire());
        body.extend([2, 0, 0, 0]);
    }
    body
}

#[test]
fn a_bind_offers_its_interface_in_two_syntaxes() {
    let bytes = pdu(11, 3, &bind_body(), &[]);
    let Body::Bind(contexts) = decode(&bytes).unwrap().body else { panic!("no bind") };
    assert_eq!(contexts.len(), 2);
    assert_eq!(contexts[0].interface, Guid::from_u128(SAMR));
    assert_eq!((contexts[0].version, contexts[0].ndr64), (1, false));
    assert!(contexts[1].ndr64);
}

#[test]
fn a_bind_ack_tells_which_syntax_was_taken() {
    // sec_addr "\pipe\lsass" has 12 bytes with its NUL; 8 + 2 + 12 end at 22 of the body, 38 of the PDU: two of padding.
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 1, 0, 0, 0, 12, 0];
    body.extend(b"\\pipe\\lsass\0");
    body.extend([0, 0]);
    body.extend([2, 0, 0, 0]);
    body.extend([2, 0, 2, 0]);
    body.extend([0; 20]);
    body.extend([0, 0, 0, 0]);
    body.extend(NDR64.to_wire());
    body.extend([1, 0, 0, 0]);
    let bytes = pdu(12, 3, &body, &[]);
    let Body::BindAck(results) = decode(&bytes).unwrap().body else { panic!("no bind_ack") };
    assert!(!results[0].accepted);
    assert_eq!(results[1], Accepted { accepted: true, syntax: NdrSyntax::Ndr64 });
}

#[test]
fn a_sealed_request_loses_its_padding_and_shows_its_opnum() {
    let mut body = vec![6, 0, 0, 0, 1, 0, 3, 0];
    body.extend([0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0, 0]);
    let bytes = pdu(0, 3, &body, &[1; 16]);
    let decoded = decode(&bytes).unwrap();
    assert_eq!(decoded.auth.unwrap().level, 6);
    let Body::Request { opnum, stub, context_id, .. } = decoded.body else { panic!("no request") };
    assert_eq!((opnum, context_id, stub), (3, 1, &[0xaa; 6][..]));
}

#[test]
fn a_big_endian_request_is_read_in_its_own_order() {
    let bytes = [5, 0, 0, 3, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 12];
    let decoded = decode(&bytes).unwrap();
    assert_eq!(decoded.call_id, 9);
    assert!(matches!(decoded.body, Body::Request { context_id: 1, opnum: 12, .. }));
}

#[test]
fn a_trailer_longer_than_its_pdu_is_refused() {
    let mut bytes = pdu(0, 3, &[0; 16], &[1; 16]);
    bytes[10] = 200;
    assert!(matches!(decode(&bytes), Err(Error::Malformed { .. })));
}

#[test]
fn every_truncation_is_incomplete() {
    let whole = pdu(11, 3, &bind_body(), &[]);
    for end in 0..whole.len() {
        assert!(matches!(decode(&whole[..end]), Err(Error::Incomplete { .. })), "cut at {end}");
    }
}

#[test]
fn a_tower_tells_interface_port_and_address() {
    let mut bytes = vec![5, 0];
    bytes.extend([19, 0, 0x0d]);
    bytes.extend(Guid::from_u128(SAMR).to_wire());
    bytes.extend([1, 0, 2, 0, 0, 0]);
    bytes.extend([19, 0, 0x0d]);
    bytes.extend(NDR.to_wire());
    bytes.extend([2, 0, 2, 0, 0, 0]);
    bytes.extend([1, 0, 0x0b, 2, 0, 0, 0]);
    bytes.extend([1, 0, 0x07, 2, 0, 0xc0, 0x01]);
    bytes.extend([1, 0, 0x09, 4, 0, 10, 0, 0, 7]);
    let tower = decode_tower(&bytes).unwrap();
    assert_eq!(tower.interface, Guid::from_u128(SAMR));
    assert_eq!((tower.tcp_port, tower.address), (Some(49153), Some([10, 0, 0, 7].into())));
    for end in 0..bytes.len() {
        assert!(decode_tower(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_string_whose_count_lies_is_an_error_without_allocation() {
    let mut stub = vec![0xff; 4];
    stub.extend([0; 4]);
    stub.extend([0xff, 0xff, 0xff, 0xff]);
    stub.extend([b'a', 0]);
    assert!(Ndr::new(&stub, NdrSyntax::Ndr, false).string().is_err());
    assert!(Ndr::new(&[0xff; 64], NdrSyntax::Ndr64, false).string().is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..20, wide: bool) {
        let _ = decode(&bytes);
        let _ = decode(&pdu(kind, 3, &bytes, &[]));
        let _ = decode(&pdu(kind, 0x83, &bytes, &[1]));
        let _ = decode_tower(&bytes);
        let syntax = if wide { NdrSyntax::Ndr64 } else { NdrSyntax::Ndr };
        let _ = ept_map_towers(&bytes, syntax, false);
        let _ = Ndr::new(&bytes, syntax, true).sid();
        let _ = Ndr::new(&bytes, syntax, true).unicode_strings(u64::MAX);
    }
}
