//! Tampering with the record itself: 1102 (security log cleared), 104 (another log cleared), 4719 (audit policy changed).

use hopwatch_model::event::AuditTampering;
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{computer, number, string, subject, text};
use super::{Made, Maker};

pub(super) fn security_maker(id: u32) -> Option<Maker> {
    match id {
        4719 => Some(policy_changed),
        _ => None,
    }
}

pub(super) fn event_log_maker(id: u32) -> Option<Maker> {
    match id {
        104 | 1102 => Some(log_cleared),
        _ => None,
    }
}

/// 1102: `SubjectUserName/DomainName/UserSid`; 104 also `Channel`, `BackupPath`.
fn log_cleared(record: &EventRecord<'_>) -> Option<Made> {
    let named = if record.event_id == 1102 { Some("Security") } else { text(record, "Channel") };
    let log = named.unwrap_or(&record.channel).to_owned();
    Some(made(record, AuditTampering { subject: log, action: "cleared".into() }))
}

/// 4719: `CategoryId`, `SubcategoryGuid`, `AuditPolicyChanges` (`%%8448` success removed, `%%8450` failure removed, `%%8449`
/// and `%%8451` added).
fn policy_changed(record: &EventRecord<'_>) -> Option<Made> {
    let category = match text(record, "SubcategoryGuid") {
        Some(guid) => guid.trim_matches(['{', '}']).to_ascii_lowercase(),
        None => string(record, "CategoryId"),
    };
    let changes = text(record, "AuditPolicyChanges")?;
    let action: Vec<&str> = changes
        .split([',', ' ', '\n', '\t'])
        .filter(|part| !part.is_empty())
        .map(|part| match part {
            "%%8448" => "success removed",
            "%%8449" => "success added",
            "%%8450" => "failure removed",
            "%%8451" => "failure added",
            other => other,
        })
        .collect();
    let action = if changes.contains("%%") { action.join(", ") } else { changes.to_owned() };
    Some(made(record, AuditTampering { subject: category, action }))
}

fn made(record: &EventRecord<'_>, tampering: AuditTampering) -> Made {
    Made {
        actor: subject(record),
        source: None,
        target: computer(record),
        outcome: Outcome::Success,
        activity: Activity::AuditTampering(Box::new(tampering)),
        session: number(record, "SubjectLogonId"),
    }
}
