//! ## What it finds
//! A forged privilege attribute certificate sent as authorization data (MS14-068).
//!
//! ## Why it matters
//! On a controller without the update any user becomes domain administrator with it; on a patched one it shows an
//! intruder who tries.
//!
//! ## Evidence it needs
//! Wire: AS exchanges (KERB-PA-PAC-REQUEST) and TGS exchanges (`enc-authorization-data`). Event logs show neither.
//!
//! ## How it decides
//! A TGS request carries `enc-authorization-data`, and its TGT was asked for with *include-pac* false, by the same host
//! within the life of a ticket. Refused requests count. Either half alone stays silent.
//!
//! ## Blind spots
//! A TGT whose AS exchange was not seen; later PAC forgeries with the key of `krbtgt` (the golden-ticket family).
//!
//! ## Likely benign causes
//! None known: Unix clients ask without a PAC, but send no authorization data.
//!
//! ## What to do
//! Check that every controller has KB3011780; isolate the source; look at what its user became.
//!
//! ## References
//! T1558.001, T1068; Defender for Identity 2013; CVE-2014-6324; RFC 4120 §5.4.1; `[MS-KILE] 2.2.3`.

use hopwatch_model::event::TgsExchange;
use hopwatch_model::{Activity, Event, Evidence, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::words;
use hopwatch_ml::bounded::Table;

/// The most tickets remembered as asked for without a PAC.
const TICKETS: usize = 20_000;

/// Thresholds: none, the two halves decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self {}
    }
}

/// Tickets asked for without a PAC, by digest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForgedPac {
    bare: Table<Evidence>,
}

impl Default for ForgedPac {
    fn default() -> Self {
        Self { bare: Table::new(TICKETS) }
    }
}

impl Rule for ForgedPac {
    const META: Meta = Meta {
        slug: "forged-pac",
        title: "Forged authorization data sent to a controller (MS14-068)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1558.001", "T1068"],
        external_id: Some(2013),
        actions: &["Check that every controller has KB3011780", "Isolate the source host", "Disable the account"],
        source: include_str!("forged_pac.rs"),
    };

    type Config = Config;

    fn observe(&mut self, _: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::AsExchange(exchange) if exchange.pac_requested == Some(false) => {
                if let Some(ticket) = &exchange.ticket {
                    let seen = evidence(event, "TGT asked for without a PAC");
                    self.bare.entry(&format!("{:016x}", ticket.digest.0), || seen.clone());
                }
            }
            Activity::TgsExchange(exchange) if exchange.enc_authorization_data => {
                self.judge(exchange, event, context, verdicts);
            }
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.bare.len()
    }
}

impl ForgedPac {
    fn judge(&mut self, exchange: &TgsExchange, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let digest = exchange.tgt.as_ref().map(|tgt| format!("{:016x}", tgt.digest.0)).unwrap_or_default();
        let Some(asked) = self.bare.get(&digest).cloned() else {
            verdicts.decline(event.time, host, "the ticket was not asked for without a PAC");
            return;
        };
        let who = words::who(event, context.snapshot);
        let refused = words::answer(event);
        let story = format!("{who} sent authorization data of its own with a ticket that has no PAC{refused}.");
        let text = "include-pac false in the AS request, enc-authorization-data in the TGS request".into();
        let verdict = Verdict::of(event, words::key(event), story, "TGS request with enc-authorization-data");
        let verdict = verdict.against(exchange.sname.name.clone()).because("two-halves", 2.0, 80.0, text);
        verdicts.raise(verdict.score(95.0).with_evidence([asked]));
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, ticket};

    const SLUG: &str = "forged-pac";

    fn asked(number: u64, pac: Option<bool>) -> Event {
        let mut event = as_exchange(0, "ann", "ws1", Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.pac_requested = pac;
            exchange.ticket = Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18));
        }
        event
    }

    fn request(number: u64, forged: bool, outcome: Outcome) -> Event {
        let tgt = Some(ticket(number, "krbtgt/LAB.EXAMPLE", 18));
        let exchange = TgsExchange { tgt, enc_authorization_data: forged, ..TgsExchange::default() };
        by(event(9, Activity::TgsExchange(Box::new(exchange))), "ann", "ws1", outcome)
    }

    #[test]
    fn the_two_halves_fire_also_where_the_controller_refuses() {
        for outcome in [Outcome::Success, Outcome::Failure(31)] {
            assert_eq!(alerts(SLUG, &[asked(1, Some(false)), request(1, true, outcome)]).len(), 1);
        }
    }

    #[test]
    fn either_half_alone_stays_silent() {
        assert!(alerts(SLUG, &[asked(1, Some(false)), request(1, false, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[asked(1, Some(true)), request(1, true, Outcome::Success)]).is_empty());
        assert!(alerts(SLUG, &[request(1, true, Outcome::Success)]).is_empty());
    }
}
