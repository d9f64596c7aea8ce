//! From what a source called someone or something to the node: object ids, accounts, hosts, service principals, names.
//!
//! A name that more than one existing node bears identifies none of them, unless a domain tells them apart. A local
//! account (`WS1\Administrator`) never resolves to the domain account of the same name.

use std::sync::Arc;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Guid, Host, NodeKind};

use crate::estate::{Chunked, Node};
use crate::ids::NodeId;
use crate::names::{Names, Space, same};

/// Domains of accounts that Windows has on every host: they name nobody in the directory.
pub(crate) const HOST_AUTHORITIES: &[&str] = &[
    "nt authority",
    "nt service",
    "builtin",
    "window manager",
    "font driver host",
    "nt virtual machine",
    "iis apppool",
];

/// Service classes that the `HOST` principal of a computer covers (`sPNMappings`, `[MS-ADTS] 6.1.1.2.4.1.2`: the default
/// value of the attribute).
const HOST_CLASSES: &[&str] = &[
    "host",
    "alerter",
    "appmgmt",
    "cisvc",
    "clipsrv",
    "browser",
    "dhcp",
    "dnscache",
    "replicator",
    "eventlog",
    "eventsystem",
    "policyagent",
    "oakley",
    "dmserver",
    "dns",
    "mcsvc",
    "fax",
    "msiserver",
    "ias",
    "messenger",
    "netlogon",
    "netman",
    "netdde",
    "netddedsm",
    "nmagent",
    "plugplay",
    "protectedstorage",
    "rasman",
    "rpclocator",
    "rpc",
    "rpcss",
    "remoteaccess",
    "rsvp",
    "samss",
    "scardsvr",
    "scesrv",
    "seclogon",
    "scm",
    "dcom",
    "cifs",
    "spooler",
    "snmp",
    "schedule",
    "tapisrv",
    "trksvr",
    "trkwks",
    "ups",
    "time",
    "wins",
    "www",
    "http",
    "w3svc",
    "iisadmin",
    "msdtc",
];

/// Name resolution over the nodes that exist now.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    nodes: &'a Chunked<Arc<Node>>,
    names: &'a Names,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(nodes: &'a Chunked<Arc<Node>>, names: &'a Names) -> Self {
        Self { nodes, names }
    }

    /// The node of an object id, also where it is gone; case does not matter.
    #[must_use]
    pub fn find(&self, object_id: &str) -> Option<NodeId> {
        let known = self.names.candidates(Space::Id, object_id);
        let id = known.into_iter().find(|id| self.node(*id).is_some_and(|node| same(&node.id, object_id)))?;
        Some(self.node(id)?.merged_into.unwrap_or(id))
    }

    /// The node of an account: by SID, then by name and domain, then by user principal name, then by a
    /// `sAMAccountName` that only one node bears. Distinguished names are taken too, as group changes give them.
    #[must_use]
    pub fn account(&self, account: &Account) -> Option<NodeId> {
        if let Some(found) = account.sid.as_ref().and_then(|sid| self.sid(&sid.to_string(), account.domain.as_deref()))
        {
            return Some(found);
        }
        let name = account.name.trim();
        if name.is_empty() {
            return None;
        }
        if name.contains('=') && name.contains(',') {
            return self.unique(Space::Dn, name);
        }
        match account.domain.as_deref().filter(|domain| !domain.is_empty() && *domain != "-") {
            None => self.unnamed_domain(name),
            Some(domain) => self.in_domain(name, domain),
        }
    }

    /// The node of a host: by its full name, then by a short name or `NAME$` that only one node bears. Where only the
    /// address is known, the node of that address.
    #[must_use]
    pub fn host(&self, host: &Host) -> Option<NodeId> {
        match (&host.name, host.address) {
            (Some(name), _) => self.host_name(name),
            (None, Some(address)) => self.find(&format!("ADDRESS:{address}")).filter(|id| self.exists(*id)),
            (None, None) => None,
        }
    }

    /// The node of a host's name in any form: full, short, `NAME$`, or an address.
    #[must_use]
    pub fn host_name(&self, name: &str) -> Option<NodeId> {
        let name = name.trim().trim_start_matches('\\').trim_end_matches('.');
        if name.parse::<std::net::IpAddr>().is_ok() {
            return self.find(&format!("ADDRESS:{name}")).filter(|id| self.exists(*id));
        }
        if name.contains('.') {
            if let Some(found) = self.unique(Space::Dns, name) {
                return Some(found);
            }
            let suffix = name.split_once('.').map(|(_, suffix)| suffix).unwrap_or_default();
            return self.sole(self.bearing(Space::Short, name).filter(|id| self.may_lie_in(*id, suffix)));
        }
        self.unique(Space::Short, name)
    }

    /// The account that runs the service of a service principal name: the bearer of the name, else of the name without
    /// port, else the host itself where its `HOST` name covers the class.
    #[must_use]
    pub fn service(&self, principal: &str) -> Option<NodeId> {
        let principal = principal.split_once('@').map_or(principal, |(name, _)| name);
        if let Some(found) = self.unique(Space::Spn, principal) {
            return Some(found);
        }
        let mut parts = principal.split('/');
        let (class, instance) = (parts.next()?, parts.next());
        let Some(instance) = instance else {
            return self.account(&Account::named(principal));
        };
        let host = instance.split(':').next().unwrap_or(instance);
        if host != instance
            && let Some(found) = self.unique(Space::Spn, &format!("{class}/{host}"))
        {
            return Some(found);
        }
        if class.eq_ignore_ascii_case("krbtgt") {
            return self.in_domain("krbtgt", instance);
        }
        let covered = HOST_CLASSES.iter().any(|known| class.eq_ignore_ascii_case(known));
        let through_host = covered.then(|| self.unique(Space::Spn, &format!("HOST/{host}"))).flatten();
        through_host.or_else(|| self.host_name(host))
    }

    /// True where more than one existing node bears the host's name, so that it identifies none.
    pub(crate) fn ambiguous_host(&self, name: &str) -> bool {
        !name.contains('.') && self.bearing(Space::Short, name).nth(1).is_some()
    }

    /// True where more than one existing node bears the account's name and nothing tells them apart.
    pub(crate) fn ambiguous_account(&self, account: &Account) -> bool {
        account.domain.is_none() && self.bearing(Space::Sam, &account.name).nth(1).is_some()
    }

    /// The object of a distinguished name or of a GUID.
    #[must_use]
    pub fn object(&self, distinguished_name: &str, guid: Option<Guid>) -> Option<NodeId> {
        let by_guid = guid.and_then(|guid| self.unique(Space::Guid, &guid.to_string()));
        by_guid.or_else(|| self.unique(Space::Dn, distinguished_name))
    }

    /// The domain of a DNS or NetBIOS name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<NodeId> {
        if let Some(found) = self.unique(Space::Domain, name) {
            return Some(found);
        }
        let first_label = |id: &NodeId| {
            let full = self.node(*id).and_then(|node| node.text("name")).unwrap_or_default();
            full.split('.').next().is_some_and(|label| same(label, name))
        };
        let domains = self.nodes.iter().enumerate().filter(|(_, n)| n.kind == NodeKind::Domain && n.existed(None));
        self.sole(domains.map(|(index, _)| NodeId::from_index(index)).filter(first_label))
    }

    /// The node that alone bears a name.
    pub(crate) fn unique(&self, space: Space, name: &str) -> Option<NodeId> {
        self.sole(self.bearing(space, name))
    }

    /// The stubs of traffic that are this directory object by name.
    pub(crate) fn stubs_of(&self, real: NodeId, node: &Node) -> Vec<NodeId> {
        if node.stub() {
            return Vec::new();
        }
        let mut found: Vec<NodeId> = Vec::new();
        let stub_of = |id: &NodeId| *id != real && self.node(*id).is_some_and(Node::stub);
        if node.kind == NodeKind::Computer {
            let name = node.text("dnshostname").or_else(|| node.text("name")).unwrap_or_default();
            let suffix = name.split_once('.').map(|(_, suffix)| suffix).unwrap_or_default();
            let sole_bearer = self.bearing(Space::Short, name).filter(|id| !stub_of(id)).nth(1).is_none();
            let told = |stub: &Node| stub.text("dnshostname").is_some() || stub.text("domain").is_some();
            let fits = |id: &NodeId| {
                stub_of(id)
                    && (sole_bearer || self.node(*id).is_some_and(told))
                    && (self.may_lie_in(*id, suffix) || self.account_stub_fits(*id, node, false))
            };
            found.extend(self.bearing(Space::Short, name).filter(fits));
        }
        if matches!(node.kind, NodeKind::User | NodeKind::Group | NodeKind::Computer) {
            let sam = node.text("samaccountname").unwrap_or_default();
            let sole_bearer = self.bearing(Space::Sam, sam).filter(|id| !stub_of(id)).nth(1).is_none();
            let fits = |id: &NodeId| stub_of(id) && self.account_stub_fits(*id, node, sole_bearer);
            found.extend(self.bearing(Space::Sam, sam).filter(fits));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn sid(&self, sid: &str, domain: Option<&str>) -> Option<NodeId> {
        let found = self.find(sid).filter(|id| self.exists(*id));
        if found.is_some() || sid.starts_with("S-1-5-21-") {
            return found;
        }
        // Well-known SIDs bear their domain as prefix in the graph.
        let domain = self.domain(domain?)?;
        let name = self.node(domain)?.text("name")?;
        self.find(&format!("{name}-{sid}"))
    }

    fn unnamed_domain(&self, name: &str) -> Option<NodeId> {
        if name.contains('@') {
            let account = Account::named(name);
            return self.unique(Space::Principal, name).or_else(|| self.account(&account));
        }
        self.unique(Space::Sam, name)
            .or_else(|| name.strip_suffix('$').and_then(|host| self.unique(Space::Short, host)))
    }

    fn in_domain(&self, name: &str, domain: &str) -> Option<NodeId> {
        if HOST_AUTHORITIES.contains(&domain.to_lowercase().as_str()) {
            return None;
        }
        let mut bearers = self.bearing(Space::Sam, name).filter(|id| self.lies_in(*id, domain));
        if let Some(found) = bearers.next() {
            return bearers.next().is_none().then_some(found);
        }
        if let Some(found) = self.unique(Space::Principal, &format!("{name}@{domain}")) {
            return Some(found);
        }
        if self.domain(domain).is_some() || self.host_name(domain).is_some() {
            // The domain is known and does not have the name, or it is a host and the account is local.
            return None;
        }
        self.unnamed_domain(name).filter(|id| !self.node(*id).is_some_and(Node::stub))
    }

    /// True where a node lies in the domain of a DNS or NetBIOS name.
    fn lies_in(&self, id: NodeId, domain: &str) -> bool {
        let Some(node) = self.node(id) else {
            return false;
        };
        let own = node.text("domain").unwrap_or_default();
        if same(own, domain) {
            return true;
        }
        let netbios = |id: NodeId| {
            let head = self.node(id)?;
            netbios_name(head).map(|name| same(name, domain))
        };
        let by_head = node.text("domainsid").and_then(|sid| self.find(sid)).and_then(netbios);
        by_head.unwrap_or_else(|| one_domain(own, domain))
    }

    /// True where a host's full name is unknown or lies under the suffix.
    fn may_lie_in(&self, id: NodeId, suffix: &str) -> bool {
        let Some(node) = self.node(id) else {
            return false;
        };
        let full = node.text("dnshostname").or_else(|| node.text("name")).unwrap_or_default();
        match full.split_once('.') {
            Some((_, own)) => suffix.is_empty() || same(own, suffix),
            None => {
                let fits = |domain| suffix.is_empty() || same(domain, suffix) || one_domain(domain, suffix);
                node.text("domain").is_none_or(fits)
            }
        }
    }

    fn account_stub_fits(&self, stub: NodeId, real: &Node, sole_bearer: bool) -> bool {
        let Some(domain) = self.node(stub).and_then(|node| node.text("domain")) else {
            return sole_bearer;
        };
        let own = real.text("domain").unwrap_or_default();
        let head = real.text("domainsid").and_then(|sid| self.find(sid)).and_then(|id| self.node(id));
        let netbios = head.and_then(netbios_name);
        same(domain, own) || netbios.map_or_else(|| one_domain(own, domain), |name| same(name, domain))
    }

    fn node(&self, id: NodeId) -> Option<&'a Node> {
        self.nodes.get(id.index()).map(|node| &**node)
    }

    fn exists(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|node| node.existed(None))
    }

    fn sole(&self, mut ids: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        let first = ids.next()?;
        ids.all(|other| other == first).then_some(first)
    }

    /// The existing nodes that bear a name now.
    fn bearing(&self, space: Space, name: &str) -> impl Iterator<Item = NodeId> {
        let wanted = if space == Space::Short { short_name(name) } else { name.to_owned() };
        let candidates: Vec<NodeId> = self.names.candidates(space, &wanted).collect();
        candidates
            .into_iter()
            .filter(move |id| self.node(*id).is_some_and(|node| node.existed(None) && bears(node, space, &wanted)))
    }
}

/// True where two names may be the NetBIOS and the DNS name of one domain: the one has no dot and is the other's first
/// label. Only for domains of which the directory does not say the NetBIOS name.
fn one_domain(one: &str, other: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    !one.is_empty() && one.contains('.') != other.contains('.') && same(&label(one), &label(other))
}

/// True where the node has the name now: the index may collide, or know a former name.
fn bears(node: &Node, space: Space, name: &str) -> bool {
    let has = |property: &str| node.text(property).is_some_and(|value| same(value, name));
    let short = |property: &str| node.text(property).is_some_and(|value| same(&short_name(value), name));
    match space {
        Space::Id => same(&node.id, name),
        Space::Sam => match node.text("samaccountname") {
            Some(sam) => same(sam, name),
            None => node.text("name").and_then(|own| own.split_once('@')).is_some_and(|(own, _)| same(own, name)),
        },
        Space::Principal => has("userprincipalname") || has("name"),
        Space::Dns => has("dnshostname") || has("name"),
        Space::Short => {
            short("samaccountname")
                || short("dnshostname")
                || short("name")
                || node.id.strip_prefix("HOST:").is_some_and(|own| same(own, name))
        }
        Space::Spn => node.list("serviceprincipalnames").iter().any(|own| same(own, name)),
        Space::Dn => has("distinguishedname"),
        Space::Guid => {
            let own = node.text("objectguid").unwrap_or(&node.id);
            same(own.trim_matches(['{', '}']), name)
        }
        Space::Domain => has("name") || has("domain") || has("netbios") || has("netbiosname"),
    }
}

/// A domain's NetBIOS name; some collectors write it empty where they do not know it.
fn netbios_name(head: &Node) -> Option<&str> {
    head.text("netbios").or_else(|| head.text("netbiosname")).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::directory::DeltaKind;
    use hopwatch_model::{PropertyValue, Sid};

    use super::*;
    use crate::estate::Estate;
    use crate::estate::tests::{delta, node};

    fn estate() -> Estate {
        let lab = |extra: &[(&'static str, &'static str)]| {
            let mut properties = vec![("domain", "LAB.EXAMPLE"), ("domainsid", "S-1-5-21-1-2-3")];
            properties.extend_from_slice(extra);
            properties
        };
        let child = |extra: &[(&'static str, &'static str)]| {
            let mut properties = vec![("domain", "CHILD.LAB.EXAMPLE"), ("domainsid", "S-1-5-21-4-5-6")];
            properties.extend_from_slice(extra);
            properties
        };
        let mut service = node("S-1-5-21-1-2-3-1110", NodeKind::User, &lab(&[("samaccountname", "svc_sql")]));
        service
            .properties
            .insert("serviceprincipalnames".into(), PropertyValue::List(vec!["MSSQLSvc/db1.lab.example".into()]));
        let nodes = vec![
            node("S-1-5-21-1-2-3", NodeKind::Domain, &[("name", "LAB.EXAMPLE"), ("netbios", "CORP")]),
            node("S-1-5-21-4-5-6", NodeKind::Domain, &[("name", "CHILD.LAB.EXAMPLE")]),
            node("S-1-5-21-1-2-3-500", NodeKind::User, &lab(&[("samaccountname", "Administrator")])),
            node("S-1-5-21-4-5-6-500", NodeKind::User, &child(&[("samaccountname", "Administrator")])),
            node(
                "S-1-5-21-1-2-3-1104",
                NodeKind::User,
                &lab(&[("samaccountname", "jörg"), ("userprincipalname", "jörg.b@mail.example")]),
            ),
            node(
                "S-1-5-21-1-2-3-1105",
                NodeKind::Computer,
                &lab(&[("samaccountname", "WS1$"), ("dnshostname", "ws1.lab.example"), ("name", "WS1.LAB.EXAMPLE")]),
            ),
            node(
                "S-1-5-21-4-5-6-1105",
                NodeKind::Computer,
                &child(&[("samaccountname", "DB1$"), ("name", "DB1.CHILD.LAB.EXAMPLE")]),
            ),
            node(
                "S-1-5-21-1-2-3-1106",
                NodeKind::Computer,
                &lab(&[("samaccountname", "DB1$"), ("dnshostname", "db1.lab.example")]),
            ),
            node("LAB.EXAMPLE-S-1-5-11", NodeKind::Group, &[("name", "AUTHENTICATED USERS@LAB.EXAMPLE")]),
            service,
        ];
        let mut estate = Estate::default();
        estate.apply(&delta(1, DeltaKind::Merge, nodes, vec![]));
        estate
    }

    fn check(found: Option<NodeId>, expected: &str) {
        let estate = estate();
        let found = found.and_then(|id| estate.node(id)).map_or("none", |node| node.id.as_str());
        assert_eq!(found, expected);
    }

    #[test]
    fn accounts_are_told_apart_by_their_domain_in_any_form() {
        let estate = estate();
        let account = |name: &str| estate.lookup().account(&Account::named(name));
        check(account("CORP\\administrator"), "S-1-5-21-1-2-3-500");
        check(account("administrator@LAB.EXAMPLE"), "S-1-5-21-1-2-3-500");
        check(account("CHILD\\Administrator"), "S-1-5-21-4-5-6-500");
        check(account("LAB\\Administrator"), "none");
        check(account("Administrator"), "none");
        check(account("JÖRG"), "S-1-5-21-1-2-3-1104");
        check(account("jörg.b@mail.example"), "S-1-5-21-1-2-3-1104");
        check(account("ws1$"), "S-1-5-21-1-2-3-1105");
        check(account("UNHEARD\\jörg"), "S-1-5-21-1-2-3-1104");
        check(account("AUTHENTICATED USERS@LAB.EXAMPLE"), "LAB.EXAMPLE-S-1-5-11");
    }

    #[test]
    fn a_local_account_is_not_the_domain_account_of_its_name() {
        let estate = estate();
        let account = |name: &str| estate.lookup().account(&Account::named(name));
        check(account("WS1\\jörg"), "none");
        check(account("NT AUTHORITY\\jörg"), "none");
        check(account("CHILD.LAB.EXAMPLE\\jörg"), "none");
    }

    #[test]
    fn a_sid_goes_before_every_name() {
        let estate = estate();
        let sid: Sid = "S-1-5-21-4-5-6-500".parse().unwrap();
        let account = Account { name: "jörg".into(), domain: None, sid: Some(sid) };
        check(estate.lookup().account(&account), "S-1-5-21-4-5-6-500");
        let everyone = Account { sid: "S-1-5-11".parse().ok(), domain: Some("CORP".into()), ..Account::default() };
        check(estate.lookup().account(&everyone), "LAB.EXAMPLE-S-1-5-11");
    }

    #[test]
    fn hosts_are_found_by_every_form_of_their_name() {
        let estate = estate();
        let host = |name: &str| estate.lookup().host(&Host::reported(name));
        for name in ["ws1", "WS1$", "ws1.lab.example", "WS1.LAB.EXAMPLE.", "\\\\WS1"] {
            check(host(name), "S-1-5-21-1-2-3-1105");
        }
        check(host("db1"), "none");
        check(host("db1.lab.example"), "S-1-5-21-1-2-3-1106");
        check(host("db1.child.lab.example"), "S-1-5-21-4-5-6-1105");
        check(host("ws1.other.example"), "none");
    }

    #[test]
    fn a_service_is_its_bearer_or_the_host_that_covers_its_class() {
        let estate = estate();
        let service = |name: &str| estate.lookup().service(name);
        check(service("mssqlsvc/DB1.lab.example"), "S-1-5-21-1-2-3-1110");
        check(service("MSSQLSvc/db1.lab.example:1433"), "S-1-5-21-1-2-3-1110");
        check(service("cifs/db1.lab.example"), "S-1-5-21-1-2-3-1106");
        check(service("ldap/ws1.lab.example/LAB.EXAMPLE"), "S-1-5-21-1-2-3-1105");
        check(service("nobody"), "none");
    }
}
