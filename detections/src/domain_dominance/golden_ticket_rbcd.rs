//! ## What it finds
//! Resource-based delegation on `krbtgt`: the attribute written there, or a ticket for `krbtgt` obtained through it.
//!
//! ## Why it matters
//! Whoever may act on behalf of others towards `krbtgt` gets ticket-granting tickets for any user: a golden ticket that
//! the KDC itself makes.
//!
//! ## Evidence it needs
//! Wire: TGS exchanges with S4U2proxy; LDAP modify of `msDS-AllowedToActOnBehalfOfOtherIdentity`. Events: 4769 with
//! transited services, 5136.
//!
//! ## How it decides
//! The attribute is written on `krbtgt` (RID 502, or `krbtgt_…` of a read-only controller); or a S4U2proxy request for
//! the service `krbtgt` is answered. Neither has a lawful use: no count, no learning.
//!
//! ## Blind spots
//! The write before the sensor watched, when the tickets are asked from a place that it does not see.
//!
//! ## Likely benign causes
//! None known; federation products that ask for themselves use no S4U2proxy.
//!
//! ## What to do
//! Clear the attribute on `krbtgt`, disable the delegating account, reset `krbtgt` twice.
//!
//! ## References
//! T1558.001; Defender for Identity 2040; `[MS-SFU] 3.2.5.2.2`.

use hopwatch_model::{Account, Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};

/// The attribute of resource-based delegation (`[MS-ADA2] 2.210`).
const ALLOWED_TO_ACT: &str = "msDS-AllowedToActOnBehalfOfOtherIdentity";

/// Thresholds: there are none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self {}
    }
}

/// No state: the first act decides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GoldenTicketRbcd {}

impl Rule for GoldenTicketRbcd {
    const META: Meta = Meta {
        slug: "golden-ticket-rbcd",
        title: "Delegation to krbtgt: ticket-granting tickets for any user",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1558.001"],
        external_id: Some(2040),
        actions: &[
            "Clear msDS-AllowedToActOnBehalfOfOtherIdentity on krbtgt",
            "Disable the account that delegates",
            "Reset krbtgt twice, ten hours apart",
        ],
        source: include_str!("golden_ticket_rbcd.rs"),
    };

    type Config = Config;

    fn observe(&mut self, _: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        on_write(event, context, verdicts);
        if let Activity::TgsExchange(exchange) = &event.activity
            && exchange.s4u2proxy()
            && event.outcome.succeeded()
            && (exchange.sname.krbtgt() || exchange.service.as_ref().is_some_and(krbtgt))
        {
            let who = change::who(event, context.snapshot);
            let story = format!("{who} obtained a ticket of krbtgt on behalf of another through delegation.");
            let key = format!("use|{}", change::actor(event, context.snapshot).key);
            verdicts.raise(
                Verdict::of(event, key, story, "S4U2proxy to krbtgt")
                    .against("krbtgt")
                    .because("delegation-to-krbtgt", 1.0, 70.0, "nothing delegates to krbtgt lawfully".into())
                    .score(97.0),
            );
        }
    }

    fn entries(&self) -> usize {
        0
    }
}

fn on_write(event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
    for written in change::written(event, context.snapshot, &[ALLOWED_TO_ACT]) {
        let account = Account::named(&written.object.label);
        if written.values.is_empty() || !krbtgt(&account) {
            continue;
        }
        let who = change::who(event, context.snapshot);
        let story = format!("{who} let an account act on behalf of any user towards {}.", written.object.label);
        let key = format!("write|{}", written.object.key);
        verdicts.raise(
            Verdict::of(event, key, story, "delegation written on krbtgt")
                .against(written.object.label.clone())
                .because("delegation-to-krbtgt", 1.0, 70.0, "krbtgt is no service that is delegated to".into())
                .score(95.0),
        );
    }
}

fn krbtgt(account: &Account) -> bool {
    account.sid.as_ref().is_some_and(|sid| sid.domain().is_some() && sid.rid() == Some(502))
        || account.name.split('_').next().is_some_and(|name| name.eq_ignore_ascii_case("krbtgt"))
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{Principal, TgsExchange, ValueOperation};

    use super::*;
    use crate::testing::{alerts, by, change, event};

    const SLUG: &str = "golden-ticket-rbcd";

    fn proxy(secs: i64, sname: &str, outcome: Outcome) -> Event {
        let sname = Principal { name: sname.into(), realm: "LAB.EXAMPLE".into(), ..Principal::default() };
        let exchange = TgsExchange { sname, kdc_options: 0x0002_0000, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "WS9$", "ws9", outcome)
    }

    #[test]
    fn a_delegated_ticket_of_krbtgt_fires() {
        assert_eq!(alerts(SLUG, &[proxy(0, "krbtgt/LAB.EXAMPLE", Outcome::Success)]).len(), 1);
    }

    #[test]
    fn a_refused_one_and_one_for_a_service_stay_silent() {
        let events = [proxy(0, "krbtgt/LAB.EXAMPLE", Outcome::Failure(13)), proxy(1, "cifs/srv1", Outcome::Success)];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn the_write_on_krbtgt_fires_and_on_a_server_it_does_not() {
        let write = |secs, object| {
            change(secs, object, ALLOWED_TO_ACT, ValueOperation::Replace, &["O:BAD:(A;;GA;;;WD)"], "ann")
        };
        assert_eq!(alerts(SLUG, &[write(0, "CN=krbtgt,CN=Users,DC=lab,DC=example")]).len(), 1);
        assert!(alerts(SLUG, &[write(0, "CN=SRV1,CN=Computers,DC=lab,DC=example")]).is_empty());
    }
}
