//! Connections put together by hand after C706 §12.6.4.

use std::net::SocketAddr;

use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall};
use hopwatch_model::{Activity, Guid, Outcome};
use proptest::prelude::*;

use super::*;
use crate::analyzers::testing::{Bench, chunk};

const SVCCTL: u128 = 0x367a_bb81_9844_35f1_ad32_98f0_3800_1003;
const EPM: u128 = 0xe1af_8308_5d1f_11c9_91a4_0800_2b14_a0fa;
const DRSUAPI: u128 = 0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2;

fn pdu(kind: u8, flags: u8, call_id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![5, 0, kind, flags, 0x10, 0, 0, 0];
    bytes.extend(u16::try_from(16 + body.len()).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(call_id.to_le_bytes());
    bytes.extend(body);
    bytes
}

fn bind(interface: u128) -> Vec<u8> {
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    body.extend(Guid::from_u128(interface).to_wire());
    body.extend([2, 0, 0, 0]);
    body.extend(dcerpc::NDR.to_wire());
    body.extend([2, 0, 0, 0]);
    pdu(11, 3, 1, &body)
}

fn request(flags: u8, call_id: u32, opnum: u16, stub: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 6];
    body.extend(opnum.to_le_bytes());
    body.extend(stub);
    pdu(0, flags, call_id, &body)
}

fn response(call_id: u32, stub: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(stub);
    pdu(2, 3, call_id, &body)
}

/// A sealed request: NTLM, level 6, a signature of 16 bytes.
fn sealed(call_id: u32, opnum: u16) -> Vec<u8> {
    let mut bytes = request(3, call_id, opnum, &[0xee; 8]);
    bytes.extend([10, 6, 0, 0, 0, 0, 0, 0]);
    bytes.extend([1; 16]);
    let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    bytes[8..10].copy_from_slice(&length);
    bytes[10] = 16;
    bytes
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let count = u32::try_from(units.len()).unwrap().to_le_bytes();
    let mut bytes = [&count[..], &[0; 4], &count].concat();
    bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn run(endpoints: &RpcEndpoints, ports: (u16, u16), parts: &[(Direction, Vec<u8>)]) -> Bench {
    let mut bench = Bench::new();
    let mut analyzer = stream(endpoints);
    for (direction, bytes) in parts {
        let done = analyzer.data(chunk(bytes, *direction, ports, 7), &mut bench.out());
        assert_eq!(done, bytes.len());
    }
    analyzer.close(&mut bench.out());
    bench
}

fn calls(bench: &Bench) -> Vec<(RpcCall, Outcome)> {
    let call = |event: &hopwatch_model::Event| match &event.activity {
        Activity::RpcCall(call) => Some(((**call).clone(), event.outcome)),
        _ => None,
    };
    bench.events.iter().filter_map(call).collect()
}

use Direction::{ToClient, ToServer};

#[test]
fn a_service_opened_by_name_and_started_by_handle_is_told_by_name() {
    let open = [vec![7; 20], wide("evil"), vec![0; 4]].concat();
    let opened = [vec![9; 20], vec![0; 4]].concat();
    let start = [vec![9; 20], vec![0; 8]].concat();
    let bench = run(
        &RpcEndpoints::default(),
        (50_000, 49_152),
        &[
            (ToServer, bind(SVCCTL)),
            (ToServer, request(3, 2, 16, &open)),
            (ToClient, response(2, &opened)),
            (ToServer, request(3, 3, 19, &start)),
            (ToClient, response(3, &[0x1d, 4, 0, 0])),
        ],
    );
    let calls = calls(&bench);
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].0.operation.as_str(), calls[0].1), ("ROpenServiceW", Outcome::Success));
    let (start, outcome) = &calls[1];
    assert_eq!((start.operation.as_str(), *outcome), ("RStartServiceW", Outcome::Failure(1053)));
    assert_eq!(start.arguments, RpcArguments::Service { name: "evil".into(), image_path: String::new() });
}

#[test]
fn a_request_in_fragments_is_one_call() {
    let stub = [vec![7; 20], wide("a service with a long name"), vec![0; 4]].concat();
    let bench = run(
        &RpcEndpoints::default(),
        (50_000, 49_152),
        &[
            (ToServer, bind(SVCCTL)),
            (ToServer, request(1, 2, 16, &stub[..40])),
            (ToServer, request(0, 2, 16, &stub[40..60])),
            (ToServer, request(2, 2, 16, &stub[60..])),
        ],
    );
    let calls = calls(&bench);
    assert_eq!(calls.len(), 1);
    assert!(
        matches!(&calls[0].0.arguments, RpcArguments::Service { name, .. } if name == "a service with a long name")
    );
    assert_eq!(calls[0].1, Outcome::Unseen, "no answer was captured");
}

#[test]
fn a_sealed_call_shows_its_operation_and_counts_as_opaque() {
    let bench = run(&RpcEndpoints::default(), (50_000, 49_152), &[(ToServer, bind(DRSUAPI)), (ToServer, sealed(2, 3))]);
    let calls = calls(&bench);
    assert_eq!(calls[0].0.operation, "IDL_DRSGetNCChanges");
    assert_eq!(calls[0].0.auth_level, AuthLevel::Privacy);
    let opaque = bench.events.iter().find_map(|event| match &event.activity {
        Activity::Opaque(opaque) => Some(opaque.messages),
        _ => None,
    });
    assert_eq!(opaque, Some(1));
}

#[test]
fn a_fault_is_the_calls_failure() {
    let mut fault = vec![0; 8];
    fault.extend(5u32.to_le_bytes());
    fault.extend([0; 4]);
    let bench = run(
        &RpcEndpoints::default(),
        (50_000, 49_152),
        &[(ToServer, bind(SVCCTL)), (ToServer, request(3, 2, 15, &[])), (ToClient, pdu(3, 3, 2, &fault))],
    );
    assert_eq!(calls(&bench)[0].1, Outcome::Failure(5));
}

#[test]
fn an_endpoint_that_was_mapped_tells_the_interface_where_the_bind_is_missing() {
    let endpoints = RpcEndpoints::default();
    let mut tower = vec![5, 0, 19, 0, 0x0d];
    tower.extend(Guid::from_u128(DRSUAPI).to_wire());
    tower.extend([4, 0, 2, 0, 0, 0, 19, 0, 0x0d]);
    tower.extend(dcerpc::NDR.to_wire());
    tower.extend([2, 0, 2, 0, 0, 0, 1, 0, 0x0b, 2, 0, 0, 0, 1, 0, 0x07, 2, 0, 0xc0, 0x03]);
    tower.extend([1, 0, 0x09, 4, 0, 10, 0, 0, 9]);
    let length = u32::try_from(tower.len()).unwrap().to_le_bytes();
    let mut stub = vec![0; 20];
    for number in [1u32, 4, 0, 1, 3] {
        stub.extend(number.to_le_bytes());
    }
    stub.extend(length);
    stub.extend(length);
    stub.extend(tower);
    stub.resize(stub.len().next_multiple_of(4), 0);
    stub.extend([0; 4]);
    run(
        &endpoints,
        (50_000, 135),
        &[(ToServer, bind(EPM)), (ToServer, request(3, 2, 3, &[])), (ToClient, response(2, &stub))],
    );
    let server: SocketAddr = "10.0.0.9:49155".parse().unwrap();
    assert_eq!(endpoints.interface(server), Some(Guid::from_u128(DRSUAPI)));
    let bench = run(&endpoints, (50_001, 49_155), &[(ToServer, request(3, 9, 3, &[0; 8]))]);
    let calls = calls(&bench);
    assert_eq!((calls[0].0.operation.as_str(), calls[0].0.bind_seen), ("IDL_DRSGetNCChanges", false));
    let unknown = run(&endpoints, (50_001, 49_999), &[(ToServer, request(3, 9, 3, &[0; 8]))]);
    assert_eq!(self::calls(&unknown)[0].0.interface, None);
}

#[test]
fn calls_that_nobody_answers_are_bounded_and_each_is_told() {
    let mut parts = vec![(ToServer, bind(SVCCTL))];
    parts.extend((0..500).map(|call_id| (ToServer, request(3, call_id, 6, &[0; 20]))));
    let bench = run(&RpcEndpoints::default(), (50_000, 49_152), &parts);
    assert_eq!(calls(&bench).len(), 500);
}

#[test]
fn bytes_between_pdus_are_passed_over_and_counted() {
    let mut bytes = bind(SVCCTL);
    bytes.extend([0xff; 33]);
    bytes.extend(request(3, 2, 15, &[]));
    let bench = run(&RpcEndpoints::default(), (50_000, 49_152), &[(ToServer, bytes)]);
    assert_eq!(calls(&bench).len(), 1);
    assert_eq!(bench.counters.dropped.get("dcerpc: bytes outside PDUs"), Some(&1));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..20, way: bool) {
        let direction = if way { ToServer } else { ToClient };
        let mut bench = Bench::new();
        let mut analyzer = stream(&RpcEndpoints::default());
        for part in [&bind(SVCCTL), &bytes, &pdu(kind, 3, 1, &bytes)] {
            let done = analyzer.data(chunk(part, direction, (50_000, 135), 7), &mut bench.out());
            prop_assert!(done <= part.len());
        }
        analyzer.close(&mut bench.out());
    }
}
