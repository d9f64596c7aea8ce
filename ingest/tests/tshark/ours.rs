//! What our analysers read, in the words of [`super::Told`].

use std::path::Path;
use std::sync::{Arc, Mutex};

use hopwatch_ingest::analyzers::{self, Tap};
use hopwatch_ingest::capture::{Config, Pipeline, Reader};
use hopwatch_ingest::sink::Collected;
use hopwatch_ingest::{Counters, DigestKey};
use hopwatch_wire::krb5::Message;
use hopwatch_wire::ldap::Operation;
use hopwatch_wire::{dns, krb5, ntlm};

use super::{Class, Told};

/// Reads a capture; `None` where the file is no capture at all.
pub(crate) fn read(capture: &Path) -> Option<Vec<Told>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let tap: Tap = Box::new(move |frame, message| {
        if let Some((class, what)) = words(&message) {
            listener.lock().unwrap().push(Told { class, what, frame });
        }
    });
    let mut counters = Counters::default();
    let mut reader = Reader::open(std::fs::File::open(capture).unwrap()).ok()?;
    let mut pipeline = Pipeline::new("tshark", &Config::new(DigestKey::one_shot())).with_tap(tap);
    let mut sink = Collected::default();
    while let Ok(Some(frame)) = reader.next_frame(&mut counters) {
        pipeline.frame(&frame, &mut counters, &mut sink);
        sink.events.clear();
    }
    pipeline.finish(&mut counters, &mut sink);
    drop(pipeline);
    Some(Arc::into_inner(told).unwrap().into_inner().unwrap())
}

fn words(told: &analyzers::Told<'_>) -> Option<(Class, String)> {
    Some(match told {
        analyzers::Told::Kerberos(message) => (Class::Kerberos, kerberos(message)),
        analyzers::Told::Ntlm(message) => (Class::Ntlm, ntlm(message)),
        analyzers::Told::Ldap(message) => match &message.operation {
            Operation::SearchRequest(search) => {
                let mut tokens = Vec::new();
                let rest = filter(&search.filter.text, &mut tokens);
                assert_eq!(rest, "", "the text of a filter is whole");
                (Class::Ldap, format!("{} {} {}", search.base, search.scope, tokens.join(" ")))
            }
            _ => return None,
        },
        analyzers::Told::Rpc { interface, opnum, .. } => {
            let interface = interface.map_or("unbound".into(), |interface| interface.to_string().to_lowercase());
            (Class::Rpc, format!("{interface} {opnum}"))
        }
        analyzers::Told::Dns(message) => (Class::Dns, dns(message)),
        _ => return None,
    })
}

fn kerberos(message: &Message<'_>) -> String {
    let kind = message.msg_type();
    let etypes = |etypes: &[i32]| etypes.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    match message {
        Message::AsReq(request) | Message::TgsReq(request) => {
            let cname = request.body.cname.as_ref().map_or("", |cname| cname.name.as_str());
            let proof = request.padata(krb5::kind::TGS_REQ).and_then(|_| request.tgs_ap_req().ok().flatten());
            let tgt = proof.map_or("-".into(), |proof| proof.ticket.enc_part.etype.to_string());
            format!("{kind} {cname} {} tgt {tgt}", etypes(&request.body.etypes))
        }
        Message::AsRep(reply) | Message::TgsRep(reply) => {
            let (ticket, part) = (reply.ticket.enc_part.etype, reply.enc_part.etype);
            format!("{kind} {} ticket {ticket} reply {part}", reply.cname.name)
        }
        Message::ApReq(request) => format!("14 ticket {}", request.ticket.enc_part.etype),
        Message::Error(error) => format!("30 {}", error.error_code),
        _ => kind.to_string(),
    }
}

fn ntlm(message: &ntlm::Message) -> String {
    match message {
        ntlm::Message::Negotiate(_) => "1".into(),
        ntlm::Message::Challenge(_) => "2".into(),
        ntlm::Message::Authenticate(m) => format!("3 {}\\{} {}", m.domain, m.user, m.workstation),
    }
}

fn dns(message: &dns::Message<'_>) -> String {
    let side = if message.response { "answer" } else { "query" };
    let line = |name: &str, kind: u16| format!("{}/{kind}", super::legible(name));
    let questions: Vec<_> = message.questions.iter().map(|question| line(&question.name, question.qtype)).collect();
    let records = message.answers.iter().chain(&message.authorities).chain(&message.additionals);
    let records: Vec<_> = records.map(|record| line(&record.name, record.rtype)).collect();
    format!("{side} 0x{:04x} {} {}", message.id, questions.join(","), records.join(","))
}

/// Takes the text of a filter (RFC 4515) apart again: its choices as `#tag`, its texts in hexadecimal. Returns what
/// follows the filter.
fn filter<'a>(text: &'a str, tokens: &mut Vec<String>) -> &'a str {
    let mut rest = text.strip_prefix('(').unwrap();
    let set = ["&", "|", "!"].iter().position(|operator| rest.starts_with(operator));
    if let Some(choice) = set {
        tokens.push(format!("#{choice}"));
        rest = &rest[1..];
        while rest.starts_with('(') {
            rest = filter(rest, tokens);
        }
        return rest.strip_prefix(')').unwrap();
    }
    let (item, rest) = rest.split_once(')').unwrap();
    let (name, value) = item.split_once('=').unwrap();
    let mut push = |tag: u8, texts: &[&str]| {
        tokens.push(format!("#{tag}"));
        tokens.extend(texts.iter().map(|text| hexadecimal(text)));
    };
    match (name.chars().last(), value) {
        // The rule comes before the attribute on the wire.
        (Some(':'), _) => {
            let name = name.trim_end_matches(':').replace(":dn", "");
            match name.split_once(':') {
                Some(("", rule)) => push(9, &[rule, value]),
                Some((attribute, rule)) => push(9, &[rule, attribute, value]),
                None => push(9, &[&name, value]),
            }
        }
        (Some('>'), _) => push(5, &[&name[..name.len() - 1], value]),
        (Some('<'), _) => push(6, &[&name[..name.len() - 1], value]),
        (Some('~'), _) => push(8, &[&name[..name.len() - 1], value]),
        (_, "*") => push(7, &[name]),
        (_, value) if value.contains('*') => {
            let mut texts = vec![name];
            texts.extend(value.split('*').filter(|piece| !piece.is_empty()));
            push(4, &texts);
        }
        _ => push(3, &[name, value]),
    }
    rest
}

/// The octets of a text, its escapes undone.
fn hexadecimal(text: &str) -> String {
    let mut octets = String::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'\\', Some(escaped)) = (first, tail.get(..2)) {
            octets.push_str(std::str::from_utf8(escaped).unwrap());
            rest = &tail[2..];
        } else {
            octets.push_str(&format!("{first:02x}"));
            rest = tail;
        }
    }
    octets
}
