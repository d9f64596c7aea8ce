//! ## What it finds
//! A change of the directory that opens a way to Tier Zero for accounts that had none.
//!
//! ## Why it matters
//! Attackers, and administrators in a hurry, make ways by small changes: a nested group, an access control entry, a
//! delegation. Each looks harmless alone; what it opens shows only in the whole graph.
//!
//! ## Evidence it needs
//! A directory (LDAP sync or a collection) for the graph, and the changes: group changes, 5136, account records, Samba's
//! log, LDAP writes. Access control entries reach the graph with the next directory sync; the change that was seen
//! before then tells who made them.
//!
//! ## How it decides
//! After a change of membership, access control, delegation, SID history, primary group or policy link, the edges at the
//! changed object that are not older than the change are the candidates. The enabled accounts that reach Tier Zero with
//! them and not without them are newly exposed. At least `accounts` of them fire: high where the actor is outside Tier Zero
//! or unknown, medium where an administrator did it. Changes while learning are not judged.
//!
//! ## Blind spots
//! Rights that come from local groups; a change that no source reported; sessions (see tier-violation). At most 256
//! changes wait for their edges, for at most `wait_secs`.
//!
//! ## Likely benign causes
//! A new administrator.
//!
//! ## What to do
//! Ask the actor; take the edge back; where it is meant, treat the newly exposed accounts as Tier Zero.
//!
//! ## References
//! T1098, T1484; graph: what-if and exposure.

use std::collections::BTreeSet;
use std::time::Duration;

use hopwatch_graph::{EdgeKey, Filter, Hop, KindMask, Limits, NodeId, Reason, Snapshot, WhatIf};
use hopwatch_model::event::ValueOperation;
use hopwatch_model::{Account, Activity, Event, Evidence, Host, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::{self, Standing};
use crate::frame::{Context, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use crate::route;

/// The most changes that wait for their edges.
const PENDING: usize = 256;
/// The most new edges of one object that are judged together.
const EDGES: usize = 64;
/// The most changes judged in one tick: each costs two searches of the graph.
const PER_TICK: usize = 16;
/// The most newly exposed accounts that are named.
const NAMED: usize = 5;
/// Attributes whose change can open a way, beside `member`.
const ATTRIBUTES: [&str; 9] = [
    "member",
    "nTSecurityDescriptor",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "msDS-AllowedToDelegateTo",
    "sIDHistory",
    "primaryGroupID",
    "gPLink",
    "msDS-GroupMSAMembership",
    "userAccountControl",
];

/// How soon after a change the edges that it made itself are dated.
const MADE: Duration = Duration::from_secs(60);

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The fewest newly exposed accounts.
    pub accounts: usize,
    /// How long a change waits for its edges to appear in the graph, in seconds.
    pub wait_secs: u64,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { accounts: 1, wait_secs: 7 * 86_400 }
    }
}

/// A change that waits for the snapshot in which its edges are.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pending {
    object: NodeId,
    label: String,
    what: String,
    time: Timestamp,
    actor: Option<Account>,
    source: Option<Host>,
    target: Option<Host>,
    who: String,
    ordinary: bool,
    evidence: Evidence,
    /// The snapshot in which it was looked for last.
    looked: Option<Timestamp>,
}

/// Changes that wait.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExposureIncrease {
    pending: Vec<Pending>,
}

impl Rule for ExposureIncrease {
    const META: Meta = Meta {
        slug: "exposure-increase",
        title: "A change opened a way to Tier Zero",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1098", "T1484"],
        external_id: None,
        actions: &[
            "Ask the actor whether the way was meant to be opened",
            "Take the edge back",
            "Where it is meant, protect the newly exposed accounts as Tier Zero",
        ],
        source: include_str!("exposure_increase.rs"),
    };

    type Config = Config;

    fn observe(&mut self, _: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        if context.mode == Mode::Learning {
            return;
        }
        let Some((object, what)) = changed(event, context.snapshot) else { return };
        if self.pending.iter().any(|known| known.object == object && known.what == what && known.time <= event.time) {
            // The wait for the first change of a kind covers the edges of the later ones.
            return;
        }
        if self.pending.len() >= PENDING {
            verdicts.decline(event.time, "changes", "too many changes wait for their edges");
            self.pending.remove(0);
        }
        self.pending.push(Pending {
            object,
            label: crate::directory::label(context.snapshot, object),
            what,
            time: event.time,
            actor: event.actor.clone(),
            source: event.source.clone(),
            target: event.target.clone(),
            who: change::who(event, context.snapshot),
            ordinary: change::standing(event, context.snapshot) != Standing::Administrator,
            evidence: evidence(event, "the change"),
            looked: None,
        });
    }

    fn tick(&mut self, config: &Config, now: Timestamp, context: &Context<'_>, verdicts: &mut Verdicts) {
        let latest = context.snapshot.latest();
        let mut budget = PER_TICK;
        let wait = Duration::from_secs(config.wait_secs);
        self.pending.retain_mut(|pending| {
            if now.since(pending.time) > wait {
                return false;
            }
            if pending.looked == latest || latest.is_none_or(|latest| latest < pending.time) || budget == 0 {
                return true;
            }
            pending.looked = latest;
            let fresh = fresh_edges(pending, context.snapshot);
            if fresh.is_empty() {
                return true;
            }
            budget -= 1;
            judge(config, pending, &fresh, context, verdicts);
            false
        });
    }

    fn entries(&self) -> usize {
        self.pending.len()
    }
}

/// The object whose edges an event may change, and what was changed.
fn changed(event: &Event, snapshot: &Snapshot) -> Option<(NodeId, String)> {
    if event.outcome.failed() {
        return None;
    }
    if let Activity::GroupChange(group) = &event.activity {
        let node = crate::directory::account(snapshot, &group.group).filter(|_| group.added)?;
        return Some((node, "member".into()));
    }
    if let Activity::DirectoryChange(moved) = &event.activity
        && moved.operation == ValueOperation::Move
    {
        return change::object(snapshot, &moved.object, moved.guid).node.map(|node| (node, "place".into()));
    }
    let written = change::written(event, snapshot, &ATTRIBUTES);
    // An attribute that is secret or binary may bring no values along: that it was written is enough.
    written.into_iter().find_map(|written| Some((written.object.node?, written.attribute.to_owned())))
}

/// The edges at the object that are not older than the change.
fn fresh_edges(pending: &Pending, snapshot: &Snapshot) -> Vec<Hop> {
    let since = Timestamp::from_secs(pending.time.as_secs());
    let traversable = KindMask::traversable();
    let fresh =
        |hop: &Hop| traversable.contains(hop.kind) && snapshot.seen(hop).is_some_and(|(first, _)| first >= since);
    let at = pending.object;
    let mut hops: Vec<Hop> = snapshot.incoming(at).chain(snapshot.outgoing(at)).filter(fresh).take(EDGES).collect();
    // A session is an observation of use, not a change of the object.
    hops.retain(|hop| hop.kind != hopwatch_model::EdgeKind::HasSession);
    // A directory that was collected after the change dates all its edges after it: what was there before cannot be told
    // from what is new, except for the edges that the change itself made.
    let older = |hop: Hop| snapshot.seen(&hop).is_some_and(|(first, _)| first < since);
    if !snapshot.incoming(at).chain(snapshot.outgoing(at)).any(older) {
        let made = pending.time + MADE;
        hops.retain(|hop| snapshot.seen(hop).is_some_and(|(first, _)| first <= made));
    }
    hops
}

fn judge(config: &Config, pending: &Pending, fresh: &[Hop], context: &Context<'_>, verdicts: &mut Verdicts) {
    let Some(found) = newly_exposed(fresh, context.snapshot) else { return };
    if found.newly_exposed.len() < config.accounts {
        verdicts.decline(
            pending.time,
            pending.label.clone(),
            "the change exposes no account that was not exposed before",
        );
        return;
    }
    let names: Vec<String> =
        found.newly_exposed.iter().take(NAMED).map(|id| crate::directory::label(context.snapshot, *id)).collect();
    let count = usize::try_from(found.after.principals.saturating_sub(found.before.principals)).unwrap_or(0);
    let count = count.max(found.newly_exposed.len());
    let more = count.saturating_sub(names.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let way = found
        .newly_exposed
        .iter()
        .find_map(|id| route::to_tier_zero(context.snapshot, *id).filter(|path| !path.hops.is_empty()));
    // Whoever entered Tier Zero itself by the change has no way to go: the new edge is the way.
    let way = way.map(|path| route::shown(context.snapshot, &path));
    let way = way.or_else(|| fresh.first().map(|hop| hop_text(hop, context.snapshot)));
    let way = way.map(|way| format!(": {way}")).unwrap_or_default();
    let story = format!(
        "{} changed {} of {}, which opens a way to Tier Zero for {}{rest}{way}.",
        pending.who,
        pending.what,
        pending.label,
        names.join(", ")
    );
    let (before, after) = (found.before.ratio() * 100.0, found.after.ratio() * 100.0);
    let text = format!("{count} accounts newly exposed: {before:.2} % of all before, {after:.2} % after");
    let edges: Vec<String> = fresh.iter().take(NAMED).map(|hop| hop_text(hop, context.snapshot)).collect();
    verdicts.raise(
        Verdict {
            key: format!("{}|{}", pending.label.to_lowercase(), pending.what.to_lowercase()),
            severity: Some(if pending.ordinary { Severity::High } else { Severity::Medium }),
            actor: pending.actor.clone(),
            source: pending.source.clone(),
            target_host: pending.target.clone(),
            target: Some(edges.join("; ")),
            explanation: story,
            reasons: Vec::new(),
            score: if pending.ordinary { 85.0 } else { 70.0 },
            evidence: vec![pending.evidence.clone()],
        }
        .because("newly-exposed", as_f64(count), 60.0, text),
    );
}

fn hop_text(hop: &Hop, snapshot: &Snapshot) -> String {
    let label = |node| crate::directory::label(snapshot, node);
    format!("{} ─{}→ {}", label(hop.source), hop.kind.name(), label(hop.target))
}

/// What the new edges do. Who belongs to Tier Zero only through them is not counted as its target, else their own way in
/// would not show.
fn newly_exposed(fresh: &[Hop], snapshot: &Snapshot) -> Option<WhatIf> {
    let edges: BTreeSet<(NodeId, NodeId)> = fresh.iter().map(|hop| (hop.source, hop.target)).collect();
    let zone: Vec<NodeId> = snapshot.tier_zero().into_iter().filter(|id| !admitted_by(&edges, *id, snapshot)).collect();
    // Most changes lead nowhere near: one look at the kept distances spares two searches.
    let near = |hop: &Hop| route::distance(snapshot, hop.target).is_some();
    if zone.is_empty() || !fresh.iter().any(near) {
        return None;
    }
    let keys = fresh.iter().map(|hop| EdgeKey { source: hop.source, kind: hop.kind, target: hop.target });
    let before = Filter { without_edges: keys.collect(), ..Filter::default() };
    let limits = Limits { max_nodes: 1000, ..Limits::none() };
    snapshot.what_if(&zone, &before, &Filter::default(), &limits).ok()
}

/// True where a member of Tier Zero belongs to it through one of the edges.
fn admitted_by(edges: &BTreeSet<(NodeId, NodeId)>, id: NodeId, snapshot: &Snapshot) -> bool {
    let reasons = snapshot.tier_zero_reasons();
    let mut at = id;
    // Chains of reasons are as deep as groups nest.
    for _ in 0..64 {
        let Some(Reason::MemberOf(next) | Reason::Contains(next) | Reason::AppliesTo(next)) = reasons.get(&at) else {
            return false;
        };
        if edges.contains(&(at, *next)) {
            return true;
        }
        at = *next;
    }
    false
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::GroupChange;
    use hopwatch_model::{DirectoryDelta, EdgeKind, Outcome};

    use super::*;
    use crate::estate_testing::{live, with_edges};
    use crate::testing::{DOMAIN, MORNING, by, change, event};

    const SLUG: &str = "exposure-increase";

    fn add(secs: i64, member: &str, group: u32, actor: &str) -> Event {
        let group = Account { sid: format!("{DOMAIN}-{group}").parse().ok(), ..Account::default() };
        let change = GroupChange { group, member: Account::named(member), added: true };
        by(event(secs, Activity::GroupChange(Box::new(change))), actor, "ws1", Outcome::Success)
    }

    #[test]
    fn a_member_added_to_domain_admins_is_newly_exposed() {
        let found = live(SLUG, &with_edges(&[]), &[], &[add(0, "bob", 512, "ann")], None);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
        assert!(found[0].explanation.contains("for bob: bob ─MemberOf→ Domain Admins"), "{}", found[0].explanation);
        assert_eq!(
            live(SLUG, &with_edges(&[]), &[], &[add(0, "bob", 512, "admin")], None)[0].severity,
            Severity::Medium
        );
    }

    #[test]
    fn a_group_that_leads_nowhere_stays_silent() {
        assert!(live(SLUG, &with_edges(&[]), &[], &[add(0, "bob", 513, "ann")], None).is_empty());
    }

    #[test]
    fn whoever_had_a_way_already_is_not_newly_exposed() {
        let delta = with_edges(&[(1101, EdgeKind::GenericAll, 512)]);
        assert!(live(SLUG, &delta, &[], &[add(0, "bob", 512, "ann")], None).is_empty());
    }

    #[test]
    fn whoever_controls_the_new_member_is_exposed_with_it() {
        let delta = with_edges(&[(1100, EdgeKind::GenericAll, 1101)]);
        let found = live(SLUG, &delta, &[], &[add(0, "bob", 512, "admin")], None);
        assert!(found[0].explanation.contains("for ann, bob"), "{}", found[0].explanation);
    }

    #[test]
    fn an_entry_is_judged_when_the_next_sync_brings_it_and_named_by_who_wrote_it() {
        let write = change(0, "DC=lab,DC=example", "nTSecurityDescriptor", ValueOperation::Replace, &["AQA="], "ann");
        let edge = with_edges(&[(1101, EdgeKind::GenericAll, 0)]).edges.pop().unwrap();
        let later = DirectoryDelta {
            time: Timestamp::from_secs(MORNING + 3600),
            source: "sync".into(),
            edges: vec![edge],
            ..DirectoryDelta::default()
        };
        let found = live(SLUG, &with_edges(&[]), &[], std::slice::from_ref(&write), Some(&later));
        assert!(
            found[0].explanation.starts_with("ann from ws1 changed nTSecurityDescriptor"),
            "{}",
            found[0].explanation
        );
        assert!(live(SLUG, &with_edges(&[]), &[write], &[], Some(&later)).is_empty(), "a change while learning");
    }

    #[test]
    fn a_refused_change_and_a_repeated_one_add_nothing() {
        let refused = Event { outcome: Outcome::Failure(50), ..add(0, "bob", 512, "ann") };
        assert!(live(SLUG, &with_edges(&[]), &[], &[refused], None).is_empty());
        let twice = [add(0, "bob", 512, "ann"), add(1, "bob", 512, "ann")];
        assert_eq!(live(SLUG, &with_edges(&[]), &[], &twice, None).len(), 1);
    }

    #[test]
    fn a_directory_collected_after_the_change_makes_nothing_new_but_what_the_change_made() {
        let mut delta = with_edges(&[(1100, EdgeKind::GenericAll, 512), (1100, EdgeKind::WriteDacl, 0)]);
        delta.time = Timestamp::from_secs(MORNING + 7200);
        let found = live(SLUG, &delta, &[], &[add(0, "bob", 512, "admin")], None);
        assert!(found.iter().all(|alert| alert.explanation.contains("for bob")), "{found:?}");
        let write = change(0, "DC=lab,DC=example", "nTSecurityDescriptor", ValueOperation::Replace, &["AQA="], "ann");
        assert!(live(SLUG, &delta, &[], &[write], None).is_empty());
    }
}
