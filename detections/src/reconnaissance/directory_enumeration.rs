//! ## What it finds
//! LDAP searches of the shape that collectors and attack tools make: everything of a kind, over the whole domain.
//!
//! ## Why it matters
//! One collection gives an intruder the graph of who can reach what. It needs any account and a minute.
//!
//! ## Evidence it needs
//! Wire: LDAP and global catalogue searches in clear. Events: 1644 (Directory Service log, field engineering level 5).
//!
//! ## How it decides
//! A search over a subtree is sorted by what it seeks: all users, computers, groups, trusts, policies, certificate
//! templates, accounts with service names, without pre-authentication, with delegation, with `adminCount`, with LAPS or
//! managed passwords, security descriptors of many objects, the schema with its rights. Per source, `kinds` distinct
//! kinds within `window_secs`, or one search that a collector is known by (a broad search for objects of all kinds that
//! asks for security descriptors, or two broad kinds in one filter with `objectSid` and descriptors; a choice of one
//! name, `(|(samAccountName=X))`, beside the class, for all attributes: what a script that builds filters writes, and no
//! administrator's tool). Groups of Tier Zero sought by name are a kind. Kinds that the
//! source sought while learning, and kinds that `popular` sources sought, are no news. Controllers are spared.
//!
//! ## Blind spots
//! Sealed LDAP (SASL) and LDAPS on the wire; one narrow search at a time over days.
//!
//! ## Likely benign causes
//! Directory synchronisation, identity management, inventory: let them be learned.
//!
//! ## What to do
//! Find the process on the source; look for what followed: service tickets, logons elsewhere.
//!
//! ## References
//! T1087.002, T1069.002, T1482; Defender for Identity 2038, 2210; RFC 4511 §4.5; `[MS-ADTS] 3.1.1.3.4.1.11`.

use std::collections::BTreeSet;
use std::time::Duration;

use hopwatch_model::event::LdapSearch;
use hopwatch_model::{Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use crate::usual::Usual;
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched, kinds and records remembered of one.
const SOURCES: usize = 20_000;
const KINDS: usize = 500;
const RECORDS: usize = 20;
/// LDAP_SERVER_SD_FLAGS_OID.
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct kinds of search.
    pub kinds: usize,
    /// Sources that make a kind popular.
    pub popular: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let (kinds, popular) = match sensitivity {
            Sensitivity::High => (3, 5),
            Sensitivity::Medium => (2, 20),
            Sensitivity::Low => (1, usize::MAX),
        };
        Self { window_secs: 900, kinds, popular }
    }
}

/// What a source sought lately.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Source {
    kinds: Sliding<String>,
    records: Vec<Evidence>,
    reported: usize,
}

/// Searches by source, habits, and who else seeks a kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DirectoryEnumeration {
    sources: Table<Source>,
    usual: Usual,
    seekers: Table<BTreeSet<String>>,
}

impl Default for DirectoryEnumeration {
    fn default() -> Self {
        Self { sources: Table::new(SOURCES), usual: Usual::default(), seekers: Table::new(100) }
    }
}

impl Rule for DirectoryEnumeration {
    const META: Meta = Meta {
        slug: "directory-enumeration",
        title: "The directory searched as collectors do",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1087.002", "T1069.002", "T1482"],
        external_id: Some(2038),
        actions: &[
            "Find the process on the source host and who runs it",
            "Look for service tickets and logons that followed",
        ],
        source: include_str!("directory_enumeration.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::LdapSearch(search) = &event.activity else { return };
        let Some(source) = event.source.as_ref() else { return };
        if context.shared.controllers.contains(source, context.snapshot) {
            return;
        }
        let mut sought = kinds(search);
        if scripted(search) {
            sought.insert("single names through a script's filter");
        }
        if sought.is_empty() {
            return;
        }
        let key = source.key();
        let collector = scripted(search) || collects(search, &sought);
        let mut fresh = Vec::new();
        for kind in sought {
            let habit = self.usual.met(&format!("{key}|{kind}"), context.mode);
            let seekers = self.seekers.entry(kind, BTreeSet::new);
            if context.mode == Mode::Learning && seekers.len() < KINDS {
                seekers.insert(key.clone());
            }
            if !habit && seekers.len() < config.popular {
                fresh.push(kind);
            }
        }
        if fresh.is_empty() {
            verdicts.decline(event.time, key, "searches of the source's habit, or popular ones");
            return;
        }
        self.judge(config, search, source, &fresh, collector, event, context, verdicts);
    }

    fn entries(&self) -> usize {
        self.sources.len() + self.usual.entries() + self.seekers.len()
    }
}

impl DirectoryEnumeration {
    #[expect(clippy::too_many_arguments, reason = "the parts of one search beside the frame's own four")]
    fn judge(
        &mut self,
        config: &Config,
        search: &LdapSearch,
        source: &Host,
        fresh: &[&'static str],
        collector: bool,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let key = source.key();
        let state = self.sources.entry(&key, Source::default);
        let window = Duration::from_secs(config.window_secs);
        for kind in fresh {
            state.kinds.push(event.time, (*kind).to_owned(), window, KINDS);
        }
        state.records.retain(|record| record.time + window >= event.time);
        if state.records.len() < RECORDS {
            state.records.push(evidence(event, &format!("search for {}", fresh.join(", "))));
        }
        let distinct: Vec<String> = state.kinds.distinct().into_iter().cloned().collect();
        if distinct.len() < config.kinds && !collector {
            verdicts.decline(event.time, key, format!("{} of {} kinds", distinct.len(), config.kinds));
            return;
        }
        if distinct.len() <= state.reported {
            return;
        }
        state.reported = distinct.len();
        let who = words::who(event, context.snapshot);
        let list = distinct.join(", ");
        let as_tool = if collector { ", as a collector does" } else { "" };
        let story = format!("{who} searched the directory of {} for {list}{as_tool}.", words::target(event));
        let minutes = config.window_secs / 60;
        let text = if collector {
            format!("a filter that collectors write: {}", search.filter.chars().take(120).collect::<String>())
        } else {
            let count = distinct.len();
            format!("{count} kinds of search within {minutes} minutes; the threshold is {}", config.kinds)
        };
        let severity = if collector { Severity::High } else { Severity::Medium };
        let verdict = Verdict::of(event, key, story, "search").against(search.base.clone()).severity(severity);
        let verdict = verdict.because("kinds", as_f64(distinct.len()), 60.0, text).with_evidence(state.records.clone());
        verdicts.raise(verdict.score(if collector { 90.0 } else { 75.0 }));
    }
}

/// Parts of filters, lower case without spaces, and what they seek.
const SOUGHT: &[(&str, &str)] = &[
    ("(serviceprincipalname=*", "service accounts"),
    ("1.2.840.113556.1.4.803:=4194304", "accounts without pre-authentication"),
    ("1.2.840.113556.1.4.803:=524288", "unconstrained delegation"),
    ("1.2.840.113556.1.4.803:=16777216", "protocol transition"),
    ("1.2.840.113556.1.4.803:=8192", "domain controllers"),
    ("1.2.840.113556.1.4.803:=65536", "passwords that never expire"),
    ("1.2.840.113556.1.4.803:=32)", "accounts without password"),
    ("(admincount=1", "protected accounts"),
    ("(msds-allowedtodelegateto=*", "constrained delegation"),
    ("(msds-allowedtoactonbehalfofotheridentity=*", "resource-based delegation"),
    ("(ms-mcs-admpwd=*", "local administrators' passwords"),
    ("(ms-mcs-admpwdexpirationtime=*", "local administrators' passwords"),
    ("(mslaps-", "local administrators' passwords"),
    ("(msds-groupmanagedserviceaccount", "managed service accounts"),
    ("(msds-managedpassword", "managed service accounts"),
    ("(objectclass=trusteddomain", "trusts"),
    ("(objectclass=pkicertificatetemplate", "certificate templates"),
    ("(objectclass=pkienrollmentservice", "certification authorities"),
    ("(objectclass=grouppolicycontainer", "group policies"),
    ("(objectcategory=grouppolicycontainer", "group policies"),
    ("(sidhistory=*", "SID history"),
    ("(scriptpath=*", "logon scripts"),
    ("(memberof=cn=domainadmins", "administrators"),
    ("(description=*pass", "passwords in descriptions"),
];

/// Parts that seek all of a class, where nothing narrows the search.
const CLASSES: &[(&str, &str)] = &[
    ("(objectclass=user", "all users"),
    ("(objectcategory=person", "all users"),
    ("(samaccounttype=805306368", "all users"),
    ("(objectclass=computer", "all computers"),
    ("(objectcategory=computer", "all computers"),
    ("(samaccounttype=805306369", "all computers"),
    ("(objectclass=group)", "all groups"),
    ("(objectcategory=group)", "all groups"),
    ("(samaccounttype=268435456", "all groups"),
    ("(objectclass=organizationalunit", "organizational units"),
    ("(objectclass=domain)", "domains"),
    ("(objectclass=container)", "containers"),
];

/// What a search seeks; empty where it is narrow.
fn kinds(search: &LdapSearch) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    if search.scope == 0 {
        return found;
    }
    let filter = search.filter.to_ascii_lowercase().replace(' ', "");
    let narrow = named(&filter);
    if owners_group(&filter) {
        found.insert("groups of Tier Zero");
    }
    for (part, kind) in SOUGHT {
        if filter.contains(part) && !narrow {
            found.insert(*kind);
        }
    }
    if narrow {
        return found;
    }
    for (part, kind) in CLASSES {
        if filter.contains(part) && search.scope == 2 {
            found.insert(*kind);
        }
    }
    let everything = matches!(
        filter.as_str(),
        "(objectclass=*)" | "(objectguid=*)" | "(objectsid=*)" | "(name=*)" | "(distinguishedname=*)"
    );
    if everything && search.scope == 2 {
        found.insert("everything");
    }
    if descriptors(search) && search.scope == 2 {
        found.insert("security descriptors");
    }
    found
}

/// A filter that was put together by a script: the class, and a choice (`|`) of one single name.
fn scripted(search: &LdapSearch) -> bool {
    let filter = search.filter.to_ascii_lowercase().replace(' ', "");
    let class = ["(&(objectcategory=group)(|(", "(&(samaccounttype=805306368)(|(", "(&(samaccounttype=805306369)(|("];
    let Some(rest) = class.iter().find_map(|start| filter.strip_prefix(start)) else { return false };
    let one = rest.strip_suffix(")))").is_some_and(|choice| !choice.contains(['(', ')']));
    one && rest.starts_with("samaccountname=") && search.scope == 2 && search.attributes.is_empty()
}

/// Groups that own a domain, by the names that every English system gives them.
fn owners_group(filter: &str) -> bool {
    const GROUPS: [&str; 5] =
        ["domainadmins", "enterpriseadmins", "schemaadmins", "administrators", "accountoperators"];
    GROUPS.iter().any(|group| filter.contains(&format!("name={group})")) || filter.contains(&format!("(cn={group})")))
}

/// An equality on a name, SID or GUID makes a search one of an object, which every client makes.
fn named(filter: &str) -> bool {
    const KEYS: &[&str] = &[
        "samaccountname",
        "objectsid",
        "objectguid",
        "distinguishedname",
        "cn",
        "name",
        "userprincipalname",
        "mail",
        "dnshostname",
        "uid",
        "displayname",
        "anr",
        "member",
        "memberof",
        "serviceprincipalname",
        "netbiosname",
        "msds-principalname",
        "ncname",
        "proxyaddresses",
    ];
    filter.split('(').filter_map(|part| part.split(')').next()).any(|part| {
        part.split_once('=').is_some_and(|(key, value)| {
            let value = value.trim_matches('*');
            KEYS.contains(&key) && !value.is_empty() && !value.starts_with("cn=domainadmins")
        })
    })
}

/// The rights of the objects are asked for.
fn descriptors(search: &LdapSearch) -> bool {
    search.attributes.iter().any(|name| name.eq_ignore_ascii_case("nTSecurityDescriptor"))
        || search.controls.iter().any(|control| control == SD_FLAGS)
}

/// One search that says enough: all objects, or several classes at once, with their rights.
fn collects(search: &LdapSearch, sought: &BTreeSet<&'static str>) -> bool {
    let classes = sought.iter().filter(|kind| **kind != "security descriptors").count();
    search.scope == 2 && descriptors(search) && (sought.contains("everything") || classes >= 2)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "directory-enumeration";

    fn search(secs: i64, filter: &str, attributes: &[&str], source: &str) -> Event {
        let search = LdapSearch {
            base: "DC=lab,DC=example".into(),
            scope: 2,
            filter: filter.into(),
            attributes: attributes.iter().map(|name| (*name).into()).collect(),
            ..LdapSearch::default()
        };
        by(event(secs, Activity::LdapSearch(Box::new(search))), "ann", source, Outcome::Success)
    }

    const SPNS: &str = "(servicePrincipalName=*)";
    const UNCONSTRAINED: &str = "(userAccountControl:1.2.840.113556.1.4.803:=524288)";

    #[test]
    fn three_kinds_fire_and_two_do_not() {
        let two = [search(0, SPNS, &["cn"], "ws1"), search(1, UNCONSTRAINED, &["cn"], "ws1")];
        assert!(alerts(SLUG, &two).is_empty());
        let mut three = two.to_vec();
        three.push(search(2, "(adminCount=1)", &["cn"], "ws1"));
        assert_eq!(alerts(SLUG, &three).len(), 1);
    }

    #[test]
    fn searches_for_one_object_stay_silent() {
        let filters = ["(sAMAccountName=ann)", "(&(objectClass=user)(mail=a@b))", "(objectSid=S-1-5-21-1)", "(cn=W)"];
        let events: Vec<Event> =
            (0..).zip(filters).map(|(i, f)| search(i, f, &["nTSecurityDescriptor"], "ws1")).collect();
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn the_habit_of_a_source_and_controllers_stay_silent() {
        let filters = [SPNS, UNCONSTRAINED, "(adminCount=1)"];
        let at = |start: i64, source: &str| -> Vec<Event> {
            (start..).zip(filters).map(|(i, f)| search(i, f, &["cn"], source)).collect()
        };
        assert!(run(SLUG, Sensitivity::High, &at(-9000, "ws1"), &at(0, "ws1")).is_empty());
        assert_eq!(run(SLUG, Sensitivity::High, &at(-9000, "ws1"), &at(0, "ws2")).len(), 1);
        assert!(alerts(SLUG, &at(0, "dc1")).is_empty());
    }

    #[test]
    fn a_collectors_search_and_a_scripts_filter_fire_alone_and_an_administrators_does_not() {
        let all = search(0, "(objectClass=*)", &["*", "nTSecurityDescriptor"], "ws1");
        assert_eq!(alerts(SLUG, &[all])[0].severity, Severity::High);
        let scripted = "(&(objectCategory=group)(|(samAccountName=Domain Admins)))";
        assert_eq!(alerts(SLUG, &[search(0, scripted, &[], "ws1")]).len(), 1);
        let plain = [search(0, "(samAccountName=Domain Admins)", &[], "ws1"), search(1, scripted, &["member"], "ws1")];
        assert!(alerts(SLUG, &plain).is_empty());
    }
}
