//! `ldap.log` and `ldap_search.log`.

use hopwatch_model::event::{BindMethod, DirectoryChange, LdapBind, LdapSearch, ValueOperation};
use hopwatch_model::{Account, Activity, Outcome};

use super::{Line, Row};

/// `opcode`, `result`, `object` (the bind name or the DN), `argument` (the mechanism, or a password that was not hidden).
pub(super) fn message(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let opcode = row.get("opcode").or_else(|| row.items("opcodes").into_iter().next()).unwrap_or_default();
    let opcode = opcode.to_ascii_lowercase();
    match opcode.as_str() {
        bind if bind.starts_with("bind") => self::bind(row, &opcode, line),
        "add" => change(row, ValueOperation::Create, line),
        "delete" | "del" => change(row, ValueOperation::Remove, line),
        "modify" => change(row, ValueOperation::Replace, line),
        "moddn" | "modify dn" | "modify rdn" => change(row, ValueOperation::Move, line),
        _ => line.ignore("zeek ldap operation without use"),
    }
}

fn bind(row: &Row<'_>, opcode: &str, line: &mut Line<'_, '_>) {
    let result = result(row, "result");
    if result == Some(SASL_IN_PROGRESS) {
        return line.ignore("zeek ldap bind in progress");
    }
    let name = first(row, "object");
    let argument = first(row, "argument");
    let method = if opcode.contains("sasl") {
        BindMethod::Sasl(argument)
    } else if name.is_empty() {
        BindMethod::Anonymous
    } else {
        BindMethod::Simple { password_digest: password(&argument, line) }
    };
    let actor = Some(Account::named(&name)).filter(|_| !name.is_empty());
    let tls = matches!(line.server_port(), 636 | 3269);
    let bind = LdapBind { name, method, tls, sealed: None };
    line.emit(actor, outcome(result), Activity::LdapBind(Box::new(bind)));
}

/// Zeek writes a mark in place of the password unless it was told otherwise.
fn password(argument: &str, line: &Line<'_, '_>) -> u64 {
    match argument {
        "" | "REDACTED" | "<REDACTED>" | "HIDDEN" => 0,
        password => line.context.key.digest("password", password.as_bytes()),
    }
}

/// The row names the object, not what was changed of it.
fn change(row: &Row<'_>, operation: ValueOperation, line: &mut Line<'_, '_>) {
    let object = first(row, "object");
    if object.is_empty() {
        return line.ignore("zeek ldap change without object");
    }
    let change = DirectoryChange {
        object,
        guid: None,
        class: String::new(),
        operation,
        attribute: String::new(),
        values: Vec::new(),
        old_values: Vec::new(),
        new_object: (operation == ValueOperation::Move).then(|| first(row, "argument")),
    };
    let outcome = outcome(result(row, "result"));
    line.emit(None, outcome, Activity::DirectoryChange(Box::new(change)));
}

/// `scope`, `base_object`, `filter`, `attributes`, `result_count`, `result`.
pub(super) fn search(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let scope = match &*first(row, "scope").to_ascii_lowercase() {
        "base" => 0,
        "single" | "one" | "onelevel" => 1,
        _ => 2,
    };
    let base = first(row, "base_object");
    let filter = row.get("filter").map(String::from).unwrap_or_default();
    let carrier = match line.server_port() {
        3268 | 3269 => "gc",
        // The locator's ping goes over UDP, which the row does not say.
        _ if base.is_empty() && filter.contains("NtVer=") => "cldap",
        _ => "ldap",
    };
    let search = LdapSearch {
        base,
        scope,
        filter,
        attributes: row.items("attributes").into_iter().map(String::from).collect(),
        controls: Vec::new(),
        entries: row.number("result_count"),
        carrier: carrier.into(),
        truncated: false,
    };
    let outcome = outcome(result(row, "result"));
    line.emit(None, outcome, Activity::LdapSearch(Box::new(search)));
}

/// A text, or the first of a list: older versions logged sets.
fn first(row: &Row<'_>, name: &str) -> String {
    row.get(name).or_else(|| row.items(name).into_iter().next()).map(String::from).unwrap_or_default()
}

/// saslBindInProgress (RFC 4511 §4.1.9).
const SASL_IN_PROGRESS: u32 = 14;

/// The result codes of RFC 4511 §4.1.9 in Zeek's words.
const RESULTS: &[(u32, &str)] = &[
    (0, "success"),
    (1, "operations error"),
    (2, "protocol error"),
    (3, "time limit exceeded"),
    (4, "size limit exceeded"),
    (5, "compare false"),
    (6, "compare true"),
    (7, "auth method not supported"),
    (8, "stronger auth required"),
    (9, "partial results"),
    (10, "referral"),
    (11, "admin limit exceeded"),
    (12, "unavailable critical extension"),
    (13, "confidentiality required"),
    (14, "sasl bind in progress"),
    (16, "no such attribute"),
    (17, "undefined attribute type"),
    (18, "inappropriate matching"),
    (19, "constraint violation"),
    (20, "attribute or value exists"),
    (21, "invalid attribute syntax"),
    (32, "no such object"),
    (33, "alias problem"),
    (34, "invalid dn syntax"),
    (36, "alias dereferencing problem"),
    (48, "inappropriate authentication"),
    (49, "invalid credentials"),
    (50, "insufficient access rights"),
    (51, "busy"),
    (52, "unavailable"),
    (53, "unwilling to perform"),
    (54, "loop detect"),
    (64, "naming violation"),
    (65, "object class violation"),
    (66, "not allowed on non leaf"),
    (67, "not allowed on rdn"),
    (68, "entry already exists"),
    (69, "object class mods prohibited"),
    (71, "affects multiple dsas"),
    (80, "other"),
];

fn result(row: &Row<'_>, name: &str) -> Option<u32> {
    let text = row.get(name).or_else(|| row.items(name).into_iter().next())?;
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(&text);
    let known = RESULTS.iter().find(|(_, known)| plain(known) == wanted).map(|(code, _)| *code);
    known.or_else(|| text.rsplit(' ').next()?.parse().ok()).or(Some(80))
}

fn outcome(result: Option<u32>) -> Outcome {
    match result {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Failure(code),
        None => Outcome::Unseen,
    }
}
