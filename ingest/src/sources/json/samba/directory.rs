//! `dsdbChange`, `groupChange` and `passwordChange`: changes of the directory, whoever asked by whatever protocol. The
//! actor is a SID alone; the status is an LDAP result code.

use hopwatch_model::event::{AccountChange, AccountChangeKind, DirectoryChange, GroupChange, ValueOperation};
use hopwatch_model::{Account, Activity, Guid, Outcome};

use super::super::Json;
use super::{Report, first_rdn};
use crate::sources::secret_attributes::is_secret;

/// The most values of one change that are kept; the count beyond says no more.
const MAX_VALUES: usize = 1000;
/// The longest value that is kept, in bytes.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// What the server itself writes at every logon and replication.
const BOOKKEEPING: &[&str] = &[
    "lastLogon",
    "lastLogonTimestamp",
    "logonCount",
    "badPwdCount",
    "badPasswordTime",
    "repsTo",
    "repsFrom",
    "replUpToDateVector",
    "uSNChanged",
    "whenChanged",
    "rIDNextRID",
    "rIDPreviousAllocationPool",
    "rIDUsedPool",
    "dnsRecord",
    "dNSTombstoned",
];

/// The SID of LocalSystem.
const SYSTEM: &str = "S-1-5-18";

fn actor(report: &Report<'_, '_>) -> Option<Account> {
    Some(Account { sid: Some(report.sid("userSid")?), ..Account::default() })
}

fn outcome(report: &Report<'_, '_>) -> Outcome {
    match report.body.integer("statusCode").and_then(|code| u32::try_from(code).ok()) {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Failure(code),
        None => Outcome::Unseen,
    }
}

fn emit(report: &mut Report<'_, '_>, activity: Activity) {
    let (actor, outcome) = (actor(report), outcome(report));
    let hosts = (report.host("remoteAddress"), None);
    report.emit(actor, hosts, outcome, activity);
}

pub(super) fn change(report: &mut Report<'_, '_>) {
    let Some(dn) = report.body.text("dn").map(str::to_owned) else {
        return report.context.counters.drop("samba change without object");
    };
    let own = report.body.text("userSid") == Some(SYSTEM) && report.body.text("remoteAddress").is_none();
    let body = report.body;
    let attributes = body.get("attributes").map(Json::entries).unwrap_or_default();
    let class = class(body);
    let whole = |operation, new_object| DirectoryChange {
        object: dn.clone(),
        guid: body.text("objectGUID").and_then(|text| text.parse::<Guid>().ok()),
        class: class.clone(),
        operation,
        attribute: String::new(),
        values: Vec::new(),
        old_values: Vec::new(),
        new_object,
    };
    let before = report.made;
    match body.text("operation") {
        Some("Add") => emit(report, Activity::DirectoryChange(Box::new(whole(ValueOperation::Create, None)))),
        Some("Delete") => emit(report, Activity::DirectoryChange(Box::new(whole(ValueOperation::Remove, None)))),
        Some("Rename") => {
            let new = body.text("newDn").or_else(|| body.text("newDN")).map(str::to_owned);
            emit(report, Activity::DirectoryChange(Box::new(whole(ValueOperation::Move, new))));
        }
        _ => {}
    }
    for (attribute, actions) in attributes {
        if own && BOOKKEEPING.contains(&&**attribute) {
            continue;
        }
        if own && &**attribute == "lockoutTime" {
            lockout(report, &dn, actions);
            continue;
        }
        for action in actions.items("actions") {
            let operation = match action.text("action") {
                Some("delete") => ValueOperation::Delete,
                Some("replace") => ValueOperation::Replace,
                _ => ValueOperation::Add,
            };
            let values = values(attribute, action);
            let (values, old_values) = match operation {
                ValueOperation::Delete => (Vec::new(), values),
                _ => (values, Vec::new()),
            };
            let change =
                DirectoryChange { attribute: attribute.to_string(), values, old_values, ..whole(operation, None) };
            emit(report, Activity::DirectoryChange(Box::new(change)));
        }
    }
    if report.made == before {
        report.context.counters.ignore("samba's own bookkeeping");
    }
}

/// The most specific class that an addition names.
fn class(body: &Json<'_>) -> String {
    let actions = body.at("attributes.objectClass").map(|class| class.items("actions")).unwrap_or_default();
    let last = actions.first().map(|action| action.items("values")).and_then(<[Json<'_>]>::last);
    last.and_then(|value| value.text("value")).unwrap_or_default().to_owned()
}

/// The values of an action: redacted and secret ones stay out, binary ones stay base64.
fn values(attribute: &str, action: &Json<'_>) -> Vec<String> {
    if is_secret(attribute) || matches!(action.get("redacted"), Some(Json::Bool(true))) {
        return Vec::new();
    }
    let text = |value: &Json<'_>| value.text("value").filter(|value| value.len() <= MAX_VALUE_BYTES).map(str::to_owned);
    action.items("values").iter().take(MAX_VALUES).filter_map(text).collect()
}

/// A lock-out: the server sets `lockoutTime`, or clears it with 0.
fn lockout(report: &mut Report<'_, '_>, dn: &str, actions: &Json<'_>) {
    let value = actions.items("actions").iter().flat_map(|action| action.items("values")).last();
    let locked = value.and_then(|value| value.text("value")).is_some_and(|value| value != "0");
    let kind = if locked { AccountChangeKind::LockedOut } else { AccountChangeKind::Unlocked };
    emit(report, Activity::AccountChange(Box::new(account_change(dn, kind))));
}

fn account_change(dn: &str, kind: AccountChangeKind) -> AccountChange {
    let account = Account { name: first_rdn(dn), ..Account::default() };
    AccountChange { kind, account, new_name: None, attributes: vec![("distinguishedName".to_owned(), dn.to_owned())] }
}

pub(super) fn group_change(report: &mut Report<'_, '_>) {
    let (group, member) = (report.body.text("group"), report.body.text("user"));
    let (Some(group), Some(member)) = (group.map(str::to_owned), member.map(str::to_owned)) else {
        return report.context.counters.drop("samba group change without group or member");
    };
    if group == member {
        // Creating an account reports it as its own group once.
        return report.context.counters.ignore("samba reports an account as its own group");
    }
    let added = match report.body.text("action") {
        Some("Added" | "PrimaryGroup") => true,
        Some("Removed") => false,
        _ => return report.context.counters.drop("samba group change of unknown action"),
    };
    let change = GroupChange {
        group: Account { name: first_rdn(&group), ..Account::default() },
        member: Account { name: member, ..Account::default() },
        added,
    };
    emit(report, Activity::GroupChange(Box::new(change)));
}

pub(super) fn password_change(report: &mut Report<'_, '_>) {
    let Some(dn) = report.body.text("dn").map(str::to_owned) else {
        return report.context.counters.drop("samba password change without object");
    };
    let kind = match report.body.text("action") {
        Some("Change") => AccountChangeKind::PasswordChanged,
        _ => AccountChangeKind::PasswordReset,
    };
    emit(report, Activity::AccountChange(Box::new(account_change(&dn, kind))));
}
