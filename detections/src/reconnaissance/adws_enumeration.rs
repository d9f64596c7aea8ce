//! ## What it finds
//! The directory enumerated through Active Directory Web Services (port 9389).
//!
//! ## Why it matters
//! The web service carries the same questions as LDAP where LDAP sensors do not look; collectors moved there for that.
//!
//! ## Evidence it needs
//! Events: 1644 of the *Directory Service* log, in which questions by the web service come from the controller's own
//! loopback address. Sources that say `adws` as carrier.
//!
//! ## How it decides
//! Per account, or host, within `window_secs`: kinds of enumeration (all objects, users, computers, groups, service names,
//! access control, delegation, trusts, templates) that were asked over the whole tree. `kinds` of them fire; so does a
//! filter that only a collector sends, at once. Accounts that enumerated so while learning stay silent.
//!
//! ## Blind spots
//! The sealed web service traffic itself is not read; without 1644 nothing is seen.
//!
//! ## Likely benign causes
//! Administrators' PowerShell scripts (`Get-ADUser -Filter *`), which go through the same service.
//!
//! ## What to do
//! Ask the account's owner; look at what was asked; treat it as the start of an intrusion where nobody knows of it.
//!
//! ## References
//! T1087.002, T1069.002; Defender for Identity (PossibleActiveDirectoryEnumerationAdws); `[MS-ADDM]`, `[MS-WSDS]`.

use std::time::Duration;

use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::event::LdapSearch;
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::habit::{Habit, Habits};
use crate::number::as_f64;

/// The most askers watched at a time.
const ASKERS: usize = 10_000;
/// The most questions remembered of one asker.
const QUESTIONS: usize = 200;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Kinds of enumeration that fire.
    pub kinds: usize,
    /// How often the account must have enumerated so while learning.
    pub usual_times: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let kinds = match sensitivity {
            Sensitivity::High => 3,
            Sensitivity::Medium => 2,
            Sensitivity::Low => 1,
        };
        Self { window_secs: 3600, kinds, usual_times: Habit::preset(sensitivity).usual_times }
    }
}

/// Kinds by asker, and habits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdwsEnumeration {
    askers: Table<Sliding<String>>,
    habits: Habits,
}

impl Default for AdwsEnumeration {
    fn default() -> Self {
        Self { askers: Table::new(ASKERS), habits: Habits::default() }
    }
}

impl Rule for AdwsEnumeration {
    const META: Meta = Meta {
        slug: "adws-enumeration",
        title: "Directory enumerated through the web service",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1087.002", "T1069.002"],
        external_id: None,
        actions: &[
            "Ask the account's owner whether they enumerate the directory",
            "Look at what else the account did at that time",
            "Restrict port 9389 to administrators' hosts",
        ],
        source: include_str!("adws_enumeration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::LdapSearch(search) = &event.activity else { return };
        let loopback =
            event.source.as_ref().and_then(|source| source.address).is_some_and(|address| address.is_loopback());
        let actor = change::actor(event, context.snapshot);
        // On the loopback address the controller asks itself too, as its own account.
        let through_service =
            search.carrier == "adws" || (loopback && event.actor.as_ref().is_some_and(|actor| !actor.machine()));
        if !through_service || change::system(event) {
            return;
        }
        let Some((kind, tool)) = kind(search) else { return };
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let key = if actor.key.is_empty() { host } else { actor.key };
        let window = self.askers.entry(&key, Sliding::new);
        window.push(event.time, kind.to_owned(), Duration::from_secs(config.window_secs), QUESTIONS);
        let kinds: Vec<String> = window.distinct().into_iter().cloned().collect();
        if kinds.len() < config.kinds && !tool {
            verdicts.decline(event.time, key, format!("{} of {} kinds", kinds.len(), config.kinds));
            return;
        }
        let habit = Habit { usual_times: config.usual_times };
        if self.habits.usual(&habit, &key, event, context.mode, verdicts) {
            return;
        }
        let who = actor.label;
        let story = format!("{who} enumerated the directory through its web service: {}.", kinds.join(", "));
        let text = format!(
            "{} kinds within {} minutes; the threshold is {}",
            kinds.len(),
            config.window_secs / 60,
            config.kinds
        );
        let severity = if tool { Severity::High } else { Severity::Medium };
        verdicts.raise(
            Verdict::of(event, key, story, &format!("search of {kind}"))
                .because("kinds", as_f64(kinds.len()), 50.0, text)
                .severity(severity)
                .score(if tool { 92.0 } else { 72.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.askers.len() + self.habits.entries()
    }
}

/// The kind of enumeration that a search of the whole tree is, and whether only a collector asks so.
fn kind(search: &LdapSearch) -> Option<(&'static str, bool)> {
    let filter = search.filter.to_lowercase().replace(' ', "");
    // A negated attribute that no schema has: a collector's way of asking for everything.
    if filter.contains("(!(soaphound=") || filter.contains("(!soaphound=") {
        return Some(("all objects", true));
    }
    if search.scope == 0 {
        return None;
    }
    let asks = |name: &str| search.attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(name));
    let has = |part: &str| filter.contains(part);
    let found = match () {
        () if asks("nTSecurityDescriptor") => "access control",
        () if has("serviceprincipalname=*") => "service names",
        () if has("msds-allowedtodelegateto=*") || has("1.2.840.113556.1.4.803:=524288") => "delegation",
        () if has("pkicertificatetemplate") || has("pkienrollmentservice") => "templates",
        () if has("trusteddomain") => "trusts",
        () if matches!(filter.as_str(), "(objectclass=*)" | "(objectguid=*)" | "(objectcategory=*)") => "all objects",
        () if has("=computer)") && !has("name=") => "computers",
        () if has("=group)") && !has("name=") => "groups",
        () if (has("=user)") || has("=person)") || has("805306368")) && !has("name=") => "users",
        () => return None,
    };
    Some((found, false))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "adws-enumeration";

    fn search(secs: i64, filter: &str, actor: &str, source: &str) -> Event {
        let search = LdapSearch { filter: filter.into(), scope: 2, carrier: "ldap".into(), ..LdapSearch::default() };
        by(event(secs, Activity::LdapSearch(Box::new(search))), actor, source, Outcome::Success)
    }

    const KINDS: [&str; 3] = ["(objectCategory=computer)", "(&(objectClass=group))", "(servicePrincipalName=*)"];

    fn sweep(secs: i64, count: usize, actor: &str, source: &str) -> Vec<Event> {
        (0..).zip(KINDS).take(count).map(|(i, filter)| search(secs + i, filter, actor, source)).collect()
    }

    #[test]
    fn three_kinds_through_the_service_fire_and_two_do_not() {
        assert_eq!(alerts(SLUG, &sweep(0, 3, "ann", "127.0.0.1")).len(), 1);
        assert!(alerts(SLUG, &sweep(0, 2, "ann", "127.0.0.1")).is_empty());
    }

    #[test]
    fn a_collectors_own_filter_fires_at_once() {
        assert_eq!(alerts(SLUG, &[search(0, "(!(soaphound=*))", "ann", "::1")])[0].severity, Severity::High);
    }

    #[test]
    fn ldap_from_a_host_and_the_controller_itself_stay_silent() {
        let mut events = sweep(0, 3, "ann", "10.0.0.9");
        events.extend(sweep(9, 3, "DC1$", "127.0.0.1"));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn questions_for_one_object_stay_silent() {
        let events: Vec<Event> =
            (0..9).map(|i| search(i, &format!("(&(objectClass=user)(sAMAccountName=u{i}))"), "ann", "::1")).collect();
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn an_administrator_who_always_does_so_stays_silent() {
        let history = sweep(-9000, 3, "admin", "::1");
        assert!(run(SLUG, Sensitivity::High, &history, &sweep(0, 3, "admin", "::1")).is_empty());
    }
}
