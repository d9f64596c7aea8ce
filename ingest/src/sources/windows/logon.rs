//! Logon sessions: 4624, 4625, 4648, 4634, 4647, 4672, 4778. Logged on the host that is logged on to, so the target is
//! the reporting host; 4648 is logged on the host *from* which explicit credentials are used.

use hopwatch_model::event::{Logoff, Logon, LogonType, PrivilegeAssignment};
use hopwatch_model::{Account, Activity, Host, Outcome};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{account, audited, client, computer, guid, named, number, number32, string, subject, text};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        4624 => Some(logon),
        4625 => Some(failed_logon),
        4648 => Some(explicit_credentials),
        4634 | 4647 => Some(logoff),
        4672 => Some(privileges),
        4778 => Some(reconnected),
        _ => None,
    }
}

/// 4624: `TargetUserName/DomainName/UserSid/LogonId`, `LogonType`, `LogonProcessName`, `AuthenticationPackageName`,
/// `WorkstationName`, `LogonGuid`, `LmPackageName`, `KeyLength`, `ProcessName`, `IpAddress`, `IpPort`,
/// `TargetOutboundUserName/DomainName`, `ElevatedToken` (`%%1842` = yes), `Subject…`.
fn logon(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "TargetUserSid")?;
    let logon = common(record, &actor);
    Some(Made {
        source: client(record, "IpAddress", "IpPort", Some("WorkstationName")),
        target: computer(record),
        outcome: Outcome::Success,
        actor: Some(actor),
        activity: Activity::Logon(Box::new(logon)),
        session: None,
    })
}

/// 4625: as 4624, with `Status` and `SubStatus` and without the session's ids.
fn failed_logon(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "TargetUserSid");
    let logon = common(record, actor.as_ref().unwrap_or(&Account::default()));
    let code = number32(record, "SubStatus").filter(|code| *code != 0).or_else(|| number32(record, "Status"));
    Some(Made {
        source: client(record, "IpAddress", "IpPort", Some("WorkstationName")),
        target: computer(record),
        outcome: Outcome::Failure(code.unwrap_or(LOGON_FAILURE)),
        actor,
        activity: Activity::Logon(Box::new(logon)),
        session: None,
    })
}

/// `STATUS_LOGON_FAILURE`, for records that lost their codes.
const LOGON_FAILURE: u32 = 0xC000_006D;

fn common(record: &EventRecord<'_>, actor: &Account) -> Logon {
    let variant = text(record, "LmPackageName").map(str::to_owned);
    let outbound = account(record, "TargetOutboundUserName", "TargetOutboundDomainName", "-");
    Logon {
        logon_type: logon_type(record),
        package: string(record, "AuthenticationPackageName"),
        package_variant: variant,
        process: string(record, "LogonProcessName"),
        process_name: text(record, "ProcessName").map(str::to_owned),
        key_length: number32(record, "KeyLength"),
        logon_id: number(record, "TargetLogonId"),
        logon_guid: guid(record, "LogonGuid").map(|guid| guid.to_string()),
        subject: subject(record).filter(|subject| subject.key() != actor.key()),
        outbound,
        explicit: false,
        elevated: yes(record, "ElevatedToken"),
        service: None,
    }
}

fn logon_type(record: &EventRecord<'_>) -> LogonType {
    LogonType::from_number(number32(record, "LogonType").unwrap_or(0))
}

/// A truth value as a message constant or as rendered in English.
fn yes(record: &EventRecord<'_>, name: &str) -> bool {
    text(record, name).is_some_and(|value| value == "%%1842" || value.eq_ignore_ascii_case("yes"))
}

/// 4648: `Subject…` (who used the credentials), `TargetUserName/DomainName` (whose), `TargetServerName`, `TargetInfo`
/// (an SPN), `ProcessName`, `LogonGuid`, `IpAddress` (of the subject's own client, seldom given).
fn explicit_credentials(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "-")?;
    let server = text(record, "TargetServerName").filter(|name| !name.eq_ignore_ascii_case("localhost"));
    let target = match server {
        Some(name) => Some(Host { ..named(name) }),
        None => computer(record),
    };
    let logon = Logon {
        process_name: text(record, "ProcessName").map(str::to_owned),
        logon_guid: guid(record, "TargetLogonGuid").or_else(|| guid(record, "LogonGuid")).map(|guid| guid.to_string()),
        subject: subject(record),
        explicit: true,
        service: text(record, "TargetInfo").map(str::to_owned),
        ..Logon::default()
    };
    Some(Made {
        actor: Some(actor),
        source: computer(record),
        target,
        outcome: Outcome::Unseen,
        activity: Activity::Logon(Box::new(logon)),
        session: None,
    })
}

/// 4634: `TargetUserName/DomainName/UserSid/LogonId`, `LogonType`; 4647 the same without type (user initiated).
fn logoff(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "TargetUserSid")?;
    let logon_id = number(record, "TargetLogonId");
    let logoff = Logoff { logon_type: logon_type(record), logon_id };
    Some(Made {
        actor: Some(actor),
        source: None,
        target: computer(record),
        outcome: Outcome::Success,
        activity: Activity::Logoff(Box::new(logoff)),
        session: logon_id,
    })
}

/// 4672: `SubjectUserName/DomainName/UserSid/LogonId`, `PrivilegeList` (one a line).
fn privileges(record: &EventRecord<'_>) -> Option<Made> {
    let actor = subject(record)?;
    let logon_id = number(record, "SubjectLogonId");
    let privileges = text(record, "PrivilegeList").unwrap_or_default();
    let privileges = privileges.split_ascii_whitespace().take(64).map(str::to_owned).collect();
    Some(Made {
        actor: Some(actor),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::PrivilegeAssignment(Box::new(PrivilegeAssignment { privileges, logon_id })),
        session: logon_id,
    })
}

/// 4778, a window station was reconnected: `AccountName`, `AccountDomain`, `LogonID`, `SessionName` (`RDP-Tcp#1`),
/// `ClientName`, `ClientAddress`. A local console switch (`ClientAddress` `LOCAL`) is one too.
fn reconnected(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "AccountName", "AccountDomain", "-")?;
    let source = client(record, "ClientAddress", "-", Some("ClientName"));
    let remote = source.as_ref().is_some_and(|host| host.address.is_some());
    let logon = Logon {
        logon_type: if remote { LogonType::RemoteInteractive } else { LogonType::Unlock },
        process: string(record, "SessionName"),
        logon_id: number(record, "LogonID"),
        ..Logon::default()
    };
    Some(Made {
        actor: Some(actor),
        source,
        target: computer(record),
        outcome: Outcome::Success,
        activity: Activity::Logon(Box::new(logon)),
        session: None,
    })
}
