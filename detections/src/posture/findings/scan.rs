//! What the findings ask of a snapshot: objects that a directory source reported, and who counts as an administrator.

use hopwatch_graph::{Hop, Node, NodeFlags, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, Timestamp};

/// Users and computers of the directory.
pub fn accounts(snapshot: &Snapshot) -> impl Iterator<Item = (NodeId, &Node)> {
    objects(snapshot).filter(|(id, _)| snapshot.flags(*id).has(NodeFlags::ACCOUNT))
}

/// Users that may log on.
pub fn enabled_users(snapshot: &Snapshot) -> impl Iterator<Item = (NodeId, &Node)> {
    let enabled = |id: NodeId| snapshot.flags(id).has(NodeFlags::ENABLED) && snapshot.kind(id) == NodeKind::User;
    accounts(snapshot).filter(move |(id, _)| enabled(*id))
}

/// Computers that may log on.
pub fn enabled_computers(snapshot: &Snapshot) -> impl Iterator<Item = (NodeId, &Node)> {
    let enabled = |id: NodeId| snapshot.flags(id).has(NodeFlags::ENABLED) && snapshot.kind(id) == NodeKind::Computer;
    accounts(snapshot).filter(move |(id, _)| enabled(*id))
}

/// Objects of a kind.
pub fn of_kind(snapshot: &Snapshot, kind: NodeKind) -> impl Iterator<Item = (NodeId, &Node)> {
    objects(snapshot).filter(move |(id, _)| snapshot.kind(*id) == kind)
}

fn objects(snapshot: &Snapshot) -> impl Iterator<Item = (NodeId, &Node)> {
    let own = |id: &NodeId| !snapshot.flags(*id).has(NodeFlags::STUB);
    snapshot.nodes().filter(own).filter_map(|id| snapshot.node(id).map(|node| (id, node)))
}

/// A truth of an account: its own property, else the bit of `userAccountControl`.
#[must_use]
pub fn control(node: &Node, property: &str, bit: i64) -> bool {
    node.flag(property).unwrap_or_else(|| node.integer("useraccountcontrol").is_some_and(|bits| bits & bit != 0))
}

/// True for a writable or read-only controller.
#[must_use]
pub fn controller(snapshot: &Snapshot, id: NodeId) -> bool {
    let flags = snapshot.flags(id);
    flags.has(NodeFlags::DOMAIN_CONTROLLER) || flags.has(NodeFlags::READ_ONLY_CONTROLLER)
}

/// True for a member of Tier Zero.
#[must_use]
pub fn tier_zero(snapshot: &Snapshot, id: NodeId) -> bool {
    snapshot.flags(id).has(NodeFlags::TIER_ZERO)
}

/// True for `krbtgt` and the keys of read-only controllers.
#[must_use]
pub fn krbtgt(node: &Node) -> bool {
    node.text("samaccountname").is_some_and(|name| name.to_lowercase().starts_with("krbtgt"))
}

/// True for accounts whose password the directory itself chooses.
#[must_use]
pub fn managed(node: &Node) -> bool {
    node.flag("gmsa") == Some(true)
        || node.flag("msa") == Some(true)
        || node.text("samaccountname").is_some_and(|name| name.ends_with('$'))
}

/// The relative identifier of an object's SID.
#[must_use]
pub fn rid(node: &Node) -> Option<u32> {
    node.id.parse::<hopwatch_model::Sid>().ok().filter(|sid| sid.domain().is_some())?.rid()
}

/// A time that BloodHound's files give in Unix seconds; 0 and −1 stand for never.
#[must_use]
pub fn time(node: &Node, property: &str) -> Option<Timestamp> {
    node.integer(property).filter(|secs| *secs > 0).map(Timestamp::from_secs)
}

/// Special identities that hold rights by design and are nobody's account: the system, the object itself, its creator,
/// OWNER RIGHTS, controllers, and the old cloud of services (`[MS-DTYP] 2.4.2.4`).
const NOBODY: &[&str] = &["S-1-5-18", "S-1-5-10", "S-1-3-0", "S-1-3-4", "S-1-5-9", "S-1-5-19", "S-1-5-20"];

/// True where the source of a right is outside Tier Zero and can be held by an account.
#[must_use]
pub fn outsider(snapshot: &Snapshot, id: NodeId) -> bool {
    let nobody = |node: &Node| NOBODY.iter().any(|sid| node.id == *sid || node.id.ends_with(&format!("-{sid}")));
    !tier_zero(snapshot, id) && !snapshot.node(id).is_some_and(nobody)
}

/// Rights over an object that amount to its takeover.
#[must_use]
pub fn takes_over(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::GenericAll
            | EdgeKind::GenericWrite
            | EdgeKind::WriteDacl
            | EdgeKind::WriteOwner
            | EdgeKind::WriteOwnerLimitedRights
            | EdgeKind::Owns
            | EdgeKind::OwnsLimitedRights
            | EdgeKind::AllExtendedRights
            | EdgeKind::ForceChangePassword
            | EdgeKind::AddMember
            | EdgeKind::AddSelf
            | EdgeKind::AddAllowedToAct
            | EdgeKind::WriteAccountRestrictions
            | EdgeKind::AddKeyCredentialLink
            | EdgeKind::WriteSPN
            | EdgeKind::WriteGPLink
            | EdgeKind::WriteGPO
            | EdgeKind::WriteAltSecurityIdentities
            | EdgeKind::WritePublicInformation
            | EdgeKind::ReadGMSAPassword
    )
}

/// The rights of outsiders that take an object over.
pub fn outside_control(snapshot: &Snapshot, id: NodeId) -> impl Iterator<Item = Hop> {
    snapshot.incoming(id).filter(|hop| takes_over(hop.kind) && outsider(snapshot, hop.source))
}

/// Who holds which right, in words.
#[must_use]
pub fn holders(snapshot: &Snapshot, hops: &[Hop]) -> String {
    let name = |id: NodeId| snapshot.node(id).map_or("an unknown object", |node| node.label());
    let mut parts: Vec<String> = hops.iter().map(|hop| format!("{} {}", name(hop.source), hop.kind.name())).collect();
    parts.sort();
    parts.dedup();
    let more = parts.len().saturating_sub(10);
    parts.truncate(10);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", parts.join(", "))
}
