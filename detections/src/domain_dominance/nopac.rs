//! ## What it finds
//! A computer account renamed to pass for a controller (*noPac*, sAMAccountName spoofing).
//!
//! ## Why it matters
//! A ticket asked for under the controller's name without `$` becomes one of the controller itself, once the name is
//! free again: any user becomes domain administrator.
//!
//! ## Evidence it needs
//! Events: 4781; 5136 of `sAMAccountName`; 4768. Wire: LDAP modify of `sAMAccountName`, AS exchanges. Samba: `dsdbChange`.
//!
//! ## How it decides
//! (a) A `sAMAccountName` is set to the name of a controller without its `$`, tried or done; (b) a computer account gets a
//! name without `$`; (c) a ticket is asked for by the name of a controller without `$`, where no user bears it.
//!
//! ## Blind spots
//! None known for the published tools.
//!
//! ## Likely benign causes
//! None: computers are renamed to names that end in `$`.
//!
//! ## What to do
//! Patch (KB5008380, KB5008602); set the machine account quota to 0; look for tickets of the controller used elsewhere.
//!
//! ## References
//! T1068, T1134.001; Defender for Identity 2419; CVE-2021-42278, CVE-2021-42287.

use hopwatch_graph::NodeFlags;
use hopwatch_model::event::{AccountChangeKind, ValueOperation};
use hopwatch_model::{Account, Activity, Event, Host, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// Thresholds: none, the first act decides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self {}
    }
}

/// No state: the first act decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Nopac {}

impl Rule for Nopac {
    const META: Meta = Meta {
        slug: "nopac",
        title: "A computer account renamed to pass for a controller (noPac)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1068", "T1134.001"],
        external_id: Some(2419),
        actions: &[
            "Check that every controller has KB5008380 and KB5008602",
            "Delete the computer account and set ms-DS-MachineAccountQuota to 0",
            "Look for tickets of the controller that were used from elsewhere",
        ],
        source: include_str!("nopac.rs"),
    };

    type Config = Config;

    fn observe(&mut self, _: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let (name, text) = match &event.activity {
            Activity::DirectoryChange(change)
                if change.attribute.eq_ignore_ascii_case("sAMAccountName")
                    && change.operation != ValueOperation::Delete =>
            {
                let Some(name) = change.values.first() else { return };
                let node = context.snapshot.lookup().object(&change.object, change.guid);
                let computer = change.class.eq_ignore_ascii_case("computer")
                    || node.is_some_and(|node| context.snapshot.kind(node) == NodeKind::Computer);
                if name.ends_with('$') || !(computer || controllers_name(name, context)) {
                    return;
                }
                (name.clone(), format!("{} was given the name {name}", change.object))
            }
            Activity::AccountChange(change) if change.kind == AccountChangeKind::Renamed => {
                let Some(name) = &change.new_name else { return };
                if name.ends_with('$') || !(change.account.machine() || controllers_name(name, context)) {
                    return;
                }
                (name.clone(), format!("{} was renamed to {name}", change.account.name))
            }
            Activity::AsExchange(exchange) => {
                let name = exchange.cname.account().name;
                let user = directory::account(context.snapshot, &exchange.cname.account())
                    .is_some_and(|node| context.snapshot.kind(node) == NodeKind::User);
                if user || exchange.cname.name.contains('/') || !controllers_name(&name, context) {
                    return;
                }
                (name.clone(), format!("a ticket was asked for by the name {name}, which is a controller's without $"))
            }
            _ => return,
        };
        let who = words::who(event, context.snapshot);
        let target = if controllers_name(&name, context) { format!("the controller {name}") } else { name.clone() };
        let story = format!("{who} tried to pass for {target}{}: {text}.", words::answer(event));
        let key =
            event.source.as_ref().map(Host::key).filter(|key| !key.is_empty()).unwrap_or_else(|| name.to_lowercase());
        let verdict = Verdict::of(event, key, story, &text).against(name);
        let score = if event.outcome.failed() { 85.0 } else { 95.0 };
        verdicts.raise(verdict.because("name", 1.0, 80.0, text.clone()).score(score));
    }

    fn entries(&self) -> usize {
        0
    }
}

/// The name of a controller without its `$`.
fn controllers_name(name: &str, context: &Context<'_>) -> bool {
    if name.is_empty() || name.ends_with('$') || name.contains(['.', '/', '@']) {
        return false;
    }
    let node = directory::account(context.snapshot, &Account::named(&format!("{name}$")));
    let known = node.is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER));
    known || context.shared.controllers.contains(&Host::reported(name), context.snapshot)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AccountChange, DirectoryChange};

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event};

    const SLUG: &str = "nopac";

    fn modify(object: &str, name: &str, class: &str, outcome: Outcome) -> Event {
        let change = DirectoryChange {
            object: object.into(),
            guid: None,
            class: class.into(),
            operation: ValueOperation::Replace,
            attribute: "sAMAccountName".into(),
            values: vec![name.into()],
            old_values: vec![],
            new_object: None,
        };
        by(event(0, Activity::DirectoryChange(Box::new(change))), "ann", "ws1", outcome)
    }

    fn renamed(old: &str, new: &str) -> Event {
        let change = AccountChange {
            kind: AccountChangeKind::Renamed,
            account: Account::named(old),
            new_name: Some(new.into()),
            attributes: vec![],
        };
        by(event(0, Activity::AccountChange(Box::new(change))), "ann", "ws1", Outcome::Success)
    }

    #[test]
    fn a_controllers_name_fires_tried_or_done() {
        for outcome in [Outcome::Success, Outcome::Failure(53)] {
            assert_eq!(alerts(SLUG, &[modify("CN=NEW,CN=Computers,DC=lab,DC=example", "dc1", "", outcome)]).len(), 1);
        }
        assert_eq!(alerts(SLUG, &[renamed("NEW$", "DC1")]).len(), 1);
        assert_eq!(alerts(SLUG, &[as_exchange(0, "dc1", "ws1", Outcome::Failure(24))]).len(), 1);
    }

    #[test]
    fn a_computer_without_dollar_fires() {
        assert_eq!(alerts(SLUG, &[renamed("NEW$", "other")]).len(), 1);
        assert_eq!(alerts(SLUG, &[modify("CN=NEW", "other", "computer", Outcome::Success)]).len(), 1);
    }

    #[test]
    fn ordinary_renames_and_logons_stay_silent() {
        assert!(alerts(SLUG, &[renamed("OLD$", "NEW$"), renamed("ann", "ann.smith")]).is_empty());
        assert!(alerts(SLUG, &[modify("CN=Ann", "ann2", "user", Outcome::Success)]).is_empty());
        let logons = [as_exchange(0, "DC1$", "dc1", Outcome::Success), as_exchange(1, "ann", "ws1", Outcome::Success)];
        assert!(alerts(SLUG, &logons).is_empty());
    }
}
