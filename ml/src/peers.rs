//! Peer groups: accounts that should behave alike, and how many of them use a host. From the directory where it is
//! loaded (the smallest group with at least three members), else none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::features::Aside;
use crate::priors::{Prior, Priors};
use crate::store::{Move, Store};

/// Members of a group that are asked; a sample says enough of a large one.
const MEMBERS: usize = 48;
/// Fewer members than this say nothing of each other.
const LEAST: usize = 3;
/// The most groups.
const GROUPS: usize = 20_000;

/// Members of groups by the directory's number of the group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peers {
    members: BTreeMap<u32, Vec<u32>>,
    /// The group of an account.
    of: BTreeMap<u32, u32>,
}

/// How many peers use a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerUse {
    /// Peers that use it.
    pub using: usize,
    /// Peers asked.
    pub peers: usize,
}

impl Peers {
    /// The groups of all accounts that a store knows.
    #[must_use]
    pub fn of_store(store: &Store, priors: &dyn Priors) -> Self {
        let mut peers = Self::default();
        for user in store.active_users() {
            let Some(group) = priors.group(store.user_names.name(user)) else { continue };
            if peers.members.len() >= GROUPS && !peers.members.contains_key(&group) {
                continue;
            }
            let members = peers.members.entry(group).or_default();
            if members.len() < MEMBERS {
                members.push(user);
            }
            peers.of.insert(user, group);
        }
        peers
    }

    /// How many of an account's peers use a host; `None` without enough peers.
    #[must_use]
    pub fn using(&self, store: &Store, user: u32, target: u32) -> Option<PeerUse> {
        let members = self.members.get(self.of.get(&user)?)?;
        let others = members.iter().filter(|member| **member != user);
        let uses = others.clone().filter(|member| store.user_target.get((**member, target)).times > 0).count();
        let peers = others.count();
        (peers >= LEAST).then_some(PeerUse { using: uses, peers })
    }

    /// What is known of an access beside the counts. Asked only for what is new: habits need no explanation.
    #[must_use]
    pub fn aside(&self, store: &Store, seen: &Move, priors: &dyn Priors) -> (Prior, Option<PeerUse>) {
        let now = seen.minute();
        let known = store.user_target.get((seen.user, seen.target)).habit(now).times > 0
            && store.user_source.get((seen.user, seen.source)).habit(now).times > 0
            && store.source_target.get((seen.source, seen.target)).habit(now).times > 0;
        if known {
            return (Prior::default(), None);
        }
        let (users, places) = (&store.user_names, &store.place_names);
        let prior = priors.prior(users.name(seen.user), places.name(seen.source), places.name(seen.target));
        (prior, self.using(store, seen.user, seen.target))
    }
}

impl Peers {
    /// The same of an access that was scored and perhaps learned since.
    #[must_use]
    pub fn aside_of(&self, store: &Store, score: &crate::Score, priors: &dyn Priors) -> (Prior, Option<PeerUse>) {
        let seen = &score.seen;
        let (users, places) = (&store.user_names, &store.place_names);
        let prior = priors.prior(users.name(seen.user), places.name(seen.source), places.name(seen.target));
        (prior, self.using(store, seen.user, seen.target))
    }
}

impl PeerUse {
    /// The share of the peers that use it, smoothed.
    #[must_use]
    pub fn share(self) -> f32 {
        let number = |count: usize| f32::from(u16::try_from(count).unwrap_or(u16::MAX));
        (number(self.using) + 0.5) / (number(self.peers) + 1.0)
    }
}

/// The aside of a look.
#[must_use]
pub fn aside<'a>(hops: &'a [crate::features::Hop], known: (Prior, Option<PeerUse>)) -> Aside<'a> {
    Aside { hops, prior: known.0, peer_share: known.1.map(PeerUse::share) }
}
