//! Windows event records become events. Every carrier (EVTX, event JSON in its many shapes, XML, syslog, WEF) makes the flat
//! view [`EventRecord`]; here alone it is decided what a record means. One table file per area, each naming the event
//! ids and fields that it reads.
//!
//! Not read, and counted as ignored: ids that no detection and no graph edge uses. A record whose id is of interest and
//! whose fields make no sense is counted as dropped.

mod account;
mod certificate;
mod directory;
mod federation;
mod fields;
mod group;
mod kerberos;
mod logon;
mod ntlm;
mod process;
mod sessions;
mod share;
mod tampering;

use std::sync::Arc;

use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, provenance::SourceKind};
use hopwatch_wire::event_xml::EventRecord;

use crate::secrets::content_digest;

pub use sessions::Sessions;

/// What became of a record.
#[derive(Debug)]
pub enum Verdict {
    /// An event, and the logon id of the actor on the reporting host where the record tells from no client.
    Event(Box<Event>, Option<u64>),
    /// Deliberately no event.
    Ignored(&'static str),
    /// Of interest, yet unusable.
    Dropped(&'static str),
}

/// What a table makes of a record; the rest of the event is the same for all.
struct Made {
    actor: Option<Account>,
    source: Option<Host>,
    target: Option<Host>,
    outcome: Outcome,
    activity: Activity,
    /// The actor's logon id on the reporting host, where the record names no client: its 4624 tells whence.
    session: Option<u64>,
}

/// Reads the fields of one event id.
type Maker = fn(&EventRecord<'_>) -> Option<Made>;

/// Whether a record's id is of interest: asked before its fields are read.
#[must_use]
pub fn wanted(record: &EventRecord<'_>) -> bool {
    maker(record).is_some()
}

/// Makes the event of a record.
#[must_use]
pub fn normalize(record: &EventRecord<'_>, place: Record, source: &Arc<str>) -> Verdict {
    let Some(make) = maker(record) else { return Verdict::Ignored(ignored_reason(record)) };
    let Some(time) = record.created_at else { return Verdict::Dropped("windows event without time") };
    let Some(made) = make(record) else { return Verdict::Dropped("windows event lacks the fields of its id") };
    let event = Event {
        time,
        provenance: Provenance {
            kind: SourceKind::WindowsEvent,
            source: Arc::clone(source),
            record: place,
            digest: digest(record),
            event_id: Some(record.event_id),
            reporter: (!record.computer.is_empty()).then(|| Arc::from(&*record.computer)),
        },
        actor: made.actor,
        source: made.source,
        target: made.target,
        outcome: made.outcome,
        activity: made.activity,
    };
    Verdict::Event(Box::new(event), made.session)
}

/// The log family of a record: an event id means something only inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Security,
    EventLog,
    ServiceControl,
    Sysmon,
    Ntlm,
    DirectoryService,
    TaskScheduler,
    PowerShell,
    Federation,
    Other,
}

/// By provider, else by channel; some carriers keep one of the two, and flat exports of the Security log keep none.
fn family(record: &EventRecord<'_>) -> Family {
    let provider = &*record.provider;
    let has = |text: &str, part: &str| {
        text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    if provider.eq_ignore_ascii_case("Microsoft-Windows-Security-Auditing") {
        Family::Security
    } else if has(provider, "Sysmon") || has(&record.channel, "Sysmon") {
        Family::Sysmon
    } else if provider.eq_ignore_ascii_case("Microsoft-Windows-Eventlog") || matches!(record.event_id, 104 | 1102) {
        Family::EventLog
    } else if provider.eq_ignore_ascii_case("Service Control Manager") {
        Family::ServiceControl
    } else if has(provider, "NTLM") || has(&record.channel, "NTLM") {
        Family::Ntlm
    } else if has(provider, "ActiveDirectory_DomainService") || has(&record.channel, "Directory Service") {
        Family::DirectoryService
    } else if has(provider, "TaskScheduler") || has(&record.channel, "TaskScheduler") {
        Family::TaskScheduler
    } else if has(provider, "PowerShell") || has(&record.channel, "PowerShell") {
        Family::PowerShell
    } else if has(provider, "AD FS") {
        Family::Federation
    } else if provider.is_empty() && record.channel.eq_ignore_ascii_case("System") {
        Family::ServiceControl
    } else if (provider.is_empty() && record.channel.is_empty())
        || (record.channel.eq_ignore_ascii_case("Security") && (4608..=5200).contains(&record.event_id))
    {
        Family::Security
    } else {
        Family::Other
    }
}

fn maker(record: &EventRecord<'_>) -> Option<Maker> {
    let id = record.event_id;
    match family(record) {
        Family::Security => kerberos::maker(id)
            .or_else(|| logon::maker(id))
            .or_else(|| ntlm::security_maker(id))
            .or_else(|| directory::maker(id))
            .or_else(|| account::maker(id))
            .or_else(|| group::maker(id))
            .or_else(|| share::maker(id))
            .or_else(|| process::security_maker(id))
            .or_else(|| certificate::maker(id))
            .or_else(|| tampering::security_maker(id)),
        Family::EventLog => tampering::event_log_maker(id),
        Family::ServiceControl => process::service_control_maker(id),
        Family::Sysmon => process::sysmon_maker(id),
        Family::Ntlm => ntlm::audit_maker(id),
        Family::DirectoryService => directory::service_maker(id),
        Family::TaskScheduler => process::task_scheduler_maker(id),
        Family::Federation => federation::maker(id),
        Family::PowerShell | Family::Other => None,
    }
}

fn ignored_reason(record: &EventRecord<'_>) -> &'static str {
    match family(record) {
        Family::Security => "security event id without use",
        Family::Sysmon => "sysmon event id without use",
        Family::PowerShell => "powershell event",
        Family::EventLog
        | Family::ServiceControl
        | Family::Ntlm
        | Family::DirectoryService
        | Family::TaskScheduler
        | Family::Federation
        | Family::Other => "windows event of another channel",
    }
}

/// Equal for the same record in every carrier: the reporting host, log family, id, record number and second. Where a
/// carrier lost the record number, the fields stand in for it.
fn digest(record: &EventRecord<'_>) -> u64 {
    let mut content = Vec::with_capacity(128);
    content.extend(record.computer.bytes().map(|b| b.to_ascii_lowercase()));
    content.push(0);
    content.extend(record.channel.bytes().map(|b| b.to_ascii_lowercase()));
    content.extend(record.event_id.to_le_bytes());
    content.extend(record.created_at.map_or(0, |time| time.as_secs()).to_le_bytes());
    if let Some(id) = record.record_id.filter(|id| *id != 0) {
        content.extend(id.to_le_bytes());
    } else {
        for (name, value) in &record.fields {
            content.extend(name.as_bytes());
            content.push(0);
            content.extend(value.as_bytes());
            content.push(0);
        }
    }
    content_digest(&content)
}
