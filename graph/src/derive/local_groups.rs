//! What the members of a computer's local groups may do: `AdminTo`, `CanPSRemote`, `ExecuteDCOM`, `CanRDP`.
//!
//! Remote desktop needs the group *and* the user right to log on through it; where the rights were not collected, the
//! group alone decides. BloodHound `packages/go/analysis/ad/post.go`, `local_groups.go`.

use std::collections::BTreeMap;

use hopwatch_model::{EdgeKind, NodeKind};

use super::cross::{cross, grant};
use super::membership::Membership;
use super::set::Set;
use super::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// The relative identifiers of the groups, with what they give.
const GROUPS: [(&str, EdgeKind); 3] =
    [("-544", EdgeKind::AdminTo), ("-580", EdgeKind::CanPSRemote), ("-562", EdgeKind::ExecuteDCOM)];

/// Remote Desktop Users.
const REMOTE_DESKTOP: &str = "-555";

/// Citrix' group, which restricts remote desktop to its members on the hosts that have it.
const DIRECT_ACCESS: &str = "DIRECT ACCESS USERS";

/// Edges to every computer that has local groups.
pub(super) fn derive(work: &mut Work<'_>, membership: &Membership) {
    let mut groups: BTreeMap<NodeId, Vec<EdgeKey>> = BTreeMap::new();
    for key in work.raw(EdgeKind::LocalToComputer) {
        groups.entry(key.target).or_default().push(*key);
    }
    for (computer, links) in groups {
        for (rid, makes) in GROUPS {
            for link in with_rid(work, &links, rid) {
                for member in members(work, membership, link.source) {
                    work.make(member.source, makes, computer, vec![member, link]);
                }
            }
        }
        remote_desktop(work, membership, computer, &links);
    }
}

/// The groups of a relative identifier. A domain controller can have two: its domain's, and one that a policy names by
/// the controller's own SID. Both count; BloodHound takes the first.
fn with_rid(work: &Work<'_>, links: &[EdgeKey], rid: &str) -> Vec<EdgeKey> {
    let found = links.iter().filter(|link| work.id(link.source).ends_with(rid)).copied();
    match work.mode() {
        Mode::Ours => found.collect(),
        Mode::BloodHound => found.take(1).collect(),
    }
}

/// The membership edges of accounts and groups of the directory; local accounts start no edge.
fn members(work: &Work<'_>, membership: &Membership, group: NodeId) -> Vec<EdgeKey> {
    let members = membership.direct(group);
    let key = |source| EdgeKey { source, kind: EdgeKind::MemberOfLocalGroup, target: group };
    let principal = |id: &NodeId| matches!(work.kind(*id), NodeKind::User | NodeKind::Group | NodeKind::Computer);
    members.filter(principal).map(key).collect()
}

fn remote_desktop(work: &mut Work<'_>, membership: &Membership, computer: NodeId, links: &[EdgeKey]) {
    let rights = work.edges_into(computer, &[EdgeKind::RemoteInteractiveLogonRight]);
    let restricted = work.flag(computer, "hasura") == Some(true);
    let citrix = links.iter().find(|link| {
        work.mode() == Mode::Ours && work.text(link.source, "name").to_uppercase().starts_with(DIRECT_ACCESS)
    });
    for link in with_rid(work, links, REMOTE_DESKTOP) {
        let granted = rights.iter().any(|right| right.source == link.source);
        let holders = match (restricted && !granted, citrix) {
            (false, None) => {
                for member in members(work, membership, link.source) {
                    work.make(member.source, EdgeKind::CanRDP, computer, vec![member, link]);
                }
                continue;
            }
            (true, None) => with_right(work, membership, link.source, &rights),
            (needs_right, Some(citrix)) => {
                let named: Vec<NodeId> = rights.iter().map(|right| right.source).collect();
                let mut sets: Vec<&[NodeId]> =
                    vec![std::slice::from_ref(&link.source), std::slice::from_ref(&citrix.source)];
                if needs_right {
                    sets.push(&named);
                }
                cross(membership, work.mode(), &sets)
            }
        };
        for principal in holders.iter().filter(|id| *id != link.source) {
            let mut composition = vec![link];
            let group = Set::of([link.source]);
            composition.extend(membership.chain(principal, &group).into_iter().flat_map(|(_, chain)| chain));
            composition.extend(grant(membership, principal, &rights));
            work.make(principal, EdgeKind::CanRDP, computer, composition);
        }
    }
}

/// Those with the user right who are in the group, and those in groups with the right who are in the group.
fn with_right(work: &Work<'_>, membership: &Membership, group: NodeId, rights: &[EdgeKey]) -> Set {
    let members = membership.members(group);
    let named: Vec<NodeId> = rights.iter().map(|right| right.source).collect();
    if work.mode() == Mode::Ours {
        return cross(membership, Mode::Ours, &[&named, &[group]]);
    }
    let mut found = Set::default();
    for id in named {
        if members.contains(id) {
            found.insert(id);
        } else {
            let mut expanded = membership.members(id);
            expanded.intersect(&members);
            found.unite(&expanded);
        }
    }
    found
}
