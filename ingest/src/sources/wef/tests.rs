//! Events of envelopes, and answers as a source reads them.

use super::*;
use crate::secrets::DigestKey;
use crate::sink::Collected;

fn subscription() -> Subscription {
    Subscription {
        name: "all & \"more\"".into(),
        query: DEFAULT_QUERY.into(),
        content: Content::Raw,
        heartbeat: Duration::from_secs(900),
        latency: Duration::from_secs(5),
        existing: true,
    }
}

fn event(computer: &str, id: u64) -> String {
    format!(
        "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider \
         Name=\"Microsoft-Windows-Security-Auditing\"/><EventID>4624</EventID><TimeCreated \
         SystemTime=\"2026-11-22T10:00:00.000000Z\"/><EventRecordID>{id}</EventRecordID><Channel>Security</Channel>\
         <Computer>{computer}</Computer></System><EventData><Data Name=\"TargetUserName\">ann</Data><Data \
         Name=\"TargetDomainName\">LAB</Data><Data Name=\"TargetLogonId\">0x99</Data><Data Name=\"LogonType\">3</Data><Data \
         Name=\"IpAddress\">10.0.0.9</Data></EventData></Event>"
    )
}

fn gather(envelope: &Envelope<'_>, speaker: &Speaker) -> (Collected, crate::Counters) {
    let key = DigestKey::one_shot();
    let mut collected = Collected::default();
    let mut context = Context::new("wec", &key, 1, &mut collected);
    collect(envelope, speaker, &mut context);
    let counters = context.counters;
    (collected, counters)
}

#[test]
fn a_source_speaks_for_itself_and_a_relay_for_others() {
    let (own, foreign) = (event("WS1.lab.example", 7), event("dc1.lab.example", 8));
    let envelope =
        Envelope { events: vec![own.into(), foreign.into(), "<Event>".into()], dropped: 3, ..Envelope::default() };
    let mut speaker = Speaker { names: vec!["ws1.LAB.example".into()], relay: false };
    let (collected, counters) = gather(&envelope, &speaker);
    assert_eq!(collected.events.len(), 1);
    assert_eq!(collected.events[0].provenance.record, Record::Record(7));
    assert_eq!(collected.events[0].provenance.reporter.as_deref(), Some("WS1.lab.example"));
    assert_eq!(counters.dropped["event of another host than the certificate names"], 1);
    assert_eq!((counters.dropped["event XML is malformed"], counters.dropped["dropped by the source"]), (1, 3));
    speaker.relay = true;
    assert_eq!(gather(&envelope, &speaker).0.events.len(), 2);
    assert!(!Speaker::default().speaks_for("") && !speaker.names.is_empty());
}

#[test]
fn an_event_is_the_same_whichever_way_it_comes() {
    let xml = event("ws1.lab.example", 7);
    let envelope = Envelope { events: vec![xml.as_str().into()], ..Envelope::default() };
    let (forwarded, _) = gather(&envelope, &Speaker { relay: true, ..Speaker::default() });
    let key = DigestKey::one_shot();
    let mut read = Collected::default();
    let mut context = Context::new("x.xml", &key, 1, &mut read);
    super::super::xml::read(std::io::Cursor::new(xml), &mut context).unwrap();
    assert_eq!(forwarded.events[0].provenance.digest, read.events[0].provenance.digest, "told once");
    assert_eq!(forwarded.events[0].activity, read.events[0].activity);
}

#[test]
fn the_answer_holds_the_subscription_and_nothing_that_a_source_put_into_it() {
    let request = Envelope { message_id: "uuid:1<x/>&".into(), operation_id: "uuid:2".into(), ..Envelope::default() };
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        format!("F{count}")
    };
    let mut answers = Answers { address: "https://c:5986", issuer: "ABCD", fresh: &mut fresh };
    let one = subscription();
    let evil = Bookmark { channel: "\"/><evil/>".into(), record_id: 17, current: true };
    let xml = subscriptions(&request, &[(&one, vec![evil])], &mut answers);
    assert!(xml.contains("<a:RelatesTo>uuid:1&lt;x/&gt;&amp;</a:RelatesTo>"));
    assert!(xml.contains("<Bookmark Channel=\"&quot;/&gt;&lt;evil/&gt;\" RecordId=\"17\" IsCurrent=\"true\"/>"));
    assert!(xml.contains("all &amp; &quot;more&quot;") && !xml.contains("<evil/>"));
    assert!(xml.contains(&format!("https://c:5986/wsman/subscriptions/{}", one.id())));
    assert!(xml.contains("<w:Option Name=\"Compression\">SLDC</w:Option>") && xml.contains("Role=\"issuer\">ABCD<"));
    let opened = xml.matches('<').count();
    assert_eq!(opened, xml.matches('>').count(), "every tag is closed");
    let mut scanner = hopwatch_wire::event_xml::Scanner::new(&xml);
    let mut depth = 0_i32;
    while let Some(token) = scanner.next_token().unwrap() {
        match token {
            hopwatch_wire::event_xml::Token::Open { empty: false, .. } => depth += 1,
            hopwatch_wire::event_xml::Token::Close { .. } => depth -= 1,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    let fresh_source = subscriptions(&request, &[(&one, Vec::new())], &mut answers);
    assert!(fresh_source.contains("bookmark/earliest") && fresh_source.contains("ReadExistingEvents"));
}

#[test]
fn a_subscription_keeps_its_id_and_changes_its_version_with_its_content() {
    let (one, mut other) = (subscription(), subscription());
    assert_eq!((one.id(), one.version()), (other.id(), other.version()));
    other.heartbeat = Duration::from_secs(60);
    assert!(one.id() == other.id() && one.version() != other.version());
    let parts: Vec<usize> = one.id().split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
}

#[test]
fn a_body_is_packed_or_plain_whatever_its_header_says() {
    let plain = b"\xff\xfe<\0a\0/\0>\0";
    assert_eq!(text(plain, "SLDC", "utf-16").unwrap(), "<a/>", "an End that is not packed");
    assert_eq!(text(plain, "", "").unwrap(), "<a/>");
    // reset 2, the bytes of "<a/>", end of record
    let packed = [0xff, 0xb1, 0xe3, 0x09, 0x79, 0xf7, 0xfd, 0x00];
    assert_eq!(text(&packed, "sldc", "utf-8").unwrap(), "<a/>");
    assert!(text(&packed[..5], "sldc", "utf-8").is_err());
    assert!(text(b"\x80\x80", "", "utf-8").is_err());
}

#[test]
fn the_query_asks_for_nothing_that_would_be_ignored() {
    for number in DEFAULT_QUERY.split("EventID=").skip(1).filter_map(|rest| rest.get(..4)) {
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        let channel = if digits == "104" || digits == "7045" { "System" } else { "Security" };
        let channel = match digits.as_str() {
            "1644" => "Directory Service",
            "106" | "140" => "Microsoft-Windows-TaskScheduler/Operational",
            _ => channel,
        };
        let provider = match channel {
            "System" if digits == "7045" => "Service Control Manager",
            "Security" if digits != "1102" => "Microsoft-Windows-Security-Auditing",
            _ => "Microsoft-Windows-Eventlog",
        };
        let provider = if channel.contains('/') || channel.contains(' ') { "" } else { provider };
        let record = hopwatch_wire::event_xml::EventRecord {
            provider: provider.into(),
            channel: channel.into(),
            event_id: digits.parse().unwrap(),
            ..Default::default()
        };
        assert!(windows::wanted(&record), "{channel} {digits}");
    }
}
