//! Ways to Tier Zero, as stories tell them. The distances are computed once for a snapshot and kept by it; a question
//! then costs the length of its answer.

use hopwatch_graph::{Filter, Limits, Metric, NodeId, Path, Snapshot};

/// The most nodes that finding one way may touch.
const NODES: usize = 1_000_000;

/// What the cheapest way from a node into Tier Zero costs; `None` where there is none.
#[must_use]
pub fn distance(snapshot: &Snapshot, from: NodeId) -> Option<u32> {
    snapshot.tier_zero_distances(&Limits::none()).ok()?.get(from)
}

/// The cheapest way from a node into Tier Zero.
#[must_use]
pub fn to_tier_zero(snapshot: &Snapshot, from: NodeId) -> Option<Path> {
    let distances = snapshot.tier_zero_distances(&Limits::none()).ok()?;
    let limits = Limits { max_nodes: NODES, ..Limits::none() };
    snapshot.path_along(&distances, from, Metric::Cost, &Filter::default(), &limits).ok()?
}

/// A way in words: `ann ─ForceChangePassword→ bob ─MemberOf→ Domain Admins`.
#[must_use]
pub fn shown(snapshot: &Snapshot, path: &Path) -> String {
    let mut text = crate::directory::label(snapshot, path.start);
    for hop in &path.hops {
        let end = crate::directory::label(snapshot, hop.target);
        text.push_str(&format!(" ─{}→ {end}", hop.kind.name()));
    }
    text
}
