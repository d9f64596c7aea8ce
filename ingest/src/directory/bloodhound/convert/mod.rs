//! Objects of a collector's file become nodes and raw edges, by the rules of BloodHound's ingest
//! (`packages/go/ein/ad.go`, `services/graphify/convertors.go`), so that equal files give equal raw edges.
//!
//! Deliberately left out of edges: `isacl`, which follows from the kind of the edge.

mod acl;
mod computer;
mod container;
mod output;
mod pki;

use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

pub(in crate::directory) use output::Output;
use output::{no_properties, one};

use super::fields::Text;
use super::kind::FileKind;
use super::object::{Object, Principal};

/// Converts one element of a file.
pub(super) fn element(kind: FileKind, bytes: &[u8], out: &mut Output) {
    match kind {
        FileKind::Deleted => match serde_json::from_slice::<Text<'_>>(bytes) {
            Ok(id) if !id.is_empty() => out.removed.push(id.id()),
            Ok(_) => out.counters.drop("object without an identifier"),
            Err(_) => out.counters.drop("malformed object"),
        },
        FileKind::Azure => super::azure::element(bytes, out),
        FileKind::Objects(_) | FileKind::Sessions | FileKind::LocalGroups => {
            match serde_json::from_slice::<Object<'_>>(bytes) {
                Ok(object) => parsed(kind, object, out),
                Err(_) => out.counters.drop("malformed object"),
            }
        }
    }
}

fn parsed(file: FileKind, object: Object<'_>, out: &mut Output) {
    match file {
        FileKind::Sessions => {
            computer::session(&object.computer_sid, &object.user_sid, object.logon_type, out);
        }
        FileKind::LocalGroups => computer::stray_local_group(&object, out),
        FileKind::Objects(kind) => {
            if object.deleted.is_true() {
                out.counters.ignore("object marked as deleted");
            } else if object.id.is_empty() {
                out.counters.drop("object without an identifier");
            } else {
                directory_object(kind, object, out);
            }
        }
        FileKind::Deleted | FileKind::Azure => {}
    }
}

/// An object of the directory: its node, and the edges of its type.
fn directory_object(kind: NodeKind, mut object: Object<'_>, out: &mut Output) {
    out.enter(&object);
    let id = out.id(&object.id);
    let mut properties = std::mem::take(&mut object.properties.0);
    match kind {
        NodeKind::Computer => computer::edges(&id, &object, &mut properties, out),
        NodeKind::User => user(&id, &object, &properties, out),
        NodeKind::Group => group(&id, &object, out),
        NodeKind::Domain => {
            container::edges(&id, kind, &object, &mut properties, out);
            container::trusts(&id, &object, out);
        }
        NodeKind::OU | NodeKind::Container => container::edges(&id, kind, &object, &mut properties, out),
        NodeKind::EnterpriseCA => pki::enterprise_ca(&id, &object, &mut properties, out),
        NodeKind::RootCA => pki::belongs_to_forest(&id, EdgeKind::RootCAFor, &object, out),
        NodeKind::NTAuthStore => pki::belongs_to_forest(&id, EdgeKind::NTAuthStoreFor, &object, out),
        NodeKind::IssuancePolicy => pki::issuance_policy(&id, &object, &mut properties, out),
        _ => {}
    }
    if kind != NodeKind::EnterpriseCA {
        acl::edges(&id, &object.aces.0.iter().collect::<Vec<_>>(), &properties, out);
    }
    if matches!(kind, NodeKind::User | NodeKind::Computer) && !object.primary_group.is_empty() {
        let group = out.id(&object.primary_group);
        out.reference(&group, NodeKind::Group);
        out.edge(&id, EdgeKind::MemberOf, &group, one("isprimarygroup", PropertyValue::Bool(true)));
    }
    if !matches!(kind, NodeKind::Domain | NodeKind::GPO) {
        out.edge_from(&object.contained_by, EdgeKind::Contains, &id);
    }
    acl::owner(&object, &mut properties, out);
    out.node(id, kind, properties);
}

fn user(id: &str, object: &Object<'_>, properties: &hopwatch_model::directory::Properties, out: &mut Output) {
    for target in &object.spn_targets.0 {
        match EdgeKind::from_name(target.service.as_str()) {
            Some(kind) => {
                let computer = out.id(&target.computer);
                out.reference(&computer, NodeKind::Computer);
                let port = target.port.0.map_or_else(no_properties, |port| one("port", PropertyValue::Integer(port)));
                out.edge(id, kind, &computer, port);
            }
            None => out.counters.ignore("service that grants no edge"),
        }
    }
    for target in &object.allowed_to_delegate.0 {
        out.edge_to(id, EdgeKind::AllowedToDelegate, target);
    }
    for target in &object.sid_history.0 {
        out.edge_to(id, EdgeKind::HasSIDHistory, target);
    }
    unconstrained_delegation(id, object, properties, out);
}

fn group(id: &str, object: &Object<'_>, out: &mut Output) {
    for member in &object.members.0 {
        if member.id.as_str().starts_with("DN=") {
            out.counters.drop("member known by its distinguished name only");
            out.gap("members known by their distinguished name only, their membership unknown");
        } else {
            out.edge_from(member, EdgeKind::MemberOf, id);
        }
    }
    for target in &object.sid_history.0 {
        out.edge_to(id, EdgeKind::HasSIDHistory, target);
    }
}

/// `CoerceToTGT`: the properties win over the object's own members, which older collectors do not write.
fn unconstrained_delegation(
    id: &str,
    object: &Object<'_>,
    properties: &hopwatch_model::directory::Properties,
    out: &mut Output,
) {
    let trusted = properties
        .get("unconstraineddelegation")
        .and_then(PropertyValue::bool)
        .unwrap_or_else(|| object.unconstrained_delegation.is_true());
    let domain = match properties.get("domainsid").and_then(PropertyValue::text) {
        Some(domain) => domain.to_ascii_uppercase(),
        None => object.domain_sid.id(),
    };
    if trusted && !domain.is_empty() {
        out.reference(&domain, NodeKind::Domain);
        out.edge(id, EdgeKind::CoerceToTGT, &domain, no_properties());
    }
}

/// The kind of a referenced object as its reference tells it; [`NodeKind::Base`] where it does not.
fn kind_of(principal: &Principal<'_>) -> NodeKind {
    output::kind_named(principal.kind.as_str())
}
