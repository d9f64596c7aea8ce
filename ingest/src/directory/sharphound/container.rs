//! Domains, organizational units and containers: what they hold, and which policies they link.

use serde_json::{Value, json};

use super::Summary;
use super::index::{Index, Item};
use super::object::Object;
use super::policy;
use super::properties::common;
use super::trust;
use hopwatch_model::NodeKind;

/// An organizational unit or a container.
pub(super) fn object(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let mut object = common(index, item, summary);
    object.set("ChildObjects", index.children(item));
    if item.kind == NodeKind::OU {
        // GPC_BLOCK_POLICY, [MS-GPOL] 2.2.3.
        object.property("blocksinheritance", item.entry.flags("gPOptions").is_some_and(|options| options & 1 != 0));
        linked(index, item, &mut object, summary);
    }
    object
}

/// The domain.
pub(super) fn domain(index: &Index<'_>, item: &Item<'_>, summary: &mut Summary) -> Object {
    let entry = item.entry;
    let mut object = common(index, item, summary);
    object.property("collected", true);
    object.property("highvalue", true);
    object.property("functionallevel", functional_level(entry.integer("msDS-Behavior-Version").unwrap_or(0)));
    if let Some(netbios) = &index.netbios {
        object.property("netbios", netbios.as_str());
    }
    match &index.heuristics {
        Some(heuristics) => object.property("dsheuristics", heuristics.as_str()),
        None => summary.gap("forests whose dSHeuristics the account may not read"),
    }
    for (property, attribute) in [
        ("machineaccountquota", "ms-DS-MachineAccountQuota"),
        ("minpwdlength", "minPwdLength"),
        ("pwdproperties", "pwdProperties"),
        ("pwdhistorylength", "pwdHistoryLength"),
        ("lockoutthreshold", "lockoutThreshold"),
    ] {
        if let Some(value) = entry.integer(attribute) {
            object.property(property, value);
        }
    }
    for (property, attribute) in [
        ("minpwdage", "minPwdAge"),
        ("maxpwdage", "maxPwdAge"),
        ("lockoutduration", "lockoutDuration"),
        ("lockoutobservationwindow", "lockOutObservationWindow"),
    ] {
        if entry.has(attribute) {
            object.property(property, span(entry.interval_secs(attribute)));
        }
    }
    let smartcards = entry.boolean("msDS-ExpirePasswordsOnSmartCardOnlyAccounts").unwrap_or(false);
    object.property("expirepasswordsonsmartcardonlyaccounts", smartcards);
    object.set("ChildObjects", index.children(item));
    linked(index, item, &mut object, summary);
    object.set("Trusts", trust::all(index, summary));
    object
}

fn linked(index: &Index<'_>, item: &Item<'_>, object: &mut Object, summary: &mut Summary) {
    object.set("Links", policy::links(index, item, summary));
    let nobody: [Value; 0] = [];
    object.set(
        "GPOChanges",
        json!({ "LocalAdmins": nobody, "RemoteDesktopUsers": nobody, "DcomUsers": nobody, "PSRemoteUsers": nobody,
                "AffectedComputers": nobody }),
    );
}

/// `msDS-Behavior-Version`, `[MS-ADTS] 6.1.4.2`.
fn functional_level(version: i64) -> &'static str {
    match version {
        0 => "2000 Mixed/Native",
        1 => "2003 Interim",
        2 => "2003",
        3 => "2008",
        4 => "2008 R2",
        5 => "2012",
        6 => "2012 R2",
        7 => "2016",
        10 => "2025",
        _ => "Unknown",
    }
}

/// A span in words, by its largest unit that leaves no rest.
pub(super) fn span(secs: Option<i64>) -> String {
    let Some(secs) = secs else { return "Forever".to_owned() };
    let units = [(31_536_000, "year"), (604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (size, unit) = units.into_iter().find(|(size, _)| secs >= *size && secs % size == 0).unwrap_or((1, "second"));
    let count = secs / size;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_by_their_largest_whole_unit() {
        let told = [Some(31_536_000), Some(3_628_800), Some(86_400), Some(90), None].map(span);
        assert_eq!(told, ["1 year", "6 weeks", "1 day", "90 seconds", "Forever"]);
    }
}
