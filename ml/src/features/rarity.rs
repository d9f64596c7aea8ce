//! Three-way rarity with backoff: how improbable a target is for a credential, a source for a credential and a target for
//! a source, each smoothed towards how popular the partner is with everybody.
//!
//! −ln p(d|u), p(d|u) = (n_ud + α·pop_d) / (n_u + α), pop_d = (distinct users of d + ½) / (users + 1), α = 2.

use super::number;
use crate::access::Proof;
use crate::number::{real, single};
use crate::store::Store;
use crate::store::entity::{Place, User};
use crate::store::tally::{Minute, Tally};

/// Pseudo-counts of the backoff: how many accesses it takes to outweigh what everybody does.
const ALPHA: f32 = 2.0;

/// The three rarities, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rarity {
    /// Of the target for the credential.
    pub user_target: f32,
    /// Of the source for the credential.
    pub user_source: f32,
    /// Of the target for the source.
    pub source_target: f32,
}

impl Rarity {
    /// The rarities of an access; `pairs` = credential and target, credential and source, source and target.
    #[must_use]
    pub fn of(store: &Store, user: &User, source: &Place, target: &Place, pairs: [Tally; 3], now: Minute) -> Self {
        let everybody = single(real(store.user_count())) + 1.0;
        let popular = |count: u32| (number(count) + 0.5) / everybody;
        let rare = |pair: Tally, all: &Tally, popular: f32| {
            // INVARIANT: a pair's weight never exceeds its entity's, so that p stays at most 1 but for rounding.
            let p = (pair.at(now) + ALPHA * popular) / (all.at(now) + ALPHA);
            -p.clamp(1e-9, 1.0).ln()
        };
        let [user_target, user_source, source_target] = pairs;
        Self {
            user_target: rare(user_target, &user.total, popular(target.visitors)),
            user_source: rare(user_source, &user.total, popular(source.users)),
            source_target: rare(source_target, &source.out, popular(target.visitors)),
        }
    }

    /// Their sum: the rarity scorer.
    #[must_use]
    pub fn sum(&self) -> f32 {
        self.user_target + self.user_source + self.source_target
    }
}

/// How improbable this proof is for the account, in nats, smoothed towards one in ten for NTLM.
pub(super) fn proof(user: &User, proof: Proof, now: Minute) -> f32 {
    let ntlm = (user.ntlm.at(now) + 0.3) / (user.total.at(now) + 3.0);
    match proof {
        Proof::Ntlm => -ntlm.clamp(1e-6, 1.0).ln(),
        Proof::Kerberos | Proof::Other => -(1.0 - ntlm).clamp(1e-6, 1.0).ln(),
    }
}

/// How improbable the hour is for the account, in nats: its own hours and their neighbours, smoothed towards everybody's.
pub(super) fn hour(store: &Store, user: &User, hour: u8) -> f32 {
    let here = usize::from(hour);
    let count = |at: usize| user.hours.get(at % 24).copied().map_or(0.0, f32::from);
    let near = 0.25 * count(here + 23) + 0.5 * count(here) + 0.25 * count(here + 1);
    let own: f32 = user.hours.iter().copied().map(f32::from).sum();
    let everybody: f64 = store.hours.iter().copied().map(f64::from).sum();
    let all = (f64::from(store.hours.get(here).copied().unwrap_or(0)) + 1.0) / (everybody + 24.0);
    -((near + 5.0 * single(all)) / (own + 5.0)).clamp(1e-6, 1.0).ln()
}
