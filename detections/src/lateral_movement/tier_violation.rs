//! ## What it finds
//! A credential of Tier Zero left in the memory of a host of a lower tier.
//!
//! ## Why it matters
//! Whoever is administrator of the host takes the credential from its memory. One remote desktop session of a domain
//! administrator on a workstation joins all who administer workstations to the domain's crown.
//!
//! ## Evidence it needs
//! Events: 4624 on the host with a type that leaves credentials (interactive, batch, service, unlock, clear text, remote
//! desktop). The directory for Tier Zero, and for who can reach the host.
//!
//! ## How it decides
//! The account is of Tier Zero, is a person's or a service's, and the host is a computer that the directory knows and that
//! is not of Tier Zero. A pair that was seen while learning is a habit (its session edge is in the graph and in the
//! exposure of Tier Zero). A network logon leaves nothing behind and does not count.
//!
//! ## Blind spots
//! Hosts that send no events; Remote Credential Guard and restricted administration, which leave nothing and cannot be told
//! from the record.
//!
//! ## Likely benign causes
//! A break-glass logon; a jump host that is not marked as Tier Zero (mark it).
//!
//! ## What to do
//! Log the account off, restart the host, change the password; deny such logons by policy.
//!
//! ## References
//! T1078.002, T1003.001; events 4624, 4634; Microsoft's enterprise access model.

use hopwatch_graph::{Direction, Filter, Limits, NodeFlags, NodeId, Snapshot};
use hopwatch_ml::bounded::Table;
use hopwatch_model::{Activity, Event, Host, NodeKind, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};
use crate::number::as_f64;
use crate::route;

/// The most pairs of account and host that were reported.
const REPORTED: usize = 10_000;

/// Habits, and pairs that were reported: the search for who reaches the host is run once for each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TierViolation {
    habits: Habits,
    reported: Table<Timestamp>,
}

impl Default for TierViolation {
    fn default() -> Self {
        Self { habits: Habits::default(), reported: Table::new(REPORTED) }
    }
}

impl Rule for TierViolation {
    const META: Meta = Meta {
        slug: "tier-violation",
        title: "Tier Zero credential on a host of a lower tier",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1078.002", "T1003.001"],
        external_id: None,
        actions: &[
            "Log the account off and restart the host",
            "Change the account's password",
            "Deny logons of Tier Zero on lower tiers by policy",
        ],
        source: include_str!("tier_violation.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::Logon(logon) = &event.activity else { return };
        if !logon.logon_type.leaves_credentials() || logon.explicit || !event.outcome.succeeded() {
            return;
        }
        let snapshot = context.snapshot;
        let actor = change::actor(event, snapshot);
        let Some(account) = actor.node.filter(|node| crown(snapshot, *node)) else { return };
        let Some(host) = event.target.as_ref().and_then(|host| snapshot.lookup().host(host)) else { return };
        let flags = snapshot.flags(host);
        if snapshot.kind(host) != NodeKind::Computer || flags.has(NodeFlags::STUB) || flags.has(NodeFlags::TIER_ZERO) {
            return;
        }
        let pair = format!("{}|{}", actor.key, host.0);
        if self.habits.usual(config, &pair, event, context.mode, verdicts) {
            return;
        }
        let fresh = self.reported.get(&pair).is_none_or(|last| event.time.since(*last).as_secs() > 86_400);
        self.reported.entry(&pair, || event.time).clone_from(&event.time);
        if fresh {
            verdicts.raise(verdict(event, account, host, &pair, snapshot));
        }
    }

    fn entries(&self) -> usize {
        self.habits.entries() + self.reported.len()
    }
}

/// True for a user account of Tier Zero.
fn crown(snapshot: &Snapshot, node: NodeId) -> bool {
    snapshot.kind(node) == NodeKind::User && snapshot.flags(node).has(NodeFlags::TIER_ZERO)
}

fn verdict(event: &Event, account: NodeId, host: NodeId, pair: &str, snapshot: &Snapshot) -> Verdict {
    let (who, place) = (crate::directory::label(snapshot, account), crate::directory::label(snapshot, host));
    let reach = snapshot.reach(&[host], Direction::Inbound, &Filter::default(), &Limits::none()).ok();
    let able: Vec<NodeId> = reach
        .map(|reach| {
            let principal = |id: &NodeId| {
                *id != host && snapshot.flags(*id).principal() && !snapshot.flags(*id).has(NodeFlags::TIER_ZERO)
            };
            reach.nodes().filter(principal).collect()
        })
        .unwrap_or_default();
    // Those whose only way leads over this host are what the session opens.
    let opened = able.iter().filter(|id| route::distance(snapshot, **id).is_none()).count();
    let source = event.source.as_ref().map(Host::label).filter(|source| *source != place.to_lowercase());
    let whence = source.map(|source| format!(" from {source}")).unwrap_or_default();
    let story = format!(
        "{who}, of Tier Zero, logged on to {place}{whence}: {} accounts of lower tiers can take the host, and the credential from it.",
        able.len()
    );
    let text = format!("{} accounts reach the host, {opened} of them had no other way to Tier Zero", able.len());
    let severity = if able.is_empty() { Severity::Medium } else { Severity::High };
    Verdict::of(event, pair.to_owned(), story, "logon that leaves credentials")
        .against(format!("{place} ─HasSession→ {who}"))
        .because("accounts-that-reach-the-host", as_f64(able.len()), 50.0, text)
        .severity(severity)
        .score(if able.is_empty() { 65.0 } else { 80.0 })
}

#[cfg(test)]
mod tests {
    use hopwatch_model::event::{Logon, LogonType};
    use hopwatch_model::{EdgeKind, Outcome};

    use super::*;
    use crate::estate_testing::{live, with_edges};
    use crate::testing::{by, event, host};

    const SLUG: &str = "tier-violation";

    fn logon(secs: i64, account: &str, target: &str, logon_type: LogonType) -> Event {
        let logon = Logon { logon_type, package: "Kerberos".into(), ..Logon::default() };
        let made = by(event(secs, Activity::Logon(Box::new(logon))), account, "ws2", Outcome::Success);
        Event { target: Some(host(target)), ..made }
    }

    fn found(events: &[Event]) -> Vec<hopwatch_model::Alert> {
        let delta = with_edges(&[(1100, EdgeKind::AdminTo, 1002), (1100, EdgeKind::GenericAll, 1002)]);
        live(SLUG, &delta, &[], events, None)
    }

    #[test]
    fn an_administrators_desktop_on_a_workstation_fires_and_counts_who_can_take_it() {
        let alerts = found(&[logon(0, "admin", "ws1", LogonType::RemoteInteractive)]);
        assert_eq!((alerts.len(), alerts[0].severity), (1, Severity::High));
        assert!(alerts[0].explanation.contains("1 accounts of lower tiers"), "{}", alerts[0].explanation);
    }

    #[test]
    fn a_network_logon_an_ordinary_account_and_a_controller_stay_silent() {
        let events = [
            logon(0, "admin", "ws1", LogonType::Network),
            logon(1, "ann", "ws1", LogonType::RemoteInteractive),
            logon(2, "admin", "dc1", LogonType::RemoteInteractive),
            logon(3, "admin", "unknown-host", LogonType::Interactive),
        ];
        assert!(found(&events).is_empty());
    }

    #[test]
    fn a_failed_logon_stays_silent() {
        let failed =
            Event { outcome: Outcome::Failure(0xC000_006A), ..logon(0, "admin", "ws1", LogonType::Interactive) };
        assert!(found(&[failed]).is_empty());
    }

    #[test]
    fn a_habit_stays_silent_and_a_day_of_logons_is_one_alert() {
        let delta = with_edges(&[]);
        let history = [logon(-9000, "admin", "ws1", LogonType::Interactive)];
        assert!(live(SLUG, &delta, &history, &[logon(0, "admin", "ws1", LogonType::Interactive)], None).is_empty());
        let day: Vec<Event> = (0..5).map(|i| logon(i * 3600, "admin", "ws1", LogonType::Unlock)).collect();
        assert_eq!(found(&day).len(), 1);
    }
}
