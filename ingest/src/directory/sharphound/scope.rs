//! Which policies apply to a computer, in which order, and what local groups and rights come of it: `[MS-GPOL] 3.2.5`.
//!
//! The order: the domain's links first, then those of each folder down to the computer's own, in each folder in the
//! order of the list, so that the last of it counts most; a folder that blocks inheritance leaves out what is above it; enforced links come after all others, the
//! highest folder's last. A later policy overrides an earlier one. A policy applies to who may read and apply it, by its
//! own access control.
//!
//! *Blind spots*: links of sites, WMI filters (counted as passed), loopback processing, item-level targeting.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_model::{Guid, NodeKind, Sid};
use hopwatch_wire::security_descriptor::{self as sd, Effect as AceEffect, mask};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::Summary;
use super::index::{Index, Item};
use super::object::Principal;
use super::policy;
use crate::directory::sysvol::{Effect, Policy, Trustee};

/// The extended right to apply a policy, `[MS-GPOL] 2.2.4`.
const APPLY: Guid = Guid::from_u128(0xedac_fd8f_ffb3_11d1_b41d_00a0_c968_f939);
/// The computer's half of the policy is switched off.
const COMPUTER_DISABLED: u32 = 2;
/// `GPC_BLOCK_POLICY`.
const BLOCKS: u32 = 1;
/// The right to log on remotely, the one that the format carries.
const REMOTE_LOGON: &str = "SeRemoteInteractiveLogonRight";

/// What policies make of a computer.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Members of local groups by the last part of the group's SID.
    groups: BTreeMap<u32, BTreeSet<Principal>>,
    /// Who may log on remotely, where a policy says so.
    remote_logon: Option<BTreeSet<Principal>>,
}

/// What is the same for all computers, found once.
pub(super) struct Scope {
    /// Groups by the distinguished name, in lower case, of a member.
    groups_of: FxHashMap<String, Vec<usize>>,
    /// Accounts and groups by `sAMAccountName` in lower case.
    by_name: FxHashMap<String, usize>,
}

impl Scope {
    /// Nothing to find where no policy was read.
    pub(super) fn of(index: &Index<'_>) -> Option<Self> {
        if index.snapshot.policies.is_empty() {
            return None;
        }
        let mut scope = Self { groups_of: FxHashMap::default(), by_name: FxHashMap::default() };
        for (at, item) in index.items.iter().enumerate() {
            if let Some(name) = item.entry.text("sAMAccountName") {
                scope.by_name.insert(name.to_lowercase(), at);
            }
            if item.kind == NodeKind::Group {
                for member in item.entry.texts("member") {
                    scope.groups_of.entry(member.to_lowercase()).or_default().push(at);
                }
            }
        }
        Some(scope)
    }

    /// What policies make of a computer.
    pub(super) fn applied(&self, index: &Index<'_>, computer: &Item<'_>, summary: &mut Summary) -> Applied {
        let token = self.token(index, computer);
        let mut applied = Applied::default();
        for gpo in order(index, computer) {
            let Some(policy) = gpo.policy_guid().and_then(|guid| index.snapshot.policies.get(&guid)) else { continue };
            let flags = gpo.entry.flags("flags").unwrap_or(0);
            if flags & COMPUTER_DISABLED == 0 && may_apply(gpo, &token) {
                self.apply(index, policy, &mut applied, summary);
            }
        }
        applied
    }

    /// Everybody as whom the computer acts: itself, its groups, and what every computer of the domain is.
    fn token(&self, index: &Index<'_>, computer: &Item<'_>) -> FxHashSet<Sid> {
        let mut token: FxHashSet<Sid> = [Sid::new(1, &[0]), Sid::new(5, &[11])].into_iter().flatten().collect();
        token.extend(computer.entry.sid("objectSid"));
        token.extend(computer.entry.flags("primaryGroupID").and_then(|rid| index.domain_sid.child(rid)));
        let mut open = vec![computer.entry.dn.to_lowercase()];
        let primary = token.iter().filter_map(|sid| index.holder(sid)).map(|item| item.entry.dn.to_lowercase());
        open.extend(primary);
        let mut seen = FxHashSet::default();
        while let Some(dn) = open.pop() {
            for group in self.groups_of.get(&dn).into_iter().flatten().filter_map(|at| index.items.get(*at)) {
                if let Some(sid) = group.entry.sid("objectSid")
                    && seen.insert(sid.clone())
                {
                    open.push(group.entry.dn.to_lowercase());
                    token.insert(sid);
                }
            }
        }
        token
    }

    fn apply(&self, index: &Index<'_>, policy: &Policy, applied: &mut Applied, summary: &mut Summary) {
        for change in &policy.groups {
            let members = applied.groups.entry(change.rid).or_default();
            match &change.effect {
                Effect::Clear => members.clear(),
                Effect::Set(who) => {
                    *members = who.iter().filter_map(|who| self.resolve(index, who, summary)).collect();
                }
                Effect::Add(who) => members.extend(who.iter().filter_map(|who| self.resolve(index, who, summary))),
                Effect::Remove(who) => {
                    for gone in who.iter().filter_map(|who| self.resolve(index, who, summary)) {
                        members.remove(&gone);
                    }
                }
            }
        }
        if let Some(who) = policy.rights.get(REMOTE_LOGON) {
            let who = who.iter().filter_map(|who| self.resolve(index, who, summary));
            applied.remote_logon = Some(who.collect());
        }
    }

    fn resolve(&self, index: &Index<'_>, who: &Trustee, summary: &mut Summary) -> Option<Principal> {
        match who {
            Trustee::Sid(sid) => Some(index.of_sid(sid)),
            Trustee::Name(name) => {
                let (domain, account) = name.rsplit_once('\\').unwrap_or(("", name));
                let ours = domain.is_empty()
                    || domain.eq_ignore_ascii_case("%domainname%")
                    || domain.eq_ignore_ascii_case(&index.domain)
                    || index.netbios.as_deref().is_some_and(|netbios| netbios.eq_ignore_ascii_case(domain));
                let found = self.by_name.get(&account.to_lowercase()).filter(|_| ours);
                let found = found.and_then(|at| index.items.get(*at));
                if found.is_none() {
                    summary.gap("names in policies that are no accounts of the domain");
                }
                found.map(|item| Principal { object_identifier: item.id.clone(), object_type: item.kind.name() })
            }
        }
    }
}

/// The policies that are linked above a computer, in the order in which they take effect.
fn order<'i, 'a>(index: &'i Index<'a>, computer: &Item<'_>) -> Vec<&'i Item<'a>> {
    let (mut usual, mut enforced) = (Vec::new(), Vec::new());
    let mut blocked = false;
    // From the computer's own folder up.
    for folder in index.folders(computer) {
        if !matches!(folder.kind, NodeKind::OU | NodeKind::Domain) {
            continue;
        }
        let links = policy::linked(index, folder);
        enforced.extend(links.iter().filter(|(_, enforced)| *enforced).map(|(gpo, _)| *gpo));
        if !blocked {
            // Collected from the last to take effect to the first, and turned around below.
            usual.extend(links.iter().rev().filter(|(_, enforced)| !enforced).map(|(gpo, _)| *gpo));
        }
        blocked |= folder.kind == NodeKind::OU && folder.entry.flags("gPOptions").unwrap_or(0) & BLOCKS != 0;
    }
    usual.reverse();
    usual.extend(enforced);
    usual
}

/// Whether who holds the token may apply the policy. Without a descriptor nothing is known against it.
fn may_apply(gpo: &Item<'_>, token: &FxHashSet<Sid>) -> bool {
    let Some(descriptor) = gpo.entry.descriptor.as_deref().and_then(|bytes| sd::decode(bytes).ok()) else {
        return true;
    };
    let mut granted = false;
    for ace in descriptor.dacl.acl().into_iter().flat_map(|acl| acl.aces()).filter_map(Result::ok) {
        let Some(access) = ace.access().filter(|access| !access.callback && !ace.flags.inherit_only()) else {
            continue;
        };
        let about = access.types.object.filter(|guid| !guid.nil());
        let applies = mask::mapped(access.mask) & mask::CONTROL_ACCESS != 0 && about.is_none_or(|guid| guid == APPLY);
        if !applies || access.trustee.to_sid().is_none_or(|sid| !token.contains(&sid)) {
            continue;
        }
        match access.effect {
            AceEffect::Allow => granted = true,
            // A refusal counts wherever it stands: lists are in canonical order, refusals first.
            AceEffect::Deny => return false,
            _ => {}
        }
    }
    granted
}

impl Applied {
    /// `LocalGroups` of the computer.
    pub(super) fn local_groups(&self, computer: &Item<'_>) -> Value {
        let host = computer.entry.text("sAMAccountName").unwrap_or_default().trim_end_matches('$').to_uppercase();
        let groups = self.groups.iter().map(|(rid, members)| {
            json!({
                "ObjectIdentifier": format!("{}-{rid}", computer.id),
                "Name": format!("{}@{host}", name(*rid)),
                "Collected": true,
                "FailureReason": null,
                "Results": members,
                "LocalNames": [],
            })
        });
        Value::Array(groups.collect())
    }

    /// `UserRights` of the computer.
    pub(super) fn user_rights(&self) -> Value {
        let rights = self.remote_logon.iter().map(|holders| {
            json!({ "Privilege": REMOTE_LOGON, "Collected": true, "FailureReason": null, "Results": holders,
                    "LocalNames": [] })
        });
        Value::Array(rights.collect())
    }
}

fn name(rid: u32) -> &'static str {
    match rid {
        544 => "ADMINISTRATORS",
        551 => "BACKUP OPERATORS",
        555 => "REMOTE DESKTOP USERS",
        562 => "DISTRIBUTED COM USERS",
        580 => "REMOTE MANAGEMENT USERS",
        _ => "LOCAL GROUP",
    }
}

#[cfg(test)]
#[path = "scope_tests.rs"]
mod tests;
