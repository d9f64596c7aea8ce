//! The features of an access: what the counts before it say of it. All are finite; unknown is a neutral value, never NaN.
//! Every feature can be put into words with the entity's own baseline beside it ([`explain`]).

pub mod explain;
mod rarity;

use crate::access::{Proof, Reach};
use crate::number::log1p;
use crate::priors::Prior;
use crate::store::tally::{HALF_LIFE_DAYS, Tally};
use crate::store::{Move, Store};

pub use rarity::Rarity;

/// How many features there are.
pub const COUNT: usize = 44;

/// A row of features, `(COUNT,)`.
pub type Row = [f32; COUNT];

/// The names of the features, in the order of a row.
pub const NAMES: [&str; COUNT] = [
    "user-target-rarity",
    "user-source-rarity",
    "source-target-rarity",
    "first-user-target",
    "first-user-source",
    "first-source-target",
    "triple-count",
    "user-targets",
    "user-sources",
    "source-targets",
    "target-users",
    "source-users",
    "switched",
    "switch-named",
    "switch-count",
    "first-switch",
    "ntlm",
    "proof-rarity",
    "source-fan-out",
    "user-fan-out",
    "inbound-surprise",
    "inbound-other",
    "inbound-same",
    "hour-rarity",
    "user-novelty",
    "source-novelty",
    "target-novelty",
    "user-age",
    "source-age",
    "user-idle",
    "elsewhere",
    "console-idle",
    "user-excess",
    "cause-reached-source",
    "peer-share",
    "not-granted",
    "nearer-tier-zero",
    "source-visitors",
    "desktop",
    "weekend",
    "source-credentials",
    "sits-here",
    "away",
    "cause-away",
];

/// An hour of fan-out for a source, in seconds.
const SOURCE_WINDOW: i64 = 3600;
/// A day of fan-out for a credential, and of inbound accesses for a chain, in seconds.
const DAY: i64 = 86_400;
/// Days over which first-time accesses of a credential are summed against its own rate: long enough for one hop a day.
const SLOW_DAYS: i64 = 10;
/// The greatest fan-out that is told apart.
const FAN_OUT: f32 = 20.0;

/// An earlier access of a campaign that was not learned: simulated ones, while training rows are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hop {
    /// The access.
    pub seen: Move,
    /// Its surprise.
    pub surprise: f32,
    /// Whether it was a first-time access.
    pub novel: bool,
}

/// What is known beside the counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aside<'a> {
    /// Earlier hops of a simulated campaign.
    pub hops: &'a [Hop],
    /// What the directory says.
    pub prior: Prior,
    /// The share of the account's peers that use the target; `None` where it has no peers.
    pub peer_share: Option<f32>,
}

/// An access as the counts before it show it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// The features.
    pub row: Row,
    /// The sum of its three rarities.
    pub rarity: f32,
    /// Credential and target before the last day.
    pub user_target: Tally,
    /// Credential and source before the last day.
    pub user_source: Tally,
    /// Source and target before the last day.
    pub source_target: Tally,
    /// All three before the last day.
    pub triple: Tally,
    /// How surprising the number of its first-time accesses of the last days is; 0 where this one is none.
    pub slow: f32,
    /// Who seems to act: named by the source, else the host's owner.
    pub cause: Option<u32>,
}

impl Sight {
    /// True where credential and target, or source and target, had never met before the last day.
    #[must_use]
    pub fn novel(&self) -> bool {
        self.user_target.times == 0 || self.source_target.times == 0
    }

    /// How surprising it is as a hop of a chain: its rarity where anything of it is new, else nothing.
    #[must_use]
    pub fn surprise(&self) -> f32 {
        if self.novel() || self.user_source.times == 0 { self.rarity } else { 0.0 }
    }

    /// A feature by its name; 0 where there is none of that name.
    #[must_use]
    pub fn feature(&self, name: &str) -> f32 {
        NAMES.iter().zip(&self.row).find(|(known, _)| **known == name).map_or(0.0, |(_, value)| *value)
    }
}

/// Looks at an access before it is learned.
#[must_use]
pub fn look(store: &Store, seen: &Move, aside: &Aside<'_>) -> Sight {
    let now = seen.minute();
    let (user, source, target) = (store.user(seen.user), store.place(seen.source), store.place(seen.target));
    let user_target = store.user_target.get((seen.user, seen.target)).habit(now);
    let user_source = store.user_source.get((seen.user, seen.source)).habit(now);
    let source_target = store.source_target.get((seen.source, seen.target)).habit(now);
    let triple = if user_target.times > 0 && user_source.times > 0 && source_target.times > 0 {
        store.triple.get((seen.user, seen.source, seen.target)).habit(now)
    } else {
        Tally::default()
    };
    let rarity = Rarity::of(store, user, source, target, [user_target, user_source, source_target], now);
    let cause = store.cause(seen);
    let switched = cause.is_some_and(|cause| cause != seen.user);
    let switch = match cause {
        Some(cause) if switched => store.switch.get((cause, seen.user)).habit(now),
        _ => Tally::default(),
    };
    let fan = fan_out(user, source, seen, aside.hops);
    let inbound = inbound(source, seen, aside.hops);
    let first = |tally: &Tally| if tally.times == 0 { 1.0 } else { 0.0 };
    let flag = |truth: bool| if truth { 1.0 } else { 0.0 };
    let days = |since: u32| log1p(minutes(now.saturating_sub(since)) / 1440.0);
    let row = [
        rarity.user_target,
        rarity.user_source,
        rarity.source_target,
        first(&user_target),
        first(&user_source),
        first(&source_target),
        log1p(triple.at(now)),
        log1p(number(user.targets)),
        log1p(number(user.sources)),
        log1p(number(source.targets)),
        log1p(number(target.visitors)),
        log1p(number(source.users)),
        flag(switched),
        flag(seen.by.is_some()),
        log1p(switch.at(now)),
        flag(switched && switch.times == 0),
        flag(seen.proof == Proof::Ntlm),
        rarity::proof(user, seen.proof, now),
        fan.source,
        fan.user,
        inbound.any,
        inbound.other,
        inbound.same,
        rarity::hour(store, user, seen.hour()),
        rate(&user.fresh, &user.total, now),
        rate(&source.fresh, &source.out, now),
        rate(&target.inward_fresh, &target.inward, now),
        if user.total.times == 0 { 0.0 } else { days(user.total.first) },
        if source.out.times == 0 { 0.0 } else { days(source.out.first) },
        if user.total.times == 0 { 3.0 } else { days(user.total.last) },
        elsewhere(user, seen, aside.hops),
        if source.console == 0 { 3.0 } else { days(source.console) },
        fan.excess,
        cause_reached(store, seen, cause, now),
        aside.peer_share.map_or(0.0, |share| share - 0.5),
        match aside.prior.granted {
            Some(true) => -1.0,
            Some(false) => 1.0,
            None => 0.0,
        },
        aside.prior.nearer + flag(aside.prior.tier_zero),
        log1p(number(source.visitors)),
        flag(seen.reach == Reach::Desktop),
        flag(hopwatch_model::Timestamp::from_secs(seen.time).weekday() >= 5),
        fan.credentials,
        user.sat_at(seen.source).map_or(0.0, |time| (-hours(seen.time - time) / 12.0).exp2()),
        away(user, seen.time),
        cause.filter(|cause| *cause != seen.user).map_or(0.0, |cause| away(store.user(cause), seen.time)),
    ];
    let novel = user_target.times == 0 || source_target.times == 0;
    let slow = if novel && user.total.times > 0 && crate::store::settled(user.total.first, now) {
        let count = u32::try_from(fan.recent).unwrap_or(u32::MAX) + 1;
        let window = f64::from(u8::try_from(SLOW_DAYS).unwrap_or(u8::MAX));
        crate::campaign::excess(count, window, f64::from(fan.before), f64::from(fan.days))
    } else {
        0.0
    };
    Sight { row, slow, rarity: rarity.sum(), user_target, user_source, source_target, triple, cause }
}

fn number(count: u32) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// Minutes as a number, whole to a sixteenth of a quarter hour beyond a month.
fn minutes(span: u32) -> f32 {
    match u16::try_from(span) {
        Ok(span) => f32::from(span),
        Err(_) => f32::from(u16::try_from(span / 64).unwrap_or(u16::MAX)) * 64.0,
    }
}

/// The logarithm of first-time accesses a day since it settled, smoothed: what a scanner or an administrator does anyway.
fn rate(fresh: &Tally, all: &Tally, now: u32) -> f32 {
    ((fresh.at(now) + 0.3) / (settled_days(all, now) + 3.0)).ln()
}

/// Days since an account or host settled, at most one and a half half-lives: the time over which a fading count counts.
fn settled_days(all: &Tally, now: u32) -> f32 {
    let age = if all.times == 0 { 0 } else { now.saturating_sub(all.first).saturating_sub(crate::store::SETTLING) };
    (minutes(age) / 1440.0).min(1.44 * HALF_LIFE_DAYS)
}

fn hours(secs: i64) -> f32 {
    minutes(u32::try_from(secs.max(0) / 60).unwrap_or(u32::MAX)) / 60.0
}

/// How long an account has not sat at any console, as a logarithm of days; below 0 for one that never does.
fn away(user: &crate::store::entity::User, now: i64) -> f32 {
    user.sat_last().map_or(-0.5, |time| log1p(hours(now - time) / 24.0))
}

struct FanOut {
    source: f32,
    credentials: f32,
    user: f32,
    excess: f32,
    recent: usize,
    before: f32,
    days: f32,
}

fn fan_out(
    user: &crate::store::entity::User,
    source: &crate::store::entity::Place,
    seen: &Move,
    hops: &[Hop],
) -> FanOut {
    let within = |time: i64, span: i64| seen.time - time < span && time <= seen.time;
    let novel = hops.iter().filter(|hop| hop.novel);
    let by_source = novel.clone().filter(|hop| hop.seen.source == seen.source && within(hop.seen.time, SOURCE_WINDOW));
    let by_user =
        |span: i64| novel.clone().filter(move |hop| hop.seen.user == seen.user && within(hop.seen.time, span)).count();
    let simulated = by_source.clone().map(|hop| hop.seen.user);
    let observed = source.novel.iter().filter(|(time, _)| within(*time, SOURCE_WINDOW)).map(|(_, user)| *user);
    let mut credentials: Vec<u32> = observed.chain(simulated).filter(|user| *user != seen.user).collect();
    credentials.sort_unstable();
    credentials.dedup();
    let of_source = source.novel.iter().filter(|(time, _)| within(*time, SOURCE_WINDOW)).count() + by_source.count();
    let of_user = user.novel.iter().filter(|(time, _)| within(*time, DAY)).count() + by_user(DAY);
    let slow = user.novel.iter().filter(|(time, _)| within(*time, SLOW_DAYS * DAY)).count() + by_user(SLOW_DAYS * DAY);
    // First-time accesses in the slow window against what the account's own rate before it leads to expect.
    let now = seen.minute();
    let window = f32::from(u8::try_from(SLOW_DAYS).unwrap_or(u8::MAX));
    let recent = number(u32::try_from(slow).unwrap_or(u32::MAX));
    let before = (user.fresh.at(now) - recent).max(0.0);
    let days = settled_days(&user.total, now);
    let expected = (before + 0.5) / ((days - window).max(0.0) + 6.0) * window.min(days + 1.0);
    let cap = |count: usize| number(u32::try_from(count).unwrap_or(u32::MAX)).min(FAN_OUT);
    let unusual = (recent - expected) / (expected + 0.5).sqrt();
    FanOut {
        source: cap(of_source),
        credentials: cap(credentials.len()),
        user: cap(of_user),
        excess: unusual,
        recent: slow,
        before,
        days: (days - window).max(0.0),
    }
}

#[derive(Default)]
struct InboundSurprise {
    any: f32,
    other: f32,
    same: f32,
}

fn inbound(source: &crate::store::entity::Place, seen: &Move, hops: &[Hop]) -> InboundSurprise {
    let simulated = hops.iter().filter(|hop| hop.seen.target == seen.source);
    let simulated = simulated.map(|hop| (hop.seen.time, hop.seen.user, hop.surprise));
    let observed = source.inbound.iter().map(|inbound| (inbound.time, inbound.user, inbound.surprise));
    let mut most = InboundSurprise::default();
    for (time, user, surprise) in observed.chain(simulated) {
        if seen.time - time >= DAY || time > seen.time {
            continue;
        }
        most.any = most.any.max(surprise);
        if user == seen.user {
            most.same = most.same.max(surprise);
        } else {
            most.other = most.other.max(surprise);
        }
    }
    most
}

/// How lately the credential was used from another host: 1 = right now, half after half an hour.
fn elsewhere(user: &crate::store::entity::User, seen: &Move, hops: &[Hop]) -> f32 {
    let simulated = hops.iter().filter(|hop| hop.seen.user == seen.user).map(|hop| (hop.seen.time, hop.seen.source));
    let others = user.places.iter().copied().chain(simulated).filter(|(_, place)| *place != seen.source);
    let latest = others.map(|(time, _)| seen.time - time).filter(|gap| *gap >= 0).min();
    latest.map_or(0.0, |gap| (-minutes(u32::try_from(gap / 60).unwrap_or(u32::MAX)) / 30.0).exp2())
}

/// Whether who acts had reached the source host, as a remote place, within a day: 1 just now, fading over hours.
fn cause_reached(store: &Store, seen: &Move, cause: Option<u32>, now: u32) -> f32 {
    let Some(cause) = cause.filter(|cause| *cause != seen.user) else { return 0.0 };
    let reached = store.user_target.get((cause, seen.source));
    if reached.times == 0 {
        return 0.0;
    }
    (-minutes(now.saturating_sub(reached.last)) / 240.0).exp2()
}
