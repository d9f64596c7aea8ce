//! Messages built by hand as RFC 4511 lays them out; then cut, nested too deep and replaced by noise.

use proptest::prelude::*;

use super::*;

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    // Microsoft's way of writing every length in four octets.
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], &content[..]].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    tlv(4, &[text])
}

fn int(value: u8) -> Vec<u8> {
    vec![2, 1, value]
}

fn enumerated(value: u8) -> Vec<u8> {
    vec![10, 1, value]
}

fn message(operation: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&int(7), operation])
}

fn equal(name: &str, value: &[u8]) -> Vec<u8> {
    tlv(0xa3, &[&string(name.as_bytes()), &string(value)])
}

fn search(filter: &[u8]) -> Vec<u8> {
    let operation = tlv(
        0x63,
        &[
            &string(b"DC=lab,DC=example"),
            &enumerated(2),
            &enumerated(0),
            &int(0),
            &int(0),
            &[1, 1, 0],
            filter,
            &tlv(0x30, &[&string(b"cn"), &string(b"servicePrincipalName")]),
        ],
    );
    // 1.2.840.113556.1.4.319, critical, with a value
    let paging =
        tlv(0x30, &[&string(b"1.2.840.113556.1.4.319"), &[1, 1, 0xff], &string(b"\x30\x05\x02\x01\x64\x04\x00")]);
    tlv(0x30, &[&int(7), &operation, &tlv(0xa0, &[&paging])])
}

fn filter_text(filter: &[u8]) -> String {
    match LdapMessage::decode(&search(filter)).unwrap().operation {
        Operation::SearchRequest(request) => request.filter.text,
        other => panic!("{other:?}"),
    }
}

/// (&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))
fn spn_filter() -> Vec<u8> {
    let disabled = tlv(
        0xa9,
        &[&tlv(0x81, &[b"1.2.840.113556.1.4.803"]), &tlv(0x82, &[b"userAccountControl"]), &tlv(0x83, &[b"2"])],
    );
    tlv(0xa0, &[&equal("objectClass", b"user"), &tlv(0xa2, &[&disabled])])
}

#[test]
fn a_search_is_read_with_filter_attributes_and_controls() {
    let bytes = search(&spn_filter());
    let decoded = LdapMessage::decode(&bytes).unwrap();
    assert_eq!((decoded.id, message_size(&bytes)), (7, Ok(bytes.len())));
    assert_eq!(decoded.controls[0].oid, "1.2.840.113556.1.4.319");
    assert!(decoded.controls[0].critical && decoded.controls[0].value.is_some());
    let Operation::SearchRequest(request) = decoded.operation else { panic!("no search") };
    assert_eq!((&request.base[..], request.scope), ("DC=lab,DC=example", 2));
    assert_eq!(request.filter.text, "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))");
    assert_eq!(request.attributes, ["cn", "servicePrincipalName"]);
}

#[test]
fn every_kind_of_filter_has_its_text() {
    let substrings = |pieces: &[Vec<u8>]| tlv(0xa4, &[&string(b"cn"), &tlv(0x30, &[&pieces.concat()])]);
    for (filter, text) in [
        (tlv(0x87, &[b"objectClass"]), "(objectClass=*)"),
        (tlv(0xa5, &[&string(b"n"), &string(b"1")]), "(n>=1)"),
        (tlv(0xa6, &[&string(b"n"), &string(b"1")]), "(n<=1)"),
        (tlv(0xa8, &[&string(b"n"), &string(b"1")]), "(n~=1)"),
        (tlv(0xa1, &[&equal("a", b"1"), &equal("b", b"2")]), "(|(a=1)(b=2))"),
        (tlv(0xa0, &[]), "(&)"),
        (substrings(&[tlv(0x80, &[b"a"]), tlv(0x81, &[b"b"]), tlv(0x82, &[b"c"])]), "(cn=a*b*c)"),
        (substrings(&[tlv(0x80, &[b"a"])]), "(cn=a*)"),
        (substrings(&[tlv(0x81, &[b"b"])]), "(cn=*b*)"),
        (substrings(&[tlv(0x82, &[b"c"])]), "(cn=*c)"),
        (equal("objectSid", &[1, 5, 0, 0xff, b'*', b'(']), "(objectSid=\\01\\05\\00\\ff\\2a\\28)"),
        (equal("cn", b"a*(b)\\"), "(cn=a\\2a\\28b\\29\\5c)"),
        (equal("cn", "Ørsted".as_bytes()), "(cn=Ørsted)"),
        (tlv(0xa9, &[&tlv(0x82, &[b"ou"]), &tlv(0x83, &[b"x"]), &tlv(0x84, &[&[0xff]])]), "(ou:dn:=x)"),
    ] {
        assert_eq!(filter_text(&filter), text);
    }
}

#[test]
fn a_long_filter_is_cut_and_marked() {
    let many: Vec<u8> = (0..10_000).flat_map(|_| equal("objectClass", b"computer")).collect();
    let Operation::SearchRequest(request) = LdapMessage::decode(&search(&tlv(0xa1, &[&many]))).unwrap().operation
    else {
        panic!("no search")
    };
    assert!(request.filter.truncated && request.filter.text.len() <= MAX_FILTER_TEXT);
}

#[test]
fn a_deep_filter_is_refused() {
    let mut filter = equal("a", b"b");
    for _ in 0..1000 {
        filter = tlv(0xa2, &[&filter]);
    }
    assert!(matches!(LdapMessage::decode(&search(&filter)), Err(Error::Bound { .. })));
}

#[test]
fn binds_of_every_method_are_read_and_never_shown() {
    let bind = |choice: &[u8]| message(&tlv(0x60, &[&int(3), &string(b"CN=ann"), choice]));
    for (choice, shown) in [
        (tlv(0x80, &[b"hunter2"]), "Simple(…)"),
        (tlv(0xa3, &[&string(b"GSS-SPNEGO"), &string(b"hunter2")]), "Sasl(GSS-SPNEGO, …)"),
        (tlv(0xa3, &[&string(b"EXTERNAL")]), "Sasl(EXTERNAL, …)"),
        (tlv(0x89, &[b""]), "SicilyDiscovery"),
        (tlv(0x8a, &[b"hunter2"]), "SicilyNegotiate(…)"),
        (tlv(0x8b, &[b"hunter2"]), "SicilyResponse(…)"),
    ] {
        let bytes = bind(&choice);
        let Operation::BindRequest(request) = LdapMessage::decode(&bytes).unwrap().operation else { panic!("no bind") };
        assert_eq!((request.version, &request.name[..]), (3, "CN=ann"));
        assert_eq!(format!("{:?}", request.authentication), shown);
    }
}

#[test]
fn a_bind_response_carries_sasl_credentials_or_sicilys_challenge() {
    let response = |matched: &[u8], tail: &[u8]| {
        message(&tlv(0x61, &[&enumerated(14), &string(matched), &string(b"data 52e"), tail]))
    };
    for (bytes, token) in [
        (response(b"", &tlv(0x87, &[b"token"])), Some(&b"token"[..])),
        (response(b"NTLMSSP\0\x02", b""), Some(&b"NTLMSSP\0\x02"[..])),
        (response(b"CN=x", b""), None),
    ] {
        let Operation::BindResponse(result, credentials) = LdapMessage::decode(&bytes).unwrap().operation else {
            panic!("no response")
        };
        assert_eq!((result.code, &result.message[..], credentials), (14, "data 52e", token));
    }
}

#[test]
fn changes_are_read() {
    let attribute = |name: &str, value: &[u8]| tlv(0x30, &[&string(name.as_bytes()), &tlv(0x31, &[&string(value)])]);
    let change = tlv(0x30, &[&enumerated(2), &attribute("member", b"CN=ann")]);
    let modify = message(&tlv(0x66, &[&string(b"CN=g"), &tlv(0x30, &[&change])]));
    let Operation::ModifyRequest(object, changes) = LdapMessage::decode(&modify).unwrap().operation else {
        panic!("no modify")
    };
    assert_eq!(
        (&object[..], changes[0].kind, changes[0].attribute.values[0]),
        ("CN=g", ChangeKind::Replace, &b"CN=ann"[..])
    );

    let add = message(&tlv(0x68, &[&string(b"CN=new"), &tlv(0x30, &[&attribute("objectClass", b"computer")])]));
    let Operation::AddRequest(entry, attributes) = LdapMessage::decode(&add).unwrap().operation else {
        panic!("no add")
    };
    assert_eq!((&entry[..], &attributes[0].name[..]), ("CN=new", "objectClass"));

    let rename = message(&tlv(0x6c, &[&string(b"CN=a"), &string(b"CN=b"), &[1, 1, 0xff], &tlv(0x80, &[b"OU=x"])]));
    let Operation::ModifyDnRequest(moved) = LdapMessage::decode(&rename).unwrap().operation else {
        panic!("no rename")
    };
    assert_eq!((&moved.new_rdn[..], moved.new_superior.as_deref()), ("CN=b", Some("OU=x")));

    assert_eq!(
        LdapMessage::decode(&message(&tlv(0x4a, &[b"CN=gone"]))).unwrap().operation,
        Operation::DelRequest("CN=gone".into())
    );
    let start_tls = message(&tlv(0x77, &[&tlv(0x80, &[b"1.3.6.1.4.1.1466.20037"])]));
    assert_eq!(
        LdapMessage::decode(&start_tls).unwrap().operation,
        Operation::ExtendedRequest("1.3.6.1.4.1.1466.20037".into(), None)
    );
}

#[test]
fn a_message_cut_anywhere_is_incomplete() {
    let bytes = search(&spn_filter());
    for end in 0..bytes.len() {
        assert!(matches!(LdapMessage::decode(&bytes[..end]), Err(Error::Incomplete { .. })), "{end}");
        assert!(matches!(message_size(&bytes[..end]), Err(Error::Incomplete { .. })), "{end}");
    }
    assert!(message_begins(&bytes) && !message_begins(&bytes[1..]) && !message_begins(&bytes[6..]));
}

#[test]
fn frames_of_a_security_layer_are_told_from_messages() {
    let plain = search(&spn_filter());
    assert_eq!(layer(&plain), Ok(Layer::Plain));
    let signed = [&[1, 0, 0, 0][..], &[9; 12], &plain].concat();
    let frame = [&u32::try_from(signed.len()).unwrap().to_be_bytes()[..], &signed, &[0]].concat();
    assert_eq!(layer(&frame), Ok(Layer::Frame(&signed, signed.len() + 4)));
    assert_eq!(ntlm_clear(&signed), Some(&plain[..]));
    assert_eq!(ntlm_clear(&[1, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0x7b, 0x11]), None);
    assert!(matches!(layer(&frame[..20]), Err(Error::Incomplete { .. })));
    assert!(matches!(layer(&[0, 0, 0, 0]), Err(Error::Malformed { .. })));
    assert!(matches!(layer(b"GET /"), Err(Error::Malformed { .. })));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_everything(&bytes);
    }

    #[test]
    fn a_damaged_search_never_panics(at in 0_usize..400, value in any::<u8>()) {
        let mut bytes = search(&spn_filter());
        let index = at % bytes.len();
        bytes[index] = value;
        decode_everything(&bytes);
    }
}
