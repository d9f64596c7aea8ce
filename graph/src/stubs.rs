//! Which hosts and accounts that only traffic named are a directory object: by name, where no other object bears it or a
//! domain tells them apart.

use hopwatch_model::NodeKind;

use crate::estate::Node;
use crate::ids::NodeId;
use crate::lookup::{Lookup, netbios_name, one_domain};
use crate::names::{Space, same};

impl Lookup<'_> {
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

    fn account_stub_fits(&self, stub: NodeId, real: &Node, sole_bearer: bool) -> bool {
        let Some(domain) = self.node(stub).and_then(|node| node.text("domain")) else {
            return sole_bearer;
        };
        let own = real.text("domain").unwrap_or_default();
        let head = real.text("domainsid").and_then(|sid| self.find(sid)).and_then(|id| self.node(id));
        let netbios = head.and_then(netbios_name);
        same(domain, own) || netbios.map_or_else(|| one_domain(own, domain), |name| same(name, domain))
    }
}
