//! Group membership: 4728/4729 (global), 4732/4733 (domain local and local), 4756/4757 (universal) security groups, and
//! the distribution groups' 4746/4747, 4751/4752, 4761/4762.

use hopwatch_model::event::GroupChange;
use hopwatch_model::{Account, Activity};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{account, audited, computer, number, sid, subject, text};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        4728 | 4732 | 4756 | 4746 | 4751 | 4761 => Some(added),
        4729 | 4733 | 4757 | 4747 | 4752 | 4762 => Some(removed),
        _ => None,
    }
}

fn added(record: &EventRecord<'_>) -> Option<Made> {
    changed(record, true)
}

fn removed(record: &EventRecord<'_>) -> Option<Made> {
    changed(record, false)
}

/// `MemberName` (a DN, or `-` for local groups), `MemberSid`, `TargetUserName/DomainName/Sid` (the group), `Subject…`.
fn changed(record: &EventRecord<'_>, added: bool) -> Option<Made> {
    let group = account(record, "TargetUserName", "TargetDomainName", "TargetSid")?;
    let member = Account {
        // A DN may hold `@` and `\`, which part no domain off here.
        name: text(record, "MemberName").unwrap_or_default().to_owned(),
        domain: None,
        sid: sid(record, "MemberSid"),
    };
    Some(Made {
        actor: subject(record),
        source: None,
        target: computer(record),
        outcome: audited(record),
        activity: Activity::GroupChange(Box::new(GroupChange { group, member, added })),
        session: number(record, "SubjectLogonId"),
    })
}
