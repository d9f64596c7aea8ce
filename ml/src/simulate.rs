//! Simulated campaigns: what an intruder on one of the estate's own hosts would do next, made from accesses that were just
//! seen. Their rows are the counter-examples of the self-supervised models, with features as of that moment, so that no
//! labelled attack is ever needed. Never learned into the store.
//!
//! Shapes after Hopper's attack generator (Ho et al. 2021): a fan from one foothold, a chain with credential switches, a
//! stolen credential used only where its owner uses it, and one new target a day. Which hosts, accounts and pairs occur
//! is the estate's own; nothing here knows a data set.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::access::{Proof, Reach};
use crate::features::{Hop, Row, look};
use crate::peers::{Peers, aside};
use crate::priors::Priors;
use crate::random::Random;
use crate::store::{Move, Store};

/// Recent accesses from which campaigns are made: about a day of a small estate.
const RECENT: usize = 8192;
/// Tries to find an access that fits.
const TRIES: usize = 24;
/// Campaigns that do not begin with the access just seen.
const ELSEWHERE: f64 = 0.75;
/// Stolen credentials that were chosen for their reach.
const PRIVILEGED: f64 = 0.5;
/// The most hops of a campaign.
const HOPS: usize = 6;

/// Makes campaigns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Simulator {
    random: Random,
    recent: VecDeque<Move>,
    seen: u64,
    /// Accesses that named who acted, of all.
    named: u64,
}

/// The campaign in the making.
struct Campaign<'a> {
    store: &'a Store,
    peers: &'a Peers,
    priors: &'a dyn Priors,
    hops: Vec<Hop>,
    rows: Vec<Row>,
    /// Whether this estate's sources name who acts.
    names: bool,
}

impl Simulator {
    /// A simulator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), recent: VecDeque::new(), seen: 0, named: 0 }
    }

    /// Takes in an access that was seen: a uniform sample of all with a lean to the latest.
    pub fn observe(&mut self, seen: &Move) {
        self.seen += 1;
        self.named += u64::from(seen.by.is_some());
        if self.recent.len() < RECENT {
            self.recent.push_back(*seen);
        } else if self.random.chance(0.2) {
            let place = self.random.below(RECENT);
            if let Some(slot) = self.recent.get_mut(place) {
                *slot = *seen;
            }
        }
    }

    /// True with a probability, by the simulator's own seed.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.random.chance(probability)
    }

    /// The rows of one campaign that starts from an access just seen.
    pub fn campaign(&mut self, store: &Store, seen: &Move, peers: &Peers, priors: &dyn Priors) -> Vec<Row> {
        if self.recent.len() < 64 {
            return Vec::new();
        }
        let names = self.named > 0;
        // An intruder does not wait until his victim works: most campaigns begin with another recent access, now.
        let victim = if self.random.chance(ELSEWHERE) { self.any() } else { None };
        let seen = &victim.map_or(*seen, |other| Move { time: seen.time, ..other });
        let mut campaign = Campaign { store, peers, priors, hops: Vec::new(), rows: Vec::new(), names };
        let actor = seen.by.unwrap_or(seen.user);
        match self.random.below(10) {
            0 | 1 => self.fan(&mut campaign, seen, actor),
            2..=4 => self.chain(&mut campaign, seen, actor),
            5..=7 => self.stealth(&mut campaign, seen, actor),
            _ => self.slow(&mut campaign, seen, actor),
        }
        campaign.rows
    }

    /// One foothold, many credentials, many targets, within the hour.
    fn fan(&mut self, campaign: &mut Campaign<'_>, seen: &Move, actor: u32) {
        let mut time = seen.time;
        for _ in 0..2 + self.random.below(HOPS) {
            let (Some(target), Some(stolen)) = (self.target(), self.other(campaign.store, actor)) else { return };
            let hop = self.hop(time, actor, stolen.user, seen.source, target, campaign.names);
            campaign.take(hop, true);
            time += self.pause(240.0);
        }
    }

    /// Hop by hop, each with the credential found on the host before.
    fn chain(&mut self, campaign: &mut Campaign<'_>, seen: &Move, actor: u32) {
        let (mut time, mut source, mut actor) = (seen.time, seen.source, actor);
        for step in 0..2 + self.random.below(3) {
            let Some(target) = self.target() else { return };
            let own = step == 0 && self.random.chance(0.5);
            let user = if own { Some(actor) } else { self.other(campaign.store, actor).map(|seen| seen.user) };
            let Some(user) = user else { return };
            let hop = self.hop(time, actor, user, source, target, campaign.names);
            campaign.take(hop, true);
            time += self.pause(1500.0);
            (source, actor) = (target, user);
        }
    }

    /// A stolen credential, towards targets that its owner uses, from the foothold or from one ordinary hop away.
    fn stealth(&mut self, campaign: &mut Campaign<'_>, seen: &Move, actor: u32) {
        let Some(stolen) = self.other(campaign.store, actor) else { return };
        let mut time = seen.time;
        let mut source = seen.source;
        if self.random.chance(0.7) {
            // The first hop is the actor's own habit, and no counter-example.
            let hop = self.hop(time, actor, actor, seen.source, seen.target, campaign.names);
            campaign.take(hop, false);
            time += self.pause(900.0);
            source = seen.target;
        }
        let mut targets = vec![stolen.target];
        for _ in 0..TRIES * 8 {
            let Some(other) = self.any() else { break };
            if other.user == stolen.user && !targets.contains(&other.target) && targets.len() < 3 {
                targets.push(other.target);
            }
        }
        for target in targets {
            let hop = self.hop(time, actor, stolen.user, source, target, campaign.names);
            campaign.take(hop, true);
            time += self.pause(900.0);
        }
    }

    /// The own credential, one new target a day; the rows before fall back in time so that the last is now.
    fn slow(&mut self, campaign: &mut Campaign<'_>, seen: &Move, actor: u32) {
        let days = 1 + self.random.below(4);
        for day in (0..days).rev() {
            let Some(target) = self.unseen(campaign.store, actor) else { return };
            let back = 86_400 * i64::try_from(day).unwrap_or(0);
            let mut hop = self.hop(seen.time - back, actor, actor, seen.source, target, campaign.names);
            hop.proof = seen.proof;
            campaign.take(hop, day == 0);
        }
    }

    fn hop(&mut self, time: i64, actor: u32, user: u32, source: u32, target: u32, names: bool) -> Move {
        let proof = if self.random.chance(0.4) { Proof::Ntlm } else { Proof::Kerberos };
        // Half of the tools act under the stolen name alone, so that no source can name the actor.
        let by = (names && actor != user && self.random.chance(0.6)).then_some(actor);
        Move { time, user, by, source, target, proof, reach: Reach::Network }
    }

    fn any(&mut self) -> Option<Move> {
        let place = self.random.below(self.recent.len());
        self.recent.get(place).copied()
    }

    /// A target: often a popular one, as often any host that is used at all.
    fn target(&mut self) -> Option<u32> {
        let seen = self.any()?;
        Some(if self.random.chance(0.5) { seen.target } else { seen.source })
    }

    /// A target that an account never reached.
    fn unseen(&mut self, store: &Store, user: u32) -> Option<u32> {
        (0..TRIES).find_map(|_| {
            let target = self.any()?.target;
            (store.user_target.get((user, target)).times == 0).then_some(target)
        })
    }

    /// An access of another account; every second time of the one that reaches most of five: what an intruder looks for.
    fn other(&mut self, store: &Store, actor: u32) -> Option<Move> {
        let choices = if self.random.chance(PRIVILEGED) { 5 } else { 1 };
        let mut best: Option<Move> = None;
        for _ in 0..choices {
            let next = (0..TRIES).find_map(|_| self.any().filter(|seen| seen.user != actor))?;
            let reaches = |seen: Move| store.user(seen.user).targets;
            if best.is_none_or(|best| reaches(next) > reaches(best)) {
                best = Some(next);
            }
        }
        best
    }

    fn pause(&mut self, mean: f64) -> i64 {
        let secs = self.random.exponential(mean).min(20_000.0);
        i64::try_from(std::time::Duration::from_secs_f64(secs).as_secs()).unwrap_or(0)
    }
}

impl Campaign<'_> {
    fn take(&mut self, hop: Move, row: bool) {
        if hop.source == hop.target || hop.time < 0 {
            return;
        }
        let known = self.peers.aside(self.store, &hop, self.priors);
        let sight = look(self.store, &hop, &aside(&self.hops, known));
        // What the estate does anyway is no counter-example.
        if row && sight.triple.times == 0 {
            self.rows.push(sight.row);
        }
        self.hops.push(Hop { seen: hop, surprise: sight.surprise(), novel: sight.novel() });
    }
}
