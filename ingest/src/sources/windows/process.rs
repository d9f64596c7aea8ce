//! What runs: 7045 and 4697 (service installed), 4698 and 4702 (task registered, with XML), 106 and 140 of the task
//! scheduler (registered, updated: path and user alone), 4688 and Sysmon 1 (process started).

use hopwatch_model::event::{ProcessStart, ServiceInstall, TaskRegistration};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::event_xml::{EventRecord, Scanner, Token};

use super::fields::{account, audited, bounded, computer, number, string, subject, text};
use super::{Made, Maker};

pub(super) fn security_maker(id: u32) -> Option<Maker> {
    match id {
        4697 => Some(service_audited),
        4698 | 4702 => Some(task_audited),
        4688 => Some(process_audited),
        _ => None,
    }
}

pub(super) fn service_control_maker(id: u32) -> Option<Maker> {
    match id {
        7045 => Some(service_installed),
        _ => None,
    }
}

pub(super) fn sysmon_maker(id: u32) -> Option<Maker> {
    match id {
        1 => Some(sysmon_process),
        _ => None,
    }
}

pub(super) fn task_scheduler_maker(id: u32) -> Option<Maker> {
    match id {
        106 | 140 => Some(task_registered),
        _ => None,
    }
}

fn on_host(record: &EventRecord<'_>, actor: Option<Account>, activity: Activity) -> Made {
    let session = number(record, "SubjectLogonId");
    Made { actor, source: None, target: computer(record), outcome: audited(record), activity, session }
}

/// The account in whose context the event was written (`Security/@UserID`).
fn writer(record: &EventRecord<'_>) -> Option<Account> {
    let sid = record.user_sid.parse().ok()?;
    Some(Account { sid: Some(sid), ..Account::default() })
}

/// 7045: `ServiceName`, `ImagePath`, `ServiceType`, `StartType`, `AccountName`.
fn service_installed(record: &EventRecord<'_>) -> Option<Made> {
    let install = ServiceInstall {
        name: string(record, "ServiceName"),
        image_path: string(record, "ImagePath"),
        start_type: string(record, "StartType"),
        service_type: string(record, "ServiceType"),
        run_as: string(record, "AccountName"),
    };
    (!install.name.is_empty() || !install.image_path.is_empty())
        .then(|| on_host(record, writer(record), Activity::ServiceInstall(Box::new(install))))
}

/// 4697: `ServiceName`, `ServiceFileName`, `ServiceType`, `ServiceStartType`, `ServiceAccount`, `Subject…`.
fn service_audited(record: &EventRecord<'_>) -> Option<Made> {
    let install = ServiceInstall {
        name: text(record, "ServiceName")?.to_owned(),
        image_path: string(record, "ServiceFileName"),
        start_type: string(record, "ServiceStartType"),
        service_type: string(record, "ServiceType"),
        run_as: string(record, "ServiceAccount"),
    };
    Some(on_host(record, subject(record), Activity::ServiceInstall(Box::new(install))))
}

/// 4698: `TaskName`, `TaskContent` (XML); 4702 has the XML as `TaskContentNew`.
fn task_audited(record: &EventRecord<'_>) -> Option<Made> {
    let name = text(record, "TaskName")?.to_owned();
    let content = text(record, "TaskContent").or_else(|| text(record, "TaskContentNew")).unwrap_or_default();
    let (command, run_as) = task_definition(content);
    let task = TaskRegistration { name, command, run_as };
    Some(on_host(record, subject(record), Activity::TaskRegistration(Box::new(task))))
}

/// 106, 140: `TaskName`, `UserContext` or `UserName`.
fn task_registered(record: &EventRecord<'_>) -> Option<Made> {
    let name = text(record, "TaskName")?.to_owned();
    let actor = text(record, "UserContext").or_else(|| text(record, "UserName")).map(Account::named);
    let task = TaskRegistration { name, command: String::new(), run_as: String::new() };
    Some(on_host(record, actor, Activity::TaskRegistration(Box::new(task))))
}

/// Command with arguments of the first `Exec` action and the `UserId` (or `GroupId`) of the principal
/// (`[MS-TSCH] 2.5`); what cannot be read stays empty.
fn task_definition(xml: &str) -> (String, String) {
    let (mut command, mut arguments, mut run_as) = (String::new(), String::new(), String::new());
    let mut scanner = Scanner::new(xml);
    let mut element = "";
    let mut in_principal = false;
    while let Ok(Some(token)) = scanner.next_token() {
        match token {
            Token::Open { name, empty, .. } => {
                in_principal |= name == "Principal";
                element = if empty { "" } else { name };
            }
            Token::Close { name } => {
                in_principal &= name != "Principal";
                element = "";
                if name == "Exec" {
                    break;
                }
            }
            Token::Text(value) => match element {
                "Command" => command = bounded(value.trim()),
                "Arguments" => arguments = bounded(value.trim()),
                "UserId" | "GroupId" if in_principal => run_as = bounded(value.trim()),
                _ => {}
            },
        }
    }
    if !arguments.is_empty() {
        command.push(' ');
        command.push_str(&arguments);
    }
    (command, run_as)
}

/// 4688: `NewProcessName`, `CommandLine`, `ParentProcessName`, `Subject…`, and in version 2 `Target…` (the account under
/// which it runs, where it is another).
fn process_audited(record: &EventRecord<'_>) -> Option<Made> {
    let process = ProcessStart {
        image: text(record, "NewProcessName")?.to_owned(),
        command_line: string(record, "CommandLine"),
        parent: string(record, "ParentProcessName"),
        logon_id: number(record, "TargetLogonId").filter(|id| *id != 0).or_else(|| number(record, "SubjectLogonId")),
    };
    let actor = account(record, "TargetUserName", "TargetDomainName", "TargetUserSid").or_else(|| subject(record));
    let mut made = on_host(record, actor, Activity::ProcessStart(Box::new(process)));
    // A process starts where it runs; whence its session came is the logon's matter.
    made.session = None;
    made.outcome = Outcome::Success;
    Some(made)
}

/// Sysmon 1: `Image`, `CommandLine`, `ParentImage`, `User`, `LogonId`.
fn sysmon_process(record: &EventRecord<'_>) -> Option<Made> {
    let process = ProcessStart {
        image: text(record, "Image")?.to_owned(),
        command_line: string(record, "CommandLine"),
        parent: string(record, "ParentImage"),
        logon_id: number(record, "LogonId"),
    };
    let actor = text(record, "User").map(Account::named);
    let mut made = on_host(record, actor, Activity::ProcessStart(Box::new(process)));
    made.outcome = Outcome::Success;
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_definition_gives_command_and_account() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Task><Triggers><LogonTrigger><UserId>other</UserId>\
                   </LogonTrigger></Triggers><Principals><Principal id=\"A\"><UserId>S-1-5-18</UserId></Principal></Principals>\
                   <Actions><Exec><Command>cmd.exe</Command><Arguments>/c &quot;x&quot;</Arguments></Exec></Actions></Task>";
        assert_eq!(task_definition(xml), ("cmd.exe /c \"x\"".to_owned(), "S-1-5-18".to_owned()));
        assert_eq!(task_definition("<Task"), (String::new(), String::new()));
    }
}
