//! ## What it finds
//! A ticket request that asks for an account's long-term keys (Key List) by a host that is no read-only controller.
//!
//! ## Why it matters
//! A read-only controller may ask a writable one for the keys of accounts that it caches. Whoever has its `krbtgt_…` key
//! forges its ticket-granting tickets and gets the keys of every account that it may cache.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges with KERB-KEY-LIST-REQ (padata type 161).
//!
//! ## How it decides
//! The request carries padata 161, and its source is no controller of the directory. A host that did so `usual_times` while
//! learning stays silent: clients of Entra Kerberos ask the same way at passwordless sign-in.
//!
//! ## Blind spots
//! Requests armoured by FAST; a stolen key used from the read-only controller itself.
//!
//! ## Likely benign causes
//! Entra Kerberos (cloud trust) on clients that were not seen while learning.
//!
//! ## What to do
//! Reset the `krbtgt_…` account of the read-only controller, and the password of the account that was named.
//!
//! ## References
//! T1558.001, T1003; Defender for Identity (PossibleKerberosKeyListAttack); `[MS-KILE] 2.2.11` KERB-KEY-LIST-REQ.

use hopwatch_graph::NodeFlags;
use hopwatch_model::{Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// KERB-KEY-LIST-REQ (`[MS-KILE] 2.2.11`).
const KEY_LIST_REQUEST: i32 = 161;

/// Hosts that ask usually.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeyList {
    habits: Habits,
}

impl Rule for KeyList {
    const META: Meta = Meta {
        slug: "key-list",
        title: "Long-term keys asked for in a ticket request (Key List)",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1558.001", "T1003"],
        external_id: None,
        actions: &[
            "Reset the krbtgt account of the read-only controller whose key was used",
            "Reset the password of the account whose keys were asked for",
            "Narrow the list of accounts that the read-only controller may cache",
        ],
        source: include_str!("key_list.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::TgsExchange(exchange) = &event.activity else { return };
        let Some(source) = event.source.as_ref().filter(|_| exchange.padata.contains(&KEY_LIST_REQUEST)) else {
            return;
        };
        let node = context.snapshot.lookup().host(source);
        let flags = node.map(|node| context.snapshot.flags(node)).unwrap_or_default();
        if flags.has(NodeFlags::READ_ONLY_CONTROLLER) || flags.has(NodeFlags::DOMAIN_CONTROLLER) {
            verdicts.decline(event.time, source.key(), "the source is a controller");
            return;
        }
        if self.habits.usual(config, &source.key(), event, context.mode, verdicts) {
            return;
        }
        let who = change::who(event, context.snapshot);
        // The upper half of a read-only controller's key version is its number (`[MS-KILE] 3.1.5.8`).
        let issuer = exchange.tgt.as_ref().and_then(|tgt| tgt.kvno).map(|kvno| kvno >> 16).filter(|number| *number > 0);
        let by = issuer.map(|number| format!(" with a ticket of read-only controller {number}")).unwrap_or_default();
        let refused = if event.outcome.failed() { " and was refused" } else { "" };
        let story = format!("{who} asked the KDC for an account's long-term keys{by}{refused}.");
        verdicts.raise(
            Verdict::of(event, source.key(), story, "TGS request with KERB-KEY-LIST-REQ")
                .because(
                    "no-read-only-controller",
                    1.0,
                    60.0,
                    "the source is no controller and never asked so before".into(),
                )
                .score(if event.outcome.failed() { 75.0 } else { 90.0 }),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::TgsExchange;

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, by, event, run, ticket};

    const SLUG: &str = "key-list";

    fn ask(secs: i64, padata: &[i32], source: &str) -> Event {
        let mut tgt = ticket(9, "krbtgt/LAB.EXAMPLE", 18);
        tgt.kvno = Some(0x2a_0001);
        let exchange = TgsExchange { padata: padata.to_vec(), tgt: Some(tgt), ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "ann", source, Outcome::Success)
    }

    #[test]
    fn a_workstation_that_asks_for_keys_fires_and_names_the_forged_issuer() {
        let found = alerts(SLUG, &[ask(0, &[1, 161], "ws1"), ask(3, &[1, 161], "ws1")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].explanation.contains("read-only controller 42"), "{}", found[0].explanation);
    }

    #[test]
    fn ordinary_requests_and_controllers_stay_silent() {
        assert!(alerts(SLUG, &[ask(0, &[1, 162], "ws1"), ask(1, &[1, 161], "dc1")]).is_empty());
    }

    #[test]
    fn a_client_of_cloud_trust_that_always_asks_stays_silent() {
        assert!(run(SLUG, Sensitivity::High, &[ask(-9000, &[161], "ws2")], &[ask(0, &[161], "ws2")]).is_empty());
    }
}
