//! `ntlm.log`, `smb_files.log`, `smb_mapping.log` and, for the dialect 1 alone, `smb_cmd.log`.

use hopwatch_model::event::{NtlmLogon, NtlmVersion, SmbFile, SmbFileAction, SmbSession};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Activity, Certainty, Outcome};

use super::{Line, Row};

/// `STATUS_LOGON_FAILURE`: the log says that it failed, not why.
const LOGON_FAILURE: u32 = 0xC000_006D;

/// The protocol that a server's port implies.
pub(super) fn carrier(port: u16) -> &'static str {
    match port {
        445 | 139 => "smb",
        389 | 636 | 3268 | 3269 => "ldap",
        80 | 443 | 5985 | 5986 | 8080 => "http",
        1433 => "mssql",
        135 | 49152.. | 1024..=1199 => "rpc",
        _ => "",
    }
}

/// `username`, `hostname`, `domainname`, `server_…`, `success`.
pub(super) fn ntlm(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let workstation = row.get("hostname").map(|name| name.trim_start_matches('\\').to_owned());
    let server = row.get("server_nb_computer_name").or_else(|| row.get("server_dns_computer_name"));
    let ends = (line.source.as_ref().and_then(|h| h.address), line.target.as_ref().and_then(|h| h.address));
    for (name, address) in [(workstation.as_deref(), ends.0), (server.as_deref(), ends.1)] {
        if let (Some(name), Some(address)) = (name, address) {
            line.name(name, address, Certainty::Medium, ResolutionMethod::Ntlm);
        }
    }
    let actor =
        row.get("username").map(|name| Account::named(&name).in_domain(&row.get("domainname").unwrap_or_default()));
    let outcome = match row.truth("success") {
        Some(true) => Outcome::Success,
        Some(false) => Outcome::Failure(LOGON_FAILURE),
        None => Outcome::Unseen,
    };
    let anonymous = actor.is_none() && outcome.succeeded();
    let logon = NtlmLogon {
        version: if anonymous { NtlmVersion::Anonymous } else { NtlmVersion::Unknown },
        workstation: workstation.filter(|name| !name.is_empty()),
        carrier: carrier(line.server_port()).into(),
        server_name: server.map(Into::into),
        ..NtlmLogon::default()
    };
    line.emit(actor, outcome, Activity::NtlmLogon(Box::new(logon)));
}

/// `path` (`\\server\share`), `share_type`: a tree that was connected.
pub(super) fn mapping(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let Some(path) = row.get("path") else { return line.ignore("zeek smb row without path") };
    let file = SmbFile { share: share(&path), path: String::new(), action: SmbFileAction::Connect, bytes: 0 };
    line.emit(None, Outcome::Success, Activity::SmbFile(Box::new(file)));
}

/// `action`, `path` (the tree), `name`, `size`, `prev_name`. A rename is a write under the new name.
pub(super) fn files(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let action = row.get("action").unwrap_or_default();
    let action = match action.trim_start_matches("SMB::") {
        "FILE_OPEN" | "PIPE_OPEN" => SmbFileAction::Open,
        "FILE_READ" => SmbFileAction::Read,
        "FILE_WRITE" | "FILE_RENAME" | "FILE_SET_ATTRIBUTE" => SmbFileAction::Write,
        "FILE_DELETE" => SmbFileAction::Delete,
        _ => return line.ignore("zeek smb action without use"),
    };
    let size = match action {
        SmbFileAction::Read | SmbFileAction::Write => row.number("size").unwrap_or(0),
        _ => 0,
    };
    let name = row.get("name").unwrap_or_default();
    let tree = row.get("path").map(|path| share(&path)).unwrap_or_default();
    let file =
        SmbFile { share: tree, path: name.trim_start_matches('\\').replace("<share_root>", ""), action, bytes: size };
    line.emit(None, Outcome::Success, Activity::SmbFile(Box::new(file)));
}

/// `command`, `version`, `status`, `username`: sessions of SMB 1, whose dialect needs no negotiation to be told.
pub(super) fn command(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let session = row.get("command").is_some_and(|command| command.starts_with("SESSION_SETUP"));
    if !session || row.get("version").as_deref() != Some("SMB1") {
        return line.ignore("zeek smb command without use");
    }
    let outcome = match row.get("status").as_deref() {
        Some("SUCCESS") => Outcome::Success,
        Some("MORE_PROCESSING_REQUIRED") => return line.ignore("zeek smb command without use"),
        Some(_) => Outcome::Failure(LOGON_FAILURE),
        None => Outcome::Unseen,
    };
    let session = SmbSession { dialect: "1".into(), ..SmbSession::default() };
    let actor = row.get("username").map(|name| Account::named(&name));
    line.emit(actor, outcome, Activity::SmbSession(Box::new(session)));
}

/// The share of `\\server\share`.
fn share(path: &str) -> String {
    path.trim_end_matches('\\').rsplit('\\').next().unwrap_or_default().to_owned()
}
