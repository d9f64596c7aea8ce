//! ## What it finds
//! A Kerberos ticket used in the name of an account that the directory never knew: a forged (golden) ticket.
//!
//! ## Why it matters
//! Whoever holds the key of `krbtgt` can write a ticket for any name, also for one that does not exist. A controller
//! issues none for such a name, so a use of it proves the forgery, and with it the loss of the whole domain.
//!
//! ## Evidence it needs
//! Wire: TGS replies, whose `cname` is clear; TGS requests refused with error 6 for the client of a presented ticket.
//! Events: 4769 with the account's name, 4624 whose name and SID do not belong together; audit policy *Kerberos Service
//! Ticket Operations*. The directory, with the names of deleted accounts.
//!
//! ## How it decides
//! The directory of the ticket's realm is loaded and has never known the name: neither now, nor as deleted, nor as
//! renamed, nor as created since by an event. The exchange presented a ticket and was answered, or was refused with
//! principal-unknown for the *client* although a ticket was presented (the KDC looked the name up and did not find it).
//! One is enough. Where no directory is loaded, 4769 of a name that never logged on, with its realm spelt otherwise than the
//! controller spells it in its other records: a KDC writes its own spelling into every ticket that it issues, so another
//! one wrote this.
//!
//! ## Blind spots
//! Forged tickets for existing names (golden-ticket-anomaly); realms without directory.
//!
//! ## Likely benign causes
//! An account created after the last directory sync whose creation no source showed; a renamed account; principals of a
//! trusted realm, which are not judged.
//!
//! ## What to do
//! Treat `krbtgt` as lost: reset it twice, ten hours apart, after finding out how it was taken.
//!
//! ## References
//! T1558.001; Defender for Identity 2027; RFC 4120 §3.3, §7.5.9.

use hopwatch_model::event::{AccountChangeKind, TgsExchange};
use hopwatch_model::{Account, Activity, Event, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use hopwatch_ml::bounded::Table;

/// The most names remembered that events showed to exist.
const NAMES: usize = 50_000;
/// The most spellings of realms remembered.
const SPELLINGS: usize = 1_000;
/// The most records kept of a suspect.
const RECORDS: usize = 20;
/// KDC_ERR_C_PRINCIPAL_UNKNOWN (RFC 4120 §7.5.9).
const CLIENT_UNKNOWN: u32 = 6;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The fewest accounts that a loaded directory must have before a missing name means anything.
    pub directory_accounts: usize,
}

impl Preset for Config {
    fn preset(_: Sensitivity) -> Self {
        Self { directory_accounts: 10 }
    }
}

/// Names that exist although the directory's snapshot does not have them: created or renamed since, or let in by a KDC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GoldenTicketNonexistentAccount {
    known: Table<Timestamp>,
    /// Realms seen in a controller's own spelling.
    spellings: Table<Timestamp>,
    /// Tickets in a realm spelt otherwise, by name: they wait for a record that shows the controller's own spelling.
    suspects: Table<(String, Verdict)>,
}

impl Default for GoldenTicketNonexistentAccount {
    fn default() -> Self {
        Self { known: Table::new(NAMES), spellings: Table::new(SPELLINGS), suspects: Table::new(SPELLINGS) }
    }
}

impl Rule for GoldenTicketNonexistentAccount {
    const META: Meta = Meta {
        slug: "golden-ticket-nonexistent-account",
        title: "A ticket of an account that does not exist (golden ticket)",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1558.001"],
        external_id: Some(2027),
        actions: &[
            "Isolate the source host",
            "Reset krbtgt twice, ten hours apart",
            "Look for the DCSync or controller compromise that gave krbtgt away",
        ],
        source: include_str!("golden_ticket_nonexistent_account.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        match &event.activity {
            Activity::AccountChange(change) => {
                let created = matches!(change.kind, AccountChangeKind::Created | AccountChangeKind::Renamed);
                for name in change.new_name.iter().chain(created.then_some(&change.account.name)) {
                    self.known.entry(&name.to_lowercase(), || event.time);
                }
            }
            // A pre-authenticated AS exchange proves that the KDC knows the name, whatever the snapshot says.
            Activity::AsExchange(exchange) if event.outcome.succeeded() => {
                self.known.entry(&exchange.cname.account().key(), || event.time);
            }
            Activity::DirectoryChange(change) if change.attribute.eq_ignore_ascii_case("sAMAccountName") => {
                for name in change.values.iter().chain(&change.old_values) {
                    self.known.entry(&name.to_lowercase(), || event.time);
                }
            }
            Activity::TgsExchange(exchange) => self.judge(config, exchange, event, context, verdicts),
            _ => {}
        }
    }

    fn entries(&self) -> usize {
        self.known.len() + self.spellings.len() + self.suspects.len()
    }
}

impl GoldenTicketNonexistentAccount {
    fn judge(
        &mut self,
        config: &Config,
        exchange: &TgsExchange,
        event: &Event,
        context: &Context<'_>,
        verdicts: &mut Verdicts,
    ) {
        if event.outcome.code() == Some(CLIENT_UNKNOWN) && exchange.tgt.is_some() {
            self.refused(exchange, event, verdicts);
            return;
        }
        if !event.outcome.succeeded() {
            return;
        }
        let Some(account) = event.actor.clone().filter(|account| !account.name.is_empty()) else { return };
        let name = account.key();
        let lookup = context.snapshot.lookup();
        // The realm of the exchange's service is the one whose directory must be loaded.
        let ours = account.domain.as_deref().is_none_or(|realm| lookup.domain(realm).is_some());
        if !ours || !directory::loaded(context.snapshot, config.directory_accounts) {
            self.judge_spelling(exchange, event, &name, verdicts);
            return;
        }
        if directory::account(context.snapshot, &account).is_some() || self.known.get(&name).is_some() {
            return;
        }
        let service = &exchange.sname.name;
        let source = event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
        let story = format!(
            "{source} used a ticket of {}, an account that the directory never knew, for {service}.",
            account.name
        );
        let text =
            format!("{} is no account of the directory, and none of its controllers issued it a ticket", account.name);
        let verdict = Verdict::of(event, name, story, "ticket of an unknown account").against(service.clone());
        verdicts.raise(verdict.because("unknown-account", 1.0, 70.0, text).score(95.0));
    }

    /// Without a directory: the realm as a log gives it for the ticket's client.
    fn judge_spelling(&mut self, exchange: &TgsExchange, event: &Event, name: &str, verdicts: &mut Verdicts) {
        let realm = &exchange.cname.realm;
        if exchange.tgt.is_some() || !realm.contains('.') {
            verdicts.decline(event.time, name, "the directory of the realm is not loaded");
            return;
        }
        let upper = realm.to_uppercase();
        // Controllers write their realm in upper case (`[MS-KILE] 3.1.5.11`).
        if *realm == upper {
            self.spellings.entry(&upper, || event.time);
            let due: Vec<String> = self
                .suspects
                .sorted()
                .iter()
                .filter(|(_, (of, _))| *of == upper)
                .map(|(key, _)| (*key).to_owned())
                .collect();
            for (_, verdict) in due.iter().filter_map(|key| self.suspects.remove(key)) {
                verdicts.raise(verdict);
            }
            return;
        }
        if event.actor.as_ref().is_some_and(Account::machine) || self.known.get(name).is_some() {
            verdicts.decline(event.time, name, "the account logged on");
            return;
        }
        let (source, service) =
            (event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default(), &exchange.sname.name);
        let client = &exchange.cname.name;
        let story = format!(
            "{source} used a ticket of {client}, who was not seen to log on, for {service}; the ticket spells the realm \
             {realm}, as no controller does."
        );
        let text = format!("a controller writes {} into the tickets that it issues", realm.to_uppercase());
        let verdict = Verdict::of(event, name.to_owned(), story, "ticket in a realm spelt otherwise");
        let verdict = verdict.against(service.clone()).because("realm", 1.0, 60.0, text).score(80.0);
        if self.spellings.get(&upper).is_some() {
            verdicts.raise(verdict);
            return;
        }
        match self.suspects.get_mut(name) {
            Some((_, waiting)) if waiting.evidence.len() < RECORDS => waiting.evidence.extend(verdict.evidence),
            Some(_) => {}
            None => {
                self.suspects.entry(name, || (upper, verdict));
            }
        }
    }

    /// The KDC itself did not know the client of a ticket that was presented to it.
    fn refused(&self, exchange: &TgsExchange, event: &Event, verdicts: &mut Verdicts) {
        let account = event.actor.clone().filter(|account: &Account| !account.name.is_empty());
        let who = account.as_ref().map_or_else(|| String::from("an account"), |account| account.name.clone());
        let source = event.source.as_ref().map(hopwatch_model::Host::label).unwrap_or_default();
        let service = &exchange.sname.name;
        let story =
            format!("{source} presented a ticket of {who} that the KDC does not know, for {service}; it was refused.");
        let key = account.map_or_else(|| source.clone(), |account| account.key());
        let text = String::from("the KDC answered principal-unknown for the client of a presented ticket");
        let verdict = Verdict::of(event, key, story, "client unknown to the KDC").against(service.clone());
        verdicts.raise(verdict.because("client-unknown", 1.0, 70.0, text).score(90.0));
    }
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::{AccountChange, Principal};

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, ticket};

    const SLUG: &str = "golden-ticket-nonexistent-account";

    fn request(secs: i64, account: &str, outcome: Outcome) -> Event {
        let tgt = Some(ticket(1, "krbtgt/LAB.EXAMPLE", 18));
        let exchange = TgsExchange { tgt, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), account, "10.0.0.9", outcome)
    }

    #[test]
    fn a_ticket_of_an_unknown_name_fires() {
        assert_eq!(alerts(SLUG, &[request(0, "nobody@LAB.EXAMPLE", Outcome::Success)]).len(), 1);
    }

    #[test]
    fn a_refusal_for_the_client_of_a_ticket_fires() {
        assert_eq!(alerts(SLUG, &[request(0, "", Outcome::Failure(6))]).len(), 1);
    }

    #[test]
    fn an_unknown_service_stays_silent() {
        assert!(alerts(SLUG, &[request(0, "", Outcome::Failure(7))]).is_empty());
    }

    #[test]
    fn a_known_name_in_any_case_stays_silent() {
        assert!(alerts(SLUG, &[request(0, "ANN@LAB.EXAMPLE", Outcome::Success)]).is_empty());
    }

    #[test]
    fn an_account_created_a_moment_ago_stays_silent() {
        let change = AccountChange {
            kind: AccountChangeKind::Created,
            account: Account::named("fresh"),
            new_name: None,
            attributes: Vec::new(),
        };
        let created = by(event(0, Activity::AccountChange(Box::new(change))), "admin", "dc1", Outcome::Success);
        assert!(alerts(SLUG, &[created, request(5, "fresh@LAB.EXAMPLE", Outcome::Success)]).is_empty());
    }

    #[test]
    fn a_name_that_the_kdc_let_in_stays_silent() {
        let events =
            [as_exchange(0, "later", "10.0.0.9", Outcome::Success), request(5, "later@LAB.EXAMPLE", Outcome::Success)];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn another_realm_stays_silent() {
        assert!(alerts(SLUG, &[request(0, "nobody@OTHER.EXAMPLE", Outcome::Success)]).is_empty());
    }

    #[test]
    fn without_a_directory_a_realm_spelt_otherwise_than_the_controllers_fires_once_and_alone_stays_silent() {
        let logged = |secs: i64, account: &str, realm: &str| {
            let cname = Principal { name_type: 0, name: account.into(), realm: realm.into() };
            let exchange = TgsExchange { cname, ..TgsExchange::default() };
            by(event(secs, Activity::TgsExchange(Box::new(exchange))), account, "10.0.0.9", Outcome::Success)
        };
        let forged = [logged(0, "ghost", "lab.example"), logged(1, "ghost", "lab.example")];
        let own = logged(60, "DC1$", "LAB.EXAMPLE");
        let found = crate::testing::blind(SLUG, &[forged[0].clone(), forged[1].clone(), own.clone()]);
        assert_eq!((found.len(), found[0].evidence.len()), (1, 2));
        assert_eq!(crate::testing::blind(SLUG, &[own, forged[0].clone()]).len(), 1);
        assert!(crate::testing::blind(SLUG, &forged).is_empty());
    }
}
