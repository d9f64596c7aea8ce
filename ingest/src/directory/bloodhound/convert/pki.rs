//! What certification authorities, stores and issuance policies add.

use hopwatch_model::directory::Properties;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

use super::output::no_properties;
use super::{Output, acl, kind_of};
use crate::directory::bloodhound::object::{Ace, Object};

/// A certification authority that enrols: templates, host, agents, and the access control of service and object.
pub(super) fn enterprise_ca(id: &str, object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    for template in &object.templates.0 {
        let template = template.id.id();
        out.reference(&template, NodeKind::CertTemplate);
        out.edge(&template, EdgeKind::PublishedTo, id, no_properties());
    }
    let host = out.id(&object.hosting_computer);
    if !host.is_empty() {
        out.reference(&host, NodeKind::Computer);
        out.edge(&host, EdgeKind::HostsCAService, id, no_properties());
    }
    enrollment_agents(object, out);
    endpoints(object, properties);
    let registry = &object.ca_registry;
    if registry.restrictions.collected.is_true() {
        let restricted = PropertyValue::Bool(!registry.restrictions.restrictions.0.is_empty());
        properties.insert("hasenrollmentagentrestrictions".to_owned(), restricted);
    } else {
        out.gap("authorities whose enrollment agent restrictions were not collected");
    }
    if registry.user_specifies_san.collected.is_true() {
        let enabled = PropertyValue::Bool(registry.user_specifies_san.value.is_true());
        properties.insert("isuserspecifiessanenabled".to_owned(), enabled);
    } else {
        out.gap("authorities of which it is unknown whether requests may name a subject");
    }
    if registry.role_separation.collected.is_true() {
        let enabled = PropertyValue::Bool(registry.role_separation.value.is_true());
        properties.insert("roleseparationenabled".to_owned(), enabled);
    }
    acl::edges(id, &access_control(object, &host, out), properties, out);
}

/// The entries that count. The service enforces its own descriptor, of the registry; the directory object's entries for
/// the same three rights are a copy that may be stale, so that they count for the host alone once the former is known.
fn access_control<'o, 'a>(object: &'o Object<'a>, host: &str, out: &Output) -> Vec<&'o Ace<'a>> {
    let own = object.aces.0.iter();
    let security = &object.ca_registry.security;
    if !security.collected.is_true() {
        return own.collect();
    }
    let registry = security
        .data
        .0
        .iter()
        .filter(|ace| ace.kind.as_str() != NodeKind::ADLocalGroup.name() && ace.right.as_str() != "Owns");
    let rest = own.filter(|ace| {
        !matches!(ace.right.as_str(), "ManageCA" | "ManageCertificates" | "Enroll") || out.id(&ace.principal) == host
    });
    registry.chain(rest).collect()
}

fn enrollment_agents(object: &Object<'_>, out: &mut Output) {
    let restrictions = &object.ca_registry.restrictions;
    if !restrictions.collected.is_true() {
        return;
    }
    for entry in &restrictions.restrictions.0 {
        if entry.access.as_str() != "AccessAllowedCallback" {
            out.counters.ignore("enrollment agent restriction that allows nothing");
            continue;
        }
        let agent = out.id(&entry.agent.id);
        out.reference(&agent, kind_of(&entry.agent));
        let named = std::slice::from_ref(&entry.template);
        let templates = if entry.all_templates.is_true() { object.templates.0.as_slice() } else { named };
        for template in templates {
            let template = template.id.id();
            out.reference(&template, NodeKind::CertTemplate);
            out.edge(&agent, EdgeKind::DelegatedEnrollmentAgent, &template, no_properties());
        }
    }
}

/// Web enrolment that can be relayed to: plain HTTP, or HTTPS without channel binding.
fn endpoints(object: &Object<'_>, properties: &mut Properties) {
    let (mut http, mut https, mut collected) = (Vec::new(), Vec::new(), false);
    for endpoint in object.endpoints.0.iter().filter(|endpoint| endpoint.collected.is_true()) {
        collected = true;
        let state = &endpoint.result;
        let url = || state.url.as_str().to_owned();
        if state.http.is_true() {
            http.push(url());
        }
        if state.https.is_true() && !state.epa.is_true() {
            https.push(url());
        }
    }
    if collected {
        let vulnerable = PropertyValue::Bool(!http.is_empty() || !https.is_empty());
        properties.insert("hasvulnerableendpoint".to_owned(), vulnerable);
    }
    for (name, urls) in [("httpenrollmentendpoints", http), ("httpsenrollmentendpoints", https)] {
        if !urls.is_empty() {
            properties.insert(name.to_owned(), PropertyValue::List(urls));
        }
    }
}

/// A root authority or the store of authorities trusted for logon: it serves the forest root's domain.
pub(super) fn belongs_to_forest(id: &str, edge: EdgeKind, object: &Object<'_>, out: &mut Output) {
    let domain = object.domain_sid.id();
    if domain.is_empty() {
        out.gap("authorities and stores without a domain");
    } else {
        out.reference(&domain, NodeKind::Domain);
        out.edge(id, edge, &domain, no_properties());
    }
}

/// An issuance policy: who enrols for it gets the linked group.
pub(super) fn issuance_policy(id: &str, object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    let group = out.id(&object.group_link.id);
    if !group.is_empty() {
        out.reference(&group, kind_of(&object.group_link));
        out.edge(id, EdgeKind::OIDGroupLink, &group, no_properties());
        properties.insert("grouplinkid".to_owned(), PropertyValue::Text(group));
    }
}
