//! ## What it finds
//! An account or host that is no domain controller asks a controller to replicate the directory's secrets (DCSync).
//!
//! ## Why it matters
//! Whoever may replicate gets every password hash of the domain, `krbtgt` among them, without touching a controller's
//! disk. It is the usual last step before a golden ticket.
//!
//! ## Evidence it needs
//! Wire: DRSUAPI `IDL_DRSGetNCChanges` (opnum 3), whose opnum is clear even where the stub is sealed. Events: 4662 with
//! *DS-Replication-Get-Changes-All* (`1131f6ad-…`), or *-Get-Changes-In-Filtered-Set* (`89e95b76-…`), as control access;
//! audit policy *Directory Service Access*, and an auditing entry for Everyone on the domain's head. The directory tells
//! which accounts and hosts are controllers.
//!
//! ## How it decides
//! On the wire: the caller's host is neither a controller of the directory nor was seen answering as a KDC. In 4662: the
//! subject is neither a controller's own account, nor a machine account that the directory does not know (a controller
//! promoted since it was collected; on the wire it must also come from its own host), nor on `replicators`, with a control-access mask (0x100) and one of the
//! two secret-bearing rights, or plain *Get-Changes* by an account that is no machine and no replicator of the directory.
//! Where a recording begins inside a connection, so that its bind was not seen: a sealed connection that calls opnums 12 or 16
//! and then 3 walks as replication tools do (crack the name, find the controller, get the changes); its verdict is medium.
//! No learning period, no count: the first call decides. `IDL_DRSBind` and `IDL_DRSCrackNames` alone stay silent.
//!
//! ## Blind spots
//! Replication from a compromised controller itself, by its own account; by a machine account made after the directory was
//! collected. A controller that neither the directory nor
//! traffic showed yet is taken for an intruder: load the directory first.
//!
//! ## Likely benign causes
//! Entra Connect and other synchronisation services (`replicators`), a controller just promoted, backup and migration
//! tools.
//!
//! ## What to do
//! Disable the account, isolate the source, find out how it got the rights, and reset `krbtgt` twice.
//!
//! ## References
//! T1003.006; Defender for Identity 2006; `[MS-DRSR] 4.1.10` `IDL_DRSGetNCChanges`; `[MS-ADTS] 5.1.3.2.1` control access rights.

use std::collections::BTreeSet;

use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{AuthLevel, DirectoryAccess, RpcCall, RpcTransport};
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Activity, Event, Guid, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// DRSUAPI (`[MS-DRSR] 1.9`).
const DRSUAPI: Guid = Guid::from_u128(0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2);
/// `IDL_DRSGetNCChanges` (`[MS-DRSR] 4.1.10`).
const GET_NC_CHANGES: u16 = 3;
/// DS-Replication-Get-Changes.
const GET_CHANGES: Guid = Guid::from_u128(0x1131_f6aa_9c07_11d1_f79f_00c0_4fc2_dcd2);
/// DS-Replication-Get-Changes-All.
const GET_CHANGES_ALL: Guid = Guid::from_u128(0x1131_f6ad_9c07_11d1_f79f_00c0_4fc2_dcd2);
/// DS-Replication-Get-Changes-In-Filtered-Set.
const GET_CHANGES_FILTERED: Guid = Guid::from_u128(0x89e9_5b76_444d_4c62_991a_0fac_beda_640c);
/// ADS_RIGHT_DS_CONTROL_ACCESS.
const CONTROL_ACCESS: u32 = 0x100;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Accounts that replicate by right: name prefixes, case does not matter. `MSOL_` is Entra Connect's own account.
    pub replicators: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        match sensitivity {
            Sensitivity::High | Sensitivity::Medium => Self { replicators: vec!["MSOL_".into()] },
            Sensitivity::Low => Self { replicators: Vec::new() },
        }
    }
}

/// The most connections without a bind that are followed.
const UNBOUND: usize = 10_000;
/// `IDL_DRSCrackNames` and `IDL_DRSDomainControllerInfo` (`[MS-DRSR] 4.1.4, 4.1.5`).
const PRELUDE: [u16; 2] = [12, 16];

/// Connections whose bind was not seen and that made a call of replication's prelude. With a bind the first call decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaliciousReplication {
    unbound: Table<BTreeSet<u16>>,
}

impl Default for MaliciousReplication {
    fn default() -> Self {
        Self { unbound: Table::new(UNBOUND) }
    }
}

impl Rule for MaliciousReplication {
    const META: Meta = Meta {
        slug: "malicious-replication",
        title: "Directory secrets replicated by a non-controller (DCSync)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1003.006"],
        external_id: Some(2006),
        actions: &[
            "Disable the account that replicated",
            "Isolate the source host and keep its memory",
            "Reset krbtgt twice, ten hours apart",
            "Remove the replication rights that the account does not need",
        ],
        source: include_str!("malicious_replication.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::RpcCall(call) if call.interface.is_none() && !call.bind_seen => {
                self.on_unbound(call, config, event, context, verdicts);
            }
            Activity::RpcCall(call) => on_call(call, config, event, context, verdicts),
            Activity::DirectoryAccess(access) => on_access(access, config, event, context, verdicts),
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.unbound.len()
    }
}

impl MaliciousReplication {
    /// A call on a connection that began before the recording: its interface is unknown, its walk may tell.
    fn on_unbound(
        &mut self,
        call: &RpcCall,
        config: &Config,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let sealed = call.transport == RpcTransport::Tcp && call.auth_level == AuthLevel::Privacy;
        let Some((source, port)) = event.source.as_ref().and_then(|host| Some((host, host.port?))).filter(|_| sealed)
        else {
            return;
        };
        let flow = format!("{}:{port}", source.address.map(|address| address.to_string()).unwrap_or_default());
        if PRELUDE.contains(&call.opnum) {
            self.unbound.entry(&flow, BTreeSet::new).insert(call.opnum);
            return;
        }
        let walked = call.opnum == GET_NC_CHANGES && self.unbound.remove(&flow).is_some_and(|calls| !calls.is_empty());
        let by_right = event.actor.as_ref().is_some_and(|actor| replicates_by_right(actor, config, context));
        if !walked || by_right || context.shared.controllers.contains(source, context.snapshot) {
            return;
        }
        let key = event.actor.as_ref().map_or_else(|| source.key(), Account::key);
        let verdict = verdict(event, key, source, "opnum 3 after 12 or 16, sealed, bind not seen");
        let text =
            "the recording begins inside the connection: the interface is judged by the order of its calls".into();
        verdicts.raise(verdict.because("walk", 1.0, 20.0, text).severity(Severity::Medium).score(65.0));
    }
}

fn on_call(call: &RpcCall, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    if call.interface != Some(DRSUAPI) || call.opnum != GET_NC_CHANGES {
        return;
    }
    let Some(source) = &event.source else { return };
    if context.shared.controllers.contains(source, context.snapshot) {
        verdicts.decline(event.time, source.label(), "the source is a domain controller");
        return;
    }
    if let Some(actor) = &event.actor {
        if replicates_by_right(actor, config, context) {
            verdicts.decline(event.time, source.label(), "the account replicates by right");
            return;
        }
        // A controller that was promoted after the directory was collected: its own account, on its own host, and no
        // computer that the directory knows as anything else.
        let own_host = source.key() == short_name(&actor.name);
        if actor.machine() && own_host && directory::account(context.snapshot, actor).is_none() {
            verdicts.decline(event.time, source.label(), "a machine account newer than the directory, on its own host");
            return;
        }
    }
    let note = "IDL_DRSGetNCChanges, opnum 3";
    // By the account where it is known, so that the event log's view of the same act joins.
    let key = event.actor.as_ref().map_or_else(|| source.key(), Account::key);
    verdicts.raise(verdict(event, key, source, note));
}

fn on_access(access: &DirectoryAccess, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    let asks = |right: Guid| access.properties.contains(&right);
    if access.access_mask & CONTROL_ACCESS == 0 {
        return;
    }
    let secrets = asks(GET_CHANGES_ALL) || asks(GET_CHANGES_FILTERED);
    if !secrets && !asks(GET_CHANGES) {
        return;
    }
    let Some(actor) = &event.actor else { return };
    let unknown_machine = actor.machine() && directory::account(context.snapshot, actor).is_none();
    if replicates_by_right(actor, config, context) || unknown_machine || (!secrets && actor.machine()) {
        verdicts.decline(event.time, actor.key(), "the account replicates by right");
        return;
    }
    let unknown = Host::default();
    let source = event.source.as_ref().unwrap_or(&unknown);
    let note = if secrets { "replication of secrets as control access" } else { "replication as control access" };
    verdicts.raise(verdict(event, actor.key(), source, note));
}

/// A controller's own account, the system itself, or one that the configuration names.
fn replicates_by_right(actor: &Account, config: &Config, context: &Context<'_>) -> bool {
    let named =
        |prefix: &String| actor.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if config.replicators.iter().any(named) {
        return true;
    }
    if actor.sid.as_ref().is_some_and(|sid| sid.to_string() == "S-1-5-18") {
        return true;
    }
    let controller = Host::reported(&actor.name);
    actor.machine() && context.shared.controllers.contains(&controller, context.snapshot)
}

fn verdict(event: &Event, key: String, source: &Host, note: &str) -> Verdict {
    let who = event.actor.as_ref().map_or_else(|| String::from("An unknown account"), |actor| actor.name.clone());
    let whom = event.target.as_ref().map_or_else(|| String::from("a controller"), Host::label);
    let whence = if source.key().is_empty() {
        String::from("and is no domain controller")
    } else {
        format!("from {}, which is no domain controller", source.label())
    };
    let story = format!("{who} asked {whom} to replicate the directory's secrets {whence}.");
    Verdict::of(event, key, story, note)
        .against("the directory's secrets")
        .because(
            "not-a-controller",
            1.0,
            60.0,
            "neither the directory nor traffic shows the source as a controller".into(),
        )
        .score(95.0)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::RpcArguments;

    use super::*;
    use crate::testing::{alerts, by, call, event};

    const SLUG: &str = "malicious-replication";

    fn replicate(secs: i64, actor: &str, source: &str) -> Event {
        call(secs, DRSUAPI, GET_NC_CHANGES, RpcArguments::None, actor, source)
    }

    fn access(rights: &[Guid], actor: &str) -> Event {
        let access = DirectoryAccess {
            access_mask: CONTROL_ACCESS,
            properties: rights.to_vec(),
            object: String::new(),
            class: String::new(),
            logon_id: None,
        };
        by(event(0, Activity::DirectoryAccess(Box::new(access))), actor, "", Outcome::Success)
    }

    #[test]
    fn a_workstation_that_replicates_fires_once_and_a_controller_does_not() {
        assert_eq!(alerts(SLUG, &[replicate(0, "ann", "ws1"), replicate(1, "ann", "ws1")]).len(), 1);
        assert!(alerts(SLUG, &[replicate(0, "DC1$", "dc1")]).is_empty());
    }

    #[test]
    fn bind_and_crack_names_alone_stay_silent() {
        for opnum in [0, 1, 12, 16] {
            assert!(alerts(SLUG, &[call(0, DRSUAPI, opnum, RpcArguments::None, "ann", "ws1")]).is_empty());
        }
    }

    #[test]
    fn the_right_to_all_changes_used_by_a_user_fires_and_by_controllers_and_connect_does_not() {
        assert_eq!(alerts(SLUG, &[access(&[GET_CHANGES_ALL], "ann")]).len(), 1);
        for actor in ["DC1$", "MSOL_0123456789ab", "DC7$"] {
            assert!(alerts(SLUG, &[access(&[GET_CHANGES_ALL], actor)]).is_empty(), "{actor}");
        }
    }

    #[test]
    fn a_connection_without_its_bind_is_judged_by_the_order_of_its_sealed_calls() {
        let unbound = |secs: i64, opnum: u16, sealed: bool| {
            let mut event = replicate(secs, "", "10.0.0.9");
            if let Activity::RpcCall(call) = &mut event.activity {
                (call.interface, call.bind_seen, call.opnum) = (None, false, opnum);
                call.auth_level = if sealed { AuthLevel::Privacy } else { AuthLevel::None };
            }
            event.source.as_mut().unwrap().port = Some(50_000);
            event.provenance.digest ^= u64::from(opnum) << 7;
            event
        };
        let walk = |sealed| [unbound(0, 16, sealed), unbound(1, 12, sealed), unbound(2, 3, sealed)];
        assert_eq!(alerts(SLUG, &walk(true))[0].severity, Severity::Medium);
        assert!(alerts(SLUG, &walk(false)).is_empty());
        assert!(alerts(SLUG, &[unbound(0, 3, true)]).is_empty(), "without the prelude");
    }
}
