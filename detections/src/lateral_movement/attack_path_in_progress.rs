//! ## What it finds
//! Steps that follow a possible way of the graph to Tier Zero: a right used over another account, then that account used.
//!
//! ## Why it matters
//! The graph tells where an intruder can go; this tells that somebody goes there, and how far they have come.
//!
//! ## Evidence it needs
//! A directory for the graph. Changes made with a right: passwords reset, members added, keys, service names, delegation
//! or access control written (4724, 5136, group changes, Samba's log, LDAP writes). Authentications of the account that was
//! taken (4624, 4776, wire).
//!
//! ## How it decides
//! A step is a change by an account outside Tier Zero, of an object over which it, or a group of which it is a member,
//! holds a right that takes it over, and from which Tier Zero is nearer than from the actor. One step is a help desk's work.
//! A second step within `window_secs` fires: the object's own account authenticates from the host of the first step, where
//! it was not seen before, or it, or the same actor, takes a further step that leads nearer still.
//!
//! ## Blind spots
//! Steps that change nothing in the directory (sessions, local administrators: see lateral-movement-path); a second step
//! from another host by authentication alone.
//!
//! ## Likely benign causes
//! A help desk that resets a password and tries it on its own workstation.
//!
//! ## What to do
//! Stop here: disable the account that was taken, isolate the host, take the right away that comes next on the way.
//!
//! ## References
//! T1098, T1078; graph: distances to Tier Zero.

use std::collections::BTreeMap;
use std::time::Duration;

use hopwatch_graph::{Direction, Filter, KindMask, Limits, NodeFlags, NodeId, Snapshot};
use hopwatch_ml::bounded::Table;
use hopwatch_model::event::{AccountChangeKind, NtlmVersion};
use hopwatch_model::{Activity, EdgeKind, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::posture::findings::scan::takes_over;
use crate::route;

/// The most accounts watched as taken.
const TAKEN: usize = 5_000;
/// Attributes that are written to take an account or group over.
const ATTRIBUTES: [&str; 9] = [
    "member",
    "unicodePwd",
    "clearTextPassword",
    "userPassword",
    "msDS-KeyCredentialLink",
    "servicePrincipalName",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "altSecurityIdentities",
    "nTSecurityDescriptor",
];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// How long after a step the next one counts, in seconds.
    pub window_secs: u64,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let hours = match sensitivity {
            Sensitivity::High => 8,
            Sensitivity::Medium => 24,
            Sensitivity::Low => 72,
        };
        Self { window_secs: hours * 3600 }
    }
}

/// A step that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    actor: String,
    actor_node: NodeId,
    object: String,
    kind: String,
    host: String,
    time: Timestamp,
    /// The distances from the actor and from the object; the actor may have had no way but by a change since.
    before: Option<u32>,
    after: u32,
    evidence: Evidence,
}

/// Steps by the node that was taken, and the latest by actor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttackPathInProgress {
    taken: Table<Step>,
    by_actor: Table<Step>,
    reported: Table<Timestamp>,
}

impl Default for AttackPathInProgress {
    fn default() -> Self {
        Self { taken: Table::new(TAKEN), by_actor: Table::new(TAKEN), reported: Table::new(TAKEN) }
    }
}

impl Rule for AttackPathInProgress {
    const META: Meta = Meta {
        slug: "attack-path-in-progress",
        title: "Steps along a way to Tier Zero",
        phase: Phase::LateralMovement,
        severity: Severity::High,
        techniques: &["T1098", "T1078"],
        external_id: None,
        actions: &[
            "Disable the account that was taken over",
            "Isolate the host from which the steps were taken",
            "Take away the right that is the next hop of the way",
        ],
        source: include_str!("attack_path_in_progress.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if context.mode == Mode::Learning {
            return;
        }
        if authenticates(event) {
            self.on_use(config, event, context, verdicts);
        } else if let Some((step, object)) = step(event, context.snapshot) {
            self.on_step(config, event, &step, object, context, verdicts);
        }
    }

    fn entries(&self) -> usize {
        self.taken.len() + self.by_actor.len() + self.reported.len()
    }
}

impl AttackPathInProgress {
    /// The account that was taken is used from the host of the one who took it.
    fn on_use(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if self.taken.is_empty() {
            return;
        }
        let Some(host) = event.source.as_ref().map(Host::key).filter(|key| !key.is_empty()) else { return };
        let Some(node) = change::actor(event, context.snapshot).node else { return };
        let Some(step) = self.taken.get(&node.0.to_string()) else { return };
        let recent = event.time >= step.time && event.time.since(step.time) <= Duration::from_secs(config.window_secs);
        if step.host != host || !recent {
            return;
        }
        let known = event.actor.as_ref().and_then(|actor| context.shared.baseline.account(actor));
        if known.is_some_and(|known| {
            known.hosts.get(&host).is_some_and(|proofs| proofs.values().any(|seen| seen.first < step.time))
        }) {
            verdicts.decline(event.time, step.object.clone(), "the account was used from the host before");
            return;
        }
        let key = format!("{}|{}", step.actor, step.object);
        let first = self.reported.get(&key).is_none_or(|last| event.time.since(*last) > Duration::from_secs(600));
        if first {
            let step = step.clone();
            self.reported.entry(&key, || event.time).clone_from(&event.time);
            let now = format!("{} is used from {host}", step.object);
            verdicts.raise(verdict(event, &key, &step, node, &now, context.snapshot));
        }
    }

    fn on_step(
        &mut self,
        config: &Config,
        event: &Event,
        step: &Step,
        object: NodeId,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        let window = Duration::from_secs(config.window_secs);
        let actor = step.actor_node.0.to_string();
        let earlier = self.taken.get(&actor).or_else(|| self.by_actor.get(&actor)).filter(|earlier| {
            step.time >= earlier.time && step.time.since(earlier.time) <= window && step.after < earlier.after
        });
        match earlier.cloned() {
            Some(earlier) => {
                let key = format!("{}|{}", earlier.actor, earlier.object);
                let now = format!("{} used {} over {}", step.actor, step.kind, step.object);
                verdicts.raise(verdict(event, &key, &earlier, object, &now, context.snapshot));
            }
            None => {
                verdicts.decline(event.time, step.object.clone(), "one step along a way to Tier Zero, no second yet")
            }
        }
        self.by_actor.entry(&actor, || step.clone()).clone_from(step);
        self.taken.entry(&object.0.to_string(), || step.clone()).clone_from(step);
    }
}

/// True for a successful authentication.
fn authenticates(event: &Event) -> bool {
    event.outcome.succeeded()
        && match &event.activity {
            Activity::AsExchange(_) | Activity::LdapBind(_) | Activity::TicketUse(_) => true,
            Activity::Logon(logon) => !logon.explicit,
            Activity::NtlmLogon(logon) => logon.version != NtlmVersion::Anonymous,
            _ => false,
        }
}

/// The step that an event shows, and the node that was taken by it.
fn step(event: &Event, snapshot: &Snapshot) -> Option<(Step, NodeId)> {
    let object = object(event, snapshot)?;
    let actor = change::actor(event, snapshot);
    let node = actor.node.filter(|node| *node != object)?;
    if snapshot.flags(node).has(NodeFlags::TIER_ZERO) || snapshot.flags(object).has(NodeFlags::STUB) {
        return None;
    }
    let kind = right(snapshot, node, object)?;
    let after = route::distance(snapshot, object)?;
    let before = route::distance(snapshot, node);
    if before.is_some_and(|before| before <= after) {
        return None;
    }
    let label = crate::directory::label(snapshot, object);
    let step = Step {
        actor: actor.label,
        actor_node: node,
        object: label,
        kind: kind.name().into(),
        host: event.source.as_ref().map(Host::key).unwrap_or_default(),
        time: event.time,
        before,
        after,
        evidence: evidence(event, &format!("{} used", kind.name())),
    };
    Some((step, object))
}

/// The object that a change takes over.
fn object(event: &Event, snapshot: &Snapshot) -> Option<NodeId> {
    if event.outcome.failed() {
        return None;
    }
    match &event.activity {
        Activity::GroupChange(group) if group.added => crate::directory::account(snapshot, &group.group),
        Activity::AccountChange(account) if account.kind == AccountChangeKind::PasswordReset => {
            crate::directory::account(snapshot, &account.account)
        }
        Activity::DirectoryChange(_) => {
            change::written(event, snapshot, &ATTRIBUTES).into_iter().find_map(|written| written.object.node)
        }
        _ => None,
    }
}

/// The right by which an account, itself or through its groups, takes an object over.
fn right(snapshot: &Snapshot, actor: NodeId, object: NodeId) -> Option<EdgeKind> {
    let rights: BTreeMap<NodeId, EdgeKind> =
        snapshot.incoming(object).filter(|hop| takes_over(hop.kind)).map(|hop| (hop.source, hop.kind)).collect();
    if rights.is_empty() {
        return None;
    }
    if let Some(kind) = rights.get(&actor) {
        return Some(*kind);
    }
    let filter = Filter::of_kinds(KindMask::NONE.with(EdgeKind::MemberOf));
    let groups = snapshot.reach(&[actor], Direction::Outbound, &filter, &Limits::none()).ok()?;
    groups.nodes().find_map(|group| rights.get(&group).copied())
}

fn verdict(event: &Event, key: &str, step: &Step, at: NodeId, now: &str, snapshot: &Snapshot) -> Verdict {
    let left = route::distance(snapshot, at);
    let way = route::to_tier_zero(snapshot, at).filter(|path| !path.hops.is_empty());
    let next = way.as_ref().map(|path| format!(" What is left: {}.", route::shown(snapshot, path))).unwrap_or_default();
    let story = format!("{} used {} over {}, and now {now}.{next}", step.actor, step.kind, step.object);
    let from = step.before.map_or_else(|| "no way".to_owned(), |before| format!("cost {before}"));
    let to = left.map_or_else(|| "inside".to_owned(), |left| format!("cost {left}"));
    let text = format!("to Tier Zero: {from} from {}, {to} from here", step.actor);
    let distance = f64::from(left.unwrap_or(0));
    Verdict::of(event, key.to_lowercase(), story, now)
        .against(step.object.clone())
        .because("nearer", distance, 60.0, text)
        .score(85.0)
        .with_evidence([step.evidence.clone()])
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{GroupChange, ValueOperation};
    use hopwatch_model::{Account, Outcome};

    use super::*;
    use crate::estate_testing::{live, with_edges};
    use crate::testing::{DOMAIN, account_change, by, event, ntlm};

    const SLUG: &str = "attack-path-in-progress";

    /// ann ─ForceChangePassword→ bob ─GenericAll→ Domain Admins.
    fn way() -> hopwatch_model::DirectoryDelta {
        with_edges(&[(1100, EdgeKind::ForceChangePassword, 1101), (1101, EdgeKind::GenericAll, 512)])
    }

    fn reset(secs: i64, actor: &str, account: &str) -> Event {
        account_change(secs, AccountChangeKind::PasswordReset, account, &[], actor)
    }

    fn logon(secs: i64, account: &str, source: &str) -> Event {
        ntlm(secs, account, source, "dc1", Outcome::Success)
    }

    #[test]
    fn a_reset_and_the_use_of_the_account_from_the_same_host_fire_with_what_is_left() {
        let found = live(SLUG, &way(), &[], &[reset(0, "ann", "bob"), logon(8 * 3600, "bob", "ws1")], None);
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("bob ─GenericAll→ Domain Admins"), "{}", found[0].explanation);
        assert_eq!(found[0].events, 2);
    }

    #[test]
    fn a_reset_alone_a_late_use_and_a_use_elsewhere_stay_silent() {
        assert!(live(SLUG, &way(), &[], &[reset(0, "ann", "bob")], None).is_empty());
        assert!(live(SLUG, &way(), &[], &[reset(0, "ann", "bob"), logon(8 * 3600 + 1, "bob", "ws1")], None).is_empty());
        assert!(live(SLUG, &way(), &[], &[reset(0, "ann", "bob"), logon(60, "bob", "ws2")], None).is_empty());
    }

    #[test]
    fn an_account_that_leads_nowhere_and_an_administrators_help_stay_silent() {
        let nowhere = with_edges(&[(1100, EdgeKind::ForceChangePassword, 1101)]);
        assert!(live(SLUG, &nowhere, &[], &[reset(0, "ann", "bob"), logon(60, "bob", "ws1")], None).is_empty());
        assert!(live(SLUG, &way(), &[], &[reset(0, "admin", "bob"), logon(60, "bob", "ws1")], None).is_empty());
    }

    #[test]
    fn the_taken_account_that_goes_on_fires_from_any_host() {
        let group = Account { sid: format!("{DOMAIN}-512").parse().ok(), ..Account::default() };
        let change = GroupChange { group, member: Account::named("ann"), added: true };
        let join = by(event(900, Activity::GroupChange(Box::new(change))), "bob", "ws2", Outcome::Success);
        assert_eq!(live(SLUG, &way(), &[], &[reset(0, "ann", "bob"), join], None).len(), 1);
    }

    #[test]
    fn a_key_written_by_ldap_is_a_step_too_and_learning_takes_none() {
        let write = crate::testing::change(
            0,
            "CN=BOB,CN=USERS,DC=LAB,DC=EXAMPLE",
            "msDS-KeyCredentialLink",
            ValueOperation::Add,
            &["B:1"],
            "ann",
        );
        assert_eq!(live(SLUG, &way(), &[], &[write.clone(), logon(60, "bob", "ws1")], None).len(), 1);
        assert!(live(SLUG, &way(), &[write], &[logon(60, "bob", "ws1")], None).is_empty());
    }

    #[test]
    fn a_host_that_the_account_uses_anyway_stays_silent() {
        let history = [logon(-9000, "bob", "ws1")];
        assert!(live(SLUG, &way(), &history, &[reset(0, "ann", "bob"), logon(60, "bob", "ws1")], None).is_empty());
    }
}
