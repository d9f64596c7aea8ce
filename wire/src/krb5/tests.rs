//! Messages built by hand, field by field, as RFC 4120 lays them out; then cut, mutated and replaced by noise.

use hopwatch_model::event::Principal;
use proptest::prelude::*;

use super::*;

/// An element: tag octet, length, content.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    match content.len() {
        short @ 0..0x80 => [&[tag, u8::try_from(short).unwrap()], &content[..]].concat(),
        _ => [&[tag, 0x82], &length[..], &content[..]].concat(),
    }
}

/// A field: explicit context tag.
fn field(number: u8, element: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, &[element])
}

fn int(content: &[u8]) -> Vec<u8> {
    tlv(0x02, &[content])
}

fn string(text: &str) -> Vec<u8> {
    tlv(0x1b, &[text.as_bytes()])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

fn name(name_type: &[u8], parts: &[&str]) -> Vec<u8> {
    let parts: Vec<u8> = parts.iter().flat_map(|part| string(part)).collect();
    sequence(&[&field(0, &int(name_type)), &field(1, &sequence(&[&parts]))])
}

fn encrypted(etype: &[u8], kvno: u8, cipher: &[u8]) -> Vec<u8> {
    sequence(&[&field(0, &int(etype)), &field(1, &int(&[kvno])), &field(2, &tlv(4, &[cipher]))])
}

fn padata(kind: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&field(1, &int(kind)), &field(2, &tlv(4, &[value]))])
}

fn ticket() -> Vec<u8> {
    let body = sequence(&[
        &field(0, &int(&[5])),
        &field(1, &string("LAB.EXAMPLE")),
        &field(2, &name(&[2], &["krbtgt", "LAB.EXAMPLE"])),
        &field(3, &encrypted(&[18], 2, b"ticket cipher")),
    ]);
    tlv(0x61, &[&body])
}

fn ap_req() -> Vec<u8> {
    let body = sequence(&[
        &field(0, &int(&[5])),
        &field(1, &int(&[14])),
        &field(2, &tlv(3, &[&[0, 0x20, 0, 0, 0]])),
        &field(3, &ticket()),
        &field(4, &encrypted(&[18], 0, b"authenticator")),
    ]);
    tlv(0x6e, &[&body])
}

fn as_req() -> Vec<u8> {
    let netbios = sequence(&[&field(0, &int(&[20])), &field(1, &tlv(4, &[b"WS1             "]))]);
    let body = sequence(&[
        &field(0, &tlv(3, &[&[0, 0x40, 0x81, 0x00, 0x10]])),
        // name type -128, a principal of Microsoft's
        &field(1, &name(&[0x80], &["ann"])),
        &field(2, &string("LAB.EXAMPLE")),
        &field(3, &name(&[2], &["krbtgt", "LAB.EXAMPLE"])),
        &field(5, &tlv(0x18, &[b"20370913024805Z"])),
        &field(6, &tlv(0x18, &[b"20370913024805Z"])),
        // a nonce of 32 bits, with the sign octet that DER asks for
        &field(7, &int(&[0, 0xff, 0xff, 0xff, 0xf0])),
        // 18, 23, -133, -128
        &field(8, &sequence(&[&int(&[18]), &int(&[23]), &int(&[0xff, 0x7b]), &int(&[0x80])])),
        &field(9, &sequence(&[&netbios])),
    ]);
    let timestamp = padata(&[2], &encrypted(&[23], 0, b"timestamp"));
    // 128 takes two octets, since 0x80 alone is negative
    let pac = padata(&[0, 128], &sequence(&[&field(0, &tlv(1, &[&[0xff]]))]));
    let request = sequence(&[
        &field(1, &int(&[5])),
        &field(2, &int(&[10])),
        &field(3, &sequence(&[&timestamp, &pac])),
        &field(4, &body),
    ]);
    tlv(0x6a, &[&request])
}

fn principal(name_type: i32, name: &str) -> Principal {
    Principal { name_type, name: name.into(), realm: "LAB.EXAMPLE".into() }
}

#[test]
fn an_as_req_is_read_with_its_oddities() {
    let bytes = as_req();
    let Message::AsReq(request) = Message::decode(&bytes).unwrap() else { panic!("no AS-REQ") };
    assert_eq!(request.body.kdc_options, 0x4081_0010);
    assert_eq!(request.body.cname, Some(principal(-128, "ann")));
    assert_eq!(request.body.sname, Some(principal(2, "krbtgt/LAB.EXAMPLE")));
    assert_eq!(request.body.till.unwrap().to_string(), "2037-09-13T02:48:05.000000Z");
    assert_eq!(request.body.nonce, 0xffff_fff0);
    assert_eq!(request.body.etypes, [18, 23, -133, -128]);
    assert_eq!(request.body.netbios_address.as_deref(), Some("WS1"));
    assert_eq!(request.padata(kind::ENC_TIMESTAMP).unwrap().encrypted_data().unwrap().etype, 23);
    assert_eq!(request.padata(kind::PAC_REQUEST).unwrap().pac_request(), Ok(true));
    assert_eq!(request.tgs_ap_req(), Ok(None));
}

#[test]
fn a_tgs_req_shows_its_tgt_its_s4u_user_and_its_evidence() {
    let for_user = sequence(&[
        &field(0, &name(&[10], &["admin@lab.example"])),
        &field(1, &string("LAB.EXAMPLE")),
        &field(3, &string("Kerberos")),
    ]);
    let body = sequence(&[
        &field(0, &tlv(3, &[&[0, 0x40, 0x83, 0, 0]])),
        &field(2, &string("LAB.EXAMPLE")),
        &field(10, &encrypted(&[18], 0, b"authorization")),
        &field(11, &sequence(&[&ticket()])),
    ]);
    let options = padata(&[0, 167], &sequence(&[&field(0, &tlv(3, &[&[0, 0x10, 0, 0, 0]]))]));
    let request = sequence(&[
        &field(1, &int(&[5])),
        &field(2, &int(&[12])),
        &field(3, &sequence(&[&padata(&[1], &ap_req()), &padata(&[0, 129], &for_user), &options])),
        &field(4, &body),
    ]);
    let bytes = tlv(0x6c, &[&request]);
    let Message::TgsReq(request) = Message::decode(&bytes).unwrap() else { panic!("no TGS-REQ") };
    assert_eq!(request.tgs_ap_req().unwrap().unwrap().ticket.enc_part.cipher, b"ticket cipher");
    assert_eq!(request.padata(kind::FOR_USER).unwrap().for_user(), Ok(principal(10, "admin@lab.example")));
    assert_eq!(request.padata(kind::PAC_OPTIONS).unwrap().pac_options(), Ok(0x1000_0000));
    assert_eq!(request.body.additional_tickets.len(), 1);
    assert!(request.body.enc_authorization_data.is_some());
    assert_eq!(request.body.sname, None);
}

#[test]
fn an_error_offers_its_etypes() {
    let entry = |etype| sequence(&[&field(0, &int(&[etype])), &field(1, &string("LAB.EXAMPLEann"))]);
    let info2 = padata(&[19], &sequence(&[&entry(18), &entry(23)]));
    let body = sequence(&[
        &field(0, &int(&[5])),
        &field(1, &int(&[30])),
        &field(4, &tlv(0x18, &[b"20260101000000Z"])),
        &field(6, &int(&[25])),
        &field(9, &string("LAB.EXAMPLE")),
        &field(10, &name(&[2], &["krbtgt", "LAB.EXAMPLE"])),
        &field(12, &tlv(4, &[&sequence(&[&padata(&[2], &[]), &info2])])),
    ]);
    let bytes = tlv(0x7e, &[&body]);
    let Message::Error(error) = Message::decode(&bytes).unwrap() else { panic!("no KRB-ERROR") };
    assert_eq!(error.error_code, 25);
    let offered = error.method_data();
    assert_eq!(offered.iter().map(|data| data.kind).collect::<Vec<_>>(), [2, 19]);
    assert_eq!(offered[1].etype_info(), Ok(vec![18, 23]));
}

#[test]
fn an_ap_req_is_found_bare_and_in_its_gss_frame() {
    let bare = ap_req();
    // 06 09 …: the OID of Kerberos; 01 00: the token id of an AP-REQ (RFC 4121 §4.1)
    let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
    let framed = tlv(0x60, &[&oid, &[1, 0], &bare]);
    for bytes in [&bare, &framed] {
        let request = decode_ap_req(bytes).unwrap();
        assert_eq!(request.ap_options, 0x2000_0000);
        assert_eq!(request.authenticator_etype, Some(18));
        let ticket = request.ticket.event(|cipher| u64::try_from(cipher.len()).unwrap());
        assert_eq!((ticket.etype, ticket.kvno, ticket.cipher_bytes), (18, Some(2), 13));
    }
}

#[test]
fn debug_output_holds_no_cipher_text() {
    let shown = format!("{:?} {:?}", decode_ap_req(&ap_req()), Message::decode(&as_req()));
    assert!(!shown.contains(&format!("{:?}", b"ticket cipher")) && !shown.contains(&format!("{:?}", b"timestamp")));
}

#[test]
fn a_message_cut_anywhere_is_incomplete() {
    for whole in [as_req(), ap_req()] {
        for end in 0..whole.len() {
            assert!(matches!(Message::decode(&whole[..end]), Err(Error::Incomplete { .. })), "{end}");
        }
        let record_bytes = [&u32::try_from(whole.len()).unwrap().to_be_bytes()[..], &whole].concat();
        for end in 0..record_bytes.len() {
            assert!(matches!(record(&record_bytes[..end]), Err(Error::Incomplete { .. })), "{end}");
        }
        assert_eq!(record(&record_bytes), Ok((&whole[..], record_bytes.len())));
        assert!(record_begins(&record_bytes) && !record_begins(&record_bytes[1..]));
    }
}

#[test]
fn a_password_change_is_taken_apart() {
    let sealed = tlv(0x75, &[&sequence(&[&field(0, &int(&[5])), &field(3, &encrypted(&[18], 0, b"new password"))])]);
    let ap = ap_req();
    let total = u16::try_from(6 + ap.len() + sealed.len()).unwrap().to_be_bytes();
    let ap_len = u16::try_from(ap.len()).unwrap().to_be_bytes();
    let bytes = [&total[..], &[0xff, 0x80], &ap_len, &ap, &sealed].concat();
    let change = Kpasswd::decode(&bytes).unwrap();
    assert_eq!(change.version, 0xff80);
    assert!(matches!(change.ap, Some(Message::ApReq(_))));
    assert!(matches!(change.body, Message::Priv(_)));
    for end in 0..bytes.len() {
        assert!(Kpasswd::decode(&bytes[..end]).is_err());
    }
}

#[test]
fn a_list_beyond_the_bound_is_refused() {
    let many: Vec<u8> = std::iter::repeat_n(int(&[18]), MAX_LIST + 1).flatten().collect();
    let request = sequence(&[&field(4, &sequence(&[&field(8, &sequence(&[&many]))]))]);
    assert!(matches!(Message::decode(&tlv(0x6a, &[&request])), Err(Error::Bound { bound: MAX_LIST, .. })));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_everything(&bytes);
    }

    #[test]
    fn a_damaged_request_never_panics(at in 0_usize..400, value in any::<u8>()) {
        let mut bytes = as_req();
        let index = at % bytes.len();
        bytes[index] = value;
        decode_everything(&bytes);
    }
}
