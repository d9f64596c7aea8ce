//! A server by hand on loopback: pages, ranges, refusals, and connections that end too early.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use hopwatch_wire::ldap::{LdapMessage, Operation, message_size};

use super::*;

/// What the server answers to a request: one or several messages, or nothing and the end of the connection.
enum Answer {
    Messages(Vec<Vec<u8>>),
    HangUp(Vec<Vec<u8>>),
    Silence,
}

/// A request in the words of the test.
struct Asked {
    what: String,
    attributes: Vec<String>,
    controls: Vec<(String, Vec<u8>)>,
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], &length[..], content].concat()
}

fn text(value: &str) -> Vec<u8> {
    tlv(4, value.as_bytes())
}

/// A `SearchResultEntry`.
fn found(dn: &str, attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let list: Vec<u8> = attributes
        .iter()
        .flat_map(|(name, values)| {
            let values: Vec<u8> = values.iter().flat_map(|value| tlv(4, value)).collect();
            tlv(0x30, &[text(name), tlv(0x31, &values)].concat())
        })
        .collect();
    tlv(0x64, &[text(dn), tlv(0x30, &list)].concat())
}

/// An answer with a result code, perhaps with the cookie of the next page.
fn done(tag: u8, code: u8, cookie: Option<&[u8]>) -> Vec<u8> {
    let mut message = tlv(tag, &[tlv(10, &[code]), text(""), text("because")].concat());
    if let Some(cookie) = cookie {
        let value = tlv(0x30, &[tlv(2, &[0]), tlv(4, cookie)].concat());
        let control = tlv(0x30, &[text("1.2.840.113556.1.4.319"), tlv(4, &value)].concat());
        message.extend(tlv(0xa0, &control));
    }
    message
}

const BIND: u8 = 0x61;
const DONE: u8 = 0x65;

fn root() -> Vec<u8> {
    let domain: &[&[u8]] = &[b"DC=x"];
    found(
        "",
        &[
            ("defaultNamingContext", domain),
            ("rootDomainNamingContext", domain),
            ("configurationNamingContext", &[b"CN=Configuration,DC=x"]),
            ("schemaNamingContext", &[b"CN=Schema,CN=Configuration,DC=x"]),
        ],
    )
}

/// Serves one connection; the address is returned.
fn serve(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        converse(stream, &mut answer);
    });
    url
}

/// Answers requests until either side ends the connection.
fn converse(mut stream: TcpStream, answer: &mut impl FnMut(&Asked) -> Answer) {
    let mut buffer = Vec::new();
    while let Some(request) = next(&mut stream, &mut buffer) {
        let message = LdapMessage::decode(&request).unwrap();
        let id = tlv(2, &message.id.to_be_bytes());
        let Some(asked) = asked(&message) else { return };
        let (messages, end) = match answer(&asked) {
            Answer::Messages(messages) => (messages, false),
            Answer::HangUp(messages) => (messages, true),
            Answer::Silence => (Vec::new(), false),
        };
        for body in messages {
            stream.write_all(&tlv(0x30, &[&id[..], &body].concat())).unwrap();
        }
        if end {
            return;
        }
    }
}

fn next(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Ok(size) = message_size(buffer)
            && !buffer.is_empty()
            && buffer.len() >= size
        {
            return Some(buffer.drain(..size).collect());
        }
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        buffer.extend(&chunk[..count]);
    }
}

fn asked(message: &LdapMessage<'_>) -> Option<Asked> {
    let controls = message.controls.iter();
    let controls = controls.map(|c| (c.oid.clone(), c.value.unwrap_or_default().to_vec())).collect();
    match &message.operation {
        Operation::BindRequest(bind) => {
            Some(Asked { what: format!("bind {}", bind.name), attributes: Vec::new(), controls })
        }
        Operation::SearchRequest(search) => {
            Some(Asked { what: search.base.clone(), attributes: search.attributes.clone(), controls })
        }
        _ => None,
    }
}

fn config(url: String) -> Config {
    Config {
        urls: vec![url],
        login: Login::Simple { user: "u@x".to_owned(), password: Password::new("secret".to_owned()) },
        upgrade: Upgrade::None,
        trust: Trust::System,
        page_size: 2,
        timeout: Duration::from_millis(500),
        rate: None,
        reconnects: 1,
    }
}

fn run(config: &Config) -> Result<Snapshot> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(collect(config))
}

/// What every test answers in the same way: bind, root DSE, and empty searches.
fn usual(asked: &Asked) -> Answer {
    Answer::Messages(match asked.what.as_str() {
        bind if bind.starts_with("bind") => vec![done(BIND, 0, None)],
        "" => vec![root(), done(DONE, 0, None)],
        _ => vec![done(DONE, 0, Some(b""))],
    })
}

fn cookie(asked: &Asked) -> &[u8] {
    let value = asked.controls.iter().find(|(oid, _)| oid.ends_with("319")).map_or(&[][..], |(_, value)| value);
    value.split_last_chunk::<1>().map_or(&[][..], |(_, last)| if last == b"7" { b"7" } else { b"" })
}

#[test]
fn pages_are_followed_to_the_end() {
    let url = serve(|asked| match (asked.what.as_str(), cookie(asked)) {
        ("DC=x", b"") => Answer::Messages(vec![
            found("CN=a,DC=x", &[("cn", &[b"a"])]),
            found("CN=b,DC=x", &[("CN", &[b"b"]), ("unasked", &[b"z"])]),
            done(DONE, 0, Some(b"7")),
        ]),
        ("DC=x", _) => Answer::Messages(vec![found("CN=c,DC=x", &[("cn", &[b"c"])]), done(DONE, 0, Some(b""))]),
        _ => usual(asked),
    });
    let snapshot = run(&config(url)).unwrap();
    let names: Vec<_> = snapshot.entries.iter().filter_map(|entry| entry.text("cn")).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(snapshot.root.domain, "DC=x");
}

#[test]
fn a_long_list_is_fetched_to_its_end() {
    let url = serve(|asked| {
        let name = asked.attributes.first().map(String::as_str);
        match (asked.what.as_str(), name) {
            ("CN=g,DC=x", Some("member;range=2-*")) => Answer::Messages(vec![
                found("CN=g,DC=x", &[("member;range=2-3", &[b"CN=3", b"CN=4"])]),
                done(DONE, 0, None),
            ]),
            ("CN=g,DC=x", Some("member;range=4-*")) => {
                Answer::Messages(vec![found("CN=g,DC=x", &[("member;range=4-*", &[b"CN=5"])]), done(DONE, 0, None)])
            }
            ("DC=x", _) => Answer::Messages(vec![
                found("CN=g,DC=x", &[("member", &[]), ("member;range=0-1", &[b"CN=1", b"CN=2"])]),
                done(DONE, 0, Some(b"")),
            ]),
            _ => usual(asked),
        }
    });
    let snapshot = run(&config(url)).unwrap();
    let members: Vec<_> = snapshot.entries[0].texts("member").collect();
    assert_eq!(members, ["CN=1", "CN=2", "CN=3", "CN=4", "CN=5"]);
}

#[test]
fn a_server_that_repeats_a_range_for_ever_is_left() {
    let url = serve(|asked| match asked.what.as_str() {
        "CN=g,DC=x" | "DC=x" => Answer::Messages(vec![
            found("CN=g,DC=x", &[("member;range=0-1", &[b"CN=1", b"CN=2"])]),
            done(DONE, 0, Some(b"")),
        ]),
        _ => usual(asked),
    });
    assert_eq!(run(&config(url)).unwrap().counters.dropped.len(), 2, "no schema either");
}

#[test]
fn a_connection_that_ends_in_the_middle_is_an_error_that_says_so() {
    let url = serve(|asked| match asked.what.as_str() {
        "DC=x" => Answer::HangUp(vec![found("CN=a,DC=x", &[])]),
        _ => usual(asked),
    });
    let error = run(&config(url)).unwrap_err();
    assert!(matches!(&error, Error::Lost { base, entries: 1, .. } if base == "DC=x"), "{error:?}");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let url = serve(|asked| if asked.what == "DC=x" { Answer::Silence } else { usual(asked) });
    assert!(matches!(run(&config(url)), Err(Error::Lost { .. })));
}

#[test]
fn what_is_no_ldap_is_an_error_and_no_panic() {
    let url = serve(|asked| match asked.what.as_str() {
        "DC=x" => Answer::HangUp(vec![vec![0x64, 0x84, 0, 0, 0, 0], vec![0xff; 40]]),
        _ => usual(asked),
    });
    assert!(run(&config(url)).is_err());
}

#[test]
fn fewer_parts_of_descriptors_are_asked_for_where_all_are_refused() {
    let (tell, told) = mpsc::channel();
    let url = serve(move |asked| {
        let parts = asked.controls.iter().find(|(oid, _)| oid.ends_with("801")).map(|(_, value)| value.clone());
        if asked.what == "DC=x" {
            tell.send(parts.clone()).unwrap();
        }
        match parts.as_deref() {
            Some([.., 7 | 5]) => Answer::Messages(vec![done(DONE, 50, None)]),
            _ => usual(asked),
        }
    });
    run(&config(url)).unwrap();
    let parts: Vec<_> = told.try_iter().map(|parts| parts.and_then(|value| value.last().copied())).collect();
    assert_eq!(parts, [Some(7), Some(5), None]);
}

#[test]
fn refusals_are_told_with_what_helps_and_without_the_password() {
    let url = serve(|_| Answer::Messages(vec![done(BIND, 8, None)]));
    let error = run(&config(url)).unwrap_err().to_string();
    assert!(error.contains("because") && error.contains("StartTLS") && !error.contains("secret"), "{error}");
    assert!(!format!("{:?}", config(String::new())).contains("secret"));
    let url = serve(|asked| match asked.what.as_str() {
        "DC=x" => Answer::Messages(vec![done(DONE, 4, None)]),
        _ => usual(asked),
    });
    assert!(matches!(run(&config(url)), Err(Error::Search { .. })));
}

#[test]
fn addresses_and_files_are_checked_before_anything_is_sent() {
    let try_url = |url: &str| run(&config(url.to_owned())).unwrap_err();
    assert!(matches!(try_url("http://dc"), Error::Url { .. }));
    assert!(matches!(try_url("ldap://"), Error::Url { .. }));
    let upgraded = Config { upgrade: Upgrade::StartTls, ..config("ldaps://127.0.0.1:1".to_owned()) };
    assert!(matches!(run(&upgraded), Err(Error::StartTlsOverTls)));
    let no_file = Config { trust: Trust::File("/nonexistent".into()), ..config("ldaps://127.0.0.1:1".to_owned()) };
    assert!(matches!(run(&no_file), Err(Error::Authorities { .. })));
    assert!(matches!(try_url("ldap://127.0.0.1:1"), Error::Connect { .. }));
}

/// What every test answers, with one object of a name in the domain.
fn holding(name: &'static str) -> impl FnMut(&Asked) -> Answer + Send + 'static {
    move |asked| match asked.what.as_str() {
        "DC=x" => Answer::Messages(vec![found("CN=a,DC=x", &[("cn", &[name.as_bytes()])]), done(DONE, 0, Some(b""))]),
        _ => usual(asked),
    }
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.entries.iter().filter_map(|entry| entry.text("cn")).collect()
}

#[test]
fn the_next_server_takes_over_where_one_is_gone_or_breaks_off() {
    let breaking = serve(|asked| match asked.what.as_str() {
        "DC=x" => Answer::HangUp(vec![found("CN=half,DC=x", &[("cn", &[b"half"])])]),
        _ => usual(asked),
    });
    let gone = "ldap://127.0.0.1:1".to_owned();
    let urls = vec![gone.clone(), breaking, serve(holding("whole"))];
    let snapshot = run(&Config { urls, ..config(String::new()) }).unwrap();
    assert_eq!(names(&snapshot), ["whole"], "nothing is left of the half");
    let error = run(&Config { urls: vec![gone.clone(), gone], ..config(String::new()) }).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }));
}

#[test]
fn a_refused_password_is_not_tried_elsewhere() {
    let refusing = serve(|_| Answer::Messages(vec![done(BIND, 49, None)]));
    let (tell, told) = mpsc::channel();
    let other = serve(move |asked| {
        tell.send(()).unwrap();
        usual(asked)
    });
    let error = run(&Config { urls: vec![refusing, other], ..config(String::new()) }).unwrap_err();
    assert!(matches!(error, Error::Bind { .. }) && told.try_recv().is_err(), "an account is soon locked");
}

#[test]
fn a_connection_that_is_lost_is_made_again_and_the_search_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (first, _) = listener.accept().unwrap();
        converse(first, &mut |asked| match asked.what.as_str() {
            "DC=x" => Answer::HangUp(vec![found("CN=a,DC=x", &[("cn", &[b"half"])])]),
            _ => usual(asked),
        });
        let (second, _) = listener.accept().unwrap();
        converse(second, &mut holding("whole"));
    });
    let snapshot = run(&config(url)).unwrap();
    assert_eq!(names(&snapshot), ["whole"]);
    assert_eq!(snapshot.counters.ignored["connection that was lost and made again"], 1);
}

#[test]
fn a_refresh_reads_what_changed_and_a_failed_one_changes_nothing() {
    fn answer(asked: &Asked, usn: &str, changed: Vec<Vec<u8>>) -> Answer {
        let service: &[&[u8]] = &[&[7; 16]];
        Answer::Messages(match asked.what.as_str() {
            "" => {
                let domain: &[&[u8]] = &[b"DC=x"];
                let root = [
                    ("defaultNamingContext", domain),
                    ("rootDomainNamingContext", domain),
                    ("configurationNamingContext", &[b"CN=Configuration,DC=x"]),
                    ("schemaNamingContext", &[b"CN=Schema,CN=Configuration,DC=x"]),
                    ("dsServiceName", &[b"CN=NTDS"]),
                    ("highestCommittedUSN", &[usn.as_bytes()]),
                ];
                vec![found("", &root), done(DONE, 0, None)]
            }
            "CN=NTDS" => vec![found("CN=NTDS", &[("invocationId", service)]), done(DONE, 0, None)],
            "DC=x" => changed.into_iter().chain([done(DONE, 0, Some(b""))]).collect(),
            deleted if deleted.starts_with("CN=Deleted Objects") => {
                vec![found(deleted, &[("objectGUID", &[&[9; 16]])]), done(DONE, 0, Some(b""))]
            }
            _ => return usual(asked),
        })
    }
    let user = |name: &[u8], number: u8| {
        found("CN=u,DC=x", &[("cn", &[name]), ("objectGUID", &[&[number; 16]]), ("objectClass", &[b"user"])])
    };
    let before = user(b"before", 1);
    let mut snapshot = run(&config(serve(move |asked| answer(asked, "5", vec![before.clone()])))).unwrap();
    assert_eq!((names(&snapshot), snapshot.root.highest_usn), (vec!["before"], Some(5)));
    let again = |url: String, snapshot: &mut Snapshot| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(refresh(&config(url), snapshot))
    };
    let broken = serve(|asked| match asked.what.as_str() {
        "DC=x" => Answer::HangUp(Vec::new()),
        _ => answer(asked, "8", Vec::new()),
    });
    assert!(again(broken, &mut snapshot).is_err());
    assert_eq!((names(&snapshot), snapshot.root.highest_usn), (vec!["before"], Some(5)));
    let after = user(b"after", 1);
    let changes = again(serve(move |asked| answer(asked, "8", vec![after.clone()])), &mut snapshot).unwrap();
    assert_eq!((names(&snapshot), snapshot.root.highest_usn), (vec!["after"], Some(8)));
    assert_eq!((changes.whole, changes.touched.len(), changes.before.len()), (false, 1, 1));
}
