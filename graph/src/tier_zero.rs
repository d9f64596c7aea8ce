//! Tier Zero: the objects whose takeover is the domain's, and why each of them belongs to it.
//!
//! Seeds are well-known groups and accounts, domain heads, domain controllers, AdminSDHolder and the certification
//! authorities. From the seeds the set grows by rules: members of its groups, the containers that hold its principals
//! and the policies linked there (who controls those controls what lies below), hosts of its authorities. It does not
//! grow *down* a container, and not through groups that hold nearly everyone: a member of Tier Zero such as Domain Users
//! is an exposure to be shown, not a reason to call every user Tier Zero.

use std::collections::{BTreeMap, BTreeSet};

use hopwatch_model::{EdgeKind, NodeKind};
use serde::{Deserialize, Serialize};

use crate::estate::Node;
use crate::ids::NodeId;
use crate::snapshot::{NodeFlags, Snapshot};

/// Why a node belongs to Tier Zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is a well-known principal, by the end of its SID.
    WellKnown(&'static str),
    /// It is the head of a domain.
    DomainHead,
    /// It is the container whose security descriptor is stamped on administrative accounts.
    AdminSdHolder,
    /// It is a domain controller, also a read-only one.
    DomainController,
    /// It is part of the public key infrastructure that domain controllers trust.
    CertificationAuthority,
    /// It is a member of a group of Tier Zero.
    MemberOf(NodeId),
    /// It holds an object of Tier Zero.
    Contains(NodeId),
    /// It is a policy linked where it applies to an object of Tier Zero.
    AppliesTo(NodeId),
    /// It hosts an authority of Tier Zero.
    Hosts(NodeId),
    /// An administrator marked it.
    Marked,
}

/// Nodes that an administrator marked, by object id. An id that no node has is kept, for the day when it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// Taken over by an attacker, in an exercise or in earnest.
    pub owned: BTreeSet<String>,
    /// Worth more than others.
    pub sensitive: BTreeSet<String>,
    /// Tier Zero beyond the rules.
    pub tier_zero: BTreeSet<String>,
    /// Kept out of Tier Zero, whatever the rules say.
    pub not_tier_zero: BTreeSet<String>,
    /// Further zones, by their names.
    pub zones: BTreeMap<String, BTreeSet<String>>,
}

/// The ends of the SIDs of principals that are Tier Zero in every domain, `[MS-DTYP] 2.4.2.4`. The operators' groups are
/// among them since each can take over a domain controller by its default rights.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("-500", "the built-in Administrator"),
    ("-502", "krbtgt"),
    ("-512", "Domain Admins"),
    ("-516", "Domain Controllers"),
    ("-498", "Enterprise Read-only Domain Controllers"),
    ("-518", "Schema Admins"),
    ("-519", "Enterprise Admins"),
    ("-521", "Read-only Domain Controllers"),
    ("-526", "Key Admins"),
    ("-527", "Enterprise Key Admins"),
    ("S-1-5-32-544", "Administrators"),
    ("S-1-5-32-548", "Account Operators"),
    ("S-1-5-32-549", "Server Operators"),
    ("S-1-5-32-550", "Print Operators"),
    ("S-1-5-32-551", "Backup Operators"),
    ("S-1-5-9", "Enterprise Domain Controllers"),
];

/// Groups that hold nearly everyone, by the end of their SID: Tier Zero does not grow through them.
const BROAD: &[&str] =
    &["S-1-1-0", "S-1-5-7", "S-1-5-11", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-546", "-513", "-514", "-515"];

/// Tier Zero of a snapshot without flags yet, with the reason of each member.
pub(crate) fn tier_zero(snapshot: &Snapshot, tags: &Tags) -> BTreeMap<NodeId, Reason> {
    let kept_out: BTreeSet<NodeId> = tags.not_tier_zero.iter().filter_map(|id| snapshot.find(id)).collect();
    let mut zone = Zone { snapshot, kept_out, members: BTreeMap::new(), queue: Vec::new() };
    for id in snapshot.nodes() {
        if let Some(reason) = snapshot.node(id).and_then(|node| seed(node, snapshot.flags(id))) {
            zone.admit(id, reason);
        }
    }
    for id in tags.tier_zero.iter().filter_map(|id| snapshot.find(id)) {
        zone.admit(id, Reason::Marked);
    }
    while let Some(id) = zone.queue.pop() {
        zone.grow(id);
    }
    zone.members
}

fn seed(node: &Node, flags: NodeFlags) -> Option<Reason> {
    match node.kind {
        NodeKind::Domain => Some(Reason::DomainHead).filter(|_| node.flag("collected") != Some(false)),
        NodeKind::Container => {
            let dn = node.text("distinguishedname").unwrap_or_default().to_uppercase();
            dn.starts_with("CN=ADMINSDHOLDER,CN=SYSTEM,").then_some(Reason::AdminSdHolder)
        }
        NodeKind::Computer => {
            let controller = flags.has(NodeFlags::DOMAIN_CONTROLLER) || flags.has(NodeFlags::READ_ONLY_CONTROLLER);
            controller.then_some(Reason::DomainController)
        }
        NodeKind::EnterpriseCA | NodeKind::RootCA | NodeKind::AIACA | NodeKind::NTAuthStore => {
            Some(Reason::CertificationAuthority)
        }
        NodeKind::User | NodeKind::Group => well_known(&node.id).map(Reason::WellKnown),
        _ => None,
    }
}

fn well_known(id: &str) -> Option<&'static str> {
    WELL_KNOWN.iter().find(|(suffix, _)| ends_with_sid(id, suffix)).map(|(_, name)| *name)
}

/// True where a SID ends so. A RID stands behind a domain's own SID; a well-known SID stands alone or behind a name.
pub(crate) fn ends_with_sid(id: &str, suffix: &str) -> bool {
    let Some(rest) = id.strip_suffix(suffix) else {
        return false;
    };
    if suffix.starts_with('-') { rest.starts_with("S-1-5-21-") } else { rest.is_empty() || rest.ends_with('-') }
}

struct Zone<'a> {
    snapshot: &'a Snapshot,
    kept_out: BTreeSet<NodeId>,
    members: BTreeMap<NodeId, Reason>,
    queue: Vec<NodeId>,
}

impl Zone<'_> {
    fn admit(&mut self, id: NodeId, reason: Reason) {
        if !self.kept_out.contains(&id) && !self.members.contains_key(&id) {
            self.members.insert(id, reason);
            self.queue.push(id);
        }
    }

    fn grow(&mut self, id: NodeId) {
        let snapshot = self.snapshot;
        let kind = snapshot.kind(id);
        for hop in snapshot.incoming(id) {
            match (hop.kind, kind) {
                (EdgeKind::MemberOf, _) if !self.broad(hop.source) => self.admit(hop.source, Reason::MemberOf(id)),
                (EdgeKind::Contains, _) if self.passes_control_down(id) => self.admit(hop.source, Reason::Contains(id)),
                (EdgeKind::GPLink, NodeKind::OU | NodeKind::Domain) => self.admit(hop.source, Reason::AppliesTo(id)),
                (EdgeKind::HostsCAService, NodeKind::EnterpriseCA) => self.admit(hop.source, Reason::Hosts(id)),
                (EdgeKind::DCFor, NodeKind::Domain) => self.admit(hop.source, Reason::DomainController),
                _ => {}
            }
        }
    }

    /// A container matters for what it holds where control over it reaches down: principals, hosts, and containers that
    /// matter themselves. The configuration's containers hold public key objects, whose own rights count.
    fn passes_control_down(&self, id: NodeId) -> bool {
        matches!(
            self.snapshot.kind(id),
            NodeKind::User | NodeKind::Computer | NodeKind::Group | NodeKind::OU | NodeKind::Container
        )
    }

    fn broad(&self, id: NodeId) -> bool {
        self.snapshot.node(id).is_some_and(|node| BROAD.iter().any(|suffix| ends_with_sid(&node.id, suffix)))
    }
}

impl Snapshot {
    /// The nodes of Tier Zero.
    #[must_use]
    pub fn tier_zero(&self) -> Vec<NodeId> {
        self.tier_zero_reasons().keys().copied().collect()
    }

    /// Every domain controller, also read-only ones: by account flags, primary group, its edge to the domain, or because
    /// it was seen to answer as one.
    #[must_use]
    pub fn domain_controllers(&self) -> Vec<NodeId> {
        let controller = |id: &NodeId| {
            let flags = self.flags(*id);
            flags.has(NodeFlags::DOMAIN_CONTROLLER)
                || flags.has(NodeFlags::READ_ONLY_CONTROLLER)
                || (self.kind(*id) == NodeKind::Computer && self.outgoing(*id).any(|hop| hop.kind == EdgeKind::DCFor))
                || self.node(*id).is_some_and(|node| node.flag(OBSERVED_KDC) == Some(true))
        };
        self.nodes().filter(controller).collect()
    }
}

/// The property of a host that was seen to issue Kerberos tickets.
pub(crate) const OBSERVED_KDC: &str = "observedkdc";

#[cfg(test)]
mod tests {
    use hopwatch_model::directory::DeltaKind;

    use super::*;
    use crate::estate::Estate;
    use crate::estate::tests::{delta, edge, node};

    fn zone(snapshot: &Snapshot) -> Vec<&str> {
        snapshot.tier_zero().into_iter().map(|id| snapshot.node(id).unwrap().id.as_str()).collect()
    }

    const DOMAIN: &str = "S-1-5-21-1-2-3";

    fn estate() -> Estate {
        let admins = format!("{DOMAIN}-512");
        let users = format!("{DOMAIN}-513");
        let nodes = vec![
            node(DOMAIN, NodeKind::Domain, &[("name", "LAB.EXAMPLE")]),
            node(&admins, NodeKind::Group, &[]),
            node(&users, NodeKind::Group, &[]),
            node("NESTED", NodeKind::Group, &[]),
            node("ANN", NodeKind::User, &[]),
            node("BOB", NodeKind::User, &[]),
            node("OU1", NodeKind::OU, &[]),
            node("GPO1", NodeKind::GPO, &[]),
            node("DC", NodeKind::Computer, &[("isdc", "true")]),
            node("LAB.EXAMPLE-S-1-5-32-544", NodeKind::Group, &[]),
            node("S-1-5-21-1-2-3-1104-544", NodeKind::ADLocalGroup, &[]),
            node("S-1-5-21-1-2-3-1500", NodeKind::User, &[]),
        ];
        let edges = vec![
            edge("NESTED", EdgeKind::MemberOf, &admins),
            edge("ANN", EdgeKind::MemberOf, "NESTED"),
            edge(&users, EdgeKind::MemberOf, "NESTED"),
            edge("BOB", EdgeKind::MemberOf, &users),
            edge("OU1", EdgeKind::Contains, "ANN"),
            edge("OU1", EdgeKind::Contains, "BOB"),
            edge("GPO1", EdgeKind::GPLink, "OU1"),
        ];
        let mut estate = Estate::default();
        estate.apply(&delta(1, DeltaKind::Merge, nodes, edges));
        estate
    }

    #[test]
    fn the_zone_grows_to_members_containers_and_policies_but_not_through_everyone() {
        let snapshot = estate().snapshot(None);
        assert_eq!(
            zone(&snapshot),
            [DOMAIN, "S-1-5-21-1-2-3-512", "NESTED", "ANN", "OU1", "GPO1", "DC", "LAB.EXAMPLE-S-1-5-32-544"]
        );
        let reasons = snapshot.tier_zero_reasons();
        let reason = |id: &str| reasons[&snapshot.find(id).unwrap()];
        assert_eq!(reason("ANN"), Reason::MemberOf(snapshot.find("NESTED").unwrap()));
        assert_eq!(reason("OU1"), Reason::Contains(snapshot.find("ANN").unwrap()));
        assert_eq!(reason("DC"), Reason::DomainController);
        assert_eq!(reason("S-1-5-21-1-2-3-512"), Reason::WellKnown("Domain Admins"));
    }

    #[test]
    fn marks_of_an_administrator_win() {
        let mut estate = estate();
        let mut tags = Tags::default();
        tags.tier_zero.insert("BOB".into());
        tags.not_tier_zero.insert("NESTED".into());
        tags.owned.insert("ANN".into());
        estate.set_tags(tags);
        let snapshot = estate.snapshot(None);
        let members = zone(&snapshot);
        assert!(members.contains(&"BOB") && !members.contains(&"NESTED") && !members.contains(&"ANN"));
        assert!(snapshot.flags(snapshot.find("ANN").unwrap()).has(NodeFlags::OWNED));
    }
}
