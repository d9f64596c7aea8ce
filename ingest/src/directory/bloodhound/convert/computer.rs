//! What a computer adds: sessions, local groups, user rights, delegation, and the state of its protocols.

use hopwatch_model::directory::Properties;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

use super::output::{no_properties, one};
use super::{Output, kind_of, unconstrained_delegation};
use crate::directory::bloodhound::fields::{Number, Text};
use crate::directory::bloodhound::object::{LocalGroup, LocalName, Object, Sessions};

/// The name that collectors give to a local group of which only the members matter.
const IGNORED_NAME: &str = "IGNOREME";

/// The value of `RestrictSendingNTLMTraffic` and `RestrictReceivingNTLMTraffic` that denies all.
const DENY_ALL: i64 = 2;

/// The edges of a computer; what was asked of the host itself becomes properties.
pub(super) fn edges(id: &str, object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    for target in &object.allowed_to_delegate.0 {
        out.edge_to(id, EdgeKind::AllowedToDelegate, target);
    }
    for source in &object.allowed_to_act.0 {
        out.edge_from(source, EdgeKind::AllowedToAct, id);
    }
    for target in &object.dump_smsa_password.0 {
        out.edge_to(id, EdgeKind::DumpSMSAPassword, target);
    }
    for target in &object.sid_history.0 {
        out.edge_to(id, EdgeKind::HasSIDHistory, target);
    }
    sessions(&object.sessions, "computers whose sessions were not collected", out);
    sessions(&object.privileged_sessions, "computers whose logged-on users were not collected", out);
    sessions(&object.registry_sessions, "computers whose loaded profiles were not collected", out);
    if object.is_dc.is_true() && !object.domain_sid.is_empty() {
        let domain = object.domain_sid.id();
        out.reference(&domain, NodeKind::Domain);
        out.edge(id, EdgeKind::DCFor, &domain, no_properties());
    } else {
        unconstrained_delegation(id, object, properties, out);
    }
    local_groups(id, object, out);
    user_rights(id, object, properties, out);
    protocols(object, properties);
    registry(object, properties, out);
}

/// One session.
pub(super) fn session(computer: &Text<'_>, user: &Text<'_>, logon_type: Number, out: &mut Output) {
    let (computer, user) = (computer.id(), user.id());
    out.reference(&computer, NodeKind::Computer);
    out.reference(&user, NodeKind::User);
    let properties = logon_type.0.map_or_else(no_properties, |value| one("logontype", PropertyValue::Integer(value)));
    out.edge(&computer, EdgeKind::HasSession, &user, properties);
}

fn sessions(sessions: &Sessions<'_>, missing: &'static str, out: &mut Output) {
    if !sessions.collected.is_true() {
        if !sessions.failure.is_empty() {
            out.gap(missing);
        }
        return;
    }
    for result in &sessions.results.0 {
        session(&result.computer, &result.user, result.logon_type, out);
    }
}

/// A local group of a file of its own: its computer is what its identifier begins with.
pub(super) fn stray_local_group(object: &Object<'_>, out: &mut Output) {
    let id = object.id.id();
    let Some((computer, _rid)) = id.rsplit_once('-') else {
        out.counters.drop("local group without a computer");
        return;
    };
    out.reference(computer, NodeKind::Computer);
    out.reference(&id, NodeKind::ADLocalGroup);
    out.edge(&id, EdgeKind::LocalToComputer, computer, no_properties());
    for member in &object.members.0 {
        out.edge_from(member, EdgeKind::MemberOfLocalGroup, &id);
    }
}

fn local_groups(id: &str, object: &Object<'_>, out: &mut Output) {
    for group in &object.local_groups.0 {
        local_group(id, group.id.id(), group, out);
    }
    if object.local_groups.0.is_empty() {
        // Version 4 and bloodhound.py's older branch name the four groups that matter instead.
        let named = [
            ("544", &object.local_admins),
            ("555", &object.remote_desktop_users),
            ("562", &object.dcom_users),
            ("580", &object.ps_remote_users),
        ];
        for (rid, group) in named {
            local_group(id, format!("{id}-{rid}"), group, out);
        }
    }
}

fn local_group(computer: &str, group_id: String, group: &LocalGroup<'_>, out: &mut Output) {
    if !group.collected.is_true() {
        if !group.failure.is_empty() {
            out.gap("local groups that were not collected");
        }
        return;
    }
    // An empty group grants nothing, but Citrix's restricts remote desktop by being empty.
    if group.results.0.is_empty() && !group.name.as_str().to_uppercase().starts_with("DIRECT ACCESS USERS") {
        return;
    }
    out.edge(&group_id, EdgeKind::LocalToComputer, computer, no_properties());
    for member in &group.results.0 {
        out.edge_from(member, EdgeKind::MemberOfLocalGroup, &group_id);
    }
    local_names(&group.local_names.0, out);
    if group.name.is_empty() || group.name.as_str() == IGNORED_NAME {
        out.reference(&group_id, NodeKind::ADLocalGroup);
    } else {
        let name = PropertyValue::Text(group.name.as_str().to_owned());
        out.node(group_id, NodeKind::ADLocalGroup, one("name", name));
    }
}

fn local_names(names: &[LocalName<'_>], out: &mut Output) {
    for local in names.iter().filter(|local| !local.id.is_empty()) {
        let name = PropertyValue::Text(local.name.as_str().to_owned());
        out.node(local.id.id(), NodeKind::Base, one("name", name));
    }
}

fn user_rights(id: &str, object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    for right in &object.user_rights.0 {
        if !right.collected.is_true() {
            if !right.failure.is_empty() {
                out.gap("user rights that were not collected");
            }
            continue;
        }
        if right.results.0.is_empty() {
            continue;
        }
        if right.privilege.as_str() != "SeRemoteInteractiveLogonRight" {
            out.counters.ignore("user right without an edge");
            continue;
        }
        properties.insert("hasura".to_owned(), PropertyValue::Bool(true));
        for grant in &right.results.0 {
            let principal = out.id(&grant.id);
            out.reference(&principal, kind_of(grant));
            out.edge(&principal, EdgeKind::RemoteInteractiveLogonRight, id, no_properties());
        }
    }
}

/// SMB signing, the WebClient service, NTLM settings and LDAP's state, under the names that BloodHound gives them.
fn protocols(object: &Object<'_>, properties: &mut Properties) {
    let mut set = |name: &str, value: PropertyValue| properties.insert(name.to_owned(), value);
    if object.web_client.collected.is_true() {
        set("webclientrunning", PropertyValue::Bool(object.web_client.result.is_true()));
    }
    if object.smb_info.collected.is_true() {
        set("smbsigning", PropertyValue::Bool(object.smb_info.result.signing.is_true()));
    }
    if object.ntlm_registry.collected.is_true() {
        let ntlm = &object.ntlm_registry.result;
        set("restrictoutboundntlm", PropertyValue::Bool(ntlm.restrict_sending.0 == Some(DENY_ALL)));
        set("restrictreceivingntlmtraffic", PropertyValue::Bool(ntlm.restrict_receiving.0 == Some(DENY_ALL)));
        let flags = [
            ("requiresecuritysignature", ntlm.require_signature),
            ("enablesecuritysignature", ntlm.enable_signature),
            ("usemachineid", ntlm.use_machine_id),
        ];
        for (name, value) in flags {
            if let Some(value) = value.0 {
                set(name, PropertyValue::Bool(value != 0));
            }
        }
        let numbers = [
            ("ntlmminclientsec", ntlm.min_client),
            ("ntlmminserversec", ntlm.min_server),
            ("lmcompatibilitylevel", ntlm.lm_level),
        ];
        for (name, value) in numbers {
            if let Some(value) = value.0 {
                set(name, PropertyValue::Integer(value));
            }
        }
        if !ntlm.client_allowed.0.is_empty() {
            let servers = ntlm.client_allowed.0.iter().map(|server| server.as_str().to_owned()).collect();
            set("clientallowedntlmservers", PropertyValue::List(servers));
        }
    }
    for (old, new) in [("ldapenabled", "ldapavailable"), ("ldapsenabled", "ldapsavailable")] {
        if let Some(value) = properties.remove(old) {
            properties.insert(new.to_owned(), value);
        }
    }
}

/// What a domain controller's registry says of certificate mapping and of Netlogon.
fn registry(object: &Object<'_>, properties: &mut Properties, out: &mut Output) {
    let registry = &object.dc_registry;
    let numbers = [
        ("certificatemappingmethodsraw", &registry.mapping),
        ("strongcertificatebindingenforcementraw", &registry.binding),
    ];
    for (name, number) in numbers {
        match number.value.0 {
            Some(value) if number.collected.is_true() => {
                properties.insert(name.to_owned(), PropertyValue::Integer(value));
            }
            _ if object.is_dc.is_true() => out.gap("domain controllers whose registry was not collected"),
            _ => {}
        }
    }
    if registry.netlogon.collected.is_true() {
        let value = PropertyValue::Text(registry.netlogon.value.as_str().to_owned());
        properties.insert("vulnerablenetlogonsecuritydescriptor".to_owned(), value);
    }
}
