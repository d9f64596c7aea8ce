//! Windows events as JSON, flattened into the view that all carriers share:
//!
//! - winlogbeat and Elastic agent: `winlog.event_data`, `winlog.event_id` or `event.code`, also with dotted flat keys;
//! - NXLog and the Mordor data sets: one flat object, `EventID`, `Hostname`, `SourceName`, `EventTime` without zone;
//! - Sentinel's `SecurityEvent` and `Event` tables: flat columns, `EventData` as XML; Azure diagnostics with `RawXml`;
//! - `System`/`EventData` objects of EVTX dumpers, OpenWEC, Wazuh (`data.win`), with attributes in any of their spellings;
//! - Splunk results: `_raw` with XML, or `EventCode` and extracted fields.

use std::borrow::Cow;

use hopwatch_model::{Record, Timestamp};
use hopwatch_wire::event_xml::{Audit, EventRecord, MAX_FIELDS, parse_event, parse_event_data, time};

use super::Json;
use crate::sources::Context;
use crate::sources::windows;

/// Reads the record where it is a Windows event; false where it is something else.
pub(super) fn read(json: &Json<'_>, place: Record, context: &mut Context<'_>) -> bool {
    if let Some(xml) = XML_PATHS.iter().filter_map(|path| json.text(path)).find(|text| is_event_xml(text)) {
        let verdict = match parse_event(xml, windows::wanted) {
            Ok(mut record) => {
                record.created_at = record.created_at.or_else(|| created_at(json));
                windows::normalize(&record, place, &context.name)
            }
            Err(_) => windows::Verdict::Dropped("event record is malformed XML"),
        };
        context.windows(verdict);
        return true;
    }
    let Some(record) = flatten(json) else { return false };
    let verdict = windows::normalize(&record, place, &context.name);
    context.windows(verdict);
    true
}

/// Where shippers keep the original XML.
const XML_PATHS: &[&str] = &[
    "RawXml",
    "properties.RawXml",
    "xml_string",
    "_raw",
    "event.original",
    "EventXml",
    "xml",
    "Xml",
    "message",
    "input.message",
];

fn is_event_xml(text: &str) -> bool {
    (text.starts_with("<Event") || text.starts_with("<?xml")) && text.contains("<System")
}

fn flatten<'a>(json: &'a Json<'_>) -> Option<EventRecord<'a>> {
    if let Some(event) = json.get_any_case("Event").filter(|event| event.get_any_case("System").is_some()) {
        return nested(event);
    }
    if let Some(win) = json.at("data.win").or_else(|| json.at("win")).filter(|win| win.get("system").is_some()) {
        return nested(win);
    }
    if matches!(json.get_any_case("System"), Some(Json::Object(_))) {
        return nested(json);
    }
    if matches!(json.get("winlog"), Some(Json::Object(_))) {
        return winlogbeat(json);
    }
    flat(json)
}

/// `System` and `EventData` as objects.
fn nested<'a>(event: &'a Json<'_>) -> Option<EventRecord<'a>> {
    let system = event.get_any_case("System")?;
    let part = |names: &[&str]| names.iter().find_map(|name| system.get_any_case(name));
    let text = |names: &[&str]| part(names).and_then(leaf);
    let event_id = text(&["EventID", "eventId"])?.trim().parse().ok()?;
    let provider = part(&["Provider", "Provider_attributes"])
        .and_then(|p| attribute(p, "Name"))
        .or_else(|| text(&["providerName"]));
    let created =
        part(&["TimeCreated", "TimeCreated_attributes"]).and_then(|t| attribute(t, "SystemTime").or_else(|| leaf(t)));
    let created = created.or_else(|| text(&["systemTime"]));
    let security = part(&["Security", "Security_attributes"]).and_then(|s| attribute(s, "UserID"));
    let mut fields = Vec::new();
    for name in ["EventData", "UserData", "EventDataXml"] {
        if let Some(data) = event.get_any_case(name) {
            collect(data, 0, &mut fields);
        }
    }
    Some(EventRecord {
        provider: provider.unwrap_or_default(),
        channel: text(&["Channel"]).unwrap_or_default(),
        event_id,
        computer: text(&["Computer"]).unwrap_or_default(),
        created_at: created.and_then(|text| time::parse(&text)).or_else(|| created_at(event)),
        record_id: text(&["EventRecordID"]).and_then(|id| id.trim().parse().ok()),
        user_sid: security.unwrap_or_default(),
        audit: part(&["Keywords"]).and_then(audit_of),
        fields,
    })
}

/// The text of an element that an XML-to-JSON converter made.
fn leaf<'a>(json: &'a Json<'_>) -> Option<Cow<'a, str>> {
    match json {
        Json::Object(_) => ["#text", "_text", "text", "$t", "Value", "value", "#content", "_"]
            .iter()
            .find_map(|key| json.get(key))
            .and_then(Json::as_scalar),
        _ => json.as_scalar(),
    }
}

/// An attribute of such an element.
fn attribute<'a>(json: &'a Json<'_>, name: &str) -> Option<Cow<'a, str>> {
    for holder in ["#attributes", "_attributes", "$", "attributes", "@attributes"] {
        if let Some(value) = json.get(holder).and_then(|attributes| attributes.get_any_case(name)) {
            return value.as_scalar();
        }
    }
    json.entries()
        .iter()
        .find(|(key, _)| key.trim_start_matches(['@', '-', '_']).eq_ignore_ascii_case(name))
        .and_then(|(_, value)| value.as_scalar())
}

/// The leaves of an `EventData`, in the spellings of the converters.
fn collect<'a>(data: &'a Json<'_>, depth: usize, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
    if fields.len() >= MAX_FIELDS || depth > 4 {
        return;
    }
    match data {
        Json::Text(text) if text.trim_start().starts_with('<') => {
            fields.extend(parse_event_data(text).unwrap_or_default());
        }
        Json::Object(entries) => {
            for (key, value) in entries {
                if key.starts_with(['#', '@']) || key.ends_with("_attributes") {
                    continue;
                }
                member(key, value, depth, fields);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| item_of_data(item, depth, fields)),
        _ => {
            if let Some(value) = data.as_scalar() {
                fields.push((Cow::Borrowed(""), value));
            }
        }
    }
}

fn member<'a>(key: &'a str, value: &'a Json<'_>, depth: usize, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
    match value {
        Json::Array(items) if key.eq_ignore_ascii_case("Data") => {
            items.iter().for_each(|item| item_of_data(item, depth, fields));
        }
        Json::Array(items) => {
            let parts: Vec<Cow<'_, str>> = items.iter().filter_map(Json::as_scalar).collect();
            fields.push((Cow::Borrowed(key), Cow::Owned(parts.join(","))));
        }
        Json::Object(_) if key.eq_ignore_ascii_case("Data") => item_of_data(value, depth, fields),
        Json::Object(_) => match leaf(value) {
            Some(text) => fields.push((Cow::Borrowed(key), text)),
            None => collect(value, depth + 1, fields),
        },
        Json::Null => fields.push((Cow::Borrowed(key), Cow::Borrowed(""))),
        _ => {
            let name = if key == "Data" || key == "#text" { "" } else { key };
            fields.extend(value.as_scalar().map(|text| (Cow::Borrowed(name), text)));
        }
    }
}

/// One `Data` element: named, or a bare value.
fn item_of_data<'a>(item: &'a Json<'_>, depth: usize, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
    match (attribute(item, "Name").or_else(|| attribute(item, "Key")), leaf(item)) {
        (Some(name), text) => fields.push((name, text.unwrap_or_default())),
        (None, Some(text)) => fields.push((Cow::Borrowed(""), text)),
        (None, None) => collect(item, depth + 1, fields),
    }
}

/// ECS fields and the event field that they came from.
const MOVED_TO_ECS: &[(&str, &str)] = &[
    ("process.executable", "Image"),
    ("process.executable", "NewProcessName"),
    ("process.command_line", "CommandLine"),
    ("process.parent.executable", "ParentImage"),
    ("process.parent.executable", "ParentProcessName"),
    ("source.ip", "IpAddress"),
    ("source.port", "IpPort"),
];

/// winlogbeat: `winlog.*` beside ECS.
fn winlogbeat<'a>(json: &'a Json<'_>) -> Option<EventRecord<'a>> {
    let winlog = json.get("winlog")?;
    let event_id = winlog.scalar("event_id").or_else(|| json.scalar("event.code"))?;
    let mut fields = Vec::new();
    for name in ["event_data", "user_data"] {
        if let Some(data) = winlog.get(name) {
            collect(data, 0, &mut fields);
        }
    }
    // Modules move fields of `event_data` into ECS; what is there still comes first and wins.
    for (path, name) in MOVED_TO_ECS {
        fields.extend(json.scalar(path).map(|text| (Cow::Borrowed(*name), text)));
    }
    let audit = winlog
        .get("keywords")
        .and_then(audit_of)
        .or_else(|| json.get("event").and_then(|e| e.get("outcome")).and_then(audit_of));
    Some(EventRecord {
        provider: winlog.scalar("provider_name").or_else(|| json.scalar("event.provider")).unwrap_or_default(),
        channel: winlog.scalar("channel").unwrap_or_default(),
        event_id: event_id.trim().parse().ok()?,
        computer: winlog.scalar("computer_name").or_else(|| json.scalar("host.name")).unwrap_or_default(),
        created_at: winlog.scalar("time_created").and_then(|text| time::parse(&text)).or_else(|| created_at(json)),
        record_id: winlog.scalar("record_id").and_then(|id| id.trim().parse().ok()),
        user_sid: winlog.scalar("user.identifier").unwrap_or_default(),
        audit,
        fields,
    })
}

/// Names of the event id in flat objects.
const ID_KEYS: &[&str] = &[
    "EventID",
    "EventId",
    "winlog.event_id",
    "event.code",
    "event_id",
    "EventCode",
    "eventID",
    "event_identifier",
    "Id",
];
/// Names of the channel.
const CHANNEL_KEYS: &[&str] = &["Channel", "winlog.channel", "LogName", "log_name", "Logfile", "EventLog", "channel"];
/// Names of the provider.
const PROVIDER_KEYS: &[&str] = &[
    "SourceName",
    "ProviderName",
    "Provider",
    "winlog.provider_name",
    "EventSourceName",
    "Source",
    "source_name",
    "provider_name",
];
/// Names of the reporting host.
const COMPUTER_KEYS: &[&str] = &[
    "Hostname",
    "Computer",
    "ComputerName",
    "winlog.computer_name",
    "MachineName",
    "computer_name",
    "Host",
    "host.name",
    "dvc",
    "hostname",
    "computer",
    "host",
];
/// Names of the record number.
const RECORD_KEYS: &[&str] =
    &["RecordNumber", "EventRecordID", "EventRecordId", "winlog.record_id", "RecordId", "record_number", "record_id"];
/// Prefixes of flat field names.
const FIELD_PREFIXES: &[&str] = &["winlog.event_data.", "winlog.user_data.", "EventData.", "event_data."];

/// One flat object. It is a Windows event where an id comes with a channel, a provider, a record number or, as in
/// `SecurityEvent`, a computer and an activity.
fn flat<'a>(json: &'a Json<'_>) -> Option<EventRecord<'a>> {
    let first = |keys: &[&str]| keys.iter().find_map(|key| json.at(key)).and_then(leaf).filter(|text| !text.is_empty());
    let id = first(ID_KEYS)?;
    let event_id: u32 = id.trim().parse().ok()?;
    let (provider, channel, record) = (first(PROVIDER_KEYS), first(CHANNEL_KEYS), first(RECORD_KEYS));
    if provider.is_none() && channel.is_none() && record.is_none() && json.get("Activity").is_none() {
        let named = ["TargetUserName", "SubjectUserName", "LogonType"].iter().any(|name| json.get(name).is_some());
        if !named {
            return None;
        }
    }
    let mut fields = Vec::with_capacity(json.entries().len());
    for (key, value) in json.entries().iter().take(MAX_FIELDS) {
        if matches!(&**key, "EventData" | "UserData" | "Payload" | "event_data" | "ExtraFieldInfo") {
            embedded(value, &mut fields);
            continue;
        }
        let name = FIELD_PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)).unwrap_or(key);
        match value {
            Json::Array(items) if items.len() == 1 => {
                fields.extend(items.first().and_then(Json::as_scalar).map(|text| (Cow::Borrowed(name), text)));
            }
            _ => fields.extend(value.as_scalar().map(|text| (Cow::Borrowed(name), text))),
        }
    }
    Some(EventRecord {
        provider: provider.unwrap_or_default(),
        channel: channel.unwrap_or_default(),
        event_id,
        computer: first(COMPUTER_KEYS).unwrap_or_default(),
        created_at: created_at(json),
        record_id: record.and_then(|id| id.trim().parse().ok()),
        user_sid: first(&["UserID", "UserId"]).unwrap_or_default(),
        audit: ["Keywords", "EventType", "event.outcome", "keywords"]
            .iter()
            .find_map(|key| json.at(key).and_then(audit_of)),
        fields,
    })
}

/// Event data inside a flat object: an object, XML text, or JSON text (whose leaves must be copied).
fn embedded<'a>(value: &'a Json<'_>, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) {
    match value {
        Json::Text(text) if text.trim_start().starts_with('{') => {
            let Ok(inner) = Json::parse(text) else { return };
            let inner = inner.get("EventData").or_else(|| inner.get("UserData")).unwrap_or(&inner);
            let mut found = Vec::new();
            collect(inner, 0, &mut found);
            fields.extend(
                found.into_iter().map(|(name, text)| (Cow::Owned(name.into_owned()), Cow::Owned(text.into_owned()))),
            );
        }
        _ => collect(value, 0, fields),
    }
}

/// Success or failure by keywords (number, hexadecimal, text) or an outcome's text.
fn audit_of(json: &Json<'_>) -> Option<Audit> {
    match json {
        Json::Integer(number) => {
            let bits = i64::try_from(*number).map(i64::cast_unsigned).or_else(|_| u64::try_from(*number)).ok()?;
            Audit::from_keywords(bits)
        }
        Json::Array(items) => items.iter().find_map(audit_of),
        Json::Text(text) => {
            if let Some(digits) = text.trim().strip_prefix("0x") {
                return u64::from_str_radix(digits, 16).ok().and_then(Audit::from_keywords);
            }
            if let Ok(number) = text.trim().parse::<i64>() {
                return Audit::from_keywords(number.cast_unsigned());
            }
            let text = text.to_ascii_lowercase();
            if text.contains("fail") {
                Some(Audit::Failure)
            } else if text.contains("success") {
                Some(Audit::Success)
            } else {
                None
            }
        }
        Json::Null | Json::Bool(_) | Json::Float(_) | Json::Object(_) => None,
    }
}

/// Names of the event's own time, which is UTC or bears its zone.
const TIME_KEYS: &[&str] = &[
    "SystemTime",
    "TimeCreated",
    "winlog.time_created",
    "TimeGenerated",
    "UtcTime",
    "EventTimeUTC",
    "event.created_at",
];
/// Names of a time near it, which is the best there is without the others.
const LATE_TIME_KEYS: &[&str] =
    &["@timestamp", "event.created", "_time", "datetime", "timestamp", "time", "EventReceivedTime", "date"];

fn created_at(json: &Json<'_>) -> Option<Timestamp> {
    let read = |key: &&str| json.at(key).and_then(|value| attribute(value, "SystemTime").or_else(|| leaf(value)));
    let parsed = |keys: &[&str]| keys.iter().filter_map(read).find_map(|text| time::parse(&text));
    if let Some(text) = read(&"EventTime") {
        return local_time(json, &text).or_else(|| parsed(TIME_KEYS)).or_else(|| parsed(LATE_TIME_KEYS));
    }
    parsed(TIME_KEYS).or_else(|| parsed(LATE_TIME_KEYS))
}

/// Microseconds of a quarter of an hour: zones are multiples of it.
const QUARTER: i64 = 900_000_000;
/// The zones furthest from UTC.
const MAX_ZONE: i64 = 14 * 4 * QUARTER;

/// NXLog's `EventTime` is the host's local time without its zone. The zone follows from the time at which the shipper
/// received the record, given in local time (`EventReceivedTime`) and, by the next hop, in UTC (`@timestamp`).
fn local_time(json: &Json<'_>, text: &str) -> Option<Timestamp> {
    let local = time::parse(text)?;
    let zoned = text.ends_with('Z') || text.rfind(['+', '-']).is_some_and(|at| at > 10);
    let received = json.text("EventReceivedTime").and_then(time::parse);
    let utc = json.text("@timestamp").and_then(time::parse);
    let (Some(received), Some(utc), false) = (received, utc, zoned) else { return Some(local) };
    let difference = utc.as_micros() - received.as_micros();
    let zone = (difference + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
    Some(if zone.abs() <= MAX_ZONE { local.shifted(zone) } else { local })
}
