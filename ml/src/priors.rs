//! What the directory says of an access before anyone made it: whether it grants it, how much nearer it leads to Tier
//! Zero, and who the account's peers are. No published method has this; a scorer without a directory works without it.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use hopwatch_graph::{Distances, Limits, NodeFlags, NodeId, Snapshot};
use hopwatch_model::{Account, EdgeKind};

/// What the directory says of an access.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prior {
    /// Whether it grants the credential rights on the target; `None` where it knows either not.
    pub granted: Option<bool>,
    /// How much nearer the target is to Tier Zero than the source, in path cost; 0 where unknown.
    pub nearer: f32,
    /// The target is Tier Zero.
    pub tier_zero: bool,
}

/// A source of priors.
///
/// # Contract
/// The same answer for the same names as long as the directory does not change.
pub trait Priors {
    /// The prior of an access by names: account, source host, target host.
    fn prior(&self, user: &str, source: &str, target: &str) -> Prior;

    /// Accounts that share a group with this one, where the directory knows: the smallest group that has at least
    /// three members, by name.
    fn group(&self, user: &str) -> Option<u32>;
}

/// No directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl Priors for Unknown {
    fn prior(&self, _user: &str, _source: &str, _target: &str) -> Prior {
        Prior::default()
    }

    fn group(&self, _user: &str) -> Option<u32> {
        None
    }
}

/// Cost beyond which a host is as far from Tier Zero as one without a path.
const FAR: u32 = 1000;
/// The most groups that a membership search visits.
const GROUPS: usize = 4096;

/// The priors of a graph.
pub struct SnapshotPriors<'a> {
    snapshot: &'a Snapshot,
    distances: OnceCell<Option<Arc<Distances>>>,
}

impl<'a> SnapshotPriors<'a> {
    /// The priors of a snapshot. Distances to Tier Zero are computed once for a snapshot, where one is first asked for.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, distances: OnceCell::new() }
    }

    fn account(&self, name: &str) -> Option<NodeId> {
        let account = Account::named(name);
        let lookup = self.snapshot.lookup();
        let bare = || lookup.account(&Account { name: account.name.clone(), ..Account::default() });
        let found = lookup.account(&account).or_else(bare)?;
        (!self.snapshot.flags(found).has(NodeFlags::STUB)).then_some(found)
    }

    fn host(&self, name: &str) -> Option<NodeId> {
        let found = self.snapshot.lookup().host_name(name)?;
        (!self.snapshot.flags(found).has(NodeFlags::STUB)).then_some(found)
    }

    /// The account and every group that it is in, through groups in groups.
    fn principals(&self, account: NodeId) -> BTreeSet<NodeId> {
        let mut known = BTreeSet::from([account]);
        let mut open = vec![account];
        while let Some(node) = open.pop() {
            for hop in self.snapshot.outgoing(node).filter(|hop| hop.kind == EdgeKind::MemberOf) {
                if known.len() < GROUPS && known.insert(hop.target) {
                    open.push(hop.target);
                }
            }
        }
        known
    }

    fn distance(&self, node: Option<NodeId>) -> Option<f32> {
        let node = node?;
        let distances = self.distances.get_or_init(|| self.snapshot.tier_zero_distances(&Limits::none()).ok());
        let distance = distances.as_ref()?.get(node).unwrap_or(FAR).min(FAR);
        u16::try_from(distance).ok().map(f32::from)
    }
}

/// Rights that let a principal log on to a host or run there.
fn lets_in(kind: EdgeKind) -> bool {
    matches!(
        kind,
        EdgeKind::AdminTo
            | EdgeKind::CanRDP
            | EdgeKind::CanPSRemote
            | EdgeKind::ExecuteDCOM
            | EdgeKind::SQLAdmin
            | EdgeKind::GenericAll
            | EdgeKind::Owns
            | EdgeKind::WriteDacl
    )
}

impl Priors for SnapshotPriors<'_> {
    fn prior(&self, user: &str, source: &str, target: &str) -> Prior {
        let host = self.host(target);
        let account = self.account(user);
        let granted = account.zip(host).map(|(account, host)| {
            let principals = self.principals(account);
            self.snapshot.incoming(host).any(|hop| lets_in(hop.kind) && principals.contains(&hop.source))
        });
        let nearer = match (self.distance(self.host(source)), self.distance(host)) {
            (Some(from), Some(to)) => (from - to) / 100.0,
            _ => 0.0,
        };
        let tier_zero = host.is_some_and(|host| self.snapshot.flags(host).has(NodeFlags::TIER_ZERO));
        Prior { granted, nearer, tier_zero }
    }

    fn group(&self, user: &str) -> Option<u32> {
        let account = self.account(user)?;
        let size = |group: NodeId| self.snapshot.incoming(group).filter(|hop| hop.kind == EdgeKind::MemberOf).count();
        let groups = self.snapshot.outgoing(account).filter(|hop| hop.kind == EdgeKind::MemberOf).map(|hop| hop.target);
        let sized = groups.map(|group| (size(group), group)).filter(|(size, _)| *size >= 3);
        let (_, smallest) = sized.min()?;
        u32::try_from(smallest.index()).ok()
    }
}
