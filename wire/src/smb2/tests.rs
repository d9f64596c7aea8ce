//! Vectors put together by hand after `[MS-SMB2] 2.2`.

use proptest::prelude::*;

use super::*;
use crate::Error;

/// A header with MessageId 7, TreeId 5, SessionId 9.
fn message(command: u16, response: bool, next: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xfeSMB\x40\0\0\0".to_vec();
    bytes.extend([0x22, 0, 0, 0xc0]);
    bytes.extend(command.to_le_bytes());
    bytes.extend([1, 0]);
    bytes.extend(u32::from(response).to_le_bytes());
    bytes.extend(next.to_le_bytes());
    bytes.extend(7u64.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(5u32.to_le_bytes());
    bytes.extend(9u64.to_le_bytes());
    bytes.extend([0; 16]);
    assert_eq!(bytes.len(), 64);
    bytes.extend(body);
    bytes
}

fn create_body(name: &str) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut body = vec![57, 0];
    body.extend([0; 22]);
    body.extend(0x0012_019fu32.to_le_bytes());
    body.extend([0; 8]);
    body.extend(1u32.to_le_bytes());
    body.extend(0x1000u32.to_le_bytes());
    body.extend(120u16.to_le_bytes());
    body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    body.extend([0; 8]);
    body.extend(name);
    body
}

#[test]
fn a_create_names_its_pipe() {
    let bytes = message(command::CREATE, false, 0, &create_body("atsvc"));
    let create = create_request(&bytes).unwrap();
    assert_eq!(create, CreateRequest { access: 0x0012_019f, disposition: 1, options: 0x1000, name: "atsvc".into() });
    let [Ok(Packet::Message(header, _))] = packets(&bytes)[..] else { panic!("one message") };
    assert_eq!((header.message_id, header.tree_id, header.session_id), (7, Some(5), 9));
    assert_eq!(header.status, 0xc000_0022);
}

#[test]
fn a_compound_comes_apart_and_a_broken_link_keeps_what_stood_before() {
    let mut first = message(command::CREATE, false, 192, &create_body("a"));
    first.resize(192, 0);
    let mut bytes = first.clone();
    bytes.extend(message(command::CLOSE, false, 0, &[24, 0]));
    let both = packets(&bytes);
    assert_eq!(both.len(), 2);
    assert!(matches!(&both[1], Ok(Packet::Message(header, _)) if header.command == command::CLOSE));
    first.extend(b"rubbish");
    let broken = packets(&first);
    assert!(broken[0].is_ok() && broken[1].is_err());
}

#[test]
fn a_next_command_inside_the_header_is_refused() {
    let bytes = message(command::CREATE, false, 8, &[]);
    assert!(matches!(packets(&bytes)[..], [Err(Error::Malformed { .. })]));
}

#[test]
fn a_compression_header_that_overflows_is_told() {
    // OriginalCompressedSegmentSize ffffffff, algorithm 1, flags 0, offset 16: CVE-2020-0796.
    let bytes = b"\xfcSMB\xff\xff\xff\xff\x01\0\0\0\x10\0\0\0";
    assert!(matches!(packets(bytes)[..], [Ok(Packet::Compressed { overflows: true, .. })]));
    let honest = b"\xfcSMB\xff\xff\0\0\x01\0\0\0\x10\0\0\0";
    assert!(matches!(packets(honest)[..], [Ok(Packet::Compressed { overflows: false, .. })]));
}

#[test]
fn an_encrypted_message_gives_its_session() {
    let mut bytes = b"\xfdSMB".to_vec();
    bytes.extend([0; 32]);
    bytes.extend(100u32.to_le_bytes());
    bytes.extend([0, 0, 1, 0]);
    bytes.extend(77u64.to_le_bytes());
    assert_eq!(packets(&bytes), [Ok(Packet::Encrypted(Transform { session_id: 77, size_bytes: 100 }))]);
}

#[test]
fn a_write_that_the_capture_cut_short_keeps_its_announced_length() {
    let mut body = vec![49, 0, 112, 0];
    body.extend(1_000_000u32.to_le_bytes());
    body.extend([0; 8]);
    body.extend([3; 16]);
    body.extend([0; 16]);
    body.extend([0xee; 10]);
    let bytes = message(command::WRITE, false, 0, &body);
    let write = write_request(&bytes).unwrap();
    assert_eq!((write.length, write.data.len(), write.file_id), (1_000_000, 10, FileId([3; 16])));
}

#[test]
fn a_rename_gives_the_new_path() {
    let mut data = vec![0; 16];
    data.extend(4u32.to_le_bytes());
    data.extend([b'a', 0, b'b', 0]);
    let mut body = vec![33, 0, 1, 10];
    body.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    body.extend(96u16.to_le_bytes());
    body.extend([0; 6]);
    body.extend([3; 16]);
    body.extend(&data);
    let bytes = message(command::SET_INFO, false, 0, &body);
    assert_eq!(set_info_request(&bytes).unwrap(), (FileId([3; 16]), SetInfo::Rename("ab".into())));
}

#[test]
fn every_truncation_of_a_create_is_an_error() {
    let whole = message(command::CREATE, false, 0, &create_body("atsvc"));
    for end in 0..whole.len() {
        assert!(create_request(&whole[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), command in 0u16..20) {
        let framed = message(command, false, 0, &bytes);
        decode_all(&framed);
        decode_all(&bytes);
    }
}
