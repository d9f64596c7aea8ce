//! Messages written out byte by byte.

use super::*;

/// An answer of dc1.lab.example A 10.0.0.2 with the owner compressed, behind its question.
fn answer() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    message.extend(b"\x03www\x03lab\x07example\0"); // at 12; "lab" at 16
    message.extend([0, 1, 0, 1]);
    message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3, b'd', b'c', b'1', 0xc0, 16]); // CNAME dc1.lab.example
    message.extend([0xc0, 45, 0, 1, 0, 1, 0, 0, 3, 0x84, 0, 4, 10, 0, 0, 2]);
    message
}

#[test]
fn an_answer_through_an_alias_is_decoded() {
    let bytes = answer();
    let message = decode(&bytes).unwrap();
    assert_eq!((message.id, message.response, message.opcode, message.rcode), (0x1234, true, 0, 0));
    assert_eq!(message.questions, [Question { name: "www.lab.example".into(), qtype: 1, qclass: 1 }]);
    assert_eq!(message.answers[0].content, Content::Name("dc1.lab.example".into()));
    assert_eq!(message.answers[1].name, "dc1.lab.example");
    assert_eq!(message.answers[1].ttl_secs, 900);
    assert_eq!(message.answers[1].content, Content::Address([10, 0, 0, 2].into()));
    assert_eq!(message.fault, None);
}

#[test]
fn a_message_cut_anywhere_is_an_error_or_says_so() {
    let bytes = answer();
    for length in 0..bytes.len() {
        match decode(&bytes[..length]) {
            Ok(message) => assert!(message.fault.is_some(), "cut to {length}"),
            Err(error) => assert!(matches!(error, Error::Incomplete { .. }) && length < 33, "cut to {length}"),
        }
    }
}

fn check_name(labels: &[u8], expect: Option<&str>) {
    assert_eq!(read_name(labels, 0).ok().map(|(name, _)| name).as_deref(), expect, "{labels:02x?}");
}

#[test]
fn pointers_that_loop_are_refused() {
    check_name(&[0xc0, 0], None);
    check_name(&[1, b'a', 0xc0, 0], None);
    let forward = [0xc0, 2, 0];
    check_name(&forward, None);
    // two pointers that lead to each other, entered behind them
    let ring = [0, 1, b'a', 0xc0, 5, 1, b'b', 0xc0, 1];
    assert!(read_name(&ring, 5).is_err());
}

#[test]
fn names_are_bounded_and_escaped() {
    check_name(b"\0", Some(""));
    check_name(b"\x03a.b\x01\\\x02\xff\x07\0", Some("a\\.b.\\\\.\\255\\007"));
    check_name("\u{6}b\u{fc}ro1\0".as_bytes(), Some("b\u{fc}ro1"));
    check_name(&[0x40, 1, 0], None);
    let long: Vec<u8> = [&[63; 64][..], &[63; 64], &[63; 64], &[63; 64], &[0]].concat();
    check_name(&long, None);
}

#[test]
fn a_service_record_names_its_target() {
    let mut message = vec![0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    message.extend(b"\x05_ldap\x04_tcp\0");
    message.extend([0, 33, 0, 1, 0, 0, 0, 1, 0, 11, 0, 0, 0, 100, 1, 0x85, 3, b'd', b'c', b'1', 0]);
    let message = decode(&message).unwrap();
    assert_eq!(message.answers[0].content, Content::Name("dc1".into()));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        if let Ok(message) = decode(&bytes) {
            let records = message.answers.len() + message.authorities.len() + message.additionals.len();
            proptest::prop_assert!(records * 11 <= bytes.len());
        }
    }
}
