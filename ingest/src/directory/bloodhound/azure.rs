//! AzureHound's objects: `{"kind": "AZUser", "data": {…}}`. The main kinds of Entra ID become nodes and edges; a kind
//! that is not modelled is counted. `packages/go/ein/azure.go`.

use hopwatch_model::directory::Properties;
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};

use super::convert::Output;
use super::fields::{Bag, List, Text, records};

records! {
    /// What wraps every object.
    Wrapped { kind: Text<'a> = "kind", data: Details<'a> = "data", }

    /// The members of all kinds that relate objects.
    Details {
        group: Text<'a> = "groupid",
        app: Text<'a> = "appid",
        device: Text<'a> = "deviceid",
        service_principal: Text<'a> = "serviceprincipalid",
        tenant: Text<'a> = "tenantid",
        role_definition: Text<'a> = "roledefinitionid",
        members: List<Related<'a>> = "members",
        owners: List<Related<'a>> = "owners",
        assignments: List<Assignment<'a>> = "roleassignments",
    }

    /// A member or an owner.
    Related { member: Identified<'a> = "member", owner: Identified<'a> = "owner", }

    /// An object of Entra ID.
    Identified { id: Text<'a> = "id", kind: Text<'a> = "@odata.type", }

    /// Who holds a role.
    Assignment {
        principal: Text<'a> = "principalid",
        role_definition: Text<'a> = "roledefinitionid",
    }

    /// The same object with all of its properties.
    Described { data: Bag = "data", }
}

/// Converts one object.
pub(super) fn element(bytes: &[u8], out: &mut Output) {
    let Ok(object) = serde_json::from_slice::<Wrapped<'_>>(bytes) else {
        out.counters.drop("malformed object");
        return;
    };
    let data = &object.data;
    match object.kind.as_str() {
        "AZUser" => node(NodeKind::AZUser, "id", bytes, out),
        "AZGroup" => node(NodeKind::AZGroup, "id", bytes, out),
        "AZDevice" => node(NodeKind::AZDevice, "id", bytes, out),
        "AZTenant" => node(NodeKind::AZTenant, "tenantid", bytes, out),
        "AZApp" => node(NodeKind::AZApp, "appid", bytes, out),
        "AZRole" => node(NodeKind::AZRole, "id", bytes, out),
        "AZServicePrincipal" => {
            node(NodeKind::AZServicePrincipal, "id", bytes, out);
            runs_as(bytes, out);
        }
        "AZGroupMember" => related(&data.members, &data.group, EdgeKind::AZMemberOf, out),
        "AZGroupOwner" => related(&data.owners, &data.group, EdgeKind::AZOwns, out),
        "AZAppOwner" => related(&data.owners, &data.app, EdgeKind::AZOwns, out),
        "AZDeviceOwner" => related(&data.owners, &data.device, EdgeKind::AZOwns, out),
        "AZServicePrincipalOwner" => related(&data.owners, &data.service_principal, EdgeKind::AZOwns, out),
        "AZRoleAssignment" => {
            for assignment in &data.assignments.0 {
                let named = &assignment.role_definition;
                let role = if named.is_empty() { &data.role_definition } else { named };
                let role = role_id(&role.id(), &data.tenant.id());
                out.edge(&assignment.principal.id(), EdgeKind::AZHasRole, &role, Properties::new());
            }
        }
        "AZSubscription"
        | "AZResourceGroup"
        | "AZVM"
        | "AZKeyVault"
        | "AZManagementGroup"
        | "AZStorageAccount"
        | "AZFunctionApp"
        | "AZWebApp"
        | "AZLogicApp"
        | "AZAutomationAccount"
        | "AZContainerRegistry"
        | "AZManagedCluster"
        | "AZVMScaleSet" => node(NodeKind::AZResource, "id", bytes, out),
        _ => out.counters.ignore("Azure object of a kind that is not modelled"),
    }
}

/// A role exists once per tenant.
fn role_id(role: &str, tenant: &str) -> String {
    format!("{role}@{tenant}")
}

fn described(bytes: &[u8]) -> Properties {
    serde_json::from_slice::<Described<'_>>(bytes).map(|object| object.data.0).unwrap_or_default()
}

fn text(properties: &Properties, name: &str) -> String {
    properties.get(name).and_then(PropertyValue::text).unwrap_or_default().to_uppercase()
}

fn node(kind: NodeKind, key: &str, bytes: &[u8], out: &mut Output) {
    let mut properties = described(bytes);
    let tenant = text(&properties, "tenantid");
    let mut id = text(&properties, key);
    if kind == NodeKind::AZRole {
        id = role_id(&id, &tenant);
    }
    if id.is_empty() {
        out.counters.drop("object without an identifier");
        return;
    }
    let name = ["userprincipalname", "displayname", "name"]
        .iter()
        .map(|name| text(&properties, name))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| id.clone());
    properties.insert("name".to_owned(), PropertyValue::Text(name));
    // The directory account that this one is synchronised with; BloodHound calls it `onpremid`.
    let on_premises = text(&properties, "onpremisessecurityidentifier");
    if !on_premises.is_empty() {
        properties.insert("onpremid".to_owned(), PropertyValue::Text(on_premises));
    }
    if let Some(enabled) = properties.get("onpremisessyncenabled").and_then(PropertyValue::bool) {
        properties.insert("onpremsyncenabled".to_owned(), PropertyValue::Bool(enabled));
    }
    if kind != NodeKind::AZTenant && !tenant.is_empty() {
        out.edge(&tenant, EdgeKind::AZContains, &id, Properties::new());
    }
    out.node(id, kind, properties);
}

/// An application runs as its service principal.
fn runs_as(bytes: &[u8], out: &mut Output) {
    let properties = described(bytes);
    let (app, principal) = (text(&properties, "appid"), text(&properties, "id"));
    if !app.is_empty() && !principal.is_empty() {
        out.edge(&app, EdgeKind::AZRunsAs, &principal, Properties::new());
    }
}

fn related(items: &List<Related<'_>>, target: &Text<'_>, kind: EdgeKind, out: &mut Output) {
    for item in &items.0 {
        let source = if item.member.id.is_empty() { &item.owner } else { &item.member };
        let source_id = source.id.id();
        out.reference(&source_id, odata_kind(source.kind.as_str()));
        out.edge(&source_id, kind, &target.id(), Properties::new());
    }
}

/// The kind of a Graph API type name, `#microsoft.graph.user`.
fn odata_kind(name: &str) -> NodeKind {
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "user" => NodeKind::AZUser,
        "group" => NodeKind::AZGroup,
        "device" => NodeKind::AZDevice,
        "serviceprincipal" => NodeKind::AZServicePrincipal,
        _ => NodeKind::Base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_hangs_under_its_tenant_and_keeps_its_directory_account() {
        let mut out = Output::default();
        element(
            br#"{"kind":"AZUser","data":{"id":"u1","userPrincipalName":"a@b.c","tenantId":"t1",
                "onPremisesSecurityIdentifier":"s-1-5-21-1-2-3-1104","onPremisesSyncEnabled":true}}"#,
            &mut out,
        );
        assert_eq!(out.nodes[0].properties["onpremid"], PropertyValue::Text("S-1-5-21-1-2-3-1104".into()));
        assert_eq!(out.nodes[0].properties["name"], PropertyValue::Text("A@B.C".into()));
        assert_eq!((out.edges[0].source.as_str(), out.edges[0].kind), ("T1", EdgeKind::AZContains));
    }

    #[test]
    fn members_and_roles_become_edges_and_unmodelled_kinds_are_counted() {
        let mut out = Output::default();
        element(
            br##"{"kind":"AZGroupMember","data":{"groupId":"g","members":[{"member":{"id":"u","@odata.type":"#microsoft.graph.user"}}]}}"##,
            &mut out,
        );
        element(
            br#"{"kind":"AZRoleAssignment","data":{"roleDefinitionId":"r","tenantId":"t","roleAssignments":[{"principalId":"u"}]}}"#,
            &mut out,
        );
        element(br#"{"kind":"AZNew","data":{}}"#, &mut out);
        let got: Vec<_> = out.edges.iter().map(|edge| (edge.kind, edge.target.as_str())).collect();
        assert_eq!(got, [(EdgeKind::AZMemberOf, "G"), (EdgeKind::AZHasRole, "R@T")]);
        assert_eq!(out.counters.ignored.len(), 1);
    }
}
