//! ## What it finds
//! An account or service that falls below the encryption that it used before, and that no other detection explains.
//!
//! ## Why it matters
//! Weak encryption is asked for by whoever wants to crack it, or has a hash instead of a key.
//!
//! ## Evidence it needs
//! Wire: AS and TGS exchanges. Events: 4768, 4769. Samba: the key type of `Authentication` records. History.
//!
//! ## How it decides
//! (a) A pre-authenticated AS exchange under RC4 or DES by an account of which AES was seen at least `before` times, and
//! weak encryption never, where the client offered AES too (without that offer it is `overpass-the-hash`). (b) A ticket under RC4 or DES
//! for a service whose tickets were AES at least `before` times and never weak, where the service runs as its host (a
//! user's is `kerberoasting`).
//!
//! ## Blind spots
//! Accounts and services without history.
//!
//! ## Likely benign causes
//! `msDS-SupportedEncryptionTypes` or a policy changed; a host replaced by an older one.
//!
//! ## What to do
//! Ask for the change; if there was none, look at the host and the account.
//!
//! ## References
//! T1558, T1562.010; Defender for Identity 2008–2010; RFC 3961; RFC 4757; `[MS-KILE] 2.2.7`.

use hopwatch_model::event::TgsExchange;
use hopwatch_model::{Account, Activity, Event, Host, Severity};
use serde::{Deserialize, Serialize};

use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Sights of AES before.
    pub before: u32,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let before = match sensitivity {
            Sensitivity::High => 3,
            Sensitivity::Medium => 2,
            Sensitivity::Low => 1,
        };
        Self { before }
    }
}

/// No state: the baselines remember etypes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EncryptionDowngrade {}

impl Rule for EncryptionDowngrade {
    const META: Meta = Meta {
        slug: "encryption-downgrade",
        title: "Weaker encryption than before",
        phase: Phase::LateralMovement,
        severity: Severity::Medium,
        techniques: &["T1558", "T1562.010"],
        external_id: Some(2008),
        actions: &["Ask whether encryption types were changed", "Look at the host and the account if they were not"],
        source: include_str!("encryption_downgrade.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let found = match &event.activity {
            Activity::AsExchange(exchange) if event.outcome.succeeded() && exchange.preauthenticated() => {
                let offered = exchange.etypes.iter().any(|etype| aes(*etype));
                let etype = exchange.timestamp_etype.filter(|etype| weak(*etype) && offered);
                let account = exchange.cname.account();
                let seen = context.shared.baseline.account(&account).map(|known| counts(&known.etypes));
                etype.zip(seen).map(|(etype, seen)| (account.name, etype, seen))
            }
            Activity::TgsExchange(exchange) if event.outcome.succeeded() && !exchange.sname.krbtgt() => {
                service(exchange, context)
            }
            _ => None,
        };
        let Some((name, etype, (strong, was_weak))) = found else { return };
        if strong < config.before || was_weak > 0 {
            verdicts.decline(event.time, name, format!("AES seen {strong} times, weak encryption {was_weak} times"));
            return;
        }
        let who = words::who(event, context.snapshot);
        let story = format!("{name} fell from AES to etype {etype}, asked for by {who}.");
        let host = event.source.as_ref().map(Host::key).unwrap_or_default();
        let text = format!("AES {strong} times before, etype {etype} now");
        let verdict =
            Verdict::of(event, format!("{}|{host}", name.to_lowercase()), story, "weak encryption").against(name);
        verdicts.raise(verdict.because("etype", f64::from(etype), 60.0, text).score(70.0));
    }

    fn entries(&self) -> usize {
        0
    }
}

/// A weak ticket for a service that runs as its host.
fn service(exchange: &TgsExchange, context: &Context<'_>) -> Option<(String, i32, (u32, u32))> {
    let etype =
        exchange.ticket.as_ref().map(|ticket| ticket.etype).or(exchange.ticket_etype).filter(|etype| weak(*etype))?;
    let users = directory::user_of_service(context.snapshot, &exchange.sname.name).is_some()
        || exchange.service.as_ref().is_some_and(|service| !Account::machine(service));
    let seen = context.shared.baseline.service(&exchange.sname.name).filter(|_| !users)?;
    Some((exchange.sname.name.clone(), etype, counts(seen)))
}

/// Sights of AES and of weak encryption.
fn counts(seen: &std::collections::BTreeMap<i32, crate::shared::baseline::Seen>) -> (u32, u32) {
    let sum = |of: fn(i32) -> bool| seen.iter().filter(|(etype, _)| of(**etype)).map(|(_, seen)| seen.count).sum();
    (sum(aes), sum(weak))
}

fn weak(etype: i32) -> bool {
    matches!(etype, 23 | 24 | 1 | 2 | 3 | -133 | -128 | -135)
}

fn aes(etype: i32) -> bool {
    matches!(etype, 17..=20)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;
    use hopwatch_model::event::Principal;

    use super::*;
    use crate::testing::{alerts, as_exchange, by, event, run, ticket};

    const SLUG: &str = "encryption-downgrade";

    fn logon(secs: i64, sealed: i32, offered: &[i32]) -> Event {
        let mut event = as_exchange(secs, "ann", "ws1", Outcome::Success);
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.timestamp_etype = Some(sealed);
            exchange.etypes = offered.to_vec();
        }
        event
    }

    fn request(secs: i64, etype: i32) -> Event {
        let sname = Principal { name_type: 2, name: "cifs/srv1.lab.example".into(), realm: "LAB.EXAMPLE".into() };
        let ticket = Some(ticket(secs.unsigned_abs() + 1, "cifs/srv1.lab.example", etype));
        let exchange = TgsExchange { sname, ticket, ..TgsExchange::default() };
        by(event(secs, Activity::TgsExchange(Box::new(exchange))), "ann", "ws1", Outcome::Success)
    }

    const ALL: &[i32] = &[18, 17, 23];

    #[test]
    fn an_account_that_falls_from_aes_fires_after_three_sights() {
        let history: Vec<Event> = (1..=3).map(|i| logon(-9000 + i, 18, ALL)).collect();
        assert_eq!(run(SLUG, Sensitivity::High, &history, &[logon(0, 23, ALL)]).len(), 1);
        assert!(run(SLUG, Sensitivity::High, &history[..2], &[logon(0, 23, ALL)]).is_empty());
    }

    #[test]
    fn a_service_that_falls_from_aes_fires_and_one_of_rc4_does_not() {
        let history = |etype: i32| -> Vec<Event> { (1..=3).map(|i| request(-9000 + i, etype)).collect() };
        assert_eq!(run(SLUG, Sensitivity::High, &history(18), &[request(0, 23)]).len(), 1);
        assert!(run(SLUG, Sensitivity::High, &history(23), &[request(0, 23)]).is_empty());
    }

    #[test]
    fn rc4_alone_is_left_to_overpass_the_hash_and_a_cold_start_stays_silent() {
        let history: Vec<Event> = (1..=3).map(|i| logon(-9000 + i, 18, ALL)).collect();
        assert!(run(SLUG, Sensitivity::High, &history, &[logon(0, 23, &[23])]).is_empty());
        assert!(alerts(SLUG, &[logon(0, 23, ALL), request(1, 23)]).is_empty());
    }
}
