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

use hopwatch_model::event::{DirectoryAccess, RpcCall};
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

/// No state: the first call decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MaliciousReplication {}

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
            Activity::RpcCall(call) => on_call(call, config, event, context, verdicts),
            Activity::DirectoryAccess(access) => on_access(access, config, event, context, verdicts),
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        0
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
        .because(
            "not-a-controller",
            1.0,
            60.0,
            "neither the directory nor traffic shows the source as a controller".into(),
        )
        .score(95.0)
}
