//! Connections played message by message, and the lab's captures.

use hopwatch_model::event::{BindMethod, DirectoryChange, LdapBind, LdapSearch, OpaqueProtocol, ValueOperation};
use hopwatch_model::{Activity, Event, Outcome};

use super::super::testing::{Bench, chunk, lab_capture, replay, tlv};
use super::super::{Direction, StreamAnalyzer};
use super::*;

const TO_SERVER: Direction = Direction::ToServer;
const TO_CLIENT: Direction = Direction::ToClient;

fn string(text: &[u8]) -> Vec<u8> {
    tlv(4, &[text])
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[2, 1, id], operation])
}

fn bind(id: u8, name: &str, choice: &[u8]) -> Vec<u8> {
    message(id, &tlv(0x60, &[&[2, 1, 3], &string(name.as_bytes()), choice]))
}

fn simple(id: u8, name: &str, password: &[u8]) -> Vec<u8> {
    bind(id, name, &tlv(0x80, &[password]))
}

fn sasl(id: u8, mechanism: &str, token: &[u8]) -> Vec<u8> {
    bind(id, "", &tlv(0xa3, &[&string(mechanism.as_bytes()), &string(token)]))
}

/// An answer: application tag, message id, result code.
fn answer(tag: u8, id: u8, code: u8) -> Vec<u8> {
    message(id, &tlv(0x60 | tag, &[&[10, 1, code], &string(b""), &string(b"")]))
}

fn search(id: u8, name: &str) -> Vec<u8> {
    let filter = tlv(0x87, &[name.as_bytes()]);
    let parts = [string(b"DC=lab"), vec![10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0], filter, tlv(0x30, &[])];
    message(id, &tlv(0x63, &[&parts.concat()]))
}

fn entry(id: u8) -> Vec<u8> {
    message(id, &tlv(0x64, &[&string(b"CN=x"), &tlv(0x30, &[])]))
}

fn attribute(name: &str, values: &[&[u8]]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| string(value)).collect();
    tlv(0x30, &[&string(name.as_bytes()), &tlv(0x31, &[&values])])
}

fn modify(id: u8, object: &str, kind: u8, attribute: &[u8]) -> Vec<u8> {
    let change = tlv(0x30, &[&[10, 1, kind], attribute]);
    message(id, &tlv(0x66, &[&string(object.as_bytes()), &tlv(0x30, &[&change])]))
}

fn frame(token: &[u8]) -> Vec<u8> {
    [&u32::try_from(token.len()).unwrap().to_be_bytes(), token].concat()
}

/// One connection's talk: each part whole, in order; then its end.
fn talk(parts: &[(Direction, Vec<u8>)]) -> Bench {
    let mut bench = Bench::new();
    let mut stream = stream();
    feed(&mut *stream, &mut bench, parts);
    stream.close(&mut bench.out());
    bench
}

fn feed(stream: &mut dyn StreamAnalyzer, bench: &mut Bench, parts: &[(Direction, Vec<u8>)]) {
    for (direction, bytes) in parts {
        assert_eq!(stream.data(chunk(bytes, *direction, (40_000, 389), 100), &mut bench.out()), bytes.len());
    }
}

fn binds(events: &[Event]) -> Vec<(&LdapBind, &Event)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::LdapBind(bind) => Some((&**bind, event)),
            _ => None,
        })
        .collect()
}

fn searches(events: &[Event]) -> Vec<(&LdapSearch, &Event)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::LdapSearch(search) => Some((&**search, event)),
            _ => None,
        })
        .collect()
}

fn changes(events: &[Event]) -> Vec<(&DirectoryChange, &Event)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::DirectoryChange(change) => Some((&**change, event)),
            _ => None,
        })
        .collect()
}

fn opaque(events: &[Event]) -> Vec<(OpaqueProtocol, u32)> {
    events
        .iter()
        .filter_map(|event| match &event.activity {
            Activity::Opaque(opaque) => Some((opaque.protocol, opaque.messages)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_simple_bind_names_the_actor_of_what_follows() {
    let bench = talk(&[
        (TO_SERVER, simple(1, "LAB\\ann", b"hunter2")),
        (TO_CLIENT, answer(1, 1, 0)),
        (TO_SERVER, search(2, "servicePrincipalName")),
        (TO_CLIENT, [entry(2), entry(2), answer(5, 2, 0)].concat()),
    ]);
    let (bind, event) = binds(&bench.events)[0];
    assert!(matches!(bind.method, BindMethod::Simple { .. }));
    assert_eq!((event.outcome, bind.sealed), (Outcome::Success, Some(false)));
    let (search, event) = searches(&bench.events)[0];
    assert_eq!(
        (&search.filter[..], search.entries, &search.carrier[..]),
        ("(servicePrincipalName=*)", Some(2), "ldap")
    );
    assert_eq!(event.actor.as_ref().unwrap().name, "ann");
    assert!(!format!("{:?}", bench.events).contains("hunter2"));
}

#[test]
fn a_refused_bind_names_who_tried_and_leaves_nobody() {
    let bench = talk(&[
        (TO_SERVER, simple(1, "CN=Ann,OU=x,DC=lab,DC=example", b"wrong")),
        (TO_CLIENT, answer(1, 1, 49)),
        (TO_SERVER, search(2, "cn")),
        (TO_CLIENT, answer(5, 2, 1)),
    ]);
    let (_, event) = binds(&bench.events)[0];
    assert_eq!(event.outcome, Outcome::Failure(49));
    let actor = event.actor.as_ref().unwrap();
    assert_eq!((&actor.name[..], actor.domain.as_deref()), ("CN=Ann,OU=x,DC=lab,DC=example", Some("lab.example")));
    assert_eq!(searches(&bench.events)[0].1.actor, None);
}

#[test]
fn one_password_on_two_accounts_has_one_digest() {
    let bench = talk(&[
        (TO_SERVER, simple(1, "ann@lab", b"Spring2026")),
        (TO_CLIENT, answer(1, 1, 49)),
        (TO_SERVER, simple(2, "bob@lab", b"Spring2026")),
        (TO_CLIENT, answer(1, 2, 49)),
        (TO_SERVER, simple(3, "bob@lab", b"other")),
        (TO_CLIENT, answer(1, 3, 49)),
    ]);
    let methods: Vec<_> = binds(&bench.events).iter().map(|(bind, _)| &bind.method).collect();
    assert_eq!(methods[0], methods[1]);
    assert_ne!(methods[1], methods[2]);
}

#[test]
fn a_bind_without_password_is_anonymous() {
    let bench = talk(&[(TO_SERVER, simple(1, "ann", b"")), (TO_CLIENT, answer(1, 1, 0))]);
    assert_eq!(binds(&bench.events)[0].0.method, BindMethod::Anonymous);
    assert_eq!(binds(&bench.events)[0].1.actor, None);
}

#[test]
fn the_legs_of_a_sasl_bind_are_one_bind_and_its_layer_is_told() {
    let legs = [
        (TO_SERVER, sasl(1, "GSS-SPNEGO", b"one")),
        (TO_CLIENT, answer(1, 1, 14)),
        (TO_SERVER, sasl(2, "GSS-SPNEGO", b"two")),
        (TO_CLIENT, answer(1, 2, 0)),
    ];
    // 05 04 06: a Wrap token, sealed
    let sealed = frame(&[&[5, 4, 6, 0xff, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0x5a; 40]].concat());
    for (next, layer) in [(Some(sealed), Some(true)), (Some(search(3, "cn")), Some(false)), (None, None)] {
        let mut parts = legs.to_vec();
        parts.extend(next.map(|bytes| (TO_SERVER, bytes)));
        let bench = talk(&parts);
        let found = binds(&bench.events);
        assert_eq!((found.len(), found[0].1.outcome, found[0].0.sealed), (1, Outcome::Success, layer));
        assert_eq!(found[0].0.method, BindMethod::Sasl("GSS-SPNEGO".into()));
        assert_eq!(opaque(&bench.events).len(), usize::from(layer == Some(true)));
    }
}

#[test]
fn a_sicily_bind_succeeds_with_its_last_leg_only() {
    let leg = |id, tag| bind(id, "", &tlv(tag, &[b"NTLMSSP\0"]));
    let bench = talk(&[
        (TO_SERVER, leg(1, 0x89)),
        (TO_CLIENT, answer(1, 1, 0)),
        (TO_SERVER, leg(2, 0x8a)),
        (TO_CLIENT, answer(1, 2, 0)),
        (TO_SERVER, leg(3, 0x8b)),
        (TO_CLIENT, answer(1, 3, 49)),
    ]);
    let found = binds(&bench.events);
    assert_eq!((found.len(), found[0].1.outcome, &found[0].0.method), (1, Outcome::Failure(49), &BindMethod::Sicily));
}

#[test]
fn signed_messages_are_read_through_their_tokens() {
    let search = search(3, "cn");
    let ntlm = frame(&[&[1, 0, 0, 0][..], &[9; 12], &search].concat());
    let kerberos = frame(&[&[5, 4, 4, 0xff, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &search, &[9; 2]].concat());
    let (head, tail) = search.split_at(9);
    let split = [head, tail].map(|part| frame(&[&[1, 0, 0, 0][..], &[9; 12], part].concat())).concat();
    for bytes in [ntlm, kerberos, split] {
        let bench = talk(&[(TO_SERVER, bytes), (TO_CLIENT, answer(5, 3, 0))]);
        assert_eq!(searches(&bench.events).len(), 1);
        assert_eq!(searches(&bench.events)[0].1.outcome, Outcome::Success);
        assert!(opaque(&bench.events).is_empty());
    }
}

#[test]
fn sealed_messages_are_counted_by_the_thousand() {
    let sealed = frame(&[&[1, 0, 0, 0][..], &[0x77; 40]].concat());
    let bench = talk(&[(TO_SERVER, sealed.repeat(2500))]);
    assert_eq!(
        opaque(&bench.events),
        [(OpaqueProtocol::Ldap, 1000), (OpaqueProtocol::Ldap, 1000), (OpaqueProtocol::Ldap, 500)]
    );
}

#[test]
fn what_follows_start_tls_is_not_read() {
    let start_tls = message(1, &tlv(0x77, &[&tlv(0x80, &[b"1.3.6.1.4.1.1466.20037"])]));
    let record = [&[23, 3, 3, 0, 40][..], &[0x30; 40]].concat();
    let bench = talk(&[(TO_SERVER, start_tls.clone()), (TO_CLIENT, answer(24, 1, 0)), (TO_SERVER, record.repeat(3))]);
    assert_eq!(opaque(&bench.events), [(OpaqueProtocol::Tls, 3)]);
    assert!(bench.counters.dropped.is_empty());
    let refused = talk(&[(TO_SERVER, start_tls), (TO_CLIENT, answer(24, 1, 52)), (TO_SERVER, search(2, "cn"))]);
    assert_eq!(searches(&refused.events).len(), 1);
}

#[test]
fn changes_wait_for_their_result_and_hold_no_secrets() {
    let moved = message(
        4,
        &tlv(0x6c, &[&string(b"CN=a,OU=x,DC=lab"), &string(b"CN=b"), &[1, 1, 0xff], &tlv(0x80, &[b"OU=y,DC=lab"])]),
    );
    let created =
        tlv(0x30, &[&attribute("objectClass", &[b"top", b"computer"]), &attribute("sAMAccountName", &[b"dc1"])]);
    let bench = talk(&[
        (TO_SERVER, modify(1, "CN=Domain Admins", 0, &attribute("member", &[b"CN=ann", b"CN=bob"]))),
        (TO_CLIENT, answer(7, 1, 50)),
        (TO_SERVER, modify(2, "CN=ann", 2, &attribute("unicodePwd", &[b"canary"]))),
        (TO_CLIENT, answer(7, 2, 0)),
        (TO_SERVER, message(3, &tlv(0x68, &[&string(b"CN=new"), &created]))),
        (TO_CLIENT, answer(9, 3, 0)),
        (TO_SERVER, moved),
        (TO_CLIENT, answer(13, 4, 0)),
        (TO_SERVER, message(5, &tlv(0x4a, &[b"CN=gone"]))),
    ]);
    let found = changes(&bench.events);
    let shown: Vec<_> = found.iter().map(|(c, e)| (c.operation, &c.attribute[..], c.values.len(), e.outcome)).collect();
    use ValueOperation::{Add, Create, Move, Remove, Replace};
    assert_eq!(
        shown,
        [
            (Add, "member", 2, Outcome::Failure(50)),
            (Replace, "unicodePwd", 0, Outcome::Success),
            (Create, "", 0, Outcome::Success),
            (Add, "objectClass", 2, Outcome::Success),
            (Add, "sAMAccountName", 1, Outcome::Success),
            (Move, "", 0, Outcome::Success),
            (Remove, "", 0, Outcome::Unseen),
        ]
    );
    assert_eq!(found[4].0.class, "computer");
    assert_eq!(found[5].0.new_object.as_deref(), Some("CN=b,OU=y,DC=lab"));
    assert!(!format!("{:?}", bench.events).contains("canary"));
    let mut digests: Vec<_> = found.iter().map(|(_, event)| event.provenance.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), found.len());
}

#[test]
fn a_stream_may_be_cut_anywhere_and_lose_its_head() {
    let whole = [search(1, "cn"), search(2, "sn"), search(3, "gn")].concat();
    for split in 0..whole.len() {
        let mut bench = Bench::new();
        let mut stream = stream();
        let consumed = stream.data(chunk(&whole[..split], TO_SERVER, (40_000, 389), 1), &mut bench.out());
        feed(&mut *stream, &mut bench, &[(TO_SERVER, whole[consumed..].to_vec())]);
        stream.close(&mut bench.out());
        assert_eq!(searches(&bench.events).len(), 3, "{split}");
    }
    for lost in 1..search(1, "cn").len() {
        let mut bench = Bench::new();
        let mut stream = stream();
        stream.gap(TO_SERVER, 10, &mut bench.out());
        feed(&mut *stream, &mut bench, &[(TO_SERVER, whole[lost..].to_vec())]);
        stream.close(&mut bench.out());
        assert_eq!(searches(&bench.events).len(), 2, "{lost}");
    }
}

#[test]
fn requests_without_answers_are_bounded() {
    let mut bench = Bench::new();
    let mut stream = stream();
    for id in 0..2000_u16 {
        let [high, low] = id.to_be_bytes();
        let one = tlv(0x30, &[&[2, 2, high, low], &search(1, "cn")[5..]]);
        feed(&mut *stream, &mut bench, &[(TO_SERVER, one)]);
    }
    assert_eq!(bench.counters.dropped["ldap.answer_not_seen"], 2000 - 512);
    stream.close(&mut bench.out());
    assert_eq!(searches(&bench.events).len(), 2000);
}

#[test]
fn a_cldap_ping_is_a_search() {
    let mut bench = Bench::new();
    let mut udp = datagrams();
    udp.datagram(chunk(&search(1, "NtVer"), TO_SERVER, (40_000, 389), 1), &mut bench.out());
    udp.datagram(chunk(&[entry(1), answer(5, 1, 0)].concat(), TO_CLIENT, (40_000, 389), 1), &mut bench.out());
    let (search, event) = searches(&bench.events)[0];
    assert_eq!((&search.carrier[..], search.entries, event.outcome), ("cldap", Some(1), Outcome::Success));
}

fn lab(name: &str) -> Bench {
    replay(&lab_capture(name), &[389, 3268], stream, datagrams())
}

#[test]
fn the_labs_brute_force_is_failed_simple_binds() {
    let bench = lab("brute-force-ldap-simple");
    let failed = binds(&bench.events).iter().filter(|(_, event)| event.outcome == Outcome::Failure(49)).count();
    assert!(failed >= 20, "{failed}");
    assert!(bench.counters.dropped.is_empty(), "{:?}", bench.counters);
}

#[test]
fn the_labs_collector_searches_are_read() {
    let bench = lab("recon-ldap-collector-rusthound");
    assert!(bench.counters.dropped.is_empty(), "{:?}", bench.counters);
    let paged = |oid: &String| oid == "1.2.840.113556.1.4.319";
    // The schema comes in two pages: 999 entries and what is left of it.
    let pages: Vec<_> = searches(&bench.events)
        .into_iter()
        .filter(|(search, _)| search.base.starts_with("CN=Schema") && search.controls.iter().any(paged))
        .map(|(search, event)| (search.entries.unwrap(), event.actor.as_ref().unwrap().name.clone()))
        .collect();
    assert_eq!(pages, [(999, "intern.ian".to_owned()), (507, "intern.ian".to_owned())]);
}

#[test]
fn the_labs_kerberos_binds_show_their_tickets() {
    for (capture, mechanism) in [("ldap-queries", "GSSAPI"), ("admin-work", "GSS-SPNEGO")] {
        let bench = lab(capture);
        let tickets = bench.events.iter().filter(|event| {
            event.outcome == Outcome::Success
                && matches!(&event.activity, Activity::TicketUse(used) if used.carrier == "ldap")
        });
        let method = BindMethod::Sasl(mechanism.into());
        let bound =
            binds(&bench.events).iter().filter(|(bind, _)| bind.method == method && bind.sealed == Some(true)).count();
        assert!(bound > 0, "{capture}");
        assert_eq!(tickets.count(), bound, "{capture}");
        assert!(bench.counters.dropped.is_empty(), "{:?}", bench.counters);
    }
}

/// An AUTHENTICATE_MESSAGE (`[MS-NLMP] 2.2.1.3`) of `LAB\ann`: six fields of length, maximum and offset behind its type, the
/// flags, and the payload.
fn authenticate() -> Vec<u8> {
    let (mut head, mut payload) = (b"NTLMSSP\0\x03\0\0\0".to_vec(), Vec::new());
    for part in [&[1; 24][..], &[2; 60], b"LAB", b"ann", b"WS1", b""] {
        let length = u16::try_from(part.len()).unwrap().to_le_bytes();
        let offset = u32::try_from(64 + payload.len()).unwrap().to_le_bytes();
        head.extend([&length[..], &length, &offset].concat());
        payload.extend(part);
    }
    [head, vec![0; 4], payload].concat()
}

#[test]
fn an_ntlm_bind_is_made_by_the_account_that_ntlm_names() {
    let sicily = bind(1, "", &tlv(0x8b, &[&authenticate()]));
    for (bytes, code) in [(sicily, 0), (sasl(1, "GSS-SPNEGO", &authenticate()), 49)] {
        let bench = talk(&[
            (TO_SERVER, bytes),
            (TO_CLIENT, answer(1, 1, code)),
            (TO_SERVER, search(2, "cn")),
            (TO_CLIENT, answer(5, 2, 0)),
        ]);
        let logons = bench.events.iter().filter(|event| matches!(event.activity, Activity::NtlmLogon(_)));
        assert_eq!(logons.map(|event| event.outcome.failed()).collect::<Vec<_>>(), [code != 0]);
        assert_eq!(binds(&bench.events)[0].1.actor.as_ref().unwrap().name, "ann");
        assert_eq!(searches(&bench.events)[0].1.actor.is_some(), code == 0);
    }
}
