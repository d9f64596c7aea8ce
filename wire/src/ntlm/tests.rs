//! Vectors put together by hand after `[MS-NLMP] 2.2.1` and 4.2.

use proptest::prelude::*;

use super::*;

fn unicode(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// An AUTHENTICATE_MESSAGE with its payload after VERSION and MIC.
fn authenticate_message(lm: &[u8], nt: &[u8], user: &str, flags: u32, mic: u8) -> Vec<u8> {
    let texts = [lm.to_vec(), nt.to_vec(), unicode("LAB"), unicode(user), unicode("WS1"), Vec::new()];
    let mut head = SIGNATURE.to_vec();
    head.extend(3u32.to_le_bytes());
    let mut payload: Vec<u8> = Vec::new();
    for part in &texts {
        let length = u16::try_from(part.len()).unwrap().to_le_bytes();
        head.extend(length);
        head.extend(length);
        head.extend(u32::try_from(88 + payload.len()).unwrap().to_le_bytes());
        payload.extend(part);
    }
    head.extend(flags.to_le_bytes());
    // VERSION: 10.0 build 17763, revision 15.
    head.extend([10, 0, 0x63, 0x45, 0, 0, 0, 15]);
    head.extend([mic; 16]);
    assert_eq!(head.len(), 88);
    head.extend(payload);
    head
}

/// An NTLMv2 response with MsvAvTargetName and MsvAvFlags.
fn v2_response() -> Vec<u8> {
    let mut nt = vec![0xaa; 16];
    nt.extend([1, 1, 0, 0, 0, 0, 0, 0]);
    nt.extend([0; 8]);
    nt.extend([0xbb; 8]);
    nt.extend([0; 4]);
    let name = unicode("cifs/srv1");
    nt.extend([9, 0]);
    nt.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    nt.extend(name);
    nt.extend([6, 0, 4, 0, 2, 0, 0, 0]);
    nt.extend([0, 0, 0, 0]);
    nt
}

fn decoded(bytes: &[u8]) -> AuthenticateMessage {
    match decode(bytes).unwrap() {
        Message::Authenticate(message) => *message,
        other => panic!("{other:?}"),
    }
}

const FLAGS: u32 = NEGOTIATE_UNICODE | NEGOTIATE_VERSION;

#[test]
fn an_ntlmv2_response_gives_names_version_mic_and_the_meant_service() {
    let message = decoded(&authenticate_message(&[0; 24], &v2_response(), "ann", FLAGS, 7));
    assert_eq!(message.response, ResponseKind::V2);
    assert_eq!((message.user.as_str(), message.domain.as_str(), message.workstation.as_str()), ("ann", "LAB", "WS1"));
    assert_eq!(message.version.unwrap().to_string(), "10.0.17763");
    assert!(message.mic);
    assert_eq!(message.client_info.target_name.as_deref(), Some("cifs/srv1"));
    assert_eq!(message.client_info.flags, Some(av::FLAG_MIC));
}

#[test]
fn a_mic_of_zeros_is_no_mic() {
    assert!(!decoded(&authenticate_message(&[0; 24], &v2_response(), "ann", FLAGS, 0)).mic);
}

#[test]
fn the_version_of_a_response_is_told_by_length_and_shape() {
    let ess = NEGOTIATE_EXTENDED_SESSIONSECURITY;
    let mut client_challenge = [0; 24];
    client_challenge[..8].fill(9);
    let kind = |lm: &[u8], nt: &[u8], flags, user: &str| {
        decoded(&authenticate_message(lm, nt, user, FLAGS | flags, 0)).response
    };
    assert_eq!(kind(&[], &[], 0, ""), ResponseKind::Anonymous);
    assert_eq!(kind(&[0], &[], 0, ""), ResponseKind::Anonymous);
    assert_eq!(kind(&[5; 24], &[], 0, "ann"), ResponseKind::Lm);
    assert_eq!(kind(&[5; 24], &[6; 24], 0, "ann"), ResponseKind::V1);
    assert_eq!(kind(&client_challenge, &[6; 24], ess, "ann"), ResponseKind::V1Ess);
    assert_eq!(kind(&client_challenge, &[6; 24], 0, "ann"), ResponseKind::V1, "without the flag it is NTLMv1");
    assert_eq!(kind(&[5; 24], &[6; 25], 0, "ann"), ResponseKind::V2);
    assert_eq!(kind(&[5; 3], &[6; 4], 0, "ann"), ResponseKind::Unknown);
}

#[test]
fn a_challenge_names_its_server() {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(2u32.to_le_bytes());
    // TargetName: 6 bytes at 56; TargetInfo: 12 bytes at 62.
    bytes.extend([6, 0, 6, 0, 56, 0, 0, 0]);
    bytes.extend(FLAGS.to_le_bytes());
    bytes.extend([0x11; 8]);
    bytes.extend([0; 8]);
    bytes.extend([12, 0, 12, 0, 62, 0, 0, 0]);
    bytes.extend([6, 1, 0, 0, 0, 0, 0, 15]);
    bytes.extend(unicode("LAB"));
    // MsvAvNbComputerName "DC" and MsvAvEOL.
    bytes.extend([1, 0, 4, 0, b'D', 0, b'C', 0, 0, 0, 0, 0]);
    let Message::Challenge(message) = decode(&bytes).unwrap() else { panic!("no challenge") };
    assert_eq!(message.target_name, "LAB");
    assert_eq!(message.target_info.computer(), Some("DC"));
    assert_eq!(message.version.unwrap().to_string(), "6.1.0");
}

#[test]
fn a_negotiate_that_ends_after_its_flags_is_whole() {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(0x0000_8207u32.to_le_bytes());
    assert!(matches!(decode(&bytes), Ok(Message::Negotiate(NegotiateMessage { flags: 0x8207, .. }))));
}

#[test]
fn every_truncation_is_an_error_or_a_shorter_message() {
    let whole = authenticate_message(&[0; 24], &v2_response(), "ann", FLAGS, 7);
    for end in 0..whole.len() {
        assert!(decode(&whole[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), kind in 1u8..4) {
        let mut message = SIGNATURE.to_vec();
        message.extend([kind, 0, 0, 0]);
        message.extend(&bytes);
        let _ = decode(&message);
        let _ = decode(&bytes);
    }
}
