//! The feature store: fading counts of pairs and triples of accounts and hosts, and what is kept of each account and
//! host. Bounded: names, pairs and triples have caps; where one is full the eighth that was unused for longest goes,
//! with everything that hangs on it. Nothing here judges.

pub mod entity;
pub mod names;
pub mod tally;

use hopwatch_model::Timestamp;
use serde::{Deserialize, Serialize};

use self::entity::{Inbound, Place, User, remember};
use self::names::{Names, index};
use self::tally::{Minute, Tallies};
use crate::access::{Access, Proof, Reach};

/// Caps of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// The most accounts, and the most hosts.
    pub names: usize,
    /// The most entries of each table of pairs, and of the table of triples.
    pub pairs: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { names: 200_000, pairs: 4_000_000 }
    }
}

/// An access in ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// When, in seconds.
    pub time: i64,
    /// The credential.
    pub user: u32,
    /// Who acted, where the source names another.
    pub by: Option<u32>,
    /// From where.
    pub source: u32,
    /// To where.
    pub target: u32,
    /// How it was proved.
    pub proof: Proof,
    /// What was reached.
    pub reach: Reach,
}

impl Move {
    /// Its time in minutes.
    #[must_use]
    pub fn minute(&self) -> Minute {
        minute(self.time)
    }

    /// Its hour of the day, UTC.
    #[must_use]
    pub fn hour(&self) -> u8 {
        Timestamp::from_secs(self.time).hour()
    }
}

/// Minutes after which first-time accesses of an account or host count as such: in its first days everything is new.
pub const SETTLING: Minute = 4 * 1440;

/// How long after a logon at the console an account is taken to sit there, in seconds: a long working day.
pub const SITTING: i64 = 16 * 3600;

/// True where an account or host was seen long enough for new to mean new.
#[must_use]
pub fn settled(first: Minute, now: Minute) -> bool {
    now.saturating_sub(first) >= SETTLING
}

/// Minutes since 1970; times before it are its first minute.
#[must_use]
pub fn minute(secs: i64) -> Minute {
    Minute::try_from(secs / 60).unwrap_or(0)
}

/// The store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Store {
    caps: Caps,
    /// Account names.
    pub user_names: Names,
    /// Host names.
    pub place_names: Names,
    users: Vec<User>,
    places: Vec<Place>,
    /// Credential and target.
    pub user_target: Tallies<(u32, u32)>,
    /// Credential and source.
    pub user_source: Tallies<(u32, u32)>,
    /// Source and target.
    pub source_target: Tallies<(u32, u32)>,
    /// Credential, source and target.
    pub triple: Tallies<(u32, u32, u32)>,
    /// Who acted, and with which other credential.
    pub switch: Tallies<(u32, u32)>,
    /// Accesses by hour of the day over all accounts.
    pub hours: [u32; 24],
    /// Names and pairs that went for a cap.
    pub evicted: u64,
}

impl Store {
    /// A store with caps.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self { caps, ..Self::default() }
    }

    /// The ids of an access; names never seen get new ones.
    pub fn intern(&mut self, access: &Access<'_>) -> Move {
        let time = access.time.as_secs();
        self.make_room(time);
        let mut user = |name: &str| {
            let (id, new) = self.user_names.id(name);
            if new {
                fresh(&mut self.users, id);
            }
            id
        };
        let by = access.by.as_deref().map(&mut user);
        let user = user(&access.user);
        let mut place = |name: &str| {
            let (id, new) = self.place_names.id(name);
            if new {
                fresh(&mut self.places, id);
            }
            id
        };
        let source = place(&access.source);
        let target = place(&access.target);
        Move { time, user, by, source, target, proof: access.proof, reach: access.reach }
    }

    /// An account; an empty one for an unknown id.
    #[must_use]
    pub fn user(&self, id: u32) -> &User {
        static NOBODY: std::sync::OnceLock<User> = std::sync::OnceLock::new();
        self.users.get(index(id)).unwrap_or_else(|| NOBODY.get_or_init(User::default))
    }

    /// A host; an empty one for an unknown id.
    #[must_use]
    pub fn place(&self, id: u32) -> &Place {
        static NOWHERE: std::sync::OnceLock<Place> = std::sync::OnceLock::new();
        self.places.get(index(id)).unwrap_or_else(|| NOWHERE.get_or_init(Place::default))
    }

    /// Accounts held.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.user_names.len()
    }

    /// The ids of accounts that were used at least once, in order.
    pub fn active_users(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.users).filter(|(_, user)| user.total.times > 0).map(|(id, _)| id)
    }

    /// Who seems to act: named by the source of the record, else the account itself where it sits at the source's console,
    /// else the source's owner.
    #[must_use]
    pub fn cause(&self, seen: &Move) -> Option<u32> {
        let sits = |time: i64| (0..SITTING).contains(&(seen.time - time));
        let here = self.user(seen.user).sat_at(seen.source).is_some_and(sits);
        let own = here.then_some(seen.user);
        seen.by.or(own).or_else(|| self.place(seen.source).owner())
    }

    /// Takes in a logon at a console.
    pub fn learn_console(&mut self, seen: &Move) {
        if let Some(place) = self.places.get_mut(index(seen.target)) {
            place.person(seen.user, 1.0);
            place.console = place.console.max(seen.minute());
        }
        if let Some(user) = self.users.get_mut(index(seen.user)) {
            user.sit(seen.time, seen.target);
        }
    }

    /// Remembers an access as context for later ones, without making it a habit: what looks like an intruder's must not
    /// become familiar, and its next hop must still be seen as one.
    pub fn quarantine(&mut self, seen: &Move, surprise: f32) {
        if let Some(user) = self.users.get_mut(index(seen.user)) {
            user.place(seen.time, seen.source);
            remember(&mut user.novel, (seen.time, seen.target));
        }
        if let Some(place) = self.places.get_mut(index(seen.source)) {
            remember(&mut place.novel, (seen.time, seen.user));
        }
        if let Some(place) = self.places.get_mut(index(seen.target)) {
            place.reached(Inbound { time: seen.time, user: seen.user, source: seen.source, surprise });
        }
    }

    /// Takes in an access. `surprise` is the sum of its rarities before it was learned.
    pub fn learn(&mut self, seen: &Move, surprise: f32) {
        let now = seen.minute();
        let new_target = self.user_target.add((seen.user, seen.target), now);
        let new_source = self.user_source.add((seen.user, seen.source), now);
        let new_way = self.source_target.add((seen.source, seen.target), now);
        self.triple.add((seen.user, seen.source, seen.target), now);
        if let Some(cause) = self.cause(seen).filter(|cause| *cause != seen.user) {
            self.switch.add((cause, seen.user), now);
        }
        let novel = new_target || new_way;
        if let Some(user) = self.users.get_mut(index(seen.user)) {
            user.total.add(now);
            user.hour(seen.hour());
            user.place(seen.time, seen.source);
            user.targets += u32::from(new_target);
            user.sources += u32::from(new_source);
            if seen.proof == Proof::Ntlm {
                user.ntlm.add(now);
            }
            if novel && settled(user.total.first, now) {
                user.fresh.add(now);
                remember(&mut user.novel, (seen.time, seen.target));
            }
        }
        if let Some(count) = self.hours.get_mut(usize::from(seen.hour())) {
            *count = count.saturating_add(1);
        }
        if let Some(place) = self.places.get_mut(index(seen.source)) {
            place.out.add(now);
            place.targets += u32::from(new_way);
            place.users += u32::from(new_source);
            place.person(seen.by.unwrap_or(seen.user), 0.1);
            if novel && settled(place.out.first, now) {
                place.fresh.add(now);
                remember(&mut place.novel, (seen.time, seen.user));
            }
        }
        if let Some(place) = self.places.get_mut(index(seen.target)) {
            place.inward.add(now);
            place.visitors += u32::from(new_target);
            if (novel || new_source) && settled(place.inward.first, now) {
                place.inward_fresh.add(now);
                place.reached(Inbound { time: seen.time, user: seen.user, source: seen.source, surprise });
            }
        }
    }

    /// Entries held, for metrics and the tests of the caps.
    #[must_use]
    pub fn entries(&self) -> usize {
        let pairs = [&self.user_target, &self.user_source, &self.source_target, &self.switch];
        let names = self.user_names.len() + self.place_names.len();
        names + pairs.iter().map(|pairs| pairs.len()).sum::<usize>() + self.triple.len()
    }

    fn make_room(&mut self, now: i64) {
        if self.user_names.len() + 2 > self.caps.names {
            let last = |user: &User| user.total.last;
            let stale = stale(self.users.iter().map(last), self.caps.names / 8);
            self.forget(&stale, &[]);
        }
        if self.place_names.len() + 2 > self.caps.names {
            let last = |place: &Place| place.out.last.max(place.inward.last);
            let stale = stale(self.places.iter().map(last), self.caps.names / 8);
            self.forget(&[], &stale);
        }
        let longest = self.user_target.len().max(self.user_source.len()).max(self.source_target.len());
        if longest.max(self.triple.len()).max(self.switch.len()) >= self.caps.pairs {
            self.forget_pairs(minute(now));
        }
    }

    /// Forgets pairs that were unused for longer and longer, until an eighth of the room is free.
    fn forget_pairs(&mut self, now: Minute) {
        let room = self.caps.pairs - self.caps.pairs / 8;
        let mut limit = 60 * 1440;
        while limit > 0 {
            self.sweep(|last| now.saturating_sub(last) < limit, |_| true, |_| true);
            let longest = self.user_target.len().max(self.user_source.len()).max(self.source_target.len());
            if longest.max(self.triple.len()).max(self.switch.len()) <= room {
                return;
            }
            limit = if limit > 60 { limit / 2 } else { 0 };
        }
        // Everything is of the last hour: a flood. Nothing of it is a habit yet.
        self.sweep(|_| false, |_| true, |_| true);
    }

    fn forget(&mut self, users: &[u32], places: &[u32]) {
        let (gone_users, gone_places) = (marks(users, self.users.len()), marks(places, self.places.len()));
        let user = |id: u32| !gone_users.get(index(id)).copied().unwrap_or(false);
        let place = |id: u32| !gone_places.get(index(id)).copied().unwrap_or(false);
        self.sweep(|_| true, user, place);
        for id in users {
            self.user_names.forget(*id);
            fresh(&mut self.users, *id);
        }
        for id in places {
            self.place_names.forget(*id);
            fresh(&mut self.places, *id);
        }
        for host in &mut self.places {
            host.people.retain(|(person, _)| user(*person));
            host.inbound.retain(|inbound| user(inbound.user) && place(inbound.source));
        }
        for account in &mut self.users {
            account.places.retain(|(_, host)| place(*host));
            account.seats.retain(|(_, host)| place(*host));
        }
        self.evicted += u64::try_from(users.len() + places.len()).unwrap_or(0);
    }

    /// Drops every pair whose last time or whose account or host does not pass, and takes it off the degrees.
    fn sweep(&mut self, fresh: impl Fn(Minute) -> bool, user: impl Fn(u32) -> bool, place: impl Fn(u32) -> bool) {
        let (users, places) = (&mut self.users, &mut self.places);
        let before = self.user_target.len() + self.user_source.len() + self.source_target.len();
        self.user_target.retain(
            |(u, d), tally| fresh(tally.last) && user(*u) && place(*d),
            |(u, d)| {
                less(users.get_mut(index(*u)).map(|user| &mut user.targets));
                less(places.get_mut(index(*d)).map(|place| &mut place.visitors));
            },
        );
        self.user_source.retain(
            |(u, s), tally| fresh(tally.last) && user(*u) && place(*s),
            |(u, s)| {
                less(users.get_mut(index(*u)).map(|user| &mut user.sources));
                less(places.get_mut(index(*s)).map(|place| &mut place.users));
            },
        );
        self.source_target.retain(
            |(s, d), tally| fresh(tally.last) && place(*s) && place(*d),
            |(s, _)| less(places.get_mut(index(*s)).map(|place| &mut place.targets)),
        );
        self.triple.retain(|(u, s, d), tally| fresh(tally.last) && user(*u) && place(*s) && place(*d), |_| ());
        self.switch.retain(|(a, b), tally| fresh(tally.last) && user(*a) && user(*b), |_| ());
        let after = self.user_target.len() + self.user_source.len() + self.source_target.len();
        self.evicted += u64::try_from(before.saturating_sub(after)).unwrap_or(0);
    }
}

fn less(count: Option<&mut u32>) {
    if let Some(count) = count {
        *count = count.saturating_sub(1);
    }
}

fn marks(ids: &[u32], len: usize) -> Vec<bool> {
    let mut marks = vec![false; len];
    for id in ids {
        if let Some(mark) = marks.get_mut(index(*id)) {
            *mark = true;
        }
    }
    marks
}

/// The ids that were unused for longest, `count` of them; ties go by id.
fn stale(last: impl Iterator<Item = Minute>, count: usize) -> Vec<u32> {
    let mut all: Vec<(Minute, u32)> = last.zip(0_u32..).collect();
    all.sort_unstable();
    all.into_iter().take(count.max(1)).map(|(_, id)| id).collect()
}

fn fresh<T: Default>(slots: &mut Vec<T>, id: u32) {
    let at = index(id);
    if at >= slots.len() {
        slots.resize_with(at + 1, T::default);
    } else if let Some(slot) = slots.get_mut(at) {
        *slot = T::default();
    }
}

#[cfg(test)]
mod tests;
