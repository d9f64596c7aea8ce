//! Security templates: `GptTmpl.inf`, `[MS-GPSB] 2.2`.

use super::{Effect, GroupChange, Policy, Trustee};
use crate::Counters;

/// Takes what a template says of groups, rights and registry values.
pub(super) fn read(text: &str, policy: &mut Policy, counters: &mut Counters) {
    let mut section = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_ascii_lowercase();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            counters.ignore("line of a security template without a value");
            continue;
        };
        let (key, value) = (key.trim().trim_matches('"'), value.trim());
        match section.as_str() {
            "group membership" => membership(key, value, policy, counters),
            "privilege rights" => {
                policy.rights.insert(key.to_owned(), trustees(value));
            }
            "registry values" => {
                // `PATH=TYPE,DATA`.
                let data = value.split_once(',').map_or(value, |(_, data)| data);
                policy.registry.insert(key.to_ascii_lowercase(), data.trim().trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
}

fn trustees(value: &str) -> Vec<Trustee> {
    value.split(',').filter_map(Trustee::parse).collect()
}

/// `GROUP__Members = …` says the members of a group whole; `WHO__Memberof = …` adds somebody to groups.
fn membership(key: &str, value: &str, policy: &mut Policy, counters: &mut Counters) {
    let lower = key.to_ascii_lowercase();
    let part = |suffix: &str| lower.ends_with(suffix).then(|| key.get(..key.len() - suffix.len())).flatten();
    if let Some(group) = part("__members") {
        match Trustee::parse(group).as_ref().and_then(local_group) {
            Some(rid) => policy.groups.push(GroupChange { rid, effect: Effect::Set(trustees(value)) }),
            None => counters.ignore("restricted group that is none of the host's own"),
        }
    } else if let Some(who) = part("__memberof")
        && let Some(who) = Trustee::parse(who)
    {
        for rid in trustees(value).iter().filter_map(local_group) {
            policy.groups.push(GroupChange { rid, effect: Effect::Add(vec![who.clone()]) });
        }
    }
}

/// The builtin groups of every host that matter for moving to it, by SID and by English name.
pub(super) fn local_group(group: &Trustee) -> Option<u32> {
    match group {
        Trustee::Sid(sid) => match (sid.authority(), sid.sub_authorities()) {
            (5, [32, rid]) => Some(*rid),
            _ => None,
        },
        Trustee::Name(name) => {
            let name = name.rsplit('\\').next().unwrap_or_default().trim_end_matches(" (built-in)");
            let known = [
                ("Administrators", 544),
                ("Backup Operators", 551),
                ("Remote Desktop Users", 555),
                ("Distributed COM Users", 562),
                ("Remote Management Users", 580),
            ];
            known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, rid)| *rid)
        }
    }
}
