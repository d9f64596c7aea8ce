//! ## What it finds
//! A controller that no longer offers AES to accounts to which it offered it before: a *skeleton key* patched into its LSASS,
//! which works with RC4 alone.
//!
//! ## Why it matters
//! With it one password opens every account, beside each account's own.
//!
//! ## Evidence it needs
//! Wire: ETYPE-INFO2 in the answers of the AS exchange, and the etypes that the clients asked for.
//!
//! ## How it decides
//! A client offers AES, and the controller answers with ETYPE-INFO2 without AES, or with KDC_ERR_ETYPE_NOSUPP (14), for an
//! account to which AES was offered or that used AES before. `accounts` distinct accounts within `window_secs` decide.
//! Accounts without AES keys never had the offer, and stay silent.
//!
//! ## Blind spots
//! Accounts seen for the first time; controllers whose traffic is not seen.
//!
//! ## Likely benign causes
//! AES switched off for the domain or the accounts by policy.
//!
//! ## What to do
//! Compare controllers; restart the one that answers so (the patch lives in memory), image it before.
//!
//! ## References
//! T1556.001; Defender for Identity 2010; RFC 4120 §5.2.7.5; `[MS-KILE] 3.3.5.6`.

use std::time::Duration;

use hopwatch_model::event::AsExchange;
use hopwatch_model::{Activity, Event, Evidence, Severity};
use serde::{Deserialize, Serialize};

use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts, evidence};
use crate::number::as_f64;
use hopwatch_ml::bounded::{Sliding, Table};

/// The most accounts and controllers remembered, and records of one controller.
const ACCOUNTS: usize = 100_000;
const CONTROLLERS: usize = 1000;
const RECORDS: usize = 20;
/// KDC_ERR_ETYPE_NOSUPP (RFC 4120 §7.5.9).
const NOT_SUPPORTED: u32 = 14;

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The window, in seconds.
    pub window_secs: u64,
    /// Accounts that lost the offer.
    pub accounts: usize,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let accounts = if sensitivity == Sensitivity::High { 2 } else { 1 };
        Self { window_secs: 3600, accounts }
    }
}

/// Offers that a controller took back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Controller {
    lost: Sliding<String>,
    records: Vec<Evidence>,
}

/// Accounts that were offered AES; controllers that no longer do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SkeletonKey {
    offered: Table<u32>,
    controllers: Table<Controller>,
}

impl Default for SkeletonKey {
    fn default() -> Self {
        Self { offered: Table::new(ACCOUNTS), controllers: Table::new(CONTROLLERS) }
    }
}

impl Rule for SkeletonKey {
    const META: Meta = Meta {
        slug: "skeleton-key",
        title: "A controller no longer offers AES (skeleton key)",
        phase: Phase::DomainDominance,
        severity: Severity::Medium,
        techniques: &["T1556.001"],
        external_id: Some(2010),
        actions: &[
            "Compare the controller's answers with those of the others",
            "Take an image of the controller's memory, then restart it",
            "Find out who had administrative access to it",
        ],
        source: include_str!("skeleton_key.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::AsExchange(exchange) = &event.activity else { return };
        if !exchange.etypes.iter().any(|etype| aes(*etype)) {
            return;
        }
        let account = exchange.cname.account().key();
        if exchange.offered_etypes.iter().any(|etype| aes(*etype)) {
            let count = self.offered.entry(&account, || 0);
            *count = count.saturating_add(1);
            return;
        }
        let known = context.shared.baseline.account(&exchange.cname.account());
        let used = known.is_some_and(|known| known.etypes.keys().any(|etype| aes(*etype)));
        if !weaker(exchange, event) || !(used || self.offered.get(&account).is_some()) {
            return;
        }
        let Some(target) = &event.target else { return };
        let controller = self.controllers.entry(&target.key(), Controller::default);
        controller.lost.push(event.time, account.clone(), Duration::from_secs(config.window_secs), ACCOUNTS);
        if controller.records.len() >= RECORDS {
            controller.records.remove(0);
        }
        controller.records.push(evidence(event, &format!("no AES offered to {account}")));
        let count = controller.lost.distinct().len();
        if count < config.accounts {
            verdicts.decline(event.time, target.label(), format!("{count} of {} accounts", config.accounts));
            return;
        }
        let names: Vec<&str> = controller.lost.distinct().into_iter().map(String::as_str).take(8).collect();
        let names = names.join(", ");
        let story = format!("{} no longer offers AES to {count} accounts that had it: {names}.", target.label());
        let text = format!("{count} accounts lost the offer; the threshold is {}", config.accounts);
        let records = controller.records.clone();
        let mut verdict = Verdict::of(event, target.key(), story, "ETYPE-INFO2 without AES").against(target.label());
        verdict.actor = None;
        verdict.source = None;
        verdict.target_host = event.target.clone();
        verdicts.raise(verdict.because("accounts", as_f64(count), 60.0, text).with_evidence(records).score(85.0));
    }

    fn entries(&self) -> usize {
        self.offered.len() + self.controllers.len()
    }
}

/// The controller answered, and offered no AES.
fn weaker(exchange: &AsExchange, event: &Event) -> bool {
    !exchange.offered_etypes.is_empty() || event.outcome.code() == Some(NOT_SUPPORTED)
}

fn aes(etype: i32) -> bool {
    matches!(etype, 17..=20)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{alerts, as_exchange, run};

    const SLUG: &str = "skeleton-key";

    fn answer(secs: i64, account: &str, asked: &[i32], offered: &[i32]) -> Event {
        let mut event = as_exchange(secs, account, "ws1", Outcome::Failure(25));
        if let Activity::AsExchange(exchange) = &mut event.activity {
            exchange.etypes = asked.to_vec();
            exchange.offered_etypes = offered.to_vec();
        }
        event
    }

    const ALL: &[i32] = &[18, 17, 23];

    #[test]
    fn two_accounts_that_lose_aes_fire_and_one_does_not() {
        let before = [answer(0, "ann", ALL, &[18, 23]), answer(1, "bob", ALL, &[18, 23])];
        let mut events = before.to_vec();
        events.push(answer(60, "ann", ALL, &[23]));
        assert!(alerts(SLUG, &events).is_empty());
        events.push(answer(61, "bob", ALL, &[23]));
        assert_eq!(alerts(SLUG, &events).len(), 1);
    }

    #[test]
    fn accounts_that_never_had_aes_stay_silent() {
        let events: Vec<Event> = (0..9).map(|i| answer(i, &format!("user{i}"), ALL, &[23])).collect();
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_client_that_asks_for_rc4_alone_stays_silent() {
        let history = [answer(-9000, "ann", ALL, &[18]), answer(-8999, "bob", ALL, &[18])];
        let events = [answer(0, "ann", &[23], &[23]), answer(1, "bob", &[23], &[23])];
        assert!(run(SLUG, Sensitivity::High, &history, &events).is_empty());
    }
}
