//! ArcSight's Common Event Format: Windows events as connectors map them (`externalId`, `duser`, `shost`, custom strings told by
//! their labels), FortiGate's VPN events, and the alerts of Defender for Identity.

use std::borrow::Cow;
use std::sync::Arc;

use hopwatch_model::event::Anomaly;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, Timestamp};
use hopwatch_wire::event_xml::{Audit, EventRecord, time};

use super::keyvalue::Pairs;
use super::{Header, Reading, message, vpn, windows_event};
use crate::secrets::content_digest;
use crate::sources::Context;

/// A message of the format.
struct Cef<'a> {
    vendor: &'a str,
    product: &'a str,
    class: &'a str,
    name: &'a str,
    pairs: Pairs<'a>,
}

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let Some(cef) = parse(header.body) else { return Reading::Foreign };
    if cef.vendor.contains("Fortinet") {
        return vpn::fortinet::cef(&cef.pairs, header, place, context);
    }
    if cef.vendor == "Microsoft"
        && ["Azure ATP", "ATA", "Defender for Identity"].iter().any(|p| cef.product.contains(p))
    {
        alert(&cef, header, place, context);
        return Reading::Read;
    }
    let Some(record) = windows(&cef, header) else { return Reading::Foreign };
    windows_event(&record, place, context);
    Reading::Read
}

/// `CEF:version|vendor|product|version|class|name|severity|extension`; `\|` is no border.
fn parse(body: &str) -> Option<Cef<'_>> {
    let (_, rest) = body.split_once("CEF:")?;
    let mut borders = Vec::with_capacity(7);
    let bytes = rest.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'|' && (at == 0 || bytes.get(at - 1) != Some(&b'\\')) {
            borders.push(at);
            if borders.len() == 7 {
                break;
            }
        }
    }
    let part = |n: usize| rest.get(borders.get(n)? + 1..*borders.get(n + 1)?);
    Some(Cef {
        vendor: part(0)?,
        product: part(1)?,
        class: part(3)?,
        name: part(4)?,
        pairs: Pairs::extension(rest.get(borders.get(6)? + 1..)?),
    })
}

/// Keys of the format and the record's fields that connectors map to them.
const FIELDS: &[(&str, &[&str])] = &[
    ("duser", &["TargetUserName", "UserName"]),
    ("dntdom", &["TargetDomainName"]),
    ("duid", &["TargetLogonId"]),
    ("suser", &["SubjectUserName"]),
    ("sntdom", &["SubjectDomainName"]),
    ("suid", &["SubjectLogonId"]),
    ("src", &["IpAddress"]),
    ("spt", &["IpPort"]),
    ("shost", &["Workstation", "WorkstationName"]),
    ("sproc", &["ProcessName"]),
    ("dproc", &["NewProcessName", "ProcessName"]),
    ("destinationServiceName", &["ServiceName"]),
    ("filePath", &["ObjectName"]),
    ("fname", &["ObjectName"]),
    ("fileType", &["ObjectType"]),
    ("dpriv", &["PrivilegeList"]),
    ("reason", &["Status"]),
];

/// Labels of custom strings and numbers.
const CUSTOM: &[(&str, &str)] = &[
    ("reason or error code", "Status"),
    ("reason", "Status"),
    ("logontype", "LogonType"),
    ("logon type", "LogonType"),
    ("authentication package name", "AuthenticationPackageName"),
    ("authentication package", "AuthenticationPackageName"),
    ("key length", "KeyLength"),
    ("ticket options", "TicketOptions"),
    ("ticket encryption type", "TicketEncryptionType"),
    ("accesses", "AccessList"),
    ("access mask", "AccessMask"),
    ("group name", "TargetUserName"),
    ("group domain", "TargetDomainName"),
    ("member name", "MemberName"),
    ("logon process", "LogonProcessName"),
    ("share name", "ShareName"),
];

/// A Windows event: the class is `provider:id` or the id alone.
fn windows<'a>(cef: &'a Cef<'_>, header: &Header<'a>) -> Option<EventRecord<'a>> {
    let pairs = &cef.pairs;
    let (provider, id) = cef.class.rsplit_once(':').unwrap_or(("", cef.class));
    let windows = cef.product.contains("Windows") || provider.starts_with("Microsoft-Windows");
    if !windows {
        return None;
    }
    let event_id = pairs.get("externalId").unwrap_or(id).parse().ok()?;
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (key, value) in pairs.iter() {
        let known = FIELDS.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, fields)| fields);
        fields.extend(known.iter().map(|field| (Cow::Borrowed(*field), Cow::Owned(value.to_owned()))));
        let label = pairs.get(&format!("{key}Label")).map(str::to_ascii_lowercase);
        let custom = label.and_then(|label| CUSTOM.iter().find(|(known, _)| *known == label));
        fields.extend(custom.map(|(_, field)| (Cow::Borrowed(*field), Cow::Owned(value.to_owned()))));
        // Connectors keep the record's own fields beside the mapped ones.
        let own = key.strip_prefix("ad.").unwrap_or(key);
        fields.push((Cow::Owned(own.to_owned()), Cow::Owned(value.to_owned())));
    }
    if let Some(text) = pairs.get("msg") {
        let told = message::fields(text);
        fields.extend(told.into_iter().map(|(name, value)| (name, Cow::Owned(value.into_owned()))));
    }
    let source = pairs.iter().find(|(key, value)| key.ends_with("Label") && *value == "EventSource");
    let source = source.and_then(|(key, _)| pairs.get(key.trim_end_matches("Label")));
    let audit = match pairs.first(&["outcome", "categoryOutcome"]).map(str::to_ascii_lowercase).as_deref() {
        Some("success" | "/success") => Some(Audit::Success),
        Some("failure" | "/failure") => Some(Audit::Failure),
        _ => None,
    };
    let computer = pairs.first(&["dvchost", "dhost", "dvc"]).map(str::to_owned);
    Some(EventRecord {
        provider: if provider.is_empty() { source.unwrap_or_default().to_owned().into() } else { provider.into() },
        channel: pairs.get("cat").unwrap_or_default().to_owned().into(),
        event_id,
        computer: computer.map_or_else(|| header.host.unwrap_or_default().into(), Cow::Owned),
        created_at: event_time(pairs).or(header.time),
        record_id: pairs.first(&["ad.EventRecordID", "EventRecordID"]).and_then(|number| number.parse().ok()),
        audit,
        fields,
        ..EventRecord::default()
    })
}

/// `rt`, `end`, `start`: epoch milliseconds or `Mar 06 2025 13:38:52`.
fn event_time(pairs: &Pairs<'_>) -> Option<Timestamp> {
    let text = pairs.first(&["rt", "deviceReceiptTime", "end", "start"])?;
    time::parse(text).or_else(|| super::parse(&format!("{text} x y"), Timestamp::default()).time)
}

/// An alert of the neighbour's: who, where, and which.
fn alert(cef: &Cef<'_>, header: &Header<'_>, place: Record, context: &mut Context<'_>) {
    let pairs = &cef.pairs;
    let Some(time) = event_time(pairs).or(header.time) else { return context.counters.drop("alert without time") };
    let host = |name: &str, address: &str| {
        let mut host = pairs.get(address).and_then(|text| text.parse().ok()).map(Host::at).unwrap_or_default();
        host.name = pairs.get(name).map(str::to_owned);
        (host.name.is_some() || host.address.is_some()).then_some(host)
    };
    let anomaly = Anomaly {
        protocol: "defender-for-identity".into(),
        reason: format!("{}: {}", cef.name, pairs.get("msg").unwrap_or(cef.class)).chars().take(1024).collect(),
    };
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::SignIn,
            source: Arc::clone(&context.name),
            record: place,
            digest: content_digest(cef_identity(cef, header).as_bytes()),
            event_id: pairs.get("externalId").and_then(|id| id.parse().ok()),
            reporter: header.host.map(Arc::from),
        },
        actor: pairs.first(&["suser", "duser"]).map(Account::named),
        source: host("shost", "src"),
        target: host("dhost", "dst"),
        outcome: Outcome::Unseen,
        activity: Activity::Anomaly(Box::new(anomaly)),
    };
    context.emit(event);
}

/// The message without the syslog header, whose time changes when it is sent again.
fn cef_identity<'a>(cef: &Cef<'_>, header: &Header<'a>) -> Cow<'a, str> {
    match header.body.find("CEF:").and_then(|at| header.body.get(at..)) {
        Some(body) => Cow::Borrowed(body),
        None => Cow::Owned(cef.class.to_owned()),
    }
}
