//! The names of one address, each with the time over which it was seen.

use std::time::Duration;

use hopwatch_model::identity::{ResolutionMethod, short_name};
use hopwatch_model::{Certainty, Resolution, Timestamp};

use super::{NameRank, method_rank};

/// The most names of one address; a NAT gateway or a web server has more, and none of them is sure then.
const MAX_ROWS: usize = 8;
/// How long before its first sighting a name may hold: requests come before the answers that name their hosts.
const LOOK_BACK: Duration = Duration::from_secs(600);
/// How near two names must be seen to contradict each other.
const CONFLICT: Duration = Duration::from_secs(600);
/// Until when a name that is no longer fresh is one step less sure; after that it is an old binding.
const AGING: Duration = Duration::from_secs(86_400);

/// The names of one address.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// The fullest spelling seen.
    name: String,
    /// The short name, which tells rows apart.
    key: String,
    first: Timestamp,
    last: Timestamp,
    resolution: Resolution,
    /// When the certainty was last attested: a weaker sighting does not renew a stronger one.
    attested: Timestamp,
}

impl Rows {
    /// When any of them was last seen.
    pub(super) fn last(&self) -> Timestamp {
        self.rows.iter().map(|row| row.last).max().unwrap_or(Timestamp::MIN)
    }

    pub(super) fn learn(&mut self, name: &str, time: Timestamp, resolution: Resolution) {
        let key = short_name(name);
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == key && same_host(&row.name, name)) {
            row.renew(name, time, resolution);
            return;
        }
        if self.rows.len() >= MAX_ROWS
            && let Some(oldest) = (0..self.rows.len()).min_by_key(|at| (self.rows[*at].last, *at))
        {
            self.rows.swap_remove(oldest);
        }
        self.rows.push(Row { name: name.to_owned(), key, first: time, last: time, resolution, attested: time });
    }

    /// The best name at a time. `rank` says how the name stands in the directory, `None` that it is no host's.
    pub(super) fn best(&self, time: Timestamp, rank: impl Fn(&str) -> Option<NameRank>) -> Option<(&str, Resolution)> {
        let candidates = self.rows.iter().filter_map(|row| Some((row.certainty(time)?, rank(&row.name)?, row)));
        let (certainty, _, row) = candidates.max_by_key(|(certainty, rank, row)| {
            (
                *certainty,
                *rank,
                method_rank(row.resolution.method),
                row.attested.min(time),
                std::cmp::Reverse(&row.name),
            )
        })?;
        let contested = self.rows.iter().any(|other| {
            other.key != row.key
                && other.resolution.certainty >= row.resolution.certainty
                && rank(&other.name).is_some()
                && other.near(time)
        });
        let certainty = if contested { lower(certainty) } else { certainty };
        Some((&row.name, Resolution { certainty, method: row.resolution.method }))
    }
}

impl Row {
    fn renew(&mut self, name: &str, time: Timestamp, resolution: Resolution) {
        if name.len() > self.name.len() {
            name.clone_into(&mut self.name);
        }
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        let rank = |resolution: Resolution| (resolution.certainty, method_rank(resolution.method));
        // A stale strong row gives way to a fresh weaker one.
        let faded = time.since(self.attested) > freshness(self.resolution.method);
        if rank(resolution) >= rank(self.resolution) || faded {
            self.resolution = resolution;
            self.attested = self.attested.max(time);
        }
    }

    /// How sure the row is at a time; `None` before it began.
    fn certainty(&self, time: Timestamp) -> Option<Certainty> {
        if time + LOOK_BACK < self.first {
            return None;
        }
        let fresh = freshness(self.resolution.method);
        let age = time.since(self.attested);
        Some(match age {
            age if age <= fresh => self.resolution.certainty,
            age if age <= fresh + AGING => lower(self.resolution.certainty),
            _ => Certainty::Low,
        })
    }

    /// Whether it was seen shortly before or after a time.
    fn near(&self, time: Timestamp) -> bool {
        self.first <= time + CONFLICT && time <= self.last + CONFLICT
    }
}

/// A short name and a full name with the same first label are one host; two full names must agree.
fn same_host(left: &str, right: &str) -> bool {
    !left.contains('.') || !right.contains('.') || left.eq_ignore_ascii_case(right)
}

fn lower(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::High => Certainty::Medium,
        Certainty::Medium | Certainty::Low => Certainty::Low,
        Certainty::Unknown => Certainty::Unknown,
    }
}

/// How long a sighting counts in full.
fn freshness(method: ResolutionMethod) -> Duration {
    let hours = match method {
        // Windows hands out leases of 8 days and renews at half; smaller networks use a working day.
        ResolutionMethod::Dhcp => 8,
        // A machine renews its TGT within 10 h; what an event log's own host says of itself holds likewise.
        ResolutionMethod::Kerberos | ResolutionMethod::Reported => 10,
        // Typical record lifetimes: 20 min to 1 h. Workstation names come with a logon of the moment.
        ResolutionMethod::Dns | ResolutionMethod::Ntlm | ResolutionMethod::Netbios | ResolutionMethod::Tls => 1,
        ResolutionMethod::Directory => 24 * 30,
        ResolutionMethod::None => 0,
    };
    Duration::from_secs(hours * 3600)
}
