//! ## What it finds
//! Local administrators' passwords (LAPS) read in bulk from the directory.
//!
//! ## Why it matters
//! Who may read them may read all: one search gives the administrator of every workstation.
//!
//! ## Evidence it needs
//! Wire: LDAP searches with their attributes. Events: 1644; 4662 where the forest's own GUIDs of the attributes are given
//! in `attribute_guids` (the legacy schema has one per forest).
//!
//! ## How it decides
//! Per account, or host where no source names the account, within `window_secs`: the computers whose password attribute was
//! asked for. A search for the whole tree counts as many as it gave back, and as `computers` where the answer was not seen.
//! From `computers` on it fires, unless the same reader did so `usual_times` while learning. Reading the expiry alone
//! does not count.
//!
//! ## Blind spots
//! A slow reader; searches for all attributes by name (`*`); sealed connections without auditing.
//!
//! ## Likely benign causes
//! A management tool that copies the passwords (learned).
//!
//! ## What to do
//! Let LAPS set new passwords, take the right to read them away, look at where they were used.
//!
//! ## References
//! T1555, T1003; `ms-Mcs-AdmPwd`, `msLAPS-Password`, `msLAPS-EncryptedPassword`.

use std::time::Duration;

use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::event::LdapSearch;
use hopwatch_model::{Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::habit::{Habit, Habits};
use crate::number::as_f64;

/// The most readers watched at a time.
const READERS: usize = 10_000;
/// The most reads of one reader.
const READS: usize = 500;
/// The attributes that hold a password.
const PASSWORDS: [&str; 4] =
    ["ms-mcs-admpwd", "mslaps-password", "mslaps-encryptedpassword", "mslaps-encryptedpasswordhistory"];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Computers whose password was asked for.
    pub computers: usize,
    /// GUIDs of the attributes in this forest, for 4662.
    pub attribute_guids: Vec<Guid>,
    /// How often the reader must have read in bulk while learning.
    pub usual_times: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let computers = match sensitivity {
            Sensitivity::High => 5,
            Sensitivity::Medium => 3,
            Sensitivity::Low => 1,
        };
        let usual_times = Habit::preset(sensitivity).usual_times;
        Self { window_secs: 3600, computers, attribute_guids: Vec::new(), usual_times }
    }
}

/// Reads by reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LapsRead {
    readers: Table<Sliding<(String, usize)>>,
    habits: Habits,
}

impl Default for LapsRead {
    fn default() -> Self {
        Self { readers: Table::new(READERS), habits: Habits::default() }
    }
}

impl Rule for LapsRead {
    const META: Meta = Meta {
        slug: "laps-read",
        title: "Local administrators' passwords read in bulk (LAPS)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1555", "T1003"],
        external_id: None,
        actions: &[
            "Let LAPS set new passwords on the computers",
            "Take away the reader's right to the attribute",
            "Look for logons of local administrators over the network since",
        ],
        source: include_str!("laps_read.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if event.outcome.failed() {
            return;
        }
        let read = match &event.activity {
            Activity::LdapSearch(search) => asks(search, config),
            Activity::DirectoryAccess(access) => {
                let asked = access.properties.iter().any(|guid| config.attribute_guids.contains(guid));
                asked.then(|| (access.object.to_lowercase(), 1))
            }
            _ => None,
        };
        let Some(read) = read else { return };
        let actor = change::actor(event, context.snapshot);
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let key = if actor.key.is_empty() { host } else { actor.key };
        let window = self.readers.entry(&key, Sliding::new);
        window.push(event.time, read, Duration::from_secs(config.window_secs), READS);
        let count: usize = window.distinct().into_iter().map(|(_, computers)| *computers).sum();
        if count < config.computers {
            verdicts.decline(event.time, key, format!("{count} of {} computers", config.computers));
            return;
        }
        let habit = Habit { usual_times: config.usual_times };
        if self.habits.usual(&habit, &key, event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        let minutes = config.window_secs / 60;
        let story = format!("{who} asked for the local administrator's password of {count} or more computers.");
        let text = format!("{count} computers within {minutes} minutes; the threshold is {}", config.computers);
        verdicts.raise(
            Verdict::of(event, key, story, "password attribute asked for")
                .against(format!("{count} computers"))
                .because("computers", as_f64(count), 60.0, text)
                .score(85.0),
        );
    }

    fn entries(&self) -> usize {
        self.readers.len() + self.habits.entries()
    }
}

/// What a search asked the password of, and of how many computers.
fn asks(search: &LdapSearch, config: &Config) -> Option<(String, usize)> {
    let password = |name: &str| PASSWORDS.iter().any(|known| name.eq_ignore_ascii_case(known));
    let filter = search.filter.to_lowercase().replace(' ', "");
    let by_filter = PASSWORDS.iter().any(|name| filter.contains(&format!("({name}=")));
    if !by_filter && !search.attributes.iter().any(|name| password(name)) {
        return None;
    }
    let what = format!("{}|{filter}", search.base.to_lowercase());
    // A filter that names one computer asks for one, wherever it starts.
    let one = search.scope == 0
        || ["(samaccountname=", "(cn=", "(name=", "(dnshostname=", "(distinguishedname="]
            .iter()
            .any(|part| filter.split(part).skip(1).any(|rest| !rest.split(')').next().unwrap_or("*").contains('*')));
    let count = match (one, search.entries) {
        (true, _) => 1,
        (false, Some(entries)) => usize::try_from(entries).unwrap_or(usize::MAX),
        (false, None) => config.computers,
    };
    (count > 0).then_some((what, count))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "laps-read";

    fn search(secs: i64, filter: &str, attribute: &str, entries: Option<u32>) -> Event {
        let attributes = vec!["cn".into(), attribute.into()];
        let search = LdapSearch { filter: filter.into(), attributes, entries, scope: 2, ..LdapSearch::default() };
        by(event(secs, Activity::LdapSearch(Box::new(search))), "ann", "ws1", Outcome::Success)
    }

    fn single(secs: i64, number: i64) -> Event {
        search(secs, &format!("(&(objectCategory=computer)(cn=ws{number}))"), "ms-Mcs-AdmPwd", Some(1))
    }

    #[test]
    fn a_search_of_the_whole_tree_fires_by_what_it_gave_back() {
        assert_eq!(alerts(SLUG, &[search(0, "(objectCategory=computer)", "msLAPS-Password", Some(50))]).len(), 1);
        assert_eq!(alerts(SLUG, &[search(0, "(objectCategory=computer)", "msLAPS-EncryptedPassword", None)]).len(), 1);
        assert!(alerts(SLUG, &[search(0, "(objectCategory=computer)", "ms-Mcs-AdmPwd", Some(4))]).is_empty());
    }

    #[test]
    fn five_single_reads_within_an_hour_fire_and_four_do_not() {
        let reads = |count: i64, apart: i64| (0..count).map(|i| single(i * apart, i)).collect::<Vec<_>>();
        assert!(alerts(SLUG, &reads(4, 60)).is_empty());
        assert_eq!(alerts(SLUG, &reads(5, 60)).len(), 1);
        assert!(alerts(SLUG, &reads(5, 1000)).is_empty(), "spread over more than an hour");
    }

    #[test]
    fn one_computer_read_again_and_again_and_the_expiry_stay_silent() {
        let same: Vec<Event> = (0..9).map(|i| single(i, 1)).collect();
        assert!(alerts(SLUG, &same).is_empty());
        assert!(
            alerts(SLUG, &[search(0, "(objectCategory=computer)", "ms-Mcs-AdmPwdExpirationTime", Some(500))])
                .is_empty()
        );
    }

    #[test]
    fn a_tool_that_copies_them_usually_stays_silent() {
        let copy = |secs| search(secs, "(objectCategory=computer)", "ms-Mcs-AdmPwd", Some(50));
        assert!(run(SLUG, Sensitivity::High, &[copy(-90_000)], &[copy(0)]).is_empty());
    }
}
