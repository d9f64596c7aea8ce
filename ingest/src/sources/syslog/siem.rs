//! Windows events in the forms of SIEMs and their agents, as *Defender for Identity: configure event collection* lists them for
//! RSA, Splunk and QRadar, and LEEF (IBM) and Snare beside them. ArcSight's CEF has a file of its own.

use std::borrow::Cow;

use hopwatch_model::{Record, Timestamp};
use hopwatch_wire::event_xml::{Audit, EventRecord, time};

use super::keyvalue::Pairs;
use super::{Header, Reading, message, windows_event};
use crate::sources::Context;

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let body = header.body;
    let tabs;
    let body = if body.contains("#011") {
        // What rsyslog makes of tabs.
        tabs = body.replace("#011", "\t");
        &tabs
    } else {
        body
    };
    let record = rsa(body)
        .or_else(|| snare(body))
        .or_else(|| qradar(body))
        .or_else(|| leef(body, header))
        .or_else(|| splunk(body));
    let Some(mut record) = record else { return Reading::Foreign };
    record.created_at = record.created_at.or(header.time);
    if record.computer.is_empty() {
        record.computer = header.host.unwrap_or_default().into();
    }
    windows_event(&record, place, context);
    Reading::Read
}

/// `RsaSA`, time, event id, provider, log, computer, user, workstation, error code: one a line, or parted by a written `\n`.
fn rsa(body: &str) -> Option<EventRecord<'_>> {
    let (_, rest) = body.split_once("RsaSA")?;
    let parts: Vec<&str> = match rest.strip_prefix("\\n") {
        Some(rest) => rest.split("\\n").collect(),
        None => rest.trim_start_matches(['\r', '\n']).lines().collect(),
    };
    let part = |at: usize| parts.get(at).map(|part| part.trim()).unwrap_or_default();
    let field = |name: &'static str, at| (Cow::Borrowed(name), Cow::Borrowed(part(at)));
    Some(EventRecord {
        provider: part(2).into(),
        channel: part(3).into(),
        event_id: part(1).parse().ok()?,
        computer: part(4).into(),
        created_at: named_month(part(0)),
        fields: vec![field("TargetUserName", 5), field("Workstation", 6), field("Status", 7)],
        ..EventRecord::default()
    })
}

/// `2015-May-19 09:07:09`.
fn named_month(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = month_number(month)?;
    time::parse(&format!("{year}-{month:02}-{day:0>2}T{clock}"))
}

fn month_number(name: &str) -> Option<usize> {
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = name.get(..3)?.to_ascii_lowercase();
    months.iter().position(|month| *month == name).map(|at| at + 1)
}

/// `MSWinEventLog`, criticality, log, counter, date, event id, provider, user, SID type, audit, computer, category, data, text.
fn snare(body: &str) -> Option<EventRecord<'_>> {
    let (_, rest) = body.split_once("MSWinEventLog")?;
    let parts: Vec<&str> = rest.trim_start_matches(['\t', ',', ':', ' ']).split('\t').collect();
    let part = |at: usize| parts.get(at).map(|part| part.trim()).unwrap_or_default();
    let text = parts.get(12).copied().unwrap_or_default();
    Some(EventRecord {
        provider: part(5).into(),
        channel: part(1).into(),
        event_id: part(4).parse().ok()?,
        computer: part(9).into(),
        created_at: ctime(part(3)),
        audit: audit(part(8)),
        fields: message::fields(text),
        ..EventRecord::default()
    })
}

/// `Mon Jan 05 08:52:35 2026`.
fn ctime(text: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, clock, year] = parts.as_slice() else { return None };
    let month = month_number(month)?;
    time::parse(&format!("{year}-{month:02}-{day:0>2}T{clock}"))
}

fn audit(text: &str) -> Option<Audit> {
    let text = text.to_ascii_lowercase();
    match (text.contains("fail"), text.contains("success")) {
        (true, _) => Some(Audit::Failure),
        (false, true) => Some(Audit::Success),
        (false, false) => None,
    }
}

/// Tab-separated pairs that begin with `AgentDevice=`; `Message` last.
fn qradar(body: &str) -> Option<EventRecord<'_>> {
    let at = body.find("AgentDevice=")?;
    let body = body.get(at..)?;
    let (pairs, text) = body.split_once("Message=").unwrap_or((body, ""));
    let pairs = Pairs::parted(pairs, '\t');
    let own = |key: &str| pairs.get(key).map(str::to_owned).unwrap_or_default();
    // EVENTLOG_AUDIT_SUCCESS and EVENTLOG_AUDIT_FAILURE of the classic API.
    let audit = match pairs.get("EventType") {
        Some("8") => Some(Audit::Success),
        Some("16") => Some(Audit::Failure),
        _ => None,
    };
    Some(EventRecord {
        provider: own("Source").into(),
        channel: own("AgentLogFile").into(),
        event_id: pairs.first(&["EventIDCode", "EventID"])?.parse().ok()?,
        computer: pairs.first(&["OriginatingComputer", "Computer"]).map(str::to_owned).unwrap_or_default().into(),
        created_at: pairs.get("TimeGenerated").and_then(|text| time::epoch(text).or_else(|| time::parse(text))),
        record_id: pairs.get("RecordNumber").and_then(|number| number.parse().ok()),
        audit,
        fields: message::fields(text),
        ..EventRecord::default()
    })
}

/// `LEEF:1.0|vendor|product|version|event id|` and tab-separated pairs; LEEF 2.0 names the separator.
fn leef<'a>(body: &'a str, header: &Header<'_>) -> Option<EventRecord<'a>> {
    let (_, rest) = body.split_once("LEEF:")?;
    let mut parts = rest.splitn(6, '|');
    let (version, vendor) = (parts.next()?, parts.next()?);
    let (product, _, id, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (separator, rest) = match version.trim_start().starts_with('2') {
        true => {
            let (name, rest) = rest.split_once('|')?;
            (leef_separator(name), rest)
        }
        false => ('\t', rest),
    };
    if !vendor.contains("Microsoft") && !product.contains("Windows") {
        return None;
    }
    let pairs = Pairs::parted(rest, separator);
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (key, value) in rest.split(separator).filter_map(|part| part.split_once('=')) {
        let field = LEEF.iter().find(|(leef, _)| leef.eq_ignore_ascii_case(key)).map_or(key, |(_, field)| field);
        fields.push((Cow::Borrowed(field), Cow::Borrowed(value.trim())));
    }
    let own = |keys: &[&str]| pairs.first(keys).map(str::to_owned).unwrap_or_default();
    let text = rest.split(separator).find_map(|part| part.trim_start().strip_prefix("Message="));
    fields.extend(text.map(message::fields).unwrap_or_default());
    Some(EventRecord {
        provider: own(&["Source", "Provider", "EventSource"]).into(),
        channel: own(&["Channel", "EventLog", "AgentLogFile", "cat"]).into(),
        event_id: pairs.first(&["EventIDCode", "EventID"]).unwrap_or(id).parse().ok()?,
        computer: own(&["Computer", "identHostName", "ComputerName"]).into(),
        created_at: pairs
            .first(&["devTime", "TimeGenerated", "EventTime"])
            .and_then(|text| time::parse(text).or_else(|| super::parse(text, header.time.unwrap_or_default()).time)),
        record_id: pairs.get("RecordNumber").and_then(|number| number.parse().ok()),
        audit: pairs.first(&["EventType", "Keywords"]).and_then(audit),
        fields,
        ..EventRecord::default()
    })
}

/// LEEF's own attributes and the record's fields.
const LEEF: &[(&str, &str)] = &[
    ("usrName", "TargetUserName"),
    ("accountName", "TargetUserName"),
    ("domain", "TargetDomainName"),
    ("src", "IpAddress"),
    ("srcPort", "IpPort"),
    ("identSrc", "IpAddress"),
    ("resource", "Workstation"),
    ("ErrorCode", "Status"),
];

fn leef_separator(name: &str) -> char {
    let code = name.strip_prefix("0x").or_else(|| name.strip_prefix('x'));
    let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
    code.or_else(|| name.chars().next()).unwrap_or('\t')
}

/// Whether a line begins an event of Splunk's: `EventCode=`, or a date alone above it is not told from other text.
pub(super) fn begins_splunk(line: &str) -> bool {
    let body = line.rsplit("> ").next().unwrap_or(line);
    ["EventCode=", "LogName="].iter().any(|key| body.trim_start().starts_with(key) || line.contains(&format!(" {key}")))
        && !line.contains("Message=")
}

/// Lines of `key=value`, `Message` last and with lines of its own.
fn splunk(body: &str) -> Option<EventRecord<'_>> {
    if !body.contains("EventCode=") {
        return None;
    }
    let (head, text) = body.split_once("Message=").unwrap_or((body, ""));
    let lines = || head.split(['\r', '\n', '\t']).map(str::trim).filter(|line| !line.is_empty());
    let value = |keys: &[&str]| {
        keys.iter().find_map(|key| lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))).map(str::trim)
    };
    let dated = || lines().next().and_then(time::parse);
    Some(EventRecord {
        provider: value(&["SourceName"]).unwrap_or_default().into(),
        channel: value(&["Logfile", "LogName"]).unwrap_or_default().into(),
        event_id: value(&["EventCode"])?.parse().ok()?,
        computer: value(&["ComputerName", "Computer"]).unwrap_or_default().into(),
        created_at: value(&["TimeGenerated"]).and_then(wmi_time).or_else(dated),
        record_id: value(&["RecordNumber"]).and_then(|number| number.parse().ok()),
        audit: value(&["Keywords", "Type"]).and_then(audit),
        fields: message::fields(text),
        ..EventRecord::default()
    })
}

/// `yyyyMMddHHmmss.FFFFFF`, with the offset from UTC in minutes behind it in WMI's form.
fn wmi_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let rest = text.get(14..).unwrap_or_default();
    let (fraction, zone) = rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len()));
    let local = time::parse(&format!(
        "{}-{}-{}T{}:{}:{}{fraction}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))?;
    let minutes: i64 = zone.parse().unwrap_or(0);
    Some(local.shifted(minutes.saturating_mul(-60_000_000)))
}
