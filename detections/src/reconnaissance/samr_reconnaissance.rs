//! ## What it finds
//! Accounts and groups listed over SAMR or LSAT: `net user /domain`, `net group "Domain Admins" /domain`, RID cycling.
//!
//! ## Why it matters
//! It is how an intruder finds out who is worth stealing, with any credential and without LDAP.
//!
//! ## Evidence it needs
//! Wire: SAMR and LSARPC calls; opnums are clear where stubs are sealed.
//!
//! ## How it decides
//! Against a domain controller, by a host that is none (where neither directory nor traffic tells, (b) alone): (a) an enumeration: `SamrEnumerateGroupsInDomain`,
//! `-UsersInDomain`, `-AliasesInDomain`, `SamrQueryDisplayInformation*`; (b) the members of a sensitive group
//! (`SamrGetMembersInGroup`, `-Alias` after opening one of Tier Zero); (c) `identifiers` distinct SIDs or RIDs looked up
//! within `window_secs`. A kind of query that the source made while learning is its habit. Look-ups by name, which
//! every member makes, stay silent.
//!
//! ## Blind spots
//! Sealed LSAT look-ups, slow RID cycling; encrypted SMB.
//!
//! ## Likely benign causes
//! Vulnerability scanners, identity management, administrators' consoles: let them be learned.
//!
//! ## What to do
//! Find the process on the source; restrict remote calls to SAM by policy.
//!
//! ## References
//! T1087.002, T1069.002; Defender for Identity 2021; `[MS-SAMR] 3.1.5`; `[MS-LSAT] 3.1.4.11`.

use std::time::Duration;

use hopwatch_model::event::{RpcArguments, RpcCall};
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::number::as_f64;
use crate::usual::Usual;
use crate::words;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most sources watched, and identifiers remembered of one.
const SOURCES: usize = 20_000;
const IDENTIFIERS: usize = 2000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Distinct identifiers looked up.
    pub identifiers: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let identifiers = match sensitivity {
            Sensitivity::High => 50,
            Sensitivity::Medium => 30,
            Sensitivity::Low => 15,
        };
        Self { window_secs: 600, identifiers }
    }
}

/// Identifiers looked up by source, and the habits of sources.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamrReconnaissance {
    identifiers: Table<Sliding<String>>,
    /// Sensitive groups opened, by source.
    opened: Table<String>,
    usual: Usual,
}

impl Default for SamrReconnaissance {
    fn default() -> Self {
        Self { identifiers: Table::new(SOURCES), opened: Table::new(SOURCES), usual: Usual::default() }
    }
}

impl Rule for SamrReconnaissance {
    const META: Meta = Meta {
        slug: "samr-reconnaissance",
        title: "Accounts and groups listed over SAMR",
        phase: Phase::Reconnaissance,
        severity: Severity::Medium,
        techniques: &["T1087.002", "T1069.002"],
        external_id: Some(2021),
        actions: &[
            "Find the process on the source host and who runs it",
            "Restrict remote calls to SAM by group policy",
        ],
        source: include_str!("samr_reconnaissance.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::RpcCall(call) = &event.activity else { return };
        let (Some(source), Some(target)) = (&event.source, &event.target) else { return };
        if !matches!(call.interface_name.as_str(), "samr" | "lsarpc") {
            return;
        }
        let controllers = &context.shared.controllers;
        // Without a directory nobody knows what the host is: then its sensitive groups alone tell of a domain.
        let controller = controllers.contains(target, context.snapshot);
        let unknown = !controller && !directory::loaded(context.snapshot, 1);
        if !(controller || unknown) || controllers.contains(source, context.snapshot) {
            return;
        }
        let Some((kind, text, value)) = self.query(config, call, source, event, context) else { return };
        let key = source.key();
        if unknown && kind != "sensitive-group" {
            verdicts.decline(event.time, key, "nothing says that the target is a controller");
            return;
        }
        if self.usual.met(&format!("{key}|{kind}"), context.mode) {
            verdicts.decline(event.time, key, format!("{kind}: the source did so while learning"));
            return;
        }
        let who = words::who(event, context.snapshot);
        let story = format!("{who} asked {} for {text}{}.", words::target(event), words::answer(event));
        let verdict = Verdict::of(event, key, story, &call.operation).against(text.clone());
        let text = format!("{text}; the source did no such thing while learning");
        verdicts.raise(verdict.because(kind, value, 60.0, text).score(75.0));
    }

    fn entries(&self) -> usize {
        self.identifiers.len() + self.opened.len() + self.usual.entries()
    }
}

impl SamrReconnaissance {
    /// What a call asks for, where it is reconnaissance.
    fn query(
        &mut self,
        config: &Config,
        call: &RpcCall,
        source: &Host,
        event: &Event,
        context: &Context<'_>,
    ) -> Option<(&'static str, String, f64)> {
        if call.interface_name == "samr" {
            match call.opnum {
                11 => return Some(("all-groups", "all groups".into(), 1.0)),
                13 => return Some(("all-users", "all users".into(), 1.0)),
                15 => return Some(("all-aliases", "all local groups".into(), 1.0)),
                40 | 48 | 51 => return Some(("all-accounts", "the list of all accounts".into(), 1.0)),
                // SamrOpenGroup, SamrOpenAlias.
                19 | 27 => self.opened(call, source, context),
                // SamrGetMembersInGroup, SamrGetMembersInAlias.
                25 | 33 => {
                    let group = self.opened.get(&source.key())?.clone();
                    return Some(("sensitive-group", format!("the members of {group}"), 1.0));
                }
                _ => {}
            }
        }
        // SamrLookupIdsInDomain, SamrOpenUser; LsarLookupSids, 2, 3.
        let looked_up = match call.interface_name.as_str() {
            "samr" => matches!(call.opnum, 18 | 34),
            _ => matches!(call.opnum, 15 | 57 | 76),
        };
        let RpcArguments::Identifiers(identifiers) = &call.arguments else { return None };
        if !looked_up {
            return None;
        }
        let window = Duration::from_secs(config.window_secs);
        let seen = self.identifiers.entry(&source.key(), Sliding::new);
        for identifier in identifiers.iter().take(IDENTIFIERS) {
            seen.push(event.time, identifier.clone(), window, IDENTIFIERS);
        }
        let count = seen.distinct().len();
        (count >= config.identifiers).then(|| ("identifiers", format!("{count} identifiers"), as_f64(count)))
    }

    /// Remembers that a sensitive group was opened, forgets it where another was.
    fn opened(&mut self, call: &RpcCall, source: &Host, context: &Context<'_>) {
        let RpcArguments::Identifiers(identifiers) = &call.arguments else { return };
        let group = identifiers.first().and_then(|id| sensitive_group(id, context));
        match group {
            Some(group) => {
                self.opened.entry(&source.key(), || group.clone()).clone_from(&group);
            }
            None => {
                self.opened.remove(&source.key());
            }
        }
    }
}

/// A group of Tier Zero by the directory, else by its well-known RID (`[MS-DTYP] 2.4.2.4`).
fn sensitive_group(id: &str, context: &Context<'_>) -> Option<String> {
    let account = Account { sid: id.parse().ok(), ..Account::default() };
    if let Some(node) = directory::account(context.snapshot, &account) {
        return directory::sensitive(context.snapshot, node).then(|| directory::label(context.snapshot, node));
    }
    let rid = id.rsplit('-').next().unwrap_or_default();
    let name = match rid {
        "512" => "Domain Admins",
        "516" => "Domain Controllers",
        "518" => "Schema Admins",
        "519" => "Enterprise Admins",
        "544" => "Administrators",
        "548" => "Account Operators",
        "551" => "Backup Operators",
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AuthLevel, RpcTransport};

    use super::*;
    use crate::testing::{DOMAIN, alerts, by, event, host, run};

    const SLUG: &str = "samr-reconnaissance";

    fn call(secs: i64, interface: &str, opnum: u16, ids: Vec<String>, target: &str) -> Event {
        let arguments = if ids.is_empty() { RpcArguments::None } else { RpcArguments::Identifiers(ids) };
        let call = RpcCall {
            interface: None,
            interface_name: interface.into(),
            opnum,
            operation: String::new(),
            transport: RpcTransport::Tcp,
            auth_level: AuthLevel::None,
            bind_seen: true,
            arguments,
        };
        let event = by(event(secs, Activity::RpcCall(Box::new(call))), "ann", "ws1", Outcome::Success);
        Event { target: Some(host(target)), ..event }
    }

    #[test]
    fn enumerations_of_a_controller_fire_and_of_a_member_do_not() {
        for opnum in [11, 13, 15, 40, 48, 51] {
            assert_eq!(alerts(SLUG, &[call(0, "samr", opnum, vec![], "dc1")]).len(), 1);
        }
        assert!(alerts(SLUG, &[call(0, "samr", 13, vec![], "srv1")]).is_empty());
    }

    #[test]
    fn the_members_of_a_sensitive_group_fire_and_of_another_do_not() {
        let members = |rid: u32| {
            let open = call(0, "samr", 19, vec![format!("{DOMAIN}-{rid}")], "dc1");
            alerts(SLUG, &[open, call(1, "samr", 25, vec![], "dc1")]).len()
        };
        assert_eq!(members(512), 1);
        assert_eq!(members(513), 0);
    }

    #[test]
    fn fifty_identifiers_fire_and_forty_nine_do_not() {
        let cycle = |count: u32| {
            let ids = (0..count).map(|rid| format!("{DOMAIN}-{}", 1000 + rid)).collect();
            alerts(SLUG, &[call(0, "lsarpc", 15, ids, "dc1")]).len()
        };
        assert_eq!(cycle(50), 1);
        assert_eq!(cycle(49), 0);
    }

    #[test]
    fn names_and_habits_stay_silent() {
        assert!(alerts(SLUG, &[call(0, "samr", 17, vec![], "dc1"), call(1, "samr", 5, vec![], "dc1")]).is_empty());
        let history = [call(-9000, "samr", 13, vec![], "dc1")];
        assert!(run(SLUG, Sensitivity::High, &history, &[call(0, "samr", 13, vec![], "dc1")]).is_empty());
    }
}
