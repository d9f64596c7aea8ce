//! The certification authority's audit: 4886 (requested), 4887 (issued), 4888 (denied); and what hides or opens it: 4870
//! (revoked), 4882 (permissions changed), 4885 (audit filter changed), 4890 (officers changed), 4896 (rows deleted).

use hopwatch_model::event::{AuditTampering, CertificateRequest};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{audited, bounded, computer, number, number32, string, subject, text};
use super::{Made, Maker};

/// `CERTSRV_E_…`-less denial: the record's `Disposition` where it is a number, else `STATUS_ACCESS_DENIED`.
const DENIED: u32 = 0xC000_0022;

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        4886..=4888 => Some(request),
        4870 | 4882 | 4885 | 4890 | 4896 => Some(managed),
        _ => None,
    }
}

/// `RequestId`, `Requester` (`DOMAIN\name`), `Attributes` (`name:value` lines), `Subject`, and since 2023
/// `SubjectAlternativeName`, `CertificateTemplate`.
fn request(record: &EventRecord<'_>) -> Option<Made> {
    let requester = text(record, "Requester").map(Account::named);
    let attributes = record.field("Attributes").unwrap_or_default();
    if requester.is_none() && text(record, "RequestId").is_none() {
        return None;
    }
    let template = text(record, "CertificateTemplate").map(str::to_owned);
    let request = CertificateRequest {
        issued: record.event_id == 4887,
        request_id: string(record, "RequestId"),
        requester: string(record, "Requester"),
        template: template.or_else(|| lines(attributes, "CertificateTemplate").next()).unwrap_or_default(),
        subject: string(record, "Subject"),
        alternative_names: alternative_names(record, attributes),
    };
    let outcome = match record.event_id {
        4887 => Outcome::Success,
        4888 => Outcome::Failure(number32(record, "Disposition").filter(|code| *code > 255).unwrap_or(DENIED)),
        _ => Outcome::Unseen,
    };
    Some(Made {
        actor: requester,
        source: None,
        target: computer(record),
        outcome,
        activity: Activity::CertificateRequest(Box::new(request)),
        session: None,
    })
}

/// `Subject…`, and by id `CertificateSerialNumber`, `SecuritySettings`, `AuditFilter`, `CAOfficers…`, `TableId`, `Filter`.
fn managed(record: &EventRecord<'_>) -> Option<Made> {
    let (action, detail) = match record.event_id {
        4870 => ("certificate revoked", "CertificateSerialNumber"),
        4882 => ("permissions changed", "SecuritySettings"),
        4885 => ("audit filter changed", "AuditFilter"),
        4890 => ("officer settings changed", "EnableRestrictedPermissions"),
        _ => ("rows deleted from the database", "RowsDeleted"),
    };
    let detail = string(record, detail);
    let action = if detail.is_empty() { action.to_owned() } else { format!("{action}: {detail}") };
    let tampering = AuditTampering { subject: "certification authority".into(), action };
    Some(Made {
        actor: subject(record),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::AuditTampering(Box::new(tampering)),
        session: number(record, "SubjectLogonId"),
    })
}

/// The values of a request attribute, ASCII case ignored.
fn lines<'a>(attributes: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    attributes.lines().filter_map(move |line| {
        let (key, value) = line.trim().split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| bounded(value.trim()))
    })
}

/// From the extension's text, and from the request attribute `SAN:upn=…&dns=…` (ESC6).
fn alternative_names(record: &EventRecord<'_>, attributes: &str) -> Vec<String> {
    let extension = text(record, "SubjectAlternativeName").unwrap_or_default();
    extension
        .split(['\n', ','])
        .map(|name| name.trim().to_owned())
        .chain(lines(attributes, "SAN").flat_map(|san| san.split('&').map(str::to_owned).collect::<Vec<_>>()))
        .filter(|name| !name.is_empty() && name.contains(['=', ':']))
        .take(64)
        .collect()
}
