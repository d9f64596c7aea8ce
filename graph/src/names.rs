//! The index from names to nodes: a 64-bit hash of the name in a name space, so that a copy for a snapshot is one block
//! of memory. A hash may collide and a name may have changed since; whoever asks compares with the node itself.

use std::hash::Hasher;

use hopwatch_model::identity::short_name;
use hopwatch_model::{Guid, NodeKind};
use rustc_hash::{FxHashMap, FxHasher};

use crate::estate::Node;
use crate::ids::NodeId;

/// Nodes kept under one name beyond the first. A name that more nodes share identifies none of them.
const MAX_SHARED: usize = 63;

/// What kind of name a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// The object id.
    Id,
    /// `sAMAccountName`.
    Sam,
    /// `userPrincipalName`, and BloodHound's `NAME@DOMAIN`.
    Principal,
    /// A computer's full DNS name.
    Dns,
    /// A computer's short name.
    Short,
    /// A service principal name.
    Spn,
    /// A distinguished name.
    Dn,
    /// An object GUID.
    Guid,
    /// A domain's DNS or NetBIOS name.
    Domain,
}

/// Names to nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    first: FxHashMap<u64, NodeId>,
    more: FxHashMap<u64, Vec<NodeId>>,
}

impl Names {
    /// The nodes that may bear a name, in the order in which they came.
    pub(crate) fn candidates(&self, space: Space, name: &str) -> impl Iterator<Item = NodeId> + '_ {
        let key = key(space, name);
        let more = self.more.get(&key).into_iter().flatten().copied();
        self.first.get(&key).copied().into_iter().chain(more)
    }

    /// Enters a node under every name that it has now.
    pub(crate) fn enter(&mut self, id: NodeId, node: &Node) {
        each_name(node, &mut |space, name| self.add(space, name, id));
    }

    /// Enters a node under its id alone.
    pub(crate) fn enter_id(&mut self, id: NodeId, object_id: &str) {
        self.add(Space::Id, object_id, id);
    }

    fn add(&mut self, space: Space, name: &str, id: NodeId) {
        if name.is_empty() {
            return;
        }
        let key = key(space, name);
        let first = *self.first.entry(key).or_insert(id);
        if first == id {
            return;
        }
        let more = self.more.entry(key).or_default();
        if more.len() < MAX_SHARED && !more.contains(&id) {
            more.push(id);
        }
    }
}

/// True where two names are equal but for case.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

fn each_name(node: &Node, add: &mut impl FnMut(Space, &str)) {
    let host = matches!(node.kind, NodeKind::Computer | NodeKind::SiteServer | NodeKind::Address);
    add(Space::Id, &node.id);
    let name = node.text("name").unwrap_or_default();
    if let Some(sam) = node.text("samaccountname") {
        add(Space::Sam, sam);
        if host {
            add(Space::Short, &short_name(sam));
        }
    } else if let Some((account, _)) = name.split_once('@').filter(|_| !host) {
        add(Space::Sam, account);
    }
    if let Some(upn) = node.text("userprincipalname") {
        add(Space::Principal, upn);
    }
    if name.contains('@') {
        add(Space::Principal, name);
    }
    if host {
        for full in [node.text("dnshostname").unwrap_or_default(), name] {
            add(Space::Dns, full);
            add(Space::Short, &short_name(full));
        }
        if let Some(short) = node.id.strip_prefix("HOST:") {
            add(Space::Short, short);
        }
    }
    for spn in node.list("serviceprincipalnames") {
        add(Space::Spn, spn);
    }
    if let Some(dn) = node.text("distinguishedname") {
        add(Space::Dn, dn);
    }
    let guid = node.text("objectguid").unwrap_or(&node.id);
    if let Ok(guid) = guid.trim_matches(['{', '}']).parse::<Guid>() {
        add(Space::Guid, &guid.to_string());
    }
    if node.kind == NodeKind::Domain {
        add(Space::Domain, name);
        for property in ["domain", "netbios", "netbiosname"] {
            add(Space::Domain, node.text(property).unwrap_or_default());
        }
    }
}

fn key(space: Space, name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(match space {
        Space::Id => 0,
        Space::Sam => 1,
        Space::Principal => 2,
        Space::Dns => 3,
        Space::Short => 4,
        Space::Spn => 5,
        Space::Dn => 6,
        Space::Guid => 7,
        Space::Domain => 8,
    });
    if name.is_ascii() {
        write_folded(&mut hasher, name.as_bytes());
    } else {
        write_folded(&mut hasher, name.to_lowercase().as_bytes());
    }
    hasher.finish()
}

/// Hashes eight bytes at a time with the bit that tells upper from lower case set: names that differ in more than case
/// may collide, which whoever asks has to expect anyway.
fn write_folded(hasher: &mut FxHasher, bytes: &[u8]) {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hasher.write_u64(u64::from_le_bytes(*word) | CASE);
    }
    let mut last = [0; 8];
    for (slot, byte) in last.iter_mut().zip(rest) {
        *slot = *byte;
    }
    hasher.write_u64(u64::from_le_bytes(last) | CASE);
}
