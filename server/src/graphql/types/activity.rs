//! When an account is at work, against its peers.

use async_graphql::{Context, SimpleObject};
use hopwatch_graph::{NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind};

use super::entity::{Entity, node_keys};
use crate::graphql::error::ApiResult;
use crate::graphql::request::state;

/// Peers that are looked at: a mean over more changes little.
const PEERS: usize = 50;
/// Members beyond which a group says nothing of who belongs together.
const CROWD: usize = 500;
/// Hours of a day.
const HOURS: usize = 24;

/// Logons by weekday (7 rows, Monday first) and hour of day (24, UTC).
#[derive(Clone, Debug, SimpleObject)]
pub struct ActivityHeat {
    /// Of the entity.
    pub own: Vec<Vec<u64>>,
    /// The mean of its peers.
    pub peers: Vec<Vec<f64>>,
    /// How many peers there are.
    pub peer_count: usize,
}

/// The activity of an entity.
pub(crate) async fn of(ctx: &Context<'_>, entity: &Entity) -> ApiResult<ActivityHeat> {
    let events = &state(ctx)?.events;
    let snapshot = &entity.snapshot;
    let peers = peers(snapshot, entity.id, PEERS);
    let account_keys = |id: NodeId| -> Vec<String> {
        let keys = snapshot.node(id).map(node_keys).unwrap_or_default();
        keys.into_iter().filter(|key| key.starts_with("account:")).collect()
    };
    let own = sum(events.logon_hours(&account_keys(entity.id)).await?.values());
    let peer_keys: Vec<String> = peers.iter().flat_map(|id| account_keys(*id)).collect();
    let theirs = sum(events.logon_hours(&peer_keys).await?.values());
    let count = u32::try_from(peers.len().max(1)).unwrap_or(u32::MAX);
    let mean = |hour: &u64| f64::from(u32::try_from(*hour).unwrap_or(u32::MAX)) / f64::from(count);
    Ok(ActivityHeat {
        own: own.chunks(HOURS).map(<[u64]>::to_vec).collect(),
        peers: theirs.chunks(HOURS).map(|day| day.iter().map(mean).collect()).collect(),
        peer_count: peers.len(),
    })
}

fn sum<'a>(hours: impl Iterator<Item = &'a Vec<u64>>) -> Vec<u64> {
    let mut total = vec![0; 7 * HOURS];
    for own in hours {
        for (slot, count) in total.iter_mut().zip(own) {
            *slot += count;
        }
    }
    total
}

/// Entities of the same kind that share a group, those of the smallest shared group first.
pub(crate) fn peers(snapshot: &Snapshot, id: NodeId, limit: usize) -> Vec<NodeId> {
    let kind = snapshot.kind(id);
    if !matches!(kind, NodeKind::User | NodeKind::Computer) {
        return Vec::new();
    }
    let members = |group: NodeId| {
        let hops = snapshot.incoming(group).filter(|hop| hop.kind == EdgeKind::MemberOf);
        hops.map(|hop| hop.source).filter(|other| *other != id && snapshot.kind(*other) == kind)
    };
    let groups = snapshot.outgoing(id).filter(|hop| hop.kind == EdgeKind::MemberOf).map(|hop| hop.target);
    let mut sized: Vec<(usize, NodeId)> =
        groups.map(|group| (members(group).take(CROWD + 1).count(), group)).filter(|(size, _)| *size > 0).collect();
    sized.sort_unstable();
    let mut found: Vec<NodeId> = Vec::new();
    for (_, group) in sized {
        for member in members(group) {
            if found.len() >= limit {
                return found;
            }
            if !found.contains(&member) {
                found.push(member);
            }
        }
    }
    found
}
