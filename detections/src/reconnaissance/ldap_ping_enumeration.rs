//! ## What it finds
//! Account names tried by LDAP ping, the unauthenticated question for a controller.
//!
//! ## Why it matters
//! A ping may ask whether an account exists, and the answer differs. No logon, no log, thousands a second.
//!
//! ## Evidence it needs
//! Wire: LDAP and connectionless LDAP (UDP 389) searches of the root with a `NtVer` filter.
//!
//! ## How it decides
//! Per source within `window_secs`: distinct names in `(User=…)` that are no machine accounts. `names` of them fire.
//! Domain members ask for their own account or for none.
//!
//! ## Blind spots
//! A few names an hour; many sources.
//!
//! ## Likely benign causes
//! A gateway behind which many old clients locate their controllers.
//!
//! ## What to do
//! Find out what runs on the source; block connectionless LDAP from networks without members.
//!
//! ## References
//! T1087.002; Defender for Identity 2437; `[MS-ADTS] 6.3.3.2`.

use std::collections::BTreeSet;
use std::time::Duration;

use hopwatch_ml::bounded::{Sliding, Table};
use hopwatch_model::{Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;

/// The most sources watched at a time.
const SOURCES: usize = 20_000;
/// The most names remembered of one source.
const NAMES: usize = 1000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct names that fire.
    pub names: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let names = match sensitivity {
            Sensitivity::High => 10,
            Sensitivity::Medium => 5,
            Sensitivity::Low => 3,
        };
        Self { window_secs: 600, names }
    }
}

/// Names by source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LdapPingEnumeration {
    sources: Table<Sliding<String>>,
}

impl Default for LdapPingEnumeration {
    fn default() -> Self {
        Self { sources: Table::new(SOURCES) }
    }
}

impl Rule for LdapPingEnumeration {
    const META: Meta = Meta {
        slug: "ldap-ping-enumeration",
        title: "Account names tried by LDAP ping",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1087.002"],
        external_id: Some(2437),
        actions: &[
            "Find out what runs on the source host",
            "Watch the accounts that exist for password guessing",
            "Block UDP 389 from networks without domain members",
        ],
        source: include_str!("ldap_ping_enumeration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::LdapSearch(search) = &event.activity else { return };
        if context.mode == Mode::Learning || !search.base.is_empty() {
            return;
        }
        let Some(name) = user(&search.filter) else { return };
        let Some(source) = event.source.as_ref().map(Host::key).filter(|key| !key.is_empty()) else { return };
        let window = self.sources.entry(&source, Sliding::new);
        window.push(event.time, name, Duration::from_secs(config.window_secs), NAMES);
        let names: BTreeSet<&String> = window.distinct();
        if names.len() < config.names {
            verdicts.decline(event.time, source, format!("{} of {} names", names.len(), config.names));
            return;
        }
        let shown: Vec<&str> = names.iter().take(8).map(|name| name.as_str()).collect();
        let story = format!("{source} asked for {} account names by LDAP ping: {} …", names.len(), shown.join(", "));
        let text = format!(
            "{} distinct names within {} minutes; the threshold is {}",
            names.len(),
            config.window_secs / 60,
            config.names
        );
        verdicts.raise(Verdict::of(event, source.clone(), story, "LDAP ping with an account name").because(
            "names",
            as_f64(names.len()),
            60.0,
            text,
        ));
    }

    fn entries(&self) -> usize {
        self.sources.len()
    }
}

/// The account that an LDAP ping asks for, where it asks for one that is no machine's.
fn user(filter: &str) -> Option<String> {
    let lower = filter.to_lowercase();
    if !lower.contains("(ntver=") {
        return None;
    }
    let (_, rest) = lower.split_once("(user=")?;
    let name = rest.split(')').next().unwrap_or_default();
    (!name.is_empty() && !name.ends_with('$')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::LdapSearch;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "ldap-ping-enumeration";

    fn ping(secs: i64, name: &str) -> Event {
        let user = if name.is_empty() { String::new() } else { format!("(User={name})(AAC=\\10\\00\\00\\00)") };
        let filter = format!("(&(DnsDomain=lab.example){user}(NtVer=\\06\\00\\00\\00))");
        let search = LdapSearch { filter, carrier: "cldap".into(), ..LdapSearch::default() };
        by(event(secs, Activity::LdapSearch(Box::new(search))), "", "10.0.0.9", Outcome::Success)
    }

    fn names(count: i64) -> Vec<Event> {
        (0..count).map(|i| ping(i, &format!("user{i}"))).collect()
    }

    #[test]
    fn ten_names_fire_once_and_nine_stay_silent() {
        assert_eq!(alerts(SLUG, &names(30)).len(), 1);
        assert!(alerts(SLUG, &names(9)).is_empty());
    }

    #[test]
    fn members_that_locate_their_controller_stay_silent() {
        let mut events: Vec<Event> = (0..50).map(|i| ping(i, "")).collect();
        events.extend((50..99).map(|i| ping(i, &format!("WS{i}$"))));
        events.extend((100..150).map(|i| ping(i, "ann")));
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn names_spread_over_hours_stay_silent_and_learning_counts_none() {
        let slow: Vec<Event> = (0..30).map(|i| ping(i * 120, &format!("user{i}"))).collect();
        assert!(alerts(SLUG, &slow).is_empty());
        let history: Vec<Event> = (0..9).map(|i| ping(i - 60, &format!("other{i}"))).collect();
        assert!(run(SLUG, Sensitivity::High, &history, &names(9)).is_empty());
    }
}
