//! Share access: 5140 (a share, once per session) and 5145 (a file or pipe of a share: *Detailed File Share*).

use hopwatch_model::Activity;
use hopwatch_model::event::ShareAccess;
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{audited, client, computer, number32, string, subject, text};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        5140 | 5145 => Some(accessed),
        _ => None,
    }
}

/// `Subject…` (the account), `IpAddress`, `IpPort`, `ShareName` (`\\*\SYSVOL`), `RelativeTargetName` (5145), `AccessMask`.
fn accessed(record: &EventRecord<'_>) -> Option<Made> {
    let share = text(record, "ShareName")?;
    let share = share.rsplit('\\').next().unwrap_or(share).to_owned();
    let access = ShareAccess {
        share,
        path: string(record, "RelativeTargetName").trim_start_matches('\\').to_owned(),
        access_mask: number32(record, "AccessMask").unwrap_or(0),
    };
    Some(Made {
        actor: subject(record),
        source: client(record, "IpAddress", "IpPort", None),
        target: computer(record),
        outcome: audited(record),
        activity: Activity::ShareAccess(Box::new(access)),
        session: None,
    })
}
