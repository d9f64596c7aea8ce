//! Conversations put together by hand after `[MS-SMB2] 2.2` and `[MS-CIFS] 2.2`.

use hopwatch_model::Event;
use hopwatch_model::event::{NtlmLogon, SmbFile};
use proptest::prelude::*;

use super::*;
use crate::analyzers::testing::{Bench, chunk};
use Direction::{ToClient, ToServer};

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[1..], message].concat()
}

/// An SMB2 message of session 9 and tree 5.
fn v2(command: u16, response: bool, message_id: u64, status: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xfeSMB\x40\0\0\0".to_vec();
    bytes.extend(status.to_le_bytes());
    bytes.extend(command.to_le_bytes());
    bytes.extend([1, 0]);
    bytes.extend(u32::from(response).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(message_id.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(5u32.to_le_bytes());
    bytes.extend(9u64.to_le_bytes());
    bytes.extend([0; 16]);
    bytes.extend(body);
    framed(&bytes)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_le_bytes()
}

fn tree_connect(message_id: u64, unc: &str) -> Vec<u8> {
    let path = utf16(unc);
    v2(3, false, message_id, 0, &[&[9, 0, 0, 0, 72, 0][..], &length(&path), &path].concat())
}

fn create(message_id: u64, name: &str, disposition: u32, options: u32) -> Vec<u8> {
    let name = utf16(name);
    let mut body = vec![57, 0];
    body.extend([0; 34]);
    body.extend(disposition.to_le_bytes());
    body.extend(options.to_le_bytes());
    body.extend([120, 0]);
    body.extend(length(&name));
    body.extend([0; 8]);
    body.extend(name);
    v2(5, false, message_id, 0, &body)
}

fn created(message_id: u64, action: u32) -> Vec<u8> {
    let mut body = vec![89, 0, 0, 0];
    body.extend(action.to_le_bytes());
    body.extend([0; 56]);
    body.extend([3; 16]);
    body.extend([0; 8]);
    v2(5, true, message_id, 0, &body)
}

fn write(message_id: u64, announced: u32, data: &[u8]) -> Vec<u8> {
    let mut body = vec![49, 0, 112, 0];
    body.extend(announced.to_le_bytes());
    body.extend([0; 8]);
    body.extend([3; 16]);
    body.extend([0; 16]);
    body.extend(data);
    v2(9, false, message_id, 0, &body)
}

fn close(message_id: u64) -> [(Direction, Vec<u8>); 2] {
    let request = [&[24, 0, 0, 0, 0, 0, 0, 0][..], &[3; 16]].concat();
    [(ToServer, v2(6, false, message_id, 0, &request)), (ToClient, v2(6, true, message_id, 0, &[60, 0]))]
}

fn run(parts: &[(Direction, Vec<u8>)]) -> Bench {
    let mut bench = Bench::new();
    let mut analyzer = stream(&RpcEndpoints::default());
    for (direction, bytes) in parts {
        analyzer.data(chunk(bytes, *direction, (50_000, 445), 7), &mut bench.out());
    }
    analyzer.close(&mut bench.out());
    bench
}

fn files(bench: &Bench) -> Vec<(SmbFile, Outcome)> {
    let file = |event: &Event| match &event.activity {
        Activity::SmbFile(file) => Some(((**file).clone(), event.outcome)),
        _ => None,
    };
    bench.events.iter().filter_map(file).collect()
}

fn connected(unc: &str) -> Vec<(Direction, Vec<u8>)> {
    let share = if unc.ends_with('$') && unc.contains("IPC") { 2 } else { 1 };
    let response = [16, 0, share, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    vec![(ToServer, tree_connect(1, unc)), (ToClient, v2(3, true, 1, 0, &response))]
}

use hopwatch_model::event::SmbFileAction::{Connect, Create, Delete, Open, Write};

#[test]
fn a_pipe_that_is_not_there_is_told_with_its_status() {
    let mut parts = connected("\\\\dc1\\IPC$");
    parts.push((ToServer, create(2, "atsvc", 1, 0)));
    parts.push((ToClient, v2(5, true, 2, 0xc000_0034, &[9, 0, 0, 0, 0, 0, 0, 0, 0])));
    let told = files(&run(&parts));
    assert_eq!(told[0].0.action, Connect);
    let (file, outcome) = &told[1];
    assert_eq!((file.share.as_str(), file.path.as_str(), file.action), ("IPC$", "atsvc", Open));
    assert_eq!(*outcome, Outcome::Failure(0xc000_0034));
}

#[test]
fn a_file_written_and_deleted_on_close_is_told_once_per_act() {
    let mut parts = connected("\\\\dc1\\ADMIN$");
    parts.push((ToServer, create(2, "x.exe", 2, 0x1000)));
    parts.push((ToClient, created(2, 2)));
    parts.push((ToServer, write(3, 10, &[0xee; 10])));
    parts.push((ToServer, write(4, 20, &[0xee; 20])));
    parts.extend(close(5));
    let told: Vec<_> = files(&run(&parts)).into_iter().map(|(file, _)| (file.action, file.bytes)).collect();
    assert_eq!(told, [(Connect, 0), (Create, 0), (Write, 30), (Delete, 0)]);
}

#[test]
fn a_long_write_is_read_by_its_head_and_skipped() {
    let mut parts = connected("\\\\dc1\\C$");
    parts.push((ToServer, create(2, "big", 2, 0)));
    parts.push((ToClient, created(2, 2)));
    let mut big = write(3, 1 << 20, &[0xee; 8192]);
    let announced = (u32::try_from(big.len() - 4).unwrap() - 8192 + (1 << 20)).to_be_bytes();
    big[1..4].copy_from_slice(&announced[1..]);
    let mut bench = Bench::new();
    let mut analyzer = stream(&RpcEndpoints::default());
    for (direction, bytes) in &parts {
        analyzer.data(chunk(bytes, *direction, (50_000, 445), 7), &mut bench.out());
    }
    let done = analyzer.data(chunk(&big, ToServer, (50_000, 445), 7), &mut bench.out());
    assert_eq!(done, big.len() - 8192 + (1 << 20), "the rest of the content is skipped unseen");
    analyzer.close(&mut bench.out());
    assert!(files(&bench).iter().any(|(file, _)| file.action == Write && file.bytes == 1 << 20));
}

#[test]
fn a_capture_of_the_clients_side_alone_still_tells_what_was_asked() {
    let told = files(&run(&[(ToServer, tree_connect(1, "\\\\dc1\\C$")), (ToServer, create(2, "ntds.dit", 1, 0))]));
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, outcome)| *outcome == Outcome::Unseen));
}

#[test]
fn bytes_before_the_first_message_are_passed_over_and_counted_once() {
    let mut bytes = vec![0x55; 3000];
    bytes.extend(tree_connect(1, "\\\\dc1\\C$"));
    let bench = run(&[(ToServer, bytes[..1500].to_vec()), (ToServer, bytes[1493..].to_vec())]);
    assert_eq!(files(&bench).len(), 1);
    assert_eq!(bench.counters.dropped.get("smb: bytes outside messages"), Some(&1));
}

fn v1(command: u8, response: bool, status: u32, words: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut message = b"\xffSMB".to_vec();
    message.push(command);
    message.extend(status.to_le_bytes());
    message.push(if response { 0x80 } else { 0 });
    message.extend([0, 0x40]);
    message.extend([0; 12]);
    message.extend([3, 0, 4, 0, 5, 0, 6, 0]);
    message.push(u8::try_from(words.len() / 2).unwrap());
    message.extend(words);
    message.extend(length(bytes));
    message.extend(bytes);
    framed(&message)
}

#[test]
fn an_smb1_negotiate_that_ends_in_smb2_is_no_smb1_session() {
    let negotiate = v1(0x72, false, 0, &[], b"\x02NT LM 0.12\0\x02SMB 2.???\0");
    let mut response = vec![65, 0, 1, 0, 0xff, 2];
    response.extend([0; 50]);
    response.extend([128, 0, 0, 0, 0, 0, 0, 0]);
    let bench = run(&[(ToServer, negotiate), (ToClient, v2(0, true, 0, 0, &response))]);
    assert!(bench.events.is_empty(), "{:?}", bench.events);
    assert!(bench.counters.dropped.is_empty(), "{:?}", bench.counters);
}

#[test]
fn an_smb1_logon_with_a_wrong_password_is_an_ntlmv1_logon_and_no_session() {
    let mut words = vec![0xff, 0, 0, 0];
    words.extend([0; 10]);
    words.extend([24, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let bytes = [&[9; 48][..], b"ann\0LAB\0Windows 4.0\0NT LAN\0"].concat();
    let setup = v1(0x73, false, 0, &words, &bytes);
    let refused = run(&[(ToServer, setup.clone()), (ToClient, v1(0x73, true, 0xc000_006d, &[], &[]))]);
    let [event] = &refused.events[..] else { panic!("{:?}", refused.events) };
    assert_eq!(event.outcome, Outcome::Failure(0xc000_006d));
    let is_v1 = |l: &NtlmLogon| l.version == hopwatch_model::event::NtlmVersion::V1 && l.carrier == "smb";
    assert!(matches!(&event.activity, Activity::NtlmLogon(logon) if is_v1(logon)));
    let ok = v1(0x73, true, 0, &[0xff, 0, 0, 0, 1, 0], b"Unix\0Samba\0");
    let accepted = run(&[(ToServer, setup), (ToClient, ok)]);
    let Activity::SmbSession(session) = &accepted.events[1].activity else { panic!("{:?}", accepted.events) };
    assert_eq!((session.dialect.as_str(), session.guest), ("1", true));
    assert_eq!(session.native.as_deref(), Some("Windows 4.0 / NT LAN"));
}

#[test]
fn a_netbios_session_request_names_the_calling_host() {
    let encode = |name: &str| {
        let mut bytes = format!("{name:15}").into_bytes();
        bytes.push(0x20);
        let letters = bytes.iter().flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
        [vec![32], letters.collect(), vec![0]].concat()
    };
    let names = [encode("SRV1"), encode("WS1")].concat();
    let bench = run(&[(ToServer, [&[0x81, 0, 0, 68][..], &names].concat())]);
    assert!(matches!(&bench.events[0].activity, Activity::NameObserved(seen) if seen.name == "WS1"));
}

#[test]
fn encrypted_messages_are_counted_and_told() {
    let mut transform = b"\xfdSMB".to_vec();
    transform.resize(52 + 100, 0);
    let bench = run(&[(ToServer, framed(&transform)), (ToClient, framed(&transform))]);
    assert!(matches!(&bench.events[..], [Event { activity: Activity::Opaque(o), .. }] if o.messages == 2));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), command in 0u16..20,
                                response: bool, way: bool, cut in 0usize..400) {
        let direction = if way { ToServer } else { ToClient };
        let two = v2(command, response, 1, 0, &bytes);
        let one = v1(u8::try_from(command + 0x70).unwrap(), response, 0, &bytes[..bytes.len().min(80) / 2 * 2], &bytes);
        let mut parts: Vec<_> = connected("\\\\dc1\\IPC$");
        parts.extend([(direction, two.clone()), (direction, one), (direction, bytes)]);
        parts.push((direction, two.get(..cut).unwrap_or(&two).to_vec()));
        run(&parts);
    }
}
