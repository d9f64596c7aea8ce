//! ## What it finds
//! An NTLM logon that was carried on to another server than the one for which its client made it.
//!
//! ## Why it matters
//! A relay needs no password: whoever is made to connect to the intruder logs on, for the intruder, to a third host.
//!
//! ## Evidence it needs
//! Wire: NTLM AUTHENTICATE messages with their target name (MsvAvTargetName). Events: 4624 and 4776 of machine accounts with
//! the client's address; Kerberos logons of machine accounts tell which host has which address.
//!
//! ## How it decides
//! 1. The response names the server that the client meant (`cifs/ws9`), and that is another host than the one logged on to:
//!    the source itself, or a host that the directory knows.
//! 2. A machine account logs on by NTLM from an address at which another machine authenticated by Kerberos within
//!    `home_secs`, while its own address is known to be another.
//!
//! ## Blind spots
//! Clients that name no target and are no machines; a relay behind the address of its victim.
//!
//! ## Likely benign causes
//! Aliases of a server that the directory does not know as its names; addresses that changed hands within hours (DHCP).
//!
//! ## What to do
//! Isolate the source; require signing for SMB and LDAP, channel binding for LDAPS and web enrolment.
//!
//! ## References
//! T1557.001; Defender for Identity 2037, 2418; `[MS-NLMP] 2.2.2.1` MsvAvTargetName.

use std::time::Duration;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::NtlmLogon;
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Activity, Event, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// The most addresses and machines remembered.
const HOMES: usize = 50_000;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long a Kerberos logon of a machine tells whose an address is, in seconds.
    pub home_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { home_secs: 4 * 3600 }
    }
}

/// Machines by address, addresses by machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NtlmRelay {
    machines: Table<(String, Timestamp)>,
    addresses: Table<(String, Timestamp)>,
}

impl Default for NtlmRelay {
    fn default() -> Self {
        Self { machines: Table::new(HOMES), addresses: Table::new(HOMES) }
    }
}

impl Rule for NtlmRelay {
    const META: Meta = Meta {
        slug: "ntlm-relay",
        title: "NTLM logon relayed to another server",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1557.001"],
        external_id: Some(2037),
        actions: &[
            "Isolate the source host",
            "Look at what the account did on the target since",
            "Require signing for SMB and LDAP, and channel binding for LDAPS and web enrolment",
        ],
        source: include_str!("ntlm_relay.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        self.learn_homes(event);
        // A logon of nobody, which servers take as a guest, is worth nothing to a relay.
        let nobody = event.actor.as_ref().is_none_or(|actor| actor.name.trim().is_empty() && actor.sid.is_none());
        if context.mode == Mode::Learning || event.outcome.failed() || nobody {
            return;
        }
        let why = match &event.activity {
            Activity::NtlmLogon(logon) => {
                meant_for_another(logon, event, context).or_else(|| self.away_from_home(config, event))
            }
            Activity::Logon(logon) if logon.ntlm() => self.away_from_home(config, event),
            _ => None,
        };
        let Some((why, score)) = why else { return };
        let account = change::actor(event, context.snapshot);
        let source = event.source.as_ref().map(Host::label).unwrap_or_default();
        let target = event.target.as_ref().map(Host::label).unwrap_or_default();
        let story = format!("{source} passed a logon of {} on to {target}: {why}.", account.label);
        verdicts.raise(
            Verdict::of(event, format!("{}|{source}|{target}", account.key), story, "relayed logon")
                .against(target)
                .because("relayed", 1.0, 60.0, why)
                .score(score),
        );
    }

    fn entries(&self) -> usize {
        self.machines.len() + self.addresses.len()
    }
}

impl NtlmRelay {
    fn learn_homes(&mut self, event: &Event) {
        let Activity::AsExchange(exchange) = &event.activity else { return };
        let Some(address) = event.source.as_ref().and_then(|source| source.address) else { return };
        let account = exchange.cname.account();
        if !account.machine() || !event.outcome.succeeded() {
            return;
        }
        let (machine, address) = (short_name(&account.name), address.to_string());
        let row = (machine.clone(), event.time);
        self.machines.entry(&address, || row.clone()).clone_from(&row);
        let row = (address, event.time);
        self.addresses.entry(&machine, || row.clone()).clone_from(&row);
    }

    /// A machine account at the address of another machine, whose own address is known.
    fn away_from_home(&self, config: &Config, event: &Event) -> Option<(String, f64)> {
        let actor = event.actor.as_ref().filter(|actor| actor.machine())?;
        let address = event.source.as_ref()?.address.filter(|address| !address.is_loopback())?.to_string();
        let machine = short_name(&actor.name);
        let fresh = |time: Timestamp| {
            event.time.since(time).max(time.since(event.time)) <= Duration::from_secs(config.home_secs)
        };
        let (resident, _) = self.machines.get(&address).filter(|(name, time)| *name != machine && fresh(*time))?;
        let (home, _) = self.addresses.get(&machine).filter(|(home, time)| *home != address && fresh(*time))?;
        Some((format!("the address is {resident}'s, {machine} itself is at {home}"), 88.0))
    }
}

/// The response names another server than the one that was logged on to.
fn meant_for_another(logon: &NtlmLogon, event: &Event, context: &Context<'_>) -> Option<(String, f64)> {
    let spn = logon.target_name.as_deref()?;
    let meant = spn.split_once('/').map(|(_, host)| host)?;
    let meant = meant.split([':', '/']).next().filter(|host| !host.is_empty())?;
    let target = event.target.as_ref()?;
    let server = logon.server_name.as_deref().map(short_name).unwrap_or_default();
    let is = |host: &Host| {
        host.address.is_some_and(|address| address.to_string() == meant)
            || host.name.as_deref().is_some_and(|name| short_name(name) == short_name(meant))
    };
    if is(target) || server == short_name(meant) || meant.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let lookup = context.snapshot.lookup();
    let source = event.source.as_ref()?;
    if is(source) && !target.key().is_empty() {
        return Some((format!("its client meant {spn}, which is the source itself"), 95.0));
    }
    // An alias of the target is no other host: only a name that the directory gives to another computer counts.
    let other = lookup.account(&Account::named(&format!("{}$", short_name(meant))))?;
    let here = lookup.host(target)?;
    (meant.parse::<std::net::IpAddr>().is_err() && other != here).then(|| (format!("its client meant {spn}"), 85.0))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, host, ntlm};

    const SLUG: &str = "ntlm-relay";

    fn logon(secs: i64, account: &str, source: &str, target_name: Option<&str>) -> Event {
        let mut event = ntlm(secs, account, source, "dc1", Outcome::Success);
        event.provenance.digest ^= u64::try_from(target_name.map_or(0, str::len)).unwrap() << 9;
        if let Activity::NtlmLogon(logon) = &mut event.activity {
            logon.target_name = target_name.map(String::from);
        }
        event
    }

    #[test]
    fn a_response_that_was_meant_for_the_source_or_for_another_host_fires() {
        assert_eq!(alerts(SLUG, &[logon(0, "ann", "10.0.0.9", Some("cifs/10.0.0.9"))]).len(), 1);
        assert_eq!(alerts(SLUG, &[logon(0, "ann", "10.0.0.9", Some("cifs/srv1.lab.example"))]).len(), 1);
    }

    #[test]
    fn the_server_itself_an_unknown_alias_and_no_name_stay_silent() {
        let events = [
            logon(0, "ann", "ws1", Some("cifs/dc1.lab.example")),
            logon(1, "ann", "ws1", Some("ldap/DC1")),
            logon(2, "ann", "ws1", Some("http/intranet")),
            logon(3, "ann", "ws1", None),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_machine_account_at_another_machines_address_fires_within_hours() {
        let home = |secs, name, address| as_exchange(secs, name, address, Outcome::Success);
        let relayed = |secs| logon(secs, "SRV1$", "10.0.0.9", None);
        let homes = [home(0, "WS1$", "10.0.0.9"), home(1, "SRV1$", "10.0.0.5")];
        let run = |secs| alerts(SLUG, &[homes[0].clone(), homes[1].clone(), relayed(secs)]).len();
        assert_eq!(run(4 * 3600), 1);
        assert_eq!(run(4 * 3600 + 2), 0);
    }

    #[test]
    fn a_machine_at_home_and_one_whose_home_is_unknown_stay_silent() {
        let homes = [
            as_exchange(0, "WS1$", "10.0.0.9", Outcome::Success),
            logon(5, "WS1$", "10.0.0.9", None),
            logon(6, "SRV1$", "10.0.0.9", None),
        ];
        assert!(alerts(SLUG, &homes).is_empty());
        let refused = Event {
            outcome: Outcome::Failure(0xC000_006D),
            target: Some(host("dc1")),
            ..logon(0, "ann", "10.0.0.9", Some("cifs/10.0.0.9"))
        };
        assert!(alerts(SLUG, &[refused]).is_empty());
    }

    #[test]
    fn a_guest_is_not_worth_a_relay() {
        assert!(alerts(SLUG, &[logon(0, " ", "10.0.0.9", Some("cifs/10.0.0.9"))]).is_empty());
    }
}
