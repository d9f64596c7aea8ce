//! Protocols by their first bytes, for connections on ports that say nothing: signatures strong enough that ordinary
//! traffic of other kinds does not match.

use super::dispatch::Protocol;

/// Who says such bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The protocol that begins like this, and who speaks, where the bytes tell.
pub(super) fn sniff(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    smb(bytes)
        .or_else(|| dcerpc(bytes))
        .or_else(|| kerberos(bytes))
        .or_else(|| ldap(bytes))
        .or_else(|| tls(bytes))
        .or_else(|| http(bytes))
        .or_else(|| rdp(bytes))
        .or_else(|| hopwatch_wire::nmf::begins(bytes).then_some((Protocol::Adws, Some(Side::Client))))
}

/// `[MS-SMB2] 2.1`: zero 1 · length 3, then `FE`, `FD` (sealed), `FC` (compressed) or `FF` and `SMB`.
fn smb(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    let header = bytes.first_chunk::<8>()?;
    if header[0] != 0 || !matches!(header[4], 0xfc..=0xff) || header[5..8] != *b"SMB" {
        return None;
    }
    // The reply flag: SMB2 header flags bit 0 at 16 (`[MS-SMB2] 2.2.1`), SMB1 flags bit 7 at 9 (`[MS-CIFS] 2.2.3.1`).
    let reply = match header[4] {
        0xfe => bytes.get(20).map(|flags| flags & 0x01 != 0),
        0xff => bytes.get(13).map(|flags| flags & 0x80 != 0),
        _ => None,
    };
    Some((Protocol::Smb, reply.map(side)))
}

fn side(reply: bool) -> Side {
    if reply { Side::Server } else { Side::Client }
}

/// C706 §12.6.3: version 5 · minor 0 or 1 · type · flags · data representation 4 · fragment length 2 · …
fn dcerpc(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    let header = bytes.first_chunk::<10>()?;
    let [5, 0 | 1, kind, flags, representation, _, 0, 0, low, high] = *header else { return None };
    let length = match representation {
        0x10 => u16::from_le_bytes([low, high]),
        0x00 => u16::from_be_bytes([low, high]),
        _ => return None,
    };
    let side = match kind {
        // request, bind, alter context, auth3
        0 | 11 | 14 | 16 => Side::Client,
        // response, fault, bind ack, bind nak, alter context response
        2 | 3 | 12 | 13 | 15 => Side::Server,
        _ => return None,
    };
    (length >= 16 && flags & 0x08 == 0).then_some((Protocol::Dcerpc, Some(side)))
}

/// RFC 4120 §7.2.2: length 4, then an application tag of a message.
fn kerberos(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    let header = bytes.first_chunk::<6>()?;
    if header[..2] != [0, 0] || header[2..4] == [0, 0] {
        return None;
    }
    // The tag's own length must be of a form that can fill the announced message, and a SEQUENCE must follow.
    let sequence_at = match header[5] {
        length @ 0..=0x7f => {
            let whole = u16::from_be_bytes([header[2], header[3]]);
            (u16::from(length) + 2 == whole).then_some(6)?
        }
        0x81 => 7,
        0x82 => 8,
        0x83 => 9,
        _ => return None,
    };
    if bytes.get(sequence_at) != Some(&0x30) {
        return None;
    }
    match header[4] {
        0x6a | 0x6c => Some((Protocol::Kerberos, Some(Side::Client))),
        0x6b | 0x6d | 0x7e => Some((Protocol::Kerberos, Some(Side::Server))),
        _ => None,
    }
}

/// RFC 4511 §4.1.1: SEQUENCE, messageID INTEGER, an application tag.
fn ldap(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    let [0x30, length, rest @ ..] = bytes else { return None };
    let skip = match length {
        0..=0x7f => 0,
        0x81..=0x84 => usize::from(length & 0x7f),
        _ => return None,
    };
    let [0x02, id_length @ 1..=4, rest @ ..] = rest.get(skip..)? else { return None };
    match rest.get(usize::from(*id_length))? {
        // bind, search, modify, add, delete, rename, compare, abandon, extended request
        0x60 | 0x63 | 0x66 | 0x68 | 0x4a | 0x6c | 0x6e | 0x50 | 0x77 => Some((Protocol::Ldap, Some(Side::Client))),
        0x61 | 0x64 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x73 | 0x78 | 0x79 => {
            Some((Protocol::Ldap, Some(Side::Server)))
        }
        _ => None,
    }
}

/// RFC 8446 §5.1: handshake record of version 3.x, then a hello.
fn tls(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    match *bytes.first_chunk::<6>()? {
        [0x16, 3, 0..=4, _, _, 1] => Some((Protocol::Tls, Some(Side::Client))),
        [0x16, 3, 0..=4, _, _, 2] => Some((Protocol::Tls, Some(Side::Server))),
        _ => None,
    }
}

fn http(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    const METHODS: [&[u8]; 9] = [
        b"GET /",
        b"POST /",
        b"PUT /",
        b"HEAD /",
        b"OPTIONS ",
        b"CONNECT ",
        b"PROPFIND ",
        b"RPC_IN_DATA ",
        b"RPC_OUT_DATA ",
    ];
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        return Some((Protocol::Http, Some(Side::Client)));
    }
    bytes.starts_with(b"HTTP/1.").then_some((Protocol::Http, Some(Side::Server)))
}

/// TPKT (RFC 1006) with an X.224 connection request or confirm (`[MS-RDPBCGR] 2.2.1.1`).
fn rdp(bytes: &[u8]) -> Option<(Protocol, Option<Side>)> {
    match *bytes.first_chunk::<6>()? {
        [3, 0, _, _, _, 0xe0] => Some((Protocol::Rdp, Some(Side::Client))),
        [3, 0, _, _, _, 0xd0] => Some((Protocol::Rdp, Some(Side::Server))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: Option<(Protocol, Option<Side>)>) {
        assert_eq!(sniff(bytes), expect, "{bytes:02x?}");
    }

    #[test]
    fn first_bytes_tell_protocol_and_side() {
        check(&[5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0], Some((Protocol::Dcerpc, Some(Side::Client))));
        check(&[5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0, 0, 0], Some((Protocol::Dcerpc, Some(Side::Server))));
        check(b"\0\0\0\x40\xfeSMB\x40\0\0\0\0\0\0\0\0\0\0\0\0\0", Some((Protocol::Smb, Some(Side::Client))));
        check(b"\0\0\0\x40\xffSMBr\0\0\0\0\x98", Some((Protocol::Smb, Some(Side::Server))));
        check(&[0, 0, 0, 0x80, 0x6a, 0x81, 0x7d, 0x30, 0x7b], Some((Protocol::Kerberos, Some(Side::Client))));
        check(&[0x30, 12, 2, 1, 1, 0x60, 7], Some((Protocol::Ldap, Some(Side::Client))));
        check(&[0x30, 0x84, 0, 0, 0, 16, 2, 1, 1, 0x61, 7], Some((Protocol::Ldap, Some(Side::Server))));
        check(&[0x16, 3, 1, 0, 100, 1], Some((Protocol::Tls, Some(Side::Client))));
        check(b"POST /wsman HTTP/1.1\r\n", Some((Protocol::Http, Some(Side::Client))));
        check(&[3, 0, 0, 19, 14, 0xe0, 0, 0], Some((Protocol::Rdp, Some(Side::Client))));
    }

    #[test]
    fn other_bytes_tell_nothing() {
        for bytes in [
            &b"SSH-2.0-OpenSSH"[..],
            b"",
            b"\0\0\0\0\0\0\0\0\0\0",
            &[0x30, 0x0c, 4, 1, 1, 0x60],
            b"05 00 0b",
            &[5, 1, 0],
        ] {
            check(bytes, None);
        }
    }
}
