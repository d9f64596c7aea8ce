//! What is kept of one account and of one host beside the counts of pairs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::tally::{Minute, Tally};

/// First-time accesses remembered for an account or a host.
const NOVEL: usize = 24;
/// Surprising inbound accesses remembered for a host: a chain is judged by the hop before.
const INBOUND: usize = 16;
/// Hosts from which an account was last used.
const PLACES: usize = 4;
/// People of a host.
const PEOPLE: usize = 4;

/// What a logon at the console takes off the weight of a host's people: half is gone after about fourteen.
const FADE: f32 = 0.05;

/// A time in seconds and a partner's id.
pub type Moment = (i64, u32);

/// An account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    /// Its accesses.
    pub total: Tally,
    /// Its accesses by NTLM.
    pub ntlm: Tally,
    /// Its first-time accesses.
    pub fresh: Tally,
    /// Distinct targets held.
    pub targets: u32,
    /// Distinct sources held.
    pub sources: u32,
    /// Accesses by hour of the day, halved where one is full.
    pub hours: [u16; 24],
    /// The latest first-time targets.
    pub novel: VecDeque<Moment>,
    /// The latest sources, newest last.
    pub places: VecDeque<Moment>,
    /// The hosts at whose console the account last sat, newest last.
    pub seats: VecDeque<Moment>,
    /// Logons at a console.
    pub sat: u32,
}

impl User {
    /// Takes in an hour of the day.
    pub fn hour(&mut self, hour: u8) {
        if let Some(count) = self.hours.get_mut(usize::from(hour)) {
            *count += 1;
            if *count == u16::MAX {
                self.hours.iter_mut().for_each(|count| *count /= 2);
            }
        }
    }

    /// Takes in the source of an access.
    pub fn place(&mut self, time: i64, source: u32) {
        touch(&mut self.places, time, source);
    }

    /// Takes in a logon at a host's console.
    pub fn sit(&mut self, time: i64, host: u32) {
        self.sat = self.sat.saturating_add(1);
        touch(&mut self.seats, time, host);
    }

    /// When the account last sat at a host's console, in seconds.
    #[must_use]
    pub fn sat_at(&self, host: u32) -> Option<i64> {
        self.seats.iter().find(|(_, place)| *place == host).map(|(time, _)| *time)
    }

    /// When the account last sat at any console, in seconds.
    #[must_use]
    pub fn sat_last(&self) -> Option<i64> {
        self.seats.iter().map(|(time, _)| *time).max()
    }
}

fn touch(latest: &mut VecDeque<Moment>, time: i64, host: u32) {
    if let Some(known) = latest.iter_mut().find(|(_, place)| *place == host) {
        known.0 = known.0.max(time);
        return;
    }
    if latest.len() >= PLACES {
        let oldest = latest.iter().enumerate().min_by_key(|(_, (time, _))| *time).map(|(index, _)| index);
        oldest.and_then(|index| latest.remove(index));
    }
    latest.push_back((time, host));
}

/// A surprising access that reached a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// When, in seconds.
    pub time: i64,
    /// By which credential.
    pub user: u32,
    /// From where.
    pub source: u32,
    /// How surprising: sum of its rarities.
    pub surprise: f32,
}

/// A host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Accesses from it.
    pub out: Tally,
    /// First-time accesses from it.
    pub fresh: Tally,
    /// Accesses to it.
    pub inward: Tally,
    /// First-time accesses to it.
    pub inward_fresh: Tally,
    /// Distinct targets from it.
    pub targets: u32,
    /// Distinct credentials used from it.
    pub users: u32,
    /// Distinct credentials used towards it.
    pub visitors: u32,
    /// The last logon at its console.
    pub console: Minute,
    /// Its people by weight: who logs on at its console or works from it.
    pub people: Vec<(u32, f32)>,
    /// The latest first-time accesses from it, with their credentials.
    pub novel: VecDeque<Moment>,
    /// Surprising accesses to it.
    pub inbound: VecDeque<Inbound>,
}

impl Place {
    /// Takes in that an account works here. Where the table is full the weakest is replaced and its weight taken over
    /// (space-saving, Metwally 2005), so that the heaviest stay.
    pub fn person(&mut self, user: u32, weight: f32) {
        // Who works here changes: every logon takes a little off all, so that a new owner is known within weeks.
        self.people.iter_mut().for_each(|(_, held)| *held *= 1.0 - FADE * weight);
        if let Some(known) = self.people.iter_mut().find(|(person, _)| *person == user) {
            known.1 += weight;
        } else if self.people.len() < PEOPLE {
            self.people.push((user, weight));
        } else if let Some(weakest) = self.people.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1)) {
            *weakest = (user, weakest.1 + weight);
        }
    }

    /// Whose host it is: the one who has more than half of its weight.
    #[must_use]
    pub fn owner(&self) -> Option<u32> {
        let total: f32 = self.people.iter().map(|(_, weight)| weight).sum();
        self.people.iter().find(|(_, weight)| *weight * 2.0 > total && *weight >= 2.0).map(|(user, _)| *user)
    }

    /// Takes in a surprising inbound access. Old ones go first, then the least surprising.
    pub fn reached(&mut self, inbound: Inbound) {
        self.inbound.retain(|known| inbound.time - known.time < 86_400);
        if self.inbound.len() >= INBOUND {
            let least = self.inbound.iter().enumerate().min_by(|a, b| a.1.surprise.total_cmp(&b.1.surprise));
            let index = least.map(|(index, _)| index);
            index.and_then(|index| self.inbound.remove(index));
        }
        self.inbound.push_back(inbound);
    }
}

/// Adds to a ring of first-time accesses.
pub fn remember(ring: &mut VecDeque<Moment>, moment: Moment) {
    if ring.len() >= NOVEL {
        ring.pop_front();
    }
    ring.push_back(moment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_has_more_than_half() {
        let mut place = Place::default();
        for _ in 0..10 {
            place.person(1, 1.0);
        }
        place.person(2, 1.0);
        assert_eq!(place.owner(), Some(1));
        for user in 3..40 {
            place.person(user, 1.0);
        }
        assert_eq!(place.owner(), None, "a shared host has no owner");
    }

    #[test]
    fn rings_stay_bounded() {
        let mut place = Place::default();
        for step in 0..1000_u16 {
            let surprise = f32::from(step);
            place.reached(Inbound { time: 0, user: 1, source: 2, surprise });
            remember(&mut place.novel, (0, 1));
        }
        assert!(place.inbound.len() <= INBOUND && place.novel.len() <= NOVEL);
        assert!(place.inbound.iter().any(|inbound| inbound.surprise == 999.0));
    }
}
