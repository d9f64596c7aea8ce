//! What domains, organizational units and containers hold and link, and whom a domain trusts.

use hopwatch_model::directory::Properties;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

use super::Output;
use super::output::{no_properties, one};
use crate::directory::bloodhound::object::{GpoChanges, Object, Trust};

/// Children, policy links and the local groups that policies set.
pub(super) fn edges(id: &str, kind: NodeKind, object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    for child in &object.children.0 {
        out.edge_to(id, EdgeKind::Contains, child);
    }
    if !object.inheritance_hashes.0.is_empty() {
        let hashes = object.inheritance_hashes.0.iter().map(|hash| hash.as_str().to_owned()).collect();
        properties.insert("inheritancehashes".to_owned(), PropertyValue::List(hashes));
    }
    if kind == NodeKind::Container {
        return;
    }
    for link in &object.links.0 {
        let gpo = link.gpo.id();
        out.reference(&gpo, NodeKind::GPO);
        let enforced = PropertyValue::Bool(link.enforced.is_true());
        out.edge(&gpo, EdgeKind::GPLink, id, one("enforced", enforced));
    }
    gpo_changes(&object.gpo_changes, out);
}

/// Restricted Groups and Group Policy Preferences: every affected computer has the members in its local group.
fn gpo_changes(changes: &GpoChanges<'_>, out: &mut Output) {
    let groups = [
        ("544", &changes.local_admins.0),
        ("555", &changes.remote_desktop_users.0),
        ("562", &changes.dcom_users.0),
        ("580", &changes.ps_remote_users.0),
    ];
    for computer in &changes.computers.0 {
        let computer_id = out.id(&computer.id);
        for (rid, members) in groups {
            if members.is_empty() {
                continue;
            }
            let group = format!("{computer_id}-{rid}");
            out.reference(&computer_id, NodeKind::Computer);
            out.reference(&group, NodeKind::ADLocalGroup);
            out.edge(&group, EdgeKind::LocalToComputer, &computer_id, no_properties());
            for member in members {
                out.edge_from(member, EdgeKind::MemberOfLocalGroup, &group);
            }
        }
    }
}

/// The trusts of a domain. Trust edges point from the trusting to the trusted domain's side of BloodHound's schema:
/// inbound from the other domain, outbound to it.
pub(super) fn trusts(id: &str, object: &Object<'_>, out: &mut Output) {
    for trust in &object.trusts.0 {
        let other = trust.target.id();
        if other.is_empty() {
            out.counters.drop("trust without the other domain's identifier");
            continue;
        }
        let name = trust.target_name.as_str();
        if name.is_empty() {
            out.reference(&other, NodeKind::Domain);
        } else {
            out.node(other.clone(), NodeKind::Domain, one("name", PropertyValue::Text(name.to_owned())));
        }
        let direction = Direction::of(trust);
        let within_forest = within_forest(trust);
        let kind = if within_forest { EdgeKind::SameForestTrust } else { EdgeKind::CrossForestTrust };
        if direction.inbound {
            let mut properties = trust_properties(trust, "trustattributesinbound");
            if trust.attributes.0.is_some() {
                let delegation = PropertyValue::Bool(trust.tgt_delegation.is_true());
                properties.insert("tgtdelegation".to_owned(), delegation);
            }
            out.edge(&other, kind, id, properties);
            if !within_forest && trust.tgt_delegation.is_true() {
                out.edge(&other, EdgeKind::AbuseTGTDelegation, id, trust_type(trust));
            }
        }
        if direction.outbound {
            let mut properties = trust_properties(trust, "trustattributesoutbound");
            let blocked = PropertyValue::Bool(trust.sid_filtering.is_true());
            properties.insert("spoofsidhistoryblocked".to_owned(), blocked);
            out.edge(id, kind, &other, properties);
            if !within_forest && !trust.sid_filtering.is_true() {
                out.edge(&other, EdgeKind::SpoofSIDHistory, id, trust_type(trust));
            }
        }
    }
}

/// Which ways a trust goes.
struct Direction {
    inbound: bool,
    outbound: bool,
}

impl Direction {
    /// Version 5 and later name the direction; collectors of version 4 and some imitations write the number of
    /// `trustDirection` (`[MS-ADTS] 6.1.6.7.12`).
    fn of(trust: &Trust<'_>) -> Self {
        let text = trust.direction.as_str();
        let is = |name: &str, number: &str| text.eq_ignore_ascii_case(name) || text == number;
        let both = is("Bidirectional", "3");
        Self { inbound: both || is("Inbound", "1"), outbound: both || is("Outbound", "2") }
    }
}

/// Whether the trusted domain is of the same forest; numbers are the enumeration of version 4.
fn within_forest(trust: &Trust<'_>) -> bool {
    let text = trust.kind.as_str();
    ["ParentChild", "TreeRoot", "CrossLink", "0", "1"].iter().any(|kind| text.eq_ignore_ascii_case(kind))
}

fn trust_type(trust: &Trust<'_>) -> Properties {
    one("trusttype", PropertyValue::Text(trust.kind.as_str().to_owned()))
}

fn trust_properties(trust: &Trust<'_>, attributes: &str) -> Properties {
    let mut properties = trust_type(trust);
    properties.insert("transitive".to_owned(), PropertyValue::Bool(trust.transitive.is_true()));
    if let Some(value) = trust.attributes.0 {
        properties.insert(attributes.to_owned(), PropertyValue::Integer(value));
    }
    properties
}
