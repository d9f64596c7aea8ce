//! Vectors put together by hand after `[MS-CIFS] 2.2`.

use proptest::prelude::*;

use super::*;
use crate::ntlm::ResponseKind;

fn message(command: u8, flags2: u16, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut message = b"\xffSMB".to_vec();
    message.push(command);
    message.extend([0; 4]);
    message.push(0);
    message.extend(flags2.to_le_bytes());
    message.extend([0; 12]);
    for id in [3u16, 4, 5, 6] {
        message.extend(id.to_le_bytes());
    }
    message.push(u8::try_from(words.len() / 2).unwrap());
    message.extend(words);
    message.extend(u16::try_from(bytes.len()).unwrap().to_le_bytes());
    message.extend(bytes);
    message
}

/// SESSION_SETUP_ANDX of NT LM 0.12 with responses of the given lengths, in OEM.
fn session_setup(lm: u16, nt: u16, account: &str) -> Vec<u8> {
    let mut words = vec![0xff, 0, 0, 0];
    words.extend([0; 10]);
    words.extend(lm.to_le_bytes());
    words.extend(nt.to_le_bytes());
    words.extend([0; 8]);
    let mut bytes = vec![9; usize::from(lm) + usize::from(nt)];
    bytes.extend(format!("{account}\0LAB\0Unix\0Samba\0").as_bytes());
    message(command::SESSION_SETUP_ANDX, 0, &words, &bytes)
}

#[test]
fn a_session_setup_tells_version_names_and_native_system() {
    let bytes = session_setup(24, 24, "ann");
    let block = blocks(&bytes).unwrap()[0];
    let setup = session_setup_request(&block, false).unwrap();
    let credentials = setup.credentials.unwrap();
    assert_eq!(credentials.response, ResponseKind::V1);
    assert_eq!((credentials.account.as_str(), credentials.domain.as_str()), ("ann", "LAB"));
    assert_eq!((setup.native_os.as_str(), setup.native_lan_man.as_str()), ("Unix", "Samba"));
    assert_eq!((header(&bytes).unwrap().tid, header(&bytes).unwrap().mid), (3, 6));
}

#[test]
fn an_empty_setup_is_anonymous() {
    let bytes = session_setup(1, 0, "");
    let setup = session_setup_request(&blocks(&bytes).unwrap()[0], false).unwrap();
    assert_eq!(setup.credentials.unwrap().response, ResponseKind::Anonymous);
}

#[test]
fn a_chain_is_followed_forward_only() {
    // TREE_CONNECT_ANDX chained behind SESSION_SETUP_ANDX, whose AndXOffset is filled in.
    let mut bytes = session_setup(0, 0, "");
    let at = u16::try_from(bytes.len()).unwrap();
    bytes[33] = command::TREE_CONNECT_ANDX;
    bytes[35..37].copy_from_slice(&at.to_le_bytes());
    bytes.extend([4, 0xff, 0, 0, 0, 0, 0, 1, 0]);
    let path = b"\0\\\\SRV1\\IPC$\0IPC\0";
    bytes.extend(u16::try_from(path.len()).unwrap().to_le_bytes());
    bytes.extend(path);
    let chain = blocks(&bytes).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(tree_connect_request(&chain[1], false).unwrap(), "\\\\SRV1\\IPC$");
    // The second block points back to the first: the chain ends.
    let second = usize::from(at) + 1;
    bytes[second] = command::SESSION_SETUP_ANDX;
    bytes[second + 2..second + 4].copy_from_slice(&32u16.to_le_bytes());
    assert_eq!(blocks(&bytes).unwrap().len(), 2);
}

#[test]
fn a_negotiate_lists_its_dialects() {
    let bytes = message(command::NEGOTIATE, 0, &[], b"\x02NT LM 0.12\0\x02SMB 2.002\0\x02SMB 2.???\0");
    let block = blocks(&bytes).unwrap()[0];
    assert_eq!(negotiate_dialects(&block), ["NT LM 0.12", "SMB 2.002", "SMB 2.???"]);
}

#[test]
fn a_pipe_transaction_gives_its_data() {
    let mut words = vec![0; 22];
    words.extend([4, 0, 70, 0, 2, 0, 0x26, 0, 0x05, 0x40]);
    let mut bytes = vec![0];
    bytes.extend("\\PIPE\\".encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    let mut bytes_message = message(command::TRANSACTION, 0x8000, &words, &bytes);
    bytes_message.resize(70, 0);
    bytes_message.extend([1, 2, 3, 4]);
    let block = blocks(&bytes_message).unwrap()[0];
    let transaction = transaction_request(&block, true).unwrap();
    assert_eq!((transaction.function, transaction.fid), (Some(0x26), Some(0x4005)));
    assert_eq!(transaction.data, [1, 2, 3, 4]);
}

#[test]
fn every_truncation_of_a_session_setup_is_survived() {
    let whole = session_setup(24, 24, "ann");
    for end in 0..whole.len() {
        if let Ok(found) = blocks(&whole[..end]) {
            let _ = session_setup_request(&found[0], false);
        }
    }
    assert!(header(&whole[..31]).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(words in proptest::collection::vec(any::<u8>(), 0..120),
                                bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let words = &words[..words.len() / 2 * 2];
        for command in [command::CLOSE, command::OPEN_ANDX, command::TRANSACTION, command::SESSION_SETUP_ANDX, 0xA2] {
            decode_all(&message(command, 0, words, &bytes));
        }
        decode_all(&bytes);
    }
}
