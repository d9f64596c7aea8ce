//! NTLM validations: 4776 on whoever validates (a DC, or a member for its local accounts), and the NTLM audit log
//! `Microsoft-Windows-NTLM/Operational`: 8001 (outgoing, on the client), 8002 and 8003 (incoming, on the server),
//! 8004 (on the DC, naming the server that asks), 8005 and 8006 (as 8004, blocked).

use hopwatch_model::event::{NtlmLogon, NtlmVersion};
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{account, computer, named, status, text};
use super::{Made, Maker};

pub(super) fn security_maker(id: u32) -> Option<Maker> {
    match id {
        4776 => Some(validation),
        _ => None,
    }
}

pub(super) fn audit_maker(id: u32) -> Option<Maker> {
    match id {
        8001 => Some(outgoing),
        8002 | 8003 => Some(incoming),
        8004..=8006 => Some(domain_audit),
        _ => None,
    }
}

/// 4776: `PackageName`, `TargetUserName`, `Workstation`, `Status`. The workstation is what the client says.
fn validation(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "-")
        .or_else(|| account(record, "LogonAccount", "-", "-"));
    let workstation = text(record, "Workstation").or_else(|| text(record, "WorkstationName"));
    let workstation = workstation.map(|name| name.trim_start_matches('\\')).filter(|name| !name.is_empty());
    if actor.is_none() && workstation.is_none() && text(record, "Status").is_none() {
        return None;
    }
    let outcome = match (text(record, "Status"), text(record, "ErrorCode")) {
        (None, Some(_)) => status(record, "ErrorCode"),
        _ => status(record, "Status"),
    };
    Some(Made {
        actor,
        source: workstation.map(named),
        target: computer(record),
        outcome,
        activity: Activity::NtlmLogon(Box::new(NtlmLogon {
            version: NtlmVersion::Unknown,
            workstation: workstation.map(str::to_owned),
            carrier: "netlogon".into(),
            ..NtlmLogon::default()
        })),
        session: None,
    })
}

/// 8004: `SChannelName` (the server), `UserName`, `DomainName`, `WorkstationName`, `SChannelType`. The audit precedes the
/// validation, so that the outcome is not known.
fn domain_audit(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "UserName", "DomainName", "-")?;
    let workstation = text(record, "WorkstationName").or_else(|| text(record, "Workstation"));
    let server = text(record, "SChannelName");
    Some(Made {
        actor: Some(actor),
        source: workstation.map(named),
        target: server.map(named).or_else(|| computer(record)),
        outcome: Outcome::Unseen,
        activity: Activity::NtlmLogon(Box::new(NtlmLogon {
            workstation: workstation.map(str::to_owned),
            carrier: "netlogon".into(),
            server_name: server.map(str::to_owned),
            ..NtlmLogon::default()
        })),
        session: None,
    })
}

/// 8001: `TargetName` (the SPN meant), `UserName`, `DomainName`, `ProcessName`, `ClientUserName`, `ClientDomainName`.
fn outgoing(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "UserName", "DomainName", "-")
        .or_else(|| account(record, "ClientUserName", "ClientDomainName", "-"))?;
    let target_name = text(record, "TargetName");
    let server = target_name.and_then(|spn| spn.split('/').nth(1)).map(|host| host.split(':').next().unwrap_or(host));
    Some(Made {
        actor: Some(actor),
        source: computer(record),
        target: server.map(named),
        outcome: Outcome::Unseen,
        activity: Activity::NtlmLogon(Box::new(NtlmLogon {
            carrier: carrier(target_name),
            target_name: target_name.map(str::to_owned),
            ..NtlmLogon::default()
        })),
        session: None,
    })
}

/// 8002 has the calling process only (`ClientUserName`, `ClientDomainName`); 8003 `UserName`, `DomainName`, `Workstation`.
fn incoming(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "UserName", "DomainName", "-")
        .or_else(|| account(record, "ClientUserName", "ClientDomainName", "-"))?;
    let workstation = text(record, "Workstation").or_else(|| text(record, "WorkstationName"));
    Some(Made {
        actor: Some(actor),
        source: workstation.map(named),
        target: computer(record),
        outcome: Outcome::Unseen,
        activity: Activity::NtlmLogon(Box::new(NtlmLogon {
            workstation: workstation.map(str::to_owned),
            ..NtlmLogon::default()
        })),
        session: None,
    })
}

/// The carrier that a service class implies.
fn carrier(spn: Option<&str>) -> String {
    match spn.and_then(|spn| spn.split('/').next()).map(str::to_ascii_lowercase).as_deref() {
        Some("cifs") => "smb",
        Some("ldap") => "ldap",
        Some("http") => "http",
        Some("host" | "rpcss" | "rpc") => "rpc",
        _ => "",
    }
    .to_owned()
}
