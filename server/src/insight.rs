//! What is computed over one snapshot and kept as long as it lives: exposure and impact of entities, the order of names,
//! the edges whose removal helps most. Everything here is asked of the graph; no search is written here.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use hopwatch_graph::{Error, Filter, Hop, Limits, NodeFlags, NodeId, Share, Snapshot};

/// Sets that the graph searches at a time.
const LANES: usize = 64;

/// Exposure and impact of one entity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Who can reach it.
    pub exposure: Share,
    /// What it can reach.
    pub impact: Share,
}

/// An edge whose removal cuts principals off from Tier Zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Choke {
    /// The edge; of parallel ones the cheapest.
    pub hop: Hop,
    /// Every edge from its source to its target that must go with it.
    pub with: Vec<Hop>,
    /// Enabled principals that it cuts off.
    pub principals: u64,
    /// By how many percent points the exposure of Tier Zero falls.
    pub percent: f64,
}

/// Choke points that are kept.
const CHOKES: usize = 100;

/// What was computed over one snapshot.
pub struct Insight {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    shares: RwLock<HashMap<NodeId, Shares>>,
    by_name: OnceLock<Vec<NodeId>>,
    zone: OnceLock<Share>,
    chokes: OnceLock<Arc<Vec<Choke>>>,
}

impl Insight {
    /// Nothing computed yet.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot,
            shares: RwLock::default(),
            by_name: OnceLock::new(),
            zone: OnceLock::new(),
            chokes: OnceLock::new(),
        }
    }

    /// Exposure and impact of entities, those known taken from the last time.
    ///
    /// # Errors
    /// Where an entity does not exist, or the caller stopped it.
    pub fn shares(&self, wanted: &[NodeId], limits: &Limits<'_>) -> Result<HashMap<NodeId, Shares>, Error> {
        let known = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: HashMap<NodeId, Shares> = wanted.iter().filter_map(|id| Some((*id, *known.get(id)?))).collect();
        drop(known);
        let missing: Vec<NodeId> = wanted.iter().copied().filter(|id| !found.contains_key(id)).collect();
        let filter = Filter::default();
        for lanes in missing.chunks(LANES) {
            let sets: Vec<&[NodeId]> = lanes.iter().map(std::slice::from_ref).collect();
            let exposure = self.snapshot.exposure(&sets, &filter, limits)?;
            let impact = self.snapshot.impact(&sets, &filter, limits)?;
            let shares = exposure.into_iter().zip(impact).map(|(exposure, impact)| Shares { exposure, impact });
            found.extend(lanes.iter().copied().zip(shares));
        }
        let mut known = self.shares.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(missing.iter().filter_map(|id| Some((*id, *found.get(id)?))));
        Ok(found)
    }

    /// Who can reach Tier Zero, without Tier Zero itself; all zero where there is no Tier Zero.
    ///
    /// # Errors
    /// Where the caller stopped it.
    pub fn zone(&self, limits: &Limits<'_>) -> Result<Share, Error> {
        if let Some(known) = self.zone.get() {
            return Ok(*known);
        }
        let zone = self.snapshot.tier_zero();
        if zone.is_empty() {
            return Ok(Share { nodes: 0, principals: 0, tier_zero: 0, of_principals: self.snapshot.principal_count() });
        }
        let shares = self.snapshot.exposure(&[&zone], &Filter::default(), limits)?;
        let share = shares.into_iter().next().ok_or(Error::EmptySet { what: "the set of targets" })?;
        Ok(*self.zone.get_or_init(|| share))
    }

    /// The edges whose removal cuts the most principals off from Tier Zero, the best first.
    ///
    /// # Errors
    /// Where the caller stopped it.
    pub fn choke_points(&self, limits: &Limits<'_>) -> Result<Arc<Vec<Choke>>, Error> {
        if let Some(known) = self.chokes.get() {
            return Ok(Arc::clone(known));
        }
        let zone = self.snapshot.tier_zero();
        if zone.is_empty() {
            return Ok(Arc::default());
        }
        let found = self.snapshot.choke_points(&zone, CHOKES, &Filter::default(), limits)?;
        let all = self.zone(limits)?.of_principals.max(1);
        let count = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let choke = |edge: hopwatch_graph::choke::ChokeEdge| {
            let hop = edge.hops.iter().min_by_key(|hop| (hop.cost, hop.kind)).copied()?;
            let percent = count(edge.principals) / count(all) * 100.0;
            Some(Choke { hop, with: edge.hops, principals: edge.principals, percent })
        };
        let chokes = Arc::new(found.edges.into_iter().filter_map(choke).collect::<Vec<_>>());
        Ok(Arc::clone(self.chokes.get_or_init(|| chokes)))
    }

    /// All entities by name, case folded.
    pub fn by_name(&self) -> &[NodeId] {
        self.by_name.get_or_init(|| {
            let mut named: Vec<(String, NodeId)> =
                self.snapshot.nodes().map(|id| (name(&self.snapshot, id), id)).collect();
            named.sort_unstable();
            named.into_iter().map(|(_, id)| id).collect()
        })
    }

    /// Hops on the cheapest path to Tier Zero; 0 inside, `None` where there is none.
    ///
    /// # Errors
    /// Where the caller stopped it.
    pub fn hops_to_tier_zero(&self, id: NodeId, limits: &Limits<'_>) -> Result<Option<usize>, Error> {
        if self.snapshot.flags(id).has(NodeFlags::TIER_ZERO) {
            return Ok(Some(0));
        }
        let path = path_to_tier_zero(&self.snapshot, id, limits)?;
        Ok(path.map(|path| path.hops.len()))
    }
}

/// The cheapest path from an entity to Tier Zero.
///
/// # Errors
/// Where the entity does not exist, or the caller stopped it.
pub fn path_to_tier_zero(
    snapshot: &Snapshot,
    from: NodeId,
    limits: &Limits<'_>,
) -> Result<Option<hopwatch_graph::Path>, Error> {
    let distances = snapshot.tier_zero_distances(limits)?;
    snapshot.path_along(&distances, from, hopwatch_graph::Metric::Cost, &Filter::default(), limits)
}

/// An entity's name in lower case.
#[must_use]
pub fn name(snapshot: &Snapshot, id: NodeId) -> String {
    snapshot.node(id).map(|node| node.label().to_lowercase()).unwrap_or_default()
}
