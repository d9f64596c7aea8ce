//! Encapsulations built layer by layer around one segment: whatever is wrapped round it, the segment comes out.

use std::net::SocketAddr;

use super::*;

const ETHERNET: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// 10.0.0.1:50000 → 10.0.0.2:88, sequence 7, acknowledgement 9, PSH ACK, `hello`.
fn tcp() -> Vec<u8> {
    cat(&[&[0xc3, 0x50, 0, 88, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0, 1, 0, 0, 0, 0], b"hello"])
}

fn udp(target: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    cat(&[&[0xc3, 0x50], &target.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload])
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(payload.len() + 20).unwrap().to_be_bytes();
    cat(&[&[0x45, 0], &total, &[0, 9, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], payload])
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut source = [0; 16];
    source[0] = 0xfd;
    source[15] = 1;
    let mut target = source;
    target[15] = 2;
    cat(&[&[0x60, 0, 0, 0], &length, &[next, 64], &source, &target, payload])
}

fn ether(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    cat(&[&ETHERNET, &ether_type.to_be_bytes(), payload])
}

fn frame() -> Vec<u8> {
    ether(0x0800, &ipv4(6, &tcp()))
}

/// The frame yields the segment of [`tcp`]; every cut of it yields an error or a unit, never a panic.
fn check(link: LinkType, frame: &[u8]) {
    match decode(link, frame) {
        Ok(Unit::Tcp(tcp)) => {
            assert_eq!((tcp.payload, tcp.seq, tcp.ack, tcp.cut), (&b"hello"[..], 7, 9, 0));
            assert_eq!((tcp.source.port(), tcp.target.port()), (50000, 88));
        }
        other => panic!("{other:?} of {frame:02x?}"),
    }
    for length in 0..frame.len() {
        if let Ok(Unit::Tcp(tcp)) = decode(link, &frame[..length]) {
            assert_eq!(tcp.payload.len() + usize::try_from(tcp.cut).unwrap(), 5, "cut to {length}");
        }
    }
}

#[test]
fn plain_ethernet_opens() {
    check(LinkType::ETHERNET, &frame());
}

#[test]
fn ethernet_padding_is_no_payload() {
    check(LinkType::ETHERNET, &cat(&[&frame(), &[0; 20]]));
}

#[test]
fn vlan_tags_and_their_stacks_open() {
    let ip = ipv4(6, &tcp());
    check(LinkType::ETHERNET, &ether(0x8100, &cat(&[&[0, 5, 8, 0], &ip])));
    check(LinkType::ETHERNET, &ether(0x88a8, &cat(&[&[0, 5, 0x81, 0, 0, 6, 8, 0], &ip])));
    check(LinkType::ETHERNET, &ether(0x8926, &cat(&[&[0, 1, 0, 2, 8, 0], &ip])));
    check(LinkType::ETHERNET, &ether(0x893f, &cat(&[&[0, 1, 0, 2, 0, 0, 8, 0], &ip])));
    check(LinkType::ETHERNET, &ether(0x88e7, &cat(&[&[0, 0, 0, 7], &frame()])));
}

#[test]
fn mpls_opens_to_ip_and_to_pseudowires() {
    let labels = [0, 1, 0, 64, 0, 2, 1, 64];
    check(LinkType::ETHERNET, &ether(0x8847, &cat(&[&labels, &ipv4(6, &tcp())])));
    check(LinkType::ETHERNET, &ether(0x8847, &cat(&[&labels, &ipv6(6, &tcp())])));
    check(LinkType::ETHERNET, &ether(0x8847, &cat(&[&labels, &[0, 0, 0, 0], &frame()])));
}

#[test]
fn pppoe_and_ppp_open() {
    let ip = ipv4(6, &tcp());
    let session = [0x11, 0, 0, 7, 0, 47];
    check(LinkType::ETHERNET, &ether(0x8864, &cat(&[&session, &[0, 0x21], &ip])));
    check(LinkType::PPP, &cat(&[&[0xff, 3, 0, 0x21], &ip]));
    check(LinkType::PPP, &cat(&[&[0x21], &ip]));
}

#[test]
fn gre_and_erspan_open() {
    let gre = |flags: u8, version: u8, ether_type: u16, rest: &[u8]| {
        ether(0x0800, &ipv4(47, &cat(&[&[flags, version], &ether_type.to_be_bytes(), rest])))
    };
    check(LinkType::ETHERNET, &gre(0, 0, 0x0800, &ipv4(6, &tcp())));
    check(LinkType::ETHERNET, &gre(0xb0, 0, 0x6558, &cat(&[&[0; 12], &frame()])));
    check(LinkType::ETHERNET, &gre(0x30, 0x81, 0x880b, &cat(&[&[0; 12], &[0xff, 3, 0, 0x21], &ipv4(6, &tcp())])));
    check(LinkType::ETHERNET, &gre(0, 0, 0x88be, &frame()));
    check(LinkType::ETHERNET, &gre(0x10, 0, 0x88be, &cat(&[&[0; 4], &[0x10, 0, 0, 0, 0, 0, 0, 0], &frame()])));
    let third = [0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    check(LinkType::ETHERNET, &gre(0x10, 0, 0x22eb, &cat(&[&[0; 4], &third, &frame()])));
    let mut platform = third;
    platform[11] = 1;
    check(LinkType::ETHERNET, &gre(0x10, 0, 0x22eb, &cat(&[&[0; 4], &platform, &[0; 8], &frame()])));
}

#[test]
fn udp_tunnels_open() {
    let over = |port: u16, rest: &[u8]| ether(0x0800, &ipv4(17, &udp(port, rest)));
    check(LinkType::ETHERNET, &over(4789, &cat(&[&[8, 0, 0, 0, 0, 0, 7, 0], &frame()])));
    check(LinkType::ETHERNET, &over(4790, &cat(&[&[0x0c, 0, 0, 1, 0, 0, 7, 0], &ipv4(6, &tcp())])));
    check(LinkType::ETHERNET, &over(6081, &cat(&[&[1, 0, 0x65, 0x58, 0, 0, 7, 0], &[0; 4], &frame()])));
    check(LinkType::ETHERNET, &over(3544, &ipv6(6, &tcp())));
    check(LinkType::ETHERNET, &over(3544, &cat(&[&[0, 1, 0, 0], &[0; 9], &[0; 8], &ipv6(6, &tcp())])));
    check(LinkType::ETHERNET, &over(37008, &cat(&[&[1, 0, 0, 1, 0, 10, 1, 0, 1], &frame()])));
}

#[test]
fn a_foreign_service_on_a_tunnels_port_stays_a_datagram() {
    let frame = ether(0x0800, &ipv4(17, &udp(4789, b"no tunnel")));
    assert!(matches!(decode(LinkType::ETHERNET, &frame), Ok(Unit::Udp(udp)) if udp.payload == b"no tunnel"));
}

#[test]
fn other_links_open() {
    let ip = ipv4(6, &tcp());
    let cooked = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    check(LinkType::LINUX_SLL, &cat(&[&cooked, &ip]));
    check(LinkType::LINUX_SLL2, &cat(&[&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[0; 8], &ip]));
    check(LinkType::RAW, &ip);
    check(LinkType::RAW, &ipv6(6, &tcp()));
    check(LinkType::NULL, &cat(&[&[2, 0, 0, 0], &ip]));
    check(LinkType::LOOP, &cat(&[&[0, 0, 0, 24], &ipv6(6, &tcp())]));
    check(LinkType::FDDI, &cat(&[&[0x50; 13], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip]));
    check(LinkType::ETHERNET, &ether(53, &cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip])));
}

#[test]
fn ip_in_ip_and_extension_headers_open() {
    check(LinkType::RAW, &ipv4(4, &ipv4(41, &ipv6(6, &tcp()))));
    let options = [60, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    check(LinkType::RAW, &ipv6(0, &cat(&[&options, &tcp()])));
    check(LinkType::RAW, &ipv6(44, &cat(&[&[6, 0, 0, 0, 0, 0, 0, 9], &tcp()])));
    check(LinkType::RAW, &ipv4(51, &cat(&[&[6, 1, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4], &tcp()])));
}

#[test]
fn fragments_say_where_they_belong() {
    let mut packet = ipv4(17, &[1, 2, 3, 4, 5, 6, 7, 8]);
    packet[6] = 0x20;
    packet[7] = 0x03;
    let Ok(Unit::Fragment(piece)) = decode(LinkType::RAW, &packet) else { panic!() };
    assert_eq!((piece.id, piece.start, piece.more, piece.protocol, piece.payload.len()), (9, 24, true, 17, 8));
    let packet = ipv6(44, &[17, 0, 0, 0x19, 0, 0, 1, 2, 9, 9]);
    let Ok(Unit::Fragment(piece)) = decode(LinkType::RAW, &packet) else { panic!() };
    assert_eq!((piece.id, piece.start, piece.more, piece.protocol, piece.payload.len()), (258, 24, true, 17, 2));
}

#[test]
fn a_length_of_zero_means_all_captured_bytes() {
    let mut packet = ipv4(6, &tcp());
    packet[2..4].fill(0);
    check_whole(&packet);
}

fn check_whole(packet: &[u8]) {
    assert!(matches!(decode(LinkType::RAW, packet), Ok(Unit::Tcp(tcp)) if tcp.payload == b"hello"));
}

#[test]
fn endless_nesting_is_bounded() {
    let mut packet = ipv4(6, &tcp());
    for _ in 0..40 {
        packet = ipv4(4, &packet);
    }
    assert!(matches!(decode(LinkType::RAW, &packet), Err(Error::Bound { .. })));
}

#[test]
fn impossible_lengths_are_refused() {
    let mut short = ipv4(6, &tcp());
    short[0] = 0x44;
    assert!(matches!(decode(LinkType::RAW, &short), Err(Error::Malformed { .. })));
    let mut offset = ipv4(6, &tcp());
    offset[32] = 0x40;
    assert!(matches!(decode(LinkType::RAW, &offset), Err(Error::Malformed { .. })));
    let datagram = ipv4(17, &udp(53, b"x"));
    assert!(matches!(decode(LinkType::RAW, &datagram), Ok(Unit::Udp(Udp { target: SocketAddr::V4(_), .. }))));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(link in 0u32..300, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = decode(LinkType(link), &bytes);
    }
}
