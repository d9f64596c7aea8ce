//! The immutable form of the estate at one time: what every search, detection and query reads. Cheap to share by `Arc`,
//! and it shares its records with the estate until the estate changes them.

mod build;
mod csr;
mod flags;
mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use hopwatch_model::{NodeKind, Timestamp};

pub use build::EdgeList;
use csr::Classes;
pub(crate) use csr::Csr;
pub use flags::NodeFlags;
pub use view::Hop;

use crate::Error;
use crate::distance::{Distances, Metric};
use crate::estate::{Chunked, Edge, Node};
use crate::filter::{Direction, Filter};
use crate::ids::{EdgeId, NodeId};
use crate::limits::Limits;
use crate::lookup::Lookup;
use crate::names::Names;
use crate::tier_zero::Reason;

/// The estate at one time.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) csr: Csr,
    pub(crate) classes: Classes,
    kinds: Vec<NodeKind>,
    flags: Vec<NodeFlags>,
    tier_zero: BTreeMap<NodeId, Reason>,
    tier_zero_distances: OnceLock<Arc<Distances>>,
    zones: BTreeMap<String, Vec<NodeId>>,
    nodes: Chunked<Arc<Node>>,
    pub(crate) edges: Chunked<Edge>,
    names: Arc<Names>,
    sources: Vec<Arc<str>>,
    as_of: Option<Timestamp>,
    latest: Option<Timestamp>,
    serial: u64,
}

/// Numbers snapshots of this process.
fn next_serial() -> u64 {
    static SERIAL: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

impl Snapshot {
    /// The time that was asked for; `None` for the present.
    #[must_use]
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// What tells this snapshot, and clones of it, from every other one of this process: for whoever remembers what was
    /// looked up. It says nothing of the order of snapshots and is no part of their content.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The latest time of anything that the estate had applied when the snapshot was taken.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    /// The bound of [`NodeId`]: nodes that exist, and places of those that do not.
    #[must_use]
    pub fn node_bound(&self) -> usize {
        self.kinds.len()
    }

    /// Nodes that exist.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.flags.iter().filter(|flags| flags.exists()).count()
    }

    /// Edges that hold.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.csr.target.len()
    }

    /// Bytes of the columns of edges and their offsets.
    #[must_use]
    pub fn edge_bytes(&self) -> usize {
        self.csr.bytes()
    }

    /// The nodes that exist.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        let rows = self.flags.iter().enumerate().filter(|(_, flags)| flags.exists());
        rows.map(|(index, _)| NodeId::from_index(index))
    }

    /// True where the node exists at the snapshot's time.
    #[must_use]
    pub fn contains(&self, id: NodeId) -> bool {
        self.flags(id).exists()
    }

    /// A node's kind; [`NodeKind::Base`] for an unknown id.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> NodeKind {
        self.kinds.get(id.index()).copied().unwrap_or(NodeKind::Base)
    }

    /// A node's flags; none for an unknown id.
    #[must_use]
    pub fn flags(&self, id: NodeId) -> NodeFlags {
        self.flags.get(id.index()).copied().unwrap_or_default()
    }

    /// A node's record; `None` for an unknown id and for snapshots made from bare edges.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index()).map(|node| &**node)
    }

    /// An edge's record: properties, composition, sources, intervals.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(id.index())
    }

    /// The name of a source in an edge's set of sources.
    #[must_use]
    pub fn source_name(&self, id: u16) -> Option<&str> {
        self.sources.get(usize::from(id)).map(|name| &**name)
    }

    /// The node of an object id.
    #[must_use]
    pub fn find(&self, object_id: &str) -> Option<NodeId> {
        self.lookup().find(object_id).filter(|id| self.contains(*id))
    }

    /// The node of an object id, for queries that name one.
    ///
    /// # Errors
    /// [`Error::UnknownNode`].
    pub fn require(&self, object_id: &str) -> Result<NodeId, Error> {
        self.find(object_id).ok_or_else(|| Error::UnknownNode { id: object_id.to_owned() })
    }

    /// Name resolution. It answers for the present names of nodes, also in a snapshot of the past.
    #[must_use]
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup::new(&self.nodes, &self.names)
    }

    /// The nodes of Tier Zero with the reason of each.
    #[must_use]
    pub fn tier_zero_reasons(&self) -> &BTreeMap<NodeId, Reason> {
        &self.tier_zero
    }

    /// The members of the zones that an administrator made.
    #[must_use]
    pub fn zones(&self) -> &BTreeMap<String, Vec<NodeId>> {
        &self.zones
    }

    /// The cost of the cheapest path from every node to Tier Zero, by the default filter. Computed once for a snapshot.
    ///
    /// # Errors
    /// [`Error::Stopped`], where the limits' caller stopped the first computation.
    pub fn tier_zero_distances(&self, limits: &Limits<'_>) -> Result<Arc<Distances>, Error> {
        if let Some(known) = self.tier_zero_distances.get() {
            return Ok(Arc::clone(known));
        }
        let unbounded = Limits { stop: limits.stop, ..Limits::none() };
        let zone = self.tier_zero();
        let found = self.distances(&zone, Direction::Inbound, Metric::Cost, &Filter::default(), &unbounded)?;
        Ok(Arc::clone(self.tier_zero_distances.get_or_init(|| Arc::new(found))))
    }
}
