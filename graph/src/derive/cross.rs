//! Who has several rights at once, each perhaps through another group: BloodHound's cross product of node sets
//! (`packages/go/analysis/ad/CalculateCrossProductNodeSetsDoc.md`).
//!
//! The result is the shallowest principals that are in every set, so that an edge starts at a group where all of its
//! members qualify. A set that holds Authenticated Users or Everyone restricts nobody and is left out.

use super::membership::Membership;
use super::set::Set;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// The principals that are in every one of the sets, which hold who was named directly.
pub(super) fn cross(membership: &Membership, mode: Mode, sets: &[&[NodeId]]) -> Set {
    let restricting: Vec<&[NodeId]> =
        sets.iter().filter(|set| !set.iter().any(|id| membership.holds_everyone(*id))).copied().collect();
    let (first, others) = match restricting.as_slice() {
        [] => return Set::of(sets.iter().flat_map(|set| set.iter().copied())),
        [only] => return Set::of(only.iter().copied()),
        [first, others @ ..] => (*first, others),
    };
    let mut check: Option<Set> = None;
    for set in others {
        let unrolled = membership.unrolled(set);
        match &mut check {
            Some(check) => check.intersect(&unrolled),
            None => check = Some(unrolled),
        }
    }
    let check = check.unwrap_or_default();
    let named = Set::of(first.iter().copied().filter(|id| check.contains(*id)));
    let rest: Vec<NodeId> = first.iter().copied().filter(|id| !check.contains(*id)).collect();
    match mode {
        Mode::Ours => shallowest(membership, named, &rest, &check),
        Mode::BloodHound => as_bloodhound(membership, named, &rest, &check),
    }
}

/// Descends from the groups that do not qualify to the first members that do. One that lies in a group of the result is
/// left out, since it has the right by being in that group.
fn shallowest(membership: &Membership, mut result: Set, rest: &[NodeId], check: &Set) -> Set {
    let mut seen = Set::of(rest.iter().copied());
    let mut open = rest.to_vec();
    while let Some(id) = open.pop() {
        for member in membership.direct(id) {
            if check.contains(member) {
                result.insert(member);
            } else if seen.insert(member) {
                open.push(member);
            }
        }
    }
    let mut covered = Set::default();
    for group in result.iter().filter(|id| membership.is_group(*id)) {
        if !covered.contains(group) {
            let mut members = membership.members(group);
            members.remove(group);
            covered.unite(&members);
        }
    }
    Set::of(result.iter().filter(|id| !covered.contains(*id)))
}

/// BloodHound walks the groups from small to large and *toggles* the members of each one that qualifies, so that an
/// account in an even number of them appears besides them. The order does not matter for the outcome: a group is only
/// toggled by larger ones, after it was looked at.
fn as_bloodhound(membership: &Membership, mut result: Set, rest: &[NodeId], check: &Set) -> Set {
    let mut left = Set::default();
    for id in rest {
        left.unite(&membership.members(*id));
    }
    let expands = |id: NodeId| membership.direct(id).next().is_some();
    let groups: Vec<NodeId> = left.iter().filter(|id| expands(*id)).collect();
    for group in &groups {
        left.remove(*group);
    }
    for group in groups.into_iter().filter(|id| check.contains(*id)) {
        result.insert(group);
        for member in membership.members(group).iter() {
            left.toggle(member);
        }
    }
    left.intersect(check);
    result.unite(&left);
    result
}

/// The edges by which a principal has the right that `edges` give: the memberships that lead to one of their sources,
/// and that edge. Where it has the right as one of everyone, the edge alone.
pub(super) fn grant(membership: &Membership, principal: NodeId, edges: &[EdgeKey]) -> Vec<EdgeKey> {
    let holders = Set::of(edges.iter().map(|key| key.source));
    let from = |id: NodeId| edges.iter().find(|key| key.source == id).copied();
    match membership.chain(principal, &holders) {
        Some((holder, mut chain)) => {
            chain.extend(from(holder));
            chain
        }
        None => edges.iter().copied().find(|key| membership.holds_everyone(key.source)).into_iter().collect(),
    }
}
