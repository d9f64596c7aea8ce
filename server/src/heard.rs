//! Who was heard, and of what: the hosts whose logs come in, with the event ids seen of each, and the hosts that traffic
//! shows at work as controllers, with what it shows of their clocks. `hopwatch doctor` reads what is missing here.
//!
//! Kept with the coverage in the checkpoint. Both tables are bounded; where one is full, the hosts that were silent for the
//! longest time go first.

use std::collections::{BTreeMap, VecDeque};

use hopwatch_model::identity::short_name;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Activity, Event, Host, Timestamp};
use serde::{Deserialize, Serialize};

/// Hosts of either table: an estate whose members all forward their logs has some ten thousand.
const HOSTS: usize = 16_384;
/// Where a table is full, this share of it goes at once, so that not every new host searches for the oldest.
const EVICTED_SHARE: usize = 16;
/// Event ids told apart for a host; those that are read are some eighty.
const EVENT_IDS: usize = 256;
/// Clock readings kept for a host: enough that their median passes over a message that waited.
const READINGS: usize = 15;
/// `KRB_AP_ERR_SKEW` (RFC 4120 §7.5.9).
const SKEW: u32 = 37;

/// Who was heard, and of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Heard {
    /// Hosts by the name under which their own log reported, in lower case.
    reporters: BTreeMap<String, Reporter>,
    /// Hosts that answered as controllers in captured traffic, by name in lower case or by address.
    answering: BTreeMap<String, Answering>,
    /// Hosts that were forgotten because a table was full.
    forgotten: u64,
}

/// A host whose log comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporter {
    /// Events by Windows event id; what bears none is under 0.
    pub ids: BTreeMap<u32, u64>,
    /// The time of its first event, by its own clock.
    pub first_at: Timestamp,
    /// The time of its latest event, by its own clock.
    pub last_at: Timestamp,
}

/// A host that answers as a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answering {
    /// Exchanges that were seen.
    pub exchanges: u64,
    /// When the first was seen.
    pub first_at: Timestamp,
    /// When the last was seen.
    pub last_at: Timestamp,
    /// How often it refused a client for its clock.
    #[serde(default)]
    pub skew_refusals: u64,
    /// The latest readings of its clock less that of the capture, in milliseconds.
    #[serde(default)]
    readings_millis: VecDeque<i64>,
}

impl Reporter {
    /// Events of all ids.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.ids.values().sum()
    }

    /// True where an event of any of these ids came.
    #[must_use]
    pub fn any(&self, ids: &[u32]) -> bool {
        ids.iter().any(|id| self.ids.contains_key(id))
    }
}

impl Answering {
    /// How far its clock is ahead of the capture's, in milliseconds: the median of the latest readings. `None` where no
    /// message told its time.
    #[must_use]
    pub fn clock_ahead_millis(&self) -> Option<i64> {
        let mut sorted: Vec<i64> = self.readings_millis.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

impl Heard {
    /// Takes in an event.
    pub fn observe(&mut self, event: &Event) {
        if event.provenance.kind == SourceKind::Capture {
            if let Some(host) = event.target.as_ref().filter(|_| of_controller(&event.activity)) {
                self.answer(event, host);
            }
        } else if let Some(name) = &event.provenance.reporter {
            self.report(event, name);
        }
    }

    /// The hosts whose logs come in, by name.
    pub fn reporters(&self) -> impl Iterator<Item = (&str, &Reporter)> {
        self.reporters.iter().map(|(name, reporter)| (name.as_str(), reporter))
    }

    /// The hosts that answer as controllers, by name or address.
    pub fn answering(&self) -> impl Iterator<Item = (&str, &Answering)> {
        self.answering.iter().map(|(name, answering)| (name.as_str(), answering))
    }

    /// Hosts that were forgotten because a table was full.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn report(&mut self, event: &Event, name: &str) {
        let name = name.trim().trim_end_matches('.').to_lowercase();
        if name.is_empty() {
            return;
        }
        if self.reporters.len() >= HOSTS && !self.reporters.contains_key(&name) {
            self.forgotten += evict(&mut self.reporters, |reporter| reporter.last_at);
        }
        let fresh = || Reporter { first_at: event.time, last_at: event.time, ..Reporter::default() };
        let reporter = self.reporters.entry(name).or_insert_with(fresh);
        reporter.first_at = reporter.first_at.min(event.time);
        reporter.last_at = reporter.last_at.max(event.time);
        let id = event.provenance.event_id.unwrap_or(0);
        if reporter.ids.len() < EVENT_IDS || reporter.ids.contains_key(&id) {
            *reporter.ids.entry(id).or_default() += 1;
        }
    }

    fn answer(&mut self, event: &Event, host: &Host) {
        let name = host.name.as_ref().map(|name| name.trim_end_matches('.').to_lowercase());
        let Some(name) = name.or_else(|| host.address.map(|address| address.to_string())) else { return };
        if self.answering.len() >= HOSTS && !self.answering.contains_key(&name) {
            self.forgotten += evict(&mut self.answering, |answering| answering.last_at);
        }
        let fresh = || Answering { first_at: event.time, last_at: event.time, ..Answering::default() };
        let answering = self.answering.entry(name).or_insert_with(fresh);
        answering.exchanges += 1;
        answering.first_at = answering.first_at.min(event.time);
        answering.last_at = answering.last_at.max(event.time);
        answering.skew_refusals += u64::from(kerberos(&event.activity) && event.outcome.code() == Some(SKEW));
        let reading = match &event.activity {
            Activity::AsExchange(exchange) => exchange.kdc_ahead_millis,
            _ => None,
        };
        if let Some(millis) = reading {
            if answering.readings_millis.len() >= READINGS {
                answering.readings_millis.pop_front();
            }
            answering.readings_millis.push_back(millis);
        }
    }
}

/// Whether two names may be of one host: whole names where both have a domain, else their first labels.
#[must_use]
pub fn same_host(one: &str, other: &str) -> bool {
    let whole = |name: &str| name.trim_end_matches(['.', '$']).to_lowercase();
    if one.contains('.') && other.contains('.') {
        whole(one) == whole(other)
    } else {
        short_name(one.trim_end_matches('$')) == short_name(other.trim_end_matches('$'))
    }
}

/// What only a domain controller answers.
fn of_controller(activity: &Activity) -> bool {
    kerberos(activity) || matches!(activity, Activity::LdapBind(_) | Activity::LdapSearch(_))
}

fn kerberos(activity: &Activity) -> bool {
    matches!(activity, Activity::AsExchange(_) | Activity::TgsExchange(_))
}

/// Makes room in a full table; returns how many went.
fn evict<T>(table: &mut BTreeMap<String, T>, last_at: impl Fn(&T) -> Timestamp) -> u64 {
    let mut order: Vec<(Timestamp, String)> = table.iter().map(|(name, host)| (last_at(host), name.clone())).collect();
    order.sort_unstable();
    let count = (order.len() / EVICTED_SHARE).max(1);
    for (_, name) in order.into_iter().take(count) {
        table.remove(&name);
    }
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hopwatch_model::event::AsExchange;
    use hopwatch_model::{Outcome, Provenance, Record};

    use super::*;

    fn event(kind: SourceKind, reporter: &str, id: Option<u32>, secs: i64, activity: Activity) -> Event {
        Event {
            time: Timestamp::from_secs(secs),
            provenance: Provenance {
                kind,
                source: "s".into(),
                record: Record::Item(1),
                digest: 1,
                event_id: id,
                reporter: Some(Arc::from(reporter)),
            },
            actor: None,
            source: None,
            target: Some(Host::reported("DC1.lab.example")),
            outcome: Outcome::Success,
            activity,
        }
    }

    fn exchange(ahead: Option<i64>) -> Activity {
        Activity::AsExchange(Box::new(AsExchange { kdc_ahead_millis: ahead, ..AsExchange::default() }))
    }

    #[test]
    fn a_log_is_its_hosts_and_traffic_is_its_targets() {
        let mut heard = Heard::default();
        heard.observe(&event(SourceKind::WindowsEvent, "DC2.LAB.example", Some(4768), 5, exchange(None)));
        heard.observe(&event(SourceKind::WindowsEvent, "dc2.lab.example.", Some(4769), 9, exchange(None)));
        heard.observe(&event(SourceKind::Capture, "sensor", None, 7, exchange(Some(1500))));
        let reporters: Vec<_> = heard.reporters().collect();
        assert_eq!(reporters.len(), 1);
        assert_eq!((reporters[0].0, reporters[0].1.events()), ("dc2.lab.example", 2));
        assert!(reporters[0].1.any(&[4769]) && !reporters[0].1.any(&[4776]));
        let answering: Vec<_> = heard.answering().collect();
        assert_eq!((answering[0].0, answering[0].1.clock_ahead_millis()), ("dc1.lab.example", Some(1500)));
        let text = serde_json::to_string(&heard).unwrap();
        assert_eq!(serde_json::from_str::<Heard>(&text).unwrap(), heard, "a checkpoint keeps all of it");
    }

    #[test]
    fn a_late_message_does_not_move_the_clock_of_a_host() {
        let mut heard = Heard::default();
        for ahead in [10, -20, 900_000, 5, 0] {
            heard.observe(&event(SourceKind::Capture, "sensor", None, 7, exchange(Some(ahead))));
        }
        assert_eq!(heard.answering().next().and_then(|(_, host)| host.clock_ahead_millis()), Some(5));
    }

    #[test]
    fn a_full_table_forgets_who_was_silent_longest() {
        let mut heard = Heard::default();
        for (number, secs) in (0..=HOSTS).zip(0..) {
            let name = format!("ws{number}");
            heard.observe(&event(SourceKind::WindowsEvent, &name, Some(4624), secs, exchange(None)));
        }
        assert!(heard.reporters.len() <= HOSTS);
        assert!(heard.forgotten() > 0 && !heard.reporters.contains_key("ws0"));
        assert!(heard.reporters.contains_key(&format!("ws{HOSTS}")));
    }

    #[test]
    fn hosts_of_two_domains_with_one_short_name_are_two() {
        assert!(same_host("DC1.a.example", "dc1.A.example."));
        assert!(!same_host("dc1.a.example", "dc1.b.example"));
        assert!(same_host("DC1$", "dc1.b.example"));
    }
}
