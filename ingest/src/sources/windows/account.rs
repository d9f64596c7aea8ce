//! Account management: 4720 created, 4722 enabled, 4723 password changed, 4724 password reset, 4725 disabled, 4726 deleted,
//! 4738 changed, 4740 locked out, 4767 unlocked, 4781 renamed, 4741/4742/4743 computer accounts, 4765/4766 sIDHistory,
//! 4794 DSRM password; and groups that were deleted: 4730, 4734, 4758 (security), 4748, 4753, 4763 (distribution).

use hopwatch_model::event::{AccountChange, AccountChangeKind as Kind};
use hopwatch_model::{Account, Activity};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{account, audited, bounded, computer, named, number, number32, status, subject, text};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        4720 | 4722..=4726 | 4738 | 4741..=4743 | 4767 => Some(changed),
        4730 | 4734 | 4748 | 4753 | 4758 | 4763 => Some(changed),
        4740 => Some(locked_out),
        4781 => Some(renamed),
        4765 | 4766 => Some(sid_history),
        4794 => Some(dsrm_password),
        _ => None,
    }
}

/// `TargetUserName/DomainName/Sid`, `Subject…`, and for created and changed accounts the attributes of [`ATTRIBUTES`].
fn changed(record: &EventRecord<'_>) -> Option<Made> {
    let account = target(record)?;
    let kind = match record.event_id {
        4720 | 4741 => Kind::Created,
        4722 => Kind::Enabled,
        4723 => Kind::PasswordChanged,
        4724 => Kind::PasswordReset,
        4725 => Kind::Disabled,
        4726 | 4743 | 4730 | 4734 | 4748 | 4753 | 4758 | 4763 => Kind::Deleted,
        4767 => Kind::Unlocked,
        _ => Kind::Changed,
    };
    Some(made(record, AccountChange { kind, account, new_name: None, attributes: attributes(record) }))
}

fn target(record: &EventRecord<'_>) -> Option<Account> {
    account(record, "TargetUserName", "TargetDomainName", "TargetSid")
}

fn made(record: &EventRecord<'_>, change: AccountChange) -> Made {
    Made {
        actor: subject(record),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::AccountChange(Box::new(change)),
        session: number(record, "SubjectLogonId"),
    }
}

/// Field of the record and the LDAP attribute that it shows. Unchanged attributes are logged as `-`.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("SamAccountName", "sAMAccountName"),
    ("DisplayName", "displayName"),
    ("UserPrincipalName", "userPrincipalName"),
    ("HomeDirectory", "homeDirectory"),
    ("HomePath", "homeDrive"),
    ("ScriptPath", "scriptPath"),
    ("ProfilePath", "profilePath"),
    ("UserWorkstations", "userWorkstations"),
    ("PasswordLastSet", "pwdLastSet"),
    ("AccountExpires", "accountExpires"),
    ("PrimaryGroupId", "primaryGroupID"),
    ("AllowedToDelegateTo", "msDS-AllowedToDelegateTo"),
    ("SidHistory", "sIDHistory"),
    ("DnsHostName", "dNSHostName"),
    ("ServicePrincipalNames", "servicePrincipalName"),
];

fn attributes(record: &EventRecord<'_>) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = ATTRIBUTES
        .iter()
        .filter_map(|(field, name)| Some(((*name).to_owned(), bounded(text(record, field)?))))
        .filter(|(_, value)| !matches!(value.as_str(), "%%1793" | "<value not set>"))
        .collect();
    if let Some(flags) = number32(record, "NewUacValue") {
        attributes.push(("userAccountControl".to_owned(), user_account_control(flags).to_string()));
    }
    attributes
}

/// `(SAM bit, LDAP bit)` of `[MS-SAMR] 2.2.1.12` and `[MS-ADTS] 2.2.16`.
const FLAGS: &[(u32, u32)] = &[
    (0x0000_0001, 0x0000_0002),
    (0x0000_0002, 0x0000_0008),
    (0x0000_0004, 0x0000_0020),
    (0x0000_0008, 0x0000_0100),
    (0x0000_0010, 0x0000_0200),
    (0x0000_0020, 0x0002_0000),
    (0x0000_0040, 0x0000_0800),
    (0x0000_0080, 0x0000_1000),
    (0x0000_0100, 0x0000_2000),
    (0x0000_0200, 0x0001_0000),
    (0x0000_0400, 0x0000_0010),
    (0x0000_0800, 0x0000_0080),
    (0x0000_1000, 0x0004_0000),
    (0x0000_2000, 0x0008_0000),
    (0x0000_4000, 0x0010_0000),
    (0x0000_8000, 0x0020_0000),
    (0x0001_0000, 0x0040_0000),
    (0x0002_0000, 0x0080_0000),
    (0x0004_0000, 0x0100_0000),
    (0x0008_0000, 0x0200_0000),
    (0x0010_0000, 0x0400_0000),
];

/// The record gives SAM's flags, whose bits differ from those of the attribute.
fn user_account_control(sam: u32) -> u32 {
    FLAGS.iter().filter(|(bit, _)| sam & bit != 0).fold(0, |value, (_, bit)| value | bit)
}

/// 4740: `TargetUserName`, `TargetSid`, and in `TargetDomainName` the *computer* from which the bad passwords came.
fn locked_out(record: &EventRecord<'_>) -> Option<Made> {
    let account = account(record, "TargetUserName", "SubjectDomainName", "TargetSid")?;
    let caller = text(record, "TargetDomainName").map(|name| name.trim_start_matches('\\'));
    let mut made =
        made(record, AccountChange { kind: Kind::LockedOut, account, new_name: None, attributes: Vec::new() });
    made.source = caller.filter(|name| !name.is_empty()).map(named);
    made.session = None;
    Some(made)
}

/// 4781: `OldTargetUserName`, `NewTargetUserName`, `TargetDomainName`, `TargetSid`.
fn renamed(record: &EventRecord<'_>) -> Option<Made> {
    let account = account(record, "OldTargetUserName", "TargetDomainName", "TargetSid")?;
    let new_name = text(record, "NewTargetUserName").map(str::to_owned);
    Some(made(record, AccountChange { kind: Kind::Renamed, account, new_name, attributes: Vec::new() }))
}

/// 4765: `SourceUserName`, `SourceSid`, `TargetUserName/DomainName/Sid`, `SidList`; 4766 the failed attempt.
fn sid_history(record: &EventRecord<'_>) -> Option<Made> {
    let account = target(record)?;
    let added = text(record, "SourceSid").or_else(|| text(record, "SidList")).unwrap_or_default();
    let attributes = vec![("sIDHistory".to_owned(), bounded(added))];
    let mut made = made(record, AccountChange { kind: Kind::SidHistoryAdded, account, new_name: None, attributes });
    if record.event_id == 4766 && made.outcome.succeeded() {
        made.outcome = hopwatch_model::Outcome::Failure(0xC000_0001);
    }
    Some(made)
}

/// 4794: `Subject…`, `Workstation`, `Status`.
fn dsrm_password(record: &EventRecord<'_>) -> Option<Made> {
    let account = Account { name: "Administrator".into(), ..Account::default() };
    let change = AccountChange { kind: Kind::DsrmPasswordSet, account, new_name: None, attributes: Vec::new() };
    let mut made = made(record, change);
    made.source = text(record, "Workstation").map(named);
    made.outcome = status(record, "Status");
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sam_flags_become_the_attributes_bits() {
        assert_eq!(user_account_control(0x15), 0x222);
        assert_eq!(user_account_control(0x1_0210), 0x0041_0200);
    }
}
